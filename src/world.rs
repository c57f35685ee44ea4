//! The WIT of a component, or of a WIT package: interfaces and worlds, encoded as a component.
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

pub use self::target::{Dependency, EncodedWorld, Target, Wit, WitFile};
use crate::reference::package::{PackageName, Version};
use crate::section::{self, BinaryKind, NameDetails, SectionMap};

/// The largest component that is decoded, in bytes.
pub const MAX_DECODED_BYTES: usize = 32 * 1024 * 1024;

/// What a component or WIT package says in WIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Which of the two it is.
    pub kind: Kind,
    /// The text of the package with its docs; of a component a package `root:component` with the one world
    /// `root`. Other packages, whose interfaces are used by name, are not written out, and neither are core modules and
    /// components that a component imports or exports.
    pub text: String,
    /// The names of what a component imports and exports and WIT cannot express: core modules, components and values.
    pub left_out: Vec<String>,
}

/// What was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Interfaces and worlds; nothing that runs.
    WitPackage {
        /// What the package is called.
        name: PackageName,
        /// Which version it is.
        version: Option<Version>,
    },
    /// A component.
    Component,
}

/// Why there is no WIT.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is too large to be decoded in memory.
    #[error("it has {bytes} bytes, WIT is read from at most {MAX_DECODED_BYTES}")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// It is a core module.
    #[error("a core module has no WIT")]
    Module,
    /// It is no valid component, or says what WIT cannot.
    #[error("it cannot be said in WIT: {reason}")]
    Inexpressible {
        /// What is wrong.
        reason: String,
    },
    /// It is a component where a WIT package is needed.
    #[error("it is a component, no WIT package")]
    Component,
    /// It is a WIT package where a component is needed.
    #[error("it is a WIT package, no component")]
    WitPackage,
    /// The text of a WIT package is malformed.
    #[error("{place}: {reason}")]
    Text {
        /// File, line and column; of an encoded package the file alone.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no such world.
    #[error("no world `{name}` in {package}{}", known_words(known))]
    NoWorld {
        /// What was asked for.
        name: String,
        /// Where.
        package: String,
        /// The worlds that are there.
        known: Vec<String>,
    },
    /// The WIT could not be read or written as text.
    #[error("reading WIT: {reason}")]
    Wit {
        /// What is wrong.
        reason: String,
    },
}

fn known_words(known: &[String]) -> String {
    match known {
        [] => ", which has none".to_owned(),
        known => format!("; there is {}", known.join(", ")),
    }
}

/// Returns whether a mapped file has the shape of a WIT package: a component without imports and without
/// anything nested, whose exports are called as the encodings of WIT packages call them. What has the shape
/// may still be something else, which [`decode`] tells.
pub fn may_be_wit_package(map: &SectionMap) -> bool {
    map.kind == BinaryKind::Component
        && map.damage.is_none()
        && map.binaries_seen == 1
        && may_name_wit_package(&map.imports, &map.exports)
}

/// Returns whether imports and exports are called as the encodings of WIT packages call them.
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

/// Returns whether imports and exports are what other clients list of a WIT package: no imports, but interfaces and
/// worlds by their full names, and what the worlds export. Some components without imports are listed alike.
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
/// Fails if it is too large, no valid component, or one that WIT has no words for.
pub fn decode(bytes: &[u8]) -> Result<World, Error> {
    let decoded = read(bytes)?;
    let mut printer = WitPrinter::new(OutputToString::default());
    let printed = printer.print(decoded.resolve(), decoded.package(), &[]);
    printed.map_err(|error| failed(&error))?;
    let left_out = externs::inexpressible(bytes).map_err(inexpressible)?;
    let kind = match &decoded {
        DecodedWasm::Component(..) => Kind::Component,
        DecodedWasm::WitPackage(resolve, package) => {
            let name = &resolve.packages[*package].name;
            let written = format!("{}:{}", name.namespace, name.name);
            let parsed = written.parse::<PackageName>();
            let invalid = |error| Error::Wit {
                reason: format!("`{written}`: {error}"),
            };
            Kind::WitPackage {
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

/// Encodes what a component, or a stub of one, says in WIT as a WIT package: some kilobytes that hold every type
/// of its world and nothing else. [`decode`] gives the same text for it, and
/// [`Kind::WitPackage`] `root:component`, whose one world is `root`. A WIT package is encoded as itself.
///
/// Fails as [`decode`] does.
pub fn encode(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let decoded = read(bytes)?;
    let (resolve, package) = (decoded.resolve(), decoded.package());
    encodable::check(resolve, package).map_err(inexpressible)?;
    wit_component::encode(resolve, package, false).map_err(|error| failed(&error))
}

/// What a component imports and exports by name, in file order; of a core module the distinct names of modules that
/// it imports from, and its exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// Import names.
    pub imports: Vec<String>,
    /// Export names.
    pub exports: Vec<String>,
    /// The attributes of these names, and whether both lists are complete.
    pub names: NameDetails,
}

/// Reads the names that a component or module, or a stub of one, imports and exports: the lists that a config has.
///
/// Fails if it is neither.
pub fn interfaces(bytes: &[u8]) -> Result<Interfaces, Error> {
    let map = section::map(bytes, u64::MAX).map_err(|error| inexpressible(error.to_string()))?;
    Ok(Interfaces {
        imports: map.imports,
        exports: map.exports,
        names: map.names,
    })
}

/// Decodes what has passed the guards: the decoder and the printer panic over some of what is valid.
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

/// Checks that the decoder can bear a component, and leaves out what it exports and no world does.
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
