//! From a layout to one registry, to another, and back.

use super::*;
use crate::support::registries::registries;

/// Counts requests by method, and bytes.
#[derive(Default)]
struct Counter {
    planned: AtomicU64,
    writes: AtomicU64,
    reads: AtomicU64,
    bytes: AtomicU64,
}

impl Observer for Counter {
    fn planned(&self, bytes: u64) {
        self.planned.fetch_add(bytes, Ordering::SeqCst);
    }

    fn moved(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    fn requested(&self, method: &str, _url: &str, _outcome: &str) {
        match method {
            "GET" | "HEAD" => self.reads.fetch_add(1, Ordering::SeqCst),
            _ => self.writes.fetch_add(1, Ordering::SeqCst),
        };
    }
}

impl Counter {
    fn take(&self) -> [u64; 3] {
        [&self.writes, &self.reads, &self.bytes].map(|count| count.swap(0, Ordering::SeqCst))
    }
}

/// An index of two manifests with a layer in common, with a mark. Nothing of it is in one of another seed, because zot
/// has a blob in every repository when it is in one.
async fn index(store: &dyn WritableStore, seed: usize) -> String {
    let shared = content(seed, 9 << 20);
    let kind = format!("application/vnd.example.places-{seed}");
    let mut children = Vec::new();
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    for (seed, stated) in [(seed + 1, media_type::MANIFEST), (seed + 2, docker)] {
        let mut child = image(store, &kind, &[&content(seed, 70_000), &shared]).await;
        child["mediaType"] = stated.into();
        children.push(of(&put(store, &child, None).await));
    }
    let index =
        json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": children });
    let index = put(store, &index, Some("1.0")).await;
    let mark = format!("sha256-{}.yank", index.digest.hex());
    let yank = image(store, &format!("{kind}.yank"), &[kind.as_bytes()]).await;
    put(store, &yank, Some(&mark)).await;
    mark
}

#[tokio::test]
async fn copying_there_and_back_changes_nothing() {
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    let mark = index(&from, 10).await;
    let path = format!("copying/places-{}", std::process::id());
    let counter = Arc::new(Counter::default());
    let stops: Vec<Remote> = registries()
        .iter()
        .map(|registry| remote(&registry.host, &path, Arc::clone(&counter) as _))
        .collect();
    let back = scratch.layout("back");
    let mut stations: Vec<&dyn WritableStore> = vec![&from];
    stations.extend(stops.iter().map(|stop| stop as &dyn WritableStore));
    stations.push(&back);
    for pair in stations.windows(2) {
        let [before, after] = pair else { continue };
        let copied = scratch.copy(*before, *after, "1.0").await.unwrap();
        assert_eq!(copied.manifests, 4, "{}", after.location());
        assert_eq!(sums(copied.outcome)[0].0, 6, "{}", after.location());
        for name in ["1.0", &mark] {
            assert_same(&from, *after, &tag(name)).await;
        }
        counter.take();
        let again = scratch.copy(*before, *after, "1.0").await.unwrap();
        assert!(!again.has_written, "{}", after.location());
        let [writes, reads, bytes] = counter.take();
        assert_eq!((writes, bytes), (0, 0), "{}", after.location());
        // The manifest, its mark, the mark that is not there, and who refers to it, on either side.
        assert!(reads <= 10, "{reads} in {}", after.location());
    }
    let mut tags = back.tags().await.unwrap();
    tags.sort();
    assert_eq!(tags, ["1.0", &mark]);
}

#[tokio::test]
async fn all_tags_of_a_registry_go_to_a_layout() {
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    let mark = index(&from, 20).await;
    sample(&from, "2.0").await;
    for registry in registries() {
        let path = format!("copying/tags-{}", std::process::id());
        let stop = remote(&registry.host, &path, nobody());
        let options = scratch.options();
        let done = copy::Copier::new(&from, &stop, &options, &scratch.session(4))
            .all_tags()
            .await;
        assert_eq!(done.unwrap().len(), 2);
        let back = scratch.layout(registry.name);
        let done = copy::Copier::new(&stop, &back, &options, &scratch.session(4))
            .all_tags()
            .await;
        assert_eq!(done.unwrap().len(), 2);
        for name in ["1.0", "2.0", &mark] {
            assert_same(&from, &back, &tag(name)).await;
        }
    }
}

#[tokio::test]
async fn copy_sends_only_missing_blobs() {
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    let (large, small) = (content(40, 300_000), content(41, 1_000));
    let kind = "application/vnd.example.blobs";
    let image = image(&from, kind, &[&small, &large, b"blobs"]).await;
    put(&from, &image, Some("1.0")).await;
    for registry in registries() {
        let path = format!("copying/blobs-{}", std::process::id());
        let stop = remote(&registry.host, &path, nobody());
        blob(&stop, &large).await;
        let copied = scratch.copy(&from, &stop, "1.0").await.unwrap();
        let [sent, skipped] = sums(copied.outcome);
        assert_eq!((sent.0, skipped), (3, (1, 300_000)), "{}", registry.name);
        assert_same(&from, &stop, &tag("1.0")).await;
    }
}

#[tokio::test]
async fn every_planned_byte_is_transferred() {
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    index(&from, 30).await;
    for registry in registries() {
        let counter = Arc::new(Counter::default());
        let observer: Arc<dyn Observer> = Arc::clone(&counter) as _;
        let path = format!("copying/planned-{}", std::process::id());
        let stop = remote(&registry.host, &path, Arc::clone(&observer));
        let (options, mut session) = (scratch.options(), scratch.session(4));
        session.observer = observer;
        // The mark goes with it.
        let name = tag("1.0");
        let copied = copy::Copier::new(&from, &stop, &options, &session)
            .artifact(&name, Some("1.0"))
            .await;
        assert_eq!(copied.unwrap().manifests, 4);
        let planned = counter.planned.load(Ordering::SeqCst);
        let [_, _, moved] = counter.take();
        assert!(planned > 2 * (9 << 20), "in and out");
        assert_eq!(moved, planned, "{}", registry.name);
    }
}

#[tokio::test]
async fn transfers_run_one_at_a_time_without_concurrency() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    sample(&from, "1.0").await;
    let options = scratch.options();
    // A copy may be moved to another thread.
    let session = scratch.session(0);
    let copying = tokio::spawn(async move {
        let name = tag("1.0");
        copy::Copier::new(&from, &to, &options, &session)
            .artifact(&name, Some("1.0"))
            .await
    });
    assert!(copying.await.unwrap().unwrap().has_written);
}
