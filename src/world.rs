//! The WIT of a component, or of a WIT package: interfaces and worlds, encoded as a component.
//!
//! Spec: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/WIT.md>.

mod expressible;
mod externs;
mod printable;

use wit_component::{DecodedWasm, OutputToString, WitPrinter};

use crate::reference::package::{PackageName, Version};
use crate::section::{BinaryKind, SectionMap};

/// The largest component that is decoded, in bytes.
pub const MAX_DECODED_BYTES: usize = 32 * 1024 * 1024;

/// What a component or WIT package says in WIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Which of the two it is.
    pub kind: Kind,
    /// The text of the package with its docs; of a component a package `root:component` with the one world
    /// `root`. Other packages, whose interfaces are used by name, are not written out.
    pub text: String,
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
    /// The WIT could not be read or written as text.
    #[error("reading WIT: {reason}")]
    Wit {
        /// What is wrong.
        reason: String,
    },
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

/// Decodes a component or WIT package.
///
/// Fails if it is too large, no valid component, or one that WIT has no words for.
pub fn decode(bytes: &[u8]) -> Result<World, Error> {
    if bytes.len() > MAX_DECODED_BYTES {
        let bytes = bytes.len();
        return Err(Error::TooLarge { bytes });
    }
    if wasmparser::Parser::is_core_wasm(bytes) {
        return Err(Error::Module);
    }
    let inexpressible = |reason| Error::Inexpressible { reason };
    let failed = |reason| Error::Wit { reason };
    expressible::check(bytes).map_err(inexpressible)?;
    let decoded = wit_component::decode(bytes).map_err(|error| failed(format!("{error:#}")))?;
    let resolve = decoded.resolve();
    printable::check(resolve).map_err(inexpressible)?;
    let mut printer = WitPrinter::new(OutputToString::default());
    let printed = printer.print(resolve, decoded.package(), &[]);
    printed.map_err(|error| failed(format!("{error:#}")))?;
    let kind = match &decoded {
        DecodedWasm::Component(..) => Kind::Component,
        DecodedWasm::WitPackage(resolve, package) => {
            let name = &resolve.packages[*package].name;
            let written = format!("{}:{}", name.namespace, name.name);
            let parsed = written.parse::<PackageName>();
            Kind::WitPackage {
                name: parsed.map_err(|error| failed(format!("`{written}`: {error}")))?,
                version: name.version.clone(),
            }
        }
    };
    Ok(World {
        kind,
        text: printer.output.to_string(),
    })
}
