//! A cache that is only read, below one that takes what is new.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BlobFiles, Cache, ContentRecord, Entry, read_json};
use crate::digest::Digest;
use crate::store::Error;

/// A cache that is only read.
#[derive(Debug)]
pub(super) struct ReadOnlyCache {
    cache: Box<Cache>,
    /// Blobs that turned out to be damaged, and contents that are not in the recorded blobs.
    hidden: Mutex<HashSet<Digest>>,
}

impl Cache {
    /// Opens a cache in a directory over the one in `below`, which is only read. What cannot be read there counts as
    /// missing.
    pub fn open_over(below: &Path, directory: &Path) -> Result<Self, Error> {
        let read_only = ReadOnlyCache {
            cache: Box::new(Self::at(below)),
            hidden: Mutex::default(),
        };
        Ok(Self {
            read_only: Some(read_only),
            ..Self::open(directory)?
        })
    }

    /// Returns the directory of the cache that is only read, if there is one below this.
    pub fn read_only_directory(&self) -> Option<&Path> {
        self.read_only.as_ref().map(|below| below.cache.ingest())
    }

    /// Returns the directory that a blob is read from.
    pub(super) fn holder(&self, digest: &Digest) -> &BlobFiles {
        match &self.read_only {
            Some(below) if !self.blobs.path(digest).exists() && below.has(digest) => {
                &below.cache.blobs
            }
            _ => &self.blobs,
        }
    }

    /// Makes a blob or a record that cannot be removed count as missing.
    pub(super) fn hide(&self, digest: &Digest) {
        if let Some(below) = &self.read_only {
            below.hidden().insert(*digest);
        }
    }
}

impl ReadOnlyCache {
    fn hidden(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, blob: &Digest) -> bool {
        File::open(self.cache.blobs.path(blob)).is_ok() && !self.hidden().contains(blob)
    }

    pub(super) fn record(&self, content: &Digest) -> Option<ContentRecord> {
        let path = self.cache.contents().join(content.hex());
        let is_hidden = self.hidden().contains(content);
        (!is_hidden).then(|| read_json(&path).ok())??
    }

    pub(super) fn sources(&self, blob: &Digest) -> Option<Vec<String>> {
        read_json(&self.cache.sources().join(blob.hex())).ok()?
    }

    pub(super) fn tag(&self, repository: &str, tag: &str) -> Option<Digest> {
        self.cache.tag(repository, tag).ok()?
    }

    pub(super) fn tags(&self, repository: &str) -> Vec<String> {
        self.cache.tags(repository).unwrap_or_default()
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.cache.entries().unwrap_or_default()
    }
}
