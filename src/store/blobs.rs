//! A directory of blobs, `sha256/HEX`: the shape that layouts, the cache and container engines share.

use std::fs;
use std::io::{self, Read, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{ByteStream, Error};
use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::spool::Spool;
use crate::digest::{Digest, Identity, VerifyingReader};

/// How many bytes are copied at a time.
const COPY_BYTES: usize = 128 * 1024;

/// How many bytes are streamed at a time.
const STREAM_BYTES: usize = 256 * 1024;

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
        Ok(self.size(&blob.digest)? == Some(blob.size))
    }

    /// Returns the size of a blob's file, if there is one.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let path = self.path(digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file(&path)(error)),
        }
    }

    /// Streams a blob's file from byte `from` on, unverified.
    pub async fn stream(&self, digest: &Digest, from: u64) -> Result<ByteStream, Error> {
        let path = self.path(digest);
        file_stream(&path, from, u64::MAX).await
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

/// Streams up to `most` bytes of a file from byte `from` on, in pieces that are read off the async threads.
pub(crate) async fn file_stream(path: &Path, from: u64, most: u64) -> Result<ByteStream, Error> {
    let mut file = tokio::fs::File::open(path)
        .await
        .map_err(Error::file(path))?;
    file.set_max_buf_size(STREAM_BYTES);
    file.seek(SeekFrom::Start(from))
        .await
        .map_err(Error::file(path))?;
    let reader = (file.take(most), path.to_owned());
    let stream = stream::try_unfold(reader, async |(mut reader, path)| {
        let mut piece = BytesMut::with_capacity(STREAM_BYTES);
        let read = reader
            .read_buf(&mut piece)
            .await
            .map_err(Error::file(&path))?;
        Ok((read > 0).then(|| (piece.freeze(), (reader, path))))
    });
    Ok(stream.boxed())
}
