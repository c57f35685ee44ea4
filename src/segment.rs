//! Data segments, and who reads them: which of them can come after the component has started.
//!
//! What is said of a segment and what cannot be known of it is in `docs/SEGMENTS.md`. Code is read a function
//! body at a time and kept as the calls in it, so memory grows with the calls, the functions and the names of imports
//! and exports, and with nothing else.
//!
//! Spec: <https://webassembly.github.io/spec/core/binary/modules.html>.

mod calls;
mod canonical;
mod code;
mod crossing;
mod module;
mod piece;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::section::{self, BinaryKind, MAX_DEPTH, MAX_RECORDED, Section, SectionMap, id};
use crate::source::Source;

/// The largest section, besides code and data, that is read, in bytes: it is in memory as a whole.
pub const MAX_SECTION_BYTES: u64 = 32 * 1024 * 1024;

/// The largest function body that is read, in bytes; engines refuse larger ones.
pub const MAX_BODY_BYTES: u64 = 7_654_321;

/// The most functions of one module, imported ones included; engines refuse more.
pub const MAX_FUNCTIONS: u32 = 1_000_000;

/// The most calls between functions of one file that are followed.
pub const MAX_CALLS: usize = 1 << 23;

/// The most instructions of one file that name a data segment.
pub const MAX_READERS: usize = 1 << 18;

/// The data segments of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    /// The core modules that have a data segment or could not be read whole, in file order.
    pub modules: Vec<Module>,
    /// What of the file around the modules was not read: then no segment is known to be streamable.
    pub unread: Vec<Unread>,
}

/// A core module with its data segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its section path, such as `module[2]` or `component[0]/module[1]`; empty for the file itself.
    pub path: String,
    /// Its data segments by index.
    pub segments: Vec<Segment>,
    /// The first thing in it that was not read.
    pub unread: Option<Unread>,
}

/// A data segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its data index.
    pub index: u32,
    /// Where its init bytes lie in the file.
    pub init: Range<u64>,
    /// How its bytes get into a memory.
    pub mode: Mode,
    /// The instructions that name it, in file order.
    pub readers: Vec<Reader>,
    /// When it is read.
    pub verdict: Verdict,
}

/// How the bytes of a segment get into a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// At instantiation.
    Active {
        /// The memory index.
        memory: u32,
        /// The address in that memory in bytes, if it is a constant.
        address: Option<u64>,
    },
    /// When an instruction says so, if ever.
    Passive,
}

/// An instruction that names a data segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The function it is in: the module's function index, imported functions counted.
    pub function: u32,
    /// Where the instruction begins in the file.
    pub offset: u64,
    /// Which one it is.
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

/// When a segment is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing that runs before the first call from outside is seen to read it.
    Streamable,
    /// It is active, or something that runs at the start may read it.
    ReadAtStart,
    /// Not everything that could read it was read.
    Unknown,
}

impl Verdict {
    /// Returns it in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Streamable => "streamable",
            Self::ReadAtStart => "read at start",
            Self::Unknown => "unknown",
        }
    }
}

/// Why something was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The bytes are not what should be there.
    #[error("at byte {offset}: {reason}")]
    Damaged {
        /// Where, counted from the start of the file.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// There is more than is read.
    #[error("at byte {offset}: more than {most} {what}")]
    Limit {
        /// Where, counted from the start of the file.
        offset: u64,
        /// What there is too much of.
        what: &'static str,
        /// How many of it are read.
        most: u64,
    },
}

impl Unread {
    fn damaged(offset: u64, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Damaged { offset, reason }
    }
}

impl From<wasmparser::BinaryReaderError> for Unread {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::damaged(error.offset(), error.message())
    }
}

/// Why reading a part stopped.
#[derive(Debug)]
enum Halt {
    /// This part says nothing; others may.
    Unread(Unread),
    /// The source failed.
    Source(section::Error),
}

impl<E: Into<Unread>> From<E> for Halt {
    fn from(unread: E) -> Self {
        Self::Unread(unread.into())
    }
}

impl From<section::Error> for Halt {
    fn from(error: section::Error) -> Self {
        Self::Source(error)
    }
}

/// Returns what could not be read of a part as a value, and leaves a failing source an error.
fn unread(outcome: Result<(), Halt>) -> Result<Option<Unread>, section::Error> {
    match outcome {
        Ok(()) => Ok(None),
        Err(Halt::Unread(unread)) => Ok(Some(unread)),
        Err(Halt::Source(error)) => Err(error),
    }
}

/// What runs at the start besides a module's own start function.
#[derive(Debug, Default)]
struct Entries {
    /// Exports of these names: what canonical options use as realloc.
    names: BTreeSet<String>,
    /// Every export: a component has a start section, or code from elsewhere.
    all: bool,
    /// There are modules that could call each other.
    several: bool,
    /// What names of items lead to in instances that are made of exports: names of exports of modules.
    renamed: BTreeMap<String, BTreeSet<String>>,
    /// Exports of these names are destructors of resources.
    destructors: BTreeSet<String>,
    /// Whether a canonical function may lead to any export.
    comes_back: bool,
}

/// How much more is read of a file.
#[derive(Debug)]
struct Left {
    readers: usize,
    calls: usize,
}

impl Entries {
    /// Notes that a component can instantiate what is not in the file, with whatever it likes.
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

/// Finds the data segments of a component or core module and of all that is nested in it, the instructions that
/// name them, and which of them nothing reads before the first call from outside.
///
/// Fails if it is neither, or cannot be read; what is damaged inside is told in the result.
pub fn read<S: Source + ?Sized>(source: &S) -> Result<Segments, section::Error> {
    let map = section::map(source, 0)?;
    let mut of_binaries: Vec<Vec<&Section>> = vec![Vec::new(); map.binaries.len()];
    for section in &map.sections {
        of_binaries[section.binary].push(section);
    }
    let mut unread = around(&map);
    let mut entries = Entries::default();
    for (index, (binary, sections)) in map.binaries.iter().zip(&of_binaries).enumerate() {
        if binary.kind == BinaryKind::Component {
            unread.extend(canonical::read(source, sections, index > 0, &mut entries)?);
        }
    }
    let binaries = map.binaries.iter();
    entries.several |= binaries.filter(|it| it.kind == BinaryKind::Module).count() > 1;
    let mut modules = Vec::new();
    let mut left = Left {
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
    let mut modules = crossing::judge(modules, &entries, unread.is_empty());
    modules.retain(|module| !module.segments.is_empty() || module.unread.is_some());
    Ok(Segments { modules, unread })
}

/// Returns what the map does not have of a file.
fn around(map: &SectionMap) -> Vec<Unread> {
    let damage = map.damage.iter();
    let mut unread: Vec<Unread> = damage
        .map(|damage| Unread::damaged(damage.offset, damage.reason.clone()))
        .collect();
    if map.seen != (map.sections.len() as u64) + map.binaries_seen - 1 {
        unread.push(Unread::Limit {
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
        unread.push(Unread::damaged(opaque.content.start, reason));
    }
    unread
}
