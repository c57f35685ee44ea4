//! Errors about answers that do not come from a registry, and about artifacts that are not components.

use serde_json::json;

use super::*;
use crate::support::fault::{Fault, Registry};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const ALWAYS: usize = usize::MAX;

fn html() -> Fault {
    let headers = vec![("content-type", "text/html".to_owned())];
    Fault::Answer(
        200,
        headers,
        b"<!doctype html><title>Sign in</title>".to_vec(),
    )
}

/// A registry with `demo:calc@1.0.0` and `demo:tool@1.0.0`, and an SBOM of the first under the tag for lists of referrers.
fn scene() -> (Registry, Workspace, Digest) {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    for package in ["demo:calc", "demo:tool"] {
        publish(&workspace, &registry.address(), package, "1.0.0");
    }
    let subject = registry.manifest("demo/calc", "1.0.0").unwrap();
    let (subject, size) = (Digest::of(&subject), subject.len());
    registry.put_blob("demo/calc", b"{}");
    let empty = json!({
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": Digest::of(b"{}").to_string(), "size": 2,
    });
    let sbom = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/spdx+json",
        "config": empty, "layers": [empty],
        "subject": { "mediaType": MANIFEST, "digest": subject.to_string(), "size": size },
    });
    let sbom = sbom.to_string().into_bytes();
    let digest = registry.put_manifest("demo/calc", "sbom", MANIFEST, &sbom);
    let listed = json!({
        "mediaType": MANIFEST, "digest": digest.to_string(), "size": sbom.len(),
        "artifactType": "application/spdx+json",
    });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [listed] });
    let tag = format!("sha256-{}", subject.hex());
    let index = index.to_string().into_bytes();
    registry.put_manifest("demo/calc", &tag, INDEX, &index);
    (registry, workspace, digest)
}

fn warnings(stderr: &str) -> Vec<&str> {
    let lines = stderr.lines();
    lines.filter(|line| line.starts_with("warning: ")).collect()
}

/// Returns the arguments that publish the fixture as `demo:calc@1.0.0`.
fn publish_calc(place: &str) -> [&str; 5] {
    [
        "publish",
        "calc.wasm",
        "demo:calc@1.0.0",
        "--registry",
        place,
    ]
}

#[test]
fn copying_referrers_warns_once_if_the_registry_does_not_say_that_it_lists_none() {
    for (status, warned) in [(404, 0), (405, 1), (501, 1)] {
        let (registry, workspace, sbom) = scene();
        registry.on("GET", "/referrers/", ALWAYS, Fault::Status(status, vec![]));
        let source = format!("{}/demo/calc:1.0.0", registry.address());
        let copied = workspace.run(&["copy", "--referrers", &source, "oci:copy:1"]);
        let copied = copied.success();
        let found = warnings(&copied.stderr);
        assert_eq!(found.len(), warned, "{}", copied.stderr);
        assert!(found.iter().all(|line| line.contains(&registry.address())));
        let blob = workspace.path("copy/blobs/sha256").join(sbom.hex());
        assert!(blob.is_file(), "{status}: the SBOM was not copied");
        // Nobody asks for referrers here.
        let pulled = workspace.run(&["pull", &source, "-o", "pulled.wasm"]);
        assert_eq!(warnings(&pulled.success().stderr), [""; 0]);
    }
}

#[test]
fn mirroring_referrers_warns_once_a_registry() {
    let (registry, workspace, sbom) = scene();
    registry.on("GET", "/referrers/", ALWAYS, Fault::Status(405, vec![]));
    let mirror = format!(
        "[[mirror]]\nfrom = \"{}\"\nto = \"oci:mirror\"\npackages = [\"demo:calc\", \"demo:tool\"]\nreferrers = true\n",
        registry.address()
    );
    workspace.write("mirror.toml", mirror.as_bytes());
    let mirrored = workspace.run(&["mirror", "mirror.toml"]).success();
    assert_eq!(warnings(&mirrored.stderr).len(), 1, "{}", mirrored.stderr);
    let blob = workspace.path("mirror/blobs/sha256").join(sbom.hex());
    assert!(blob.is_file(), "the SBOM was not copied");
}

#[test]
fn copying_fails_if_the_registry_says_nothing_of_referrers() {
    for fault in [html(), Fault::Status(400, vec![])] {
        let (registry, workspace, _) = scene();
        registry.on("GET", "/referrers/", ALWAYS, fault);
        let source = format!("{}/demo/calc:1.0.0", registry.address());
        let copied = workspace.run(&["copy", "--referrers", &source, "oci:copy:1"]);
        assert_ne!(copied.code, Some(0), "{}", copied.stderr);
        assert!(copied.stderr.contains("referrers"), "{}", copied.stderr);
    }
}

#[test]
fn commands_do_not_take_a_web_page_for_a_manifest() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    registry.on("GET", "/manifests/", ALWAYS, html());
    workspace.fixture("calc");
    let place = registry.address();
    let spec = "demo:calc@1.0.0";
    let reference = format!("{place}/demo/calc:1.0.0");
    for arguments in [
        &["publish", "calc.wasm", spec, "--registry", &place][..],
        &["get", spec, "--registry", &place, "--no-lock"],
        &["pull", &reference],
        &["copy", &reference, "oci:copy:1"],
        &["inspect", &reference],
    ] {
        let error = workspace.error(arguments, 5);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("text/html"), "{message}");
        assert!(message.contains(&place), "{message}");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("a web server"), "{hint}");
    }
}

#[test]
fn push_to_a_web_server_fails() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    for method in ["HEAD", "GET", "POST", "PUT"] {
        registry.on(method, "/", ALWAYS, html());
    }
    workspace.fixture("calc");
    workspace.json(&["push", "calc.wasm", "oci:store:calc"]);
    let reference = format!("{}/demo/calc:1.0.0", registry.address());
    let error = workspace.error(&["push", "calc.wasm", &reference], 5);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("text/html"), "{message}");
    let error = workspace.error(&["copy", "oci:store:calc", &reference], 5);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("text/html"), "{message}");
}

/// A manifest with a config and a layer of these types.
fn other(config: &str, layer: &str) -> Vec<u8> {
    let blob = |media_type: &str| json!({ "mediaType": media_type, "digest": Digest::of(b"{}").to_string(), "size": 2 });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": blob(config), "layers": [blob(layer)],
    });
    manifest.to_string().into_bytes()
}

const IMAGE: &str = "application/vnd.oci.image.config.v1+json";

#[test]
fn a_version_that_is_not_a_component_is_named() {
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
    let chart = "application/vnd.cncf.helm.config.v1+json";
    for (media_type, manifest, what, hint) in [
        (
            MANIFEST,
            other(IMAGE, "application/vnd.oci.image.layer.v1.tar+gzip"),
            "a container image",
            "podman pull",
        ),
        (
            MANIFEST,
            other(IMAGE, "application/vnd.dsse.envelope.v1+json"),
            "an attestation",
            "the component that it is about",
        ),
        (MANIFEST, other(chart, "a/b"), "a Helm chart", "helm pull"),
        (
            INDEX,
            index.to_string().into_bytes(),
            "an image index",
            "use the digest of one of the manifests",
        ),
    ] {
        let (registry, workspace) = (Registry::start(), Workspace::new());
        registry.put_blob("demo/calc", b"{}");
        registry.put_manifest("demo/calc", "1.0.0", media_type, &manifest);
        workspace.fixture("calc");
        let (place, spec) = (registry.address(), "demo:calc@1.0.0");
        let reference = format!("{place}/demo/calc:1.0.0");
        for arguments in [
            &["get", spec, "--registry", &place, "--no-lock"][..],
            &["inspect", spec, "--registry", &place],
            &["pull", &reference],
        ] {
            let error = workspace.error(arguments, 5);
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(what), "{message}");
            assert!(error["hint"].as_str().unwrap().contains(hint), "{error}");
        }
        let publish = ["publish", "calc.wasm", spec, "--registry", &place];
        let error = workspace.error(&publish, 7);
        assert!(error["message"].as_str().unwrap().contains(what), "{error}");
        workspace.json(&["copy", &reference, "oci:copy:1"]);
    }
}

#[test]
fn publishing_over_another_artifact_names_its_kind() {
    let config = "application/vnd.cncf.helm.config.v1+json";
    let chart = other(
        config,
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    );
    let (registry, workspace) = (Registry::start(), Workspace::new());
    registry.put_manifest("demo/calc", "1.0.0", MANIFEST, &chart);
    workspace.fixture("calc");
    let place = registry.address();
    let publish = publish_calc(&place);
    let error = workspace.error(&publish, 7);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("is a Helm chart"), "{message}");
    assert!(error["hint"].as_str().unwrap().contains("--force"));
    let forced: Vec<&str> = publish.into_iter().chain(["--force"]).collect();
    workspace.json(&forced);
}

#[test]
fn errors_on_referrers_name_their_component() {
    let (registry, workspace, sbom) = scene();
    let subject = Digest::of(&registry.manifest("demo/calc", "1.0.0").unwrap());
    let place = format!("{}/demo/calc", registry.address());
    for (name, what) in [
        (":sbom".to_owned(), "an SBOM"),
        (format!("@{sbom}"), "an SBOM"),
        (
            format!(":sha256-{}", subject.hex()),
            "the list of referrers",
        ),
    ] {
        for command in ["pull", "inspect"] {
            let error = workspace.error(&[command, &format!("{place}{name}")], 5);
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(what), "{message}");
            let hint = error["hint"].as_str().unwrap();
            assert!(hint.contains(&format!("@{subject}")), "{hint}");
        }
    }
}

#[test]
fn hints_fit_the_answer() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let reference = format!("{}/demo/calc:1.0.0", registry.address());
    registry.on("GET", "/manifests/", 1, Fault::Status(505, vec![]));
    let error = workspace.error(&["pull", &reference], 6);
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("try again later"), "{hint}");
    workspace.fixture("calc");
    for method in ["POST", "PUT", "PATCH"] {
        registry.on(method, "/uploads/", ALWAYS, Fault::Status(413, vec![]));
    }
    let error = workspace.error(&["push", "calc.wasm", &reference], 1);
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("client_max_body_size"), "{hint}");
    let error = workspace.error(&["pull", "127.0.0.1:1/demo/calc:1.0.0"], 6);
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("nothing listens"), "{hint}");
}

#[test]
fn publish_does_not_take_other_bytes_for_a_component() {
    let workspace = Workspace::new();
    workspace.fixture("calc");
    for body in [
        &br#"{"message":"please log in"}"#[..],
        b"",
        br#"{"schemaVersion":1,"name":"a/b","tag":"1","fsLayers":[],"history":[]}"#,
        br#"{"hello":1}"#,
        b"[]",
        b"please log in",
    ] {
        let registry = Registry::start();
        let headers = vec![("content-type", "application/json".to_owned())];
        let answer = Fault::Answer(200, headers, body.to_vec());
        registry.on("GET", "/manifests/1.0.0", ALWAYS, answer);
        let place = registry.address();
        let publish = publish_calc(&place);
        let error = workspace.error(&publish, 5);
        assert!(!error.to_string().contains("--force"), "{error}");
    }
}

#[test]
fn referrers_that_cannot_be_copied_are_reported_once() {
    let listed = |digest: &str| {
        let listed =
            json!({ "mediaType": MANIFEST, "digest": digest, "size": 9, "artifactType": "a/b" });
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [listed, listed] })
    };
    for (digest, words) in [
        (format!("sha256:{}", "1".repeat(64)), "does not have"),
        (format!("sha512:{}", "1".repeat(128)), "cannot be checked"),
    ] {
        for api in [true, false] {
            let (registry, workspace, sbom) = scene();
            let index = listed(&digest).to_string().into_bytes();
            match api {
                true => {
                    let headers = vec![("content-type", INDEX.to_owned())];
                    let answer = Fault::Answer(200, headers, index);
                    registry.on("GET", "/referrers/", ALWAYS, answer);
                }
                false => {
                    let subject = registry.manifest("demo/calc", "1.0.0").unwrap();
                    let tag = format!("sha256-{}", Digest::of(&subject).hex());
                    registry.put_manifest("demo/calc", &tag, INDEX, &index);
                    registry.on("GET", "/referrers/", ALWAYS, Fault::Status(404, vec![]));
                }
            }
            let source = format!("{}/demo/calc:1.0.0", registry.address());
            let copied = workspace.run(&["copy", "--referrers", &source, "oci:copy:1"]);
            let copied = copied.success();
            let found = warnings(&copied.stderr);
            assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
            let blob = workspace.path("copy/blobs/sha256").join(sbom.hex());
            assert_eq!(blob.is_file(), api, "the tag lists it, too");
            // Nobody asks for referrers here.
            let copied = workspace.run(&["copy", &source, "oci:plain:1"]);
            assert_eq!(warnings(&copied.success().stderr), [""; 0]);
        }
    }
}

#[test]
fn a_referrer_without_its_blob_is_not_copied() {
    let (registry, workspace, sbom) = scene();
    let source = format!("{}/demo/calc:1.0.0", registry.address());
    workspace.json(&["copy", "--referrers", &source, "oci:copy:1"]);
    let blobs = workspace.path("copy/blobs/sha256");
    let manifest = std::fs::read(blobs.join(sbom.hex())).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    std::fs::remove_file(blobs.join(layer.strip_prefix("sha256:").unwrap())).unwrap();
    let copied = workspace.run(&["copy", "--referrers", "oci:copy:1", "oci:again:1"]);
    let copied = copied.success();
    let found = warnings(&copied.stderr);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("referrers that it does not have"),
        "{found:?}"
    );
    assert!(
        !workspace
            .path("again/blobs/sha256")
            .join(sbom.hex())
            .exists()
    );
}

#[test]
fn a_lost_referrer_of_a_layout_is_reported() {
    let (registry, workspace, sbom) = scene();
    let source = format!("{}/demo/calc:1.0.0", registry.address());
    workspace.json(&["copy", "--referrers", &source, "oci:copy:1"]);
    std::fs::remove_file(workspace.path("copy/blobs/sha256").join(sbom.hex())).unwrap();
    for (flags, warned) in [(&["--referrers"][..], 1), (&[], 0)] {
        let copy = [&["copy", "oci:copy:1", "oci:again:1"], flags].concat();
        let copied = workspace.run(&copy).success();
        let found = warnings(&copied.stderr);
        assert_eq!(found.len(), warned, "{found:?}");
        assert!(
            found.iter().all(|line| line.contains("are missing")),
            "{found:?}"
        );
    }
}
