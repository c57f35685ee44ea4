//! Packages as their users run them: published, got, yanked, locked, copied, on layouts and on real registries.

mod answers;
mod both_forms;
mod builds;
mod bundles;
mod clients;
mod collecting;
mod compat;
mod deltas;
mod faults;
mod journey;
mod locking;
mod mirroring;
mod mistakes;
mod publishing;
mod remote_files;
mod wit;

use crate::support::binary;
use std::path::Path;

use crate::support::registries::{Registry, authenticated, registries};
use crate::support::workspace::{Answer, Workspace, assemble};
use ::wharf::digest::Digest;
use serde_json::Value;

/// A version of a component: the fixture with a custom section at its end.
fn version_of(fixture: &str, version: &str) -> Vec<u8> {
    let note = binary::custom("note", version.as_bytes());
    [assemble(fixture), note].concat()
}

/// Publishes such a version and returns its bytes and what was said.
fn publish(workspace: &Workspace, place: &str, package: &str, version: &str) -> (Vec<u8>, Value) {
    let bytes = version_of("calc", version);
    workspace.write("version.wasm", &bytes);
    let spec = format!("{package}@{version}");
    let report = workspace.json(&["publish", "version.wasm", &spec, "--registry", place]);
    assert_eq!(report["published"], true, "{report}");
    (bytes, report)
}

/// Gets a package, which must then be these bytes.
#[track_caller]
fn assert_gets(workspace: &Workspace, place: &str, spec: &str, bytes: &[u8]) -> Value {
    let arguments = ["get", spec, "-o", "got.wasm", "--registry", place];
    let report = workspace.json(&arguments);
    assert!(workspace.read("got.wasm") == bytes, "{spec}: other bytes");
    assert_eq!(report["content_digest"], Digest::of(bytes).to_string());
    report
}

/// Publishes the fixture `calc` in one piece too, and returns its bytes and what was said.
fn publish_compat(workspace: &Workspace, place: &str, spec: &str) -> (Vec<u8>, Value) {
    let bytes = workspace.fixture("calc");
    let arguments = [
        "publish",
        "calc.wasm",
        spec,
        "--compat",
        "--registry",
        place,
    ];
    (bytes, workspace.json(&arguments))
}

/// Gets, on a machine that has nothing, what was published in both forms: the split one, which is far smaller.
#[track_caller]
fn assert_gets_split(place: &str, spec: &str, bytes: &[u8], published: &Value) {
    let got = assert_gets(&Workspace::new(), place, spec, bytes);
    assert_eq!(got["digest"], published["flat_digest"], "{place}");
    assert_eq!(
        got["split_manifest_digest"], published["split_manifest_digest"],
        "{place}"
    );
    assert!(got["split_manifest_digest"].is_string(), "{got}");
    let fetched = got["fetched_bytes"].as_u64().unwrap();
    assert!(fetched < bytes.len() as u64 / 2, "{place}: {fetched}");
}

/// Runs somebody else's program, which must succeed, and returns what it prints.
#[track_caller]
fn client(workspace: &Workspace, program: &Path, arguments: &[&str]) -> String {
    let mut command = workspace.command(program, arguments);
    Answer::of(&mut command).success().text()
}

/// Every kind of place: a layout, the open registries, and those that want a password, with who may.
fn places(workspace: &Workspace) -> Vec<String> {
    let mut places = vec!["oci:layout".to_owned()];
    let open = registries().iter().map(|registry| registry.host.clone());
    places.extend(open);
    for registry in authenticated() {
        log_in(workspace, registry);
        places.push(registry.host.clone());
    }
    places
}

/// Logs in as the one user there is.
fn log_in(workspace: &Workspace, registry: &Registry) {
    let (Some(username), Some(password)) = (registry.username, registry.password) else {
        return;
    };
    let arguments = ["login", &registry.host, "-u", username, "--password-stdin"];
    let mut command = workspace.wharf(&arguments);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, password.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Answer::from_output("login".to_owned(), output).success();
}

/// The versions that `versions` shows, with those that are yanked in brackets.
fn shown(workspace: &Workspace, place: &str, package: &str) -> Vec<String> {
    let report = workspace.json(&["versions", package, "--registry", place]);
    let packages = report["packages"].as_array().unwrap().iter();
    packages
        .map(|row| {
            assert_eq!(row["name"], package);
            let version = row["version"].as_str().unwrap();
            match row["yanked"].as_bool().unwrap() {
                true => format!("({version})"),
                false => version.to_owned(),
            }
        })
        .collect()
}
