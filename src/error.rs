//! What can go wrong when the halves are joined, and what kind of failure it is.

use std::io;

use crate::{acceptance, artifact, copy, section, split, store, stub};

/// Why a component could not be pushed, pulled, split or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is no component, or could not be read.
    #[error(transparent)]
    Section(#[from] section::Error),
    /// The input could not be read.
    #[error("reading the component")]
    Source(#[source] io::Error),
    /// The input is not what it was when it was hashed.
    #[error("the component changed while it was read")]
    Changed,
    /// A layer could not be encoded into its file.
    #[error("writing layer {path}")]
    Encode {
        /// The section path; `root` for the root.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// What was fetched is no sound artifact of the form that it has.
    #[error("{reference} is no sound artifact")]
    Artifact {
        /// What was read.
        reference: String,
        /// Why it is not accepted.
        source: artifact::Error,
    },
    /// What was fetched is something else.
    #[error("{reference} is {what}, not a component")]
    Foreign {
        /// What was read.
        reference: String,
        /// What it is instead.
        what: Box<artifact::Foreign>,
    },
    /// The split manifest would be too large.
    #[error("the manifest would have {bytes} bytes, at most {most} are allowed")]
    ManifestSize {
        /// How many it would have.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// The component could not be put together.
    #[error(transparent)]
    Splice(#[from] split::SpliceError),
    /// What the interface is read from could not be made.
    #[error("its interface cannot be read")]
    Stub(#[from] stub::Error),
    /// The artifact is not accepted.
    #[error(transparent)]
    Refused(#[from] acceptance::Refusal),
    /// A store could not do what it was asked.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a failure means for who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that was named does not exist.
    NotFound,
    /// The other side does not let us.
    Refused,
    /// Bytes or structures that are not what they should be.
    Integrity,
    /// The other side could not be reached, or gave up on us.
    Unreachable,
    /// What is asked for contradicts what is there.
    Conflict,
    /// What is asked for makes no sense, or cannot be done like this.
    Usage,
    /// The user stopped it.
    Interrupted,
    /// Anything else: a full disk, a missing right, a setting.
    Other,
}

impl Kind {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Integrity => "integrity",
            Self::Unreachable => "unreachable",
            Self::Conflict => "conflict",
            Self::Usage => "usage",
            Self::Interrupted => "interrupted",
            Self::Other => "other",
        }
    }
}

impl Error {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Section(section::Error::Header { .. })
            | Self::Artifact { .. }
            | Self::Foreign { .. } => Kind::Integrity,
            Self::Splice(split::SpliceError::Write(_)) => Kind::Other,
            Self::Stub(stub::Error::Read { .. }) => Kind::Other,
            Self::Splice(_) | Self::Stub(_) => Kind::Integrity,
            Self::Refused(refusal) => refusal.kind(),
            Self::Store(error) => error.kind(),
            Self::Section(section::Error::Read { .. })
            | Self::Source(_)
            | Self::Changed
            | Self::Encode { .. }
            | Self::ManifestSize { .. } => Kind::Other,
        }
    }
}

impl acceptance::Refusal {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotPinned { .. } => Kind::Integrity,
            _ => Kind::Conflict,
        }
    }
}

impl copy::Error {
    /// Returns what kind of failure this is, whichever side it was.
    pub fn kind(&self) -> Kind {
        self.store_error()
            .map_or(Kind::Conflict, store::Error::kind)
    }
}

impl store::Error {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Shared(error) => error.kind(),
            Self::NotFound { .. } => Kind::NotFound,
            Self::Refused { .. } => Kind::Refused,
            Self::Corrupt { .. }
            | Self::Malformed { .. }
            | Self::NotRegistry { .. }
            | Self::Encoded { .. }
            | Self::NotStored { .. } => Kind::Integrity,
            Self::Answer {
                status: 401 | 403, ..
            } => Kind::Refused,
            Self::Unreachable { .. } | Self::Overwritten { .. } => Kind::Unreachable,
            Self::Answer { status, .. } if *status >= 500 || *status == 429 => Kind::Unreachable,
            Self::File { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                Kind::Integrity
            }
            _ => Kind::Other,
        }
    }
}
