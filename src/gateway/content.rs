//! Components, spliced from their layers while they are sent.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::artifact::SplitManifest;
use crate::error::Error;
use crate::store::cache::Cache;
use crate::store::{ByteStream, Store};

/// Where contents are kept, and how much of them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Blobs as they are stored upstream.
    pub cache: Arc<Cache>,
    /// Decoded layers, by digest of what they hold; may be deleted at any time.
    pub directory: PathBuf,
    /// The most bytes that blobs and decoded layers take together.
    pub max_bytes: u64,
    /// How many layers are fetched at once, for all clients together.
    pub max_transfers: usize,
}

/// A split artifact, and where its layers come from with the rights of whoever asks.
#[derive(Clone)]
pub struct Component {
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
    settings: Settings,
}

impl Contents {
    /// Opens or makes the directory.
    pub fn open(settings: Settings) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self { settings }))
    }

    /// Begins to send a component. What fails before the first byte is an error here, what fails later is one in
    /// the stream, which then ends without the last byte of the layer, or of the whole, that was wrong.
    pub async fn body(
        self: &Arc<Self>,
        _component: Component,
        _form: Form,
    ) -> Result<ByteStream, Error> {
        let _ = &self.settings;
        Err(crate::store::Error::Interrupted.into())
    }
}
