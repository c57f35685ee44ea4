//! Whether a file has the bytes of its digest: read once, and again when somebody has changed it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
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
pub(super) struct Checked(Cache<PathBuf, Verdict>);

impl Default for Checked {
    fn default() -> Self {
        Self(Cache::new(MAX_CHECKED))
    }
}

impl Checked {
    /// Returns what was found last.
    pub(super) fn known(&self, path: &Path) -> Option<Verdict> {
        self.0.get(path)
    }

    pub(super) fn record(&self, path: &Path, verdict: Verdict) {
        self.0.insert(path.to_owned(), verdict);
    }

    pub(super) fn forget(&self, path: &Path) {
        self.0.remove(path);
    }

    /// Compares an open file with its digest; reads all of it unless it has not changed since the last time. Blocks.
    pub(super) fn check(&self, path: &Path, file: &File, digest: Digest) -> io::Result<Verdict> {
        let stamp = Stamp::of(file)?;
        let same = [Verdict::Intact(stamp), Verdict::Damaged(stamp)];
        if let Some(known) = self.known(path).filter(|known| same.contains(known)) {
            return Ok(known);
        }
        let mut hasher = Hasher::new();
        io::copy(&mut &*file, &mut hasher)?;
        Ok(match hasher.finish() == digest {
            true => Verdict::Intact(stamp),
            false => Verdict::Damaged(stamp),
        })
    }
}
