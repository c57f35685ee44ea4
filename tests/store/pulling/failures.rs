//! Every failure has its exit code and its words, leaves no file behind, and leaves an existing one alone.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::support::fault::{Auth, Fault, Settings};
use crate::support::workspace::{Answer, files, names};

const OURS: &str = "application/vnd.oci.image.manifest.v1+json";
const ALWAYS: usize = usize::MAX;

/// What a failed pull must be.
struct Expected {
    code: i32,
    kind: &'static str,
    /// What the message must name.
    says: String,
    /// What the hint must name; nothing for no hint.
    hint: &'static str,
}

fn expect(code: i32, kind: &'static str, says: impl Into<String>, hint: &'static str) -> Expected {
    let says = says.into();
    Expected {
        code,
        kind,
        says,
        hint,
    }
}

/// Pulls three ways, each of which must fail as expected and leave everything as it was.
#[track_caller]
fn assert_fails(workspace: &Workspace, reference: &str, expected: &Expected) {
    let run = |arguments: &[&str]| Answer::of(&mut workspace.wharf(arguments));
    // Into nothing.
    let json = run(&["pull", reference, "--json"]);
    assert_error(&json, expected);
    assert_eq!(names(&workspace.work()), [].into(), "left behind");
    // Over an existing file, for people.
    workspace.write("kept.wasm", b"as it was");
    let inode = || fs::metadata(workspace.path("kept.wasm")).unwrap().ino();
    let before = inode();
    let text = run(&["pull", reference, "-o", "kept.wasm"]);
    assert_eq!(text.code, Some(expected.code), "{}", text.stderr);
    assert_eq!(text.text(), "");
    assert!(text.stderr.starts_with("error: "), "{}", text.stderr);
    assert!(text.stderr.contains(&expected.says), "{}", text.stderr);
    assert_eq!(text.stderr.contains("\nhint: "), !expected.hint.is_empty());
    let left: Vec<Vec<u8>> = files(&workspace.work()).into_values().collect();
    assert_eq!((left, inode()), (vec![b"as it was".to_vec()], before));
    fs::remove_file(workspace.path("kept.wasm")).unwrap();
    // Without a cache.
    let uncached = run(&["pull", reference, "--no-cache", "--json"]);
    assert_error(&uncached, expected);
    assert_eq!(names(&workspace.work()), [].into(), "left behind");
    assert_eq!(names(&workspace.temporary()), [].into(), "left behind");
    workspace.cache().assert_sound();
}

/// One JSON object on stdout and nothing else.
#[track_caller]
fn assert_error(answer: &Answer, expected: &Expected) {
    assert_eq!(answer.code, Some(expected.code), "{}", answer.text());
    assert_eq!(answer.stderr, "");
    let value = answer.json();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&value), ["error"]);
    let error = &value["error"];
    assert_eq!(keys(error), ["hint", "kind", "message"]);
    assert_eq!(error["kind"], expected.kind);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&expected.says), "{message}");
    match expected.hint {
        "" => assert_eq!(error["hint"], Value::Null),
        words => assert!(error["hint"].as_str().unwrap().contains(words), "{error}"),
    }
}

/// One layer's blob is answered with a fault, every time.
fn with_layer(index: usize, fault: Fault, expected: impl Fn(&Layer) -> Expected) {
    let scene = Scene::new();
    let layer = &scene.layers[index];
    let path = format!("/blobs/{}", layer.digest);
    scene.registry.on("GET", &path, ALWAYS, fault);
    assert_fails(&scene.workspace, &scene.reference, &expected(layer));
}

#[test]
fn wrong_bytes_are_an_integrity_error_without_a_retry() {
    let scene = Scene::new();
    let wrong = scene.layers[5].digest;
    let path = format!("/blobs/{wrong}");
    scene.registry.on("GET", &path, ALWAYS, Fault::WrongBytes);
    let expected = expect(5, "integrity", wrong.to_string(), "");
    assert_fails(&scene.workspace, &scene.reference, &expected);
    let times = asked(&scene.registry)
        .iter()
        .filter(|digest| **digest == wrong)
        .count();
    assert_eq!(times, 3, "once a pull");
}

#[test]
fn a_body_of_another_size_is_damage() {
    let damage = |layer: &Layer| expect(5, "integrity", layer.digest.to_string(), "");
    with_layer(4, Fault::Body(vec![7; 100]), damage);
    with_layer(4, Fault::Body(vec![7; 1024 * 1024]), damage);
    with_layer(4, Fault::Body(Vec::new()), damage);
    with_layer(4, Fault::Endless, damage);
}

#[test]
fn a_missing_blob_is_not_found() {
    let missing = |layer: &Layer| expect(3, "not_found", layer.digest.to_string(), "");
    let scene = Scene::new();
    let layer = &scene.layers[2];
    let fault = Fault::Status(404, Vec::new());
    scene
        .registry
        .on("GET", &format!("/blobs/{}", layer.digest), ALWAYS, fault);
    let mut expected = missing(layer);
    expected.hint = "check the repository";
    assert_fails(&scene.workspace, &scene.reference, &expected);
}

#[test]
fn an_unknown_tag_repository_or_digest_is_not_found() {
    let scene = Scene::new();
    let host = scene.registry.address();
    let nobody = Digest::of(b"nobody");
    for (reference, says) in [
        (
            format!("{host}/demo/layers:2.0"),
            "manifest `2.0`".to_owned(),
        ),
        (
            format!("{host}/demo/nothing:1.0"),
            "demo/nothing".to_owned(),
        ),
        (format!("{host}/demo/layers@{nobody}"), nobody.to_string()),
    ] {
        let expected = expect(3, "not_found", says, "check the repository and the tag");
        assert_fails(&scene.workspace, &reference, &expected);
    }
}

#[test]
fn a_missing_layout_or_tag_in_one_is_not_found() {
    let workspace = Workspace::new();
    let expected = expect(
        3,
        "not_found",
        "oci:nowhere",
        "wharf push FILE oci:nowhere:TAG",
    );
    assert_fails(&workspace, "oci:nowhere:1.0", &expected);
}

#[test]
fn a_refusal_hints_at_login() {
    let scene = Scene::new();
    let refused = |says| expect(4, "refused", says, "--username and --password-stdin");
    let forbidden = Fault::Status(403, Vec::new());
    let path = format!("/blobs/{}", scene.layers[1].digest);
    scene.registry.on("GET", &path, ALWAYS, forbidden.clone());
    assert_fails(&scene.workspace, &scene.reference, &refused("refused"));
    scene.registry.on("GET", "/manifests/", ALWAYS, forbidden);
    assert_fails(&Workspace::new(), &scene.reference, &refused("refused"));

    let auth = Auth::Basic {
        username: "user",
        password: "secret",
    };
    let guarded = Registry::start_with(Settings {
        auth,
        ..Settings::default()
    });
    let reference = format!("{}/demo/layers:1.0", guarded.address());
    assert_fails(&Workspace::new(), &reference, &refused("refused"));
}

/// Stores a manifest of somebody else's and expects what a pull says of it.
fn with_manifest(media_type: &str, manifest: &[u8], expected: &Expected) {
    let registry = Registry::start();
    registry.put_manifest("demo/other", "1.0", media_type, manifest);
    let reference = format!("{}/demo/other:1.0", registry.address());
    assert_fails(&Workspace::new(), &reference, expected);
    assert_eq!(asked(&registry), [], "a blob was asked for");
}

fn descriptor(media_type: &str) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(b"{}").to_string(), "size": 2 })
}

fn artifact(config: &str, layer: &str) -> Vec<u8> {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OURS,
        "config": descriptor(config),
        "layers": [descriptor(layer)],
    });
    manifest.to_string().into_bytes()
}

#[test]
fn foreign_manifests_are_named() {
    let foreign = |says: &str, hint| expect(5, "integrity", says, hint);
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let config = "application/vnd.docker.container.image.v1+json";
    let layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let image = json!({
        "schemaVersion": 2,
        "mediaType": docker,
        "config": descriptor(config),
        "layers": [descriptor(layer)],
    });
    with_manifest(
        docker,
        image.to_string().as_bytes(),
        &foreign(config, "docker pull"),
    );
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index =
        json!({ "schemaVersion": 2, "mediaType": index_type, "manifests": [descriptor(OURS)] });
    with_manifest(
        index_type,
        index.to_string().as_bytes(),
        &foreign("an image index", "use the digest of one of the manifests"),
    );
    let helm = "application/vnd.cncf.helm.config.v1+json";
    let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    with_manifest(OURS, &artifact(helm, chart), &foreign(helm, "helm pull"));
}

#[test]
fn a_flat_artifact_of_two_layers_is_refused() {
    let mut flat: Value = serde_json::from_slice(&artifact(
        "application/vnd.wasm.config.v0+json",
        "application/wasm",
    ))
    .unwrap();
    flat["layers"] = json!([flat["layers"][0], descriptor("text/plain")]);
    let expected = expect(5, "integrity", "there are 2, 1 of them WebAssembly", "");
    with_manifest(OURS, flat.to_string().as_bytes(), &expected);
}

#[test]
fn answers_that_are_not_manifests_are_malformed() {
    let page = expect(5, "integrity", "manifest", "a web server");
    with_manifest(OURS, b"<html>", &page);
    for rubbish in [&b""[..], b"{}", b"[1]", b"{\"schemaVersion\":2"] {
        with_manifest(OURS, rubbish, &expect(5, "integrity", "manifest", ""));
    }
    let large = vec![b' '; 5 * 1024 * 1024];
    with_manifest(OURS, &large, &expect(5, "integrity", "longer than", ""));
}

#[test]
fn a_registry_that_goes_on_failing_is_unreachable() {
    let scene = Scene::new();
    let down = Fault::Status(503, vec![("retry-after", "0".to_owned())]);
    scene.registry.on("GET", "/manifests/", ALWAYS, down);
    let expected = expect(6, "unreachable", "503", "");
    let expected = Expected {
        hint: "try again later",
        ..expected
    };
    assert_fails(&scene.workspace, &scene.reference, &expected);
}

#[test]
fn a_registry_that_is_down_is_unreachable() {
    // A port that was free a moment ago, and that nobody is given while the socket is only bound.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let workspace = Workspace::new();
    let pulled = workspace.run(&["pull", &format!("{address}/demo/layers:1.0"), "--json"]);
    assert_error(
        &pulled,
        &expect(6, "unreachable", "Connection refused", "nothing listens"),
    );
    assert_eq!(names(&workspace.work()), [].into());
}

#[test]
fn a_wrong_layer_at_the_end_leaves_a_prefix_on_a_stream() {
    let scene = Scene::new();
    let last = scene.layers.last().unwrap().digest;
    let path = format!("/blobs/{last}");
    scene.registry.on("GET", &path, ALWAYS, Fault::WrongBytes);
    let pulled = scene.workspace.run(&["pull", &scene.reference, "-o", "-"]);
    assert_eq!(pulled.code, Some(5), "{}", pulled.stderr);
    assert!(pulled.stdout.len() < scene.bytes.len());
    assert!(scene.bytes.starts_with(&pulled.stdout));
    assert_eq!(names(&scene.workspace.work()), [].into());
}

#[test]
fn a_full_disk_is_named_in_the_error() {
    let scene = Scene::new();
    let pulled = scene
        .workspace
        .run(&["pull", &scene.reference, "-o", "/dev/full"]);
    assert_eq!(pulled.code, Some(1), "{}", pulled.stderr);
    assert!(pulled.stderr.contains("No space left"), "{}", pulled.stderr);
    scene.workspace.cache().assert_sound();
}

#[test]
fn a_push_that_fails_without_a_cache_leaves_nothing() {
    for (method, path) in [("PUT", "/blobs/uploads/"), ("PUT", "/manifests/")] {
        let (workspace, registry) = (Workspace::new(), Registry::start());
        workspace.fixture("layers");
        registry.on(method, path, ALWAYS, Fault::Status(403, Vec::new()));
        let reference = format!("{}/demo/layers:1.0", registry.address());
        let push = ["push", "--no-cache", "--json", "layers.wasm", &reference];
        let expected = expect(4, "refused", "refused", "--username and --password-stdin");
        assert_error(&workspace.run(&push), &expected);
        assert_eq!(names(&workspace.temporary()), [].into(), "left behind");
    }
}

#[test]
fn json_and_component_cannot_share_stdout() {
    let scene = Scene::new();
    let pulled = scene
        .workspace
        .run(&["pull", &scene.reference, "-o", "-", "--json"]);
    assert_error(&pulled, &expect(2, "usage", "standard output", ""));
    assert_eq!(scene.registry.lines(), [""; 0]);
}

/// More than 30 fetches are waited for in another way than a few.
#[test]
fn the_first_failed_fetch_of_many_is_reported_at_once() {
    const PATIENCE: Duration = Duration::from_secs(60);
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    for name in (b'0'..).take(40) {
        // A custom section of 5002 bytes: the length of the name, the name, and what is in it.
        bytes.extend([0, 0x8a, 0x27, 1, name]);
        bytes.extend([name; 5000]);
    }
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("many.wasm", &bytes);
    let reference = format!("{}/demo/many:1.0", registry.address());
    workspace.json(&["push", "many.wasm", &reference]);
    let layers = layers(&registry.manifest("demo/many", "1.0").unwrap());
    assert_eq!(layers.len(), 41);
    let (slow, missing) = (layers[1].digest, layers[3].digest);
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let wait = move || {
        let _is_over = released.lock().unwrap().recv_timeout(PATIENCE);
    };
    let on = |digest: Digest, fault| {
        registry.on("GET", &format!("/blobs/{digest}"), ALWAYS, fault);
    };
    on(slow, Fault::Then(Arc::new(wait)));
    on(missing, Fault::Status(404, Vec::new()));
    let begin = Instant::now();
    let pulled = Workspace::new().run(&["pull", &reference]);
    assert_eq!(pulled.code, Some(3), "{}", pulled.stderr);
    assert!(pulled.stderr.contains(&missing.to_string()));
    assert!(begin.elapsed() < PATIENCE, "the slow fetch was waited for");
    drop(release);
}
