//! Stores of artifacts: one trait to read, one to write, several kinds of store, and one verified read.
//!
//! A store moves manifests (bytes that are never serialised again) and blobs (bytes named by digest and size). All
//! kinds have the same traits, so copy, pull and the gateway are written once. This module must not know Wasm, the
//! split format, packages or the command line.

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
mod slot;
pub mod spool;
pub mod tail;

use std::error;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, Method};

pub use self::fetch::{fetch, fetch_into};
pub use self::raw_manifest::RawManifest;
pub use self::remote::RelayedResponse;
use self::remote::TooSlow;
use self::retry::Retry;
pub use self::session::Session;
pub use self::slot::TransferSlot;
use crate::digest::{Digest, Identity, Mismatch};
use crate::manifest::Descriptor;
use crate::reference::Name;

/// The largest manifest that is read, in bytes. Registries should accept manifests of at least this size.
///
/// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests>.
pub const MAX_MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// How the store received a pushed blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The bytes were sent.
    Sent,
    /// The store took them from another of its repositories; no bytes were sent.
    Mounted,
}

/// The kind of a store. The hints for repairs depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// A layout in this directory.
    Layout(PathBuf),
    /// A directory of blobs.
    BlobDirectory,
    /// A registry without network access: only the cache is read.
    Offline,
    /// Any other store, such as a registry.
    Other,
}

/// A store, or an object in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The whole store, such as "an OCI layout".
    Store(&'static str),
    /// A blob.
    Blob(Box<Digest>),
    /// Any other object, such as "manifest `1.0`".
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

/// The unverified bytes that [`fetch`] reads and checks.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// A repository that can be read: manifests by tag or digest, and their blobs.
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns the name that users see: `oci:DIR`, `blobs:DIR`, or `host/repository`.
    fn location(&self) -> String;

    /// Returns the kind of this store.
    fn kind(&self) -> StoreKind {
        StoreKind::Other
    }

    /// Returns a manifest. Its digest is the requested one, or the one that the tag names.
    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error>;

    /// Returns the digest of a manifest. Does not read the manifest if the store can answer without it.
    async fn resolve(&self, name: &Name) -> Result<Digest, Error> {
        Ok(self.manifest(name).await?.digest)
    }

    /// Returns whether a blob of this digest and size exists.
    async fn has(&self, blob: Identity) -> Result<bool, Error>;

    /// Returns the size of a blob in bytes, if the blob exists.
    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error>;

    /// Opens a part of a blob. The part begins before the blob's end, or at 0. More bytes of the blob may follow it. The
    /// bytes are not verified; [`fetch`] does that.
    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error>;

    /// Opens the file of a blob in a store whose files are read in place. Returns nothing if the file does not exist or
    /// has another size, or if the blobs of this store must be fetched. The bytes are not verified.
    fn local_file(&self, _blob: Identity) -> Result<Option<File>, Error> {
        Ok(None)
    }

    /// Returns every tag, in the order of the store.
    async fn tags(&self) -> Result<Vec<String>, Error>;

    /// Returns the manifests with this subject, optionally only those of one artifact type. A listed manifest may no
    /// longer exist.
    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error>;

    /// Returns the registry's answer to a request for referrers, if it implies but does not say that there is no
    /// referrers API. Until the registry answers otherwise, [`Self::referrers`] returns only the referrers listed under
    /// the referrers tag.
    fn referrers_doubt(&self) -> Option<String> {
        None
    }

    /// Returns what [`Self::referrers`] left out because it could not be read or checked.
    fn referrers_left_out(&self) -> Option<String> {
        None
    }

    /// Forwards a request for `endpoint`, such as `tags/list`, from a gateway's client to the registry, and returns any
    /// answer. The gateway need not understand challenges, conditional requests, cursors or digests of other
    /// algorithms. A store that is not a registry returns nothing; the gateway then answers from the other methods.
    async fn passthrough(
        &self,
        _method: &Method,
        _endpoint: &str,
        _query: Option<&str>,
        _headers: HeaderMap,
    ) -> Result<Option<RelayedResponse>, Error> {
        Ok(None)
    }

    /// Returns the retry policy for transfers that break off.
    fn retry(&self) -> Retry {
        Retry::NEVER
    }
}

/// A repository that can be read and written.
#[async_trait]
pub trait WritableStore: Store {
    /// Returns whether [`mount`](Self::mount) knows another repository with a blob. It may still be refused.
    fn may_mount(&self, _blob: Identity) -> bool {
        false
    }

    /// Takes a blob from another repository of the same registry, if one is known to have it. Returns whether
    /// the blob exists now; no bytes are sent.
    async fn mount(&self, _blob: Identity) -> Result<bool, Error> {
        Ok(false)
    }

    /// Stores the content of `file` under its identity, after [`Store::has`] has found the blob missing.
    async fn push(&self, blob: Identity, file: &Path) -> Result<Delivery, Error>;

    /// Stores a manifest whose blobs all exist, then moves `tag` to it. If the manifest has a subject, the subject's
    /// [`Store::referrers`] then include it.
    async fn push_manifest(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error>;
}

/// Receives the events of transfers. Called from any thread; must not block.
pub trait Observer: Send + Sync {
    /// The transfer will move this many more bytes.
    fn planned(&self, _bytes: u64) {}
    /// This many bytes of contents or blobs were moved.
    fn moved(&self, _bytes: u64) {}
    /// This many bytes were read from the cache instead of the store.
    fn cache_hit(&self, _bytes: u64) {}
    /// This many bytes were read from a blob directory instead of the store.
    fn directory_hit(&self, _bytes: u64) {}
    /// A blob directory has an unusable file, so the store is asked.
    fn unusable(&self, _problem: &str) {}
    /// The server asks the client to wait before the next attempt. `reason` names the server, its answer and the
    /// request.
    fn waiting(&self, _reason: &str, _wait: Duration) {}
    /// A warning about something that does not fail the operation. The same text may come several times.
    fn warned(&self, _warning: &str) {}
    /// A request was answered (`outcome` is a status or an error). The URL holds no secret.
    fn requested(&self, _method: &str, _url: &str, _outcome: &str) {}
}

/// Ignores all events.
impl Observer for () {}

/// An operation on a store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest, tag, blob or layout does not exist.
    #[error("{}", absence(what, location))]
    NotFound {
        /// The manifest, tag, blob or layout.
        what: Subject,
        /// The store.
        location: String,
        /// The kind of the store.
        kind: StoreKind,
    },
    /// The registry or its token server refuses access (401, 403).
    #[error("{location} refused {what}: {reason}")]
    Refused {
        /// The request.
        what: String,
        /// The store.
        location: String,
        /// The words of the server.
        reason: String,
    },
    /// The bytes do not have the digest and size of their name.
    #[error("{what} in {location} is damaged")]
    Corrupt {
        /// The blob or manifest.
        what: Subject,
        /// The store.
        location: String,
        /// The kind of the store.
        kind: StoreKind,
        /// The expected and the found identity.
        source: Box<Mismatch>,
    },
    /// A stored file or an answer cannot be parsed.
    #[error("{what} in {location} is malformed: {reason}")]
    Malformed {
        /// The file or answer.
        what: String,
        /// The store.
        location: String,
        /// The problem.
        reason: String,
    },
    /// The server could not be reached, or broke off every attempt.
    #[error("{what} failed after {attempts} {}", if *attempts == 1 { "attempt" } else { "attempts" })]
    Unreachable {
        /// The request.
        what: String,
        /// The number of attempts.
        attempts: u32,
        /// The last failure.
        source: Box<dyn error::Error + Send + Sync>,
    },
    /// The server sent an unexpected answer.
    #[error("{what}: {location} answered {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Answer {
        /// The request.
        what: String,
        /// The store.
        location: String,
        /// The HTTP status.
        status: u16,
        /// The registry's message, cut to a readable length.
        message: String,
        /// How long the server asks the client to wait. Boxed, so that errors stay small.
        retry_after: Option<Box<Duration>>,
    },
    /// The answer does not come from a registry: it is a web page, or a success that registries do not send.
    #[error("{what}: {location} answered {status} with {content}, which registries do not send")]
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
    /// The body was encoded in transit, so it is not the stored bytes.
    #[error(
        "{what}: {location} answered with Content-Encoding {encoding}, which the client did not request"
    )]
    Encoded {
        /// The request.
        what: String,
        /// The host that answered.
        location: String,
        /// The encoding.
        encoding: String,
    },
    /// The registry accepted an upload, but has other bytes or nothing under its digest.
    #[error("{what}: {location} accepted the upload, but {}", match found {
        Some(found) => format!("reports the digest {found} instead of {sent}"),
        None => format!("does not have {sent}"),
    })]
    NotStored {
        /// The request.
        what: String,
        /// The registry.
        location: String,
        /// The digest of the bytes that were sent.
        sent: Box<Digest>,
        /// The digest that the registry reports.
        found: Option<Box<Digest>>,
    },
    /// The registry has no list of its repositories, or does not show it to this client.
    #[error("{location} does not list its repositories")]
    NoCatalog {
        /// The registry.
        location: String,
    },
    /// Other writers overwrote the same object again and again.
    #[error("other clients overwrote {what} in {location} after each of {writes} writes")]
    Overwritten {
        /// The object.
        what: String,
        /// The store.
        location: String,
        /// The number of writes.
        writes: u32,
    },
    /// The settings do not allow the operation.
    #[error("{reason}")]
    Settings {
        /// The operation and the reason.
        reason: String,
    },
    /// The program is stopping while work is under way.
    #[error("the operation was interrupted")]
    Interrupted,
    /// An operation for several callers failed; each of them gets this error.
    #[error(transparent)]
    Shared(Arc<Error>),
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Says that an object does not exist. A whole store has no other place than its location.
fn absence(what: &Subject, location: &str) -> String {
    match what {
        Subject::Store(kind) => format!("{location} is not {kind}"),
        what => format!("{what} not found in {location}"),
    }
}

impl Error {
    /// Adds the file's name to an I/O error.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Returns the error for an object that a store does not have.
    pub fn not_found(store: &dyn Store, what: Subject) -> Self {
        Self::NotFound {
            what,
            location: store.location(),
            kind: store.kind(),
        }
    }

    /// Returns the error for an object that does not match its name.
    pub fn corrupt(store: &dyn Store, what: Subject, mismatch: Mismatch) -> Self {
        Self::Corrupt {
            what,
            location: store.location(),
            kind: store.kind(),
            source: Box::new(mismatch),
        }
    }

    /// Returns the error for settings that cannot work.
    pub(crate) fn settings(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Settings { reason }
    }

    /// Returns whether the error is that a file or directory is read-only.
    pub fn is_read_only(&self) -> bool {
        let kinds = [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
        ];
        matches!(self, Self::File { source, .. } if kinds.contains(&source.kind()))
    }

    /// Returns the original error of a shared one.
    pub fn unshared(&self) -> &Self {
        match self {
            Self::Shared(error) => error.unshared(),
            error => error,
        }
    }

    /// Returns the status of a server that limits requests or is overloaded (429 or 503), and how long it asks the
    /// client to wait.
    pub fn busy_status(&self) -> Option<(u16, Option<Duration>)> {
        let errors = causes(self.unshared()).filter_map(|error| error.downcast_ref());
        errors.map(Self::unshared).find_map(|error| match error {
            Self::Answer {
                status: status @ (429 | 503),
                retry_after,
                ..
            } => Some((*status, retry_after.as_deref().copied())),
            _ => None,
        })
    }

    /// Returns whether another attempt may succeed: the connection broke or the body ended early.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if !source.is::<TooSlow>())
    }
}

/// Returns an error and its causes, the innermost last.
pub(crate) fn causes<'a>(
    error: &'a (dyn error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// Returns an error and its causes on one line.
pub(crate) fn chain(error: &(dyn error::Error + 'static)) -> String {
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.join(": ")
}

/// Runs work that blocks on the disk or the processor outside the async threads.
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
