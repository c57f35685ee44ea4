//! A cache that is only read, below one that takes what is new.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BlobFiles, Cache, ContentRecord, Entry, read_json};
use crate::digest::Digest;
use crate::store::Error;

/// A cache that is only read.
#[derive(Debug)]
pub(super) struct Below {
    cache: Box<Cache>,
    /// Blobs that turned out to be damaged, and contents that are not in the recorded blobs.
    hidden: Mutex<HashSet<Digest>>,
}

impl Cache {
    /// Opens a cache in a directory over the one in `below`, which is only read. Returns nothing if there is no cache
    /// below.
    pub fn open_over(below: &Path, directory: &Path) -> Result<Option<Self>, Error> {
        let below = Self::at(below);
        if !below.root.is_dir() {
            return Ok(None);
        }
        let below = Below {
            cache: Box::new(below),
            hidden: Mutex::default(),
        };
        Ok(Some(Self {
            below: Some(below),
            ..Self::open(directory)?
        }))
    }

    /// Returns whether everything that was there before may only be read.
    pub fn is_read_only(&self) -> bool {
        self.below.is_some()
    }

    /// Returns the directory of what outlives the cache's blobs, such as the index.
    pub fn directory(&self) -> &Path {
        self.below
            .as_ref()
            .map_or(&self.root, |below| &below.cache.root)
    }

    /// Returns the directory that a blob is read from.
    pub(super) fn holder(&self, digest: &Digest) -> &BlobFiles {
        match &self.below {
            Some(below) if !self.blobs.path(digest).exists() && below.has(digest) => {
                &below.cache.blobs
            }
            _ => &self.blobs,
        }
    }

    /// Makes a blob or a record that cannot be removed count as missing.
    pub(super) fn hide(&self, digest: &Digest) {
        if let Some(below) = &self.below {
            below.hidden().insert(*digest);
        }
    }
}

impl Below {
    fn hidden(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, blob: &Digest) -> bool {
        self.cache.blobs.path(blob).exists() && !self.hidden().contains(blob)
    }

    pub(super) fn record(&self, content: &Digest) -> Result<Option<ContentRecord>, Error> {
        match self.hidden().contains(content) {
            true => Ok(None),
            false => read_json(&self.cache.contents().join(content.hex())),
        }
    }

    pub(super) fn sources(&self, blob: &Digest) -> Option<Vec<String>> {
        read_json(&self.cache.sources().join(blob.hex())).ok()?
    }

    pub(super) fn tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, Error> {
        self.cache.tag(repository, tag)
    }

    pub(super) fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        self.cache.tags(repository)
    }

    pub(super) fn entries(&self) -> Result<Vec<Entry>, Error> {
        self.cache.entries()
    }
}
