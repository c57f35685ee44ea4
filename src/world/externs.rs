//! The imports and exports of a component, with types.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentItem, ComponentTypeId,
};
use wasmparser::types::Types;
use wasmparser::{
    ComponentExternalKind, ComponentTypeRef, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

/// One of a component's own imports or exports.
pub(super) struct Extern {
    pub(super) is_export: bool,
    pub(super) name: String,
    pub(super) item: ComponentItem,
}

/// Validates a component, except function bodies. Returns its imports and exports in file order.
pub(super) fn externs(bytes: &[u8]) -> Result<(Types, Vec<Extern>), String> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut externs = Vec::new();
    let mut depth = 1;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| error.to_string())?;
        let valid = validator.payload(&payload);
        match valid.map_err(|error| error.to_string())? {
            ValidPayload::Parser(_) => depth += 1,
            ValidPayload::End(_) if depth > 1 => depth -= 1,
            ValidPayload::End(types) => return Ok((types, externs)),
            _ => {}
        }
        let types = validator.types(0).filter(|_| depth == 1);
        match (payload, types) {
            (Payload::ComponentImportSection(section), Some(types)) => {
                for import in section {
                    let name = import.map_err(|error| error.to_string())?.name.name;
                    let item = types.component_item_for_import(name);
                    let item = item.ok_or("an unknown import")?.clone();
                    externs.push(Extern {
                        is_export: false,
                        name: name.to_owned(),
                        item,
                    });
                }
            }
            (Payload::ComponentExportSection(section), Some(types)) => {
                for export in section {
                    let name = export.map_err(|error| error.to_string())?.name.name;
                    let item = types.component_item_for_export(name);
                    let item = item.ok_or("an unknown export")?.clone();
                    externs.push(Extern {
                        is_export: true,
                        name: name.to_owned(),
                        item,
                    });
                }
            }
            _ => {}
        }
    }
    Err("it has no end".to_owned())
}

/// One of a component's own imports or exports that WIT cannot express.
pub(super) struct Inexpressible {
    pub(super) is_export: bool,
    pub(super) name: String,
    pub(super) what: &'static str,
}

/// Returns a component's own imports and exports that WIT cannot express, in file order.
pub(super) fn inexpressible(bytes: &[u8]) -> Result<Vec<Inexpressible>, String> {
    const MODULE: &str = "core module";
    const COMPONENT: &str = "component";
    const VALUE: &str = "value";
    let failed = |error: wasmparser::BinaryReaderError| error.to_string();
    let mut found = Vec::new();
    let mut add = |is_export, name: &str, what: Option<&'static str>| {
        found.extend(what.map(|what| Inexpressible {
            is_export,
            name: name.to_owned(),
            what,
        }));
    };
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(failed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let import = import.map_err(failed)?;
                    let what = match import.ty {
                        ComponentTypeRef::Module(_) => Some(MODULE),
                        ComponentTypeRef::Component(_) => Some(COMPONENT),
                        ComponentTypeRef::Value(_) => Some(VALUE),
                        _ => None,
                    };
                    add(false, import.name.name, what);
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let export = export.map_err(failed)?;
                    let what = match export.kind {
                        ComponentExternalKind::Module => Some(MODULE),
                        ComponentExternalKind::Component => Some(COMPONENT),
                        ComponentExternalKind::Value => Some(VALUE),
                        _ => None,
                    };
                    add(true, export.name.name, what);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Returns whether there are only exports that are types of components: interfaces and worlds.
pub(super) fn is_wit_package(externs: &[Extern]) -> bool {
    let is_entry = |of: &Extern| of.is_export && created_component(&of.item).is_some();
    !externs.is_empty() && externs.iter().all(is_entry)
}

/// Returns the component type that an export defines, if it defines one.
pub(super) fn created_component(item: &ComponentItem) -> Option<ComponentTypeId> {
    match item.ty {
        ComponentEntityType::Type {
            created: ComponentAnyTypeId::Component(id),
            ..
        } => Some(id),
        _ => None,
    }
}
