//! Versions that differ in their build metadata only.

use super::*;

fn published(place: &str, versions: &[&str]) -> (Workspace, Vec<Vec<u8>>) {
    let workspace = Workspace::new();
    let bytes = versions
        .iter()
        .map(|version| publish(&workspace, place, "demo:calc", version).0);
    let bytes = bytes.collect();
    (workspace, bytes)
}

#[test]
fn an_equal_version_is_that_version_and_no_other_build() {
    let (workspace, bytes) = published("oci:store", &["1.0.0", "1.0.0+build.7", "1.0.0+build.8"]);
    let get = |spec: &str, at: usize| assert_gets(&workspace, "oci:store", spec, &bytes[at]);
    for (spec, at, version) in [
        ("demo:calc@=1.0.0", 0, "1.0.0"),
        ("demo:calc@=1.0.0+build.7", 1, "1.0.0+build.7"),
        ("demo:calc@1.0.0+build.7", 1, "1.0.0+build.7"),
        ("demo:calc@^1.0.0", 2, "1.0.0+build.8"),
    ] {
        assert_eq!(get(spec, at)["version"], version, "{spec}");
        // The lock file knows it again.
        let locked = [
            "get",
            spec,
            "-o",
            "got.wasm",
            "--registry",
            "oci:store",
            "--locked",
        ];
        assert_eq!(workspace.json(&locked)["version"], version, "{spec}");
    }
    let none = ["get", "demo:calc@=1.0.0+build.9", "--registry", "oci:store"];
    let error = workspace.error(&none, 3);
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("has no version =1.0.0+build.9"),
        "{message}"
    );
}

#[test]
fn an_equal_version_that_only_has_builds_is_the_newest_of_them() {
    let (workspace, bytes) = published("oci:store", &["1.0.0+build.7", "1.0.0+build.8", "1.0.1"]);
    let report = assert_gets(&workspace, "oci:store", "demo:calc@=1.0.0", &bytes[1]);
    assert_eq!(report["version"], "1.0.0+build.8");
}

#[test]
fn a_yanked_version_is_not_replaced_by_a_build_of_it() {
    let (workspace, _) = published("oci:store", &["1.0.0", "1.0.0+build.7"]);
    workspace.json(&["yank", "demo:calc@1.0.0", "--registry", "oci:store"]);
    let get = ["get", "demo:calc@=1.0.0", "--registry", "oci:store"];
    workspace.error(&get, 3);
}

#[test]
fn a_mirror_takes_the_equal_version_alone() {
    let (workspace, _) = published("oci:from", &["1.0.0", "1.0.0+build.7", "1.0.0+build.8"]);
    for (to, spec, version) in [
        ("plain", "=1.0.0", "1.0.0"),
        ("build", "=1.0.0+build.7", "1.0.0+build.7"),
    ] {
        let file = format!(
            "[[mirror]]\nfrom = \"oci:from\"\nto = \"oci:{to}\"\npackages = [\"demo:calc@{spec}\"]\n"
        );
        workspace.write("mirror.toml", file.as_bytes());
        workspace.json(&["mirror", "mirror.toml"]);
        let place = format!("oci:{to}");
        let report = workspace.json(&["versions", "demo:calc", "--registry", &place]);
        let versions = report["packages"].as_array().unwrap();
        assert_eq!(versions.len(), 1, "{report}");
        assert_eq!(versions[0]["version"], version);
    }
}
