//! The content engine: the bytes of a blob or of a decoded content, verified, from wherever they are.
//!
//! ```text
//! Wanted + Origin -> Arrival (a file that is complete, or still growing)
//! in this order: decoded copy, cached blob, blob directories, the store; a decoded content comes from its blob
//! ```
//!
//! All readers of one blob or content share one [`Arrival`]: one fetch, and one decode. An arrival gives its last byte
//! only after all of it was verified.
//!
//! `pull` and the stub reader keep no decoded copies: they read a [`StoredContent`], and verify it as they read.
//!
//! An encoding that needs a second input, as a delta needs its base, touches `encoding` (the variant and its decoder)
//! and the two places in `stored` that say what a decoder reads: `Engine::input` and [`StoredContent::open`].

mod arrival;
mod directories;
mod integrity;
mod local;
mod stored;
mod transfer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::arrival::SingleFlight;
pub use self::arrival::{Arrival, FilePart, Reader, Ready};
use self::local::LocalFiles;
pub use self::stored::{Place, StoredContent, repair};
pub use self::transfer::is_about_rights;
use crate::digest::{Digest, Identity};
use crate::encoding::{EncodedBlob, Encoding};
use crate::store::blob_directory::BlobDirectory;
use crate::store::{Error, Session, Store};

/// How many contents are decoded at once while their blobs arrive, and how many from complete blobs. A decoder needs
/// as much memory as its window has, up to 8 MiB.
const MAX_DECODERS: usize = 4;

/// How many files are looked for at once. Each lookup takes a thread, and a pull looks for all its blobs when it begins.
const MAX_LOOKUPS: usize = 8;

/// How many upstreams have a semaphore before unused ones are dropped.
const MAX_UPSTREAMS: usize = 1000;

/// Where an engine keeps files, and how many bytes of them.
#[derive(Clone)]
pub struct Settings {
    /// The cache of blobs, the observer, and how many blobs are fetched at once from one upstream.
    pub session: Session,
    /// The directory of decoded contents; may be deleted at any time.
    pub directory: PathBuf,
    /// Blob directories that are read before a store. Their bytes do not count, and nothing in them is changed.
    pub directories: Vec<BlobDirectory>,
    /// The most bytes that blobs and decoded contents take together.
    pub max_bytes: u64,
}

/// The bytes that a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// A blob as it is stored.
    Blob(Identity),
    /// A content that is decoded from a blob. The blob is part of the key: what one manifest claims of a content must
    /// not fail the readers of another.
    Decoded {
        /// The blob, and how it holds the content.
        stored: EncodedBlob,
        /// The content.
        content: Identity,
    },
}

impl Wanted {
    /// Returns what a content is read from: a raw one is its blob.
    pub fn content(stored: EncodedBlob, content: Identity) -> Self {
        match stored.encoding {
            Encoding::Raw => Self::Blob(stored.blob),
            _ => Self::Decoded { stored, content },
        }
    }

    /// Returns the identity of the bytes.
    pub fn identity(&self) -> Identity {
        match self {
            Self::Blob(blob) => *blob,
            Self::Decoded { content, .. } => *content,
        }
    }
}

/// The store that blobs are fetched from, with the rights of the caller.
#[derive(Clone)]
pub struct Origin {
    /// Identifies the upstream. Readers of one upstream never wait for a fetch from another one, which may be slow or
    /// send wrong bytes.
    pub upstream: Digest,
    /// Where blobs are fetched.
    pub store: Arc<dyn Store>,
}

/// The files on this machine and those on their way.
pub struct Engine {
    files: LocalFiles,
    arrivals: Arc<SingleFlight>,
    session: Session,
    /// One permit a fetch, by upstream.
    transfers: Mutex<HashMap<Digest, Arc<Semaphore>>>,
    /// One permit a lookup.
    lookups: Arc<Semaphore>,
    /// One permit a decoder of a blob that is still arriving.
    early_decoders: Arc<Semaphore>,
    /// One permit a decoder of a complete blob.
    decoders: Arc<Semaphore>,
}

impl Engine {
    /// Opens or makes the directories, and removes files until they are within the bound.
    pub fn open(settings: Settings) -> Result<Arc<Self>, Error> {
        let engine = Self::new(settings);
        engine.files.keep_bound()?;
        Ok(engine)
    }

    /// Returns an engine for one command, which fetches into the cache and removes nothing there.
    pub fn of_session(session: &Session) -> Arc<Self> {
        Self::new(Settings {
            directory: session.cache.ingest().to_owned(),
            session: session.clone(),
            directories: Vec::new(),
            max_bytes: u64::MAX,
        })
    }

    fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            session: settings.session.clone(),
            files: LocalFiles::new(settings),
            arrivals: Arc::default(),
            transfers: Mutex::default(),
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
            early_decoders: Arc::new(Semaphore::new(MAX_DECODERS)),
            decoders: Arc::new(Semaphore::new(MAX_DECODERS)),
        })
    }

    /// Returns the directory that errors in reading a file name.
    pub fn directory(&self) -> &std::path::Path {
        self.files.directory()
    }

    /// Has the files of something checked again before they are next used.
    pub fn recheck(&self, wanted: &Wanted) {
        self.files.recheck(wanted);
    }

    /// Returns the upstream's semaphore: one for each, so that a slow upstream delays only its own clients.
    fn transfers(&self, upstream: Digest) -> Arc<Semaphore> {
        let mut transfers = self
            .transfers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if transfers.len() >= MAX_UPSTREAMS {
            transfers.retain(|_, used| Arc::strong_count(used) > 1);
        }
        let permits = self.session.transfers().min(Semaphore::MAX_PERMITS);
        let made = || Arc::new(Semaphore::new(permits));
        Arc::clone(transfers.entry(upstream).or_insert_with(made))
    }
}

/// Waits for a permit.
pub async fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let permit = Arc::clone(permits).acquire_owned().await;
    permit.map_err(|_| Error::Interrupted)
}
