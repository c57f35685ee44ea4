//! The sections of a core module that matter for its data segments.

use std::ops::Range;

use wasmparser::{
    BinaryReader, CompositeInnerType, ElementItems, ElementKind, ElementSectionReader,
    ExportSectionReader, ExternalKind, GlobalSectionReader, ImportSectionReader, Operator,
    OperatorsReader, TableInit, TableSectionReader, TypeRef, TypeSectionReader,
};

use super::calls::Calls;
use super::code::Code;
use super::range_buffer::RangeBuffer;
use super::{
    Entries, Halt, MAX_BODY_BYTES, MAX_FUNCTIONS, Mode, RemainingLimits, Segment, SegmentVerdict,
    UnreadPart, unread,
};
use crate::section::{Error, Section, SectionMap, id};
use crate::source::Source;

const TYPE: u8 = 1;
const IMPORT: u8 = 2;
const FUNCTION: u8 = 3;
const TABLE: u8 = 4;
const MEMORY: u8 = 5;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const TAG: u8 = 13;

/// The longest LEB128 number of 32 bits, in bytes.
const MAX_U32_BYTES: u64 = 5;

/// How much code is read at once, in bytes.
const CODE_BYTES: u64 = 256 * 1024;

/// How much is read at once for a segment's head, in bytes. The data follow the head.
const HEAD_BYTES: u64 = 4 * 1024;

/// The longest head of a segment with a constant address, in bytes: flag, memory index, instruction, number, end.
const MAX_HEAD_BYTES: u64 = 22;

/// The facts read from a core module.
#[derive(Debug, Default)]
pub(super) struct ModuleFacts {
    pub(super) code: Code,
    pub(super) segments: Vec<Segment>,
    /// Functions that run at the start.
    pub(super) entries: Vec<u32>,
    /// The field name of each imported function.
    pub(super) imports: Vec<Box<str>>,
    /// Functions that others can import, by name.
    pub(super) exports: Vec<(Box<str>, u32)>,
    has_reference_global: bool,
    pub(super) unread: Option<UnreadPart>,
}

/// Reads the sections of a core module. Unreadable parts are skipped, and the first one is recorded.
pub(super) fn read<S: Source + ?Sized>(
    source: &S,
    map: &SectionMap,
    sections: &[&Section],
    entries: &Entries,
    left: &mut RemainingLimits,
) -> Result<ModuleFacts, Error> {
    let mut reading = ModuleReader {
        pieces: RangeBuffer::new(source, CODE_BYTES),
        heads: RangeBuffer::new(source, HEAD_BYTES),
        map,
        entries,
        left,
        found: ModuleFacts::default(),
    };
    reading.found.code.calls = Calls::new(reading.left.calls);
    let mut passed = 0;
    for section in sections.iter().filter(|section| section.id != id::CUSTOM) {
        let place = place(section.id);
        let damaged = |reason| Err(UnreadPart::damaged(section.whole.start, reason).into());
        let outcome = match place {
            0 => damaged("a section that is not known"),
            place if place <= passed => damaged("a section out of order"),
            _ => reading.section(section),
        };
        passed = passed.max(place);
        reading.note(outcome)?;
    }
    let calls = &mut reading.found.code.calls;
    calls.finish();
    reading.left.calls = calls.room_left();
    Ok(reading.found)
}

/// Returns the position of a section in the required order, from 1. Unknown sections have none.
fn place(section: u8) -> usize {
    const ORDER: [u8; 13] = [
        TYPE,
        IMPORT,
        FUNCTION,
        TABLE,
        MEMORY,
        TAG,
        GLOBAL,
        EXPORT,
        id::START,
        id::ELEMENT,
        id::DATA_COUNT,
        id::CODE,
        id::DATA,
    ];
    ORDER
        .iter()
        .position(|known| *known == section)
        .map_or(0, |place| place + 1)
}

struct ModuleReader<'a, S: ?Sized> {
    pieces: RangeBuffer<'a, S>,
    heads: RangeBuffer<'a, S>,
    map: &'a SectionMap,
    entries: &'a Entries,
    left: &'a mut RemainingLimits,
    found: ModuleFacts,
}

impl<S: Source + ?Sized> ModuleReader<'_, S> {
    fn note(&mut self, outcome: Result<(), Halt>) -> Result<(), Error> {
        if let Some(unread) = unread(outcome)? {
            self.found.unread.get_or_insert(unread);
        }
        Ok(())
    }

    fn section(&mut self, section: &Section) -> Result<(), Halt> {
        let payload = section.content.clone();
        match section.id {
            FUNCTION => self.functions(payload),
            id::CODE => self.code(payload),
            id::DATA => self.data(section),
            TYPE | IMPORT | TABLE | GLOBAL | EXPORT | id::START | id::ELEMENT => {
                let bytes = self.pieces.section(payload.clone())?;
                let reader = BinaryReader::new(bytes, payload.start);
                match section.id {
                    TYPE => self.found.types(reader),
                    IMPORT => self.found.imports(reader),
                    TABLE => self.found.tables(reader),
                    GLOBAL => self.found.globals(reader),
                    EXPORT => self.found.exports(reader, self.entries),
                    id::START => self.found.start(reader),
                    _ => self.found.elements(reader),
                }
            }
            _ => Ok(()),
        }
    }

    /// Reads a number at the start of a range. Returns the number and the rest of the range.
    fn number(&mut self, range: Range<u64>) -> Result<(u32, Range<u64>), Halt> {
        let bytes = self
            .pieces
            .get(range.start..range.end.min(range.start + MAX_U32_BYTES))?;
        let mut reader = BinaryReader::new(bytes, range.start);
        let number = reader.read_var_u32()?;
        Ok((number, reader.original_position()..range.end))
    }

    fn functions(&mut self, payload: Range<u64>) -> Result<(), Halt> {
        let offset = payload.start;
        let (count, _) = self.number(payload)?;
        let code = &mut self.found.code;
        code.functions = code.functions.saturating_add(count);
        match code.functions > MAX_FUNCTIONS {
            true => Err(Halt::Unread(too_many_functions(offset))),
            false => Ok(()),
        }
    }

    fn code(&mut self, payload: Range<u64>) -> Result<(), Halt> {
        let start = payload.start;
        let (count, mut rest) = self.number(payload)?;
        let code = &self.found.code;
        if code.calls.imported.saturating_add(count) != code.functions {
            let reason = "function and code section do not have the same number of functions";
            self.note(Err(UnreadPart::damaged(start, reason).into()))?;
        }
        for _ in 0..count {
            let (size, after) = self.number(rest)?;
            let end = after.start + u64::from(size);
            if end > after.end {
                return Err(
                    UnreadPart::damaged(after.start, "a body past the end of its section").into(),
                );
            }
            if self.found.code.calls.current() >= MAX_FUNCTIONS {
                return Err(too_many_functions(after.start).into());
            }
            let outcome = self.body(after.start..end);
            self.note(outcome)?;
            self.found.code.calls.end_body();
            rest = end..after.end;
        }
        match rest.is_empty() {
            true => Ok(()),
            false => Err(UnreadPart::damaged(rest.start, "bytes after the last function").into()),
        }
    }

    fn body(&mut self, range: Range<u64>) -> Result<(), Halt> {
        if range.end - range.start > MAX_BODY_BYTES {
            return Err(Halt::Unread(UnreadPart::Limit {
                offset: range.start,
                what: "bytes in a function body",
                most: MAX_BODY_BYTES,
            }));
        }
        let bytes = self.pieces.get(range.clone())?;
        let reader = BinaryReader::new(bytes, range.start);
        Ok(self.found.code.body(reader, &mut self.left.readers)?)
    }

    /// Takes the segments from the map, and reads their heads.
    fn data(&mut self, section: &Section) -> Result<(), Halt> {
        let map = self.map;
        let payload = section.content.clone();
        let (count, rest) = self.number(payload.clone())?;
        let first = map
            .segments
            .partition_point(|segment| segment.init.start < payload.start);
        let mapped = map.segments[first..]
            .iter()
            .take_while(|segment| map.sections[segment.section].whole.start == section.whole.start);
        let mut at = rest.start;
        for segment in mapped {
            let head = at..segment.init.start.min(at + MAX_HEAD_BYTES);
            let mode = match segment.passive {
                true => Mode::Passive,
                false => active(BinaryReader::new(self.heads.get(head.clone())?, head.start))?,
            };
            at = segment.init.end;
            self.found.segments.push(Segment {
                index: segment.index,
                init: segment.init.clone(),
                mode,
                readers: Vec::new(),
                verdict: SegmentVerdict::Unknown,
            });
        }
        match self.found.segments.len() == count as usize {
            true => Ok(()),
            false => {
                let reason = "a data section that cannot be read, or has too many segments";
                Err(UnreadPart::damaged(payload.start, reason).into())
            }
        }
    }
}

fn too_many_functions(offset: u64) -> UnreadPart {
    UnreadPart::Limit {
        offset,
        what: "functions in a module",
        most: u64::from(MAX_FUNCTIONS),
    }
}

/// Reads the head of an active segment, up to its address if that is a constant.
fn active(mut head: BinaryReader<'_>) -> Result<Mode, UnreadPart> {
    const HAS_MEMORY: u32 = 2;
    let memory = match head.read_var_u32()? {
        HAS_MEMORY => head.read_var_u32()?,
        _ => 0,
    };
    let mut operators = OperatorsReader::new(head);
    let address = match operators.read() {
        Ok(Operator::I32Const { value }) => Some(u64::from(value.cast_unsigned())),
        Ok(Operator::I64Const { value }) => Some(value.cast_unsigned()),
        _ => None,
    };
    let ends = matches!(operators.read(), Ok(Operator::End));
    let address = address.filter(|_| ends);
    Ok(Mode::Active { memory, address })
}

impl ModuleFacts {
    /// Looks for functions with references as parameters or results. Tags and continuations use such types too.
    fn types(&mut self, reader: BinaryReader<'_>) -> Result<(), Halt> {
        for group in TypeSectionReader::new(reader)? {
            for ty in group?.types() {
                if let CompositeInnerType::Func(function) = &ty.composite_type.inner {
                    let types = function.params().iter().chain(function.results());
                    self.code.calls.shares_references |=
                        types.into_iter().any(|ty| ty.is_reference_type());
                }
            }
        }
        Ok(())
    }

    fn imports(&mut self, reader: BinaryReader<'_>) -> Result<(), Halt> {
        let offset = reader.original_position();
        for import in ImportSectionReader::new(reader)?.into_imports() {
            let import = import?;
            match import.ty {
                TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                    self.imports.push(import.name.into());
                    self.code.calls.imported += 1;
                    self.code.functions += 1;
                }
                TypeRef::Table(_) => self.code.calls.shares_table = true,
                TypeRef::Global(global) if global.content_type.is_reference_type() => {
                    self.has_reference_global = true;
                    self.code.calls.shares_references = true;
                }
                _ => {}
            }
        }
        match self.code.functions > MAX_FUNCTIONS {
            true => Err(Halt::Unread(too_many_functions(offset))),
            false => Ok(()),
        }
    }

    fn tables(&mut self, reader: BinaryReader<'_>) -> Result<(), Halt> {
        for table in TableSectionReader::new(reader)? {
            if let TableInit::Expr(expression) = table?.init {
                self.code.expression(expression.get_operators_reader())?;
            }
        }
        Ok(())
    }

    fn globals(&mut self, reader: BinaryReader<'_>) -> Result<(), Halt> {
        for global in GlobalSectionReader::new(reader)? {
            let global = global?;
            self.has_reference_global |= global.ty.content_type.is_reference_type();
            self.code
                .expression(global.init_expr.get_operators_reader())?;
        }
        Ok(())
    }

    fn exports(&mut self, reader: BinaryReader<'_>, entries: &Entries) -> Result<(), Halt> {
        for export in ExportSectionReader::new(reader)?.into_iter_with_offsets() {
            let (offset, export) = export?;
            match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    self.code.known(export.index, offset)?;
                    self.code.calls.exported.push(export.index);
                    self.exports.push((export.name.into(), export.index));
                    if entries.contains(export.name) {
                        self.entries.push(export.index);
                    }
                }
                ExternalKind::Table => self.code.calls.shares_table = true,
                ExternalKind::Global => {
                    self.code.calls.shares_references |= self.has_reference_global;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn start(&mut self, mut reader: BinaryReader<'_>) -> Result<(), Halt> {
        let offset = reader.original_position();
        let function = reader.read_var_u32()?;
        self.code.known(function, offset)?;
        self.entries.push(function);
        Ok(())
    }

    fn elements(&mut self, reader: BinaryReader<'_>) -> Result<(), Halt> {
        for element in ElementSectionReader::new(reader)? {
            let element = element?;
            if let ElementKind::Active { offset_expr, .. } = element.kind {
                self.code.expression(offset_expr.get_operators_reader())?;
            }
            match element.items {
                ElementItems::Functions(functions) => {
                    for function in functions.into_iter_with_offsets() {
                        let (offset, function) = function?;
                        self.code.refer(function, offset)?;
                    }
                }
                ElementItems::Expressions(_, expressions) => {
                    for expression in expressions {
                        self.code.expression(expression?.get_operators_reader())?;
                    }
                }
            }
        }
        Ok(())
    }
}
