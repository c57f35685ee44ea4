//! From the first publication to the copy in another registry, everywhere.

use super::*;
use crate::support::workspace;

#[test]
fn a_package_is_published_got_yanked_and_copied() {
    let workspace = Workspace::new();
    let places = places(&workspace);
    assert!(places.len() > 1, "no registry at all: {places:?}");
    for (at, place) in places.iter().enumerate() {
        let package = format!("journey:calc-n{at}");
        let package = package.as_str();
        let (one, _) = publish(&workspace, place, package, "1.0.0");
        let (newer, report) = publish(&workspace, place, package, "1.1.0");
        let (two, _) = publish(&workspace, place, package, "2.0.0+build.7");
        assert_eq!(
            shown(&workspace, place, package),
            ["2.0.0+build.7", "1.1.0", "1.0.0"]
        );
        assert!(report["skipped_blobs"].as_u64().unwrap() > 0, "{report}");

        let got = assert_gets(&workspace, place, &format!("{package}@^1"), &newer);
        assert_eq!(
            (&got["version"], &got["digest"]),
            (&"1.1.0".into(), &report["digest"])
        );
        assert_gets(&workspace, place, package, &two);
        assert_gets(&workspace, place, &format!("{package}@2.0.0+build.7"), &two);

        let version = format!("{package}@1.1.0");
        let yanked = workspace.json(&["yank", &version, "--registry", place]);
        assert_eq!(
            (&yanked["yanked"], &yanked["changed"]),
            (&true.into(), &true.into())
        );
        let again = workspace.json(&["yank", &version, "--registry", place]);
        assert_eq!(again["changed"], false);
        assert_gets(&workspace, place, &format!("{package}@^1"), &one);
        assert_gets(&workspace, place, &version, &newer);
        assert_eq!(
            shown(&workspace, place, package),
            ["2.0.0+build.7", "(1.1.0)", "1.0.0"]
        );

        let second = &places[(at + 1) % places.len()];
        let copy = ["copy", package, second, "--all-tags", "--registry", place];
        let copied = workspace.json(&copy);
        assert!(copied["manifests"].as_u64().unwrap() > 3, "{copied}");
        let there = assert_gets(&workspace, second, &version, &newer);
        assert_eq!(there["digest"], report["digest"]);
        assert_gets(&workspace, second, &format!("{package}@^1"), &one);
        assert_eq!(
            shown(&workspace, second, package),
            ["2.0.0+build.7", "(1.1.0)", "1.0.0"]
        );
        let nothing = workspace.json(&copy);
        assert_eq!(
            (&nothing["sent_blobs"], &nothing["manifests"]),
            (&0.into(), &0.into())
        );

        let undone = workspace.json(&["yank", &version, "--undo", "--registry", place]);
        assert_eq!(
            (&undone["yanked"], &undone["changed"]),
            (&false.into(), &true.into())
        );
        assert_gets(&workspace, place, &format!("{package}@^1"), &newer);
        // What changed is news for a copy.
        let news = workspace.json(&copy);
        assert_eq!(news["sent_blobs"], 0);
        assert_gets(&workspace, second, &format!("{package}@^1"), &newer);
    }
}

#[test]
fn copying_within_a_registry_sends_no_blobs() {
    let workspace = Workspace::new();
    for registry in registries() {
        let place = registry.host.as_str();
        let (bytes, _) = publish(&workspace, place, "mounted:calc", "1.0.0");
        let prefix = format!("{place}/deep/prefix");
        let other = Workspace::new();
        let copy = [
            "copy",
            "mounted:calc",
            &prefix,
            "--registry",
            place,
            "--json",
            "-v",
        ];
        let answer = other.run(&copy).success();
        let copied = answer.json();
        assert_eq!(copied["sent_blobs"], 0, "{copied}");
        assert!(copied["skipped_blobs"].as_u64().unwrap() > 3, "{copied}");
        let is_fetch = |line: &&str| line.contains("GET") && line.contains("/blobs/");
        assert_eq!(answer.stderr.lines().find(is_fetch), None);
        assert_gets(&other, &prefix, "mounted:calc", &bytes);
    }
}

#[test]
fn packages_are_listed() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        publish(&workspace, &place, "listed:calc", "1.0.0");
        publish(&workspace, &place, "listed:calc", "1.2.0");
        publish(&workspace, &place, "listed:greet", "0.1.0");
        let listed = |prefix: &str| {
            let report = workspace.json(&["list", prefix, "--registry", &place]);
            let rows = report["packages"].as_array().unwrap().iter();
            rows.map(|row| format!("{}@{}", row["name"], row["version"]).replace('"', ""))
                .collect::<Vec<_>>()
        };
        let all = [
            "listed:calc@1.2.0",
            "listed:calc@1.0.0",
            "listed:greet@0.1.0",
        ];
        assert_eq!(listed("listed"), all, "{place}");
        assert_eq!(listed("listed:gr"), all[2..], "{place}");
        assert_eq!(listed("unlisted"), [""; 0], "{place}");
    }
}

#[test]
fn packages_are_in_a_directory_by_default() {
    let workspace = Workspace::new();
    let bytes = workspace.fixture("calc");
    let home = workspace.path("packages");
    let run = |arguments: &[&str]| {
        let mut command = workspace.wharf(arguments);
        command.env("WHARF_HOME", &home).arg("--json");
        Answer::of(&mut command)
    };
    assert_eq!(run(&["get", "demo:calc"]).code, Some(3));
    let none = run(&["list"]).success().json();
    assert_eq!(none["packages"], Value::Array(Vec::new()));
    assert_eq!(
        run(&["publish", "calc.wasm", "demo:calc@1.0.0", "--dry-run"]).code,
        Some(0)
    );
    assert!(!home.exists(), "a dry run wrote something");
    run(&["publish", "calc.wasm", "demo:calc@1.0.0"]).success();
    std::fs::remove_file(workspace.path("calc.wasm")).unwrap();
    run(&["get", "demo:calc"]).success();
    assert!(workspace.read("calc.wasm") == bytes);
    let tags = workspace::assert_layout(&home);
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["demo/calc:1.0.0"]);
    let reference = format!("oci:{}:demo/calc:1.0.0", home.display());
    workspace.pull(&reference, &bytes);
}
