//! Checks whether WIT can express a component.
//!
//! Valid components can have items that WIT cannot express. The decoder assumes that some of them are impossible,
//! and panics. This check visits the same types in the same order and refuses them. If it passes, the decoder
//! returns a result or an error.

use std::collections::{HashMap, HashSet};
use std::mem;

use wasmparser::WasmFeatures;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentItem, ComponentType,
    ComponentValType,
};
use wasmparser::names::{ComponentName, ComponentNameKind, ResourceFuncKind};
use wasmparser::types::Types;

use super::externs::{Extern, created_component, externs, is_wit_package};

/// The maximum number of packages that are followed. The decoder recurses from one to the next.
const MAX_PACKAGES: usize = 1000;

/// Checks a component before it is decoded. Fails with the reason why WIT cannot express it.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let (types, externs) = externs(bytes)?;
    let mut check = Check {
        types: &types,
        seen: HashSet::new(),
        foreign: HashMap::new(),
        packages: HashSet::new(),
        named: HashMap::new(),
        interfaces: HashSet::new(),
        worlds: HashSet::new(),
        own: HashSet::new(),
        compared: HashSet::new(),
    };
    if !is_wit_package(&externs) {
        return check.component(&externs);
    }
    let today = match externs.first() {
        Some(first) => is_plain(&first.name)?,
        None => false,
    };
    for Extern { name, item, .. } in &externs {
        let id = created_component(item).ok_or("an export is not a type")?;
        match today {
            true => check.entry(&types[id])?,
            false => check.document(name, item, &types[id])?,
        }
    }
    check.collisions()
}

fn parse(name: &str) -> Result<ComponentName, String> {
    ComponentName::new_with_features(name, 0, WasmFeatures::all())
        .map_err(|error| error.to_string())
}

fn is_plain(name: &str) -> Result<bool, String> {
    Ok(matches!(parse(name)?.kind(), ComponentNameKind::Plain(_)))
}

/// The package and the name of an interface or world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Path {
    package: String,
    name: String,
}

impl Path {
    fn parse(name: &str, item: &ComponentItem) -> Result<Self, String> {
        let parsed = parse(name)?;
        let ComponentNameKind::Interface(interface) = parsed.kind() else {
            return Err(format!("`{name}` is not the name of an interface"));
        };
        let version = interface.version(item.version_suffix.as_deref());
        let version = version.map_err(|error| error.to_string())?;
        let version = version
            .map(|version| format!("@{version}"))
            .unwrap_or_default();
        Ok(Self {
            package: format!("{}:{}{version}", interface.namespace(), interface.package()),
            name: interface.interface().to_string(),
        })
    }
}

/// The types and resources that an interface or world defines.
#[derive(Default)]
struct Scope {
    types: HashMap<String, ComponentAnyTypeId>,
    resources: HashSet<String>,
}

struct Check<'a> {
    types: &'a Types,
    /// All types that have a place in WIT.
    seen: HashSet<ComponentAnyTypeId>,
    /// The interfaces of other packages.
    foreign: HashMap<Path, Scope>,
    packages: HashSet<String>,
    /// The package's own interfaces by full name.
    named: HashMap<String, Scope>,
    /// The package's own interfaces and worlds.
    interfaces: HashSet<String>,
    worlds: HashSet<String>,
    own: HashSet<Path>,
    compared: HashSet<(ComponentAnyTypeId, ComponentAnyTypeId)>,
}

impl Check<'_> {
    fn component(&mut self, externs: &[Extern]) -> Result<(), String> {
        let mut scope = Scope::default();
        for of in externs {
            match of.item.ty {
                ComponentEntityType::Module(_) | ComponentEntityType::Component(_) => {}
                ComponentEntityType::Value(_) if !of.is_export => {}
                _ => self.world_item(&mut scope, &of.name, &of.item, !of.is_export)?,
            }
        }
        Ok(())
    }

    /// Checks one interface or world of a package in today's encoding: a component that exports it.
    fn entry(&mut self, component: &ComponentType) -> Result<(), String> {
        let mut exports = component.exports.iter();
        let (Some((name, item)), None) = (exports.next(), exports.next()) else {
            return Err("an entry of the package does not export exactly one item".to_owned());
        };
        if let ComponentEntityType::Component(id) = item.ty {
            return self.world(name, item, &self.types[id]);
        }
        for (name, item) in &component.imports {
            self.import(name, item)?;
        }
        self.own.insert(Path::parse(name, item)?);
        self.interface(name, item)
    }

    /// Checks a whole package in the old encoding: a component that exports its interfaces and worlds.
    fn document(
        &mut self,
        name: &str,
        item: &ComponentItem,
        component: &ComponentType,
    ) -> Result<(), String> {
        let package = Path::parse(name, item)?.package;
        for (name, item) in &component.imports {
            self.import(name, item)?;
        }
        for (name, item) in &component.exports {
            let path = Path::parse(name, item)?;
            match item.ty {
                ComponentEntityType::Component(id) => self.world(name, item, &self.types[id])?,
                _ => self.interface(name, item)?,
            }
            self.own.insert(Path {
                package: package.clone(),
                ..path
            });
        }
        Ok(())
    }

    /// Fails if an interface of the package was imported before it was defined.
    fn collisions(&self) -> Result<(), String> {
        match self.own.iter().find(|path| self.foreign.contains_key(path)) {
            Some(path) => Err(format!("`{}` is imported before it is defined", path.name)),
            None => Ok(()),
        }
    }

    fn world(
        &mut self,
        name: &str,
        item: &ComponentItem,
        world: &ComponentType,
    ) -> Result<(), String> {
        let path = Path::parse(name, item)?;
        let mut scope = Scope::default();
        for (name, item) in &world.imports {
            self.world_item(&mut scope, name, item, true)?;
        }
        for (name, item) in &world.exports {
            self.world_item(&mut scope, name, item, false)?;
        }
        match self.worlds.insert(path.name) {
            true => Ok(()),
            false => Err(format!("world `{name}` appears twice")),
        }
    }

    fn world_item(
        &mut self,
        scope: &mut Scope,
        name: &str,
        item: &ComponentItem,
        types: bool,
    ) -> Result<(), String> {
        match item.ty {
            ComponentEntityType::Instance(_) => match &item.implements {
                Some(implemented) => self.import(implemented, item),
                None if is_plain(name)? => self.interface(name, item),
                None => self.import(name, item),
            },
            ComponentEntityType::Type { .. } if !types => {
                Err(format!("`{name}` is an exported type"))
            }
            _ => self.item(scope, name, item),
        }
    }

    /// Checks the import of a known interface, or of one of another package.
    fn import(&mut self, name: &str, item: &ComponentItem) -> Result<(), String> {
        if let Some(mut scope) = self.named.remove(name) {
            self.instance(&mut scope, name, item)?;
            self.named.insert(name.to_owned(), scope);
            return Ok(());
        }
        let path = Path::parse(name, item)?;
        self.packages.insert(path.package.clone());
        if self.packages.len() > MAX_PACKAGES {
            return Err(format!("it names more than {MAX_PACKAGES} packages"));
        }
        let mut scope = self.foreign.remove(&path).unwrap_or_default();
        self.instance(&mut scope, name, item)?;
        self.foreign.insert(path, scope);
        Ok(())
    }

    /// Checks an interface of the package, or an unnamed one in a world.
    fn interface(&mut self, name: &str, item: &ComponentItem) -> Result<(), String> {
        if self.named.contains_key(name) {
            return self.import(name, item);
        }
        let mut scope = Scope::default();
        self.instance(&mut scope, name, item)?;
        if is_plain(name)? {
            return Ok(());
        }
        self.named.insert(name.to_owned(), scope);
        match self.interfaces.insert(Path::parse(name, item)?.name) {
            true => Ok(()),
            false => Err(format!("interface `{name}` appears twice")),
        }
    }

    fn instance(
        &mut self,
        scope: &mut Scope,
        name: &str,
        item: &ComponentItem,
    ) -> Result<(), String> {
        let ComponentEntityType::Instance(id) = item.ty else {
            return Err(format!("`{name}` is not an instance"));
        };
        for (name, item) in &self.types[id].exports {
            self.item(scope, name, item)?;
        }
        Ok(())
    }

    fn item(&mut self, scope: &mut Scope, name: &str, item: &ComponentItem) -> Result<(), String> {
        match item.ty {
            ComponentEntityType::Type {
                referenced,
                created,
            } => self.named_type(scope, name, referenced, created),
            ComponentEntityType::Func(id) => {
                let function = &self.types[id];
                function_name(scope, name, function.async_)?;
                for (_, ty) in &function.params {
                    self.value(ty)?;
                }
                function.result.iter().try_for_each(|ty| self.value(ty))
            }
            _ => Err(format!("`{name}` is neither a type nor a function")),
        }
    }

    fn named_type(
        &mut self,
        scope: &mut Scope,
        name: &str,
        referenced: ComponentAnyTypeId,
        created: ComponentAnyTypeId,
    ) -> Result<(), String> {
        let known = scope.types.get(name).copied();
        match referenced {
            ComponentAnyTypeId::Resource(_) if known.is_some() || self.is_alias(referenced) => {}
            ComponentAnyTypeId::Resource(_) => drop(scope.resources.insert(name.to_owned())),
            ComponentAnyTypeId::Defined(id) => {
                if let Some(known) = known {
                    self.compare(name, known, referenced)?;
                }
                if known.is_some() || !self.is_alias(referenced) {
                    self.defined(&self.types[id])?;
                }
            }
            _ => return Err(format!("type `{name}` is not a value type")),
        }
        if known.is_none() {
            scope.types.insert(name.to_owned(), referenced);
        }
        match self.seen.insert(created) {
            true => Ok(()),
            false => Err(format!(
                "type `{name}` has two places, as in an instance that is imported and exported again"
            )),
        }
    }

    /// Returns whether a type is an alias of one that has a place.
    fn is_alias(&self, id: ComponentAnyTypeId) -> bool {
        let next = |id: &ComponentAnyTypeId| self.types.as_ref().peel_alias(*id);
        std::iter::successors(Some(id), next).any(|id| self.seen.contains(&id))
    }

    fn value(&mut self, ty: &ComponentValType) -> Result<(), String> {
        match ty {
            ComponentValType::Type(id) if self.seen.insert((*id).into()) => {
                self.defined(&self.types[*id])
            }
            _ => Ok(()),
        }
    }

    fn defined(&mut self, ty: &ComponentDefinedType) -> Result<(), String> {
        if let ComponentDefinedType::Own(id) | ComponentDefinedType::Borrow(id) = ty
            && !self.seen.contains(&(*id).into())
        {
            return Err("a handle to a resource without a name".to_owned());
        }
        parts(ty).into_iter().try_for_each(|part| self.value(part))
    }

    /// Fails if two types with the same name differ: one has a primitive type in a place where the other has a
    /// defined one.
    fn compare(
        &mut self,
        name: &str,
        one: ComponentAnyTypeId,
        other: ComponentAnyTypeId,
    ) -> Result<(), String> {
        let (ComponentAnyTypeId::Defined(first), ComponentAnyTypeId::Defined(second)) =
            (one, other)
        else {
            return Ok(());
        };
        let (first, second) = (&self.types[first], &self.types[second]);
        if !self.compared.insert((one, other))
            || mem::discriminant(first) != mem::discriminant(second)
        {
            return Ok(());
        }
        for pair in parts(first).into_iter().zip(parts(second)) {
            match pair {
                (ComponentValType::Type(one), ComponentValType::Type(other)) => {
                    self.compare(name, (*one).into(), (*other).into())?;
                }
                (ComponentValType::Primitive(_), ComponentValType::Primitive(_)) => {}
                _ => {
                    return Err(format!(
                        "type `{name}` appears twice with different definitions"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn function_name(scope: &Scope, name: &str, is_async: bool) -> Result<(), String> {
    let parsed = parse(name)?;
    let ComponentNameKind::Plain(plain) = parsed.kind() else {
        return Err(format!("function `{name}` has the name of an interface"));
    };
    let constructs = matches!(plain.resource_func, Some(ResourceFuncKind::Constructor));
    if plain.accessor.is_some() && (is_async || constructs) {
        return Err(format!("function `{name}` is not an accessor"));
    }
    match plain.resource() {
        Some(resource) if !scope.resources.contains(resource.as_str()) => Err(format!(
            "function `{name}` belongs to a resource that is defined elsewhere"
        )),
        _ => Ok(()),
    }
}

fn parts(ty: &ComponentDefinedType) -> Vec<&ComponentValType> {
    match ty {
        ComponentDefinedType::Primitive(_)
        | ComponentDefinedType::Flags(_)
        | ComponentDefinedType::Enum(_)
        | ComponentDefinedType::Own(_)
        | ComponentDefinedType::Borrow(_) => Vec::new(),
        ComponentDefinedType::Record(record) => record.fields.values().collect(),
        ComponentDefinedType::Variant(variant) => variant
            .cases
            .values()
            .filter_map(|case| case.ty.as_ref())
            .collect(),
        ComponentDefinedType::Tuple(tuple) => tuple.types.iter().collect(),
        ComponentDefinedType::List { element, .. }
        | ComponentDefinedType::FixedLengthList { element, .. } => vec![element],
        ComponentDefinedType::Map { key, value, .. } => vec![key, value],
        ComponentDefinedType::Option { ty, .. } => vec![ty],
        ComponentDefinedType::Result { ok, err, .. } => ok.iter().chain(err).collect(),
        ComponentDefinedType::Future { ty, .. } | ComponentDefinedType::Stream { ty, .. } => {
            ty.iter().collect()
        }
    }
}
