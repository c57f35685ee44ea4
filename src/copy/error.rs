//! Why a copy did not come about, and which side it was.

use crate::digest::Digest;
use crate::store;

/// Why an artifact could not be copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something could not be read.
    #[error("{what} could not be read from the source")]
    Source {
        /// The manifest, blob or list.
        what: String,
        /// Why.
        source: store::Error,
    },
    /// Something could not be looked up or written.
    #[error("{what} could not be copied to the target")]
    Target {
        /// The manifest, blob or list.
        what: String,
        /// Why.
        source: store::Error,
    },
    /// A blob on its way could not be kept on this machine.
    #[error("{what} could not be kept on its way")]
    Spool {
        /// The blob.
        what: String,
        /// Why.
        source: store::Error,
    },
    /// A tag that must not move names something else in the target.
    #[error("`{tag}` in {location} is {existing}, and {digest} in the source")]
    Fixed {
        /// The tag.
        tag: String,
        /// The target.
        location: String,
        /// The manifest that it names there.
        existing: Digest,
        /// The one that it would name.
        digest: Digest,
    },
    /// Somebody else wrote a tag that must not move between our write and our look.
    #[error("`{tag}` was written by somebody else at the same time: {location} now has {existing}")]
    Overtaken {
        /// The tag.
        tag: String,
        /// The target.
        location: String,
        /// The manifest that it names now.
        existing: Digest,
    },
}

impl Error {
    /// Names what was read from the source.
    pub(super) fn source(what: impl ToString) -> impl FnOnce(store::Error) -> Self {
        move |source| Self::Source {
            what: what.to_string(),
            source,
        }
    }

    /// Names what was asked of the target.
    pub(super) fn target(what: impl ToString) -> impl FnOnce(store::Error) -> Self {
        move |source| Self::Target {
            what: what.to_string(),
            source,
        }
    }

    /// Returns whether the source does not have it.
    pub(super) fn is_absence(&self) -> bool {
        let absent = |source: &store::Error| matches!(source, store::Error::NotFound { .. });
        matches!(self, Self::Source { source, .. } if absent(source))
    }

    /// Returns what the store said, if it was a store that failed.
    pub fn store_error(&self) -> Option<&store::Error> {
        match self {
            Self::Source { source, .. }
            | Self::Target { source, .. }
            | Self::Spool { source, .. } => Some(source),
            Self::Fixed { .. } | Self::Overtaken { .. } => None,
        }
    }
}
