//! Checks whether a file has the bytes of its digest. The file is read once, and again after every change.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use quick_cache::sync::Cache;

use crate::digest::{Digest, Hasher};

/// The maximum number of check results in memory.
const MAX_CHECKED: usize = 65_536;

/// Properties of a file that change with every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    pub(super) size: u64,
    modified: SystemTime,
    /// The inode, and the change time, which unlike `modified` cannot be set.
    #[cfg(unix)]
    file: (u64, i64, i64),
}

impl FileStamp {
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

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileVerdict {
    Intact(FileStamp),
    /// The file has other bytes.
    Damaged(FileStamp),
    /// The file cannot be opened or read.
    Unreadable,
}

/// The results of checks in this process.
#[derive(Debug)]
pub(super) struct CheckedFiles {
    verdicts: Cache<PathBuf, FileVerdict>,
    /// Locked during a touch, so that no check sees a stamp before it is recorded.
    touching: Mutex<()>,
}

impl Default for CheckedFiles {
    fn default() -> Self {
        Self {
            verdicts: Cache::new(MAX_CHECKED),
            touching: Mutex::default(),
        }
    }
}

impl CheckedFiles {
    /// Returns the last result.
    pub(super) fn known(&self, path: &Path) -> Option<FileVerdict> {
        self.verdicts.get(path)
    }

    pub(super) fn record(&self, path: &Path, verdict: FileVerdict) {
        self.verdicts.insert(path.to_owned(), verdict);
    }

    pub(super) fn forget(&self, path: &Path) {
        self.verdicts.remove(path);
    }

    /// Compares an open file with its digest. Reads the whole file unless it is unchanged since the last check. Blocks.
    pub(super) fn check(
        &self,
        path: &Path,
        file: &File,
        digest: Digest,
    ) -> io::Result<FileVerdict> {
        let (stamp, known) = {
            let _touching = self.touching.lock().unwrap_or_else(PoisonError::into_inner);
            (FileStamp::of(file)?, self.known(path))
        };
        let same = [FileVerdict::Intact(stamp), FileVerdict::Damaged(stamp)];
        if let Some(known) = known.filter(|known| same.contains(known)) {
            return Ok(known);
        }
        let mut hasher = Hasher::new();
        io::copy(&mut &*file, &mut hasher)?;
        Ok(match hasher.finish() == digest {
            true => FileVerdict::Intact(stamp),
            false => FileVerdict::Damaged(stamp),
        })
    }

    /// Marks an intact file as the one used last.
    pub(super) fn touch(&self, path: &Path, file: &File, stamp: FileStamp) {
        let _touching = self.touching.lock().unwrap_or_else(PoisonError::into_inner);
        let touch = || -> io::Result<FileStamp> {
            // Another process may have written to the file after the check.
            let now = FileStamp::of(file)?;
            if now != stamp && self.known(path) != Some(FileVerdict::Intact(now)) {
                return Ok(stamp);
            }
            file.set_modified(SystemTime::now())?;
            FileStamp::of(file)
        };
        // On a read-only file system the order of use stays as it is.
        let stamp = touch().unwrap_or(stamp);
        self.record(path, FileVerdict::Intact(stamp));
    }
}
