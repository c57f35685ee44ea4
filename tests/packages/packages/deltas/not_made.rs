//! Deltas that are not made, and those that are made again.

use super::*;

#[test]
fn deltas_that_no_client_would_fetch_are_not_made() {
    let workspace = Workspace::new();
    let publish = |package: &str, version: &str, layer: &[u8]| {
        let bytes = [assemble("calc"), binary::custom("data", layer)].concat();
        workspace.write("version.wasm", &bytes);
        let spec = format!("deltas:{package}@{version}");
        let arguments = ["publish", "version.wasm", &spec, "--registry", "oci:store"];
        workspace.json(&arguments)
    };
    let old = noise(20, 100_000);
    for (package, shared, new, count) in [
        // At most 64 KiB of layers are missing.
        ("few", 60_000, 4000, 0),
        // The delta saves less than two requests cost.
        ("costs", 30_000, 60_000, 0),
        ("saves", 40_000, 60_000, 1),
    ] {
        let old = [&old[..shared], &noise(21, new)].concat();
        let new = [&old[..shared], &noise(22, new)].concat();
        publish(package, "1.0.0", &old);
        let report = publish(package, "1.1.0", &new);
        let deltas = report["deltas"].as_array().unwrap();
        assert_eq!(deltas.len(), count, "{package}");
    }
}

#[test]
fn a_delta_without_its_whole_file_is_made_again() {
    let workspace = Workspace::new();
    let publish = |version: &str| publish_with(&workspace, "oci:store", "deltas:bad", version, &[]);
    publish("1.0.0");
    assert_eq!(sources(&publish("1.1.0")), ["1.0.0"]);
    let (file, manifest) = stored_delta(&workspace.path("store"));
    let digest: Digest = Digest::of(&file);
    let path = workspace.path("store/blobs/sha256").join(digest.hex());
    for damage in [None, Some(&file[..file.len() - 1])] {
        match damage {
            None => fs::remove_file(&path).unwrap(),
            Some(bytes) => fs::write(&path, bytes).unwrap(),
        }
        assert_eq!(sources(&publish("1.1.0")), ["1.0.0"], "{damage:?}");
        let again = stored_delta(&workspace.path("store"));
        assert_eq!(again, (file.clone(), manifest.clone()));
        assert!(sources(&publish("1.1.0")).is_empty());
    }
}

#[test]
fn a_version_of_another_package_is_not_called_a_version() {
    let workspace = Workspace::new();
    publish_with(&workspace, "oci:store", "deltas:first", "1.0.0", &[]);
    let from = "--delta-from=deltas:first@1.0.0";
    workspace.write("version.wasm", &component("2.0.0"));
    let arguments = ["publish", "version.wasm", "deltas:second@2.0.0"];
    let more = ["--registry", "oci:store", from];
    let text = workspace.run(&[&arguments[..], &more].concat()).success();
    let text = String::from_utf8(text.stdout).unwrap();
    let last = text.trim_end();
    assert!(last.ends_with(" from deltas:first@1.0.0"), "{last}");
    let shown = workspace.json(&["inspect", "deltas:second", "--registry", "oci:store"]);
    assert_eq!(shown["deltas"][0]["from_version"], Value::Null, "{shown}");
}

#[test]
fn notes_say_why_versions_have_no_delta() {
    let workspace = Workspace::new();
    let place = "oci:store";
    let publish = |version: &str| publish_with(&workspace, place, "deltas:why", version, &[]);
    for version in ["1.0.0", "1.0.1"] {
        publish(version);
    }
    workspace.json(&["yank", "deltas:why@1.0.1", "--registry", place]);
    workspace.write("version.wasm", &component("1.0.0"));
    let arguments = [
        "publish",
        "version.wasm",
        "deltas:why@1.0.2",
        "--registry",
        place,
    ];
    let answer = workspace.run(&arguments).success();
    let same = "note: no delta from 1.0.0 was made: it is the same component\n";
    assert_eq!(answer.stderr, same);
    publish("1.0.3");
    let command = [
        "delta",
        "--all-versions",
        "deltas:why@1.0.3",
        "--registry",
        place,
    ];
    let answer = workspace.run(&command).success();
    let notes = [
        "note: no delta from 1.0.2 was made: the store already has it",
        "note: no delta from 1.0.1 was made: it is yanked",
        // It is the same component as 1.0.2.
        "note: no delta from 1.0.0 was made: the store already has it",
    ];
    let lines: Vec<&str> = answer.stderr.lines().collect();
    assert_eq!(lines, notes);
}
