//! What types are read from: stubs, for which of a split artifact only the root is fetched.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::artifact::Layer;
use crate::digest::VerifyingReader;
use crate::encoding::Decoder;
use crate::error;
use crate::pull::{self, Opened, Output};
use crate::store::cache::Cache;
use crate::store::{self, Observer, Store, fetch};
use crate::stub::{self, MAX_STUB_BYTES};

/// Why there is no stub.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was fetched gives none.
    #[error(transparent)]
    Stub(#[from] stub::Error),
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] error::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Fetch(error.into())
    }
}

/// Builds the stub of an artifact: from its root, or from all of a flat one.
pub async fn stub_of(
    store: &Arc<dyn Store>,
    opened: &Opened,
    cache: &Arc<Cache>,
    observer: &Arc<dyn Observer>,
) -> Result<Vec<u8>, Error> {
    let most = MAX_STUB_BYTES as u64;
    match opened.split() {
        Some(split) if split.manifest.root.content.size <= most => {
            let root = &split.manifest.root;
            let root = content(store.as_ref(), root, cache, observer.as_ref()).await?;
            let none = BTreeMap::new();
            Ok(stub::of_root(&split.manifest.recipe(), &root, &none)?)
        }
        None if opened.content().size <= most => {
            let whole = pull::pull(store, opened, cache, Bytes::default(), 1, observer);
            let (Bytes(bytes), _) = whole.await?;
            Ok(stub::of_source(&bytes)?)
        }
        _ => Err(stub::Error::TooLarge.into()),
    }
}

/// Reads the content of a small layer, from the cache where it is sound there.
async fn content(
    store: &dyn Store,
    layer: &Layer,
    cache: &Cache,
    observer: &dyn Observer,
) -> Result<Vec<u8>, store::Error> {
    if cache.has(layer.blob)?
        && let Ok(content) = decoded(layer, cache)
    {
        return Ok(content);
    }
    observer.planned(layer.blob.size);
    let spool = fetch(store, layer.blob, cache.ingest(), observer).await?;
    cache.adopt(&layer.blob.digest, spool)?;
    decoded(layer, cache).map_err(|error| store::Error::Malformed {
        what: format!("blob {}", layer.blob.digest),
        location: store.location(),
        reason: error.to_string(),
    })
}

fn decoded(layer: &Layer, cache: &Cache) -> io::Result<Vec<u8>> {
    let file = File::open(cache.path(&layer.blob.digest))?;
    let decoder = Decoder::new(file, layer.encoding, layer.content.size)?;
    let mut content = Vec::new();
    VerifyingReader::new(decoder, layer.content).read_to_end(&mut content)?;
    Ok(content)
}

/// A component in memory.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Bytes {
    fn restart(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }
}
