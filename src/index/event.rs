//! Events that a caller can show while the index is read or updated.

use super::error::Error;
use super::sources::Source;

/// An event.
#[derive(Debug)]
pub enum Event<'a> {
    /// The index was damaged, or of another version, and was rebuilt. Now it has only its sources.
    Rebuilt {
        /// The cause.
        reason: &'a str,
    },
    /// A manifest lists other imports or exports than its root has.
    Corrected {
        /// The artifact.
        reference: &'a str,
    },
    /// A split form of an artifact could not be used.
    Unused(String),
    /// A source, a repository or an artifact could not be read.
    Unread(&'a Unread),
    /// The types of an artifact could not be read, so the shared index is published without them.
    NoTypes(&'a Unread),
    /// A source was removed while it was being read.
    Removed(&'a Source),
    /// Part of the work is done.
    Progress {
        /// The number of finished items.
        done: usize,
        /// The number of all items.
        count: usize,
        /// The name of the items, in the plural.
        things: &'static str,
    },
}

/// A source, repository or artifact that could not be read, and the cause.
#[derive(Debug)]
pub struct Unread {
    /// The name of the source, repository or artifact.
    pub what: String,
    /// The cause.
    pub error: Error,
}

/// A function that receives events.
pub type Watch<'a> = &'a (dyn Fn(Event<'_>) + Sync);
