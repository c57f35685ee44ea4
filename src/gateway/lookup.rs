//! Maps flat digests to split manifests, in memory and on disk. The entries on disk survive a restart.
//!
//! An entry is only a hint. The caller reads the split manifest with the rights of the client, and derives the flat
//! form again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::store::Error;
use crate::store::spool::Spool;

/// How long the gateway remembers that a digest was not found.
pub(super) const MISS_LIFETIME: Duration = Duration::from_secs(30);

/// The maximum number of entries on disk after a start.
const MAX_FILES: usize = 200_000;

/// The maximum number of entries in memory.
const MAX_KNOWN: usize = 50_000;

/// The part of a flat form that a digest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FlatPart {
    Manifest,
    Config,
    /// The only layer, which is the component.
    Content,
}

/// The origin of a digest of a flat form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FlatOrigin {
    pub(super) kind: FlatPart,
    /// The digest of the split manifest.
    pub(super) split: Digest,
    /// Whether upstream stores the flat form too, according to the split manifest.
    pub(super) stored: bool,
}

/// The origins by upstream, repository and digest.
pub(super) struct OriginIndex {
    directory: PathBuf,
    /// The entries in memory, a part of those on disk.
    known: Cache<Digest, FlatOrigin>,
}

impl OriginIndex {
    /// Opens or creates the index in a directory. Removes the oldest entries above the limit.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let directory = directory.join("lookup");
        fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        prune(&directory, MAX_FILES).map_err(Error::file(&directory))?;
        Ok(Self {
            directory,
            known: Cache::new(MAX_KNOWN),
        })
    }

    /// Returns the origin of a digest in a repository. An unreadable entry counts as missing.
    pub(super) fn get(&self, location: &str, digest: &Digest) -> Result<Option<FlatOrigin>, Error> {
        let key = key(location, digest);
        if let Some(origin) = self.known.get(&key) {
            return Ok(Some(origin));
        }
        let path = self.directory.join(key.hex());
        let origin = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::file(&path)(error)),
        };
        if let Some(origin) = origin {
            self.known.insert(key, origin);
        }
        Ok(origin)
    }

    /// Records the origin of a digest.
    pub(super) fn record(
        &self,
        location: &str,
        digest: &Digest,
        origin: FlatOrigin,
    ) -> Result<(), Error> {
        if self.get(location, digest)? == Some(origin) {
            return Ok(());
        }
        let key = key(location, digest);
        let path = self.directory.join(key.hex());
        let write = || {
            // Another program may have deleted the directory.
            fs::create_dir_all(&self.directory)?;
            let mut spool = Spool::new_in(&self.directory)?;
            serde_json::to_writer(spool.file(), &origin)?;
            spool.replace(&path)
        };
        write().map_err(Error::file(&path))?;
        self.known.insert(key, origin);
        Ok(())
    }

    /// Removes an entry whose split manifest does not name the digest.
    pub(super) fn remove(&self, location: &str, digest: &Digest) -> Result<(), Error> {
        let key = key(location, digest);
        self.known.remove(&key);
        let path = self.directory.join(key.hex());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(&path)(error)),
            _ => Ok(()),
        }
    }
}

/// Returns the key for a location and a digest. No location contains a line break.
fn key(location: &str, digest: &Digest) -> Digest {
    Digest::of(format!("{location}\n{digest}").as_bytes())
}

/// Removes the oldest files, so that at most `most` remain.
fn prune(directory: &Path, most: usize) -> io::Result<()> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let written = entry.metadata()?.modified()?;
        files.push((written, entry.path()));
    }
    files.sort();
    let surplus = files.len().saturating_sub(most);
    for (_, path) in files.into_iter().take(surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &[u8]) -> FlatOrigin {
        FlatOrigin {
            kind: FlatPart::Content,
            split: Digest::of(text),
            stored: false,
        }
    }

    #[test]
    fn recorded_origins_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"content");
        let open = || OriginIndex::open(directory.path()).unwrap();
        open().record("host/a", &digest, origin(b"1")).unwrap();
        let index = open();
        assert_eq!(index.get("host/a", &digest).unwrap(), Some(origin(b"1")));
        assert_eq!(index.get("host/b", &digest).unwrap(), None);
        index.record("host/a", &digest, origin(b"2")).unwrap();
        assert_eq!(open().get("host/a", &digest).unwrap(), Some(origin(b"2")));
        index.remove("host/a", &digest).unwrap();
        index.remove("host/a", &digest).unwrap();
        assert_eq!(index.get("host/a", &digest).unwrap(), None);
        assert_eq!(open().get("host/a", &digest).unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let index = OriginIndex::open(directory.path()).unwrap();
        let digest = Digest::of(b"content");
        fs::write(index.directory.join(key("host/a", &digest).hex()), "{").unwrap();
        assert_eq!(index.get("host/a", &digest).unwrap(), None);
        index.record("host/a", &digest, origin(b"1")).unwrap();
        assert_eq!(index.get("host/a", &digest).unwrap(), Some(origin(b"1")));
    }

    #[test]
    fn the_disk_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let index = OriginIndex::open(directory.path()).unwrap();
        for number in 0..5u8 {
            let digest = Digest::of(&[number]);
            index.record("host/a", &digest, origin(b"1")).unwrap();
        }
        prune(&index.directory, 3).unwrap();
        assert_eq!(fs::read_dir(&index.directory).unwrap().count(), 3);
    }
}
