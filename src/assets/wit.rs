//! Interfaces of WIT, and the types in them.

use wit_parser::{Function, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

pub(super) const ERROR: &str = "wasi:io/error";
pub(super) const POLL: &str = "wasi:io/poll";
pub(super) const STREAMS: &str = "wasi:io/streams";
pub(super) const CLOCK: &str = "wasi:clocks/monotonic-clock";
pub(super) const STDIN: &str = "wasi:cli/stdin";
pub(super) const TYPES: &str = "wasi:filesystem/types";
pub(super) const PREOPENS: &str = "wasi:filesystem/preopens";

/// The resources that an assets component defines.
pub(super) const OWN_RESOURCES: [(&str, &str); 3] = [
    (STREAMS, "input-stream"),
    (TYPES, "descriptor"),
    (TYPES, "directory-entry-stream"),
];

/// Returns the name of an interface without its version.
pub(super) fn key(resolve: &Resolve, id: InterfaceId) -> String {
    let name = name(resolve, id);
    name.split('@').next().unwrap_or_default().to_owned()
}

/// Returns the name of an interface with its version.
pub(super) fn name(resolve: &Resolve, id: InterfaceId) -> String {
    resolve.id_of(id).unwrap_or_default()
}

/// Follows the aliases of a type to its definition.
pub(super) fn definition(resolve: &Resolve, mut id: TypeId) -> TypeId {
    while let TypeDefKind::Type(Type::Id(alias)) = resolve.types[id].kind {
        id = alias;
    }
    id
}

/// Returns the definitions of all types that an interface names or uses. Types come after those in them.
pub(super) fn types_of(resolve: &Resolve, id: InterfaceId) -> Vec<TypeId> {
    let mut found = Vec::new();
    for ty in resolve.interfaces[id].types.values() {
        collect(resolve, *ty, &mut found);
    }
    for function in resolve.interfaces[id].functions.values() {
        let types = function.params.iter().map(|param| &param.ty);
        for ty in types.chain(&function.result) {
            collect_in(resolve, ty, &mut found);
        }
    }
    found
}

fn collect(resolve: &Resolve, id: TypeId, found: &mut Vec<TypeId>) {
    let id = definition(resolve, id);
    if found.contains(&id) {
        return;
    }
    for part in parts(&resolve.types[id].kind) {
        collect_in(resolve, &part, found);
    }
    if resolve.types[id].name.is_some() {
        found.push(id);
    }
}

fn collect_in(resolve: &Resolve, ty: &Type, found: &mut Vec<TypeId>) {
    if let Type::Id(id) = ty {
        collect(resolve, *id, found);
    }
}

/// Returns the types in a definition.
fn parts(kind: &TypeDefKind) -> Vec<Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::Result(result) => result.ok.into_iter().chain(result.err).collect(),
        TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => vec![*ty],
        TypeDefKind::FixedLengthList(ty, _) => vec![*ty],
        TypeDefKind::Map(key, value) => vec![*key, *value],
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().copied().collect(),
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => vec![Type::Id(*id)],
        TypeDefKind::Resource
        | TypeDefKind::Flags(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Unknown => Vec::new(),
    }
}

/// Returns whether a function has a resource that the assets component defines.
pub(super) fn has_own_resource(resolve: &Resolve, function: &Function) -> bool {
    let mut found = Vec::new();
    let types = function.params.iter().map(|param| &param.ty);
    for ty in types.chain(&function.result) {
        collect_in(resolve, ty, &mut found);
    }
    found.into_iter().any(|id| is_own_resource(resolve, id))
}

/// Returns whether a type is a resource that the assets component defines.
pub(super) fn is_own_resource(resolve: &Resolve, id: TypeId) -> bool {
    let id = definition(resolve, id);
    let definition = &resolve.types[id];
    let (TypeOwner::Interface(owner), Some(name)) = (definition.owner, &definition.name) else {
        return false;
    };
    matches!(definition.kind, TypeDefKind::Resource)
        && OWN_RESOURCES.contains(&(key(resolve, owner).as_str(), name.as_str()))
}
