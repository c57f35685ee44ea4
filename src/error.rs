//! The errors of pushing, pulling, splitting and reading, and the kind of each failure.
//!
//! Errors of the lower modules are wrapped here. This module must not know exit codes or hints, which the command line
//! derives from the kinds.

use std::io;
use std::path::PathBuf;

use crate::assets::packed;
use crate::digest::Identity;
use crate::{acceptance, artifact, copy, section, split, store, stub};

/// A component could not be pushed, pulled, split or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is not a component, or could not be read.
    #[error(transparent)]
    Section(#[from] section::Error),
    /// The input could not be read.
    #[error("reading the component")]
    Source(#[source] io::Error),
    /// The input changed after it was hashed.
    #[error("the component changed while it was read")]
    Changed,
    /// A layer could not be encoded into its file.
    #[error("writing layer {path}")]
    Encode {
        /// The section path; `root` for the root.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The fetched artifact does not follow the rules of its form.
    #[error("{reference} is not a valid artifact")]
    Artifact {
        /// The artifact.
        reference: String,
        /// The reason to reject it.
        source: artifact::Error,
    },
    /// The fetched manifest is not a component.
    #[error("{reference} is {what}, not a component")]
    Foreign {
        /// The artifact.
        reference: String,
        /// The kind of the manifest.
        what: Box<artifact::Foreign>,
    },
    /// The split manifest would be too large.
    #[error("the manifest would have {bytes} bytes, at most {most} are allowed")]
    ManifestSize {
        /// The number of bytes.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// The store lacks remote files of the component, and no directory has them.
    #[error("{location} does not have the remote {}", list_paths(paths))]
    MissingRemoteFiles {
        /// The store.
        location: String,
        /// The paths that the component lists.
        paths: Vec<String>,
        /// Whether directories were searched.
        has_directories: bool,
    },
    /// A path that must be a directory is none.
    #[error("{} is not a directory", path.display())]
    NoDirectory {
        /// The path.
        path: PathBuf,
    },
    /// A remote file has other bytes than the component lists.
    #[error("{} is not the file that the component lists: its content is different", path.display())]
    ChangedRemoteFile {
        /// The file.
        path: PathBuf,
    },
    /// The component could not be spliced.
    #[error(transparent)]
    Splice(#[from] split::SpliceError),
    /// The stub, from which the interface is read, could not be made.
    #[error("its interface cannot be read")]
    Stub(#[from] stub::Error),
    /// The artifact is not accepted.
    #[error(transparent)]
    Refused(#[from] acceptance::Refusal),
    /// Files could not be read from the component.
    #[error(transparent)]
    Assets(#[from] packed::Error),
    /// A blob ends before the requested range.
    #[error("bytes {offset} to {end} are not in blob {}, which has {} bytes", blob.digest, blob.size)]
    BlobRange {
        /// The blob.
        blob: Identity,
        /// The first requested byte.
        offset: u64,
        /// The byte after the last requested one.
        end: u64,
    },
    /// A store operation failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The maximum number of paths that an error lists.
const MAX_PATHS: usize = 3;

fn list_paths(paths: &[String]) -> String {
    let listed: Vec<String> = paths
        .iter()
        .take(MAX_PATHS)
        .map(|path| format!("`{path}`"))
        .collect();
    let noun = if paths.len() == 1 { "file" } else { "files" };
    let more = match paths.len().saturating_sub(MAX_PATHS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{noun} {}{more}", listed.join(", "))
}

/// The kind of a failure, for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A named object does not exist.
    NotFound,
    /// The server refuses access.
    Refused,
    /// Bytes or structures are damaged.
    Integrity,
    /// The server could not be reached, or broke off.
    Unreachable,
    /// The request contradicts the existing state.
    Conflict,
    /// The request is invalid, or not possible in this form.
    Usage,
    /// The user stopped the operation.
    Interrupted,
    /// Any other failure: a full disk, a missing permission, a setting.
    Other,
}

impl Kind {
    /// Returns the JSON word.
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
    /// Returns the kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Section(section::Error::Header { .. })
            | Self::Artifact { .. }
            | Self::Foreign { .. } => Kind::Integrity,
            Self::Splice(split::SpliceError::Write(_)) => Kind::Other,
            Self::Stub(stub::Error::Read { .. }) => Kind::Other,
            Self::Splice(_) | Self::Stub(_) => Kind::Integrity,
            Self::Section(section::Error::Unknown { .. }) | Self::MissingRemoteFiles { .. } => {
                Kind::NotFound
            }
            Self::NoDirectory { .. } => Kind::NotFound,
            Self::ChangedRemoteFile { .. } => Kind::Conflict,
            Self::BlobRange { .. } => Kind::Usage,
            Self::Refused(refusal) => refusal.kind(),
            Self::Assets(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Section(section::Error::Read { .. })
            | Self::Source(_)
            | Self::Changed
            | Self::Encode { .. }
            | Self::ManifestSize { .. } => Kind::Other,
        }
    }
}

impl packed::Error {
    /// Returns the kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoList | Self::Unknown { .. } | Self::Remote { .. } => Kind::NotFound,
            Self::Directory { .. } => Kind::Usage,
            Self::ListSize { .. } | Self::List(_) | Self::Data { .. } | Self::Damaged { .. } => {
                Kind::Integrity
            }
        }
    }
}

impl acceptance::Refusal {
    /// Returns the kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NotPinned { .. } => Kind::Integrity,
            _ => Kind::Conflict,
        }
    }
}

impl copy::Error {
    /// Returns the kind of this failure, on either side.
    pub fn kind(&self) -> Kind {
        self.store_error()
            .map_or(Kind::Conflict, store::Error::kind)
    }
}

impl store::Error {
    /// Returns the kind of this failure.
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
