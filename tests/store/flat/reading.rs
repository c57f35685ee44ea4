//! Artifacts with one WebAssembly layer, as wkg, oras, wash, Spin and older tools made and make them.

use serde_json::{Value, json};
use wharf::digest::{Digest, Identity};

use super::{MANIFEST, assemble};
use crate::support::fault::{Fault, Registry};
use crate::support::workspace::{Answer, Workspace, digest, names};

const ALWAYS: usize = usize::MAX;

const LAYERS: [&str; 4] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];

const CONFIGS: [&str; 4] = [
    "application/vnd.wasm.config.v0+json",
    "application/vnd.wasm.config.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.empty.v1+json",
];

/// A registry where somebody else published `calc.wat`.
struct Scene {
    registry: Registry,
    workspace: Workspace,
    reference: String,
    bytes: Vec<u8>,
    manifest: Value,
}

impl Scene {
    fn new(config_type: &str, layer_type: &str, config: &[u8]) -> Self {
        let registry = Registry::start();
        let bytes = assemble("calc");
        let layer = registry.put_blob("demo/flat", &bytes);
        let config = registry.put_blob("demo/flat", config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(config_type, config),
            "layers": [descriptor(layer_type, layer)],
            "annotations": { "org.opencontainers.image.licenses": "MIT" },
        });
        Self {
            reference: format!("{}/demo/flat:1.0", registry.address()),
            workspace: Workspace::new(),
            registry,
            bytes,
            manifest,
        }
    }

    /// As wkg has it.
    fn plain() -> Self {
        let config =
            json!({ "os": "wasip2", "component": { "imports": ["a:b/c"], "exports": ["d:e/f"] } });
        Self::new(CONFIGS[0], LAYERS[0], config.to_string().as_bytes())
    }

    fn publish(&self) -> Digest {
        let manifest = self.manifest.to_string();
        let manifest = manifest.as_bytes();
        self.registry
            .put_manifest("demo/flat", "1.0", MANIFEST, manifest)
    }

    /// Publishes, and expects pulls to fail so and to leave nothing behind.
    #[track_caller]
    fn fails(&self, says: &[&str]) {
        self.publish();
        let pulled = self.workspace.run(&["pull", &self.reference, "--json"]);
        assert_eq!(pulled.code, Some(5), "{}", pulled.text());
        let message = pulled.json()["error"]["message"].to_string();
        for says in says {
            assert!(message.contains(says), "{says:?} is not in {message}");
        }
        assert_eq!(names(&self.workspace.work()), [].into());
        self.workspace.cache().assert_sound();
    }
}

fn descriptor(media_type: &str, blob: Identity) -> Value {
    json!({ "mediaType": media_type, "digest": blob.digest.to_string(), "size": blob.size })
}

#[test]
fn every_kind_of_layer_is_pulled_whatever_the_config() {
    for layer in LAYERS {
        for config in CONFIGS {
            let scene = Scene::new(config, layer, b"{}");
            let digest = scene.publish();
            let report = scene.workspace.pull(&scene.reference, &scene.bytes);
            assert_eq!(report["digest"], digest.to_string(), "{layer} {config}");
            assert_eq!(report["split_manifest_digest"], Value::Null);
            assert_eq!(report["content_size"], scene.bytes.len());
            assert_eq!(
                (&report["fetched_blobs"], &report["cached_blobs"]),
                (&json!(1), &json!(0))
            );
            assert_eq!(report["fetched_bytes"], scene.bytes.len());
            // By digest, and from the cache.
            let by_digest = format!("{}/demo/flat@{digest}", scene.registry.address());
            let report = scene.workspace.pull(&by_digest, &scene.bytes);
            assert_eq!(
                (&report["fetched_blobs"], &report["cached_blobs"]),
                (&json!(0), &json!(1))
            );
            scene.workspace.cache().assert_sound();
        }
    }
}

#[test]
fn another_layer_type_is_another_kind_of_artifact() {
    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    Scene::new(CONFIGS[2], tar, b"{}").fails(&[CONFIGS[2], "not a component"]);
    Scene::new(CONFIGS[0], tar, b"{}").fails(&["layers[0]", tar]);
}

#[test]
fn a_media_type_that_only_the_registry_tells_will_do() {
    let mut scene = Scene::plain();
    scene.manifest.as_object_mut().unwrap().remove("mediaType");
    scene.publish();
    scene.workspace.pull(&scene.reference, &scene.bytes);
    let typed = |media_type: &str| Fault::Headers(vec![("content-type", media_type.to_owned())]);
    // The type of any file tells nothing.
    let octets = typed("application/octet-stream");
    scene.registry.on("GET", "/manifests/1.0", 1, octets);
    scene.workspace.pull(&scene.reference, &scene.bytes);
    let other = "application/vnd.example.manifest";
    scene.registry.on("GET", "/manifests/1.0", 1, typed(other));
    let pulled = scene
        .workspace
        .run(&["pull", &scene.reference, "-o", "out.wasm"]);
    assert_eq!(pulled.code, Some(5), "{}", pulled.stderr);
    assert!(pulled.stderr.contains(other), "{}", pulled.stderr);
}

#[test]
fn artifacts_with_more_than_one_layer_are_refused() {
    let mut scene = Scene::plain();
    let wasm = scene.manifest["layers"][0].clone();
    let mut data = wasm.clone();
    data["mediaType"] = json!("application/vnd.wasm.content.layer.v1+data");
    for (layers, says) in [
        (
            vec![wasm.clone(), wasm.clone()],
            "there are 2, 2 of them WebAssembly",
        ),
        (
            vec![wasm.clone(), data.clone(), data.clone()],
            "there are 3, 1 of them WebAssembly",
        ),
        (
            vec![data.clone(), wasm],
            "there are 2, 1 of them WebAssembly",
        ),
        (
            vec![data.clone(), data],
            "there are 2, 0 of them WebAssembly",
        ),
        (vec![], "there are 0"),
    ] {
        scene.manifest["layers"] = json!(layers);
        scene.fails(&["layers: ", says, "exactly one"]);
        // Whatever the config.
        if says.contains(" 1 of") {
            scene.manifest["config"]["mediaType"] = json!(CONFIGS[2]);
            scene.fails(&["layers: ", says, "exactly one"]);
            scene.manifest["config"]["mediaType"] = json!(CONFIGS[0]);
        }
    }
    scene.manifest["manifests"] = json!([]);
    scene.fails(&["an image index"]);
}

#[test]
fn wrong_or_malformed_descriptors_are_refused() {
    let mut scene = Scene::plain();
    let good = scene.manifest.clone();
    let size = good["layers"][0]["size"].as_u64().unwrap();
    for lie in [size - 1, 0, 1] {
        scene.manifest["layers"][0]["size"] = json!(lie);
        scene.fails(&["blob sha256:"]);
    }
    // Nothing but what is streamed bounds a size.
    scene.manifest["layers"][0]["size"] = json!(u64::MAX);
    scene.fails(&["blob sha256:"]);
    for (member, value) in [
        ("size", json!("12")),
        ("size", json!(-1)),
        ("digest", json!("sha256:xyz")),
        ("digest", json!(null)),
    ] {
        scene.manifest = good.clone();
        scene.manifest["layers"][0][member] = value;
        scene.fails(&["layers[0]: "]);
    }
    scene.manifest = good.clone();
    scene.manifest["schemaVersion"] = json!(1);
    scene.fails(&["schemaVersion"]);
    scene.manifest = good;
    scene.manifest["config"]
        .as_object_mut()
        .unwrap()
        .remove("digest");
    scene.fails(&["config: ", "digest"]);
}

#[test]
fn wrong_bytes_are_never_called_a_component() {
    let scene = Scene::plain();
    let layer = digest(&scene.manifest["layers"][0]["digest"]);
    let path = format!("/blobs/{layer}");
    scene.registry.on("GET", &path, ALWAYS, Fault::WrongBytes);
    scene.fails(&[&layer.to_string()]);
}

#[test]
fn a_damaged_blob_in_the_cache_is_fetched_again() {
    let scene = Scene::plain();
    scene.publish();
    scene.workspace.pull(&scene.reference, &scene.bytes);
    let layer = digest(&scene.manifest["layers"][0]["digest"]);
    scene.workspace.cache().damage(&layer);
    let report = scene.workspace.pull(&scene.reference, &scene.bytes);
    assert_eq!(report["fetched_blobs"], 1);
    scene.workspace.cache().assert_sound();
}

#[test]
fn inspect_shows_the_manifest_and_the_config() {
    let scene = Scene::plain();
    let manifest = scene.publish();
    let inspect = || scene.workspace.json(&["inspect", &scene.reference]);
    let report = inspect();
    let content = Digest::of(&scene.bytes).to_string();
    assert_eq!(report["digest"], manifest.to_string());
    assert_eq!(report["flat_digest"], manifest.to_string());
    assert_eq!(report["split_digest"], Value::Null);
    assert_eq!(report["split_manifest_digest"], Value::Null);
    assert_eq!(report["content_digest"], content);
    assert_eq!(report["content_size"], scene.bytes.len());
    assert_eq!(report["os"], "wasip2");
    assert_eq!(report["imports"], json!(["a:b/c"]));
    assert_eq!(report["exports"], json!(["d:e/f"]));
    assert_eq!(report["annotations"], scene.manifest["annotations"]);
    assert_eq!(report["sections"], json!([]));
    let layer = json!({
        "path": "root", "offset": null, "content_digest": content, "content_size": scene.bytes.len(),
        "stored_digest": content, "stored_size": scene.bytes.len(), "encoding": "raw", "cached": false,
    });
    assert_eq!(report["layers"], json!([layer]));
    assert!(
        !scene
            .registry
            .lines()
            .iter()
            .any(|line| line.ends_with(&content))
    );
    scene.workspace.pull(&scene.reference, &scene.bytes);
    assert_eq!(inspect()["layers"][0]["cached"], true);
    let text = scene
        .workspace
        .run(&["inspect", &scene.reference])
        .success()
        .text();
    assert!(
        text.contains("\n1 import\n  a:b/c\n") && text.contains("1 layer "),
        "{text}"
    );
    assert!(!text.contains("\n  split "), "{text}");
}

#[test]
fn an_empty_config_is_not_an_error() {
    for config in [
        &b"not JSON"[..],
        b"{}",
        b"[1]",
        b"{\"os\":\"linux\",\"component\":5}",
    ] {
        let scene = Scene::new(CONFIGS[0], LAYERS[0], config);
        scene.publish();
        let report = scene.workspace.json(&["inspect", &scene.reference]);
        assert_eq!(
            (&report["os"], &report["imports"]),
            (&Value::Null, &json!([]))
        );
        assert_eq!(report["names"]["imports"]["incomplete"], true);
        let unstated = "the artifact does not state its imports and exports";
        assert_eq!(report["warning"], unstated);
    }
    // Not there, and said to be far too large.
    let mut scene = Scene::plain();
    for size in [9u64, 1 << 40] {
        scene.manifest["config"]["digest"] = json!(Digest::of(b"elsewhere").to_string());
        scene.manifest["config"]["size"] = json!(size);
        scene.publish();
        let report = scene.workspace.json(&["inspect", &scene.reference]);
        assert_eq!(report["os"], Value::Null);
    }
    // But one whose bytes are not its own is damage.
    let scene = Scene::plain();
    scene.publish();
    let config = digest(&scene.manifest["config"]["digest"]);
    let path = format!("/blobs/{config}");
    scene.registry.on("GET", &path, ALWAYS, Fault::WrongBytes);
    let inspected = scene.workspace.run(&["inspect", &scene.reference]);
    assert_eq!(inspected.code, Some(5), "{}", inspected.stderr);
    // A pull has no need of it.
    scene.workspace.pull(&scene.reference, &scene.bytes);
}

#[test]
fn diff_compares_whole_components() {
    let scene = Scene::plain();
    scene.publish();
    scene.workspace.write("calc.wasm", &scene.bytes);
    let run = |arguments: &[&str]| -> Answer { scene.workspace.run(arguments).success() };
    let same = run(&["diff", "calc.wasm", &scene.reference]).text();
    assert!(same.contains("are identical"), "{same}");
    scene.workspace.fixture("greet");
    let report = scene
        .workspace
        .json(&["diff", "greet.wasm", &scene.reference]);
    assert_eq!(report["only_b_bytes"], scene.bytes.len());
    assert_eq!(report["only_b_stored_bytes"], scene.bytes.len());
}

#[test]
fn a_layout_may_hold_a_flat_artifact() {
    let workspace = Workspace::new();
    let bytes = workspace.fixture("calc");
    workspace.fixture("greet");
    workspace.json(&["push", "greet.wasm", "oci:store:greet"]);
    // As a tool would that leaves the media type out.
    let blobs = workspace.path("store/blobs/sha256");
    let put = |bytes: &[u8]| {
        let blob = Identity::of(bytes);
        std::fs::write(blobs.join(blob.digest.hex()), bytes).unwrap();
        blob
    };
    let manifest = json!({
        "schemaVersion": 2,
        "config": descriptor(CONFIGS[3], put(b"{}")),
        "layers": [descriptor(LAYERS[1], put(&bytes))],
    });
    let manifest = put(manifest.to_string().as_bytes()).digest;
    workspace.pull(&format!("oci:store@{manifest}"), &bytes);
}
