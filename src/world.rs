//! The WIT of components and of WIT packages.
//!
//! This module decodes a component, or its stub, to WIT text, encodes it as a WIT package, and reads worlds to
//! compare with. The decoder and the printer panic on some valid components, so checks come before them. This
//! module must not know manifests, stores or package registries.
//!
//! Spec: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/WIT.md>.

mod encodable;
mod exported;
mod expressible;
mod externs;
mod printable;
mod target;

use std::borrow::Cow;

use wit_component::{DecodedWasm, OutputToString, WitPrinter};

pub use self::target::{Dependency, EncodedWorld, TargetWorld, Wit, WitFile};
use crate::reference::package::{PackageName, Version};
use crate::section::{self, BinaryKind, NameDetails, SectionMap};

/// The largest component that is decoded, in bytes.
pub const MAX_DECODED_BYTES: usize = 32 * 1024 * 1024;

/// The WIT of a component or WIT package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Whether it is a component or a WIT package.
    pub kind: WitKind,
    /// The text of the package, with its docs. For a component it is a package `root:component` with the one world
    /// `root`. The text does not include other packages, whose interfaces are used by name. It does not include
    /// imported or exported core modules and components.
    pub text: String,
    /// The names of imports and exports that WIT cannot express: core modules, components and values.
    pub left_out: Vec<String>,
}

/// The kind of a decoded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitKind {
    /// Interfaces and worlds, without code.
    WitPackage {
        /// The name of the package.
        name: PackageName,
        /// The version of the package.
        version: Option<Version>,
    },
    /// A component.
    Component,
}

/// Why a file has no WIT.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is too large to be decoded in memory.
    #[error("it has {bytes} bytes, at most {MAX_DECODED_BYTES} are read for WIT")]
    TooLarge {
        /// The size of the file.
        bytes: usize,
    },
    /// The file is a core module.
    #[error("a core module has no WIT")]
    Module,
    /// The file is not a valid component, or WIT cannot express it.
    #[error("it cannot be expressed in WIT: {reason}")]
    Inexpressible {
        /// The reason.
        reason: String,
    },
    /// The file is a component, but a WIT package is required.
    #[error("it is a component, not a WIT package")]
    Component,
    /// The file is a WIT package, but a component is required.
    #[error("it is a WIT package, not a component")]
    WitPackage,
    /// The text of a WIT package is malformed.
    #[error("{place}: {reason}")]
    Text {
        /// File, line and column. For an encoded package this is only the file.
        place: String,
        /// The defect.
        reason: String,
    },
    /// The package does not have this world.
    #[error("no world `{name}` in {package}{}", known_words(known))]
    NoWorld {
        /// The requested world.
        name: String,
        /// The package.
        package: String,
        /// The worlds of the package.
        known: Vec<String>,
    },
    /// The WIT could not be read or written as text.
    #[error("reading WIT: {reason}")]
    Wit {
        /// The cause.
        reason: String,
    },
}

fn known_words(known: &[String]) -> String {
    match known {
        [] => ", which has none".to_owned(),
        known => format!("; its worlds: {}", known.join(", ")),
    }
}

/// Returns whether a mapped file has the shape of a WIT package. It is then a component without imports and nested
/// binaries, and its exports have the names of an encoded WIT package. Other files can have this shape too: only
/// [`decode`] is certain.
pub fn may_be_wit_package(map: &SectionMap) -> bool {
    map.kind == BinaryKind::Component
        && map.damage.is_none()
        && map.binaries_seen == 1
        && may_name_wit_package(&map.imports, &map.exports)
}

/// Returns whether imports and exports have the names of an encoded WIT package.
pub fn may_name_wit_package(imports: &[String], exports: &[String]) -> bool {
    let is_entry = |name: &String| !name.contains(':');
    let is_document = |name: &String| {
        name.split('@')
            .next()
            .is_some_and(|name| name.ends_with("/wit"))
    };
    imports.is_empty()
        && !exports.is_empty()
        && (exports.iter().all(is_entry) || exports.iter().all(is_document))
}

/// Returns whether imports and exports look like a WIT package in the lists of other clients. Such lists have no
/// imports. They have interfaces and worlds by their full names, and the exports of the worlds. Some components
/// without imports have such lists too.
pub fn may_list_wit_package(imports: &[String], exports: &[String]) -> bool {
    let is_full = |name: &String| name.contains(':') && name.contains('/');
    imports.is_empty() && exports.iter().any(is_full)
}

/// Returns whether a file, or a stub, is a WIT package.
pub fn is_wit_package(bytes: &[u8]) -> bool {
    matches!(read(bytes), Ok(DecodedWasm::WitPackage(..)))
}

/// Decodes a component or WIT package, or a [stub](crate::stub) of one.
///
/// Fails if it is too large, not a valid component, or not expressible in WIT.
pub fn decode(bytes: &[u8]) -> Result<World, Error> {
    let decoded = read(bytes)?;
    let mut printer = WitPrinter::new(OutputToString::default());
    let printed = printer.print(decoded.resolve(), decoded.package(), &[]);
    printed.map_err(|error| failed(&error))?;
    let left_out = externs::inexpressible(bytes).map_err(inexpressible)?;
    let kind = match &decoded {
        DecodedWasm::Component(..) => WitKind::Component,
        DecodedWasm::WitPackage(resolve, package) => {
            let name = &resolve.packages[*package].name;
            let written = format!("{}:{}", name.namespace, name.name);
            let parsed = written.parse::<PackageName>();
            let invalid = |error| Error::Wit {
                reason: format!("`{written}`: {error}"),
            };
            WitKind::WitPackage {
                name: parsed.map_err(invalid)?,
                version: name.version.clone(),
            }
        }
    };
    Ok(World {
        kind,
        text: printer.output.to_string(),
        left_out: left_out.into_iter().map(|left| left.name).collect(),
    })
}

/// Encodes the WIT of a component, or of its stub, as a WIT package. The package has some kilobytes, with every
/// type of the component's world and nothing else. [`decode`] returns the same text for it, and
/// [`WitKind::WitPackage`] `root:component`, whose one world is `root`. A WIT package is encoded as itself.
///
/// Fails as [`decode`] does.
pub fn encode(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let decoded = read(bytes)?;
    let (resolve, package) = (decoded.resolve(), decoded.package());
    encodable::check(resolve, package).map_err(inexpressible)?;
    wit_component::encode(resolve, package, false).map_err(|error| failed(&error))
}

/// The import and export names of a component, in file order. For a core module the imports are the distinct names
/// of the modules that it imports from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// Import names.
    pub imports: Vec<String>,
    /// Export names.
    pub exports: Vec<String>,
    /// The attributes of these names, and whether the lists are incomplete.
    pub names: NameDetails,
}

/// Reads the import and export names of a component or module, or of a stub. A config has the same lists, or leaves
/// them out.
///
/// Fails if the bytes are neither a component nor a module.
pub fn interfaces(bytes: &[u8]) -> Result<Interfaces, Error> {
    let map = section::map(bytes, u64::MAX).map_err(|error| inexpressible(error.to_string()))?;
    Ok(Interfaces {
        imports: map.imports,
        exports: map.exports,
        names: map.names,
    })
}

/// Decodes a file after checking it, because the decoder and the printer panic on some valid components.
fn read(bytes: &[u8]) -> Result<DecodedWasm, Error> {
    if bytes.len() > MAX_DECODED_BYTES {
        let bytes = bytes.len();
        return Err(Error::TooLarge { bytes });
    }
    if wasmparser::Parser::is_core_wasm(bytes) {
        return Err(Error::Module);
    }
    let bytes = expressed(bytes)?;
    let decoded = wit_component::decode(&bytes).map_err(|error| failed(&error))?;
    printable::check(decoded.resolve()).map_err(inexpressible)?;
    Ok(decoded)
}

/// Checks a component for the decoder, and removes exports that no world can have.
fn expressed(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    expressible::check(bytes).map_err(inexpressible)?;
    let left = exported::without_code(bytes).map_err(inexpressible)?;
    if let Cow::Owned(left) = &left {
        expressible::check(left).map_err(inexpressible)?;
    }
    Ok(left)
}

fn inexpressible(reason: String) -> Error {
    Error::Inexpressible { reason }
}

fn failed(error: &impl std::fmt::Display) -> Error {
    Error::Wit {
        reason: format!("{error:#}"),
    }
}
