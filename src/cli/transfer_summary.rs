//! The blobs and bytes that a command moved to or from a store.

use serde::Serialize;
use wharf::copy::{BlobCounts, Tally};

use super::text;

/// Blobs sent to a store.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct SentBlobs {
    pub(crate) sent_bytes: u64,
    sent_blobs: u64,
    skipped_bytes: u64,
    skipped_blobs: u64,
}

impl SentBlobs {
    pub(crate) fn add(&mut self, sent: Tally, skipped: Tally) {
        self.sent_bytes += sent.bytes;
        self.sent_blobs += sent.blobs;
        self.skipped_bytes += skipped.bytes;
        self.skipped_blobs += skipped.blobs;
    }

    /// Returns the text. `also` follows the sent blobs.
    pub(crate) fn text(&self, also: &str) -> String {
        format!(
            "  sent     {} in {}{also}\n  skipped  {} in {} (already there)",
            text::size(self.sent_bytes),
            text::count(self.sent_blobs, "blob"),
            text::size(self.skipped_bytes),
            text::count(self.skipped_blobs, "blob"),
        )
    }
}

/// Blobs of remote files that a store now has.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct RemoteBlobs {
    remote_bytes: u64,
    remote_blobs: u64,
    /// The bytes of those that were sent.
    #[serde(skip)]
    pub(crate) sent_bytes: u64,
}

impl From<BlobCounts> for RemoteBlobs {
    fn from(BlobCounts { sent, skipped }: BlobCounts) -> Self {
        Self {
            remote_bytes: sent.bytes + skipped.bytes,
            remote_blobs: sent.blobs + skipped.blobs,
            sent_bytes: sent.bytes,
        }
    }
}

impl RemoteBlobs {
    /// Returns a line of text if there are any.
    pub(crate) fn text(&self) -> String {
        match self.remote_blobs {
            0 => String::new(),
            blobs => format!(
                "\n  remote   {} in {}",
                text::size(self.remote_bytes),
                text::count(blobs, "blob")
            ),
        }
    }
}

/// Blobs fetched from a store or found in the cache.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct FetchedBlobs {
    pub(crate) fetched_bytes: u64,
    fetched_blobs: u64,
    cached_bytes: u64,
    cached_blobs: u64,
}

impl FetchedBlobs {
    pub(crate) fn add(&mut self, fetched: Tally, cached: Tally) {
        self.fetched_bytes += fetched.bytes;
        self.fetched_blobs += fetched.blobs;
        self.cached_bytes += cached.bytes;
        self.cached_blobs += cached.blobs;
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> String {
        format!(
            "  fetched  {} in {}\n  cached   {} in {}",
            text::size(self.fetched_bytes),
            text::count(self.fetched_blobs, "blob"),
            text::size(self.cached_bytes),
            text::count(self.cached_blobs, "blob"),
        )
    }
}
