//! The content cache: what this machine fetched or made, by digest of what is stored and of what it holds.
//!
//! `v1/blobs/sha256/HEX` is a blob as stored. `v1/content/HEX` says which blob holds a content; it is
//! written only after this machine made that blob or decoded and checked it, so a push may reuse the
//! blob. `v1/tags` remembers what tags named. `v1/sources/HEX` remembers repositories that have a blob, for mounting; a wrong hint costs one
//! request. Several processes share a cache: everything appears by rename, and what is read is verified.
//!
//! A cache that may only be read, such as one in a container image, lies below another one that takes what is new.

mod read_only;
mod tags;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use self::read_only::ReadOnlyCache;
use super::blobs::BlobFiles;
use super::spool::{Spool, if_exists};
use super::{ByteStream, Error};
use crate::digest::{Digest, Hasher, Identity};
use crate::encoding::EncodedBlob;

/// A cache grows to so many bytes of blobs before the ones used longest ago go.
pub const DEFAULT_MAX_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// How many repositories are remembered for one blob.
const MAX_SOURCES: usize = 8;

/// A cache directory.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    blobs: BlobFiles,
    read_only: Option<ReadOnlyCache>,
}

/// The record of a content: which blob holds it, and how.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContentRecord {
    #[serde(flatten)]
    stored: EncodedBlob,
    content_size: u64,
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Usage {
    fn add(&mut self, entry: &Entry) {
        self.blobs += 1;
        self.bytes += entry.size;
    }
}

/// A blob's file.
#[derive(Debug, Clone)]
struct Entry {
    path: PathBuf,
    digest: Digest,
    size: u64,
    used: SystemTime,
}

impl Cache {
    /// Opens the cache in a directory, making it where there is none. Fails if it cannot be written to; see
    /// [`Error::is_read_only`].
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let cache = Self::at(directory);
        cache.create()?;
        for directory in [
            &cache.root,
            &cache.blobs.files(),
            &cache.contents(),
            &cache.sources(),
        ] {
            check_writable(directory).map_err(Error::file(directory))?;
        }
        Ok(cache)
    }

    /// Names the cache in a directory; nothing is read or made.
    fn at(directory: &Path) -> Self {
        let root = directory.join("v1");
        Self {
            blobs: BlobFiles::new(root.join("blobs")),
            root,
            read_only: None,
        }
    }

    /// Makes the directories that are not there: somebody may have deleted them.
    pub fn create(&self) -> Result<(), Error> {
        self.blobs.create()?;
        for directory in [self.contents(), self.sources()] {
            fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        }
        Ok(())
    }

    fn contents(&self) -> PathBuf {
        self.root.join("content")
    }

    fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// Returns where spools for this cache are made.
    pub fn ingest(&self) -> &Path {
        &self.root
    }

    /// Returns the file of a blob.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.holder(digest).path(digest)
    }

    /// Returns whether a blob is there, and counts that as a use of it.
    pub fn has(&self, blob: Identity) -> Result<bool, Error> {
        let holder = self.holder(&blob.digest);
        let has = holder.has(blob)?;
        if has {
            touch(&holder.path(&blob.digest));
        }
        Ok(has)
    }

    /// Returns the size of a blob, if the cache has it.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.holder(digest).size(digest)
    }

    /// Takes in a spool whose bytes were verified.
    pub fn adopt(&self, digest: &Digest, spool: Spool) -> Result<(), Error> {
        let path = self.blobs.path(digest);
        self.blobs
            .adopt(digest, spool, false)
            .map_err(Error::file(&path))
    }

    /// Takes in bytes.
    pub fn add(&self, bytes: &[u8]) -> Result<Identity, Error> {
        let blob = Identity::of(bytes);
        let path = self.blobs.path(&blob.digest);
        // A file of this name may have rotted; these bytes are right.
        self.blobs
            .add(blob, bytes, &self.root, false, |_| {})
            .map_err(Error::file(&path))?;
        Ok(blob)
    }

    /// Returns a blob that holds a content and that this machine made or checked.
    pub fn find(&self, content: Identity) -> Result<Option<EncodedBlob>, Error> {
        let path = self.contents().join(content.digest.hex());
        let below = || self.read_only.as_ref()?.record(&content.digest);
        let Some(record) = read_json::<ContentRecord>(&path)?.or_else(below) else {
            return Ok(None);
        };
        let is_usable = record.content_size == content.size && self.has(record.stored.blob)?;
        Ok(is_usable.then_some(record.stored))
    }

    /// Records that this machine made or checked a blob that holds a content.
    pub fn record(&self, content: Identity, stored: EncodedBlob) -> Result<(), Error> {
        let path = self.contents().join(content.digest.hex());
        let record = ContentRecord {
            stored,
            content_size: content.size,
        };
        write_json(&path, &self.root, &record)
    }

    /// Returns a repository of a registry that is known to have a blob.
    pub fn source(&self, blob: &Digest, registry: &str) -> Option<String> {
        let own = read_json::<Vec<String>>(&self.sources().join(blob.hex())).ok()?;
        let known = own.or_else(|| self.read_only.as_ref()?.sources(blob))?;
        known.iter().find_map(|source| {
            let path = source.strip_prefix(registry)?.strip_prefix('/')?;
            Some(path.to_owned())
        })
    }

    /// Remembers that a repository (`registry/path`) has a blob.
    pub fn remember(&self, blob: &Digest, repository: &str) -> Result<(), Error> {
        let path = self.sources().join(blob.hex());
        let mut known: Vec<String> = read_json(&path)?.unwrap_or_default();
        if known.iter().any(|source| source == repository) {
            return Ok(());
        }
        known.insert(0, repository.to_owned());
        known.truncate(MAX_SOURCES);
        write_json(&path, &self.root, &known)
    }

    /// Forgets a blob.
    pub fn remove(&self, digest: &Digest) -> Result<(), Error> {
        self.hide(digest);
        remove(&self.blobs.path(digest))
    }

    /// Reads a small blob; nothing if it is not there, is larger than `most` bytes, or is damaged.
    pub fn read(&self, digest: &Digest, most: u64) -> Result<Option<Vec<u8>>, Error> {
        match self.size(digest)? {
            Some(size) if size <= most => {}
            _ => return Ok(None),
        }
        let path = self.path(digest);
        let Some(bytes) = if_exists(&path, fs::read(&path))? else {
            return Ok(None);
        };
        touch(&path);
        Ok((Digest::of(&bytes) == *digest).then_some(bytes))
    }

    /// Opens a blob at byte `from`. What comes is not verified.
    pub async fn stream(&self, digest: &Digest, from: u64) -> Result<ByteStream, Error> {
        self.holder(digest).stream(digest, from).await
    }

    /// Returns whether a blob is there and is what its name says.
    pub fn is_intact(&self, blob: Identity) -> Result<bool, Error> {
        let path = self.path(&blob.digest);
        Ok(if_exists(&path, identity_of(&path))? == Some(blob))
    }

    /// Forgets that a blob holds a content, and the blob too if it is damaged.
    pub fn distrust(&self, content: &Digest, blob: Identity) -> Result<(), Error> {
        self.hide(content);
        remove(&self.contents().join(content.hex()))?;
        match self.is_intact(blob)? {
            // It may be the right blob of another content.
            true => Ok(()),
            false => self.remove(&blob.digest),
        }
    }

    /// Returns what is there.
    pub fn usage(&self) -> Result<Usage, Error> {
        let mut usage = Usage::default();
        let below = self.read_only.as_ref().map(ReadOnlyCache::entries);
        let entries = self.entries()?.into_iter().chain(below.unwrap_or_default());
        entries.for_each(|entry| usage.add(&entry));
        Ok(usage)
    }

    /// Removes the blobs used longest ago until at most `most` bytes are left; returns what went.
    pub fn prune(&self, most: u64) -> Result<Usage, Error> {
        let (_, gone) = self.prune_entries(self.entries()?, most)?;
        Ok(gone)
    }

    /// As [`Cache::prune`], counting what is in another directory too; returns what is left and what went.
    pub fn prune_with(&self, other: &BlobFiles, most: u64) -> Result<(Usage, Usage), Error> {
        let mut entries = self.entries()?;
        entries.extend(entries_of(other)?);
        self.prune_entries(entries, most)
    }

    fn prune_entries(&self, mut entries: Vec<Entry>, most: u64) -> Result<(Usage, Usage), Error> {
        entries.sort_by(|a, b| (a.used, a.digest, &a.path).cmp(&(b.used, b.digest, &b.path)));
        let mut left = Usage::default();
        entries.iter().for_each(|entry| left.add(entry));
        let mut gone = Usage::default();
        for entry in entries {
            if left.bytes <= most {
                break;
            }
            remove(&entry.path)?;
            left.blobs -= 1;
            left.bytes -= entry.size;
            gone.add(&entry);
        }
        if gone.blobs > 0 {
            self.sweep()?;
        }
        Ok((left, gone))
    }

    /// Removes what speaks of blobs that are gone.
    fn sweep(&self) -> Result<(), Error> {
        self.sweep_tags()?;
        for path in files(&self.contents())? {
            // Only the blob matters: a newer version may have written an encoding that is unknown here.
            let has_blob = match read_json::<Identity>(&path)? {
                Some(blob) => self.blobs.has(blob)?,
                None => false,
            };
            if !has_blob {
                remove(&path)?;
            }
        }
        for path in files(&self.sources())? {
            let has_blob = match digest_of(&path) {
                Some(digest) => self.blobs.size(&digest)?.is_some(),
                None => false,
            };
            if !has_blob {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Reads every blob again and removes those that are damaged; returns what is left and what went.
    pub fn verify(&self) -> Result<(Usage, Usage), Error> {
        let (mut sound, mut damaged) = (Usage::default(), Usage::default());
        for entry in self.entries()? {
            match if_exists(&entry.path, identity_of(&entry.path))? {
                // Pruned by another process.
                None => {}
                Some(found) if found.digest == entry.digest => sound.add(&entry),
                Some(_) => {
                    remove(&entry.path)?;
                    damaged.add(&entry);
                }
            }
        }
        self.sweep()?;
        Ok((sound, damaged))
    }

    fn entries(&self) -> Result<Vec<Entry>, Error> {
        entries_of(&self.blobs)
    }
}

fn entries_of(directory: &BlobFiles) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for path in files(&directory.files())? {
        let Some(digest) = digest_of(&path) else {
            continue;
        };
        if let Some(metadata) = if_exists(&path, fs::metadata(&path))? {
            entries.push(Entry {
                digest,
                size: metadata.len(),
                used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                path,
            });
        }
    }
    Ok(entries)
}

fn identity_of(path: &Path) -> io::Result<Identity> {
    let mut hasher = Hasher::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.identity())
}

/// Returns the digest that a file is named by.
fn digest_of(path: &Path) -> Option<Digest> {
    Digest::from_hex(path.file_name()?.to_str()?).ok()
}

/// Makes a blob the one used last. Where that fails (a cache we may only read) the order is older.
fn touch(path: &Path) {
    let _order_stays = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Fails if no file can be made in a directory.
fn check_writable(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        access(directory, Access::WRITE_OK | Access::EXEC_OK)?;
    }
    #[cfg(not(unix))]
    Spool::new_in(directory)?;
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(directory).map_err(Error::file(directory))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths
        .collect::<io::Result<_>>()
        .map_err(Error::file(directory))
}

fn remove(path: &Path) -> Result<(), Error> {
    if_exists(path, fs::remove_file(path)).map(drop)
}

/// Reads a small file; one that is missing or makes no sense says nothing.
fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    let bytes = if_exists(path, fs::read(path))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn write_json(path: &Path, ingest: &Path, value: &impl Serialize) -> Result<(), Error> {
    let write = || {
        let mut spool = Spool::new_in(ingest)?;
        serde_json::to_writer(spool.file(), value)?;
        spool.replace(path)
    };
    write().map_err(Error::file(path))
}
