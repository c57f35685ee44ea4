//! Components, spliced from their layers while they are sent.
//!
//! ```text
//! manifest + form -> route (which bytes of which layers, in order) -> sending (pieces, hashed as they go)
//!                                                                       follows flights: files here or on their way
//! flight: kept or held (a file that is here and sound)? else fetched and verified, or decoded and verified, once for all
//! ```
//!
//! What is sent is read from files at the pace of who it is sent to; nothing is held in memory but one piece for each.

mod buffers;
mod flight;
mod held;
mod kept;
mod route;
mod sending;
mod transfer;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use self::buffers::Buffers;
use self::flight::Flights;
use self::kept::Kept;
use self::sending::Sending;
use super::Log;
use super::metrics::Metrics;
use crate::artifact::SplitManifest;
use crate::digest::Digest;
use crate::error::Error;
use crate::store::cache::Cache;
use crate::store::held::Held;
use crate::store::{ByteStream, Store};

/// How many layers are decoded at once while they arrive, and how many that are here. A decoder needs as much memory
/// as its window has, up to 8 MiB.
const MAX_DECODERS: usize = 4;

/// How many components are remembered as proven before all are forgotten.
const MAX_PROVEN: usize = 65_536;

/// How many upstreams have a semaphore before unused ones are dropped.
const MAX_UPSTREAMS: usize = 1000;

/// Where contents are kept, and how much of them.
#[derive(Clone)]
pub struct Settings {
    /// Blobs as they are stored upstream.
    pub cache: Arc<Cache>,
    /// Decoded layers, each by the blob that it comes from; may be deleted at any time.
    pub directory: PathBuf,
    /// Where others keep blobs, which are read there before they are fetched. They are no part of the bound, and
    /// nothing there is ever changed.
    pub held: Vec<Held>,
    /// The most bytes that blobs and decoded layers take together.
    pub max_bytes: u64,
    /// How many layers are fetched at once from one upstream, for all clients together.
    pub max_transfers: usize,
    /// Who is told of what others keep and nobody can use.
    pub log: Log,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// A split artifact, and where its layers come from with the rights of whoever asks.
#[derive(Clone)]
pub struct Component {
    /// Identifies the upstream. Clients of one upstream never wait for a fetch from another one, which may be slow
    /// or send wrong bytes.
    pub upstream: Digest,
    /// Where the layers are fetched.
    pub store: Arc<dyn Store>,
    /// What was read and checked.
    pub manifest: Arc<SplitManifest>,
}

/// How a component is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Whole,
    /// A part of it, in bytes from its start; lies within it and is not empty.
    Range(Range<u64>),
    /// As zstd frames one after the other (`Content-Encoding: zstd`), whose length nobody knows before.
    Zstd,
}

/// All layers that are here or on their way, shared by all who are sent something.
#[derive(Debug)]
pub struct Contents {
    kept: Arc<Kept>,
    flights: Arc<Flights>,
    buffers: Arc<Buffers>,
    /// One permit a fetch, by upstream.
    transfers: Mutex<HashMap<Digest, Arc<Semaphore>>>,
    max_transfers: usize,
    /// One permit a decoder of a blob that is still arriving.
    early_decoders: Arc<Semaphore>,
    /// One permit a decoder of a blob that is here.
    decoders: Arc<Semaphore>,
    /// How many layers are begun before they are needed.
    look_ahead: usize,
    /// Split and content digest of components that came out right as a whole.
    proven: Mutex<HashSet<(Digest, Digest)>>,
    metrics: Arc<Metrics>,
}

impl Contents {
    /// Opens or makes the directory.
    pub fn open(settings: Settings) -> Result<Arc<Self>, Error> {
        let max_transfers = settings.max_transfers.clamp(1, Semaphore::MAX_PERMITS);
        let metrics = Arc::clone(&settings.metrics);
        Ok(Arc::new(Self {
            metrics,
            kept: Arc::new(Kept::open(settings)?),
            flights: Arc::default(),
            buffers: Arc::default(),
            transfers: Mutex::default(),
            max_transfers,
            early_decoders: Arc::new(Semaphore::new(MAX_DECODERS)),
            decoders: Arc::new(Semaphore::new(MAX_DECODERS)),
            look_ahead: max_transfers.min(8),
            proven: Mutex::default(),
        }))
    }

    /// Begins to send a component. What fails before the first byte is an error here, what fails later is one in
    /// the stream, which then ends without the last byte of the layer, or of the whole, that was wrong.
    ///
    /// Pieces have at most 256 KiB. A range is not checked as a whole; where it is a small part of a layer that is
    /// stored as it is, only that part is fetched, and cannot be checked. In zstd form the stored frames are checked
    /// and not what they hold: that is for who decodes them.
    pub async fn body(
        self: &Arc<Self>,
        component: Component,
        form: Form,
    ) -> Result<ByteStream, Error> {
        self.metrics.spliced();
        let mut sending = Sending::new(Arc::clone(self), component, &form);
        let first = sending.next().await?;
        let rest = stream::try_unfold(sending, async |mut sending| {
            let piece = sending.next().await?;
            Ok(piece.map(|piece| (piece, sending)))
        });
        Ok(stream::iter(first.map(Ok)).chain(rest).boxed())
    }

    fn is_proven(&self, component: &SplitManifest) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.contains(&names(component))
    }

    fn prove(&self, component: &SplitManifest) {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.len() >= MAX_PROVEN {
            proven.clear();
        }
        proven.insert(names(component));
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
        let made = || Arc::new(Semaphore::new(self.max_transfers));
        Arc::clone(transfers.entry(upstream).or_insert_with(made))
    }
}

/// The split digest names all parts and the whole.
fn names(component: &SplitManifest) -> (Digest, Digest) {
    (component.config.digest, component.content.digest)
}
