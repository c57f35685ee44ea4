//! A WIT package says itself what it is, wherever it is and whoever put it there.

use super::*;
use crate::support::tool;
use wit_parser::Resolve;

/// Encodes `testdata/wit/FILE`.
pub(crate) fn encoded(file: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wit");
    let text = std::fs::read_to_string(directory.join(file)).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str(file, &text).unwrap();
    wit_component::encode(&resolve, package, false).unwrap()
}

#[track_caller]
fn assert_shows_wit(workspace: &Workspace, what: &[&str]) {
    let arguments = [&["inspect"], what].concat();
    let report = workspace.json(&arguments);
    let text = report["wit"].as_str();
    let text = text.unwrap_or_else(|| panic!("{what:?}: {report}"));
    for line in [
        "package demo:tides@1.2.0-rc.1;",
        "/// As sailors call it.",
        "world table {",
    ] {
        assert!(text.contains(line), "{what:?}: {text}");
    }
    let answer = workspace.run(&arguments).success();
    assert!(answer.text().ends_with(text), "{what:?}");
}

#[test]
fn a_wit_package_is_published_by_its_own_name() {
    let workspace = Workspace::new();
    let bytes = encoded("tides.wit");
    workspace.write("tides.wasm", &bytes);
    assert_shows_wit(&workspace, &["tides.wasm"]);
    for place in places(&workspace) {
        let publish = ["publish", "tides.wasm", "--registry", &place];
        let report = workspace.json(&publish);
        assert_eq!(report["package"], "demo:tides");
        assert_eq!(report["version"], "1.2.0-rc.1");
        assert_gets(&workspace, &place, "demo:tides", &bytes);
        assert_shows_wit(&workspace, &["demo:tides", "--registry", &place]);
    }
    for registry in registries() {
        // In one piece too, and seen by somebody who has nothing.
        let place = registry.host.as_str();
        let publish = ["publish", "tides.wasm", "--registry", place];
        workspace.json(&[&publish[..], &["--compat", "--force"]].concat());
        let there = ["demo:tides", "--registry", place];
        assert_shows_wit(&Workspace::new(), &there);
    }
    // A version that the WIT does not have must be said.
    workspace.write("plain.wasm", &encoded("plain.wit"));
    let plain = ["publish", "plain.wasm", "--registry", "oci:store"];
    workspace.error(&plain, 2);
    let said = [&plain[..], &["demo:plain@0.1.0"]].concat();
    assert_eq!(workspace.json(&said)["package"], "demo:plain");
}

#[test]
fn wit_packages_of_wkg_are_shown_like_those_of_wharf() {
    let Some(wkg) = tool("wkg") else { return };
    for registry in registries() {
        let workspace = Workspace::new();
        let host = registry.host.as_str();
        workspace.write("tides.wasm", &encoded("tides.wit"));
        let place = format!("{host}/interop/wit");
        let set = ["config", "set", "demo", &place, "--config", "wkg.toml"];
        workspace.json(&set);
        client(
            &workspace,
            &wkg,
            &["publish", "tides.wasm", "--config", "wkg.toml"],
        );
        assert_shows_wit(&workspace, &["demo:tides", "--config", "wkg.toml"]);
        let reference = format!("{host}/interop/wit/pushed:1");
        let push = ["oci", "push", "--insecure", host, &reference, "tides.wasm"];
        client(&workspace, &wkg, &push);
        assert_shows_wit(&workspace, &[&reference]);
        // What wkg published is taken over as it is.
        let copy = ["copy", "demo:tides", "oci:store", "--config", "wkg.toml"];
        workspace.json(&copy);
        assert_shows_wit(&workspace, &["demo:tides", "--registry", "oci:store"]);
        // Components are none, also those that are listed alike.
        let none = r#"(component (instance $i) (export "a:b/c@1.0.0" (instance $i)))"#;
        let none = wat::parse_str(none).unwrap();
        workspace.write("none.wasm", &none);
        let reference = format!("{host}/interop/wit/none:1");
        let push = ["oci", "push", "--insecure", host, &reference, "none.wasm"];
        client(&workspace, &wkg, &push);
        assert_eq!(workspace.json(&["inspect", &reference])["wit"], Value::Null);
    }
}
