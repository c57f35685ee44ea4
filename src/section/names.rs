//! The names a file imports and exports, as they stand in its own top-level sections.
//!
//! These lists are digested, so what is readable is fixed here and not by a parser that learns new
//! encodings: a list ends at its first unreadable entry.

use std::collections::BTreeSet;

use super::BinaryKind;
use super::window::{Halt, Reader};
use crate::source::Source;

/// The longest name, in bytes.
const MAX_NAME_BYTES: u64 = 100_000;

/// The largest sum of [`cost`] over a list.
const MAX_LIST_COST: usize = 4 << 20;

/// Names in file order, until one could not be read.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<String>,
    seen: BTreeSet<String>,
    cost: usize,
    ended: bool,
}

/// What a section's entries say of names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entries {
    Imports,
    Exports,
}

impl Names {
    pub(super) fn into_vec(self) -> Vec<String> {
        self.names
    }

    /// Adds the names of one import or export section.
    pub(super) fn read<S: Source + ?Sized>(
        &mut self,
        mut reader: Reader<'_, '_, S>,
        kind: BinaryKind,
        entries: Entries,
    ) -> Result<(), Halt> {
        if self.ended {
            return Ok(());
        }
        let outcome = self.read_entries(&mut reader, kind, entries);
        self.ended = outcome.is_err();
        match outcome {
            Err(Halt::Unreadable) => Ok(()),
            outcome => outcome,
        }
    }

    fn read_entries<S: Source + ?Sized>(
        &mut self,
        reader: &mut Reader<'_, '_, S>,
        kind: BinaryKind,
        entries: Entries,
    ) -> Result<(), Halt> {
        for _ in 0..reader.u32()? {
            if kind == BinaryKind::Component && reader.byte()? > 1 {
                return Err(Halt::Unreadable);
            }
            let name = name(reader)?;
            match (kind, entries) {
                (BinaryKind::Module, Entries::Imports) => {
                    let _field = reader.vector()?;
                    core_import(reader)?;
                }
                (BinaryKind::Module, Entries::Exports) => {
                    reader.byte()?;
                    reader.u32()?;
                }
                (BinaryKind::Component, Entries::Imports) => extern_type(reader)?,
                (BinaryKind::Component, Entries::Exports) => component_export(reader)?,
            }
            let distinct = matches!((kind, entries), (BinaryKind::Module, Entries::Imports));
            self.add(name, distinct)?;
        }
        Ok(())
    }

    fn add(&mut self, name: String, distinct: bool) -> Result<(), Halt> {
        if distinct && !self.seen.insert(name.clone()) {
            return Ok(());
        }
        self.cost += cost(&name);
        if self.cost > MAX_LIST_COST {
            return Err(Halt::Unreadable);
        }
        self.names.push(name);
        Ok(())
    }
}

/// An upper bound of a name's size in a JSON list.
fn cost(name: &str) -> usize {
    let escaped = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    name.len() + 3 + 5 * name.as_bytes().iter().filter(|byte| escaped(byte)).count()
}

fn name<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<String, Halt> {
    let range = reader.vector()?;
    if range.end - range.start > MAX_NAME_BYTES {
        return Err(Halt::Unreadable);
    }
    let bytes = reader.bytes(range, MAX_NAME_BYTES as usize)?;
    String::from_utf8(bytes).map_err(|_| Halt::Unreadable)
}

/// Steps over a core import's type: `importdesc` of the core specification.
fn core_import<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    match reader.byte()? {
        0 => reader.skip_number(5),
        1 => {
            reference_type(reader)?;
            limits(reader)
        }
        2 => limits(reader),
        3 => {
            value_type(reader)?;
            reader.byte().map(drop)
        }
        4 => {
            reader.byte()?;
            reader.skip_number(5)
        }
        _ => Err(Halt::Unreadable),
    }
}

fn value_type<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    const REF: u8 = 0x64;
    const REF_NULL: u8 = 0x63;
    match reader.byte()? {
        REF | REF_NULL => reader.skip_number(5),
        0x40.. => Ok(()),
        _ => Err(Halt::Unreadable),
    }
}

fn reference_type<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    value_type(reader)
}

fn limits<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    const HAS_MAXIMUM: u8 = 1;
    const PAGE_SIZE: u8 = 8;
    let flags = reader.byte()?;
    if flags > 15 {
        return Err(Halt::Unreadable);
    }
    reader.skip_number(10)?;
    if flags & HAS_MAXIMUM != 0 {
        reader.skip_number(10)?;
    }
    if flags & PAGE_SIZE != 0 {
        reader.skip_number(5)?;
    }
    Ok(())
}

/// Steps over an `externdesc` of the component model.
fn extern_type<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    match reader.byte()? {
        0 => {
            if reader.byte()? != 0x11 {
                return Err(Halt::Unreadable);
            }
            reader.skip_number(5)
        }
        1 | 4 | 5 => reader.skip_number(5),
        // A value: equal to another one, or of a type (an index or a primitive, both an s33).
        2 => match reader.byte()? {
            0 | 1 => reader.skip_number(5),
            _ => Err(Halt::Unreadable),
        },
        3 => match reader.byte()? {
            0 => reader.skip_number(5),
            1 => Ok(()),
            _ => Err(Halt::Unreadable),
        },
        _ => Err(Halt::Unreadable),
    }
}

/// Steps over an export's sort, index and optional type.
fn component_export<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    match reader.byte()? {
        0 => reader.byte().map(drop)?,
        1..=5 => {}
        _ => return Err(Halt::Unreadable),
    }
    reader.skip_number(5)?;
    match reader.byte()? {
        0 => Ok(()),
        1 => extern_type(reader),
        _ => Err(Halt::Unreadable),
    }
}
