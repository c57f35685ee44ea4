//! The content engine: returns the verified bytes of a blob or of a decoded content, from wherever they are.
//!
//! ```text
//! ContentKey + BlobOrigin -> Arrival (a file that is complete, or still growing)
//! order: decoded copy, cached blob, blob directories, store; a content is decoded from its blob
//! ```
//!
//! All readers of a blob or content share one [`Arrival`], so it is fetched and decoded once. An arrival returns its
//! last byte only after everything is verified. The engine knows nothing about manifests, HTTP or Wasm; callers bring
//! the identity of the bytes, and a store with their rights.
//!
//! `pull` and the stub reader keep no decoded copies. They read a [`StoredContent`], and verify it while they read.
//!
//! An encoding may need a second input, such as the base of a delta. It then changes `encoding` (the variant and its
//! decoder) and the two places in `stored` that select a decoder's input: `Engine::input` and [`StoredContent::open`].

mod arrival;
mod directories;
mod integrity;
mod local;
mod placed;
mod room;
mod stored;
mod transfer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::arrival::SingleFlight;
pub use self::arrival::{Arrival, ArrivalReader, FilePart, ReadableBytes};
use self::local::LocalFiles;
pub use self::stored::{BlobPlace, StoredContent, repair};
pub use self::transfer::is_about_rights;
use crate::digest::{Digest, Identity};
use crate::encoding::{EncodedBlob, Encoding};
use crate::store::blob_directory::BlobDirectory;
use crate::store::{Error, Session, Store, TransferSlot};

/// The maximum number of decoders of arriving blobs, and of decoders of complete blobs. A decoder needs the memory of
/// its window, up to 8 MiB.
const MAX_DECODERS: usize = 4;

/// The maximum number of file lookups at once. Each takes a thread, and a pull looks up all its blobs when it begins.
const MAX_LOOKUPS: usize = 8;

/// The number of upstreams and components with a semaphore before unused semaphores are dropped.
const MAX_SEMAPHORES: usize = 1000;

/// The directories and limits of an engine.
#[derive(Clone)]
pub struct EngineSettings {
    /// The cache of blobs, the observer, and the maximum number of fetches at once from one upstream.
    pub session: Session,
    /// The directory of decoded contents. It may be deleted at any time.
    pub directory: PathBuf,
    /// Blob directories, read before the store. They do not count toward `max_bytes`, and the engine never changes
    /// them.
    pub directories: Vec<BlobDirectory>,
    /// The maximum size of blobs and decoded contents together, in bytes.
    pub max_bytes: u64,
    /// The free space to leave on the disk. Old files make room for new ones.
    pub min_free: MinFree,
}

/// The free space to leave on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinFree {
    /// No file is removed for free space.
    None,
    /// 256 MiB, or a twentieth of a small disk.
    Usual,
    /// This number of bytes.
    Bytes(u64),
}

/// The bytes that a reader needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentKey {
    /// A blob as it is stored.
    Blob(Identity),
    /// A content that is decoded from a blob. The blob is part of the key, so that a false claim in one manifest cannot
    /// fail readers of another.
    Decoded {
        /// The blob and its encoding.
        stored: EncodedBlob,
        /// The content.
        content: Identity,
    },
}

impl ContentKey {
    /// Returns the key of a content. A raw content is its blob.
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

    /// Returns the blob that the bytes come from.
    pub fn blob(&self) -> Identity {
        match self {
            Self::Blob(blob) => *blob,
            Self::Decoded { stored, .. } => stored.blob,
        }
    }
}

/// The store that blobs are fetched from, with the caller's rights.
#[derive(Clone)]
pub struct BlobOrigin {
    /// Identifies the upstream. Readers of one upstream never wait for a fetch from another, which may be slow or send
    /// wrong bytes.
    pub upstream: Digest,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The component whose fetches take at most half of the upstream's slots. Without a component, they may take all.
    pub component: Option<Digest>,
}

/// The files on this machine and the files in flight.
pub struct Engine {
    files: LocalFiles,
    arrivals: Arc<SingleFlight>,
    session: Session,
    /// One permit per fetch, by upstream, and by upstream and component.
    transfers: Mutex<HashMap<Digest, Arc<Semaphore>>>,
    /// One permit per lookup.
    lookups: Arc<Semaphore>,
    /// One permit per decoder of a blob that is still arriving.
    early_decoders: Arc<Semaphore>,
    /// One permit per decoder of a complete blob.
    decoders: Arc<Semaphore>,
}

impl Engine {
    /// Opens or creates the directories, and removes files until they fit `max_bytes`.
    pub fn open(settings: EngineSettings) -> Result<Arc<Self>, Error> {
        let engine = Self::new(settings);
        engine.files.enforce_limit()?;
        Ok(engine)
    }

    /// Returns an engine for one command. It fetches into the cache and removes nothing there.
    pub fn of_session(session: &Session) -> Arc<Self> {
        Self::new(EngineSettings {
            directory: session.cache.ingest().to_owned(),
            session: session.clone(),
            directories: Vec::new(),
            max_bytes: u64::MAX,
            min_free: MinFree::None,
        })
    }

    fn new(settings: EngineSettings) -> Arc<Self> {
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

    /// Returns the directory to name in read errors.
    pub fn directory(&self) -> &std::path::Path {
        self.files.directory()
    }

    /// Marks the files of a blob or content as unchecked, so that their next use checks them again.
    pub fn recheck(&self, wanted: &ContentKey) {
        self.files.recheck(wanted);
    }

    /// Returns a slot for a fetch. Each upstream has its own slots, so that a slow one delays only its own clients. A
    /// component's fetches wait for each other before they wait for the upstream's slots.
    fn slot(&self, upstream: Digest, component: Option<Digest>) -> TransferSlot {
        let permits = self.session.transfers().min(Semaphore::MAX_PERMITS);
        let component = component.map(|component| {
            let key = Digest::of(format!("{upstream}\n{component}").as_bytes());
            self.transfers(key, (permits / 2).max(1))
        });
        let all = self.transfers(upstream, permits);
        TransferSlot::new(component.into_iter().chain([all]).collect())
    }

    /// Returns a semaphore that all fetches with the same key share.
    fn transfers(&self, key: Digest, permits: usize) -> Arc<Semaphore> {
        let mut transfers = self
            .transfers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if transfers.len() >= MAX_SEMAPHORES {
            transfers.retain(|_, used| Arc::strong_count(used) > 1);
        }
        let made = || Arc::new(Semaphore::new(permits));
        Arc::clone(transfers.entry(key).or_insert_with(made))
    }
}

/// Waits for a permit.
pub async fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let permit = Arc::clone(permits).acquire_owned().await;
    permit.map_err(|_| Error::Interrupted)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::store::cache::Cache;

    #[test]
    fn a_component_takes_at_most_half_of_the_slots() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::open(directory.path()).unwrap());
        let engine = Engine::of_session(&Session::unobserved(cache, 4));
        let [upstream, one, two] =
            [b"upstream", b"one     ", b"two     "].map(|name| Digest::of(name));
        let mut slots = Vec::new();
        for (upstream, component, is_free) in [
            (upstream, Some(one), true),
            (upstream, Some(one), true),
            (upstream, Some(one), false),
            (upstream, Some(two), true),
            (upstream, None, true),
            (upstream, Some(two), false),
            (two, Some(one), true),
        ] {
            let mut slot = engine.slot(upstream, component);
            assert_eq!(slot.occupy().now_or_never().is_some(), is_free);
            slots.push(slot);
        }
    }
}
