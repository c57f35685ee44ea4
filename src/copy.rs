//! Moving blobs into a store, written once.

use std::path::Path;

use crate::digest::Identity;
use crate::store::{Delivery, Error, Observer, Store};

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
}

/// Stores a blob, from a file that holds it, unless it is there.
pub async fn push_blob(
    store: &dyn Store,
    blob: Identity,
    file: &Path,
    observer: &dyn Observer,
) -> Result<Pushed, Error> {
    if store.has(blob).await? {
        let sent = false;
        return Ok(Pushed { blob, sent });
    }
    send_blob(store, blob, file, observer).await
}

/// Stores a blob that was found missing, from a file that holds it.
pub async fn send_blob(
    store: &dyn Store,
    blob: Identity,
    file: &Path,
    observer: &dyn Observer,
) -> Result<Pushed, Error> {
    observer.planned(blob.size);
    let sent = store.push(blob, file).await? == Delivery::Sent;
    Ok(Pushed { blob, sent })
}
