//! Bundles: several components composed into one, which contains the bytes of each.
//!
//! The parts of a bundle are an application and the components that it uses. Each import of a part is filled by the
//! first later part that exports it. Imports that no part fills are the bundle's imports. The application's exports
//! are the bundle's exports. Names and types must agree, and versions that semver calls compatible count as equal.
//!
//! Types are checked on the [stubs](crate::stub) of the parts. The composition is encoded with the stubs, too. Then
//! [`Composition::bundle`] puts the whole parts in place of the stubs, and rewrites only the sizes before them. So
//! memory does not grow with the parts, and no byte of a part changes. This module must not know files, manifests or
//! stores.

mod compose;

use std::io;
use std::ops::Range;

use serde::Serialize;

use crate::section::{self, SectionMap, leb128};
use crate::source::Source;
use crate::stub;

/// The interface of a component that becomes a part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name of the part in messages.
    pub name: String,
    /// Its stub.
    pub stub: Vec<u8>,
}

/// An import of one part that an export of another part fills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// The part that imports.
    pub importer: String,
    /// Its import.
    pub import: String,
    /// The part that exports.
    pub exporter: String,
    /// Its export. The version may differ from that of the import.
    pub export: String,
}

/// Why no bundle could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part is not a component, or is not valid.
    #[error("{part} cannot be composed: {reason}")]
    Part {
        /// The part.
        part: String,
        /// The defect.
        reason: String,
    },
    /// An export has the name of an import, but another type.
    #[error("{exporter} does not fit {importer}: {import}: {reason}")]
    Mismatch {
        /// The part that imports.
        importer: String,
        /// Its import.
        import: String,
        /// The part that exports.
        exporter: String,
        /// The difference.
        reason: String,
    },
    /// A part fills no import of the parts before it.
    #[error(
        "{part} fills no import of the components before it (its exports: {}; imports left: {})",
        list(offered),
        list(wanted)
    )]
    Unused {
        /// The part.
        part: String,
        /// The imports of the parts before it that no part fills.
        wanted: Vec<String>,
        /// Its exports.
        offered: Vec<String>,
    },
    /// All types agree one by one, but the composition is not valid. Two parts may use different resources of one name.
    #[error("the bundle would not be a valid component: {reason}")]
    Invalid {
        /// The defect.
        reason: String,
    },
    /// A part is too large for a section.
    #[error(
        "{part} has {size} bytes, a part of a bundle can have at most {}",
        u32::MAX
    )]
    TooLarge {
        /// The part.
        part: String,
        /// Its size.
        size: u64,
    },
    /// The whole parts do not have the interfaces of their stubs.
    #[error("a component does not have the interface that was checked")]
    Changed,
    /// A part could not be read.
    #[error("reading a component")]
    Read(#[source] io::Error),
    /// The stub of the bundle could not be made.
    #[error("reading the interface of the bundle")]
    Stub(#[from] stub::Error),
    /// The composed stubs could not be mapped.
    #[error("reading the composed stubs")]
    Section(#[from] section::Error),
}

/// The number of names shown in a message.
const MAX_NAMES: usize = 8;

fn list(names: &[String]) -> String {
    let mut shown = names[..names.len().min(MAX_NAMES)].join(", ");
    if names.len() > MAX_NAMES {
        shown.push_str(", …");
    }
    match shown.is_empty() {
        true => "none".to_owned(),
        false => shown,
    }
}

/// A valid composition of stubs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composition {
    /// The imports that parts fill, in the order of the importing parts and of their imports.
    pub connections: Vec<Connection>,
    names: Vec<String>,
    encoded: Vec<u8>,
    /// The parts and the ranges of their stubs in the encoded bytes, by offset.
    places: Vec<(usize, Range<usize>)>,
}

impl Composition {
    /// Checks that the parts fit, and composes their stubs. The first part is the application.
    pub fn new(parts: &[Part]) -> Result<Self, Error> {
        compose::compose(parts)
    }

    /// Builds the bundle from the whole parts, in the order of their stubs. `described` is the map of the
    /// application: its texts, such as the description and the version, and its producers become the bundle's own.
    ///
    /// Fails with [`Error::Changed`] if the whole parts do not have the interfaces of their stubs.
    pub fn bundle<S: Source>(
        &self,
        parts: Vec<S>,
        described: &SectionMap,
    ) -> Result<Bundle<S>, Error> {
        let mut bundle = Bundle {
            parts,
            pieces: Vec::new(),
            size: 0,
        };
        let mut at = 0;
        for (part, stub) in &self.places {
            let size = bundle.parts.get(*part).ok_or(Error::Changed)?.size();
            let size = size.map_err(Error::Read)?;
            let number = u32::try_from(size).map_err(|_| Error::TooLarge {
                part: self.names[*part].clone(),
                size,
            })?;
            let header = stub.start - leb128(stub.len() as u64).len();
            let before = [&self.encoded[at..header], &leb128(number.into())].concat();
            bundle.add(before.len() as u64, Piece::Bytes(before));
            bundle.add(size, Piece::Part(*part));
            at = stub.end;
        }
        let after = [&self.encoded[at..], &metadata(described)].concat();
        bundle.add(after.len() as u64, Piece::Bytes(after));
        match stub::of_source(&bundle)? == stub::of_source(&self.encoded)? {
            true => Ok(bundle),
            false => Err(Error::Changed),
        }
    }
}

/// Returns custom sections with the texts and the producers of a component.
fn metadata(described: &SectionMap) -> Vec<u8> {
    let texts = described.texts.iter();
    let texts = texts.flat_map(|(name, text)| custom(name, text.as_bytes()));
    let producers = described.producers.iter();
    texts
        .chain(producers.flat_map(|content| custom("producers", content)))
        .collect()
}

fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    let name = [&leb128(name.len() as u64), name.as_bytes()].concat();
    let size = leb128((name.len() + content.len()) as u64);
    [&[section::id::CUSTOM], &size[..], &name, content].concat()
}

/// The bytes of a bundle. The parts are read where they are.
#[derive(Debug)]
pub struct Bundle<S> {
    parts: Vec<S>,
    /// The pieces with their ranges, by offset.
    pieces: Vec<(Range<u64>, Piece)>,
    size: u64,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Part(usize),
}

impl<S> Bundle<S> {
    fn add(&mut self, size: u64, piece: Piece) {
        let start = self.size;
        self.size += size;
        self.pieces.push((start..self.size, piece));
    }
}

impl<S: Source> Source for Bundle<S> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self
            .pieces
            .partition_point(|(range, _)| range.end <= offset);
        let Some((range, piece)) = self.pieces.get(at) else {
            return Ok(0);
        };
        let left = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let (offset, buffer) = (offset - range.start, &mut buffer[..wanted]);
        match piece {
            Piece::Bytes(bytes) => bytes.read_at(offset, buffer),
            Piece::Part(part) => self.parts[*part].read_at(offset, buffer),
        }
    }
}
