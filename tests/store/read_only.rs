//! A cache that may only be read, as images have it: what it holds is used, and what is new goes elsewhere.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::fault::{Fault, Registry};
use crate::support::workspace::{Answer, Workspace, files, names};

/// Sets the mode of every directory and file below one.
fn set_mode(path: &Path, directories: u32, files: u32) {
    let mode = match path.is_dir() {
        true => directories,
        false => files,
    };
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            set_mode(&entry.unwrap().path(), directories, files);
        }
    }
}

/// A workspace whose cache holds `demo/calc:1.0` of the registry, and may only be read; and the component.
struct ReadOnlyCache {
    workspace: Workspace,
    registry: Registry,
    bytes: Vec<u8>,
}

impl ReadOnlyCache {
    fn new() -> Self {
        let (workspace, registry) = (Workspace::new(), Registry::start());
        let bytes = workspace.fixture("layers");
        let host = registry.address();
        for name in ["calc", "layers"] {
            workspace.fixture(name);
            let reference = format!("{host}/demo/{name}:1.0");
            workspace.json(&["push", &format!("{name}.wasm"), &reference, "--no-cache"]);
        }
        workspace.json(&[
            "pull",
            &format!("{host}/demo/layers:1.0"),
            "-o",
            "first.wasm",
        ]);
        set_mode(&workspace.cache().root, 0o555, 0o444);
        registry.forget_requests();
        Self {
            workspace,
            registry,
            bytes,
        }
    }

    /// Runs wharf as one who may not write there: as somebody else, or without the rights of root.
    fn run(&self, arguments: &[&str]) -> Answer {
        let wharf = env!("CARGO_BIN_EXE_wharf");
        let may_write_all = fs::metadata(self.workspace.work()).is_ok()
            && fs::File::create(self.workspace.cache().root.join("probe")).is_ok();
        let mut command: Command = match may_write_all {
            true => {
                fs::remove_file(self.workspace.cache().root.join("probe")).unwrap();
                let mut command = self
                    .workspace
                    .command("setpriv", &["--bounding-set=-all", wharf]);
                command.args(arguments);
                command
            }
            false => self.workspace.wharf(arguments),
        };
        Answer::of(&mut command)
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/demo/{name}:1.0", self.registry.address())
    }
}

impl Drop for ReadOnlyCache {
    fn drop(&mut self) {
        set_mode(&self.workspace.cache().root, 0o755, 0o644);
    }
}

fn warnings(answer: &Answer) -> usize {
    let lines = answer.stderr.lines();
    lines
        .filter(|line| line.contains("is not writable"))
        .count()
}

#[test]
fn a_read_only_cache_is_used() {
    let baked = ReadOnlyCache::new();
    let root = baked.workspace.cache().root;
    let before = files(&root);
    let pull = ["pull", &baked.reference("layers"), "-o", "second.wasm"];
    for flags in [&[][..], &["--offline"]] {
        let answer = baked.run(&[&pull[..], flags].concat()).success();
        assert!(baked.workspace.read("second.wasm") == baked.bytes);
        assert_eq!(warnings(&answer), 1, "{answer:?}");
    }
    let lines = baked.registry.lines();
    assert!(
        !lines.iter().any(|line| line.contains("/blobs/")),
        "{lines:?}"
    );
    assert!(files(&root) == before);
    assert!(names(&baked.workspace.temporary()).is_empty());
}

#[test]
fn blobs_missing_in_a_read_only_cache_are_fetched_each_time() {
    let baked = ReadOnlyCache::new();
    let root = baked.workspace.cache().root;
    let before = files(&root);
    for _ in 0..2 {
        baked.registry.forget_requests();
        let pull = ["pull", &baked.reference("calc"), "-o", "calc-2.wasm"];
        let answer = baked.run(&pull).success();
        assert_eq!(warnings(&answer), 1, "{answer:?}");
        let lines = baked.registry.lines();
        assert!(
            lines.iter().any(|line| line.contains("/blobs/")),
            "{lines:?}"
        );
    }
    assert!(baked.workspace.read("calc-2.wasm") == baked.workspace.read("calc.wasm"));
    let again = baked.reference("again");
    baked.run(&["push", "calc.wasm", &again]).success();
    baked.run(&["inspect", &again]).success();
    assert!(files(&root) == before);
    assert!(names(&baked.workspace.temporary()).is_empty());
}

#[test]
fn a_damaged_blob_of_a_read_only_cache_is_fetched_again() {
    let baked = ReadOnlyCache::new();
    let root = baked.workspace.cache().root;
    let blobs = baked.workspace.cache().blobs();
    for name in names(&blobs) {
        let path = blobs.join(name);
        let size = fs::metadata(&path).unwrap().len();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        fs::write(&path, vec![0; size as usize]).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    }
    let before = files(&root);
    let pull = ["pull", &baked.reference("layers"), "-o", "second.wasm"];
    baked.run(&pull).success();
    assert!(baked.workspace.read("second.wasm") == baked.bytes);
    assert!(files(&root) == before);
}

#[test]
fn a_read_only_cache_is_counted_and_not_pruned() {
    let baked = ReadOnlyCache::new();
    let report = baked.run(&["cache", "du", "--json"]).success().json();
    let blobs = names(&baked.workspace.cache().blobs()).len();
    assert_eq!(report["blobs"], blobs);
    for command in [&["prune", "--max-size", "0"][..], &["verify"]] {
        let answer = baked.run(&[&["cache"], command].concat());
        assert_eq!(answer.code, Some(2), "{answer:?}");
        assert!(answer.stderr.contains("hint: "), "{answer:?}");
    }
}

#[test]
fn the_index_of_a_read_only_cache_is_searched() {
    let baked = ReadOnlyCache::new();
    let root = baked.workspace.cache().root;
    let add = ["index", "add", &baked.reference("layers")];
    // Nothing is in the index yet, and nothing may be added to it.
    let answer = baked.run(&["search", "layers"]);
    assert_eq!(answer.code, Some(3), "{answer:?}");
    set_mode(&root, 0o755, 0o644);
    baked.workspace.wharf(&add).status().unwrap();
    set_mode(&root, 0o555, 0o444);
    let before = files(&root);
    let found = baked.run(&["search", "--json"]).success().json();
    assert_eq!(found["total"], 1, "{found}");
    // An update is for this run only.
    baked.run(&["index", "update"]).success();
    assert!(files(&root) == before);
}

#[test]
fn wharf_works_without_a_cache_that_cannot_be_created() {
    let baked = ReadOnlyCache::new();
    let inside = baked.workspace.cache().root.join("v1/missing");
    let inside = inside.display().to_string();
    let pull = [
        "pull",
        &baked.reference("layers"),
        "-o",
        "second.wasm",
        "--cache",
        &inside,
    ];
    let answer = baked.run(&pull).success();
    assert!(baked.workspace.read("second.wasm") == baked.bytes);
    assert_eq!(warnings(&answer), 1, "{answer:?}");
    let report = baked.run(&["cache", "du", "--json", "--cache", &inside]);
    assert_eq!(report.success().json()["blobs"], 0);
}

#[test]
fn a_deleted_tag_is_reported_as_deleted() {
    let baked = ReadOnlyCache::new();
    baked
        .registry
        .on("GET", "/manifests/1.0", 1, Fault::Status(404, Vec::new()));
    let answer = baked.run(&["pull", &baked.reference("layers"), "-o", "x.wasm"]);
    assert_eq!(answer.code, Some(3), "{answer:?}");
}
