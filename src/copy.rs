//! Moving blobs into a store, and artifacts from one store to another, written once.

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

/// How many blobs, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub blobs: u64,
    /// Their stored bytes.
    pub bytes: u64,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, blob: Identity) {
        self.blobs += 1;
        self.bytes += blob.size;
    }

    /// Counts what another tally has counted.
    pub fn merge(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
    }
}

/// A blob that is now in the store.
#[derive(Debug, Clone, Copy)]
pub struct Pushed {
    /// The blob.
    pub blob: Identity,
    /// Whether its bytes were sent.
    pub sent: bool,
}

/// What became of many blobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Blobs whose bytes were sent.
    pub sent: Tally,
    /// Blobs that needed no sending.
    pub skipped: Tally,
}

impl Outcome {
    /// Counts one more.
    pub fn add(&mut self, pushed: Pushed) {
        match pushed.sent {
            true => self.sent.count(pushed.blob),
            false => self.skipped.count(pushed.blob),
        }
    }

    /// Counts what another outcome has counted.
    pub fn merge(&mut self, other: Self) {
        self.sent.merge(other.sent);
        self.skipped.merge(other.skipped);
    }
}

/// How long is waited at least, and at most, before a tag that was written is read again.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Waits until whoever looked at a tag before we wrote it has had the time to write it too: twice as long
/// as our own look and write took, which began at `begun`.
pub(crate) async fn settle(begun: Instant) {
    tokio::time::sleep((begun.elapsed() * 2).clamp(SHORTEST_WAIT, LONGEST_WAIT)).await;
}

/// Stores a blob, from a file that holds it, unless it is there.
pub async fn push_blob(
    store: &dyn WritableStore,
    blob: Identity,
    file: &Path,
    observer: &dyn Observer,
) -> Result<Pushed, store::Error> {
    if store.has(blob).await? {
        let sent = false;
        return Ok(Pushed { blob, sent });
    }
    send_blob(store, blob, file, observer).await
}

/// Stores a blob that was found missing, from a file that holds it.
pub async fn send_blob(
    store: &dyn WritableStore,
    blob: Identity,
    file: &Path,
    observer: &dyn Observer,
) -> Result<Pushed, store::Error> {
    observer.planned(blob.size);
    let sent = store.push(blob, file).await? == Delivery::Sent;
    Ok(Pushed { blob, sent })
}

/// How artifacts are copied.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether the referrers of the artifact and of its companions go with it, theirs too, and so on. Those
    /// of an index's children are not looked for.
    pub referrers: bool,
    /// What follows `sha256-HEX.` in the tags of the manifests that always go with the one whose digest
    /// is `HEX`, as in `yank`.
    pub companions: Vec<String>,
    /// Whether a tag is one that must not move. Where such a tag names another manifest in the target already,
    /// or comes to do so meanwhile, the copy fails ([`Error::Fixed`], [`Error::Overtaken`]). No store
    /// compares and swaps: who looked before we wrote and writes long after us goes unnoticed.
    pub fixed_tags: fn(&str) -> bool,
}

/// What was copied.
#[derive(Debug, Clone, Copy)]
pub struct Copied {
    /// The manifest that was asked for.
    pub digest: Digest,
    /// How many manifests were written, with children, companions and referrers.
    pub manifests: usize,
    /// Their blobs, each counted once.
    pub outcome: Outcome,
    /// Whether anything was written at all.
    pub news: bool,
}

impl Copied {
    fn nothing(digest: Digest) -> Self {
        Self {
            digest,
            manifests: 0,
            outcome: Outcome::default(),
            news: false,
        }
    }
}
