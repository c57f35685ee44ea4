//! Ranges of blobs, for a host that gives remote files to a component.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use super::range::{copy_range, fetch_range};
use crate::digest::{Digest, Identity};
use crate::error::Error;
use crate::store::spool::if_exists;
use crate::store::{self, Session, Store, Subject, blocking};

/// The blobs of a repository, for the interface `wharf:assets/blob` in `src/assets/blob.wit`.
///
/// A blob in the cache is read there, even if it came from another repository. Of any other blob only the range is
/// fetched, and nothing enters the cache.
pub struct Blobs {
    store: Arc<dyn Store>,
    session: Session,
    /// The sizes of blobs that the store has.
    sizes: Mutex<HashMap<Digest, u64>>,
}

impl Blobs {
    /// Returns the blobs of a store.
    pub fn new(store: &Arc<dyn Store>, session: &Session) -> Self {
        Self {
            store: Arc::clone(store),
            session: session.clone(),
            sizes: Mutex::default(),
        }
    }

    /// Returns exactly `length` bytes of a blob, from `offset` on. The caller checks them, because a digest covers only
    /// a whole blob.
    ///
    /// Fails if the blob does not exist, or ends before the range.
    pub async fn read(&self, digest: &Digest, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
        let blob = Identity {
            digest: *digest,
            size: self.size(digest).await?,
        };
        let end = offset.saturating_add(length.into());
        if end > blob.size {
            return Err(Error::BlobRange { blob, offset, end });
        }
        if length == 0 {
            return Ok(Vec::new());
        }
        let copy = |file: &File, range| {
            let mut bytes = Vec::new();
            copy_range(file, range, &mut bytes)?;
            Ok::<_, Error>(bytes)
        };
        if let Some(file) = self.local_file(blob)? {
            return blocking(move || copy(&file, offset..end)).await;
        }
        let fetched = fetch_range(self.store.as_ref(), &self.session, blob, offset..end);
        let mut fetched = fetched.await?;
        blocking(move || copy(fetched.file(), 0..length.into())).await
    }

    async fn size(&self, digest: &Digest) -> Result<u64, Error> {
        let sizes = || self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sizes().get(digest).copied();
        if let Some(size) = known.or(self.session.cache.size(digest)?) {
            return Ok(size);
        }
        let found = self.store.size(digest).await?;
        let missing = || Subject::Blob(Box::new(*digest));
        let size = found.ok_or_else(|| store::Error::not_found(self.store.as_ref(), missing()))?;
        sizes().insert(*digest, size);
        Ok(size)
    }

    fn local_file(&self, blob: Identity) -> Result<Option<File>, store::Error> {
        let cache = &self.session.cache;
        if !cache.has(blob)? {
            return self.store.local_file(blob);
        }
        let path = cache.path(&blob.digest);
        // Another process may have removed it.
        if_exists(&path, File::open(&path))
    }
}
