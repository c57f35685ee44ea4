//! Where the split form has no tag, it is looked for among the referrers of the flat manifest.

use std::ops::Range;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;
use wharf::artifact::split_tag;
use wharf::digest::{Digest, Identity};
use wharf::manifest::Descriptor;
use wharf::pull::{self, OpenArtifact};
use wharf::reference::Name;
use wharf::store::layout::Layout;
use wharf::store::{ByteStream, Error, RawManifest, StoreKind, Subject};

use super::*;

/// A layout that has lost the tags of split forms, and lists what it is told as referrers.
struct Listing {
    layout: Layout,
    listed: Result<Vec<Descriptor>, fn() -> Error>,
    asked: Mutex<Vec<(Digest, Option<String>)>>,
}

#[async_trait]
impl Store for Listing {
    fn location(&self) -> String {
        self.layout.location()
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        match name {
            Name::Tag(tag) if tag.ends_with(".wharf") => Err(not_found()),
            name => self.layout.manifest(name).await,
        }
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        self.layout.has(blob).await
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.layout.size(digest).await
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        self.layout.open(blob, part).await
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        self.layout.tags().await
    }

    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let asked = (*subject, artifact_type.map(str::to_owned));
        self.asked.lock().unwrap().push(asked);
        self.listed.clone().map_err(|error| error())
    }
}

fn not_found() -> Error {
    Error::NotFound {
        what: Subject::Other("it".to_owned()),
        location: "here".to_owned(),
        kind: StoreKind::Other,
    }
}

fn broken() -> Error {
    Error::Malformed {
        what: "the list".to_owned(),
        location: "here".to_owned(),
        reason: "it is torn".to_owned(),
    }
}

/// `layers.wat` with both forms, and `calc.wat`.
struct Scene {
    store: Listing,
    pushed: PushSummary,
    other: PushSummary,
    _directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(&directory.path().join("store"), Arc::new(())).unwrap();
        let other = publish(&layout, "calc", &options(true));
        let pushed = publish(&layout, "layers", &options(true));
        Self {
            store: Listing {
                layout,
                listed: Ok(Vec::new()),
                asked: Mutex::default(),
            },
            pushed,
            other,
            _directory: directory,
        }
    }

    fn open(&self) -> OpenArtifact {
        let machine = tempfile::tempdir().unwrap();
        let session = Session::unobserved(Arc::new(Cache::open(machine.path()).unwrap()), 4);
        let name = Name::Tag("1.0".to_owned());
        block_on(pull::open(&self.store, &name, &session)).unwrap()
    }

    fn list(&mut self, digests: &[Digest]) {
        let descriptor = |digest: &Digest| {
            let digest = *digest;
            Descriptor::new(MANIFEST, Identity { digest, size: 1 })
        };
        self.store.listed = Ok(digests.iter().map(descriptor).collect());
    }
}

#[test]
fn a_listed_split_form_is_used() {
    let mut scene = Scene::new();
    scene.list(&[scene.pushed.split_manifest_digest]);
    let opened = scene.open();
    assert_eq!(opened.digest, scene.pushed.flat_digest);
    let split = opened.split().unwrap();
    assert_eq!(split.digest, scene.pushed.split_manifest_digest);
    assert_eq!(opened.content(), scene.pushed.content);
    assert_eq!(opened.layers().count(), 10);
    assert_eq!(opened.unused.len(), 0);
    let asked = scene.store.asked.into_inner().unwrap();
    let kind = Some("application/vnd.wharf.component.v1".to_owned());
    assert_eq!(asked, [(scene.pushed.flat_digest, kind)]);
}

#[test]
fn missing_split_forms_are_ignored_and_invalid_ones_reported() {
    let mut scene = Scene::new();
    let gone = Digest::of(b"collected");
    scene.list(&[gone]);
    let opened = scene.open();
    assert_eq!((opened.split().is_none(), opened.unused.len()), (true, 0));
    assert_eq!(opened.flat_digest(), scene.pushed.flat_digest);
    scene.list(&[gone, scene.other.split_manifest_digest]);
    let opened = scene.open();
    assert!(opened.split().is_none());
    let told: Vec<String> = opened.unused.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains(&scene.other.split_manifest_digest.to_string()),
        "{told:?}"
    );
    // The sound one behind them is found.
    scene.list(&[
        gone,
        scene.other.split_manifest_digest,
        scene.pushed.split_manifest_digest,
    ]);
    let opened = scene.open();
    assert_eq!(
        opened.split().unwrap().digest,
        scene.pushed.split_manifest_digest
    );
    assert_eq!(opened.unused.len(), 1);
}

#[test]
fn an_endless_list_is_read_up_to_a_limit() {
    let mut scene = Scene::new();
    let mut listed = vec![scene.other.split_manifest_digest; 1000];
    listed.push(scene.pushed.split_manifest_digest);
    scene.list(&listed);
    let opened = scene.open();
    assert!(opened.split().is_none());
    assert_eq!(opened.unused.len(), 16);
}

#[test]
fn the_flat_form_is_used_without_a_referrers_list() {
    let mut scene = Scene::new();
    scene.store.listed = Err(not_found);
    assert_eq!(scene.open().unused.len(), 0);
    scene.store.listed = Err(broken);
    let opened = scene.open();
    assert!(opened.split().is_none());
    assert_eq!(opened.layers().count(), 1);
    let told = opened.unused[0].to_string();
    assert!(told.contains("it is torn"), "{told}");
}

#[test]
fn the_tag_is_preferred_to_the_referrers_list() {
    let scene = Scene::new();
    let tag = split_tag(&scene.pushed.flat_digest);
    let raw = block_on(scene.store.layout.manifest(&Name::Tag(tag))).unwrap();
    let manifest: Value = serde_json::from_slice(&raw.bytes).unwrap();
    assert_eq!(
        manifest["subject"]["digest"],
        scene.pushed.flat_digest.to_string()
    );
    let machine = tempfile::tempdir().unwrap();
    let session = Session::unobserved(Arc::new(Cache::open(machine.path()).unwrap()), 4);
    let name = Name::Tag("1.0".to_owned());
    let opened = block_on(pull::open(&scene.store.layout, &name, &session)).unwrap();
    assert_eq!(opened.split().unwrap().digest, raw.digest);
    assert_eq!(scene.store.asked.into_inner().unwrap(), []);
}
