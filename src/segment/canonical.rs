//! The core exports that a component uses as realloc, and whether other code that it instantiates could call them.
//!
//! Spec: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>.

use std::collections::BTreeMap;

use wasmparser::{
    BinaryReader, CanonicalFunction, CanonicalOption, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ComponentExternalKind, ComponentImportSectionReader,
    ComponentType, ComponentTypeRef, ComponentTypeSectionReader, ExternalKind, Instance,
    InstanceSectionReader,
};

use super::piece::Pieces;
use super::{Entries, Halt, MAX_SECTION_BYTES, Unread, unread};
use crate::section::{Error, Section};
use crate::source::Source;

const CORE_INSTANCE: u8 = 2;
const INSTANCE: u8 = 5;
const ALIAS: u8 = 6;
const TYPE: u8 = 7;
const CANONICAL: u8 = 8;
const START: u8 = 9;
const IMPORT: u8 = 10;

/// Adds to `entries` the facts in one component's own sections. Returns the first unreadable part.
pub(super) fn read<S: Source + ?Sized>(
    source: &S,
    sections: &[&Section],
    nested: bool,
    entries: &mut Entries,
) -> Result<Option<Unread>, Error> {
    let mut pieces = Pieces::new(source, 16 * 1024);
    // The imports of a nested component may be functions of the file.
    let mut spaces = Spaces {
        has_own_functions: nested,
        ..Spaces::default()
    };
    for section in sections {
        let payload = section.content.clone();
        let outcome = match section.id {
            CORE_INSTANCE | TYPE | ALIAS | CANONICAL | IMPORT => {
                pieces.section(payload.clone()).and_then(|bytes| {
                    let reader = BinaryReader::new(bytes, payload.start);
                    match section.id {
                        CORE_INSTANCE => spaces.instances(reader, entries),
                        TYPE => spaces.types(reader, entries),
                        ALIAS => spaces.aliases(reader, entries),
                        IMPORT => imports(reader, entries),
                        _ => spaces.canonicals(reader, entries),
                    }
                })
            }
            INSTANCE => {
                spaces.has_own_functions = true;
                Ok(())
            }
            START => {
                entries.all = true;
                Ok(())
            }
            _ => Ok(()),
        };
        // After an unreadable section the indices of later items are unknown.
        if let Some(unread) = unread(outcome)? {
            return Ok(Some(unread));
        }
    }
    Ok(None)
}

/// The index spaces of one component that lead from an option to an export.
#[derive(Default)]
struct Spaces {
    core_instances: Vec<CoreInstance>,
    /// Whether a function of the component may be a lifted core function of the file.
    has_own_functions: bool,
    /// For each core function that is an export, the name of the export, as an index of `names`.
    core_functions: Vec<Option<usize>>,
    names: Vec<Box<str>>,
    name_bytes: u64,
}

enum CoreInstance {
    /// An instance of a module. Its exports are those of the module.
    OfModule,
    /// An instance made of core functions, by name.
    OfExports(BTreeMap<Box<str>, u32>),
}

impl Spaces {
    fn instances(&mut self, reader: BinaryReader<'_>, entries: &mut Entries) -> Result<(), Halt> {
        for instance in InstanceSectionReader::new(reader)? {
            let instance = match instance? {
                Instance::Instantiate { .. } => CoreInstance::OfModule,
                Instance::FromExports(exports) => {
                    let mut functions = BTreeMap::new();
                    for export in &exports {
                        if is_function(export.kind) {
                            self.count(export.name)?;
                            self.rename(export.name, export.index, entries)?;
                            functions.insert(export.name.into(), export.index);
                        }
                    }
                    CoreInstance::OfExports(functions)
                }
            };
            self.core_instances.push(instance);
        }
        Ok(())
    }

    /// Records the export that an item of an instance stands for.
    fn rename(&self, item: &str, function: u32, entries: &mut Entries) -> Result<(), Unread> {
        if let Some(name) = self.core_function(function, 0)? {
            let names = entries.renamed.entry(item.to_owned()).or_default();
            names.insert(self.names[name].to_string());
        }
        Ok(())
    }

    fn types(&mut self, reader: BinaryReader<'_>, entries: &mut Entries) -> Result<(), Halt> {
        for ty in ComponentTypeSectionReader::new(reader)?.into_iter_with_offsets() {
            let (offset, ty) = ty?;
            if let ComponentType::Resource { dtor, .. } = ty
                && let Some(function) = dtor
                && let Some(name) = self.core_function(function, offset)?
            {
                entries.destructors.insert(self.names[name].to_string());
            }
        }
        Ok(())
    }

    fn aliases(&mut self, reader: BinaryReader<'_>, entries: &mut Entries) -> Result<(), Halt> {
        for alias in ComponentAliasSectionReader::new(reader)?.into_iter_with_offsets() {
            let (offset, alias) = alias?;
            if let ComponentAlias::InstanceExport { kind, .. } = alias
                && matches!(
                    kind,
                    ComponentExternalKind::Module | ComponentExternalKind::Component
                )
            {
                entries.foreign();
            }
            let ComponentAlias::CoreInstanceExport {
                kind,
                instance_index,
                name,
            } = alias
            else {
                continue;
            };
            if !is_function(kind) {
                continue;
            }
            let function = match self.core_instances.get(instance_index as usize) {
                Some(CoreInstance::OfModule) => {
                    self.count(name)?;
                    self.names.push(name.into());
                    Some(self.names.len() - 1)
                }
                Some(CoreInstance::OfExports(functions)) => {
                    let function = functions.get(name).copied();
                    let function = function.ok_or_else(|| no_such(offset, "export"))?;
                    self.core_function(function, offset)?
                }
                None => return Err(no_such(offset, "core instance").into()),
            };
            self.core_functions.push(function);
        }
        Ok(())
    }

    fn canonicals(&mut self, reader: BinaryReader<'_>, entries: &mut Entries) -> Result<(), Halt> {
        for canonical in ComponentCanonicalSectionReader::new(reader)?.into_iter_with_offsets() {
            let (offset, canonical) = canonical?;
            for option in options(&canonical) {
                if let CanonicalOption::Realloc(function) = option
                    && let Some(name) = self.core_function(*function, offset)?
                {
                    entries.names.insert(self.names[name].to_string());
                }
            }
            match canonical {
                CanonicalFunction::Lift { .. } => self.has_own_functions = true,
                CanonicalFunction::Lower { .. } => entries.comes_back |= self.has_own_functions,
                CanonicalFunction::ResourceNew { .. }
                | CanonicalFunction::ResourceDrop { .. }
                | CanonicalFunction::ResourceRep { .. } => {}
                _ => entries.comes_back = true,
            }
            // All others make a core function that belongs to no module.
            if !matches!(canonical, CanonicalFunction::Lift { .. }) {
                self.core_functions.push(None);
            }
        }
        Ok(())
    }

    fn core_function(&self, index: u32, offset: u64) -> Result<Option<usize>, Unread> {
        let function = self.core_functions.get(index as usize).copied();
        function.ok_or_else(|| no_such(offset, "core function"))
    }

    fn count(&mut self, name: &str) -> Result<(), Unread> {
        self.name_bytes += name.len() as u64;
        match self.name_bytes > MAX_SECTION_BYTES {
            true => Err(Unread::Limit {
                offset: 0,
                what: "bytes of names in a component",
                most: MAX_SECTION_BYTES,
            }),
            false => Ok(()),
        }
    }
}

/// Looks for imported modules and components: their code is not in the file.
fn imports(reader: BinaryReader<'_>, entries: &mut Entries) -> Result<(), Halt> {
    for import in ComponentImportSectionReader::new(reader)? {
        if let ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_) = import?.ty {
            entries.foreign();
        }
    }
    Ok(())
}

fn no_such(offset: u64, what: &str) -> Unread {
    Unread::damaged(offset, format!("no such {what}"))
}

fn is_function(kind: ExternalKind) -> bool {
    matches!(kind, ExternalKind::Func | ExternalKind::FuncExact)
}

fn options(canonical: &CanonicalFunction) -> &[CanonicalOption] {
    match canonical {
        CanonicalFunction::Lift { options, .. }
        | CanonicalFunction::Lower { options, .. }
        | CanonicalFunction::TaskReturn { options, .. }
        | CanonicalFunction::StreamRead { options, .. }
        | CanonicalFunction::StreamWrite { options, .. }
        | CanonicalFunction::FutureRead { options, .. }
        | CanonicalFunction::FutureWrite { options, .. }
        | CanonicalFunction::ErrorContextNew { options, .. }
        | CanonicalFunction::ErrorContextDebugMessage { options, .. } => options,
        _ => &[],
    }
}
