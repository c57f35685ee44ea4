//! The interfaces that an assets component exports and imports, for any application or for a given one.
//!
//! Streams of files and streams of the host must have one type, which the assets component defines. So it also
//! exports the host's functions that give or take an `input-stream`, and wraps the streams.

use std::collections::BTreeMap;

use wit_parser::{
    Function, InterfaceId, Resolve, SourceMap, TypeId, TypeOwner, WorldId, WorldItem,
};

use super::wit::{
    CLOCK, ERROR, POLL, PREOPENS, STDIN, STREAMS, TYPES, has_own_resource, key, name, types_of,
};
use crate::world::TargetWorld;

/// The version of WASI for an application that is not known.
pub const DEFAULT_VERSION: &str = "0.2.12";

const WIT: &str = include_str!("wasi2/wasi.wit");

/// The packages of the interfaces in `wasi.wit`.
const PACKAGES: [&str; 4] = ["io", "clocks", "cli", "filesystem"];

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
