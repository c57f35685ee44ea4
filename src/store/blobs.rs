//! A directory of blobs, `sha256/HEX`: the shape that layouts, the cache and container engines share.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Error;
use super::spool::Spool;
use crate::digest::{Digest, Identity, VerifyingReader};

/// How many bytes are copied at a time.
const COPY_BYTES: usize = 128 * 1024;

/// A directory that holds each blob as the file `sha256/HEX`.
#[derive(Debug, Clone)]
pub struct BlobDirectory {
    root: PathBuf,
}

impl BlobDirectory {
    /// Names a directory; nothing is read or made.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the directory of the files.
    pub fn files(&self) -> PathBuf {
        self.root.join("sha256")
    }

    /// Returns where a blob is or would be.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.files().join(digest.hex())
    }

    /// Makes the directory.
    pub fn create(&self) -> Result<(), Error> {
        let files = self.files();
        fs::create_dir_all(&files).map_err(Error::file(&files))
    }

    /// Returns whether a file of the blob's name and size is there.
    pub fn has(&self, blob: Identity) -> Result<bool, Error> {
        let path = self.path(&blob.digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == blob.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::file(&path)(error)),
        }
    }

    /// Stores a verified copy of what `source` gives, through a spool in `ingest`; on the disk when
    /// this returns, if `durable`.
    pub fn add(
        &self,
        blob: Identity,
        source: impl Read,
        ingest: &Path,
        durable: bool,
        mut moved: impl FnMut(u64),
    ) -> io::Result<()> {
        let mut spool = Spool::new_in(ingest)?;
        let mut source = VerifyingReader::new(source, blob);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = source.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            spool.file().write_all(&buffer[..read])?;
            moved(read as u64);
        }
        self.adopt(&blob.digest, spool, durable)
    }

    /// Gives a spool whose bytes were verified the name of its digest.
    pub fn adopt(&self, digest: &Digest, spool: Spool, durable: bool) -> io::Result<()> {
        if durable {
            spool.sync()?;
        }
        // A file of this name that failed `has` is damaged; replacing is right for it and harmless else.
        spool.replace(&self.path(digest))
    }
}
