//! Names with attributes, and lists that could not be read to their end.

use super::components::TestComponent;
use super::names::rows;
use super::*;
use crate::support::binary::{component, leb, section, vector};
use crate::support::fault::Registry;

/// The bytes of attributes, and one that does not exist yet.
const IMPLEMENTS: u8 = 0;
const VERSION_SUFFIX: u8 = 1;
const UNKNOWN: u8 = 3;

const IMPORT: u8 = 10;
const EXPORT: u8 = 11;

/// An entry of an import or export section: an instance with a name and attributes.
fn entry(id: u8, name: &str, attributes: &[(u8, &str)]) -> Vec<u8> {
    let texts = attributes
        .iter()
        .map(|(byte, text)| [&[*byte], vector(text.as_bytes()).as_slice()].concat());
    let texts: Vec<Vec<u8>> = texts.collect();
    let end: &[u8] = if id == IMPORT { b"\x05\0" } else { b"\x05\0\0" };
    let name = vector(name.as_bytes());
    [&[2], &*name, &*leb(texts.len()), &*texts.concat(), end].concat()
}

/// A component of an instance type and one section of names.
fn made(name: &str, id: u8, entries: &[Vec<u8>]) -> TestComponent {
    let names = [leb(entries.len()), entries.concat()].concat();
    TestComponent {
        package: format!("demo:{name}"),
        version: "1.0.0".to_owned(),
        bytes: component(&[section(7, b"\x01\x42\0"), section(id, &names)]),
        description: String::new(),
        imports: Vec::new(),
        exports: Vec::new(),
    }
}

fn all() -> Vec<TestComponent> {
    let store = (IMPLEMENTS, "wasi:keyvalue/store@0.2.0");
    let split = [
        (IMPLEMENTS, "wasi:keyvalue/store@1"),
        (VERSION_SUFFIX, ".4.2"),
    ];
    let unknown = entry(IMPORT, "secret", &[(UNKNOWN, "x")]);
    let long = (0..10_000).map(|number| entry(IMPORT, &format!("x:y/z{number}"), &[]));
    let long: Vec<Vec<u8>> = long.collect();
    vec![
        made("kv", IMPORT, &[entry(IMPORT, "primary", &[store])]),
        made("kv-one", IMPORT, &[entry(IMPORT, "primary", &split)]),
        made("cache", EXPORT, &[entry(EXPORT, "out", &[store])]),
        made(
            "web",
            IMPORT,
            &[entry(
                IMPORT,
                "wasi:http/types@0.2",
                &[(VERSION_SUFFIX, ".6")],
            )],
        ),
        made("bare", IMPORT, &[entry(IMPORT, "wasi:http/types@0.2", &[])]),
        made("plain", IMPORT, &[entry(IMPORT, "a:b/c", &[])]),
        made("unread", IMPORT, &[entry(IMPORT, "a:b/c", &[]), unknown]),
        // The manifest leaves out the list.
        made("long", IMPORT, &long),
        // Its exports are not all known, but it imports nothing.
        made("out", EXPORT, &[entry(EXPORT, "secret", &[(UNKNOWN, "x")])]),
    ]
}

#[track_caller]
fn assert_found(workspace: &Workspace, arguments: &[&str], expected: &[&str]) {
    let report = search(workspace, arguments);
    let found = names(&report).into_iter();
    let found: Vec<String> = found.map(|(name, _)| name.replace("demo:", "")).collect();
    assert_eq!(found, expected, "{arguments:?}");
}

#[track_caller]
fn assert_answers(workspace: &Workspace) {
    for (interface, expected) in [
        ("wasi:keyvalue/store", &["kv", "kv-one"][..]),
        ("wasi:keyvalue/store@0.2", &["kv"]),
        ("wasi:keyvalue/store@0.2.0", &["kv"]),
        ("wasi:keyvalue/store@1", &["kv-one"]),
        ("wasi:keyvalue/store@1.4.2", &["kv-one"]),
        ("primary", &["kv", "kv-one"]),
        ("wasi:http/types", &["bare", "web"]),
        ("wasi:http/types@0.2", &["bare", "web"]),
        ("wasi:http/types@0.2.6", &["web"]),
        ("wasi:http/types@^0.2.0", &["bare", "web"]),
        ("wasi:http/types@^0.2.6", &["web"]),
        ("wasi:http/types@<0.2.6", &["bare"]),
        ("a:b/c", &["plain", "unread"]),
    ] {
        assert_found(workspace, &["--imports", interface], expected);
    }
    // Nobody knows whether the one without a suffix is 0.2.0.
    for interface in ["wasi:keyvalue/store@>=1.4.3", "wasi:http/types@0.2.0"] {
        workspace.error(&["search", "--imports", interface], 3);
    }
    assert_found(
        workspace,
        &["--exports", "wasi:keyvalue/store@0.2"],
        &["cache"],
    );
    assert_found(workspace, &["--exports", "out"], &["cache"]);
    for (only, expected) in [
        ("a:b/c", &["cache", "out", "plain"][..]),
        ("wasi:keyvalue/store", &["cache", "kv", "kv-one", "out"]),
        ("wasi:keyvalue/store@1.4.2", &["cache", "kv-one", "out"]),
        ("primary", &["cache", "kv", "kv-one", "out"]),
        ("wasi:http/types@0.2.6", &["cache", "out", "web"]),
        ("wasi:http/types@0.2.0", &["cache", "out"]),
    ] {
        assert_found(workspace, &["--only-imports", only], expected);
    }
    let report = search(workspace, &["kv-one", "--imports", "wasi:keyvalue/store"]);
    let matched = &rows(&report)[0]["matched"][0];
    assert_eq!(matched["name"], "primary");
    assert_eq!(matched["interface"], "wasi:keyvalue/store@1.4.2");
    let report = search(workspace, &["--imports", "a:b/c"]);
    let matched = &rows(&report)[0]["matched"][0];
    assert!(matched.get("interface").is_none());
}

#[test]
fn interfaces_are_found_by_attributes_of_names() {
    let registry = Registry::start();
    let layout = Workspace::new();
    for place in [registry.address(), places(&layout).remove(0)] {
        publish_all(&place, &all());
        let workspace = Workspace::new();
        workspace.json(&["index", "add", &place]);
        assert_answers(&workspace);
        workspace.json(&["index", "update", "--all"]);
        assert_answers(&workspace);
        // Names that cannot be found are not offered.
        let error = workspace.error(&["search", "--imports", "wasi:http/type"], 3);
        let message = error.to_string();
        assert!(message.contains("wasi:http/types@0.2.6"), "{message}");
    }
}

#[test]
fn shared_indexes_have_attributes_too() {
    let registry = Registry::start();
    publish_all(&registry.address(), &all());
    let publisher = Workspace::new();
    publisher.json(&["index", "add", &registry.address()]);
    let target = format!("oci:{}:index", publisher.path("shared").display());
    let published = publisher.json(&["index", "publish", &target, "--everything"]);
    assert_eq!(published["versions"], all().len());
    let reader = Workspace::new();
    reader.json(&["index", "add", &target]);
    assert_answers(&reader);
}

#[test]
fn a_world_needs_the_whole_list_of_imports() {
    let registry = Registry::start();
    publish_all(&registry.address(), &all());
    let workspace = Workspace::new();
    workspace.json(&["index", "add", &registry.address()]);
    let wit = "package a:b; interface c {} world w { import c; }";
    workspace.write("world.wit", wit.as_bytes());
    // The export that has an unknown attribute cannot be read by its types, which is said.
    let mut command = workspace.wharf(&["search", "--world", "w", "--wit", "world.wit", "--json"]);
    let report = Answer::of(&mut command).json();
    let found: Vec<&str> = rows(&report)
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert!(found.contains(&"demo:plain"), "{report}");
    assert!(!report.to_string().contains("demo/unread"), "{report}");
}
