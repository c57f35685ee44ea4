//! What requests carry: nothing, a manifest, or a piece of a file that is read as it goes out.

use std::fmt;
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

/// How much of a file is read at a time.
const READ_BYTES: u64 = 128 * 1024;

/// A body that can be made anew for every attempt.
pub(super) enum Body {
    /// None, and for methods that have one a length of 0.
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// `length` bytes of a file from `start` on.
    File {
        path: PathBuf,
        start: u64,
        length: u64,
    },
}

impl Body {
    /// Gives a request this body and its length; registries refuse bodies without one. `sent` counts what
    /// goes out of a file.
    pub(super) async fn attach(
        &self,
        builder: RequestBuilder,
        observer: &Arc<dyn Observer>,
        sent: &Arc<AtomicU64>,
    ) -> Result<RequestBuilder, Error> {
        match self {
            Self::Empty => Ok(builder),
            Self::Bytes(bytes) => Ok(builder.body(bytes.clone())),
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

/// Hears of every piece that goes out.
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
            let failed = |source| FileFailed { path, source };
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

/// The file could not be read while it was being sent; found again in the HTTP client's error.
#[derive(Debug)]
pub(super) struct FileFailed {
    path: PathBuf,
    source: io::Error,
}

impl FileFailed {
    pub(super) fn to_error(&self) -> Error {
        let source = io::Error::new(self.source.kind(), self.source.to_string());
        Error::file(&self.path)(source)
    }
}

impl fmt::Display for FileFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl std::error::Error for FileFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
