//! One function says what every store must do; it is run over a layout, the in-process registry, and every
//! real registry there is, open and with a password.

use crate::support::fault;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::support::registries;
use futures_util::TryStreamExt;
use wharf::digest::{Digest, Identity};
use wharf::error::Kind;
use wharf::manifest::media_type;
use wharf::reference::{Name, Repository};
use wharf::store::layout::Layout;
use wharf::store::remote::{Access, Credentials, Options, Remote};
use wharf::store::retry::Retry;
use wharf::store::{Delivery, RawManifest, Store, WritableStore, fetch};

/// Content of a given size that no other size shares.
fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| (at * 31 + at / 251 + size) as u8)
        .collect()
}

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, bytes: &[u8]) -> (Identity, PathBuf) {
        let blob = Identity::of(bytes);
        let path = self.0.path().join(blob.digest.hex());
        fs::write(&path, bytes).unwrap();
        (blob, path)
    }
}

async fn read(
    store: &dyn WritableStore,
    blob: Identity,
    scratch: &Scratch,
) -> Result<Vec<u8>, wharf::store::Error> {
    let mut spool = fetch(store, blob, scratch.0.path(), &()).await?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(spool.file(), &mut bytes).unwrap();
    Ok(bytes)
}

/// A manifest of some blobs, which must be there before it is pushed.
fn manifest(config: Identity, layers: &[Identity], note: &str) -> RawManifest {
    let layers: Vec<String> = layers
        .iter()
        .map(|layer| {
            let Identity { digest, size } = layer;
            format!(
                r#"{{"mediaType":"application/octet-stream","digest":"{digest}","size":{size}}}"#
            )
        })
        .collect();
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.example+json","digest":"{}","size":{}}},"layers":[{}],"annotations":{{"note":"{note}"}}}}"#,
        media_type::MANIFEST,
        config.digest,
        config.size,
        layers.join(",")
    );
    RawManifest::new(text.into_bytes(), media_type::MANIFEST)
}

/// What every store must do.
async fn conforms(store: &dyn WritableStore) {
    let scratch = Scratch::new();
    let place = store.location();

    let absent = Identity::of(b"never pushed");
    assert!(!store.has(absent).await.unwrap(), "{place}");
    let kind = |error: wharf::store::Error| error.kind();
    assert_eq!(
        read(store, absent, &scratch).await.map_err(kind),
        Err(Kind::NotFound),
        "{place}"
    );
    for name in [Name::Tag("nowhere".to_owned()), Name::Digest(absent.digest)] {
        let missing = store.manifest(&name).await.map(|manifest| manifest.digest);
        assert_eq!(missing.map_err(kind), Err(Kind::NotFound), "{place} {name}");
    }

    let mut blobs = Vec::new();
    // One byte, one piece, an odd number of pieces, more than a chunk of 4 MiB.
    for size in [1, 256 * 1024, 1_000_003, 9 << 20] {
        let bytes = content(size);
        let (blob, path) = scratch.file(&bytes);
        assert!(!store.has(blob).await.unwrap(), "{place} {size}");
        assert_eq!(
            store.push(blob, &path).await.unwrap(),
            Delivery::Sent,
            "{place} {size}"
        );
        assert!(store.has(blob).await.unwrap(), "{place} {size}");
        assert_eq!(
            read(store, blob, &scratch).await.unwrap(),
            bytes,
            "{place} {size}"
        );
        blobs.push(blob);
    }
    ranges(store, blobs[2]).await;

    let (wrong, path) = scratch.file(b"these bytes");
    let lie = Identity {
        digest: Digest::of(b"other bytes"),
        ..wrong
    };
    assert!(store.push(lie, &path).await.is_err(), "{place}");
    assert!(!store.has(lie).await.unwrap(), "{place}");

    manifests(store, &scratch, &blobs).await;
}

/// A blob can be opened anywhere within it.
async fn ranges(store: &dyn WritableStore, blob: Identity) {
    let whole = content(blob.size as usize);
    for from in [0, 1, 262_144, blob.size - 1] {
        let stream = store.open(blob, from..blob.size).await.unwrap();
        let pieces: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(
            pieces.concat(),
            whole[from as usize..],
            "{} from {from}",
            store.location()
        );
    }
}

async fn manifests(store: &dyn WritableStore, scratch: &Scratch, blobs: &[Identity]) {
    let place = store.location();
    let (config, path) = scratch.file(b"{}\n");
    store.push(config, &path).await.unwrap();
    let first = manifest(config, blobs, "first");
    let second = manifest(config, blobs, "second");
    for (manifest, tag) in [
        (&first, Some("1.0")),
        (&second, Some("2.0")),
        (&first, Some("moving")),
    ] {
        store.push_manifest(manifest, tag).await.unwrap();
    }
    let untagged = manifest(config, blobs, "untagged");
    store.push_manifest(&untagged, None).await.unwrap();
    // The same again changes nothing.
    store.push_manifest(&first, Some("1.0")).await.unwrap();
    store.push_manifest(&second, Some("moving")).await.unwrap();

    let tagged = |tag: &str| Name::Tag(tag.to_owned());
    for (name, expected) in [
        (tagged("1.0"), &first),
        (tagged("2.0"), &second),
        (tagged("moving"), &second),
        (Name::Digest(second.digest), &second),
        (Name::Digest(untagged.digest), &untagged),
    ] {
        let found = store.manifest(&name).await.unwrap();
        assert_eq!(found.bytes, expected.bytes, "{place} {name}");
        assert_eq!(found.digest, expected.digest, "{place} {name}");
        assert_eq!(found.media_type, media_type::MANIFEST, "{place} {name}");
    }
    let mut tags = store.tags().await.unwrap();
    tags.sort();
    assert_eq!(tags, ["1.0", "2.0", "moving"], "{place}");
}

fn remote(host: &str, path: &str, credentials: Credentials) -> Remote {
    let repository = Repository {
        registry: host.to_owned(),
        path: path.to_owned(),
    };
    let retry = Retry {
        first: Duration::from_millis(1),
        ..Retry::NETWORK
    };
    let options = Options {
        retry,
        ..Options::default()
    };
    Remote::new(&repository, Access::Push, credentials, &options).unwrap()
}

#[tokio::test]
async fn a_layout_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(&directory.path().join("layout"), Arc::new(())).unwrap();
    conforms(&layout).await;
    // What one process wrote another one reads.
    let again = Layout::open(&directory.path().join("layout"), Arc::new(())).unwrap();
    assert_eq!(again.tags().await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_in_process_registry_conforms() {
    let registry = fault::Registry::start();
    conforms(&remote(
        &registry.address(),
        "conformance",
        Credentials::Anonymous,
    ))
    .await;
}

#[tokio::test]
async fn every_real_registry_conforms() {
    // Registries that were given to us may have seen earlier runs.
    let path = format!("wharf/conformance-{}", std::process::id());
    for registry in registries::everywhere() {
        conforms(&remote(&registry.host, &path, registry.credentials())).await;
    }
}
