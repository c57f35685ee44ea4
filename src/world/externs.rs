//! What a component imports and exports, with types.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentItem, ComponentTypeId,
};
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, ValidPayload, Validator, WasmFeatures};

/// One of a component's own imports or exports.
pub(super) struct Extern {
    pub(super) is_export: bool,
    pub(super) name: String,
    pub(super) item: ComponentItem,
}

/// Validates a component, but for the bodies of functions, and returns its imports and exports in file order.
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

/// Whether there are only exports, all of them types of components: interfaces and worlds.
pub(super) fn is_wit_package(externs: &[Extern]) -> bool {
    let is_entry = |of: &Extern| of.is_export && created_component(&of.item).is_some();
    !externs.is_empty() && externs.iter().all(is_entry)
}

/// The component that an export is the type of, if it is one's.
pub(super) fn created_component(item: &ComponentItem) -> Option<ComponentTypeId> {
    match item.ty {
        ComponentEntityType::Type {
            created: ComponentAnyTypeId::Component(id),
            ..
        } => Some(id),
        _ => None,
    }
}
