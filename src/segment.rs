//! Data segments and the code that reads them: which segments can arrive after the component has started.
//!
//! This module reads the code of core modules, one function body at a time, and keeps only the calls in it. So
//! memory grows only with the calls, the functions, and the names of imports and exports. `docs/SEGMENTS.md`
//! defines the verdicts and their limits. This module must not know layers, digests or OCI.
//!
//! Spec: <https://webassembly.github.io/spec/core/binary/modules.html>.

mod calls;
mod canonical;
mod code;
mod module;
mod module_calls;
mod range_buffer;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::section::{self, BinaryKind, MAX_DEPTH, MAX_RECORDED, Section, SectionMap, id};
use crate::source::Source;

/// The largest section, besides code and data, that is read, in bytes. It is read into memory as a whole.
pub const MAX_SECTION_BYTES: u64 = 32 * 1024 * 1024;

/// The largest function body that is read, in bytes. Engines refuse larger ones.
pub const MAX_BODY_BYTES: u64 = 7_654_321;

/// The maximum number of functions of one module, including imported ones. Engines refuse more.
pub const MAX_FUNCTIONS: u32 = 1_000_000;

/// The maximum number of calls of one file that are followed.
pub const MAX_CALLS: usize = 1 << 23;

/// The maximum number of instructions of one file that name a data segment.
pub const MAX_READERS: usize = 1 << 18;

/// The data segments of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    /// The core modules with a data segment or an unread part, in file order.
    pub modules: Vec<Module>,
    /// The unread parts of the file outside of the modules. If there are any, no segment is known to be streamable.
    pub unread: Vec<UnreadPart>,
}

/// A core module with its data segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its section path, such as `module[2]` or `component[0]/module[1]`. The file itself has an empty path.
    pub path: String,
    /// Its data segments by index.
    pub segments: Vec<Segment>,
    /// The first unread part of it.
    pub unread: Option<UnreadPart>,
}

/// A data segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its data index.
    pub index: u32,
    /// The range of its init bytes in the file.
    pub init: Range<u64>,
    /// Its mode, active or passive.
    pub mode: Mode,
    /// The instructions that name it, in file order.
    pub readers: Vec<SegmentReader>,
    /// The result of its analysis.
    pub verdict: SegmentVerdict,
}

/// The mode of a data segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The bytes are copied at instantiation.
    Active {
        /// The memory index.
        memory: u32,
        /// The address in that memory in bytes, if it is a constant.
        address: Option<u64>,
    },
    /// Only an instruction copies the bytes.
    Passive,
}

/// An instruction that names a data segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentReader {
    /// The function that contains it: a function index of the module, which counts imported functions.
    pub function: u32,
    /// The offset of the instruction in the file.
    pub offset: u64,
    /// The kind of the instruction.
    pub instruction: Instruction,
}

/// The instructions that name data segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instruction {
    /// `memory.init`
    MemoryInit,
    /// `data.drop`, which reads nothing.
    DataDrop,
    /// `array.new_data`
    ArrayNewData,
    /// `array.init_data`
    ArrayInitData,
}

impl Instruction {
    /// Returns its name in the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemoryInit => "memory.init",
            Self::DataDrop => "data.drop",
            Self::ArrayNewData => "array.new_data",
            Self::ArrayInitData => "array.init_data",
        }
    }

    /// Returns whether it needs the bytes of the segment.
    pub fn reads(self) -> bool {
        self != Self::DataDrop
    }
}

/// The result of the analysis of a data segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SegmentVerdict {
    /// No code that runs before the first call from outside is known to read it.
    Streamable,
    /// It is active, or code that runs at the start may read it.
    ReadAtStart,
    /// Some code that could read it was not analysed.
    Unknown,
}

impl SegmentVerdict {
    /// Returns the verdict in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Streamable => "streamable",
            Self::ReadAtStart => "read at start",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a part was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadPart {
    /// The bytes are invalid.
    #[error("at byte {offset}: {reason}")]
    Damaged {
        /// The offset in the file.
        offset: u64,
        /// The defect.
        reason: String,
    },
    /// The part is above a limit.
    #[error("at byte {offset}: more than {most} {what}")]
    Limit {
        /// The offset in the file.
        offset: u64,
        /// The limited items, in the plural.
        what: &'static str,
        /// The limit.
        most: u64,
    },
}

impl UnreadPart {
    fn damaged(offset: u64, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Damaged { offset, reason }
    }
}

impl From<wasmparser::BinaryReaderError> for UnreadPart {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::damaged(error.offset(), error.message())
    }
}

/// Why reading a part stopped.
#[derive(Debug)]
enum Halt {
    /// This part is unreadable. Others may be readable.
    Unread(UnreadPart),
    Source(section::Error),
}

impl<E: Into<UnreadPart>> From<E> for Halt {
    fn from(unread: E) -> Self {
        Self::Unread(unread.into())
    }
}

impl From<section::Error> for Halt {
    fn from(error: section::Error) -> Self {
        Self::Source(error)
    }
}

/// Returns an unreadable part as a value. An error of the source stays an error.
fn unread(outcome: Result<(), Halt>) -> Result<Option<UnreadPart>, section::Error> {
    match outcome {
        Ok(()) => Ok(None),
        Err(Halt::Unread(unread)) => Ok(Some(unread)),
        Err(Halt::Source(error)) => Err(error),
    }
}

/// The functions that run at the start, besides a module's own start function.
#[derive(Debug, Default)]
struct Entries {
    /// Names of exports that canonical options use as realloc.
    names: BTreeSet<String>,
    /// Whether every export may run: a component has a start section or foreign code.
    all: bool,
    /// Whether there are several modules that could call each other.
    several: bool,
    /// For instances made of exports: the name of an item, with the names of module exports that it leads to.
    renamed: BTreeMap<String, BTreeSet<String>>,
    /// Names of exports that are destructors of resources.
    destructors: BTreeSet<String>,
    /// Whether a canonical function may lead to any export.
    comes_back: bool,
}

/// The remaining limits of a file.
#[derive(Debug)]
struct RemainingLimits {
    readers: usize,
    calls: usize,
}

impl Entries {
    /// Records that a component can instantiate foreign code with any arguments.
    fn foreign(&mut self) {
        self.all = true;
        self.several = true;
    }

    fn contains(&self, export: &str) -> bool {
        self.all
            || matches!(export, "_initialize" | "__wasm_call_ctors")
            || export.contains("realloc")
            || self.names.contains(export)
    }
}

/// Finds the data segments of a component or core module and of all nested ones, and the instructions that name
/// them. Tells which segments no code reads before the first call from outside.
///
/// Fails if the source is neither a component nor a module, or cannot be read. Damage inside is part of the result.
pub fn read<S: Source + ?Sized>(source: &S) -> Result<Segments, section::Error> {
    let map = section::map(source, 0)?;
    let mut of_binaries: Vec<Vec<&Section>> = vec![Vec::new(); map.binaries.len()];
    for section in &map.sections {
        of_binaries[section.binary].push(section);
    }
    let mut unread = unmapped_parts(&map);
    let mut entries = Entries::default();
    for (index, (binary, sections)) in map.binaries.iter().zip(&of_binaries).enumerate() {
        if binary.kind == BinaryKind::Component {
            unread.extend(canonical::read(source, sections, index > 0, &mut entries)?);
        }
    }
    let binaries = map.binaries.iter();
    entries.several |= binaries.filter(|it| it.kind == BinaryKind::Module).count() > 1;
    let mut modules = Vec::new();
    let mut left = RemainingLimits {
        readers: MAX_READERS,
        calls: MAX_CALLS,
    };
    for (index, binary) in map.binaries.iter().enumerate() {
        if binary.kind == BinaryKind::Module {
            let sections = &of_binaries[index];
            let found = module::read(source, &map, sections, &entries, &mut left)?;
            let path = map.binary_path(index).trim_end_matches('/').to_owned();
            modules.push((path, found));
        }
    }
    let mut modules = module_calls::judge(modules, &entries, unread.is_empty());
    modules.retain(|module| !module.segments.is_empty() || module.unread.is_some());
    Ok(Segments { modules, unread })
}

/// Returns the parts of a file that are missing in the map.
fn unmapped_parts(map: &SectionMap) -> Vec<UnreadPart> {
    let damage = map.damage.iter();
    let mut unread: Vec<UnreadPart> = damage
        .map(|damage| UnreadPart::damaged(damage.offset, damage.reason.clone()))
        .collect();
    if map.seen != (map.sections.len() as u64) + map.binaries_seen - 1 {
        unread.push(UnreadPart::Limit {
            offset: map.sections.last().map_or(0, |last| last.whole.end),
            what: "sections and segments",
            most: MAX_RECORDED as u64,
        });
    }
    let opaque = map.sections.iter().find(|section| {
        let nests = matches!(section.id, id::CORE_MODULE | id::COMPONENT);
        nests && map.binaries[section.binary].kind == BinaryKind::Component
    });
    if let Some(opaque) = opaque {
        let reason =
            format!("nested deeper than {MAX_DEPTH} levels, or of a version that is not known");
        unread.push(UnreadPart::damaged(opaque.content.start, reason));
    }
    unread
}
