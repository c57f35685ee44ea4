//! Where artifacts live: one trait to read, one to write, a few kinds of store, and one verified read.
//!
//! Architecture invariant: stores know nothing of Wasm and nothing of the split format. They move
//! manifests (bytes that are never re-serialised) and blobs (bytes named by digest and size).

pub mod blob_directory;
pub mod blobs;
pub mod cache;
pub mod credentials;
mod fetch;
pub mod layout;
pub mod offline;
mod raw_manifest;
pub mod remote;
pub mod retry;
mod session;
pub mod spool;
pub mod tail;

use std::error;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, Method};

pub use self::fetch::{fetch, fetch_into};
pub use self::raw_manifest::RawManifest;
pub use self::remote::Relayed;
use self::remote::TooSlow;
use self::retry::Retry;
pub use self::session::Session;
use crate::digest::{Digest, Identity, Mismatch};
use crate::manifest::Descriptor;
use crate::reference::Name;

/// The largest manifest that is read, in bytes: what registries are asked to accept at least.
///
/// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests>.
pub const MAX_MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// How a pushed blob came to be in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Its bytes were sent.
    Sent,
    /// The store took them from another of its repositories; no bytes were sent.
    Mounted,
}

/// Which kind of store it is, as far as users repair it in different ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// A layout in this directory.
    Layout(PathBuf),
    /// A directory of blobs.
    BlobDirectory,
    /// A registry of which only the cache is read.
    Offline,
    /// Any other store, such as a registry.
    Other,
}

/// A store, or something in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The whole store, such as "an OCI layout".
    Store(&'static str),
    /// A blob.
    Blob(Box<Digest>),
    /// Anything else, such as "manifest `1.0`".
    Other(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(words) => f.write_str(words),
            Self::Blob(digest) => write!(f, "blob {digest}"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// Unverified bytes on their way to [`fetch`].
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// A repository that can be read: manifests by tag or digest, and the blobs they name.
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns the name people know it by: `oci:DIR`, `blobs:DIR`, or `host/repository`.
    fn location(&self) -> String;

    /// Returns which kind of store this is.
    fn kind(&self) -> StoreKind {
        StoreKind::Other
    }

    /// Returns a manifest whose bytes have the digest that was asked for, or that the tag names.
    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error>;

    /// Returns the digest of the manifest that a name stands for, without the manifest where that can be.
    async fn resolve(&self, name: &Name) -> Result<Digest, Error> {
        Ok(self.manifest(name).await?.digest)
    }

    /// Returns whether a blob of this digest and size is there.
    async fn has(&self, blob: Identity) -> Result<bool, Error>;

    /// Returns the size of a blob in bytes, if the blob exists.
    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error>;

    /// Opens a blob at byte `from` (less than its size, or 0), for [`fetch`], which verifies what comes.
    async fn open(&self, blob: Identity, from: u64) -> Result<ByteStream, Error>;

    /// Opens the file of a blob in a store whose files are read in place. Returns nothing if the file does not exist
    /// or has another size, or if blobs of this store have to be fetched. The bytes are not verified.
    fn local_file(&self, _blob: Identity) -> Result<Option<File>, Error> {
        Ok(None)
    }

    /// Returns every tag, in the order of the store.
    async fn tags(&self) -> Result<Vec<String>, Error>;

    /// Returns the manifests whose subject is `subject`, or those of them with an artifact type. One that
    /// is listed may be gone.
    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error>;

    /// Returns how a registry answered that neither lists referrers nor says that it cannot, if it did so. Until it does
    /// otherwise, [`Self::referrers`] knows only what is listed under a tag.
    fn referrers_doubt(&self) -> Option<String> {
        None
    }

    /// Says what [`Self::referrers`] left out because it cannot be read or checked, if it did so.
    fn referrers_left_out(&self) -> Option<String> {
        None
    }

    /// Passes a request of a gateway's client for `endpoint`, such as `tags/list`, on to the registry, and returns the
    /// registry's answer, whatever it is. So challenges, conditional requests, cursors and digests of other algorithms
    /// stay between the client and the registry. A store that is no registry returns nothing; the gateway then answers
    /// from the other methods.
    async fn passthrough(
        &self,
        _method: &Method,
        _endpoint: &str,
        _query: Option<&str>,
        _headers: HeaderMap,
    ) -> Result<Option<Relayed>, Error> {
        Ok(None)
    }

    /// Returns how a transfer that breaks off is tried again.
    fn retry(&self) -> Retry {
        Retry::NEVER
    }
}

/// A repository that can be written to as well.
#[async_trait]
pub trait WritableStore: Store {
    /// Takes a blob from another repository of the same registry, if one is known to have it. Returns whether
    /// the blob exists now; no bytes are sent.
    async fn mount(&self, _blob: Identity) -> Result<bool, Error> {
        Ok(false)
    }

    /// Stores the content of `file` under its identity, after [`Store::has`] has found the blob missing.
    async fn push(&self, blob: Identity, file: &Path) -> Result<Delivery, Error>;

    /// Stores a manifest whose blobs all exist, then moves `tag` to it. A manifest with a subject is among the
    /// subject's [`Store::referrers`] from then on.
    async fn push_manifest(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error>;
}

/// What a transfer tells whoever watches it. Called from any thread; must not block.
pub trait Observer: Send + Sync {
    /// So many bytes more will have to be moved.
    fn planned(&self, _bytes: u64) {}
    /// So many bytes of contents or blobs went through.
    fn moved(&self, _bytes: u64) {}
    /// So many bytes were read from the cache instead of the store.
    fn cache_hit(&self, _bytes: u64) {}
    /// So many bytes were read from a blob directory instead of the store.
    fn directory_hit(&self, _bytes: u64) {}
    /// A blob directory has something that cannot be used, so the store is asked.
    fn unusable(&self, _problem: &str) {}
    /// The server asks for so long a wait before the next attempt. `reason` names the server, its answer and the request.
    fn waiting(&self, _reason: &str, _wait: Duration) {}
    /// Something that users should know and that fails nothing. The same text may come several times.
    fn warned(&self, _warning: &str) {}
    /// A request was answered (`outcome` is a status or an error). The URL holds no secret.
    fn requested(&self, _method: &str, _url: &str, _outcome: &str) {}
}

/// Watches nothing.
impl Observer for () {}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest, tag, blob or layout does not exist.
    #[error("{what} not found in {location}")]
    NotFound {
        /// The manifest, tag, blob or layout.
        what: Subject,
        /// The store.
        location: String,
        /// Its kind.
        kind: StoreKind,
    },
    /// The registry or its token server does not let us (401, 403).
    #[error("{location} refused {what}: {reason}")]
    Refused {
        /// The request.
        what: String,
        /// The store.
        location: String,
        /// What the other side said.
        reason: String,
    },
    /// Bytes that are not the ones their name promises.
    #[error("{what} in {location} is damaged")]
    Corrupt {
        /// The blob or manifest.
        what: Subject,
        /// The store.
        location: String,
        /// Its kind.
        kind: StoreKind,
        /// What was expected and found.
        source: Box<Mismatch>,
    },
    /// Something stored cannot be read as what it should be.
    #[error("{what} in {location} is malformed: {reason}")]
    Malformed {
        /// The file or answer.
        what: String,
        /// The store.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The other side could not be reached, or broke off and went on doing so.
    #[error("{what} failed after {attempts} {}", if *attempts == 1 { "attempt" } else { "attempts" })]
    Unreachable {
        /// The request.
        what: String,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        source: Box<dyn error::Error + Send + Sync>,
    },
    /// An answer that is none of the expected ones.
    #[error("{what}: {location} answered {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Answer {
        /// The request.
        what: String,
        /// The store.
        location: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own words, cut to a readable length.
        message: String,
    },
    /// The answer is none of a registry: a web page, or a success that registries do not send.
    #[error("{what}: {location} answered {status} with {content}, which no registry does")]
    NotRegistry {
        /// The request.
        what: String,
        /// The host that answered.
        location: String,
        /// The HTTP status.
        status: u16,
        /// The content type, in words.
        content: String,
    },
    /// The body was encoded on its way, so it is not what is stored.
    #[error(
        "{what}: {location} answered with Content-Encoding {encoding}, which was not asked for"
    )]
    Encoded {
        /// The request.
        what: String,
        /// The host that answered.
        location: String,
        /// The encoding.
        encoding: String,
    },
    /// The registry took an upload, and has something else or nothing under its digest.
    #[error("{what}: {location} accepted the upload, but {}", match found {
        Some(found) => format!("says that it has digest {found}, not {sent}"),
        None => format!("has nothing under its digest {sent}"),
    })]
    NotStored {
        /// The request.
        what: String,
        /// The registry.
        location: String,
        /// The digest of the bytes that were sent.
        sent: Box<Digest>,
        /// The digest that the registry names.
        found: Option<Box<Digest>>,
    },
    /// The registry has no list of its repositories, or shows it to nobody like us.
    #[error("{location} lists no repositories")]
    NoCatalog {
        /// The registry.
        location: String,
    },
    /// Others wrote the same thing at the same time, and went on doing so.
    #[error("{what} in {location} was written {writes} times, and overwritten by others each time")]
    Overwritten {
        /// What was written.
        what: String,
        /// The store.
        location: String,
        /// How often.
        writes: u32,
    },
    /// What was asked for cannot be done with these settings.
    #[error("{reason}")]
    Settings {
        /// What and why.
        reason: String,
    },
    /// The program is stopping while work is under way.
    #[error("the work was cut short")]
    Interrupted,
    /// What several waited for failed; each of them is told.
    #[error(transparent)]
    Shared(Arc<Error>),
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// Names the file that an I/O error is about.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Says that something is not in a store.
    pub fn not_found(store: &dyn Store, what: Subject) -> Self {
        Self::NotFound {
            what,
            location: store.location(),
            kind: store.kind(),
        }
    }

    /// Says that something in a store is not what its name promises.
    pub fn corrupt(store: &dyn Store, what: Subject, mismatch: Mismatch) -> Self {
        Self::Corrupt {
            what,
            location: store.location(),
            kind: store.kind(),
            source: Box::new(mismatch),
        }
    }

    /// Makes an error of settings that cannot work.
    pub(crate) fn settings(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Settings { reason }
    }

    /// Returns whether a file or a directory may only be read.
    pub fn is_read_only(&self) -> bool {
        let kinds = [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
        ];
        matches!(self, Self::File { source, .. } if kinds.contains(&source.kind()))
    }

    /// Returns what failed, whoever else was told of it.
    pub fn unshared(&self) -> &Self {
        match self {
            Self::Shared(error) => error.unshared(),
            error => error,
        }
    }

    /// Returns whether trying again may help: a broken connection or a body that ended early.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if !source.is::<TooSlow>())
    }
}

/// Returns an error and all that led to it, the innermost last.
pub(crate) fn causes<'a>(
    error: &'a (dyn error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Returns an error with all that led to it, on one line.
pub(crate) fn chain(error: &(dyn error::Error + 'static)) -> String {
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.join(": ")
}

/// Runs work that waits for the disk or keeps a processor busy away from the async threads.
pub(crate) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => Err(Error::Interrupted.into()),
    }
}
