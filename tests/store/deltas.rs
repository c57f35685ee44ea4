//! Upgrades by delta: `wharf pull` fetches the changes instead of layers, and says so.

mod choice;
mod hostile;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::fault;
use crate::support::registries::registries;
use crate::support::upgrades::{Delta, attach, version};
use crate::support::workspace::{Answer, Layer, Workspace, layers};
use serde_json::Value;
use wharf::component::Component;
use wharf::encoding::Level;
use wharf::manifest::Annotations;
use wharf::push::{self, PushOptions};
use wharf::reference::{Name, Repository};
use wharf::split::SplitPolicy;
use wharf::store::cache::Cache;
use wharf::store::layout::Layout;
use wharf::store::remote::{Access, Credentials, Options, Remote};
use wharf::store::{RawManifest, Session, WritableStore};

/// A repository with versions of one component, and a machine that pulls from it.
struct Scene {
    store: Arc<dyn WritableStore>,
    /// A reference without its tag.
    repository: String,
    reader: Workspace,
}

/// Version 1 as `1.0`, which the reader has, and version 2 as `2.0` with a delta from it.
struct Upgrade {
    scene: Scene,
    manifest: RawManifest,
    layers: Vec<Layer>,
    delta: Delta,
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

impl Scene {
    fn in_registry(host: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let repository = Repository {
            registry: host.to_owned(),
            path: format!("wharf/deltas-{}-{count}", std::process::id()),
        };
        let (access, options) = (Access::Push, Options::default());
        let store = Remote::new(&repository, access, Credentials::Anonymous, &options);
        Self {
            store: Arc::new(store.unwrap()),
            repository: repository.to_string(),
            reader: Workspace::new(),
        }
    }

    fn in_layout(directory: &Path) -> Self {
        Self {
            store: Arc::new(Layout::create(directory, Arc::new(())).unwrap()),
            repository: format!("oci:{}", directory.display()),
            reader: Workspace::new(),
        }
    }

    fn reference(&self, tag: &str) -> String {
        format!("{}:{tag}", self.repository)
    }

    /// Pushes from a machine of its own.
    fn push(&self, tag: &str, bytes: &[u8]) -> RawManifest {
        self.push_from(&Workspace::new(), tag, bytes)
    }

    fn push_from(&self, machine: &Workspace, tag: &str, bytes: &[u8]) -> RawManifest {
        machine.write("pushed.wasm", bytes);
        let reference = self.reference(tag);
        machine.json(&["push", "pushed.wasm", &reference]);
        wait(self.store.manifest(&Name::Tag(tag.to_owned()))).unwrap()
    }

    fn attach(&self, old: usize, new: usize, manifest: &RawManifest) -> Delta {
        let delta = Delta::new(&version(old), &version(new), &manifest.bytes);
        let store = self.store.as_ref();
        wait(attach(store, manifest, delta.source, &delta.file));
        delta
    }

    /// Pulls without a word on standard error.
    #[track_caller]
    fn pull(&self, tag: &str, bytes: &[u8]) -> Value {
        let (report, warnings) = self.pull_with(tag, bytes, &[]);
        assert_eq!(warnings, "");
        report
    }

    /// Pulls the right bytes. Returns the report, and what was said on standard error.
    #[track_caller]
    fn pull_with(&self, tag: &str, bytes: &[u8], flags: &[&str]) -> (Value, String) {
        let reference = self.reference(tag);
        let command = ["pull", &reference, "-o", "pulled.wasm", "--json"];
        let answer = Answer::of(&mut self.reader.wharf(&[&command, flags].concat())).success();
        assert!(self.reader.read("pulled.wasm") == bytes, "other bytes");
        (answer.json(), answer.stderr)
    }
}

impl Upgrade {
    fn new(scene: Scene) -> Self {
        let upgrade = Self::without_delta(scene);
        let scene = &upgrade.scene;
        wait(attach(
            scene.store.as_ref(),
            &upgrade.manifest,
            upgrade.delta.source,
            &upgrade.delta.file,
        ));
        upgrade
    }

    /// Makes the delta and does not attach it.
    fn without_delta(scene: Scene) -> Self {
        scene.push("1.0", &version(1));
        let manifest = scene.push("2.0", &version(2));
        scene.pull("1.0", &version(1));
        Self {
            layers: layers(&manifest.bytes),
            delta: Delta::new(&version(1), &version(2), &manifest.bytes),
            manifest,
            scene,
        }
    }

    fn pull(&self) -> Value {
        self.scene.pull("2.0", &version(2))
    }

    fn file(&self) -> u64 {
        self.delta.file.len() as u64
    }

    /// The stored bytes of the layers that changed: all but the last.
    fn changed(&self) -> u64 {
        self.layers[..3].iter().map(|layer| layer.size).sum()
    }

    /// The stored bytes of the changed layers that have no part.
    fn rest(&self) -> u64 {
        let numbered = self.layers[..3].iter().enumerate();
        let rest = numbered.filter(|(number, _)| !self.delta.parts.contains(number));
        rest.map(|(_, layer)| layer.size).sum()
    }

    #[track_caller]
    fn assert_by_delta(&self, report: &Value) {
        assert_eq!(report["delta_bytes"], self.file());
        assert_eq!(report["fetched_bytes"], self.file() + self.rest());
        assert!(
            (self.file() + self.rest()) * 50 < self.changed(),
            "too little is saved"
        );
    }

    #[track_caller]
    fn assert_whole(&self, report: &Value) {
        assert_eq!(report["delta_bytes"], 0);
        assert_eq!(report["fetched_bytes"], self.changed());
    }
}

#[test]
fn an_upgrade_fetches_the_delta_instead_of_layers() {
    for registry in registries() {
        let upgrade = Upgrade::new(Scene::in_registry(&registry.host));
        assert!(upgrade.delta.parts.is_superset(&[1, 2].into()));
        let report = upgrade.pull();
        upgrade.assert_by_delta(&report);
        assert_eq!(report["cached_bytes"], upgrade.layers[3].size);
        upgrade.scene.reader.cache().assert_sound();
        // The contents are cached.
        let report = upgrade.pull();
        assert_eq!(report["fetched_bytes"], 0, "{}", registry.name);
        assert_eq!(report["delta_bytes"], 0);
    }
}

#[test]
fn an_upgrade_needs_five_requests_more_than_its_layers() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    registry.forget_requests();
    let report = upgrade.pull();
    let lines = registry.lines();
    let count = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
    // The manifest, the delta's manifest, and the fallback tag; the file, and the layers without parts.
    assert_eq!(count("/referrers/"), 1, "{lines:#?}");
    assert_eq!(count("/manifests/"), 3, "{lines:#?}");
    let rest = 3 - upgrade.delta.parts.len();
    assert_eq!(count("/blobs/"), 1 + rest, "{lines:#?}");
    assert_eq!(report["requests"], lines.len());
}

#[test]
fn a_chain_of_upgrades_uses_contents_that_came_by_delta() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    upgrade.assert_by_delta(&upgrade.pull());
    let scene = &upgrade.scene;
    let manifest = scene.push("3.0", &version(3));
    let delta = scene.attach(2, 3, &manifest);
    let report = scene.pull("3.0", &version(3));
    assert_eq!(report["delta_bytes"], delta.file.len());
    assert!(report["fetched_bytes"].as_u64().unwrap() < 10_000);
    scene.reader.cache().assert_sound();
}

#[test]
fn a_delta_of_the_split_form_is_used_for_a_flat_reference() {
    let registry = fault::Registry::start();
    let scene = Scene::in_registry(&registry.address());
    scene.push("1.0", &version(1));
    scene.pull("1.0", &version(1));
    let split = wait(async {
        let machine = tempfile::tempdir().unwrap();
        let session = Session::unobserved(Arc::new(Cache::open(machine.path()).unwrap()), 4);
        let options = PushOptions {
            level: Level::Auto,
            reuse: true,
            metadata: Annotations::new(),
            compat: true,
            remote_files: Vec::new(),
        };
        let component = Component::read(version(2), &SplitPolicy::DEFAULT).unwrap();
        let (component, store) = (Arc::new(component), scene.store.as_ref());
        let pushed = push::push(component, store, Some("2.0"), &session, &options).await;
        let split = Name::Digest(pushed.unwrap().split_manifest_digest);
        store.manifest(&split).await.unwrap()
    });
    let delta = scene.attach(1, 2, &split);
    let report = scene.pull("2.0", &version(2));
    assert_eq!(report["delta_bytes"], delta.file.len());
}

#[test]
fn deltas_of_a_layout_are_used_and_rescue_layers_that_it_lost() {
    for is_lost in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let upgrade = Upgrade::new(Scene::in_layout(&directory.path().join("store")));
        if is_lost {
            for number in &upgrade.delta.parts {
                let layer = upgrade.layers[*number].digest;
                let blobs = directory.path().join("store/blobs/sha256");
                std::fs::remove_file(blobs.join(layer.hex())).unwrap();
            }
        }
        upgrade.assert_by_delta(&upgrade.pull());
    }
}

#[test]
fn the_text_of_a_pull_shows_what_the_delta_replaced() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let reference = upgrade.scene.reference("2.0");
    let pulled = upgrade
        .scene
        .reader
        .run(&["pull", &reference, "-o", "new.wasm"]);
    let text = pulled.success().text();
    let line = text.lines().last().unwrap();
    assert!(
        line.starts_with("  by delta ") && line.contains(" B instead of "),
        "{text}"
    );
}

#[test]
fn a_base_on_disk_saves_layers_and_enables_deltas() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let scene = &upgrade.scene;
    for flags in [&[][..], &["--no-cache"]] {
        let machine = Workspace::new();
        machine.write("old.wasm", &version(1));
        let reference = scene.reference("2.0");
        let pull = ["pull", &reference, "-o", "new.wasm", "--base", "old.wasm"];
        let report = machine.json(&[&pull, flags].concat());
        assert!(machine.read("new.wasm") == version(2));
        // The section that is in both versions is not fetched either.
        upgrade.assert_by_delta(&report);
        assert_eq!(report["cached_bytes"], upgrade.layers[3].size);
    }
    let missing = ["pull", &scene.reference("2.0"), "--base", "none.wasm"];
    scene.reader.error(&missing, 3);
}

#[test]
fn a_content_that_came_by_delta_is_not_pushed_uncompressed() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    upgrade.assert_by_delta(&upgrade.pull());
    let other = Scene::in_registry(&registry.address());
    let reader = &upgrade.scene.reader;
    let pushed = other.push_from(reader, "2.0", &version(2));
    assert_eq!(pushed.digest, upgrade.manifest.digest);
}

#[test]
fn a_damaged_content_that_came_by_delta_is_replaced() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    upgrade.assert_by_delta(&upgrade.pull());
    let cache = upgrade.scene.reader.cache();
    cache.damage(&upgrade.layers[2].content);
    let report = upgrade.pull();
    assert_eq!(report["fetched_bytes"], upgrade.layers[2].size);
    cache.assert_sound();
}

#[test]
fn a_damaged_base_is_a_warning() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let scene = &upgrade.scene;
    let old = wait(scene.store.manifest(&Name::Tag("1.0".to_owned()))).unwrap();
    scene.reader.cache().damage(&layers(&old.bytes)[1].digest);
    let (report, warnings) = scene.pull_with("2.0", &version(2), &[]);
    assert!(warnings.contains(" is damaged"), "{warnings}");
    assert_eq!(report["fetched_bytes"], upgrade.file() + upgrade.changed());
}
