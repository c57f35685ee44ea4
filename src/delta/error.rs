//! The errors of delta files.

use std::io;

use crate::digest::{Digest, Mismatch};
use crate::error::Kind;
use crate::split::SpliceError;

/// A delta file could not be read or applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes do not begin like a delta file.
    #[error("not a delta file")]
    NotDelta,
    /// The file has another version of the format.
    #[error("version {0} of the delta format is not supported")]
    Version(u8),
    /// The header breaks a rule of the format.
    #[error("the delta file is damaged at byte {offset}: {reason}")]
    Header {
        /// The offset in the file, in bytes.
        offset: u64,
        /// The rule that is broken.
        reason: &'static str,
    },
    /// The file ends within its header.
    #[error("the delta file is damaged at byte {0}: the header ends early")]
    HeaderEnd(u64),
    /// The parts do not end where the file ends.
    #[error("the delta file has {found} bytes, and its header and parts have {expected}")]
    FileSize {
        /// The sum of header and parts, in bytes.
        expected: u128,
        /// The size of the file, in bytes.
        found: u64,
    },
    /// The file has no split policy or no config, so it works only with the artifact that it belongs to.
    #[error("the delta file is not a standalone file: it has no {0}")]
    NotStandalone(&'static str),
    /// The component is not the one that the delta file was made from.
    #[error("the component has the split digest {found}, and the delta file needs {expected}")]
    WrongSource {
        /// The split digest that the file names.
        expected: Digest,
        /// The split digest of the component.
        found: Digest,
    },
    /// A part needs a newer program.
    #[error("part {part}: {what} {number} is not known to this version")]
    Unsupported {
        /// The part, counted from 0.
        part: usize,
        /// `kind` or `method`.
        what: &'static str,
        /// The number of the kind or method.
        number: u8,
    },
    /// A part has a base or map that its method does not use, lacks one that it needs, or has a base that is too large.
    #[error("part {part}: its base or map does not fit its method")]
    Inputs {
        /// The part, counted from 0.
        part: usize,
    },
    /// A part names a base that the component does not have.
    #[error("part {part}: its base {digest} is not in the component")]
    Base {
        /// The part, counted from 0.
        part: usize,
        /// The digest that the part names.
        digest: Digest,
    },
    /// A part is of a layer that the new component does not have.
    #[error("part {part} is of layers[{layer}], which does not exist")]
    Layer {
        /// The part, counted from 0.
        part: usize,
        /// The number of the layer.
        layer: u64,
    },
    /// A part cannot be decoded.
    #[error("part {part}")]
    Part {
        /// The part, counted from 0.
        part: usize,
        /// The cause.
        source: io::Error,
    },
    /// A map cannot be parsed.
    #[error("part {part} is no map")]
    Map {
        /// The part, counted from 0.
        part: usize,
    },
    /// A part decodes to other bytes.
    #[error("part {part} has the wrong content")]
    Content {
        /// The part, counted from 0.
        part: usize,
        /// The expected and the actual identity.
        source: Mismatch,
    },
    /// The config in the file breaks a rule.
    #[error("the config in the delta file: {0}")]
    Config(String),
    /// A content is neither in the component nor in a part.
    #[error("layers[{0}] is neither in the component nor in the delta file")]
    Missing(usize),
    /// The component could not be rebuilt.
    #[error(transparent)]
    Splice(#[from] SpliceError),
    /// A file could not be read or written.
    #[error("{0}")]
    File(&'static str, #[source] io::Error),
}

impl Error {
    /// Returns the kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::File(..) | Self::Splice(SpliceError::Write(_)) => Kind::Other,
            _ => Kind::Integrity,
        }
    }
}
