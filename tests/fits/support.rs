//! Components that have a given world, and worlds to measure them against.

use std::fs;
use std::path::Path;

use wharf::fits::Verdict;
use wharf::world::{Target, Wit, WitFile};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// A fixture's text.
pub(crate) fn wit(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wit/fits");
    fs::read_to_string(directory.join(name)).unwrap()
}

/// A component that imports and exports all that a world of a WIT text does; its functions do nothing.
pub(crate) fn component(text: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("fixture.wit", text);
    let package = package.unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = wit_component::dummy_module(&resolve, world, abi);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).unwrap();
    encoder.encode().unwrap()
}

/// A world of a WIT text.
pub(crate) fn world(text: &str, name: &str) -> Target {
    let wit = Wit::read(vec![file("fixture.wit", text)], Vec::new());
    wit.unwrap().world(name).unwrap()
}

pub(crate) fn file(path: &str, text: &str) -> WitFile {
    WitFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

/// What a verdict says, a line each.
pub(crate) fn said(verdict: &Verdict) -> Vec<String> {
    let imports = verdict.missing_imports.iter();
    let exports = verdict.missing_exports.iter();
    let mismatches = verdict.mismatches.iter();
    imports
        .map(|name| format!("no import {name}"))
        .chain(exports.map(|name| format!("no export {name}")))
        .chain(mismatches.map(|of| format!("{}: {}", of.name, of.reason)))
        .collect()
}
