//! The last known digests of tags: `v1/tags/HEX/TAG` holds a digest, where HEX is the SHA-256 of the repository's name.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::{Cache, files, remove};
use crate::digest::Digest;
use crate::store::Error;
use crate::store::spool::{Spool, if_exists};

impl Cache {
    pub(super) fn tag_directories(&self) -> PathBuf {
        self.root.join("tags")
    }

    fn tag_directory(&self, repository: &str) -> PathBuf {
        let hex = Digest::of(repository.as_bytes()).hex();
        self.tag_directories().join(hex)
    }

    /// Records the digest of a tag.
    pub fn record_tag(&self, repository: &str, tag: &str, manifest: &Digest) -> Result<(), Error> {
        let directory = self.tag_directory(repository);
        let path = directory.join(tag);
        let write = || {
            fs::create_dir_all(&directory)?;
            let mut spool = Spool::new_in(&self.root)?;
            spool.file().write_all(manifest.to_string().as_bytes())?;
            spool.replace(&path)
        };
        write().map_err(Error::file(&path))
    }

    /// Removes the record of a deleted tag.
    pub fn remove_tag(&self, repository: &str, tag: &str) -> Result<(), Error> {
        remove(&self.tag_directory(repository).join(tag))
    }

    /// Returns the last known digest of a tag, or nothing if the record cannot be parsed.
    pub fn tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, Error> {
        let path = self.tag_directory(repository).join(tag);
        let text = if_exists(&path, fs::read_to_string(&path))?;
        Ok(match text {
            Some(text) => text.trim().parse().ok(),
            None => self
                .read_only
                .as_ref()
                .and_then(|below| below.tag(repository, tag)),
        })
    }

    /// Returns the recorded tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let directory = self.tag_directory(repository);
        let paths = match directory.is_dir() {
            true => files(&directory)?,
            false => Vec::new(),
        };
        let below = self.read_only.as_ref().map(|below| below.tags(repository));
        let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
        let names = names.map(str::to_owned);
        let mut names: Vec<String> = names.chain(below.unwrap_or_default()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Removes the tags whose manifests the cache no longer has.
    pub(super) fn sweep_tags(&self) -> Result<(), Error> {
        if !self.tag_directories().is_dir() {
            return Ok(());
        }
        for directory in files(&self.tag_directories())? {
            if !directory.is_dir() {
                continue;
            }
            let mut empty = true;
            for path in files(&directory)? {
                let digest: Option<Digest> = fs::read_to_string(&path)
                    .ok()
                    .and_then(|text| text.trim().parse().ok());
                let has_manifest = match digest {
                    Some(digest) => self.blobs.size(&digest)?.is_some(),
                    None => false,
                };
                match has_manifest {
                    true => empty = false,
                    false => remove(&path)?,
                }
            }
            if empty {
                // Another process may have just added a tag there.
                let _stays = fs::remove_dir(&directory);
            }
        }
        Ok(())
    }
}
