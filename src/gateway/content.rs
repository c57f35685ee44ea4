//! Components, spliced from their layers while they are sent.
//!
//! ```text
//! manifest + form -> plan (which bytes of which layers, in order) -> body (pieces, hashed as they are sent)
//!                                                                    reads arrivals of the content engine
//! ```
//!
//! Pieces are read from files at the pace of the client. The server bounds the pieces in memory; this module bounds how
//! many are read at once.

mod body;
mod buffers;
mod plan;

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use self::body::Body;
use self::buffers::Buffers;
use super::Log;
use super::metrics::Metrics;
use crate::artifact::SplitManifest;
use crate::content::{self, Engine, Origin};
use crate::digest::Digest;
use crate::error::Error;
use crate::store::blob_directory::BlobDirectory;
use crate::store::cache::Cache;
use crate::store::{ByteStream, Observer, Session, Store};

/// How many components are remembered as proven before all are forgotten.
const MAX_PROVEN: usize = 65_536;

/// Where contents are kept, and how much of them.
#[derive(Clone)]
pub struct Settings {
    /// Blobs as they are stored upstream.
    pub cache: Arc<Cache>,
    /// Decoded layers, each by the blob that it comes from; may be deleted at any time.
    pub directory: PathBuf,
    /// Where others keep blobs, which are read there before they are fetched. They are no part of the bound, and
    /// nothing there is ever changed.
    pub held: Vec<BlobDirectory>,
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

/// The content engine, and what all bodies share.
pub struct Contents {
    engine: Arc<Engine>,
    buffers: Arc<Buffers>,
    /// How many layers are begun before they are needed.
    look_ahead: usize,
    /// Split and content digest of components that came out right as a whole.
    proven: Mutex<HashSet<(Digest, Digest)>>,
    metrics: Arc<Metrics>,
}

impl Contents {
    /// Opens or makes the directory.
    pub fn open(settings: Settings) -> Result<Arc<Self>, Error> {
        let Settings { metrics, log, .. } = settings;
        let observer = Watcher {
            metrics: Arc::clone(&metrics),
            log,
        };
        let session = Session {
            cache: settings.cache,
            observer: Arc::new(observer),
            concurrency: settings.max_transfers,
        };
        Ok(Arc::new(Self {
            metrics,
            look_ahead: session.transfers().min(8),
            engine: Engine::open(content::Settings {
                session,
                directory: settings.directory,
                directories: settings.held,
                max_bytes: settings.max_bytes,
            })?,
            buffers: Arc::default(),
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
        let mut body = Body::new(Arc::clone(self), component, &form);
        let first = body.next().await?;
        let rest = stream::try_unfold(body, async |mut body| {
            let piece = body.next().await?;
            Ok(piece.map(|piece| (piece, body)))
        });
        let pieces = stream::iter(first.map(Ok)).chain(rest);
        Ok(pieces.map_ok(Bytes::from).boxed())
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
}

impl Component {
    fn origin(&self) -> Origin {
        Origin {
            upstream: self.upstream,
            store: Arc::clone(&self.store),
        }
    }
}

/// Counts what the engine reads, and logs what it cannot use.
struct Watcher {
    metrics: Arc<Metrics>,
    log: Log,
}

impl Observer for Watcher {
    fn moved(&self, bytes: u64) {
        self.metrics.from_upstream(bytes);
    }

    fn cache_hit(&self, bytes: u64) {
        self.metrics.from_cache(bytes);
    }

    fn directory_hit(&self, bytes: u64) {
        self.metrics.from_held(bytes);
    }

    fn unusable(&self, problem: &str) {
        self.metrics.failed("held");
        (self.log)(&format!("error: {problem}; upstream is asked instead"));
    }
}

/// The split digest names all parts and the whole.
fn names(component: &SplitManifest) -> (Digest, Digest) {
    (component.config.digest, component.content.digest)
}
