//! The methods of parts. Each has a file of its own, and one arm in each match here.

use std::io::{self, Read, Write};

use super::base::Base;
use super::map::Map;
use super::{code, covers, prefix};

/// The encoding of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// zstd frames without a base.
    Whole,
    /// zstd frames, each with the whole base as prefix.
    Prefix,
    /// Copies with differences, and literals.
    Covers,
    /// Copied instructions with predicted operands, and literals.
    Code,
    /// A method of a later version.
    Unknown(u8),
}

impl Method {
    /// Returns the method with this number in headers.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Whole,
            1 => Self::Prefix,
            2 => Self::Covers,
            3 => Self::Code,
            other => Self::Unknown(other),
        }
    }

    /// Returns the number in headers.
    pub fn number(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::Prefix => 1,
            Self::Covers => 2,
            Self::Code => 3,
            Self::Unknown(number) => number,
        }
    }

    /// Returns whether the method needs a base.
    pub fn has_base(self) -> bool {
        matches!(self, Self::Prefix | Self::Covers | Self::Code)
    }

    /// Returns whether the method may use a map, and a base that is not in memory.
    pub fn seeks(self) -> bool {
        matches!(self, Self::Covers | Self::Code)
    }

    /// Decodes exactly `size` bytes of content. `stored` ends with the part.
    pub(super) fn decode(
        self,
        base: Base<'_>,
        map: &Map,
        stored: &mut dyn Read,
        size: u64,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Whole => prefix::decode(&[], stored, size, output),
            Self::Prefix => prefix::decode(base.memory(), stored, size, output),
            Self::Covers => covers::decode(base, map, stored, size, output),
            Self::Code => code::decode(base, map, stored, size, output),
            Self::Unknown(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
