//! Request bodies: empty, in memory, or a part of a file that is read while it is sent.

use std::convert::Infallible;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::stream;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_LENGTH;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::store::{Error, Observer};

/// The number of bytes of a file that are read at a time.
const READ_BYTES: u64 = 128 * 1024;

/// A body that can be created again for every attempt.
pub(super) enum Body {
    /// No body. The caller sets `Content-Length: 0` if a registry requires it.
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes that the HTTP client cannot send twice, so that no redirect takes them to another host.
    Unrepeatable(Bytes),
    /// `length` bytes of a file from `start` on.
    File {
        path: PathBuf,
        start: u64,
        length: u64,
    },
}

impl Body {
    /// Gives a request this body and its length, because registries refuse bodies of unknown length. `sent` counts the
    /// sent bytes of a file.
    pub(super) async fn attach(
        &self,
        builder: RequestBuilder,
        observer: &Arc<dyn Observer>,
        sent: &Arc<AtomicU64>,
    ) -> Result<RequestBuilder, Error> {
        match self {
            Self::Empty => Ok(builder),
            Self::Bytes(bytes) => Ok(builder.body(bytes.clone())),
            Self::Unrepeatable(bytes) => {
                let once = stream::iter([Ok::<_, Infallible>(bytes.clone())]);
                let body = reqwest::Body::wrap_stream(once);
                Ok(builder.header(CONTENT_LENGTH, bytes.len()).body(body))
            }
            Self::File {
                path,
                start,
                length,
            } => {
                let file = open(path, *start).await.map_err(Error::file(path))?;
                let watch = Watch {
                    observer: Arc::clone(observer),
                    sent: Arc::clone(sent),
                };
                let body = read(path.clone(), file, *length, watch);
                Ok(builder.header(CONTENT_LENGTH, *length).body(body))
            }
        }
    }
}

async fn open(path: &Path, start: u64) -> io::Result<File> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(start)).await?;
    Ok(file)
}

/// Counts the sent bytes of a file.
#[derive(Clone)]
struct Watch {
    observer: Arc<dyn Observer>,
    sent: Arc<AtomicU64>,
}

fn read(path: PathBuf, file: File, length: u64, watch: Watch) -> reqwest::Body {
    let pieces = stream::try_unfold((file, length), move |(mut file, left)| {
        let path = path.clone();
        let watch = watch.clone();
        async move {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = vec![0; left.min(READ_BYTES) as usize];
            let failed = |source| FileError { path, source };
            let read = match file.read(&mut piece).await {
                Ok(0) => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => read,
                Err(error) => return Err(failed(error)),
            };
            piece.truncate(read);
            watch.observer.moved(read as u64);
            watch.sent.fetch_add(read as u64, Ordering::Relaxed);
            Ok(Some((Bytes::from(piece), (file, left - read as u64))))
        }
    });
    reqwest::Body::wrap_stream(pieces)
}

/// The file could not be read while it was sent. The HTTP client's error has this as a cause.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub(super) struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    pub(super) fn to_error(&self) -> Error {
        let source = io::Error::new(self.source.kind(), self.source.to_string());
        Error::file(&self.path)(source)
    }
}
