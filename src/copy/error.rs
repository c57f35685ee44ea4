//! Why a copy did not come about, and which side it was.

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

    /// Returns what the store said.
    pub fn store_error(&self) -> &store::Error {
        match self {
            Self::Source { source, .. }
            | Self::Target { source, .. }
            | Self::Spool { source, .. } => source,
        }
    }
}
