//! What only a registry that can be told what to do does on demand.

use std::sync::Arc;

use super::*;
use crate::support::fault::{Fault, Registry, Settings};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const WELL_KNOWN: &str = "/.well-known/wasm-pkg/registry.json";

/// A registry where somebody else has `demo:calc@9.9.9`, and a file that was not published yet.
fn scene() -> (Arc<Registry>, Workspace, Arc<Vec<u8>>) {
    let registry = Arc::new(Registry::start());
    publish(&Workspace::new(), &registry.address(), "demo:calc", "9.9.9");
    let theirs = registry.manifest("demo/calc", "9.9.9").unwrap();
    let workspace = Workspace::new();
    workspace.write("mine.wasm", &version_of("calc", "mine"));
    (registry, workspace, theirs)
}

/// Lets somebody else publish 1.0.0 while a request of this path is under way.
fn overtake(registry: &Arc<Registry>, path: &str, theirs: &Arc<Vec<u8>>) {
    let (other, theirs) = (Arc::clone(registry), Arc::clone(theirs));
    let overtake = move || {
        other.put_manifest("demo/calc", "1.0.0", MANIFEST, &theirs);
    };
    registry.on("PUT", path, 1, Fault::Then(Arc::new(overtake)));
}

/// Publishes the file as 1.0.0, which must be refused with these words.
#[track_caller]
fn assert_refused(registry: &Registry, workspace: &Workspace, says: &str) {
    let place = registry.address();
    let arguments = [
        "publish",
        "mine.wasm",
        "demo:calc@1.0.0",
        "--registry",
        &place,
    ];
    let error = workspace.error(&arguments, 7);
    assert!(error["message"].as_str().unwrap().contains(says), "{error}");
}

#[test]
fn publish_does_not_overwrite_a_concurrent_version() {
    let (registry, workspace, theirs) = scene();
    overtake(&registry, "/manifests/sha256:", &theirs);
    assert_refused(&registry, &workspace, "exists");
    assert_eq!(registry.manifest("demo/calc", "1.0.0"), Some(theirs));
}

#[test]
fn publish_reports_an_overwritten_tag() {
    let (registry, workspace, theirs) = scene();
    overtake(&registry, "/manifests/1.0.0", &theirs);
    assert_refused(&registry, &workspace, "another client");
}

#[test]
fn a_registry_without_a_catalog_gives_a_hint() {
    for status in [404, 401, 403, 405] {
        let (registry, workspace, _) = scene();
        registry.on("GET", "/_catalog", 9, Fault::Status(status, vec![]));
        let place = registry.address();
        let error = workspace.error(&["list", "--registry", &place], 1);
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("does not list its repositories"),
            "{error}"
        );
        assert!(
            error["hint"].as_str().unwrap().contains("wharf versions"),
            "{error}"
        );
        workspace.json(&["versions", "demo:calc", "--registry", &place]);
    }
}

#[test]
fn the_metadata_of_a_registry_locates_its_packages() {
    let registry = Registry::start();
    let place = registry.address();
    let json = r#"{"preferredProtocol":"oci","oci":{"namespacePrefix":"deep/"}}"#;
    let headers = vec![("Content-Type", "application/json".to_owned())];
    let answer = Fault::Answer(200, headers, json.as_bytes().to_vec());
    registry.on("GET", WELL_KNOWN, 1, answer.clone());
    let workspace = Workspace::new();
    let (bytes, _) = publish(&workspace, &place, "demo:calc", "1.0.0");
    assert!(registry.manifest("deep/demo/calc", "1.0.0").is_some());
    registry.on("GET", WELL_KNOWN, 1, answer);
    assert_gets(&workspace, &place, "demo:calc", &bytes);
    // Whoever names a prefix knows.
    registry.forget_requests();
    assert_gets(&workspace, &format!("{place}/deep"), "demo:calc", &bytes);
    assert!(
        !registry
            .lines()
            .iter()
            .any(|line| line.contains(WELL_KNOWN))
    );

    // Offline, what it said is remembered.
    let offline = [
        "get",
        "demo:calc",
        "-o",
        "got.wasm",
        "--registry",
        &place,
        "--offline",
    ];
    workspace.run(&offline).success();
    assert!(workspace.read("got.wasm") == bytes);

    for (json, code) in [("[", 5), (r#"{"preferredProtocol":"warg"}"#, 5)] {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        registry.on(
            "GET",
            WELL_KNOWN,
            1,
            Fault::Answer(200, headers, json.into()),
        );
        workspace.error(&["get", "demo:calc", "--registry", &place], code);
    }
}

#[test]
fn credentials_are_not_sent_to_the_host_that_metadata_names() {
    let (registry, other) = (Registry::start(), Registry::start());
    let json = format!(r#"{{"oci":{{"registry":"{}"}}}}"#, other.address());
    let headers = vec![("Content-Type", "application/json".to_owned())];
    let answer = Fault::Answer(200, headers, json.into());
    registry.on("GET", WELL_KNOWN, 2, answer);
    let (workspace, place) = (Workspace::new(), registry.address());
    let mut command = workspace.wharf(&["get", "demo:calc", "--registry", &place, "--json"]);
    let answer = Answer::of(command.env("WHARF_TOKEN", "secret"));
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(other.requests().is_empty());
    workspace.error(&["get", "demo:calc", "--registry", &place], 3);
    assert!(!other.requests().is_empty(), "it was not sent elsewhere");
}

#[test]
fn versions_are_found_on_every_page() {
    let registry = Registry::start_with(Settings {
        page: 2,
        ..Settings::default()
    });
    let workspace = Workspace::new();
    let place = registry.address();
    let versions: Vec<String> = (0..7).map(|minor| format!("1.{minor}.0")).collect();
    for version in &versions {
        publish(&workspace, &place, "demo:calc", version);
    }
    let newest_first: Vec<String> = versions.iter().rev().cloned().collect();
    assert_eq!(shown(&workspace, &place, "demo:calc"), newest_first);
    let bytes = version_of("calc", "1.6.0");
    assert_gets(&workspace, &place, "demo:calc@^1", &bytes);
}

#[test]
fn an_invalid_mark_is_an_error() {
    let (registry, workspace, theirs) = scene();
    let place = registry.address();
    let tag = format!("sha256-{}.yank", Digest::of(&theirs).hex());
    let foreign = br#"{"schemaVersion":2,"artifactType":"x/y","config":{},"layers":[]}"#;
    registry.put_manifest("demo/calc", &tag, MANIFEST, foreign);
    workspace.error(&["get", "demo:calc", "--registry", &place], 5);
    workspace.error(&["versions", "demo:calc", "--registry", &place], 5);
}

#[test]
fn credentials_for_one_registry_are_not_shown_to_another() {
    let (registry, workspace, _) = scene();
    let other = Registry::start();
    let (from, to) = (registry.address(), other.address());
    registry.forget_requests();
    let mut command = workspace.wharf(&["copy", "demo:calc", &to, "--registry", &from, "--json"]);
    let answer = Answer::of(command.env("WHARF_TOKEN", "secret"));
    assert_eq!(answer.code, Some(2), "{answer:?}");
    let asked = registry.requests().into_iter().chain(other.requests());
    for request in asked {
        assert_eq!(request.header("authorization"), None, "{request:?}");
    }
}

#[test]
fn copy_and_mirror_do_not_overwrite_a_concurrent_version() {
    for at in ["/blobs/uploads/", "/manifests/1.0.0"] {
        for command in ["one", "all", "mirror"] {
            let (registry, workspace, theirs) = scene();
            publish(&workspace, "oci:from", "demo:calc", "1.0.0");
            let to = registry.address();
            let (other, foreign) = (Arc::clone(&registry), Arc::clone(&theirs));
            let overtake = move || {
                other.put_manifest("demo/calc", "1.0.0", MANIFEST, &foreign);
            };
            registry.on("PUT", at, 1, Fault::Then(Arc::new(overtake)));
            let file = format!(
                "[[mirror]]\nfrom = \"oci:from\"\nto = \"{to}\"\npackages = [\"demo:calc\"]\n"
            );
            workspace.write("mirror.toml", file.as_bytes());
            let copy = ["copy", "demo:calc", &to, "--registry", "oci:from"];
            let all = [&copy[..], &["--all-tags"]].concat();
            let arguments = match command {
                "one" => &copy[..],
                "all" => &all,
                _ => &["mirror", "mirror.toml"],
            };
            workspace.error(arguments, 7);
            let there = registry.manifest("demo/calc", "1.0.0");
            assert_eq!(there, Some(theirs), "{command} {at}");
        }
    }
}

#[test]
fn a_copy_that_may_replace_a_version_does() {
    let (registry, workspace, theirs) = scene();
    publish(&workspace, "oci:from", "demo:calc", "1.0.0");
    let to = registry.address();
    overtake(&registry, "/blobs/uploads/", &theirs);
    let copy = [
        "copy",
        "demo:calc",
        &to,
        "--registry",
        "oci:from",
        "--force",
    ];
    workspace.json(&copy);
    assert_ne!(registry.manifest("demo/calc", "1.0.0"), Some(theirs));
}

#[test]
fn repositories_that_are_refused_are_passed_over() {
    for status in [401, 403] {
        let (registry, workspace, _) = scene();
        let place = registry.address();
        publish(&workspace, &place, "demo:secret", "1.0.0");
        registry.on("GET", "/demo/secret/", 9, Fault::Status(status, vec![]));
        let arguments = ["list", "--registry", &place, "--json"];
        let answer = workspace.run(&arguments).success();
        let report = answer.json();
        assert_eq!(report["packages"].as_array().unwrap().len(), 1, "{report}");
        assert_eq!(report["packages"][0]["name"], "demo:calc");
        let warned = answer.stderr.contains("warning: skipping demo:secret: ");
        assert!(warned, "{}", answer.stderr);
    }
}

#[test]
fn a_version_without_a_manifest_is_listed_without_a_digest() {
    let (registry, workspace, _) = scene();
    let place = registry.address();
    publish(&workspace, &place, "demo:calc", "1.0.0");
    registry.on("GET", "/manifests/9.9.9", 99, Fault::Status(404, vec![]));
    let shown = workspace.json(&["versions", "demo:calc", "--registry", &place]);
    let digests = [0, 1].map(|at| shown["packages"][at]["digest"].is_string());
    assert_eq!(digests, [false, true], "{shown}");
    let listed = workspace.json(&["list", "--registry", &place]);
    let listed: Vec<&Value> = listed["packages"].as_array().unwrap().iter().collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
}

#[test]
fn an_empty_mirror_run_is_reported() {
    let (registry, workspace, _) = scene();
    let from = registry.address();
    publish(&workspace, &from, "demo:calc", "1.0.0");
    let file = format!(
        "[[mirror]]\nfrom = \"{from}\"\nto = \"oci:to\"\npackages = [\"demo:calc@1.0.0\"]\n"
    );
    workspace.write("mirror.toml", file.as_bytes());
    // The list of tags does not have it yet.
    let older = Fault::Body(br#"{"tags":["9.9.9"]}"#.to_vec());
    registry.on("GET", "/tags/list", 1, older);
    workspace.error(&["mirror", "mirror.toml"], 3);
    assert!(!workspace.path("to").exists());
}
