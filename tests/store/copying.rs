//! Artifacts go between any two of layouts and real registries: all of them, byte for byte, the tag last.

mod closure;
mod failing;
mod listing;
mod marks;
mod peers;
mod places;
mod watched;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use watched::WatchedStore;
use wharf::copy::{self, BlobCounts, CopySummary};
use wharf::digest::{Digest, Identity};
use wharf::manifest::media_type;
use wharf::reference::{Name, Repository};
use wharf::store::cache::Cache;
use wharf::store::layout::Layout;
use wharf::store::remote::{Access, Credentials, Options, Remote};
use wharf::store::{self, Observer, RawManifest, Session, Store, WritableStore, fetch};

/// A directory for what a test needs.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A layout of this name, made where there is none.
    fn layout(&self, name: &str) -> Layout {
        Layout::create(&self.path().join(name), Arc::new(())).unwrap()
    }

    /// Everything goes along.
    fn options(&self) -> copy::CopyOptions {
        copy::CopyOptions {
            referrers: true,
            companions: ["yank", "wharf"]
                .map(|suffix| copy::Companion {
                    suffix,
                    annotation: None,
                })
                .to_vec(),
            fixed_tags: |_| false,
        }
    }

    /// A session whose cache is in this directory.
    fn session(&self, concurrency: usize) -> Session {
        let cache = Cache::open(&self.path().join("cache")).unwrap();
        Session::unobserved(Arc::new(cache), concurrency)
    }

    /// Copies what a tag names to the same tag, with everything.
    async fn copy(
        &self,
        from: &dyn Store,
        to: &dyn WritableStore,
        name: &str,
    ) -> Result<CopySummary, copy::Error> {
        self.copy_as(from, to, name, name, &self.options()).await
    }

    /// Copies what a tag names to another; nothing of it stays behind on the way.
    async fn copy_as(
        &self,
        from: &dyn Store,
        to: &dyn WritableStore,
        name: &str,
        other: &str,
        options: &copy::CopyOptions,
    ) -> Result<CopySummary, copy::Error> {
        let names = (name, other);
        self.copy_in(&self.session(4), from, to, names, options)
            .await
    }

    /// The same in a session.
    async fn copy_in(
        &self,
        session: &Session,
        from: &dyn Store,
        to: &dyn WritableStore,
        (name, other): (&str, &str),
        options: &copy::CopyOptions,
    ) -> Result<CopySummary, copy::Error> {
        let copied = copy::Copier::new(from, to, options, session)
            .artifact(&tag(name), Some(other))
            .await;
        let left = fs::read_dir(session.cache.ingest()).unwrap();
        let left = left.filter(|entry| entry.as_ref().unwrap().path().is_file());
        assert_eq!(left.count(), 0);
        copied
    }
}

fn nobody() -> Arc<dyn Observer> {
    Arc::new(())
}

fn tag(name: &str) -> Name {
    Name::Tag(name.to_owned())
}

fn remote(host: &str, path: &str, observer: Arc<dyn Observer>) -> Remote {
    let repository = Repository {
        registry: host.to_owned(),
        path: path.to_owned(),
    };
    let options = Options {
        observer,
        ..Options::default()
    };
    Remote::new(&repository, Access::Push, Credentials::Anonymous, &options).unwrap()
}

/// Content that no other seed has.
fn content(seed: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| (at * 31 + at / 251 + seed * 17 + 1) as u8)
        .collect()
}

fn descriptor(media_type: &str, identity: Identity) -> Value {
    let digest = identity.digest.to_string();
    json!({ "mediaType": media_type, "digest": digest, "size": identity.size })
}

fn of(manifest: &RawManifest) -> Value {
    descriptor(&manifest.media_type, Identity::of(&manifest.bytes))
}

/// Puts a blob into a store and describes it.
async fn blob(store: &dyn WritableStore, bytes: &[u8]) -> Value {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let identity = Identity::of(bytes);
    store.push(identity, file.path()).await.unwrap();
    descriptor("application/octet-stream", identity)
}

/// An image manifest of these contents, which are in the store already or put there.
async fn image(store: &dyn WritableStore, kind: &str, layers: &[&[u8]]) -> Value {
    let mut descriptors = Vec::new();
    for layer in layers {
        descriptors.push(blob(store, layer).await);
    }
    let mut config = blob(store, format!("{{\"of\":\"{kind}\"}}").as_bytes()).await;
    config["mediaType"] = "application/vnd.example.config+json".into();
    json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": kind,
        "config": config, "layers": descriptors,
    })
}

/// Puts a manifest into a store. Its bytes are not those that serde_json would write.
async fn put(store: &dyn WritableStore, manifest: &Value, name: Option<&str>) -> RawManifest {
    let bytes = serde_json::to_vec_pretty(manifest).unwrap();
    let stated = manifest["mediaType"].as_str().unwrap();
    let manifest = RawManifest::new(bytes, stated);
    store.push_manifest(&manifest, name).await.unwrap();
    manifest
}

/// An artifact with three layers, one of them twice, under a tag.
async fn sample(store: &dyn WritableStore, name: &str) -> RawManifest {
    let (large, small) = (content(1, 300_000), content(2, 1_000));
    let layers: [&[u8]; 4] = [&small, &large, b"x", &small];
    let manifest = image(store, "application/vnd.example.sample", &layers).await;
    put(store, &manifest, Some(name)).await
}

async fn read(store: &dyn Store, blob: Identity) -> Result<Vec<u8>, store::Error> {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    let mut spool = fetch(store, blob, directory.path(), &()).await?;
    spool.file().read_to_end(&mut bytes).unwrap();
    Ok(bytes)
}

/// A store has a manifest with all that it names: the same bytes as the other one.
async fn assert_same(from: &dyn Store, to: &dyn Store, name: &Name) {
    let mut names = vec![name.clone()];
    while let Some(name) = names.pop() {
        let expected = from.manifest(&name).await.unwrap();
        let found = to.manifest(&name).await.unwrap();
        let place = format!("{name} in {}", to.location());
        assert_eq!(found.bytes, expected.bytes, "{place}");
        assert_eq!(found.media_type, expected.media_type, "{place}");
        let manifest: Value = serde_json::from_slice(&found.bytes).unwrap();
        let list = |member: &str| manifest[member].as_array().cloned().unwrap_or_default();
        let identity = |value: &Value| serde_json::from_value::<Identity>(value.clone()).unwrap();
        for child in list("manifests") {
            names.push(Name::Digest(identity(&child).digest));
        }
        let config = manifest.get("config").cloned();
        for named in list("layers").iter().chain(&config) {
            let blob = identity(named);
            let bytes = read(to, blob).await.unwrap();
            assert_eq!(Identity::of(&bytes), blob, "{place}");
        }
    }
}

fn sums(outcome: BlobCounts) -> [(u64, u64); 2] {
    [outcome.sent, outcome.skipped].map(|tally| (tally.blobs, tally.bytes))
}

fn shown(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {}", shown(source)));
    format!("{error}{}", source.unwrap_or_default())
}
