//! Whether a file has the bytes of its digest: read once, and again when somebody has changed it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use quick_cache::sync::Cache;

use crate::digest::{Digest, Hasher};

/// How many files are remembered as checked.
const MAX_CHECKED: usize = 65_536;

/// What changes when somebody writes to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
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

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The file has the bytes of its digest.
    Intact(Stamp),
    /// It has others.
    Damaged(Stamp),
    /// It could not be opened or read.
    Unreadable,
}

/// The files that this process has checked.
#[derive(Debug)]
pub(super) struct Checked {
    verdicts: Cache<PathBuf, Verdict>,
    /// Held while a file is touched, so that no other check sees a stamp that is not recorded yet.
    touching: Mutex<()>,
}

impl Default for Checked {
    fn default() -> Self {
        Self {
            verdicts: Cache::new(MAX_CHECKED),
            touching: Mutex::default(),
        }
    }
}

impl Checked {
    /// Returns what was found last.
    pub(super) fn known(&self, path: &Path) -> Option<Verdict> {
        self.verdicts.get(path)
    }

    pub(super) fn record(&self, path: &Path, verdict: Verdict) {
        self.verdicts.insert(path.to_owned(), verdict);
    }

    pub(super) fn forget(&self, path: &Path) {
        self.verdicts.remove(path);
    }

    /// Compares an open file with its digest; reads all of it unless it has not changed since the last time. Blocks.
    pub(super) fn check(&self, path: &Path, file: &File, digest: Digest) -> io::Result<Verdict> {
        let (stamp, known) = {
            let _touching = self.touching.lock().unwrap_or_else(PoisonError::into_inner);
            (Stamp::of(file)?, self.known(path))
        };
        let same = [Verdict::Intact(stamp), Verdict::Damaged(stamp)];
        if let Some(known) = known.filter(|known| same.contains(known)) {
            return Ok(known);
        }
        let mut hasher = Hasher::new();
        io::copy(&mut &*file, &mut hasher)?;
        Ok(match hasher.finish() == digest {
            true => Verdict::Intact(stamp),
            false => Verdict::Damaged(stamp),
        })
    }

    /// Makes an intact file the one used last.
    pub(super) fn touch(&self, path: &Path, file: &File, stamp: Stamp) {
        let _touching = self.touching.lock().unwrap_or_else(PoisonError::into_inner);
        let touch = || -> io::Result<Stamp> {
            // Somebody may have written since it was checked.
            let now = Stamp::of(file)?;
            if now != stamp && self.known(path) != Some(Verdict::Intact(now)) {
                return Ok(stamp);
            }
            file.set_modified(SystemTime::now())?;
            Stamp::of(file)
        };
        // Where only reading is allowed the order stays.
        let stamp = touch().unwrap_or(stamp);
        self.record(path, Verdict::Intact(stamp));
    }
}
