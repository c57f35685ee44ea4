//! The methods of parts. Each has a file of its own, and one arm in each match here.

use std::io::{self, Read, Write};

use super::prefix;

/// The encoding of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// zstd frames without a base.
    Whole,
    /// zstd frames, each with the whole base as prefix.
    Prefix,
    /// A method of a later version.
    Unknown(u8),
}

impl Method {
    /// Returns the method with this number in headers.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Whole,
            1 => Self::Prefix,
            other => Self::Unknown(other),
        }
    }

    /// Returns the number in headers.
    pub fn number(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::Prefix => 1,
            Self::Unknown(number) => number,
        }
    }

    /// Returns whether the method needs a base.
    pub fn has_base(self) -> bool {
        self == Self::Prefix
    }

    /// Encodes `size` bytes of `content` at one of zstd's levels. An early end of `content` is an error.
    pub(super) fn encode(
        self,
        base: &[u8],
        content: &mut dyn Read,
        size: u64,
        level: u8,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Whole => prefix::encode(&[], content, size, level, output),
            Self::Prefix => prefix::encode(base, content, size, level, output),
            Self::Unknown(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Decodes exactly `size` bytes of content. `stored` ends with the part.
    pub(super) fn decode(
        self,
        base: &[u8],
        stored: &mut dyn Read,
        size: u64,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Whole => prefix::decode(&[], stored, size, output),
            Self::Prefix => prefix::decode(base, stored, size, output),
            Self::Unknown(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
