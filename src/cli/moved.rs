//! What was moved between here and a store, as reports tell it.

use serde::Serialize;
use wharf::copy::{Outcome, Tally};

use super::text;

/// What went to a store.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Sent {
    pub(crate) sent_bytes: u64,
    sent_blobs: u64,
    skipped_bytes: u64,
    skipped_blobs: u64,
}

impl Sent {
    pub(crate) fn new(sent: Tally, skipped: Tally) -> Self {
        Self {
            sent_bytes: sent.bytes,
            sent_blobs: sent.blobs,
            skipped_bytes: skipped.bytes,
            skipped_blobs: skipped.blobs,
        }
    }

    pub(crate) fn add(&mut self, Outcome { sent, skipped }: Outcome) {
        self.sent_bytes += sent.bytes;
        self.sent_blobs += sent.blobs;
        self.skipped_bytes += skipped.bytes;
        self.skipped_blobs += skipped.blobs;
    }

    /// Returns what people read of it, with `also` behind what was sent.
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
