//! A push with both forms, read by wharf: the tag names the flat manifest, and the layers come from the split one.

use std::collections::BTreeSet;
use std::io;
use std::sync::RwLock;

use serde_json::Value;
use wharf::artifact;
use wharf::digest::Digest;
use wharf::error::Error;
use wharf::push;
use wharf::source::Source;
use wharf::store::Store;
use wharf::store::layout::Layout;

use super::*;
use crate::support::fault::{Fault, Registry};
use crate::support::workspace::{Answer, Workspace, assert_layout, blobs_of, layers};

const ALWAYS: usize = usize::MAX;

/// `layers.wat`, pushed with both forms.
struct Scene {
    registry: Registry,
    store: Remote,
    pushed: PushSummary,
    reference: String,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::start();
        let store = remote(&registry.address(), "demo/both");
        let pushed = publish(&store, "layers", &options(true));
        Self {
            reference: format!("{}/demo/both:1.0", registry.address()),
            registry,
            store,
            pushed,
        }
    }

    fn manifest(&self, name: &str) -> Value {
        let bytes = self.registry.manifest("demo/both", name).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn split_tag(&self) -> String {
        format!("sha256-{}.wharf", self.pushed.flat_digest.hex())
    }

    /// Lets the split form's tag name something else.
    fn retag(&self, media_type: &str, manifest: &[u8]) {
        let tag = self.split_tag();
        self.registry
            .put_manifest("demo/both", &tag, media_type, manifest);
    }

    /// Pulls the flat form with a machine of its own, and returns what is said on standard error.
    #[track_caller]
    fn pull_flat(&self) -> String {
        let workspace = Workspace::new();
        let arguments = ["pull", &self.reference, "--json", "-o", "out.wasm"];
        let pulled: Answer = workspace.run(&arguments).success();
        assert!(workspace.read("out.wasm") == assemble("layers"));
        let report = pulled.json();
        assert_eq!(report["digest"], self.pushed.flat_digest.to_string());
        assert_eq!(report["split_manifest_digest"], Value::Null);
        assert_eq!(report["fetched_blobs"], 1);
        assert_eq!(report["fetched_bytes"], self.pushed.content.size);
        pulled.stderr
    }
}

#[test]
fn the_tag_names_the_flat_form_and_another_tag_the_split_one() {
    let scene = Scene::new();
    let pushed = &scene.pushed;
    assert_eq!(pushed.digest, pushed.flat_digest);
    assert_eq!(artifact::split_tag(&pushed.flat_digest), scene.split_tag());
    let named = |tag: &str| Digest::of(&scene.registry.manifest("demo/both", tag).unwrap());
    assert_eq!(named("1.0"), pushed.flat_digest);
    assert_eq!(named(&scene.split_tag()), pushed.split_manifest_digest);
    let flat = scene.manifest("1.0");
    let content = &flat["layers"][0];
    assert_eq!(flat["layers"].as_array().unwrap().len(), 1);
    assert_eq!(content["mediaType"], "application/wasm");
    assert_eq!(content["digest"], pushed.content.digest.to_string());
    assert_eq!(flat["subject"], Value::Null);
    let split = scene.manifest(&scene.split_tag());
    let size = scene.registry.manifest("demo/both", "1.0").unwrap().len();
    let subject = serde_json::json!({
        "mediaType": MANIFEST, "digest": pushed.flat_digest.to_string(), "size": size,
    });
    assert_eq!(split["subject"], subject);
    let blob = scene.registry.blob("demo/both", &pushed.content.digest);
    assert!(*blob.unwrap() == assemble("layers"));
    let stored: BTreeSet<Digest> = pushed.blobs.iter().copied().collect();
    assert_eq!(stored.len(), pushed.blobs.len(), "each once");
    let named = |name: &str| blobs_of(&scene.registry.manifest("demo/both", name).unwrap());
    assert_eq!(stored, &named("1.0") | &named(&scene.split_tag()));
    assert_eq!(pushed.sent.blobs, pushed.blobs.len() as u64);
}

#[test]
fn manifests_are_pushed_before_their_tags_and_referrers() {
    let scene = Scene::new();
    let puts = scene.registry.lines();
    let puts: Vec<&str> = puts
        .iter()
        .filter_map(|line| line.strip_prefix("PUT /v2/demo/both/"))
        .collect();
    let manifests = puts.iter().position(|path| path.starts_with("manifests/"));
    let expected = [
        format!("manifests/{}", scene.pushed.flat_digest),
        format!("manifests/{}", scene.pushed.split_manifest_digest),
        // This registry keeps no list of referrers, so the client does.
        format!("manifests/sha256-{}", scene.pushed.flat_digest.hex()),
        format!("manifests/{}", scene.split_tag()),
        "manifests/1.0".to_owned(),
    ];
    assert_eq!(puts[manifests.unwrap()..], expected);
}

#[test]
fn a_pull_fetches_the_layers_and_not_the_whole() {
    let scene = Scene::new();
    scene.registry.forget_requests();
    let workspace = Workspace::new();
    let report = workspace.pull(&scene.reference, &assemble("layers"));
    assert_eq!(report["digest"], scene.pushed.flat_digest.to_string());
    let split = scene.pushed.split_manifest_digest.to_string();
    assert_eq!(report["split_manifest_digest"], split);
    let lines = scene.registry.lines();
    let asked = lines.iter().filter_map(|line| line.split_once("/blobs/"));
    let asked: BTreeSet<Digest> = asked.map(|(_, digest)| digest.parse().unwrap()).collect();
    let split = scene.registry.manifest("demo/both", &split).unwrap();
    let expected = layers(&split)
        .into_iter()
        .map(|layer| layer.digest)
        .collect();
    assert_eq!(asked, expected);
    // The tag of the split form is found at once, and nothing else is looked for.
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("/manifests/"))
            .count(),
        2
    );
    let shown = workspace.json(&["inspect", &scene.reference]);
    assert_eq!(shown["digest"], scene.pushed.flat_digest.to_string());
    assert_eq!(shown["split_digest"], scene.pushed.split_digest.to_string());
    assert_eq!(shown["flat_digest"], scene.pushed.flat_digest.to_string());
    assert_eq!(shown["layers"].as_array().unwrap().len(), 10);
    // The whole in the cache would do, too, and decides nothing.
    let flat = format!(
        "{}/demo/both@{}",
        scene.registry.address(),
        scene.pushed.flat_digest
    );
    let again = Workspace::new().pull(&flat, &assemble("layers"));
    assert_eq!(again["fetched_blobs"], report["fetched_blobs"]);
}

#[test]
fn a_split_form_of_other_content_is_reported_and_not_used() {
    let scene = Scene::new();
    let other = publish(&scene.store, "calc", &options(true));
    // Publishing moved the tag.
    let tag = |name: &str, digest: Digest| {
        let manifest = scene
            .registry
            .manifest("demo/both", &digest.to_string())
            .unwrap();
        scene
            .registry
            .put_manifest("demo/both", name, MANIFEST, &manifest);
    };
    tag("1.0", scene.pushed.flat_digest);
    tag(&scene.split_tag(), other.split_manifest_digest);
    let said = scene.pull_flat();
    assert!(
        said.starts_with("warning: the split form `sha256-"),
        "{said}"
    );
    let flat = other.flat_digest.to_string();
    assert!(
        said.contains("flat.digest") && said.contains(&flat),
        "{said}"
    );
    // Every command that reads it says so.
    let inspected = Workspace::new()
        .run(&["inspect", &scene.reference])
        .success();
    assert!(inspected.stderr.contains("warning: the split form"));
}

#[test]
fn an_invalid_split_form_is_reported_and_not_used() {
    let scene = Scene::new();
    let sound = scene.manifest(&scene.split_tag());
    let mut lying = sound.clone();
    // It names this flat form and is not of it.
    lying["annotations"]["org.opencontainers.image.version"] = serde_json::json!("2.0.0");
    let mut moved = sound;
    moved["layers"][2]["annotations"]["wasm.wharf.offset"] = serde_json::json!("9");
    for (manifest, says) in [
        (lying.to_string(), "flat.digest"),
        (moved.to_string(), "layers[2]"),
        (scene.manifest("1.0").to_string(), "a flat artifact"),
        ("{}".to_owned(), "no config"),
        ("rubbish".to_owned(), "cannot be read"),
    ] {
        scene.retag(MANIFEST, manifest.as_bytes());
        let said = scene.pull_flat();
        assert!(said.contains(says), "{says:?} is not in {said:?}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // Neither is one that cannot be had.
    let path = format!("/manifests/{}", scene.split_tag());
    for (status, says) in [(403, "refused"), (400, "400"), (418, "418")] {
        let fault = Fault::Status(status, Vec::new());
        scene.registry.on("GET", &path, 1, fault);
        let said = scene.pull_flat();
        assert!(said.contains(says), "{says:?} is not in {said:?}");
    }
    // Where it has no tag and is in no list, there is none. The path of the list's tag begins that of the form's own.
    let path = format!("/manifests/sha256-{}", scene.pushed.flat_digest.hex());
    scene
        .registry
        .on("GET", &path, ALWAYS, Fault::Status(404, Vec::new()));
    assert_eq!(scene.pull_flat(), "");
}

#[test]
fn a_plain_push_is_unchanged_and_has_the_same_flat_digest() {
    let registry = Registry::start();
    let store = remote(&registry.address(), "demo/plain");
    let plain = publish(&store, "layers", &options(false));
    let manifest = registry.manifest("demo/plain", "1.0").unwrap();
    assert_eq!(Digest::of(&manifest), plain.digest);
    assert_eq!(plain.digest, plain.split_manifest_digest);
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest.get("subject"), None);
    assert!(registry.blob("demo/plain", &plain.content.digest).is_none());
    let both = Scene::new().pushed;
    assert_eq!(
        (plain.split_digest, plain.flat_digest),
        (both.split_digest, both.flat_digest)
    );
    assert_ne!(plain.split_manifest_digest, both.split_manifest_digest);
    // All of it could be known before.
    let metadata = options(true).metadata;
    let known = push::identities(&component("layers"), &metadata);
    assert_eq!(known, (both.split_digest, both.flat_digest));
    let other = push::identities(&component("layers"), &Annotations::new());
    assert_eq!(other.0, known.0);
    assert_ne!(other.1, known.1);
}

#[test]
fn a_second_push_sends_nothing_and_the_cache_has_no_flat_blob() {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(&directory.path().join("store"), Arc::new(())).unwrap();
    let cache = Arc::new(Cache::open(&directory.path().join("cache")).unwrap());
    let first = publish_with(&cache, &layout, "layers", &options(true));
    assert!(cache.has(first.content).is_ok_and(|has| !has));
    let again = publish_with(&cache, &layout, "layers", &options(true));
    assert_eq!(again.digest, first.digest);
    assert_eq!(again.split_manifest_digest, first.split_manifest_digest);
    assert_eq!((again.sent.blobs, again.skipped), (0, first.sent));
    let tags = assert_layout(&directory.path().join("store"));
    let split = (
        artifact::split_tag(&first.flat_digest),
        first.split_manifest_digest,
    );
    assert_eq!(tags, [("1.0".to_owned(), first.flat_digest), split].into());
    let reference = format!("oci:{}/store:1.0", directory.path().display());
    let report = Workspace::new().pull(&reference, &assemble("layers"));
    assert_eq!(report["fetched_blobs"], 10);
    // A later plain push takes the tag to the split form, as ever.
    let plain = publish_with(&cache, &layout, "layers", &options(false));
    assert_eq!(
        block_on(layout.manifest(&wharf::reference::Name::Tag("1.0".to_owned())))
            .unwrap()
            .digest,
        plain.digest
    );
}

/// A component that somebody writes to.
struct ChangingComponent(Arc<RwLock<Vec<u8>>>);

impl Source for ChangingComponent {
    fn size(&self) -> io::Result<u64> {
        self.0.read().unwrap().size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read().unwrap().read_at(offset, buffer)
    }
}

#[test]
fn a_component_that_changed_is_not_stored_whole() {
    let registry = Registry::start();
    let store = remote(&registry.address(), "demo/both");
    let machine = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(machine.path()).unwrap());
    // The layers are in the cache, so that only the whole is read again.
    publish_with(&cache, &store, "layers", &options(false));
    registry.forget_requests();
    let bytes = Arc::new(RwLock::new(assemble("layers")));
    let source = ChangingComponent(Arc::clone(&bytes));
    let component = Arc::new(Component::read(source, &SplitPolicy::DEFAULT).unwrap());
    let (session, options) = (Session::unobserved(cache, 4), options(true));
    let push = || {
        push::push(
            Arc::clone(&component),
            &store,
            Some("1.0"),
            &session,
            &options,
        )
    };
    let middle = bytes.read().unwrap().len() / 2;
    bytes.write().unwrap()[middle] ^= 1;
    let error = block_on(push()).unwrap_err();
    assert!(matches!(error, Error::Changed), "{error}");
    assert!(
        !registry
            .lines()
            .iter()
            .any(|line| line.starts_with("PUT /v2/demo/both/manifests/"))
    );
    bytes.write().unwrap()[middle] ^= 1;
    block_on(push()).unwrap();
}

#[test]
fn a_component_that_is_all_root_is_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(&directory.path().join("store"), Arc::new(())).unwrap();
    let bytes = b"\0asm\x0d\0\x01\0".to_vec();
    let component = Arc::new(Component::read(bytes.clone(), &SplitPolicy::DEFAULT).unwrap());
    let cache = Arc::new(Cache::open(&directory.path().join("cache")).unwrap());
    let session = Session::unobserved(cache, 4);
    let options = options(true);
    let push = push::push(component, &layout, Some("1.0"), &session, &options);
    let pushed = block_on(push).unwrap();
    assert_eq!(
        (pushed.layers, pushed.blobs.len(), pushed.sent.blobs),
        (1, 3, 3)
    );
    let reference = format!("oci:{}/store:1.0", directory.path().display());
    Workspace::new().pull(&reference, &bytes);
}
