//! `wharf inspect --wit` fetches the manifest and the root, and says what the component says whatever its manifest claims.

use std::sync::Arc;

use serde_json::Value;
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::encoding::Level;
use wharf::manifest::Annotations;
use wharf::push::{self, PushOptions};
use wharf::reference::Repository;
use wharf::split::SplitPolicy;
use wharf::store::Session;
use wharf::store::cache::Cache;
use wharf::store::remote::{self, Access, Credentials, Remote};
use wharf::world;

use super::*;
use crate::support::binary::{self, section};
use crate::support::fault::Registry;
use crate::support::workspace::{Answer, Layer, Workspace, layers};

/// A component that was pushed to a registry from elsewhere.
struct Scene {
    registry: Registry,
    workspace: Workspace,
    bytes: Vec<u8>,
    layers: Vec<Layer>,
    reference: String,
}

impl Scene {
    fn new(fixture: &str, flags: &[&str]) -> Self {
        Self::of(crate::support::workspace::assemble(fixture), flags)
    }

    fn of(bytes: Vec<u8>, flags: &[&str]) -> Self {
        let registry = Registry::start();
        let elsewhere = Workspace::new();
        elsewhere.write("app.wasm", &bytes);
        let reference = format!("{}/demo/app:1.0", registry.address());
        elsewhere.json(&[&["push", "app.wasm", &reference], flags].concat());
        let manifest = registry.manifest("demo/app", "1.0").unwrap();
        registry.forget_requests();
        Self {
            layers: layers(&manifest),
            registry,
            workspace: Workspace::new(),
            bytes,
            reference,
        }
    }

    fn inspect(&self, reference: &str) -> Answer {
        self.registry.forget_requests();
        self.workspace.run(&["inspect", "--wit", reference])
    }

    /// The blobs that were asked for.
    fn asked(&self) -> Vec<Digest> {
        asked(&self.registry)
    }

    fn said(&self) -> String {
        world::decode(&self.bytes).unwrap().text
    }
}

fn asked(registry: &Registry) -> Vec<Digest> {
    let lines = registry.lines();
    let blobs = lines.iter().filter_map(|line| line.split_once("/blobs/"));
    blobs.map(|(_, digest)| digest.parse().unwrap()).collect()
}

#[test]
fn the_root_is_the_only_blob_that_is_fetched() {
    for flags in [
        &[][..],
        &["--granularity", "segment", "--floor", "64"],
        &["--granularity", "module"],
    ] {
        let scene = Scene::new("layers", flags);
        let answer = scene.inspect(&scene.reference).success();
        assert_eq!(answer.text().trim_end(), scene.said().trim_end());
        let root = &scene.layers[0];
        assert_eq!(scene.asked(), [root.digest], "{flags:?}");
        assert!(root.size < scene.bytes.len() as u64 / 10);
        assert!(answer.stderr.starts_with("fetched "), "{}", answer.stderr);
        assert!(answer.stderr.contains(" of "), "{}", answer.stderr);
        // Again, from the cache.
        scene.registry.forget_requests();
        let report = scene
            .workspace
            .json(&["inspect", "--wit", &scene.reference]);
        assert_eq!(report["wit"], scene.said());
        assert_eq!(report["fetched_bytes"], 0);
        assert_eq!(scene.asked(), []);
        // And a damaged one is fetched again.
        scene.workspace.cache().damage(&root.digest);
        let report = scene
            .workspace
            .json(&["inspect", "--wit", &scene.reference]);
        assert_eq!(report["wit"], scene.said());
        assert_eq!(report["fetched_bytes"], root.size);
        assert_eq!(scene.asked(), [root.digest]);
        // The root of before is what a pull then does not fetch.
        let pulled = scene.workspace.pull(&scene.reference, &scene.bytes);
        assert_eq!(pulled["cached_blobs"], 1);
        crate::support::workspace::assert_blobs(&scene.workspace.cache().blobs());
    }
}

#[test]
fn nothing_is_fetched_without_the_flag() {
    let scene = Scene::new("layers", &[]);
    let report = scene.workspace.json(&["inspect", &scene.reference]);
    assert_eq!(report["wit"], Value::Null);
    assert_eq!(report["fetched_bytes"], 0);
    assert_eq!(scene.asked(), []);
}

#[test]
fn inspecting_a_wit_package_fetches_only_the_root() {
    let mut resolve = wit_parser::Resolve::default();
    let text = "package demo:tides@1.0.0; interface table { high: func() -> u64; }";
    let package = resolve.push_str("fixture.wit", text).unwrap();
    let bytes = wit_component::encode(&resolve, package, false).unwrap();
    let note = binary::custom("note", &binary::noise(1, 100_000));
    let scene = Scene::of([bytes, note].concat(), &[]);
    assert_eq!(scene.layers.len(), 2);
    for flags in [&[][..], &["--wit"]] {
        let workspace = Workspace::new();
        scene.registry.forget_requests();
        let report = workspace.json(&[&["inspect", &scene.reference], flags].concat());
        assert_eq!(report["wit"], scene.said());
        assert_eq!(report["fetched_bytes"], scene.layers[0].size);
        assert_eq!(scene.asked(), [scene.layers[0].digest]);
    }
}

#[test]
fn inspecting_a_flat_artifact_fetches_the_whole_blob_once() {
    let registry = Registry::start();
    let bytes = crate::support::workspace::assemble("layers");
    push_to(&registry, bytes.clone(), true, |_| {});
    // Elsewhere the flat form alone.
    let flat = registry.manifest("demo/app", "1.0").unwrap();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    registry.put_manifest("demo/flat", "1.0", media_type, &flat);
    let flat: Value = serde_json::from_slice(&flat).unwrap();
    let config = flat["config"]["digest"].as_str().unwrap().parse().unwrap();
    let config = registry.blob("demo/app", &config).unwrap();
    registry.put_blob("demo/flat", &bytes);
    registry.put_blob("demo/flat", &config);
    registry.forget_requests();
    let workspace = Workspace::new();
    let said = world::decode(&bytes).unwrap().text;
    let reference = format!("{}/demo/flat:1.0", registry.address());
    let fetched = (bytes.len() + config.len()) as u64;
    for fetched in [fetched, 0] {
        let report = workspace.json(&["inspect", "--wit", &reference]);
        assert_eq!(report["wit"], said);
        assert_eq!(report["fetched_bytes"], fetched);
    }
    let mut asked = asked(&registry);
    let mut expected = vec![Digest::of(&config), Digest::of(&bytes)];
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected);
}

#[test]
fn local_files_are_inspected_like_references() {
    let workspace = Workspace::new();
    let bytes = workspace.fixture("calc");
    let expected = world::decode(&bytes).unwrap().text;
    let answer = workspace.run(&["inspect", "--wit", "calc.wasm"]).success();
    assert_eq!(answer.text().trim_end(), expected.trim_end());
    assert_eq!(answer.stderr, "");
    let report = workspace.json(&["inspect", "--wit", "calc.wasm"]);
    assert_eq!(report["wit"], expected);
    assert_eq!(report["fetched_bytes"], 0);
}

#[test]
fn files_without_wit_are_malformed() {
    let workspace = Workspace::new();
    workspace.write("module.wasm", &assemble("(module)"));
    let odd = assemble(r#"(component (import "a:b/c" (func)))"#);
    workspace.write("odd.wasm", &odd);
    workspace.write("cut.wasm", &binary::component(&[vec![7, 100]]));
    workspace.write("text.wasm", b"not WebAssembly");
    for (file, reason) in [
        ("module.wasm", "a core module has no WIT"),
        ("odd.wasm", "it cannot be expressed in WIT"),
        ("cut.wasm", "at byte 8"),
        ("text.wasm", "not a WebAssembly module or component"),
    ] {
        let answer = workspace.run(&["inspect", "--wit", file]);
        assert_eq!(answer.code, Some(5), "{file}: {}", answer.stderr);
        assert!(answer.stderr.contains(reason), "{}", answer.stderr);
        assert_eq!(answer.text(), "");
    }
    let scene = Scene::of(odd, &[]);
    let answer = scene.inspect(&scene.reference);
    assert_eq!(answer.code, Some(5));
    assert!(
        answer.stderr.contains("it cannot be expressed in WIT"),
        "{}",
        answer.stderr
    );
    let module = [
        assemble("(module (func))"),
        section(0, &[&[1, b'x'], binary::noise(1, 9000).as_slice()].concat()),
    ]
    .concat();
    let scene = Scene::of(module, &["--granularity", "module"]);
    let answer = scene.inspect(&scene.reference);
    assert_eq!(answer.code, Some(5));
    assert!(
        answer.stderr.contains("a core module has no WIT"),
        "{}",
        answer.stderr
    );
}

/// Pushes a component whose manifest and config say of it what `lie` makes of the truth.
fn push_lie(registry: &Registry, bytes: Vec<u8>, lie: impl Fn(&mut Component<Vec<u8>>)) {
    push_to(registry, bytes, false, lie);
}

fn push_to(
    registry: &Registry,
    bytes: Vec<u8>,
    compat: bool,
    lie: impl Fn(&mut Component<Vec<u8>>),
) {
    let mut component = Component::read(bytes, &SplitPolicy::DEFAULT).unwrap();
    lie(&mut component);
    let repository = Repository {
        registry: registry.address(),
        path: "demo/app".to_owned(),
    };
    let settings = remote::Options::default();
    let store = Remote::new(&repository, Access::Push, Credentials::Anonymous, &settings).unwrap();
    let options = PushOptions {
        level: Level::Auto,
        reuse: true,
        metadata: Annotations::new(),
        compat,
        remote_files: Vec::new(),
    };
    let machine = tempfile::tempdir().unwrap();
    let session = Session::unobserved(Arc::new(Cache::open(machine.path()).unwrap()), 4);
    let component = Arc::new(component);
    let push = push::push(component, &store, Some("1.0"), &session, &options);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime
        .enable_all()
        .build()
        .unwrap()
        .block_on(push)
        .unwrap();
}

#[test]
fn the_root_wins_over_a_manifest_and_a_config_that_lie_together() {
    let registry = Registry::start();
    let bytes = crate::support::workspace::assemble("layers");
    let truth = world::interfaces(&bytes).unwrap();
    push_lie(&registry, bytes.clone(), |component| {
        component.config.imports = vec!["one:more/import".to_owned()];
        component.config.exports.pop();
    });
    let reference = format!("{}/demo/app:1.0", registry.address());
    let workspace = Workspace::new();
    let answer = workspace
        .run(&["inspect", "--wit", "--json", &reference])
        .success();
    let report = answer.json();
    assert_eq!(report["imports"], Value::from(truth.imports.clone()));
    assert_eq!(report["exports"], Value::from(truth.exports.clone()));
    assert_eq!(report["wit"], world::decode(&bytes).unwrap().text);
    let warnings: Vec<&str> = answer.stderr.lines().collect();
    let [imports, exports] = warnings[..] else {
        panic!("{}", answer.stderr);
    };
    assert!(
        imports.contains("the component has no `one:more/import`"),
        "{imports}"
    );
    let hidden = format!("the manifest has no `{}`", truth.exports.last().unwrap());
    assert!(exports.contains(&hidden), "{exports}");
    // A plan with an import in a layer: that is fetched, nothing is hidden, and nothing need be said.
    let import = r#"(component (import "a:b/c" (instance)) (import "x:y/z" (instance)))"#;
    let bytes = assemble(import);
    let import = bytes.windows(5).position(|at| at == b"x:y/z").unwrap() as u64;
    push_lie(&registry, bytes.clone(), |component| {
        let plan = wharf::split::SplitPlan {
            size: bytes.len() as u64,
            layers: vec![wharf::split::PlannedLayer {
                range: import..import + 5,
                path: "custom[0]:note".to_owned(),
            }],
        };
        let identities = wharf::split::identify(&bytes, &plan).unwrap();
        component.config = wharf::artifact::config(&component.map, &plan, &identities);
        component.plan = plan;
    });
    registry.forget_requests();
    let report = workspace.json(&["inspect", "--wit", &reference]);
    assert_eq!(report["wit"], world::decode(&bytes).unwrap().text);
    let lines = registry.lines();
    assert_eq!(
        lines.iter().filter(|line| line.contains("/blobs/")).count(),
        2
    );
}
