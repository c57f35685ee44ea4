//! What an assets component exports and imports, for any application or for a given one.
//!
//! Streams of files and streams of the host must have one type, which the assets component defines. So it also
//! exports the host's functions that give or take an `input-stream`, and wraps the streams.

use std::collections::BTreeMap;

use wit_parser::{
    Function, Handle, InterfaceId, Resolve, SourceMap, Type, TypeDefKind, TypeId, TypeOwner,
    WorldId, WorldItem,
};

use crate::world::TargetWorld;

/// The version of WASI for an application that is not known.
pub const DEFAULT_VERSION: &str = "0.2.12";

const WIT: &str = include_str!("wasi2/wasi.wit");

/// The packages of the interfaces in `wasi.wit`.
const PACKAGES: [&str; 4] = ["io", "clocks", "cli", "filesystem"];

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

/// A function of the host that returns an `input-stream`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrapper {
    pub(super) interface: &'static str,
    pub(super) function: &'static str,
    /// The resource whose method it is.
    pub(super) resource: Option<&'static str>,
    /// The offset of the stream in a result in memory. Without an offset the stream is the result.
    pub(super) offset: Option<u32>,
}

pub(super) const WRAPPERS: [Wrapper; 4] = [
    Wrapper {
        interface: STDIN,
        function: "get-stdin",
        resource: None,
        offset: None,
    },
    Wrapper {
        interface: "wasi:sockets/tcp",
        function: "[method]tcp-socket.finish-connect",
        resource: Some("tcp-socket"),
        offset: Some(4),
    },
    Wrapper {
        interface: "wasi:sockets/tcp",
        function: "[method]tcp-socket.accept",
        resource: Some("tcp-socket"),
        offset: Some(8),
    },
    Wrapper {
        interface: "wasi:http/types",
        function: "[method]incoming-body.stream",
        resource: Some("incoming-body"),
        offset: Some(4),
    },
];

/// The interfaces of an assets component.
#[derive(Debug, Clone)]
pub struct Requirements {
    wasi: Resolve,
    application: Resolve,
    /// In an order in which interfaces come after those that they use.
    interfaces: Vec<Required>,
}

/// The part of an interface in an assets component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Imported from the host only.
    Import,
    /// Imported from the host, and exported with wrapped streams.
    Wrap,
    /// Exported, with types and functions of its own.
    Define,
}

#[derive(Debug, Clone, Copy)]
struct Required {
    role: Role,
    id: InterfaceId,
    is_of_application: bool,
}

/// An interface of an assets component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface<'a> {
    pub(super) role: Role,
    pub(super) resolve: &'a Resolve,
    pub(super) id: InterfaceId,
    /// Whether the host's functions are imported, or only its types.
    pub(super) has_functions: bool,
}

/// Why an application's imports cannot be satisfied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The application reads no files.
    #[error("the application does not import {TYPES}")]
    NoFiles,
    /// The application uses another WASI.
    #[error("the application imports `{import}`, only versions 0.2.x are supported")]
    Version {
        /// The import.
        import: String,
    },
    /// The application imports an interface in two versions.
    #[error("the application imports `{first}` and `{second}`, only one version is supported")]
    TwoVersions {
        /// One import.
        first: String,
        /// The other import.
        second: String,
    },
    /// The application imports a function whose streams cannot be wrapped.
    #[error(
        "the application imports `{function}` of `{interface}`, whose streams cannot be wrapped"
    )]
    Unsupported {
        /// The interface.
        interface: String,
        /// The function.
        function: String,
    },
    /// The WIT of the interfaces is malformed.
    #[error("reading WIT: {reason}")]
    Wit {
        /// The defect.
        reason: String,
    },
}

impl Requirements {
    /// Returns the requirements of any application that reads files and standard input.
    pub fn any() -> Result<Self, Error> {
        Self::new(Resolve::default(), &BTreeMap::new(), Vec::new(), true)
    }

    /// Returns the requirements of an application with this world.
    pub fn of_application(application: &TargetWorld) -> Result<Self, Error> {
        let (resolve, world) = application.resolved();
        let imports = Imports::of(resolve, world)?;
        if !imports.interfaces.contains_key(TYPES) {
            return Err(Error::NoFiles);
        }
        let has_stdin = imports.interfaces.contains_key(STDIN);
        let wrapped = imports.wrapped()?;
        Self::new(resolve.clone(), &imports.versions, wrapped, has_stdin)
    }

    fn new(
        application: Resolve,
        versions: &BTreeMap<String, String>,
        wrapped: Vec<InterfaceId>,
        has_stdin: bool,
    ) -> Result<Self, Error> {
        let wasi = parse(versions)?;
        let mut requirements = Self {
            wasi,
            application,
            interfaces: Vec::new(),
        };
        for (key, role) in [
            (ERROR, Role::Import),
            (POLL, Role::Import),
            (CLOCK, Role::Import),
            (STREAMS, Role::Wrap),
        ] {
            requirements.add(key, role);
        }
        if has_stdin {
            requirements.add(STDIN, Role::Wrap);
        }
        for interface in wrapped {
            requirements.add_of_application(interface);
        }
        requirements.add(TYPES, Role::Define);
        requirements.add(PREOPENS, Role::Define);
        Ok(requirements)
    }

    /// Adds an interface of `wasi.wit`.
    fn add(&mut self, name: &str, role: Role) {
        let mut ids = self.wasi.interfaces.iter().map(|(id, _)| id);
        let found = ids.find(|id| key(&self.wasi, *id) == name);
        self.interfaces.extend(found.map(|id| Required {
            role,
            id,
            is_of_application: false,
        }));
    }

    /// Adds an interface that the application imports, after the interfaces that it uses.
    fn add_of_application(&mut self, id: InterfaceId) {
        let resolve = &self.application;
        let mut used: Vec<InterfaceId> = Vec::new();
        for ty in types_of(resolve, id) {
            if let TypeOwner::Interface(owner) = resolve.types[ty].owner {
                let name = key(resolve, owner);
                let is_known = self.interfaces().any(|interface| interface.key() == name);
                if owner != id && !is_known && !used.contains(&owner) {
                    used.push(owner);
                }
            }
        }
        let required = |role, id| Required {
            role,
            id,
            is_of_application: true,
        };
        let used = used.into_iter().map(|id| required(Role::Import, id));
        self.interfaces.extend(used);
        self.interfaces.push(required(Role::Wrap, id));
    }

    /// Returns the interfaces. Interfaces come after those that they use.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = Interface<'_>> {
        self.interfaces.iter().map(|required| Interface {
            role: required.role,
            resolve: match required.is_of_application {
                true => &self.application,
                false => &self.wasi,
            },
            id: required.id,
            has_functions: match required.role {
                Role::Import => !required.is_of_application,
                Role::Wrap => true,
                Role::Define => false,
            },
        })
    }
}

/// The interfaces that an application imports.
struct Imports<'a> {
    resolve: &'a Resolve,
    /// The interfaces by their names without versions.
    interfaces: BTreeMap<String, InterfaceId>,
    /// The versions of the packages in `wasi.wit`.
    versions: BTreeMap<String, String>,
}

impl<'a> Imports<'a> {
    fn of(resolve: &'a Resolve, world: WorldId) -> Result<Self, Error> {
        let mut imports = Self {
            resolve,
            interfaces: BTreeMap::new(),
            versions: BTreeMap::new(),
        };
        for (name, item) in &resolve.worlds[world].imports {
            match item {
                WorldItem::Interface { id, .. } => imports.add(*id)?,
                WorldItem::Function(function) => {
                    imports.check(&resolve.name_world_key(name), function)?;
                }
                WorldItem::Type { .. } => {}
            }
        }
        Ok(imports)
    }

    fn add(&mut self, id: InterfaceId) -> Result<(), Error> {
        let resolve = self.resolve;
        let (key, name) = (key(resolve, id), name(resolve, id));
        if let Some(other) = self.interfaces.insert(key, id) {
            let (first, second) = (self::name(resolve, other), name);
            return Err(Error::TwoVersions { first, second });
        }
        let package = resolve.interfaces[id].package;
        let Some(package) = package.map(|package| &resolve.packages[package].name) else {
            return Ok(());
        };
        if package.namespace != "wasi" || !PACKAGES.contains(&package.name.as_str()) {
            return Ok(());
        }
        match &package.version {
            Some(version) if (version.major, version.minor) == (0, 2) && version.pre.is_empty() => {
                let versions = &mut self.versions;
                versions.insert(package.name.clone(), version.to_string());
                Ok(())
            }
            _ => Err(Error::Version { import: name }),
        }
    }

    /// Returns the interfaces whose functions must be wrapped, besides those of `wasi.wit`.
    fn wrapped(&self) -> Result<Vec<InterfaceId>, Error> {
        let mut wrapped = Vec::new();
        for (key, &id) in &self.interfaces {
            if [STREAMS, STDIN, TYPES, PREOPENS].contains(&key.as_str()) {
                continue;
            }
            let functions = self.resolve.interfaces[id].functions.values();
            let mut is_wrapped = false;
            for function in functions {
                let is_known = WRAPPERS
                    .iter()
                    .any(|known| known.interface == key && known.function == function.name);
                match is_known {
                    true => is_wrapped = true,
                    false => self.check(&name(self.resolve, id), function)?,
                }
            }
            wrapped.extend(is_wrapped.then_some(id));
        }
        Ok(wrapped)
    }

    /// Fails if a function has a resource that the assets component defines.
    fn check(&self, interface: &str, function: &Function) -> Result<(), Error> {
        match has_own_resource(self.resolve, function) {
            false => Ok(()),
            true => Err(Error::Unsupported {
                interface: interface.to_owned(),
                function: function.name.clone(),
            }),
        }
    }
}

/// Parses `wasi.wit` with the given versions. Other packages have the version of `wasi:filesystem`.
fn parse(versions: &BTreeMap<String, String>) -> Result<Resolve, Error> {
    let default = versions
        .get("filesystem")
        .map_or(DEFAULT_VERSION, String::as_str);
    let mut text = WIT.to_owned();
    for package in PACKAGES {
        let version = versions.get(package).map_or(default, String::as_str);
        text = text.replace(&format!("VERSION:{package}"), version);
    }
    let failed = |reason: String| Error::Wit { reason };
    let mut sources = SourceMap::new();
    sources.push_str("wasi.wit", text);
    let group = sources
        .parse()
        .map_err(|(_, error)| failed(error.to_string()))?;
    let mut resolve = Resolve::default();
    let pushed = resolve.push_groups(group, Vec::new());
    pushed.map_err(|error| failed(error.to_string()))?;
    Ok(resolve)
}

impl Interface<'_> {
    /// Returns the name without the version.
    pub(super) fn key(&self) -> String {
        key(self.resolve, self.id)
    }

    /// Returns the name with the version.
    pub(super) fn name(&self) -> String {
        name(self.resolve, self.id)
    }

    /// Returns the functions.
    pub(super) fn functions(&self) -> impl Iterator<Item = &Function> {
        self.resolve.interfaces[self.id].functions.values()
    }

    /// Returns the named types.
    pub(super) fn types(&self) -> impl Iterator<Item = (&String, TypeId)> {
        let types = self.resolve.interfaces[self.id].types.iter();
        types.map(|(name, ty)| (name, *ty))
    }

    /// Returns the definitions of all types that this interface names or uses. Types come after those in them.
    pub(super) fn definitions(&self) -> Vec<TypeId> {
        types_of(self.resolve, self.id)
    }
}

/// Returns the name of an interface without its version.
pub(super) fn key(resolve: &Resolve, id: InterfaceId) -> String {
    let name = name(resolve, id);
    name.split('@').next().unwrap_or_default().to_owned()
}

fn name(resolve: &Resolve, id: InterfaceId) -> String {
    resolve.id_of(id).unwrap_or_default()
}

/// Follows the aliases of a type to its definition.
pub(super) fn definition(resolve: &Resolve, mut id: TypeId) -> TypeId {
    while let TypeDefKind::Type(Type::Id(alias)) = resolve.types[id].kind {
        id = alias;
    }
    id
}

fn types_of(resolve: &Resolve, id: InterfaceId) -> Vec<TypeId> {
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
