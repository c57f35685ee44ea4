//! Components that are spliced from their layers while they are sent.
//!
//! ```text
//! manifest + form -> plan (which bytes of which layers, in order) -> body (pieces, hashed while they are sent)
//!                                                                    reads arrivals of the content engine
//! ```
//!
//! The client's pace sets the pace of file reads. The server limits the pieces in memory; this module limits concurrent
//! reads. It knows nothing about HTTP or connections.

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
use self::plan::{BodyPlan, BodySource};
use super::metrics::Metrics;
use crate::artifact::{Layer, SplitManifest};
use crate::content::{BlobOrigin, Engine, EngineSettings};
use crate::digest::Digest;
use crate::error::Error;
use crate::store::{self, ByteStream, blocking};

/// The maximum number of components remembered as verified.
const MAX_VERIFIED: usize = 65_536;

/// A split artifact, and the origin of its layers with the client's rights.
#[derive(Clone)]
pub struct Component {
    /// The store of the layers.
    pub origin: BlobOrigin,
    /// The split manifest, checked.
    pub manifest: Arc<SplitManifest>,
}

/// The form in which a component is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyForm {
    /// The whole component, not encoded.
    Whole,
    /// A range of bytes from the start of the component. It lies within the component and is not empty.
    Range(Range<u64>),
    /// A sequence of zstd frames (`Content-Encoding: zstd`). Its length is not known in advance.
    Zstd,
}

/// The content engine, and the state that all bodies share.
pub struct Contents {
    engine: Arc<Engine>,
    buffers: Arc<Buffers>,
    /// The maximum number of layers to start before they are needed.
    look_ahead: usize,
    /// The split digest and content digest of components that were verified as a whole.
    verified: Cache<(Digest, Digest), ()>,
    metrics: Arc<Metrics>,
}

impl Contents {
    /// Opens or creates the directory.
    pub fn open(settings: EngineSettings, metrics: Arc<Metrics>) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self {
            look_ahead: settings.session.transfers().min(8),
            engine: Engine::open(settings)?,
            buffers: Arc::default(),
            verified: Cache::new(MAX_VERIFIED),
            metrics,
        }))
    }

    /// Starts to send a component. A failure before the first byte is returned here. A later failure is an error in the
    /// stream, which then ends without the last byte of the wrong layer or component.
    ///
    /// A piece has at most 256 KiB. A range is not checked as a whole. If it is a small part of a raw layer, only that
    /// part is fetched and it cannot be checked. The same applies to at most half of a layer's frames
    /// ([`Contents::is_unchecked`]). In zstd form the
    /// stored frames are checked but not their contents; the client's decoder has to do that.
    pub async fn body(
        self: &Arc<Self>,
        component: Component,
        form: BodyForm,
    ) -> Result<ByteStream, Error> {
        self.metrics.splices.inc();
        let plan = self.plan(&component, &form);
        let mut body = Body::new(Arc::clone(self), component, &form, plan);
        let first = body.next().await?;
        let rest = stream::try_unfold(body, async |mut body| {
            let piece = body.next().await?;
            Ok(piece.map(|piece| (piece, body)))
        });
        let pieces = stream::iter(first.map(Ok)).chain(rest);
        Ok(pieces.map_ok(Bytes::from).boxed())
    }

    /// Returns whether a body has bytes that cannot be checked, because only parts of their layers are read.
    pub fn is_unchecked(&self, component: &Component, form: &BodyForm) -> bool {
        let sources = self.plan(component, form).sources;
        sources.iter().any(|source| source.part.is_some())
    }

    /// Returns the stored bytes that a body needs and this machine lacks.
    pub async fn missing_bytes(
        self: &Arc<Self>,
        component: &Component,
        form: &BodyForm,
    ) -> Result<u64, store::Error> {
        let (contents, component, form) = (Arc::clone(self), component.clone(), form.clone());
        blocking(move || {
            let plan = contents.plan(&component, &form);
            let missing = plan.sources.iter();
            let missing = missing.filter(|source| !contents.engine.has(&source.wanted));
            Ok(missing
                .map(BodySource::fetched_bytes)
                .fold(0, u64::saturating_add))
        })
        .await
    }

    /// Plans a body. A zstd client gets a layer whose content alone is on this machine in new frames. Only this form
    /// looks at files, and only at their sizes.
    fn plan(&self, component: &Component, form: &BodyForm) -> BodyPlan {
        let is_decoded =
            |layer: &Layer| self.engine.has_only_content(layer.stored(), layer.content);
        BodyPlan::new(&component.manifest, form, &is_decoded)
    }

    /// Returns the content engine.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    fn is_verified(&self, component: &SplitManifest) -> bool {
        self.verified.get(&names(component)).is_some()
    }

    fn mark_verified(&self, component: &SplitManifest) {
        self.verified.insert(names(component), ());
    }
}

/// Returns the split digest, which covers all layers, and the digest of the whole component.
fn names(component: &SplitManifest) -> (Digest, Digest) {
    (component.config.digest, component.content.digest)
}
