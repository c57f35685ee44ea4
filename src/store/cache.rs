//! The content cache: the blobs that this machine fetched or made, by digest of the stored bytes and of the decoded
//! ones.
//!
//! `v1/blobs/sha256/HEX` is a blob as stored, or a content that a delta made. `v1/content/HEX` says which blob holds a
//! content. It is written only after this machine made that blob, or decoded and checked it, so that a push may reuse
//! the blob. `v1/tags` records the digests of tags. `v1/sources/HEX` records the repositories that have a blob, for
//! mounting; a wrong record costs one request. `v1/registries` records what registries lack. Several processes share a
//! cache: files appear by rename, and every read is verified.
//!
//! A read-only cache, such as one in a container image, can lie below another cache, which takes all new files.

mod read_only;
mod registries;
mod tags;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use self::read_only::ReadOnlyCache;
use super::blobs::BlobFiles;
use super::spool::{Spool, if_exists};
use super::{ByteStream, Error};
use crate::digest::{Digest, Hasher, Identity};
use crate::encoding::EncodedBlob;

/// The default limit of a cache, in bytes of blobs. Beyond it the least recently used blobs are removed.
pub const DEFAULT_MAX_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// The number of repositories that are recorded for one blob.
const MAX_SOURCES: usize = 8;

/// A cache directory.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    blobs: BlobFiles,
    read_only: Option<ReadOnlyCache>,
}

/// The record of a content: the blob that holds it, and the encoding.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContentRecord {
    #[serde(flatten)]
    stored: EncodedBlob,
    content_size: u64,
}

/// The size of a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of blobs.
    pub blobs: u64,
    /// The bytes of the blobs.
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
    /// Opens the cache in a directory, and creates it if it does not exist. Fails if it cannot be written to; see
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

    /// Names the cache in a directory; reads and creates nothing.
    fn at(directory: &Path) -> Self {
        let root = directory.join("v1");
        Self {
            blobs: BlobFiles::new(root.join("blobs")),
            root,
            read_only: None,
        }
    }

    /// Creates missing directories, because another program may have deleted them.
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

    /// Returns the directory for the spools of this cache.
    pub fn ingest(&self) -> &Path {
        &self.root
    }

    /// Returns the file of a blob.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.holder(digest).path(digest)
    }

    /// Returns whether a blob exists, and counts that as a use.
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

    /// Adds a spool with verified bytes.
    pub fn adopt(&self, digest: &Digest, spool: Spool) -> Result<(), Error> {
        let path = self.blobs.path(digest);
        self.blobs
            .adopt(digest, spool, false)
            .map_err(Error::file(&path))
    }

    /// Adds bytes.
    pub fn add(&self, bytes: &[u8]) -> Result<Identity, Error> {
        let blob = Identity::of(bytes);
        self.add_from(blob, bytes)?;
        Ok(blob)
    }

    /// Adds the bytes of a reader. Fails if they are not those of the blob.
    pub fn add_from(&self, blob: Identity, source: impl Read) -> Result<(), Error> {
        let path = self.blobs.path(&blob.digest);
        // An existing file of this name may be damaged; these bytes are correct.
        self.blobs
            .add(blob, source, &self.root, false, |_| {})
            .map_err(Error::file(&path))
    }

    /// Returns whether there is a blob besides the `known` ones.
    pub fn has_other_than(&self, known: &[Digest]) -> Result<bool, Error> {
        let below = self.read_only.as_ref().map(ReadOnlyCache::entries);
        let is_other = |digest: Digest| !known.contains(&digest);
        let mut own = files(&self.blobs.files())?.into_iter();
        let mut below = below.unwrap_or_default().into_iter();
        Ok(own.any(|path| digest_of(&path).is_some_and(is_other))
            || below.any(|entry| is_other(entry.digest)))
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

    /// Returns a repository of a registry that has the blob, according to the records.
    pub fn source(&self, blob: &Digest, registry: &str) -> Option<String> {
        let own = read_json::<Vec<String>>(&self.sources().join(blob.hex())).ok()?;
        let known = own.or_else(|| self.read_only.as_ref()?.sources(blob))?;
        known.iter().find_map(|source| {
            let path = source.strip_prefix(registry)?.strip_prefix('/')?;
            Some(path.to_owned())
        })
    }

    /// Records that a repository (`registry/path`) has a blob.
    pub fn record_source(&self, blob: &Digest, repository: &str) -> Result<(), Error> {
        let path = self.sources().join(blob.hex());
        let mut known: Vec<String> = read_json(&path)?.unwrap_or_default();
        if known.iter().any(|source| source == repository) {
            return Ok(());
        }
        known.insert(0, repository.to_owned());
        known.truncate(MAX_SOURCES);
        write_json(&path, &self.root, &known)
    }

    /// Removes a blob.
    pub fn remove(&self, digest: &Digest) -> Result<(), Error> {
        self.hide(digest);
        remove(&self.blobs.path(digest))
    }

    /// Reads a small blob. Returns nothing if it does not exist, has more than `most` bytes, or is damaged.
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

    /// Opens a blob at byte `from`. The bytes are not verified.
    pub async fn stream(&self, digest: &Digest, from: u64) -> Result<ByteStream, Error> {
        self.holder(digest).stream(digest, from).await
    }

    /// Returns whether a blob exists and has its digest.
    pub fn is_intact(&self, blob: Identity) -> Result<bool, Error> {
        let path = self.path(&blob.digest);
        Ok(if_exists(&path, identity_of(&path))? == Some(blob))
    }

    /// Removes the record that a blob holds a content, and the blob too if it is damaged.
    pub fn discard(&self, content: &Digest, blob: Identity) -> Result<(), Error> {
        self.hide(content);
        remove(&self.contents().join(content.hex()))?;
        match self.is_intact(blob)? {
            // It may be the correct blob of another content.
            true => Ok(()),
            false => self.remove(&blob.digest),
        }
    }

    /// Returns the size of the cache.
    pub fn usage(&self) -> Result<Usage, Error> {
        let mut usage = Usage::default();
        let below = self.read_only.as_ref().map(ReadOnlyCache::entries);
        let entries = self.entries()?.into_iter().chain(below.unwrap_or_default());
        entries.for_each(|entry| usage.add(&entry));
        Ok(usage)
    }

    /// Removes the least recently used blobs until at most `most` bytes remain. Returns what was removed.
    pub fn prune(&self, most: u64) -> Result<Usage, Error> {
        let (_, removed) = self.prune_entries(self.entries()?, most)?;
        Ok(removed)
    }

    /// Works as [`Cache::prune`], but counts and prunes the blobs of another directory too. Returns what remains and
    /// what was removed.
    pub fn prune_with(&self, other: &BlobFiles, most: u64) -> Result<(Usage, Usage), Error> {
        let mut entries = self.entries()?;
        entries.extend(entries_of(other)?);
        self.prune_entries(entries, most)
    }

    fn prune_entries(&self, mut entries: Vec<Entry>, most: u64) -> Result<(Usage, Usage), Error> {
        entries.sort_by(|a, b| (a.used, a.digest, &a.path).cmp(&(b.used, b.digest, &b.path)));
        let mut left = Usage::default();
        entries.iter().for_each(|entry| left.add(entry));
        let mut removed = Usage::default();
        for entry in entries {
            if left.bytes <= most {
                break;
            }
            remove(&entry.path)?;
            left.blobs -= 1;
            left.bytes -= entry.size;
            removed.add(&entry);
        }
        if removed.blobs > 0 {
            self.sweep()?;
        }
        Ok((left, removed))
    }

    /// Removes the records of blobs that no longer exist.
    fn sweep(&self) -> Result<(), Error> {
        self.sweep_tags()?;
        for path in files(&self.contents())? {
            // Read only the blob's identity, because a newer version may have written an unknown encoding.
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

    /// Reads every blob again and removes the damaged ones. Returns what remains and what was removed.
    pub fn verify(&self) -> Result<(Usage, Usage), Error> {
        let (mut intact, mut damaged) = (Usage::default(), Usage::default());
        for entry in self.entries()? {
            match if_exists(&entry.path, identity_of(&entry.path))? {
                // Another process has pruned it.
                None => {}
                Some(found) if found.digest == entry.digest => intact.add(&entry),
                Some(_) => {
                    remove(&entry.path)?;
                    damaged.add(&entry);
                }
            }
        }
        self.sweep()?;
        Ok((intact, damaged))
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

/// Returns the digest in a file's name.
fn digest_of(path: &Path) -> Option<Digest> {
    Digest::from_hex(path.file_name()?.to_str()?).ok()
}

/// Makes a blob the most recently used one. If the time cannot be set, for example on a read-only cache, nothing
/// changes.
fn touch(path: &Path) {
    let _order_stays = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Fails if no file can be created in a directory.
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

/// Reads a small file. Returns nothing if it does not exist or cannot be parsed.
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
