//! Errors of a copy, and the side that failed.

use crate::digest::Digest;
use crate::store;

/// The reason why an artifact could not be copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading from the source failed.
    #[error("{what} could not be read from the source")]
    Source {
        /// The manifest, blob or list.
        what: String,
        /// The cause.
        source: store::Error,
    },
    /// Reading from or writing to the target failed.
    #[error("{what} could not be copied to the target")]
    Target {
        /// The manifest, blob or list.
        what: String,
        /// The cause.
        source: store::Error,
    },
    /// Writing a blob to a temporary file failed.
    #[error("{what} could not be kept on its way")]
    Spool {
        /// The blob.
        what: String,
        /// The cause.
        source: store::Error,
    },
    /// A tag that must not move names another manifest in the target.
    #[error("`{tag}` in {location} is {existing}, and {digest} in the source")]
    Fixed {
        /// The tag.
        tag: String,
        /// The target.
        location: String,
        /// The manifest in the target.
        existing: Digest,
        /// The manifest in the source.
        digest: Digest,
    },
    /// Another client changed a tag that must not move, between our write and our check.
    #[error("`{tag}` was written by somebody else at the same time: {location} now has {existing}")]
    Overtaken {
        /// The tag.
        tag: String,
        /// The target.
        location: String,
        /// The manifest that the tag names now.
        existing: Digest,
    },
}

impl Error {
    /// Returns the error for a failed read of `what` from the source.
    pub(super) fn source(what: impl ToString) -> impl FnOnce(store::Error) -> Self {
        move |source| Self::Source {
            what: what.to_string(),
            source,
        }
    }

    /// Returns the error for a failed read or write of `what` in the target.
    pub(super) fn target(what: impl ToString) -> impl FnOnce(store::Error) -> Self {
        move |source| Self::Target {
            what: what.to_string(),
            source,
        }
    }

    /// Returns whether the source lacks the manifest, blob or list.
    pub(super) fn is_absence(&self) -> bool {
        let absent = |source: &store::Error| matches!(source, store::Error::NotFound { .. });
        matches!(self, Self::Source { source, .. } if absent(source))
    }

    /// Returns the store's error, if a store failed.
    pub fn store_error(&self) -> Option<&store::Error> {
        match self {
            Self::Source { source, .. }
            | Self::Target { source, .. }
            | Self::Spool { source, .. } => Some(source),
            Self::Fixed { .. } | Self::Overtaken { .. } => None,
        }
    }
}
