//! Delta files: the changes that turn the contents of one component into the contents of another.
//!
//! ```text
//! make:  two configs -> pairs of layers -> one part for each changed content -> header, parts
//! apply: header -> a part and its base -> a content, which the caller verifies
//! ```
//!
//! A standalone file rebuilds a whole component from another file. An attached file belongs to a stored artifact, and
//! leaves out what the artifact's layers already hold. This module reads and writes bytes that the caller opens. It must
//! not know stores, references or packages.
//!
//! `docs/FORMAT.md`, "Delta files".

mod align;
mod base;
mod code;
mod covers;
mod error;
mod file;
mod header;
mod instruction;
mod maker;
mod map;
mod method;
mod numbers;
mod options;
mod pairs;
mod prefix;
mod rewrite;
mod role;
mod standalone;
mod streams;
mod writer;

use std::io;

pub use self::base::Base;
pub use self::error::Error;
pub use self::file::DeltaFile;
pub use self::header::{Header, Part, PartKind};
pub use self::method::Method;
pub use self::options::{Classes, Effort, Options};
pub use self::pairs::bases;
pub use self::role::{Role, groups};
pub use self::standalone::{Made, make, patch};
pub use self::writer::{DeltaWriter, PartContent};

/// The content of each frame in a part, in bytes. The last frame of a part has the rest.
pub const FRAME_CONTENT_BYTES: u64 = 8 * 1024 * 1024;

/// The largest base of a part with [`Method::Prefix`], in bytes. Readers have the whole base in memory.
pub const MAX_BASE_BYTES: u64 = 32 * 1024 * 1024;

/// The level of parts, if the caller gives none. Levels 13 to 15 are slower and give larger parts.
pub const DEFAULT_LEVEL: u8 = 12;

/// Returns the prefix of literals: the base, unless it is too large.
fn literal_prefix(base: &[u8]) -> &[u8] {
    match base.len() as u64 <= MAX_BASE_BYTES {
        true => base,
        false => &[],
    }
}

/// Returns the error of a part that breaks a rule.
fn part_error(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests;
