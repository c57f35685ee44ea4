//! Fixtures in WIT, and worlds to measure components against.

use std::fs;
use std::path::Path;

use wharf::fits::Verdict;
use wharf::world::{TargetWorld, Wit, WitFile};

/// A fixture's text.
pub(crate) fn wit(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wit/fits");
    fs::read_to_string(directory.join(name)).unwrap()
}

/// A world of a WIT text.
pub(crate) fn world(text: &str, name: &str) -> TargetWorld {
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
