//! Search by type, against what the whole files say: names agree where types do not.

use std::fs;

use super::*;
use crate::support::fault::Registry;
use crate::support::worlds::from_wit;

const WIT: &str = "
package demo:types@0.2.1;
interface sum { add: func(a: u32, b: u32) -> u32; }
interface text { upper: func(a: string) -> string; }
world host { import text; export sum; }
world good { import text; export sum; }
world alone { export sum; }
world more { import text; import sum; export sum; }
world socket { import sum; export text; }
";

/// The same names, another type.
const OTHER: &str = "
package demo:types@0.2.1;
interface sum { add: func(a: u64, b: u64) -> u64; }
world wrong { export sum; }
";

fn scene(place: impl FnOnce(&Workspace) -> String) -> (Workspace, Vec<TestComponent>) {
    let workspace = Workspace::new();
    let mut all = Vec::new();
    for (name, text) in [
        ("good", WIT),
        ("alone", WIT),
        ("more", WIT),
        ("socket", WIT),
        ("wrong", OTHER),
    ] {
        all.push(TestComponent {
            package: format!("types:{name}"),
            version: "1.0.0".to_owned(),
            bytes: from_wit(text, name),
            description: String::new(),
            imports: Vec::new(),
            exports: Vec::new(),
        });
    }
    let place = place(&workspace);
    publish_all(&place, &all);
    workspace.json(&["index", "add", &place]);
    fs::create_dir(workspace.path("wit")).unwrap();
    workspace.write("wit/types.wit", WIT.as_bytes());
    (workspace, all)
}

fn layout(workspace: &Workspace) -> String {
    places(workspace).remove(0)
}

fn found(workspace: &Workspace, arguments: &[&str]) -> Vec<String> {
    let report = search(workspace, arguments);
    names(&report).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn searching_by_world_agrees_with_the_whole_files() {
    let (workspace, all) = scene(layout);
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_source("types.wit", WIT).unwrap();
    let mut sizes = Vec::new();
    for name in ["host", "alone", "socket", "more"] {
        let world = resolve.select_world(&[package], Some(name)).unwrap();
        let runs = |made: &&TestComponent| {
            wit_component::targets(&resolve, world, &made.bytes, true).is_ok()
        };
        let mut expected: Vec<String> = all
            .iter()
            .filter(runs)
            .map(|made| made.package.clone())
            .collect();
        expected.sort();
        for _again in 0..2 {
            assert_eq!(
                found(&workspace, &["--world", name, "--wit", "wit"]),
                expected,
                "{name}"
            );
        }
        sizes.push(expected.len());
    }
    assert!(sizes.iter().any(|size| *size > 1), "{sizes:?}");
}

#[test]
fn components_that_fill_an_import_name_it() {
    let (workspace, all) = scene(layout);
    let socket = all
        .iter()
        .find(|made| made.package == "types:socket")
        .unwrap();
    workspace.write("socket.wasm", &socket.bytes);
    let report = search(&workspace, &["--fits", "socket.wasm"]);
    let names: Vec<String> = names(&report).into_iter().map(|(name, _)| name).collect();
    // `wrong` has the name, and another type.
    assert_eq!(names, ["types:alone", "types:good", "types:more"]);
    for row in report["packages"].as_array().unwrap() {
        let fills = serde_json::json!([{ "kind": "fills", "name": "demo:types/sum@0.2.1" }]);
        assert_eq!(row["matched"], fills);
    }
}

#[test]
fn a_shared_index_brings_the_types() {
    let registry = Registry::start();
    let (publisher, _) = scene(|_| registry.address());
    let target = format!("oci:{}:index", publisher.path("layout").display());
    let publish = ["index", "publish", &target, "--everything"];
    assert_eq!(publisher.json(&publish)["stubs"], 5);
    let reader = Workspace::new();
    reader.json(&["index", "add", &target]);
    fs::remove_dir_all(publisher.path("layout")).unwrap();
    registry.forget_requests();
    fs::create_dir(reader.path("wit")).unwrap();
    reader.write("wit/types.wit", WIT.as_bytes());
    assert_eq!(
        found(&reader, &["--world", "host", "--wit", "wit"]),
        ["types:alone", "types:good"]
    );
    assert_eq!(registry.lines(), [""; 0]);
}
