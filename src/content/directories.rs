//! Blob directories of other programs on this machine: read where they are, and never changed.

use std::fs::File;
use std::sync::Arc;

use super::integrity::{Checked, Verdict};
use crate::digest::Identity;
use crate::store::blob_directory::BlobDirectory;
use crate::store::{Error, Observer, Store, chain};

/// Blob directories, in the order in which they are read.
pub(super) struct BlobDirectories {
    directories: Vec<BlobDirectory>,
    checked: Checked,
    observer: Arc<dyn Observer>,
}

impl BlobDirectories {
    pub(super) fn new(directories: Vec<BlobDirectory>, observer: Arc<dyn Observer>) -> Self {
        Self {
            directories,
            checked: Checked::default(),
            observer,
        }
    }

    /// Opens the file of a blob if there is an intact one. A file that cannot be used is told once, and is no error:
    /// the store has the blob. Blocks.
    pub(super) fn find(&self, blob: Identity) -> Option<File> {
        let mut directories = self.directories.iter();
        directories.find_map(|directory| self.find_in(directory, blob))
    }

    fn find_in(&self, directory: &BlobDirectory, blob: Identity) -> Option<File> {
        let path = directory.path(&blob.digest);
        let known = self.checked.known(&path);
        let look = || -> Result<Option<(Verdict, File)>, Error> {
            let Some(file) = directory.local_file(blob)? else {
                return Ok(None);
            };
            let verdict = self.checked.check(&path, &file, blob.digest);
            Ok(Some((verdict.map_err(Error::file(&path))?, file)))
        };
        let (verdict, file) = match look() {
            Ok(found) => found?,
            Err(error) => {
                if known != Some(Verdict::Unreadable) {
                    self.observer.unusable(&chain(&error));
                }
                self.checked.record(&path, Verdict::Unreadable);
                return None;
            }
        };
        if let Verdict::Damaged(_) = verdict
            && known != Some(verdict)
        {
            let (digest, location) = (blob.digest, directory.location());
            let problem = format!("blob {digest} in {location} is damaged");
            self.observer.unusable(&problem);
        }
        self.checked.record(&path, verdict);
        matches!(verdict, Verdict::Intact(_)).then_some(file)
    }

    /// Has the files of a blob checked again before they are next used.
    pub(super) fn recheck(&self, blob: Identity) {
        for directory in &self.directories {
            self.checked.forget(&directory.path(&blob.digest));
        }
    }
}
