//! Applications read the same from an assets component as from a preopened directory.

use std::env;
use std::fs;
use std::path::Path;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
use wit_component::ComponentEncoder;

use crate::support;
use crate::support::workspace::{Answer, Workspace};

/// Runs a command component. The arguments are its file, and a directory to preopen.
const RUNNER: &str = r#"
import sys
from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker
engine = Engine()
store = Store(engine)
wasi = WasiConfig()
wasi.inherit_stdout()
for directory in sys.argv[2:]:
    wasi.preopen_dir(directory, "/assets")
store.set_wasi(wasi)
linker = Linker(engine)
linker.add_wasip2()
instance = linker.instantiate(store, Component.from_file(engine, sys.argv[1]))
versions = (f"wasi:cli/run@0.2.{patch}" for patch in range(100))
interfaces = (instance.get_export_index(store, version) for version in versions)
interface = next(interface for interface in interfaces if interface)
instance.get_func(store, instance.get_export_index(store, "run", interface))(store)
"#;

fn run(workspace: &Workspace, python: &Path, arguments: &[&str]) -> Vec<String> {
    let arguments = [&["-c", RUNNER], arguments].concat();
    let mut command = workspace.command(python, &arguments);
    command.envs(env::var_os("PYTHONPATH").map(|path| ("PYTHONPATH", path)));
    let text = Answer::of(&mut command).success().text();
    text.lines().map(str::to_owned).collect()
}

/// Returns a command component for a module that imports WASI preview 1.
fn command(text: &str) -> Vec<u8> {
    let module = wat::parse_str(text).unwrap();
    let adapter = WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).unwrap();
    encoder.adapter("wasi_snapshot_preview1", adapter).unwrap();
    encoder.encode().unwrap()
}

fn register(graph: &mut CompositionGraph, name: &str, bytes: Vec<u8>) -> PackageId {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut()).unwrap();
    graph.register_package(package).unwrap()
}

fn compose(application: Vec<u8>, assets: Vec<u8>) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let application = register(&mut graph, "test:application", application);
    let assets = register(&mut graph, "test:assets", assets);
    wac_graph::plug(&mut graph, vec![assets], application).unwrap();
    graph.encode(EncodeOptions::default()).unwrap()
}

/// Returns the lines before the entries, the entries in any order, and the line of the writes.
fn parts(mut lines: Vec<String>) -> (Vec<String>, Vec<String>, String) {
    let writes = lines.pop().unwrap();
    let mut entries = lines.split_off(lines.len() - 5);
    entries.sort();
    (lines, entries, writes)
}

#[test]
fn applications_read_assets_like_a_preopened_directory() {
    let Some(python) = support::python_with("wasmtime") else {
        return;
    };
    let workspace = Workspace::new();
    fs::create_dir_all(workspace.path("files/sub")).unwrap();
    workspace.write("files/a.txt", b"hello\n");
    workspace.write("files/empty", b"");
    workspace.write("files/sub/deep.txt", b"deep file");
    let application = command(include_str!("assets/application.wat"));
    workspace.write("application.wasm", &application);
    for options in [&["--for", "application.wasm"][..], &[]] {
        let arguments = [&["assets", "files", "-o", "assets.wasm"], options].concat();
        workspace.json(&arguments);
        let bundle = compose(application.clone(), workspace.read("assets.wasm"));
        workspace.write("bundle.wasm", &bundle);
        let (lines, entries, writes) = parts(run(&workspace, &python, &["bundle.wasm"]));
        let preopened = run(&workspace, &python, &["application.wasm", "files"]);
        fs::remove_file(workspace.path("files/write")).unwrap();
        let (expected, expected_entries, _) = parts(preopened);
        assert_eq!(lines, expected);
        assert_eq!(entries, expected_entries);
        // 69 is read-only.
        assert_eq!(writes, "writes 69 69");
        // 63 is not permitted.
        assert!(lines.contains(&"sub/../../a.txt 63 63".to_owned()));
    }
}
