//! Files that stay outside their component, as blobs of its repository.

use super::*;
use crate::support::collected::collected;
use crate::support::fault;
use std::fs;

const SITE: [(&str, u64, usize); 3] = [
    ("index.html", 1, 5000),
    ("models/a.bin", 2, 300_000),
    ("models/b.bin", 3, 200_000),
];

/// Packs files of noise, of which the models stay outside the component `site.wasm`.
fn pack(workspace: &Workspace) {
    for (path, seed, size) in SITE {
        let path = workspace.path("site").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, binary::noise(seed, size)).unwrap();
    }
    let arguments = ["assets", "site", "--remote-above", "100KiB"];
    workspace.json(&[&arguments[..], &["-o", "site.wasm"]].concat());
}

const PUBLISH: [&str; 3] = ["publish", "site.wasm", "demo:site@1.0.0"];
const WITH_FILES: [&str; 2] = ["--remote-files", "site"];

fn publish_site(workspace: &Workspace, place: &str, flags: &[&str]) -> Value {
    workspace.json(&[&PUBLISH[..], &["--registry", place], flags].concat())
}

/// Reads every file back on a machine that has nothing.
#[track_caller]
fn assert_extracts(place: &str, package: &str) {
    let cold = Workspace::new();
    let arguments = ["assets", "extract", package, "out", "--registry", place];
    let report = cold.json(&arguments);
    assert_eq!(report["unchecked_bytes"], 0, "{place}");
    for (path, seed, size) in SITE {
        let found = cold.read(&format!("out/{path}"));
        assert!(found == binary::noise(seed, size), "{place}: {path}");
    }
}

fn absolute(workspace: &Workspace, place: &str) -> String {
    match place.strip_prefix("oci:") {
        Some(directory) => format!("oci:{}", workspace.path(directory).display()),
        None => place.to_owned(),
    }
}

#[test]
fn publishing_sends_remote_files_once_and_copies_keep_them() {
    let workspace = Workspace::new();
    pack(&workspace);
    let elsewhere = fault::Registry::start();
    for place in registries()
        .iter()
        .map(|registry| registry.host.as_str())
        .chain(["oci:layout"])
    {
        let published = publish_site(&workspace, place, &WITH_FILES);
        assert_eq!(published["remote_blobs"], 2, "{place}: {published}");
        assert_eq!(published["remote_bytes"], 500_000, "{place}");
        assert!(published["sent_bytes"].as_u64() > Some(500_000), "{place}");
        let again = publish_site(&workspace, place, &[]);
        assert_eq!(again["sent_blobs"], 0, "{place}: {again}");
        assert_eq!(again["published"], false, "{place}");
        // A version with the same files needs no directory.
        let other = ["publish", "site.wasm", "demo:site@1.0.1", "--no-delta"];
        let other = workspace.json(&[&other[..], &["--registry", place]].concat());
        assert_eq!(other["sent_blobs"], 0, "{place}: {other}");
        assert_eq!(other["remote_blobs"], 2, "{place}");
        assert_extracts(&absolute(&workspace, place), "demo:site");

        let target = format!("oci:copy-of-{}", place.replace([':', '.'], "-"));
        for target in [target, elsewhere.address()] {
            let copy = ["copy", "demo:site@1.0.0", &target, "--registry", place];
            workspace.json(&copy);
            assert_extracts(&absolute(&workspace, &target), "demo:site");
        }
    }
}

#[test]
fn the_files_outlive_a_garbage_collection() {
    for flags in [&WITH_FILES[..], &["--remote-files", "site", "--compat"]] {
        for mut registry in collected() {
            let workspace = Workspace::new();
            pack(&workspace);
            let place = registry.start().host;
            publish_site(&workspace, &place, flags);
            // This blob belongs to no manifest after the tag has moved.
            let lost = format!("{place}/demo/lost:1");
            workspace.write("lost.wasm", &version_of("calc", "lost"));
            let pushed = workspace.json(&["push", "lost.wasm", &lost]);
            workspace.write("kept.wasm", &version_of("log", "kept"));
            workspace.json(&["push", "kept.wasm", &lost]);

            registry.collect();
            let place = registry.start().host;
            let gone = format!("{place}/demo/lost@{}", pushed["digest"].as_str().unwrap());
            Workspace::new().error(&["pull", &gone, "-o", "lost.wasm"], 3);
            assert_extracts(&place, "demo:site");
        }
    }
}

#[test]
fn a_missing_file_is_an_error_before_anything_is_written() {
    let (workspace, registry) = (Workspace::new(), fault::Registry::start());
    pack(&workspace);
    let place = registry.address();
    fs::remove_file(workspace.path("site/models/b.bin")).unwrap();
    for flags in [&[][..], &WITH_FILES] {
        let dry_run = [flags, &["--dry-run"]].concat();
        for flags in [flags, &dry_run] {
            let arguments = [&PUBLISH[..], &["--registry", &place], flags].concat();
            let message = workspace.error(&arguments, 3).to_string();
            assert!(message.contains("models/b.bin"), "{message}");
            assert!(message.contains("given to `wharf assets`"), "{message}");
        }
    }
    let arguments = [
        &PUBLISH[..],
        &["--registry", &place, "--remote-files", "nowhere"],
    ]
    .concat();
    let message = workspace.error(&arguments, 3).to_string();
    assert!(message.contains("nowhere is not a directory"), "{message}");
    let is_write = |line: &String| !line.starts_with("GET ") && !line.starts_with("HEAD ");
    assert_eq!(registry.lines().into_iter().find(is_write), None);
}

#[test]
fn a_changed_file_is_an_error_that_leaves_no_manifest() {
    let workspace = Workspace::new();
    pack(&workspace);
    let same_size = binary::noise(9, 200_000);
    fs::write(workspace.path("site/models/b.bin"), same_size).unwrap();
    for registry in registries() {
        let place = &registry.host;
        let name = [
            "publish",
            "site.wasm",
            "demo:changed@1.0.0",
            "--registry",
            place,
        ];
        let message = workspace.error(&[&name[..], &WITH_FILES].concat(), 7);
        let message = message.to_string();
        assert!(message.contains("site/models/b.bin"), "{message}");
        let get = [
            "get",
            "demo:changed@1.0.0",
            "-o",
            "no.wasm",
            "--registry",
            place,
        ];
        workspace.error(&get, 3);
    }
}

#[test]
fn the_artifact_of_the_files_is_a_tagged_referrer_and_comes_before_the_tag() {
    let (workspace, registry) = (Workspace::new(), fault::Registry::start());
    pack(&workspace);
    let published = publish_site(&workspace, &registry.address(), &WITH_FILES);
    let digest = published["digest"].as_str().unwrap();
    let tag = format!("sha256-{}.assets", digest.strip_prefix("sha256:").unwrap());
    let manifest = registry.manifest("demo/site", &tag).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["subject"]["digest"], digest);
    assert_eq!(manifest["artifactType"], "application/vnd.wharf.assets.v1");
    let layers = manifest["layers"].as_array().unwrap();
    let expected = [("models/a.bin", 2, 300_000), ("models/b.bin", 3, 200_000)];
    for (layer, (path, seed, size)) in layers.iter().zip(expected) {
        assert_eq!(
            layer["digest"],
            Digest::of(&binary::noise(seed, size)).to_string()
        );
        assert_eq!(layer["annotations"]["org.opencontainers.image.title"], path);
    }
    assert_eq!(layers.len(), 2);
    let component = registry.manifest("demo/site", "1.0.0").unwrap();
    let component: Value = serde_json::from_slice(&component).unwrap();
    assert_eq!(component["annotations"]["wasm.wharf.remote.blobs"], "2");
    let lines = registry.lines();
    let put = |name: &str| {
        let line = format!("PUT /v2/demo/site/manifests/{name}");
        lines.iter().position(|found| *found == line).unwrap()
    };
    assert!(
        put(digest) < put(&tag) && put(&tag) < put("1.0.0"),
        "{lines:?}"
    );
    let blob = |line: &String| line.starts_with("PUT ") && line.contains("/blobs/uploads/");
    let first_blob = lines.iter().position(blob).unwrap();
    assert!(first_blob < put(digest), "{lines:?}");
}

#[test]
fn copies_ask_for_remote_files_only_if_there_are_some() {
    let (workspace, registry) = (Workspace::new(), fault::Registry::start());
    pack(&workspace);
    let place = registry.address();
    publish_site(&workspace, &place, &["--remote-files", "site", "--compat"]);
    publish(&workspace, &place, "demo:calc", "1.0.0");
    for (package, expected) in [("demo:calc", 0), ("demo:site", 1)] {
        registry.forget_requests();
        workspace.json(&[
            "copy",
            &format!("{package}@1.0.0"),
            "oci:copy",
            "--registry",
            &place,
        ]);
        let lines = registry.lines();
        let asked = lines.iter().filter(|line| line.ends_with(".assets"));
        assert_eq!(asked.count(), expected, "{package}: {lines:?}");
    }
}

#[test]
fn a_bundle_brings_the_files_of_all_its_parts() {
    let (workspace, registry) = (Workspace::new(), fault::Registry::start());
    pack(&workspace);
    let site = workspace.read("site.wasm");
    fs::write(
        workspace.path("site/models/a.bin"),
        binary::noise(4, 300_000),
    )
    .unwrap();
    let arguments = ["assets", "site", "--remote-above", "100KiB"];
    workspace.json(&[&arguments[..], &["-o", "other.wasm"]].concat());
    let other = workspace.read("other.wasm");
    let parts = [binary::section(4, &site), binary::section(4, &other)];
    workspace.write("site.wasm", &binary::component(&parts));
    fs::create_dir_all(workspace.path("old/models")).unwrap();
    fs::write(
        workspace.path("old/models/a.bin"),
        binary::noise(2, 300_000),
    )
    .unwrap();
    let place = registry.address();
    let arguments = [&PUBLISH[..], &["--registry", &place], &WITH_FILES].concat();
    workspace.error(&arguments, 7);
    let published = publish_site(
        &workspace,
        &place,
        &["--remote-files", "old", "--remote-files", "site"],
    );
    // One file is in both parts.
    assert_eq!(published["remote_blobs"], 3, "{published}");
}

#[test]
fn a_range_of_a_remote_file_is_one_ranged_request() {
    let (workspace, registry) = (Workspace::new(), fault::Registry::start());
    pack(&workspace);
    let place = registry.address();
    publish_site(&workspace, &place, &WITH_FILES);
    registry.forget_requests();
    let cold = Workspace::new();
    let cat = [
        "cat",
        "demo:site",
        "--file",
        "models/a.bin",
        "--registry",
        &place,
    ];
    let report = cold.json(&[&cat[..], &["--range", "1000-1048", "-o", "part"]].concat());
    let bytes = binary::noise(2, 300_000);
    assert!(cold.read("part") == bytes[1000..1048]);
    assert_eq!(report["unchecked_bytes"], 48, "{report}");
    let blob = format!("/v2/demo/site/blobs/{}", Digest::of(&bytes));
    let requests = registry.requests().into_iter();
    let requests = requests.filter(|request| request.path == blob);
    let ranges: Vec<_> = requests
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, [Some("bytes=1000-1047".to_owned())]);

    registry.on("GET", &blob, 1, fault::Fault::WrongBytes);
    cold.error(&[&cat[..], &["-o", "whole"]].concat(), 5);
    let report = cold.json(&[&cat[..], &["-o", "whole"]].concat());
    assert!(cold.read("whole") == bytes);
    assert_eq!(report["unchecked_bytes"], 0, "{report}");
}

/// An application that needs a type of the files' component.
const APPLICATION: &str = r#"(component
    (import "wasi:filesystem/types@0.2.12" (instance (export "descriptor" (type (sub resource))))))"#;

#[test]
fn publishing_a_bundle_mounts_the_files_of_its_parts() {
    let workspace = Workspace::new();
    pack(&workspace);
    for registry in registries() {
        let place = &registry.host;
        let publish = [
            "publish",
            "site.wasm",
            "demo:files@1.0.0",
            "--registry",
            place,
        ];
        workspace.json(&[&publish[..], &WITH_FILES].concat());
        // A machine without the files.
        let cold = Workspace::new();
        cold.write("app.wasm", &wat::parse_str(APPLICATION).unwrap());
        let bundle = ["bundle", "app.wasm", "demo:files", "--registry", place];
        let bundle = [&bundle[..], &["--publish", "demo:bundled@1.0.0"]].concat();
        cold.json(&[&bundle[..], &["--dry-run"]].concat());
        let report = cold.json(&bundle);
        let published = &report["published"];
        assert_eq!(published["remote_blobs"], 2, "{report}");
        let sent = published["sent_bytes"].as_u64().unwrap();
        assert!(sent < 100_000, "{}: {report}", registry.name);
        assert_extracts(place, "demo:bundled");
    }
}

#[test]
fn a_list_that_cannot_be_read_does_not_hide_the_files_of_others() {
    let (workspace, registry) = (Workspace::new(), fault::Registry::start());
    pack(&workspace);
    let unknown_version = binary::custom("wharf:assets", &[7]);
    let application = wat::parse_str(APPLICATION).unwrap();
    workspace.write("app.wasm", &[application, unknown_version].concat());
    let bundle = ["bundle", "app.wasm", "site.wasm"];
    let publish = ["--publish", "demo:bundled@1.0.0", "--remote-files", "site"];
    let place = registry.address();
    let arguments = [&bundle[..], &publish, &["--registry", &place]].concat();
    let answer = workspace.run(&arguments).success();
    let warning = "warning: the remote files of a list are not sent: ";
    assert!(answer.stderr.contains(warning), "{}", answer.stderr);
    assert!(
        answer.text().contains("remote   488.3 KiB in 2 blobs"),
        "{}",
        answer.text()
    );
}
