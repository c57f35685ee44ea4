//! Upgrades by delta: the gateway fetches the changes from upstream, and sends the right bytes in every form.

use wharf::store::RawManifest;

use super::*;
use crate::support::fault;
use crate::support::frames::unframed;
use crate::support::registries::registries;
use crate::support::upgrades::{Delta, attach, version};
use wharf::reference::Name;

/// A repository of a registry with versions and deltas, and a gateway in front of it.
struct Scene {
    store: Remote,
    path: &'static str,
    front: TestGateway,
}

impl Scene {
    fn new(host: &str, path: &'static str) -> Self {
        Self {
            store: remote(host, path),
            path,
            front: TestGateway::new(vec![registry(host)]),
        }
    }

    async fn push(&self, number: usize) -> RawManifest {
        push(&self.store, number).await
    }

    /// Pushes a version with a delta from the one before.
    async fn upgrade(&self, number: usize) -> Delta {
        let manifest = self.push(number).await;
        let delta = Delta::new(&version(number - 1), &version(number), &manifest.bytes);
        attach(&self.store, &manifest, delta.source, &delta.file).await;
        delta
    }

    /// Requests the tag, and then the component in some form.
    async fn component(&self, number: usize, headers: &[(&'static str, &str)]) -> WholeAnswer {
        let path = self.path;
        let tag = format!("/v2/{path}/manifests/{number}");
        self.front.get(&tag).await.is(200);
        let digest = Digest::of(&version(number));
        let path = format!("/v2/{path}/blobs/{digest}");
        self.front.ask(Method::GET, &path, headers).await
    }

    async fn whole(&self, number: usize) {
        let got = self.component(number, &[]).await.is(200);
        assert!(got.bytes() == version(number), "other bytes");
    }

    fn upstream_bytes(&self) -> u64 {
        self.counter("upstream_bytes")
    }

    fn counter(&self, name: &str) -> u64 {
        let text = self.front.metrics.render();
        let name = format!("wharf_gateway_{name}_total ");
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix(&name));
        count.unwrap().parse().unwrap()
    }
}

async fn push(store: &dyn WritableStore, number: usize) -> RawManifest {
    let component = Component::read(version(number), &SplitPolicy::DEFAULT).unwrap();
    let machine = tempfile::tempdir().unwrap();
    let session = Session::unobserved(Arc::new(Cache::open(machine.path()).unwrap()), 4);
    let options = push::PushOptions {
        level: Level::Auto,
        reuse: true,
        metadata: Annotations::new(),
        compat: false,
        remote_files: Vec::new(),
    };
    let tag = number.to_string();
    let pushed = push::push(Arc::new(component), store, Some(&tag), &session, &options);
    pushed.await.unwrap();
    store.manifest(&Name::Tag(tag)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_are_fetched_by_delta_and_sent_in_every_form() {
    for registry in registries() {
        for form in ["whole", "range", "zstd"] {
            let path: &'static str = format!("gateway/deltas-{form}").leak();
            let scene = Scene::new(&registry.host, path);
            scene.push(1).await;
            scene.whole(1).await;
            let mut before = scene.upstream_bytes();
            // The second upgrade is based on contents that came by delta.
            for number in [2, 3] {
                let delta = scene.upgrade(number).await;
                let bytes = version(number);
                match form {
                    "whole" => scene.whole(number).await,
                    "range" => {
                        let range = [("range", "bytes=1000-400000")];
                        let got = scene.component(number, &range).await.is(206);
                        assert!(got.bytes() == &bytes[1000..=400_000]);
                    }
                    _ => {
                        let zstd = [("accept-encoding", "zstd")];
                        let got = scene.component(number, &zstd).await.is(200);
                        assert_eq!(got.header("content-encoding"), "zstd");
                        assert!(unframed(got.bytes()) == bytes);
                    }
                }
                let fetched = scene.upstream_bytes() - before;
                let file = delta.file.len() as u64;
                assert!(
                    (file..file + 10_000).contains(&fetched),
                    "{} {form} {number}: {fetched} bytes instead of {file}",
                    registry.name
                );
                before = scene.upstream_bytes();
                // Every other form comes from this machine.
                scene.whole(number).await;
                let zstd = [("accept-encoding", "zstd")];
                let got = scene.component(number, &zstd).await.is(200);
                assert!(unframed(got.bytes()) == bytes);
                let more = scene.upstream_bytes() - before;
                assert!(more < 10_000, "{form} {number}: {more}");
                before = scene.upstream_bytes();
            }
            assert!(scene.counter("delta_bytes") > 0);
            assert_eq!(scene.front.log(), [""; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_clients_share_one_delta() {
    let registry = fault::Registry::start();
    let scene = Scene::new(&registry.address(), "demo/app");
    scene.push(1).await;
    scene.whole(1).await;
    let delta = scene.upgrade(2).await;
    registry.forget_requests();
    stream::iter(0..8)
        .map(|_| scene.whole(2))
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
    let lines = registry.lines();
    let file = Digest::of(&delta.file).to_string();
    let asked = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
    assert_eq!(asked(&file), 1, "{lines:#?}");
    assert_eq!(asked("GET /v2/demo/app/referrers/"), 1, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_delta_is_logged_and_the_layers_are_fetched() {
    let registry = fault::Registry::start();
    let scene = Scene::new(&registry.address(), "demo/app");
    scene.push(1).await;
    scene.whole(1).await;
    let manifest = scene.push(2).await;
    let delta = Delta::new(&version(1), &version(2), &manifest.bytes);
    let file = &delta.file[..delta.file.len() - 1];
    attach(&scene.store, &manifest, delta.source, file).await;
    // One layer is enough for this range.
    let range = [("range", "bytes=1000-140000")];
    scene.component(2, &range).await.is(206);
    let log = scene.front.log();
    assert!(
        log.len() == 1 && log[0].starts_with("warning: ") && log[0].contains("the delta sha256:"),
        "{log:?}"
    );
    // The other layers are missing, but the gateway does not try again at once.
    registry.forget_requests();
    scene.whole(2).await;
    let lines = registry.lines();
    let layers = lines
        .iter()
        .filter(|line| line.contains("GET") && line.contains("/blobs/"));
    assert!(layers.count() > 0, "{lines:#?}");
    // The gateway knows that this registry has no list, and would read the tag.
    let listing = ["/referrers/", "/manifests/sha256-"];
    let asks = |line: &String| listing.iter().any(|part| line.contains(part));
    assert!(!lines.iter().any(asks), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_not_looked_for_without_an_older_version() {
    let registry = fault::Registry::start();
    let scene = Scene::new(&registry.address(), "demo/app");
    scene.push(1).await;
    scene.upgrade(2).await;
    registry.forget_requests();
    scene.whole(2).await;
    let lines = registry.lines();
    assert!(!lines.iter().any(|line| line.contains("/referrers/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_of_another_repository_is_no_base() {
    let registry = fault::Registry::start();
    let scene = Scene::new(&registry.address(), "secret/app");
    let secret = scene.push(1).await;
    scene.whole(1).await;
    // Deltas in another repository name contents of the secret one as bases.
    let other = remote(&registry.address(), "other/app");
    let manifest = push(&other, 2).await;
    let secret = config_of(&secret.bytes).parse().unwrap();
    for source in [secret, Digest::of(b"unknown")] {
        let delta = Delta::new(&version(1), &version(2), &manifest.bytes);
        attach(&other, &manifest, source, &delta.file).await;
    }
    let scene = Scene {
        store: other,
        path: "other/app",
        front: scene.front,
    };
    // The repository has a version of its own, so that deltas are looked for.
    scene.push(3).await;
    scene.whole(3).await;
    scene.whole(2).await;
    assert_eq!(scene.counter("delta_bytes"), 0);
}
