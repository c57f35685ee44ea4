//! Publishing and reading of shared indexes: one manifest with one layer.

use std::io::Read;

use super::shared::{self, SharedIndex, SharedLayer};
use crate::copy;
use crate::digest::{Digest, Identity};
use crate::encoding;
use crate::error::Error;
use crate::manifest::{EMPTY_BLOB, media_type, to_json};
use crate::reference::Name;
use crate::store::{self, RawManifest, Session, Store, WritableStore, blocking, fetch};

/// A published index.
#[derive(Debug, Clone, Copy)]
pub struct PublishedIndex {
    /// The digest of the manifest.
    pub digest: Digest,
    /// The identity of the layer.
    pub layer: Identity,
}

/// Stores an index. If there is a tag, it then names the index.
pub async fn publish(
    store: &dyn WritableStore,
    tag: Option<&str>,
    shared: SharedIndex,
    session: &Session,
) -> Result<PublishedIndex, Error> {
    let made = blocking(move || Ok::<_, Error>(shared.artifact())).await?;
    let (layer, manifest) = made.map_err(|error| store::Error::Malformed {
        what: "the index".to_owned(),
        location: store.location(),
        reason: error.to_string(),
    })?;
    let mut blob = Identity::of(EMPTY_BLOB);
    for bytes in [EMPTY_BLOB, &layer] {
        blob = session.cache.add(bytes)?;
        let path = session.cache.path(&blob.digest);
        copy::push_blob(store, blob, &path, session.observer.as_ref()).await?;
    }
    let manifest = RawManifest::new(to_json(&manifest), media_type::MANIFEST);
    store.push_manifest(&manifest, tag).await?;
    Ok(PublishedIndex {
        digest: manifest.digest,
        layer: blob,
    })
}

/// Reads the artifact that a name stands for. Returns nothing if it is not a shared index.
pub async fn read(
    store: &dyn Store,
    name: &Name,
    session: &Session,
) -> Result<Option<(Digest, SharedIndex)>, Error> {
    let manifest = store.manifest(name).await?;
    let malformed = |reason: String| {
        Error::Store(store::Error::Malformed {
            what: format!("the index `{name}`"),
            location: store.location(),
            reason,
        })
    };
    let layer = shared::layer(&manifest.bytes).map_err(|error| malformed(error.to_string()))?;
    let Some(layer) = layer else {
        return Ok(None);
    };
    let (ingest, observer) = (session.cache.ingest(), session.observer.as_ref());
    let mut spool = fetch(store, layer.stored.blob, ingest, observer).await?;
    let read = blocking(move || Ok::<_, Error>(content(spool.file(), layer))).await?;
    let content = read.map_err(|error| malformed(error.to_string()))?;
    let shared = SharedIndex::read(&content).map_err(|error| malformed(error.to_string()))?;
    Ok(Some((manifest.digest, shared)))
}

fn content(stored: impl Read, layer: SharedLayer) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    encoding::content(stored, layer.stored.encoding, layer.content)?.read_to_end(&mut content)?;
    Ok(content)
}
