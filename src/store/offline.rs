//! Records of repositories in the cache, so that artifacts can be read again without a network.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::cache::Cache;
use super::retry::Retry;
use super::{ByteStream, Error, MAX_MANIFEST_BYTES, RawManifest, Store, StoreKind, Subject};
use crate::digest::{Digest, Identity};
use crate::manifest::Descriptor;
use crate::reference::Name;

/// A repository whose manifests and tags the cache records as they are read.
pub struct CachingStore {
    store: Arc<dyn Store>,
    cache: Arc<Cache>,
    /// Manifests that this store has read from the repository. The repository may have lost a manifest that only the
    /// cache has.
    read: Mutex<HashMap<Digest, RawManifest>>,
}

/// The number of manifests in memory.
const MAX_MANIFESTS: usize = 64;

impl CachingStore {
    /// Makes a cache record the reads of a repository.
    pub fn new(store: Arc<dyn Store>, cache: Arc<Cache>) -> Self {
        Self {
            store,
            cache,
            read: Mutex::default(),
        }
    }

    fn read(&self) -> MutexGuard<'_, HashMap<Digest, RawManifest>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the manifest of a name. A read-only cache records nothing.
    fn record(&self, name: &Name, manifest: &RawManifest) -> Result<(), Error> {
        let record = || {
            if self
                .cache
                .read(&manifest.digest, MAX_MANIFEST_BYTES)?
                .is_none()
            {
                self.cache.add(&manifest.bytes)?;
            }
            match name {
                Name::Tag(tag) => {
                    let location = self.location();
                    self.cache.record_tag(&location, tag, &manifest.digest)
                }
                Name::Digest(_) => Ok(()),
            }
        };
        match record() {
            Err(error) if error.is_read_only() => Ok(()),
            recorded => recorded,
        }
    }
}

#[async_trait]
impl Store for CachingStore {
    fn location(&self) -> String {
        self.store.location()
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        if let Name::Digest(digest) = name
            && let Some(known) = self.read().get(digest)
        {
            return Ok(known.clone());
        }
        match (self.store.manifest(name).await, name) {
            (Ok(manifest), name) => {
                self.record(name, &manifest)?;
                let mut read = self.read();
                if read.len() < MAX_MANIFESTS {
                    read.insert(manifest.digest, manifest.clone());
                }
                Ok(manifest)
            }
            (Err(error @ Error::NotFound { .. }), Name::Tag(tag)) => {
                match self.cache.remove_tag(&self.location(), tag) {
                    Err(error) if error.is_read_only() => {}
                    forgotten => forgotten?,
                }
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn resolve(&self, name: &Name) -> Result<Digest, Error> {
        self.store.resolve(name).await
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        self.store.has(blob).await
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.store.size(digest).await
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        self.store.open(blob, part).await
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        self.store.tags().await
    }

    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        self.store.referrers(subject, artifact_type).await
    }

    fn referrers_doubt(&self) -> Option<String> {
        self.store.referrers_doubt()
    }

    fn referrers_left_out(&self) -> Option<String> {
        self.store.referrers_left_out()
    }

    fn retry(&self) -> Retry {
        self.store.retry()
    }
}

/// A repository as the cache has recorded it. Sends no requests.
pub struct OfflineStore {
    location: String,
    cache: Arc<Cache>,
}

impl OfflineStore {
    /// Names a repository by its [`Store::location`].
    pub fn new(location: String, cache: Arc<Cache>) -> Self {
        Self { location, cache }
    }
}

#[async_trait]
impl Store for OfflineStore {
    fn location(&self) -> String {
        format!("{} (offline)", self.location)
    }

    fn kind(&self) -> StoreKind {
        StoreKind::Offline
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        let missing = || Error::not_found(self, Subject::Other(format!("manifest `{name}`")));
        let digest = match name {
            Name::Digest(digest) => *digest,
            Name::Tag(tag) => self.cache.tag(&self.location, tag)?.ok_or_else(missing)?,
        };
        let bytes = self.cache.read(&digest, MAX_MANIFEST_BYTES)?;
        let bytes = bytes.ok_or_else(missing)?;
        Ok(RawManifest::read(bytes))
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        self.cache.has(blob)
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.cache.size(digest)
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        match self.cache.has(blob)? {
            true => self.cache.stream(&blob.digest, part.start).await,
            false => Err(Error::not_found(self, Subject::Blob(blob.digest.into()))),
        }
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        self.cache.tags(&self.location)
    }

    async fn referrers(
        &self,
        _subject: &Digest,
        _artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::WritableStore;
    use crate::store::layout::Layout;

    fn tag(text: &str) -> Name {
        Name::Tag(text.to_owned())
    }

    #[tokio::test]
    async fn cached_manifests_are_read_offline_and_checked() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(&directory.path().join("layout"), Arc::new(())).unwrap();
        let manifest = RawManifest::new(&b"{}"[..], "application/x");
        layout
            .push_manifest(&manifest, Some("1.0.0"))
            .await
            .unwrap();
        let cache = Arc::new(Cache::open(&directory.path().join("cache")).unwrap());
        let location = layout.location();
        let online = CachingStore::new(Arc::new(layout), Arc::clone(&cache));
        let offline = OfflineStore::new(location.clone(), Arc::clone(&cache));

        assert!(offline.manifest(&tag("1.0.0")).await.is_err());
        online.manifest(&tag("1.0.0")).await.unwrap();
        assert!(online.manifest(&tag("2.0.0")).await.is_err());
        for name in [tag("1.0.0"), Name::Digest(manifest.digest)] {
            assert_eq!(offline.manifest(&name).await.unwrap().bytes, manifest.bytes);
        }
        assert_eq!(offline.tags().await.unwrap(), ["1.0.0"]);
        let other = OfflineStore::new("elsewhere".to_owned(), Arc::clone(&cache));
        assert!(other.tags().await.unwrap().is_empty());

        // A manifest that only the cache has does not count as one of the repository.
        let cached = cache.add(b"{ }").unwrap().digest;
        assert!(online.manifest(&Name::Digest(cached)).await.is_err());
        assert!(offline.manifest(&Name::Digest(cached)).await.is_ok());

        std::fs::write(cache.path(&manifest.digest), b"[]").unwrap();
        let rotten = offline.manifest(&tag("1.0.0")).await.unwrap_err();
        assert!(matches!(rotten, Error::NotFound { .. }), "{rotten}");
        cache.prune(0).unwrap();
        assert!(offline.tags().await.unwrap().is_empty());
        // A tag that no longer exists is removed from the cache.
        cache
            .record_tag(&location, "3.0.0", &manifest.digest)
            .unwrap();
        assert!(online.manifest(&tag("3.0.0")).await.is_err());
        assert_eq!(cache.tag(&location, "3.0.0").unwrap(), None);
    }
}
