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

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use quick_cache::sync::Cache;

use self::body::Body;
use self::buffers::Buffers;
use super::metrics::Metrics;
use crate::artifact::SplitManifest;
use crate::content::{Engine, Origin, Settings};
use crate::digest::Digest;
use crate::error::Error;
use crate::store::ByteStream;

/// How many components are remembered as proven.
const MAX_PROVEN: usize = 65_536;

/// A split artifact, and where its layers come from with the rights of whoever asks.
#[derive(Clone)]
pub struct Component {
    /// Where the layers are fetched.
    pub origin: Origin,
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
    proven: Cache<(Digest, Digest), ()>,
    metrics: Arc<Metrics>,
}

impl Contents {
    /// Opens or makes the directory.
    pub fn open(settings: Settings, metrics: Arc<Metrics>) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self {
            look_ahead: settings.session.transfers().min(8),
            engine: Engine::open(settings)?,
            buffers: Arc::default(),
            proven: Cache::new(MAX_PROVEN),
            metrics,
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
        self.metrics.splices.inc();
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
        self.proven.get(&names(component)).is_some()
    }

    fn prove(&self, component: &SplitManifest) {
        self.proven.insert(names(component), ());
    }
}

/// The split digest names all parts and the whole.
fn names(component: &SplitManifest) -> (Digest, Digest) {
    (component.config.digest, component.content.digest)
}
