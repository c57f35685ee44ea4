//! The contents on this machine: those in the cache, or what else the caller has.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;

use crate::artifact::Layer;
use crate::component::Component;
use crate::content::{BlobPlace, StoredContent};
use crate::delta::MAX_BASE_BYTES;
use crate::digest::{Digest, Identity};
use crate::error::Error;
use crate::manifest::{Config, MAX_CONFIG_BYTES};
use crate::source::Source;
use crate::store::cache::Cache;
use crate::store::spool::Spool;
use crate::store::{self, Store, blocking};

/// The contents on this machine, which deltas are applied to and which their results are added to. All methods block.
pub trait LocalContents: Send + Sync {
    /// Returns whether there may be a version.
    fn has_versions(&self) -> Result<bool, store::Error>;

    /// Returns the config of a version by its split digest, if contents of that version may be here.
    fn version(&self, split: &Digest) -> Result<Option<Config>, store::Error>;

    /// Returns whether a content is here. Verifies nothing.
    fn has(&self, content: Identity) -> Result<bool, store::Error>;

    /// Opens a content. The caller verifies it, or what it makes from it.
    fn open(&self, content: Identity) -> io::Result<Option<Box<dyn Read>>>;

    /// Returns whether neither the blob nor the content of a layer is here, so that the blob would be fetched.
    fn is_missing(&self, layer: &Layer) -> Result<bool, store::Error>;

    /// Returns an empty spool for the content of a layer.
    fn spool(&self, layer: &Layer) -> Result<Spool, store::Error>;

    /// Adds the verified content of a layer.
    fn adopt(&self, layer: &Layer, spool: Spool) -> Result<(), store::Error>;

    /// Reads a content of at most [`MAX_BASE_BYTES`]. Only its size is verified.
    fn read(&self, content: Identity) -> io::Result<Vec<u8>> {
        let reader = self.open(content)?.ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = Vec::with_capacity(content.size.min(MAX_BASE_BYTES) as usize);
        reader.take(MAX_BASE_BYTES + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 == content.size {
            true => Ok(bytes),
            false => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }

    /// Returns the missing layers by number. A blob that several layers have counts once.
    fn missing(&self, layers: Vec<Layer>) -> Result<Vec<Option<Layer>>, store::Error> {
        let mut seen = HashSet::new();
        let missing = layers.into_iter().map(|layer| {
            let is_missing = seen.insert(layer.blob.digest) && self.is_missing(&layer)?;
            Ok(is_missing.then_some(layer))
        });
        missing.collect()
    }
}

/// The contents in the cache.
pub struct CachedContents {
    /// The store, which may have blobs [in place](Store::local_file).
    pub store: Arc<dyn Store>,
    /// The cache.
    pub cache: Arc<Cache>,
    /// The blobs of the new version that are in the cache, such as its manifest.
    pub known: Vec<Digest>,
}

impl LocalContents for CachedContents {
    fn has_versions(&self) -> Result<bool, store::Error> {
        self.cache.has_other_than(&self.known)
    }

    fn version(&self, split: &Digest) -> Result<Option<Config>, store::Error> {
        let config = self.cache.read(split, MAX_CONFIG_BYTES)?;
        Ok(config.and_then(|config| serde_json::from_slice(&config).ok()))
    }

    fn has(&self, content: Identity) -> Result<bool, store::Error> {
        Ok(StoredContent::find_cached(&self.cache, content)?.is_some())
    }

    fn open(&self, content: Identity) -> io::Result<Option<Box<dyn Read>>> {
        let content = StoredContent::open_cached(&self.cache, content)?;
        Ok(content.map(|content| Box::new(content) as Box<dyn Read>))
    }

    fn is_missing(&self, layer: &Layer) -> Result<bool, store::Error> {
        let store = self.store.as_ref();
        let found = StoredContent::find(store, &self.cache, layer.stored(), layer.content)?;
        Ok(found.place == BlobPlace::RemoteStore)
    }

    fn spool(&self, _layer: &Layer) -> Result<Spool, store::Error> {
        let ingest = self.cache.ingest();
        Spool::new_in(ingest).map_err(store::Error::file(ingest))
    }

    /// Adds the content under its own digest. No record names it, so that a push does not reuse it uncompressed.
    fn adopt(&self, layer: &Layer, spool: Spool) -> Result<(), store::Error> {
        self.cache.adopt(&layer.content.digest, spool)
    }
}

/// Adds a component to the cache as the base of deltas: its config, and the contents that the cache lacks.
///
/// A later pull does not fetch these contents, even without a delta.
pub async fn add_base<S: Source + Send + 'static>(
    component: Arc<Component<S>>,
    cache: Arc<Cache>,
) -> Result<(), Error> {
    blocking(move || {
        for (layer, content) in component.contents().enumerate() {
            if StoredContent::find_cached(&cache, content)?.is_none() {
                cache.add_from(content, component.content(layer, &|_| {}))?;
            }
        }
        cache.add(&component.config.to_bytes())?;
        Ok(())
    })
    .await
}
