//! Blob directories of other programs on this machine. They are read in place and never changed.

use std::fs::File;
use std::sync::Arc;

use super::integrity::{CheckedFiles, FileVerdict};
use crate::digest::Identity;
use crate::store::blob_directory::BlobDirectory;
use crate::store::{Error, Observer, Store, chain};

/// Blob directories, in reading order.
pub(super) struct BlobDirectories {
    directories: Vec<BlobDirectory>,
    checked: CheckedFiles,
    observer: Arc<dyn Observer>,
}

impl BlobDirectories {
    pub(super) fn new(directories: Vec<BlobDirectory>, observer: Arc<dyn Observer>) -> Self {
        Self {
            directories,
            checked: CheckedFiles::default(),
            observer,
        }
    }

    /// Opens the file of a blob if an intact one exists. An unusable file is reported once and is not an error, because
    /// the store has the blob too. Blocks.
    pub(super) fn find(&self, blob: Identity) -> Option<File> {
        let mut directories = self.directories.iter();
        directories.find_map(|directory| self.find_in(directory, blob))
    }

    /// Returns whether a directory has a file of the blob's size. Verifies nothing. Blocks.
    pub(super) fn has(&self, blob: Identity) -> bool {
        let mut directories = self.directories.iter();
        directories.any(|directory| matches!(directory.local_file(blob), Ok(Some(_))))
    }

    fn find_in(&self, directory: &BlobDirectory, blob: Identity) -> Option<File> {
        let path = directory.path(&blob.digest);
        let known = self.checked.known(&path);
        let look = || -> Result<Option<(FileVerdict, File)>, Error> {
            let Some(file) = directory.local_file(blob)? else {
                return Ok(None);
            };
            let verdict = self.checked.check(&path, &file, blob.digest);
            Ok(Some((verdict.map_err(Error::file(&path))?, file)))
        };
        let (verdict, file) = match look() {
            Ok(found) => found?,
            Err(error) => {
                if known != Some(FileVerdict::Unreadable) {
                    self.observer.unusable(&chain(&error));
                }
                self.checked.record(&path, FileVerdict::Unreadable);
                return None;
            }
        };
        if let FileVerdict::Damaged(_) = verdict
            && known != Some(verdict)
        {
            let (digest, location) = (blob.digest, directory.location());
            let problem = format!("blob {digest} in {location} is damaged");
            self.observer.unusable(&problem);
        }
        self.checked.record(&path, verdict);
        matches!(verdict, FileVerdict::Intact(_)).then_some(file)
    }

    /// Marks the files of a blob as unchecked, so that their next use checks them again.
    pub(super) fn recheck(&self, blob: Identity) {
        for directory in &self.directories {
            self.checked.forget(&directory.path(&blob.digest));
        }
    }
}
