//! Files that are kept: blobs as they are stored, and decoded layers. What is read was checked in this process.
//!
//! A decoded layer is kept for the blob that it was decoded from. Under its own digest alone it would be given to
//! whoever claims in a manifest that one of their blobs holds it, and they may not be allowed to read the one that does.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::Settings;
use super::flight::Key;
use super::held::HeldBlobs;
use crate::digest::{Digest, Hasher, Identity};
use crate::store::Error;
use crate::store::blobs::BlobDirectory;
use crate::store::cache::Cache;
use crate::store::spool::Spool;

/// How many files are remembered as checked before all are forgotten.
pub(super) const MAX_CHECKED: usize = 65_536;

/// Where a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// As it is stored upstream.
    Blobs,
    /// By digests of the blob and of what that holds.
    Decoded,
}

/// What a file holds, and the blob that it was decoded from if it was; whatever sizes a manifest gives.
type Name = (Digest, Option<Digest>);

fn name(key: &Key) -> Name {
    match key {
        Key::Blob(blob) => (blob.digest, None),
        Key::Content { blob, content } => (content.digest, Some(blob.digest)),
    }
}

/// Two directories of files that are named by digests, bounded together.
#[derive(Debug)]
pub(super) struct Kept {
    cache: Arc<Cache>,
    decoded: BlobDirectory,
    directory: PathBuf,
    max_bytes: u64,
    /// How the files that were checked looked then.
    checked: Mutex<HashMap<Name, Stamp>>,
    /// About how many bytes there are; counted anew when it passes the bound.
    bytes: Mutex<u64>,
    /// What others keep.
    held: HeldBlobs,
}

/// What changes when somebody writes to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: SystemTime,
    /// Which file it is, and when that changed last, whatever time it was given.
    #[cfg(unix)]
    file: (u64, i64, i64),
}

impl Stamp {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        let metadata = file.metadata()?;
        Ok(Self {
            size: metadata.len(),
            modified: metadata.modified()?,
            #[cfg(unix)]
            file: (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl Kept {
    pub(super) fn open(settings: Settings) -> Result<Self, Error> {
        let kept = Self {
            cache: settings.cache,
            decoded: BlobDirectory::new(settings.directory.join("decoded")),
            directory: settings.directory,
            max_bytes: settings.max_bytes,
            checked: Mutex::default(),
            bytes: Mutex::new(0),
            held: HeldBlobs::new(settings.held, settings.log, settings.metrics),
        };
        kept.prune(&mut kept.bytes(), kept.max_bytes)?;
        Ok(kept)
    }

    /// Makes an empty spool for a place. Somebody may have deleted the directories. Blocks.
    pub(super) fn spool(&self, place: Place) -> Result<Spool, Error> {
        match place {
            Place::Blobs => self.cache.create()?,
            Place::Decoded => self.decoded.create()?,
        }
        let directory = self.ingest(place);
        Spool::new_in(directory).map_err(Error::file(directory))
    }

    /// Returns where spools for a place are made.
    pub(super) fn ingest(&self, place: Place) -> &Path {
        match place {
            Place::Blobs => self.cache.ingest(),
            Place::Decoded => &self.directory,
        }
    }

    fn path(&self, key: &Key) -> PathBuf {
        match key {
            Key::Blob(blob) => self.cache.path(&blob.digest),
            Key::Content { blob, content } => self.decoded.path(&pair(blob, content)),
        }
    }

    fn checked(&self) -> MutexGuard<'_, HashMap<Name, Stamp>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> MutexGuard<'_, u64> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a file if it is there and sound, and counts that as a use of it. One that is damaged is removed.
    ///
    /// All of it is read when it is first asked for, and when somebody else touched it since. Blocks.
    pub(super) fn find(&self, key: &Key) -> Result<Option<File>, Error> {
        let (path, what, name) = (self.path(key), key.holds(), name(key));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(&path)(error)),
        };
        let look = || -> io::Result<Option<Stamp>> {
            let stamp = Stamp::of(&file)?;
            if self.checked().get(&name) == Some(&stamp) {
                return Ok(Some(stamp));
            }
            let mut hasher = Hasher::new();
            io::copy(&mut &file, &mut hasher)?;
            Ok((hasher.finish() == what.digest).then_some(stamp))
        };
        // What cannot be read is of no more use than what is wrong.
        let Ok(Some(stamp)) = look() else {
            self.checked().remove(&name);
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::file(&path)(error))
                }
                _ => Ok(None),
            };
        };
        self.used(name, &file, stamp);
        // Another size than what has this digest: it is not what was asked for, and nothing is.
        Ok((stamp.size == what.size).then_some(file))
    }

    /// Opens the file of a blob that others keep, if it is there and sound. Blocks.
    pub(super) fn held(&self, key: &Key) -> Option<File> {
        match key {
            Key::Blob(blob) => self.held.find(*blob),
            Key::Content { .. } => None,
        }
    }

    /// Makes a checked file the one used last.
    fn used(&self, name: Name, file: &File, stamp: Stamp) {
        let mut checked = self.checked();
        if checked.len() >= MAX_CHECKED {
            checked.clear();
        }
        let touch = || -> io::Result<Stamp> {
            // Somebody may have written since it was checked.
            if Stamp::of(file)? != stamp && checked.get(&name) != Some(&Stamp::of(file)?) {
                return Ok(stamp);
            }
            file.set_modified(SystemTime::now())?;
            Stamp::of(file)
        };
        // Where only reading is allowed the order stays.
        let stamp = touch().unwrap_or(stamp);
        checked.insert(name, stamp);
    }

    /// Has the files that hold something checked again before they are next used.
    pub(super) fn doubt(&self, place: Place, digest: &Digest) {
        let is_decoded = place == Place::Decoded;
        if !is_decoded {
            self.held.doubt(digest);
        }
        let is_meant = |(holds, from): &Name| holds == digest && from.is_some() == is_decoded;
        self.checked().retain(|name, _| !is_meant(name));
    }

    /// Keeps a spool whose bytes were verified, unless it alone passes the bound, and returns its file. What was used
    /// longest ago goes where there is need of room. Blocks.
    pub(super) fn adopt(&self, key: &Key, mut spool: Spool) -> Result<File, Error> {
        let (path, what) = (self.path(key), key.holds());
        let file = spool.file().try_clone().map_err(Error::file(&path))?;
        if what.size > self.max_bytes {
            return Ok(file);
        }
        match key {
            Key::Blob(blob) => {
                self.cache.create()?;
                self.cache.adopt(&blob.digest, spool)?;
            }
            Key::Content { blob, content } => {
                self.decoded.create()?;
                let adopted = self.decoded.adopt(&pair(blob, content), spool, false);
                adopted.map_err(Error::file(&path))?;
            }
        }
        if let Ok(stamp) = Stamp::of(&file) {
            self.used(name(key), &file, stamp);
        }
        let mut bytes = self.bytes();
        *bytes = bytes.saturating_add(what.size);
        if *bytes > self.max_bytes {
            // A little further, so that not every file that follows makes all be counted again.
            self.prune(&mut bytes, self.max_bytes - self.max_bytes / 16)?;
        }
        Ok(file)
    }

    fn prune(&self, bytes: &mut u64, most: u64) -> Result<(), Error> {
        self.cache.create()?;
        self.decoded.create()?;
        let (left, _) = self.cache.prune_with(&self.decoded, most)?;
        *bytes = left.bytes;
        Ok(())
    }
}

/// One name for both.
fn pair(blob: &Identity, content: &Identity) -> Digest {
    Digest::of(format!("{} {}", blob.digest, content.digest).as_bytes())
}
