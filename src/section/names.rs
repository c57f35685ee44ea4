//! The import and export names of a file, from its own top-level sections.
//!
//! These lists are part of a digest. So this module defines the readable encodings, and not a parser that learns
//! new ones. A list ends at its first unreadable entry. Readable encodings are those of the core specification 3.0
//! (with custom page sizes and compact imports) and of the component model as of August 2026.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::BinaryKind;
use super::window::{Halt, Reader};
use crate::source::Source;

/// The longest name, in bytes.
const MAX_NAME_BYTES: u64 = 100_000;

/// The cost of a text besides its bytes, for the memory that a short text takes.
const TEXT_COST: usize = 32;

/// The largest sum of [`cost`] over a list.
const MAX_LIST_COST: usize = 16 << 20;

/// The attributes of a file's import and export names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NameDetails {
    /// Attributes of imports.
    #[serde(skip_serializing_if = "ListDetails::is_empty")]
    pub imports: ListDetails,
    /// Attributes of exports.
    #[serde(skip_serializing_if = "ListDetails::is_empty")]
    pub exports: ListDetails,
}

/// The attributes of one list of names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListDetails {
    /// Attributes by name. If a name is in the list twice, the attributes of the first entry count.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, NameAttributes>,
    /// Whether an entry was unreadable, so that names may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// Whether the whole list was left out, because it is long. Only the root has it then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub omitted: bool,
}

/// The attributes of a component's import or export name.
///
/// Spec: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#import-and-export-definitions>.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct NameAttributes {
    /// The interface that a plain name stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implements: Option<String>,
    /// The rest of a version of which the name has the beginning.
    #[serde(rename = "versionsuffix", skip_serializing_if = "Option::is_none")]
    pub version_suffix: Option<String>,
    /// The name that a host uses for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl NameDetails {
    /// Returns whether no name has attributes and both lists are complete.
    pub fn is_empty(&self) -> bool {
        self.imports.is_empty() && self.exports.is_empty()
    }

    /// Returns whether one of the lists was left out.
    pub fn omits_list(&self) -> bool {
        self.imports.omitted || self.exports.omitted
    }
}

impl ListDetails {
    fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.is_complete()
    }

    /// Replaces a list that was left out by the root's list.
    pub fn restore(&mut self, names: &mut Vec<String>, found: &[String], root: &Self) {
        if self.omitted {
            *names = found.to_vec();
            self.clone_from(root);
        }
    }

    /// Returns whether the list has all names of the file.
    pub fn is_complete(&self) -> bool {
        !self.incomplete && !self.omitted
    }

    /// Returns the interface that a name of the list stands for, with its whole version. Without attributes this is
    /// the name. Only a plain name stands for another interface.
    pub fn interface<'a>(&'a self, name: &'a str) -> Cow<'a, str> {
        let Some(attributes) = self.attributes.get(name) else {
            return Cow::Borrowed(name);
        };
        let implements = attributes.implements.as_deref();
        let interface = implements.filter(|_| !name.contains(':')).unwrap_or(name);
        match &attributes.version_suffix {
            Some(suffix) if interface.contains('@') => Cow::Owned(format!("{interface}{suffix}")),
            _ => Cow::Borrowed(interface),
        }
    }
}

/// Names in file order, up to the first unreadable entry.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<String>,
    seen: BTreeSet<String>,
    cost: usize,
    details: ListDetails,
}

/// The kind of a section's entries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entries {
    Imports,
    Exports,
}

impl Names {
    pub(super) fn into_parts(self) -> (Vec<String>, ListDetails) {
        (self.names, self.details)
    }

    /// Ends the list, because the rest is unreadable.
    pub(super) fn end(&mut self) {
        self.details.incomplete = true;
    }

    /// Adds the names of one import or export section.
    pub(super) fn read<S: Source + ?Sized>(
        &mut self,
        mut reader: Reader<'_, '_, S>,
        kind: BinaryKind,
        entries: Entries,
    ) -> Result<(), Halt> {
        if self.details.incomplete {
            return Ok(());
        }
        let outcome = self.read_entries(&mut reader, kind, entries);
        self.details.incomplete = outcome.is_err();
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
            match (kind, entries) {
                (BinaryKind::Module, Entries::Imports) => self.core_imports(reader)?,
                (BinaryKind::Module, Entries::Exports) => {
                    let name = name(reader)?;
                    one_of(reader, 0..=4)?;
                    reader.skip_unsigned(32)?;
                    self.add(name)?;
                }
                (BinaryKind::Component, Entries::Imports) => {
                    let (name, attributes) = component_name(reader)?;
                    extern_type(reader)?;
                    self.add_component_name(name, attributes)?;
                }
                (BinaryKind::Component, Entries::Exports) => {
                    let (name, attributes) = component_name(reader)?;
                    component_export(reader)?;
                    self.add_component_name(name, attributes)?;
                }
            }
        }
        Ok(())
    }

    /// Reads one entry of a core import section. It is one import, or several imports of one module. An empty field
    /// name and a byte that is not a kind of import announce several.
    fn core_imports<S: Source + ?Sized>(
        &mut self,
        reader: &mut Reader<'_, '_, S>,
    ) -> Result<(), Halt> {
        const SEVERAL_TYPES: u8 = 0x7f;
        const ONE_TYPE: u8 = 0x7e;
        let module = name(reader)?;
        let field = name(reader)?;
        let several = field.is_empty() && matches!(reader.peek()?, SEVERAL_TYPES | ONE_TYPE);
        let mut imports = 1;
        if !several {
            core_type(reader)?;
        } else if reader.byte()? == SEVERAL_TYPES {
            imports = reader.u32()?;
            for _ in 0..imports {
                name(reader)?;
                core_type(reader)?;
            }
        } else {
            core_type(reader)?;
            imports = reader.u32()?;
            for _ in 0..imports {
                name(reader)?;
            }
        }
        if imports > 0 && self.seen.insert(module.clone()) {
            self.add(module)?;
        }
        Ok(())
    }

    fn add_component_name(&mut self, name: String, attributes: NameAttributes) -> Result<(), Halt> {
        let NameAttributes {
            implements,
            version_suffix,
            external_id,
        } = &attributes;
        let texts = [implements, version_suffix, external_id];
        self.cost += texts
            .into_iter()
            .flatten()
            .map(|text| cost(text))
            .sum::<usize>();
        self.add(name.clone())?;
        if attributes != NameAttributes::default() {
            self.details.attributes.entry(name).or_insert(attributes);
        }
        Ok(())
    }

    fn add(&mut self, name: String) -> Result<(), Halt> {
        self.cost += cost(&name);
        if self.cost > MAX_LIST_COST {
            return Err(Halt::Unreadable);
        }
        self.names.push(name);
        Ok(())
    }
}

fn cost(text: &str) -> usize {
    text.len() + TEXT_COST
}

fn name<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<String, Halt> {
    let range = reader.vector()?;
    if range.end - range.start > MAX_NAME_BYTES {
        return Err(Halt::Unreadable);
    }
    let bytes = reader.bytes(range, MAX_NAME_BYTES as usize)?;
    String::from_utf8(bytes).map_err(|_| Halt::Unreadable)
}

/// Reads a byte that must be in a range.
fn one_of<S: Source + ?Sized>(
    reader: &mut Reader<'_, '_, S>,
    range: RangeInclusive<u8>,
) -> Result<u8, Halt> {
    let byte = reader.byte()?;
    match range.contains(&byte) {
        true => Ok(byte),
        false => Err(Halt::Unreadable),
    }
}

/// Skips an `externtype` of the core specification.
fn core_type<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    match one_of(reader, 0..=4)? {
        0 => reader.skip_unsigned(32),
        1 => {
            reference_type(reader)?;
            limits(reader, 0..=7)
        }
        2 => limits(reader, 0..=15),
        3 => {
            value_type(reader)?;
            one_of(reader, 0..=1).map(drop)
        }
        _ => {
            one_of(reader, 0..=0)?;
            reader.skip_unsigned(32)
        }
    }
}

fn value_type<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    // Number and vector types.
    if matches!(reader.peek()?, 0x7b..=0x7f) {
        return reader.byte().map(drop);
    }
    reference_type(reader)
}

fn reference_type<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    const NULLABLE: u8 = 0x63;
    const NOT_NULL: u8 = 0x64;
    match reader.byte()? {
        NULLABLE | NOT_NULL => {}
        byte if is_abstract(byte) => return Ok(()),
        _ => return Err(Halt::Unreadable),
    }
    if is_abstract(reader.peek()?) {
        return reader.byte().map(drop);
    }
    match reader.skip_signed(33)? {
        false => Ok(()),
        true => Err(Halt::Unreadable),
    }
}

/// Returns whether the byte is an abstract heap type.
fn is_abstract(byte: u8) -> bool {
    matches!(byte, 0x69..=0x74)
}

/// Skips limits. The range of their flags is that of tables or that of memories.
fn limits<S: Source + ?Sized>(
    reader: &mut Reader<'_, '_, S>,
    flags: RangeInclusive<u8>,
) -> Result<(), Halt> {
    const HAS_MAXIMUM: u8 = 1;
    const HAS_PAGE_SIZE: u8 = 8;
    let flags = one_of(reader, flags)?;
    reader.skip_unsigned(64)?;
    if flags & HAS_MAXIMUM != 0 {
        reader.skip_unsigned(64)?;
    }
    if flags & HAS_PAGE_SIZE != 0 {
        reader.skip_unsigned(32)?;
    }
    Ok(())
}

/// Reads a `nameattributes` of the component model. Each attribute occurs at most once.
fn component_name<S: Source + ?Sized>(
    reader: &mut Reader<'_, '_, S>,
) -> Result<(String, NameAttributes), Halt> {
    const WITH_ATTRIBUTES: u8 = 2;
    let form = one_of(reader, 0..=WITH_ATTRIBUTES)?;
    let plain = name(reader)?;
    let mut attributes = NameAttributes::default();
    if form == WITH_ATTRIBUTES {
        for _ in 0..reader.u32()? {
            let attribute = match one_of(reader, 0..=2)? {
                0 => &mut attributes.implements,
                1 => &mut attributes.version_suffix,
                _ => &mut attributes.external_id,
            };
            if attribute.replace(name(reader)?).is_some() {
                return Err(Halt::Unreadable);
            }
        }
    }
    Ok((plain, attributes))
}

/// Skips an `externtype` of the component model.
fn extern_type<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    const MODULE: u8 = 0x11;
    match one_of(reader, 0..=5)? {
        0 => {
            one_of(reader, MODULE..=MODULE)?;
            reader.skip_unsigned(32)
        }
        // A value bound: equal to another value, or of a type (an index or a primitive, both an s33).
        2 => match one_of(reader, 0..=1)? {
            0 => reader.skip_unsigned(32),
            _ => reader.skip_signed(33).map(drop),
        },
        // A type bound: equal to another type, or a new resource.
        3 => match one_of(reader, 0..=1)? {
            0 => reader.skip_unsigned(32),
            _ => Ok(()),
        },
        _ => reader.skip_unsigned(32),
    }
}

/// Skips an export's sort, index and optional type.
fn component_export<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    const CORE: u8 = 0;
    const CORE_SORTS: [u8; 8] = [0, 1, 2, 3, 4, 0x10, 0x11, 0x12];
    if one_of(reader, CORE..=5)? == CORE && !CORE_SORTS.contains(&reader.byte()?) {
        return Err(Halt::Unreadable);
    }
    reader.skip_unsigned(32)?;
    match one_of(reader, 0..=1)? {
        0 => Ok(()),
        _ => extern_type(reader),
    }
}
