//! The section map: where every section of a module or component lies, nested, to the byte.
//!
//! Only headers are read, through a small window; the walk keeps a stack of its own, so depth costs
//! no recursion, and it records only what reaches the floor, so a file of millions of tiny sections
//! costs no memory. A section begins where the one before it ended and its size is read, never
//! computed: padded LEB128 numbers are legal, and every byte must come back.
//!
//! Specs: <https://webassembly.github.io/spec/core/binary/modules.html#sections> and
//! <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>.

mod names;
mod producers;
mod segments;
mod walk;
mod window;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;

pub use self::names::{ListDetails, NameAttributes, NameDetails};
pub use self::producers::Producers;
pub use self::walk::map;

/// Nested binaries are entered to this depth; the file itself is at depth 0.
pub const MAX_DEPTH: usize = 100;

/// So many sections, segments and binaries are recorded in one map; what comes later stays in the root.
/// Every 64 whole bytes of a recorded custom section's name count as one more.
pub const MAX_RECORDED: usize = 1 << 18;

/// A custom section's name is cut to so many bytes in a path.
pub const MAX_PATH_NAME_BYTES: usize = 4096;

/// What eight bytes at the start of a binary say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryKind {
    /// A core module, `00 61 73 6d 01 00 00 00`.
    Module,
    /// A component, `00 61 73 6d 0d 00 01 00`.
    Component,
}

impl BinaryKind {
    /// How many bytes the header has.
    pub const HEADER_BYTES: u64 = 8;

    fn read(header: &[u8; 8]) -> Option<Self> {
        match header {
            b"\0asm\x01\0\0\0" => Some(Self::Module),
            b"\0asm\x0d\0\x01\0" => Some(Self::Component),
            _ => None,
        }
    }

    /// Returns the kind of what has this layer word: 0 is that of core modules.
    fn of_layer(layer: u16) -> Self {
        match layer {
            0 => Self::Module,
            _ => Self::Component,
        }
    }

    /// Returns what a section of this id is called here, as paths and tables have it.
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

/// Section ids that the split rules speak of.
pub mod id {
    /// In modules and components.
    pub const CUSTOM: u8 = 0;
    /// In modules.
    pub const START: u8 = 8;
    /// In modules.
    pub const ELEMENT: u8 = 9;
    /// In modules.
    pub const CODE: u8 = 10;
    /// In modules.
    pub const DATA: u8 = 11;
    /// In modules.
    pub const DATA_COUNT: u8 = 12;
    /// In components: a nested core module.
    pub const CORE_MODULE: u8 = 1;
    /// In components: a nested component.
    pub const COMPONENT: u8 = 4;
}

/// A module or component that holds something recorded; the first one of a map is the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// Module or component.
    pub kind: BinaryKind,
    /// The binary that this one is nested in, as an index of [`SectionMap::binaries`].
    pub parent: Option<usize>,
    /// Which of its parent's binaries of this kind it is, from 0.
    pub index: u32,
    /// From its header to its end.
    pub range: Range<u64>,
    /// From a core module's first start, element, datacount, code or data section to its end, or to
    /// the first later section that must stay in the root. None in a component or a damaged module.
    pub suffix: Option<Range<u64>>,
}

/// A section whose content reaches the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The binary it belongs to, as an index of [`SectionMap::binaries`].
    pub binary: usize,
    /// The id, known or not.
    pub id: u8,
    /// Which of its binary's sections of this id it is, from 0.
    pub index: u32,
    /// The payload with the section's id and size before it.
    pub whole: Range<u64>,
    /// The payload; of a custom section what comes after the name.
    pub content: Range<u64>,
    /// A custom section's name, with `_` for every byte that a path cannot have.
    pub name: Option<Box<str>>,
    /// A custom section that WIT is read from, or whose name cannot be read: it stays in the root.
    pub kept: bool,
}

/// A data segment whose init bytes reach the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The data section, as an index of [`SectionMap::sections`].
    pub section: usize,
    /// Which of the section's segments it is, from 0: the data index of the core specification.
    pub index: u32,
    /// Whether it is copied by `memory.init` only.
    pub passive: bool,
    /// Its init bytes.
    pub init: Range<u64>,
}

/// Where the headers stop making sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The offset in the file.
    pub offset: u64,
    /// What is wrong there.
    pub reason: Cow<'static, str>,
}

/// The exact ranges of what a module or component consists of. All offsets count from the start of
/// the file; all ranges are half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionMap {
    /// How many bytes the file has.
    pub size: u64,
    /// Module or component. For an unknown version the layer field of the header decides.
    pub kind: BinaryKind,
    /// The file itself, and the nested binaries that hold something recorded.
    pub binaries: Vec<Binary>,
    /// The sections that reach the floor, by offset. Nested binaries are not among them.
    pub sections: Vec<Section>,
    /// The data segments that reach the floor, by offset.
    pub segments: Vec<Segment>,
    /// How many sections were seen, nested ones and those below the floor included.
    pub seen: u64,
    /// How many binaries were seen, the file itself included.
    pub binaries_seen: u64,
    /// How many sections reach the floor and are not recorded, because there are too many.
    pub unrecorded: u64,
    /// The first place where headers could not be read further. Before byte 8 it is the file's own header, whose version
    /// or layer is unknown.
    pub damage: Option<Damage>,
    /// A component's import names; a core module's distinct import module names.
    pub imports: Vec<String>,
    /// The names of the exports.
    pub exports: Vec<String>,
    /// The attributes of these names, and whether both lists are complete.
    pub names: NameDetails,
    /// The file's own custom sections that hold a plain text about it (`authors`, `version` and the
    /// like), by name.
    pub texts: Vec<(String, String)>,
    /// The content of the file's own `producers` section, which [`Producers::read`] reads.
    pub producers: Option<Vec<u8>>,
    /// What the file's own `component-name` section, or a core module's `name` section, calls it.
    pub name: Option<String>,
}

impl SectionMap {
    /// Returns the path of a binary with a slash at its end; nothing for the file itself.
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
            // Writing to a string cannot fail.
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

    /// Returns what kind of section it is, in a word.
    pub fn section_name(&self, section: &Section) -> &'static str {
        self.binaries[section.binary].kind.section_name(section.id)
    }
}

/// Why no map could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first eight bytes are those of no module and no component.
    #[error("not a WebAssembly module or component: {reason}")]
    Header {
        /// What they are instead.
        reason: String,
    },
    /// The bytes could not be read.
    #[error("reading at byte {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
}
