//! Files on this machine: cached blobs, decoded contents, and blob directories of other programs. This process checks
//! every file before it reads it.
//!
//! The name of a decoded content includes the digest of its blob. With the content digest alone, a client could claim
//! in a manifest that its own blob holds a content. It could then read that content without the right to read the real
//! blob.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::directories::BlobDirectories;
use super::integrity::{CheckedFiles, FileStamp, FileVerdict};
use super::room::{Reservation, Room};
use super::{ContentKey, EngineSettings};
use crate::digest::{Digest, Identity};
use crate::encoding::EncodedBlob;
use crate::store::blobs::BlobFiles;
use crate::store::spool::{Spool, if_exists};
use crate::store::{Error, Session};

/// The cached blobs and decoded contents with their common limit, and the blob directories.
pub(super) struct LocalFiles {
    session: Session,
    decoded: BlobFiles,
    directory: PathBuf,
    max_bytes: u64,
    room: Room,
    checked: CheckedFiles,
    /// The approximate number of bytes. It is counted again when it exceeds the limit.
    bytes: Mutex<u64>,
    directories: BlobDirectories,
}

impl LocalFiles {
    pub(super) fn new(settings: EngineSettings) -> Self {
        let EngineSettings {
            session,
            directory,
            directories,
            max_bytes,
            min_free,
        } = settings;
        Self {
            decoded: BlobFiles::new(directory.join("decoded")),
            directories: BlobDirectories::new(directories, session.observer.clone()),
            session,
            directory,
            max_bytes,
            room: Room::new(min_free),
            checked: CheckedFiles::default(),
            bytes: Mutex::new(0),
        }
    }

    /// Counts the bytes, and removes the least recently used files above the limit.
    pub(super) fn enforce_limit(&self) -> Result<(), Error> {
        self.prune(&mut self.bytes(), self.max_bytes)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Creates an empty spool, and its directory if another program deleted it. Makes room for it. Blocks.
    pub(super) fn spool(&self, wanted: &ContentKey) -> Result<(Spool, Reservation), Error> {
        match wanted {
            ContentKey::Blob(_) => self.session.cache.create()?,
            ContentKey::Decoded { .. } => self.decoded.create()?,
        }
        let reservation = self.room.reserve(wanted.identity().size);
        self.make_room()?;
        let directory = self.ingest(wanted);
        let spool = Spool::new_in(directory).map_err(Error::file(directory))?;
        Ok((spool, reservation))
    }

    /// Returns the directory for spools.
    pub(super) fn ingest(&self, wanted: &ContentKey) -> &Path {
        match wanted {
            ContentKey::Blob(_) => self.session.cache.ingest(),
            ContentKey::Decoded { .. } => &self.directory,
        }
    }

    fn path(&self, wanted: &ContentKey) -> PathBuf {
        match wanted {
            ContentKey::Blob(blob) => self.session.cache.path(&blob.digest),
            ContentKey::Decoded { stored, content } => {
                self.decoded.path(&decoded_name(stored, content))
            }
        }
    }

    fn bytes(&self) -> MutexGuard<'_, u64> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a file of the right size exists. Verifies nothing. Blocks.
    pub(super) fn exists(&self, wanted: &ContentKey) -> bool {
        let size = wanted.identity().size;
        let own = fs::metadata(self.path(wanted)).is_ok_and(|file| file.len() == size);
        own || matches!(wanted, ContentKey::Blob(blob) if self.directories.has(*blob))
    }

    /// Opens an intact file: a decoded copy, a cached blob, or a file of a blob directory. Blocks.
    pub(super) fn find(&self, wanted: &ContentKey) -> Result<Option<File>, Error> {
        let observer = &self.session.observer;
        let bytes = wanted.identity().size;
        if let Some(file) = self.find_own(wanted)? {
            observer.cache_hit(bytes);
            return Ok(Some(file));
        }
        let ContentKey::Blob(blob) = wanted else {
            return Ok(None);
        };
        let file = self.directories.find(*blob);
        Ok(file.inspect(|_| observer.directory_hit(bytes)))
    }

    /// Opens a file of this engine if it is intact, and marks it as used. A damaged file is removed.
    fn find_own(&self, wanted: &ContentKey) -> Result<Option<File>, Error> {
        let (path, identity) = (self.path(wanted), wanted.identity());
        let Some(file) = if_exists(&path, File::open(&path))? else {
            return Ok(None);
        };
        // An unreadable file is treated as damaged.
        let Ok(FileVerdict::Intact(stamp)) = self.checked.check(&path, &file, identity.digest)
        else {
            self.checked.forget(&path);
            match wanted {
                ContentKey::Blob(blob) => self.session.cache.remove(&blob.digest)?,
                ContentKey::Decoded { .. } => {
                    if_exists(&path, fs::remove_file(&path))?;
                }
            }
            return Ok(None);
        };
        self.checked.touch(&path, &file, stamp);
        // The size disagrees with the file's, so this is a miss.
        Ok((stamp.size == identity.size).then_some(file))
    }

    /// Marks the files of a blob or content as unchecked, so that their next use checks them again.
    pub(super) fn recheck(&self, wanted: &ContentKey) {
        self.checked.forget(&self.path(wanted));
        if let ContentKey::Blob(blob) = wanted {
            self.directories.recheck(*blob);
        }
    }

    /// Stores a spool with verified bytes and returns its file. If necessary it removes the least recently used files.
    /// A file above the limit is returned but not stored. Blocks.
    pub(super) fn adopt(&self, wanted: &ContentKey, mut spool: Spool) -> Result<File, Error> {
        let (path, size) = (self.path(wanted), wanted.identity().size);
        let file = spool.file().try_clone().map_err(Error::file(&path))?;
        if size > self.max_bytes {
            return Ok(file);
        }
        match wanted {
            ContentKey::Blob(blob) => {
                self.session.cache.create()?;
                self.session.cache.adopt(&blob.digest, spool)?;
            }
            ContentKey::Decoded { stored, content } => {
                self.decoded.create()?;
                let adopted = self
                    .decoded
                    .adopt(&decoded_name(stored, content), spool, false);
                adopted.map_err(Error::file(&path))?;
            }
        }
        if let Ok(stamp) = FileStamp::of(&file) {
            self.checked.touch(&path, &file, stamp);
        }
        let mut bytes = self.bytes();
        *bytes = bytes.saturating_add(size);
        if *bytes > self.max_bytes {
            // Prune below the limit, so that not every later file needs a new count.
            self.prune(&mut bytes, self.max_bytes - self.max_bytes / 16)?;
        }
        Ok(file)
    }

    /// Removes the least recently used files if the disk has too little space for the reserved files. Blocks.
    fn make_room(&self) -> Result<(), Error> {
        let directory = self.session.cache.ingest();
        let missing = || {
            let missing = self.room.missing(directory);
            missing.map_err(Error::file(directory))
        };
        let before = missing()?;
        if before == 0 {
            return Ok(());
        }
        let mut bytes = self.bytes();
        self.prune(&mut bytes, u64::MAX)?;
        let most = bytes.saturating_sub(before);
        self.prune(&mut bytes, most)?;
        drop(bytes);
        let after = missing()?;
        if after > 0 && self.room.is_warning_due() {
            self.session.observer.warned(&format!(
                "the disk of {} lacks {after} bytes for new files and the space to leave free",
                directory.display()
            ));
        }
        Ok(())
    }

    fn prune(&self, bytes: &mut u64, most: u64) -> Result<(), Error> {
        self.session.cache.create()?;
        self.decoded.create()?;
        let (left, _) = self.session.cache.prune_with(&self.decoded, most)?;
        *bytes = left.bytes;
        Ok(())
    }
}

/// Returns the name of a decoded content.
fn decoded_name(stored: &EncodedBlob, content: &Identity) -> Digest {
    Digest::of(format!("{} {}", stored.blob.digest, content.digest).as_bytes())
}
