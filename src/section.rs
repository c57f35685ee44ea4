//! The section map: the exact byte range of every section of a module or component, including nested ones.
//!
//! Only headers are read, through a small window. The walk has its own stack, so nesting needs no recursion. It
//! records only sections that reach the floor, so millions of tiny sections need no memory. A section begins where
//! the previous one ended. Its size is read and never computed, because padded LEB128 numbers are legal and every
//! byte must be restored.
//!
//! This module must not know layers, digests or OCI.
//!
//! Specs: <https://webassembly.github.io/spec/core/binary/modules.html#sections> and
//! <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>.

mod find;
mod names;
mod producers;
mod segments;
mod walk;
mod window;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;

pub(crate) use self::find::similar_paths;
pub use self::find::{AssetsPlace, find, find_assets, may_hold_headers_of};
pub use self::names::{ListDetails, NameAttributes, NameDetails};
pub use self::producers::Producers;
pub use self::walk::map;

/// The largest depth of nested binaries that are entered. The file itself is at depth 0.
pub const MAX_DEPTH: usize = 100;

/// The maximum number of sections, segments and binaries in one map. Later ones stay in the root. Every 64 whole bytes
/// of a recorded custom section's name count as one more.
pub const MAX_RECORDED: usize = 1 << 18;

/// The longest custom section name in a path, in bytes. Longer ones are cut.
pub const MAX_PATH_NAME_BYTES: usize = 4096;

/// The name of the custom section that lists the files in the data segments of a component's own modules.
pub const ASSETS: &str = "wharf:assets";

/// The kind of a binary, from its first eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryKind {
    /// A core module, `00 61 73 6d 01 00 00 00`.
    Module,
    /// A component, `00 61 73 6d 0d 00 01 00`.
    Component,
}

impl BinaryKind {
    /// The size of the header, in bytes.
    pub const HEADER_BYTES: u64 = 8;

    fn read(header: &[u8; 8]) -> Option<Self> {
        match header {
            b"\0asm\x01\0\0\0" => Some(Self::Module),
            b"\0asm\x0d\0\x01\0" => Some(Self::Component),
            _ => None,
        }
    }

    /// Returns the kind for the layer field of a header: 0 is a core module.
    fn of_layer(layer: u16) -> Self {
        match layer {
            0 => Self::Module,
            _ => Self::Component,
        }
    }

    /// Returns the name of a section id, as in paths and tables.
    pub fn section_name(self, id: u8) -> &'static str {
        const MODULE: [&str; 14] = [
            "custom",
            "type",
            "import",
            "function",
            "table",
            "memory",
            "global",
            "export",
            "start",
            "element",
            "code",
            "data",
            "datacount",
            "tag",
        ];
        const COMPONENT: [&str; 13] = [
            "custom",
            "module",
            "core-instance",
            "core-type",
            "component",
            "instance",
            "alias",
            "type",
            "canon",
            "start",
            "import",
            "export",
            "value",
        ];
        let names: &[&'static str] = match self {
            Self::Module => &MODULE,
            Self::Component => &COMPONENT,
        };
        names.get(usize::from(id)).copied().unwrap_or("unknown")
    }
}

/// Section ids that the split rules use.
pub mod id {
    /// The custom section, in modules and components.
    pub const CUSTOM: u8 = 0;
    /// The start section, in modules.
    pub const START: u8 = 8;
    /// The element section, in modules.
    pub const ELEMENT: u8 = 9;
    /// The code section, in modules.
    pub const CODE: u8 = 10;
    /// The data section, in modules.
    pub const DATA: u8 = 11;
    /// The data count section, in modules.
    pub const DATA_COUNT: u8 = 12;
    /// A nested core module, in components.
    pub const CORE_MODULE: u8 = 1;
    /// A nested component, in components.
    pub const COMPONENT: u8 = 4;
}

/// A module or component with at least one recorded part. The first one of a map is the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// Module or component.
    pub kind: BinaryKind,
    /// The enclosing binary, as an index of [`SectionMap::binaries`].
    pub parent: Option<usize>,
    /// The number of earlier binaries of this kind in the parent.
    pub index: u32,
    /// The range from its header to its end.
    pub range: Range<u64>,
    /// The range of a core module's suffix. It begins at the first start, element, data count, code or data
    /// section. It ends with the module, or at the first later section that must stay in the root. Components and
    /// damaged modules have none.
    pub suffix: Option<Range<u64>>,
    /// The content of a component's first custom section [`ASSETS`].
    pub assets: Option<Range<u64>>,
}

/// A section whose content reaches the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The enclosing binary, as an index of [`SectionMap::binaries`].
    pub binary: usize,
    /// The id, which may be unknown.
    pub id: u8,
    /// The number of earlier sections with this id in the binary.
    pub index: u32,
    /// The payload, with the section's id and size before it.
    pub whole: Range<u64>,
    /// The payload. For a custom section this is the part after the name.
    pub content: Range<u64>,
    /// A custom section's name, with `_` for every byte that is not allowed in a path.
    pub name: Option<Box<str>>,
    /// Whether a custom section stays in the root: WIT is read from it, or its name is unreadable.
    pub stays_in_root: bool,
}

/// A data segment whose init bytes reach the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The data section, as an index of [`SectionMap::sections`].
    pub section: usize,
    /// The data index of the core specification: the number of earlier segments in the section.
    pub index: u32,
    /// Whether only `memory.init` copies it.
    pub passive: bool,
    /// The range of its init bytes.
    pub init: Range<u64>,
}

/// A place in the file where headers are unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The offset in the file.
    pub offset: u64,
    /// The defect.
    pub reason: Cow<'static, str>,
}

/// The exact ranges of the parts of a module or component. All offsets count from the start of the file. All ranges
/// are half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionMap {
    /// The size of the file, in bytes.
    pub size: u64,
    /// The kind of the file. For an unknown version the layer field of the header decides.
    pub kind: BinaryKind,
    /// The file itself, and the nested binaries with recorded parts.
    pub binaries: Vec<Binary>,
    /// The sections that reach the floor, by offset. Nested binaries are not included.
    pub sections: Vec<Section>,
    /// The data segments that reach the floor, by offset.
    pub segments: Vec<Segment>,
    /// The number of all sections, including nested ones and those below the floor.
    pub seen: u64,
    /// The number of all binaries, including the file itself.
    pub binaries_seen: u64,
    /// The number of sections that reach the floor but are above [`MAX_RECORDED`].
    pub unrecorded: u64,
    /// The first unreadable place. An offset below 8 is in the file's own header, whose version or layer is
    /// unknown.
    pub damage: Option<Damage>,
    /// A component's import names; a core module's distinct import module names.
    pub imports: Vec<String>,
    /// The names of the exports.
    pub exports: Vec<String>,
    /// The attributes of these names, and whether the lists are incomplete.
    pub names: NameDetails,
    /// The texts of the file's own custom sections such as `authors` and `version`, each with the section's name.
    pub texts: Vec<(String, String)>,
    /// The content of the file's own `producers` section, which [`Producers::read`] reads.
    pub producers: Option<Vec<u8>>,
    /// The file's own name, from its `component-name` section or from a core module's `name` section.
    pub name: Option<String>,
}

impl SectionMap {
    /// Returns the path of a binary with a slash at its end. The file itself has an empty path.
    pub fn binary_path(&self, binary: usize) -> String {
        let mut steps = Vec::new();
        let mut at = &self.binaries[binary];
        while let Some(parent) = at.parent {
            let word = match at.kind {
                BinaryKind::Module => "module",
                BinaryKind::Component => "component",
            };
            steps.push((word, at.index));
            at = &self.binaries[parent];
        }
        let mut path = String::new();
        for (word, index) in steps.iter().rev() {
            let _infallible = write!(path, "{word}[{index}]/");
        }
        path
    }

    /// Returns the path of a section, such as `module[2]/code[0]` or `custom[3]:.debug_info`.
    pub fn section_path(&self, section: &Section) -> String {
        let mut path = self.binary_path(section.binary);
        let name = self.section_name(section);
        let _infallible = write!(path, "{name}[{}]", section.index);
        if let Some(name) = &section.name {
            let _infallible = write!(path, ":{name}");
        }
        path
    }

    /// Returns whether the data segments of a section are files.
    pub fn has_assets(&self, section: &Section) -> bool {
        let parent = self.binaries[section.binary].parent;
        parent.is_some_and(|parent| self.binaries[parent].assets.is_some())
    }

    /// Returns the name of a section's id.
    pub fn section_name(&self, section: &Section) -> &'static str {
        self.binaries[section.binary].kind.section_name(section.id)
    }
}

/// Returns the end of a message about an unknown path.
pub(crate) fn list_similar(paths: &[String]) -> String {
    match paths {
        [] => String::new(),
        paths => format!("; similar paths: {}", paths.join(", ")),
    }
}

/// Returns a number as unsigned LEB128, in as few bytes as possible.
pub(crate) fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Why no map could be made, or no part found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first eight bytes are not the header of a module or component.
    #[error("not a WebAssembly module or component: {reason}")]
    Header {
        /// The defect.
        reason: String,
    },
    /// The bytes could not be read.
    #[error("reading at byte {offset}")]
    Read {
        /// The offset in the file.
        offset: u64,
        /// The cause.
        source: io::Error,
    },
    /// No part of the component has this section path.
    #[error("no section has the path `{path}`{}", list_similar(similar))]
    Unknown {
        /// The path.
        path: String,
        /// Similar paths, the nearest first.
        similar: Vec<String>,
    },
}
