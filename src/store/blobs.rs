//! A directory of blobs, `sha256/HEX`: the form that layouts, the cache and container engines share.

use std::fs::{self, File};
use std::io::{self, Read, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{ByteStream, Error, MAX_MANIFEST_BYTES, Store, Subject};
use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::spool::{Spool, if_exists};
use crate::digest::{Digest, Identity, Mismatch, VerifyingReader};

/// The number of bytes that are copied at a time.
const COPY_BYTES: usize = 128 * 1024;

/// The number of bytes that are streamed at a time.
const STREAM_BYTES: usize = 256 * 1024;

/// A directory that holds each blob as the file `sha256/HEX`.
#[derive(Debug, Clone)]
pub struct BlobFiles {
    root: PathBuf,
}

impl BlobFiles {
    /// Names a directory; reads and creates nothing.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the directory of the files.
    pub fn files(&self) -> PathBuf {
        self.root.join("sha256")
    }

    /// Returns the path of a blob, whether or not it exists.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.files().join(digest.hex())
    }

    /// Creates the directory.
    pub fn create(&self) -> Result<(), Error> {
        let files = self.files();
        fs::create_dir_all(&files).map_err(Error::file(&files))
    }

    /// Returns whether a file with the blob's name and size exists.
    pub fn has(&self, blob: Identity) -> Result<bool, Error> {
        Ok(self.size(&blob.digest)? == Some(blob.size))
    }

    /// Returns the size of a blob's file, if there is one.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let path = self.path(digest);
        let metadata = if_exists(&path, fs::metadata(&path))?;
        Ok(metadata.map(|metadata| metadata.len()))
    }

    /// Streams a blob's file from byte `from`, unverified.
    pub async fn stream(&self, digest: &Digest, from: u64) -> Result<ByteStream, Error> {
        let path = self.path(digest);
        file_stream(&path, from, u64::MAX).await
    }

    /// Stores a verified copy of the bytes of `source`, through a spool in `ingest`. With `durable`, the copy is on
    /// disk when this returns.
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

    /// Renames a spool with verified bytes to the name of its digest.
    pub fn adopt(&self, digest: &Digest, spool: Spool, durable: bool) -> io::Result<()> {
        if durable {
            spool.sync()?;
        }
        // If `has` failed for an existing file, that file is damaged and must be replaced. Replacing an intact one is
        // harmless.
        spool.replace(&self.path(digest))
    }
}

/// Reads and checks a manifest of a store from the file at `path`. Errors call it `what`.
pub(super) fn read_manifest(
    (file, path): (File, &Path),
    digest: Digest,
    what: String,
    store: &dyn Store,
) -> Result<Vec<u8>, Error> {
    let bytes = read_capped(file, MAX_MANIFEST_BYTES).map_err(Error::file(path))?;
    let Some(bytes) = bytes else {
        return Err(Error::Malformed {
            what,
            location: store.location(),
            reason: "it is too large".to_owned(),
        });
    };
    let found = Identity::of(&bytes);
    if found.digest != digest {
        let size = found.size;
        let expected = Identity { digest, size };
        let mismatch = Mismatch { expected, found };
        return Err(Error::corrupt(store, Subject::Other(what), mismatch));
    }
    Ok(bytes)
}

/// Reads a file of at most `most` bytes. Returns nothing if it is larger.
pub(super) fn read_capped(file: File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// Makes the error of a file whose size is not that of its blob.
pub(super) fn wrong_size_error(blob: Identity, size: u64, store: &dyn Store) -> Error {
    let mismatch = Mismatch {
        expected: blob,
        found: Identity { size, ..blob },
    };
    Error::corrupt(store, Subject::Blob(blob.digest.into()), mismatch)
}

/// Streams up to `most` bytes of a file from byte `from`, in parts that are read outside the async threads.
pub(crate) async fn file_stream(path: &Path, from: u64, most: u64) -> Result<ByteStream, Error> {
    let file = tokio::fs::File::open(path)
        .await
        .map_err(Error::file(path))?;
    stream_open_file(file, path, from, most).await
}

/// Works as [`file_stream`] on an open file.
pub(super) async fn stream_open_file(
    mut file: tokio::fs::File,
    path: &Path,
    from: u64,
    most: u64,
) -> Result<ByteStream, Error> {
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
