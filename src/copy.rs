//! Copies blobs into a store, and artifacts of any kind between stores.
//!
//! There is one implementation for all kinds of stores. It reads only the links of a manifest: it knows nothing about
//! Wasm, split artifacts, packages or versions. The caller says which tags must not move and which companion tags
//! belong to a manifest.

mod blobs;
mod copier;
mod error;
mod links;
mod tags;
mod tree;

use std::path::Path;
use std::time::{Duration, Instant};

pub use self::copier::Copier;
pub use self::error::Error;
use crate::digest::{Digest, Identity};
use crate::store::{self, Delivery, Observer, WritableStore};

/// A number of blobs and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of blobs.
    pub blobs: u64,
    /// The bytes as stored.
    pub bytes: u64,
}

impl Tally {
    /// Adds one blob.
    pub fn count(&mut self, blob: Identity) {
        self.blobs += 1;
        self.bytes += blob.size;
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
    }
}

/// A blob that the store now has.
#[derive(Debug, Clone, Copy)]
pub struct BlobTransfer {
    /// The blob.
    pub blob: Identity,
    /// Whether this process sent its bytes.
    pub sent: bool,
}

/// How many blobs were sent and skipped.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlobCounts {
    /// Blobs that this process sent.
    pub sent: Tally,
    /// Blobs that the store already had or took from another repository.
    pub skipped: Tally,
}

impl BlobCounts {
    /// Adds one blob.
    pub fn add(&mut self, pushed: BlobTransfer) {
        match pushed.sent {
            true => self.sent.count(pushed.blob),
            false => self.skipped.count(pushed.blob),
        }
    }

    /// Adds another outcome.
    pub fn merge(&mut self, other: Self) {
        self.sent.merge(other.sent);
        self.skipped.merge(other.skipped);
    }
}

/// The shortest and the longest wait before a written tag is read again.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Waits for other writers that read a tag before we wrote it. The wait is twice the time since `begun`, when our own
/// read began, within the bounds above.
pub(crate) async fn wait_for_writers(begun: Instant) {
    tokio::time::sleep((begun.elapsed() * 2).clamp(SHORTEST_WAIT, LONGEST_WAIT)).await;
}

/// Stores a blob from a file, unless the store has it.
pub async fn push_blob(
    store: &dyn WritableStore,
    blob: Identity,
    file: &Path,
    observer: &dyn Observer,
) -> Result<BlobTransfer, store::Error> {
    if store.has(blob).await? {
        let sent = false;
        return Ok(BlobTransfer { blob, sent });
    }
    send_blob(store, blob, file, observer).await
}

/// Stores a blob that the store lacks from a file.
pub async fn send_blob(
    store: &dyn WritableStore,
    blob: Identity,
    file: &Path,
    observer: &dyn Observer,
) -> Result<BlobTransfer, store::Error> {
    observer.planned(blob.size);
    let sent = store.push(blob, file).await? == Delivery::Sent;
    Ok(BlobTransfer { blob, sent })
}

/// A kind of manifest that belongs to another one by its tag: that of the manifest with the digest `HEX` is
/// `sha256-HEX.SUFFIX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Companion {
    /// The suffix, such as `yank`.
    pub suffix: &'static str,
    /// An annotation that the manifest has if it has the companion, or that an earlier companion of it has. Without it
    /// the source is not asked for the companion.
    pub annotation: Option<&'static str>,
}

/// The options of a copy.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    /// Whether to copy the referrers of the artifact and of its companions, and their referrers, and so on. Referrers
    /// of an index's children are not copied.
    pub referrers: bool,
    /// The kinds of companions, which are always copied with their manifest.
    pub companions: Vec<Companion>,
    /// Returns whether a tag must not move. The copy fails if such a tag names another manifest in the target
    /// ([`Error::Fixed`]), or if another writer changes it at the same time ([`Error::Overtaken`]). Stores cannot
    /// compare and swap. A client that looked before we wrote, and writes long after us, goes unnoticed.
    pub fixed_tags: fn(&str) -> bool,
}

/// The result of a copy.
#[derive(Debug, Clone, Copy)]
pub struct CopySummary {
    /// The requested manifest.
    pub digest: Digest,
    /// The number of manifests written, including children, companions and referrers.
    pub manifests: usize,
    /// Their blobs; each counts once.
    pub outcome: BlobCounts,
    /// Whether the copy wrote anything.
    pub has_written: bool,
}

impl CopySummary {
    fn empty(digest: Digest) -> Self {
        Self {
            digest,
            manifests: 0,
            outcome: BlobCounts::default(),
            has_written: false,
        }
    }
}
