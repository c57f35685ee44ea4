//! What a caller can show while the index is read or updated.

use super::error::Error;
use super::sources::Source;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The index was damaged, or of another version, and was rebuilt with its sources and nothing else.
    Rebuilt {
        /// Why.
        reason: &'a str,
    },
    /// A manifest names other imports or exports than its root has.
    Corrected {
        /// The artifact.
        reference: &'a str,
    },
    /// An artifact has split forms that are not used.
    Unused(String),
    /// A source, a repository or an artifact could not be read.
    Unread(&'a Unread),
    /// The types of an artifact could not be read, so that a shared index is without them.
    NoTypes(&'a Unread),
    /// A source was removed while it was read.
    Removed(&'a Source),
    /// Some of many things are done.
    Progress {
        /// How many are done.
        done: usize,
        /// How many there are.
        count: usize,
        /// What they are.
        things: &'static str,
    },
}

/// Something that could not be read.
#[derive(Debug)]
pub struct Unread {
    /// The source, the repository or the artifact.
    pub what: String,
    /// The cause.
    pub error: Error,
}

/// Receives events.
pub type Watch<'a> = &'a (dyn Fn(Event<'_>) + Sync);
