//! Assembles the text of an assets component, and plans the file with the contents in their segments.
//!
//! The text has an empty passive segment for each content. The plan has the bytes between the contents, with the
//! sizes of segments, sections and modules that the contents change. A caller copies the files into their places, so
//! memory does not grow with them. Names for debuggers are left out.

use wasmparser::{BinaryReader, BinaryReaderError};

use super::section::{self, AssetList, write_text};
use super::tree::Tree;
use crate::section::{id, leb128};

/// The largest file, in bytes: a module must stay below 1 GiB.
pub const MAX_FILE_BYTES: u64 = MAX_MODULE_BYTES - 1;

/// The largest core module in a component, in bytes. Engines set this limit.
pub const MAX_MODULE_BYTES: u64 = 1 << 30;

/// The maximum number of distinct contents. Engines accept no more segments in a module.
pub const MAX_CONTENTS: usize = 100_000;

/// The file of a component, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The pieces of the file.
    pub pieces: Vec<Piece>,
    /// The size of the file in bytes.
    pub size: u64,
}

/// Some bytes of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes that are the same for all contents of the same sizes.
    Bytes(Vec<u8>),
    /// All bytes of a content, as an index of [`Tree::contents`].
    Content(usize),
}

/// Why a component cannot be assembled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is too large for a segment.
    #[error("`{path}` has {size} bytes, a file in a component must be smaller than 1 GiB")]
    File {
        /// The first file with this content.
        path: String,
        /// Its size in bytes.
        size: u64,
    },
    /// All files together are too large for a module.
    #[error("the files make a module of {size} bytes, it must be smaller than 1 GiB")]
    Module {
        /// The size of the module in bytes.
        size: u64,
    },
    /// There are more distinct contents than a module can have segments.
    #[error("there are {count} distinct files, at most {MAX_CONTENTS} are possible")]
    Contents {
        /// The number of distinct contents.
        count: usize,
    },
    /// The text of the component is malformed.
    #[error("the component cannot be assembled: {reason}")]
    Text {
        /// The defect and its place.
        reason: String,
    },
    /// The text of the component does not have one segment for each content.
    #[error("the component has {found} segments for {expected} contents")]
    Segments {
        /// The number of empty passive segments.
        found: usize,
        /// The number of contents.
        expected: usize,
    },
}

/// Assembles the text of a component and adds the section with the list of files.
///
/// The text must have the segments in one core module of the component, in the order of the contents.
pub fn assemble(text: &str, tree: &Tree) -> Result<Plan, Error> {
    check(tree)?;
    let binary = wat::parse_str(text).map_err(malformed)?;
    let mut walk = Walk {
        tree,
        segments: 0,
        module: 0,
    };
    let mut file = walk.binary(&binary, 0)?;
    let (found, expected) = (walk.segments, tree.contents.len());
    if found != expected {
        return Err(Error::Segments { found, expected });
    }
    let list = AssetList::of(tree, walk.module);
    let mut content = Vec::new();
    write_text(&mut content, section::NAME);
    content.extend(list.encode());
    file.section(id::CUSTOM, Plan::of(content));
    Ok(file)
}

fn check(tree: &Tree) -> Result<(), Error> {
    let count = tree.contents.len();
    if count > MAX_CONTENTS {
        return Err(Error::Contents { count });
    }
    for entry in &tree.entries {
        let content = entry.content().and_then(|index| tree.contents.get(index));
        let size = content.map_or(0, |content| content.size);
        if size > MAX_FILE_BYTES {
            let path = entry.path.clone();
            return Err(Error::File { path, size });
        }
    }
    Ok(())
}

fn malformed(error: impl std::fmt::Display) -> Error {
    let reason = error.to_string();
    Error::Text { reason }
}

struct Walk<'a> {
    tree: &'a Tree,
    /// The number of segments so far.
    segments: usize,
    /// The index of the core module that has the segments.
    module: u32,
}

const HEADER_BYTES: usize = 8;
const MODULE_HEADER: &[u8] = b"\0asm\x01\0\0\0";
const PASSIVE_AND_EMPTY: [u8; 2] = [1, 0];

impl Walk<'_> {
    /// Plans a module or component.
    fn binary(&mut self, bytes: &[u8], depth: usize) -> Result<Plan, Error> {
        let mut reader = BinaryReader::new(bytes, 0);
        let header = reader.read_bytes(HEADER_BYTES).map_err(malformed)?;
        let is_module = header == MODULE_HEADER;
        let mut plan = Plan::of(header.to_vec());
        let mut modules = 0;
        while !reader.eof() {
            let (id, content) = read_section(&mut reader).map_err(malformed)?;
            let content = match (is_module, id) {
                (_, id::CUSTOM) => continue,
                (true, id::DATA) => self.data(content).map_err(malformed)?,
                (false, id::CORE_MODULE) => {
                    let before = self.segments;
                    let module = self.binary(content, depth + 1)?;
                    if module.size >= MAX_MODULE_BYTES {
                        let size = module.size;
                        return Err(Error::Module { size });
                    }
                    if self.segments > before && depth == 0 {
                        self.module = modules;
                    }
                    modules += 1;
                    module
                }
                (false, id::COMPONENT) => self.binary(content, depth + 1)?,
                _ => Plan::of(content.to_vec()),
            };
            plan.section(id, content);
        }
        Ok(plan)
    }

    /// Plans a data section, with the contents in its empty passive segments.
    fn data(&mut self, bytes: &[u8]) -> Result<Plan, BinaryReaderError> {
        let mut reader = BinaryReader::new(bytes, 0);
        let start = reader.current_position();
        reader.read_var_u32()?;
        let mut plan = Plan::of(bytes[start..reader.current_position()].to_vec());
        let mut rest = &bytes[reader.current_position()..];
        // Only a section of passive segments has the contents. Others stay unchanged.
        while let Some(after) = rest.strip_prefix(&PASSIVE_AND_EMPTY) {
            if let Some(content) = self.tree.contents.get(self.segments) {
                let mut header = vec![PASSIVE_AND_EMPTY[0]];
                header.extend(leb128(content.size));
                plan.bytes(header);
                plan.content(self.segments, content.size);
            }
            self.segments += 1;
            rest = after;
        }
        plan.bytes(rest.to_vec());
        Ok(plan)
    }
}

fn read_section<'a>(reader: &mut BinaryReader<'a>) -> Result<(u8, &'a [u8]), BinaryReaderError> {
    let id = reader.read_u8()?;
    let size = reader.read_var_u32()?;
    Ok((id, reader.read_bytes(size as usize)?))
}

impl Plan {
    fn of(bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        let pieces = vec![Piece::Bytes(bytes)];
        Self { pieces, size }
    }

    fn bytes(&mut self, bytes: Vec<u8>) {
        self.size += bytes.len() as u64;
        match self.pieces.last_mut() {
            Some(Piece::Bytes(last)) => last.extend(bytes),
            _ => self.pieces.push(Piece::Bytes(bytes)),
        }
    }

    fn content(&mut self, index: usize, size: u64) {
        self.size += size;
        self.pieces.push(Piece::Content(index));
    }

    /// Appends a section with its header.
    fn section(&mut self, id: u8, content: Plan) {
        let mut header = vec![id];
        header.extend(leb128(content.size));
        self.bytes(header);
        let size = self.size + content.size;
        for piece in content.pieces {
            match piece {
                Piece::Bytes(bytes) => self.bytes(bytes),
                Piece::Content(_) => self.pieces.push(piece),
            }
        }
        self.size = size;
    }
}
