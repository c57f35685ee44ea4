//! Checks whether decoded WIT can be printed.
//!
//! The printer assumes that some decoded types are impossible, and panics. It also writes out an unnamed type at
//! each use, so a few types can become an unbounded text.

use std::collections::HashMap;

use wit_parser::{
    Handle, InterfaceId, Resolve, Stability, Type, TypeDef, TypeDefKind, TypeId, TypeOwner,
    WorldItem,
};

/// The maximum size of the text that types take where they are used, in bytes.
const MAX_TYPES_BYTES: u64 = 16 * 1024 * 1024;

/// Checks WIT before it is printed. Fails with the reason why it cannot be printed.
pub(super) fn check(resolve: &Resolve) -> Result<(), String> {
    let mut functions = Vec::new();
    for (_, interface) in &resolve.interfaces {
        check_feature(&interface.stability)?;
        functions.extend(interface.functions.values());
    }
    for (_, world) in &resolve.worlds {
        check_feature(&world.stability)?;
        for item in world.imports.values().chain(world.exports.values()) {
            match item {
                WorldItem::Interface { stability, .. } => check_feature(stability)?,
                WorldItem::Function(function) => functions.push(function),
                WorldItem::Type { .. } => {}
            }
        }
    }
    let mut lengths = Lengths::new(resolve);
    for function in functions {
        check_feature(&function.stability)?;
        let types = function.params.iter().map(|param| &param.ty);
        for ty in types.chain(&function.result) {
            let length = lengths.used(ty);
            lengths.add(length)?;
        }
    }
    for (_, ty) in &resolve.types {
        check_feature(&ty.stability)?;
        check_use(resolve, ty)?;
        if ty.name.is_some() {
            let length = lengths.declared(ty);
            lengths.add(length)?;
        }
    }
    Ok(())
}

fn check_feature(stability: &Stability) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match stability {
        Stability::Unstable { feature, .. } if !feature.chars().all(plain) => Err(format!(
            "`{}` is not the name of a feature",
            feature.escape_debug()
        )),
        _ => Ok(()),
    }
}

/// Fails if a type is an alias of one that no `use` can name: one of another world, or of an unnamed interface.
fn check_use(resolve: &Resolve, ty: &TypeDef) -> Result<(), String> {
    let TypeDefKind::Type(Type::Id(other)) = ty.kind else {
        return Ok(());
    };
    let owner = resolve.types[other].owner;
    let usable = match owner {
        TypeOwner::None => true,
        TypeOwner::World(_) => owner == ty.owner,
        TypeOwner::Interface(id) => owner == ty.owner || resolve.interfaces[id].name.is_some(),
    };
    match usable {
        true => Ok(()),
        false => {
            let name = ty.name.as_deref().unwrap_or_default();
            Err(format!("type `{name}` is used where it has no path"))
        }
    }
}

/// The lengths of types as text, in bytes.
struct Lengths<'a> {
    resolve: &'a Resolve,
    known: HashMap<TypeId, u64>,
    all: u64,
}

impl<'a> Lengths<'a> {
    fn new(resolve: &'a Resolve) -> Self {
        Self {
            resolve,
            known: HashMap::new(),
            all: 0,
        }
    }

    fn add(&mut self, length: u64) -> Result<(), String> {
        self.all = self.all.saturating_add(length);
        match self.all <= MAX_TYPES_BYTES {
            true => Ok(()),
            false => Err(format!(
                "its types would take more than {MAX_TYPES_BYTES} bytes of text"
            )),
        }
    }

    /// Returns the length of a use of a type: its name, or the whole type if it has no name.
    fn used(&mut self, ty: &Type) -> u64 {
        let Type::Id(id) = ty else {
            return 8;
        };
        if let Some(&known) = self.known.get(id) {
            return known;
        }
        let ty = &self.resolve.types[*id];
        let length = match &ty.name {
            Some(name) => name.len() as u64,
            None => self.declared(ty),
        };
        self.known.insert(*id, length);
        length
    }

    /// Returns the length of all parts of a type.
    fn declared(&mut self, ty: &TypeDef) -> u64 {
        const AROUND: u64 = 16;
        let path = match (&ty.kind, ty.owner) {
            (TypeDefKind::Type(Type::Id(id)), owner) => match self.resolve.types[*id].owner {
                TypeOwner::Interface(id) if owner != TypeOwner::Interface(id) => self.path(id),
                _ => 0,
            },
            _ => 0,
        };
        let parts = parts(&ty.kind);
        let parts = parts.iter().map(|part| self.used(part).saturating_add(2));
        parts.fold(AROUND + path, u64::saturating_add)
    }

    fn path(&self, id: InterfaceId) -> u64 {
        let interface = &self.resolve.interfaces[id];
        let package = interface.package.map(|id| &self.resolve.packages[id].name);
        let package = package.map_or(0, |name| name.namespace.len() + name.name.len() + 64);
        (package + interface.name.as_ref().map_or(0, String::len)) as u64
    }
}

fn parts(kind: &TypeDefKind) -> Vec<Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::Option(ty)
        | TypeDefKind::List(ty)
        | TypeDefKind::FixedLengthList(ty, _)
        | TypeDefKind::Type(ty) => vec![*ty],
        TypeDefKind::Map(key, value) => vec![*key, *value],
        TypeDefKind::Result(result) => result.ok.into_iter().chain(result.err).collect(),
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().copied().collect(),
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => vec![Type::Id(*id)],
        TypeDefKind::Flags(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Resource
        | TypeDefKind::Unknown => Vec::new(),
    }
}
