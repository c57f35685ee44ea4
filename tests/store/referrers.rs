//! Referrers in real registries: with an API for them (zot), and without (both distributions).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::registries::{self, Registry};
use crate::support::tool;
use serde_json::{Value, json};
use wharf::digest::{Digest, Identity};
use wharf::manifest::{Descriptor, media_type};
use wharf::reference::{Name, Repository};
use wharf::store::remote::{Access, Credentials, Options, Remote, catalog};
use wharf::store::{Error, Observer, RawManifest, Store, WritableStore};

const SIGNATURE: &str = "application/vnd.example.signature";
const REPORT: &str = "application/vnd.example.report+json";

/// How many write at the same time.
const WRITERS: usize = 12;

/// A repository that no other test has; registries that were given to us may have seen earlier runs.
fn repository(registry: &Registry) -> Repository {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    Repository {
        registry: registry.host.clone(),
        path: format!("wharf/referrers-{}-{count}", std::process::id()),
    }
}

fn remote(registry: &Registry, repository: &Repository) -> Remote {
    watched(registry, repository, Arc::new(()))
}

fn watched(registry: &Registry, repository: &Repository, observer: Arc<dyn Observer>) -> Remote {
    let options = Options {
        observer,
        ..Options::default()
    };
    Remote::new(repository, Access::Push, registry.credentials(), &options).unwrap()
}

/// Pushes the one blob that the manifests of these tests name.
async fn push_empty(store: &Remote) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"{}").unwrap();
    store.push(Identity::of(b"{}"), file.path()).await.unwrap();
}

fn manifest(note: &str, more: Value) -> RawManifest {
    let empty = Descriptor::new(media_type::EMPTY, Identity::of(b"{}"));
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": empty,
        "layers": [empty],
        "annotations": {"note": note},
    });
    for (field, value) in more.as_object().unwrap() {
        manifest[field] = value.clone();
    }
    RawManifest::new(manifest.to_string().into_bytes(), media_type::MANIFEST)
}

fn subject(of: &RawManifest) -> Value {
    json!({
        "mediaType": of.media_type,
        "digest": of.digest.to_string(),
        "size": of.bytes.len(),
    })
}

fn referrer(of: &RawManifest, note: &str, artifact_type: &str) -> RawManifest {
    manifest(
        note,
        json!({"subject": subject(of), "artifactType": artifact_type}),
    )
}

fn fallback_tag(of: &RawManifest) -> String {
    format!("sha256-{}", of.digest.hex())
}

async fn digests(store: &Remote, of: &Digest, artifact_type: Option<&str>) -> Vec<Digest> {
    let mut found: Vec<Digest> = store
        .referrers(of, artifact_type)
        .await
        .unwrap()
        .into_iter()
        .map(|referrer| referrer.digest)
        .collect();
    found.sort();
    found
}

fn sorted(manifests: &[&RawManifest]) -> Vec<Digest> {
    let mut digests: Vec<Digest> = manifests.iter().map(|manifest| manifest.digest).collect();
    digests.sort();
    digests
}

#[tokio::test]
async fn referrers_of_a_manifest_are_listed() {
    for registry in registries::everywhere() {
        let repository = repository(registry);
        let store = remote(registry, &repository);
        let place = registry.name;
        let absent = Digest::of(b"never pushed");
        assert_eq!(
            digests(&store, &absent, None).await,
            [],
            "{place}, no repository"
        );
        push_empty(&store).await;

        let app = manifest("app", json!({}));
        store.push_manifest(&app, Some("1.0")).await.unwrap();
        assert_eq!(digests(&store, &app.digest, None).await, [], "{place}");

        let signature = referrer(&app, "signature", SIGNATURE);
        let report = referrer(&app, "report", REPORT);
        // Without an artifact type the config's media type is one.
        let plain = manifest("plain", json!({"subject": subject(&app)}));
        store.push_manifest(&signature, None).await.unwrap();
        store.push_manifest(&report, Some("report")).await.unwrap();
        store.push_manifest(&plain, None).await.unwrap();
        // The same again changes nothing.
        store.push_manifest(&signature, None).await.unwrap();

        // One that knows nothing yet, and one that knows the registry's way.
        for store in [&remote(registry, &repository), &store] {
            for (artifact_type, expected) in [
                (None, sorted(&[&signature, &report, &plain])),
                (Some(SIGNATURE), sorted(&[&signature])),
                (Some(REPORT), sorted(&[&report])),
                (Some(media_type::EMPTY), sorted(&[&plain])),
                (Some("application/vnd.example.other"), Vec::new()),
            ] {
                let found = digests(store, &app.digest, artifact_type).await;
                assert_eq!(found, expected, "{place} {artifact_type:?}");
            }
        }
        let listed = store.referrers(&app.digest, Some(REPORT)).await.unwrap();
        let expected = Descriptor {
            annotations: [("note".to_owned(), "report".to_owned())].into(),
            artifact_type: Some(REPORT.to_owned()),
            ..Descriptor::new(
                media_type::MANIFEST,
                Identity {
                    digest: report.digest,
                    size: report.bytes.len() as u64,
                },
            )
        };
        assert_eq!(listed, [expected], "{place}");
    }
}

#[tokio::test]
async fn a_subject_need_not_exist() {
    for registry in registries::registries() {
        let store = remote(registry, &repository(registry));
        push_empty(&store).await;
        let nowhere = manifest("nowhere", json!({}));
        let lonely = referrer(&nowhere, "lonely", SIGNATURE);
        store.push_manifest(&lonely, None).await.unwrap();
        assert_eq!(
            digests(&store, &nowhere.digest, None).await,
            [lonely.digest],
            "{}",
            registry.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_concurrent_writers_lose_no_referrer() {
    for registry in registries::registries() {
        let repository = repository(registry);
        let store = remote(registry, &repository);
        push_empty(&store).await;
        let app = manifest("app", json!({}));
        store.push_manifest(&app, Some("1.0")).await.unwrap();
        let referrers: Vec<RawManifest> = (0..WRITERS)
            .map(|writer| referrer(&app, &format!("writer {writer}"), SIGNATURE))
            .collect();
        let writers: Vec<_> = referrers
            .iter()
            .map(|referrer| {
                let store = remote(registry, &repository);
                let referrer = referrer.clone();
                tokio::spawn(async move { store.push_manifest(&referrer, None).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        let expected = sorted(&referrers.iter().collect::<Vec<_>>());
        let found = digests(&store, &app.digest, None).await;
        assert_eq!(found, expected, "{}", registry.name);
    }
}

/// Notes what is written.
#[derive(Default)]
struct Writes(AtomicU32);

impl Observer for Writes {
    fn requested(&self, method: &str, _url: &str, _outcome: &str) {
        if method == "PUT" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn index_entries_of_other_clients_stay() {
    for registry in registries::registries()
        .iter()
        .filter(|registry| registry.name.starts_with("distribution"))
    {
        let repository = repository(registry);
        let writes = Arc::new(Writes::default());
        let store = watched(registry, &repository, writes.clone());
        push_empty(&store).await;
        let app = manifest("app", json!({}));
        let theirs = referrer(&app, "theirs", REPORT);
        store.push_manifest(&app, Some("1.0")).await.unwrap();
        // As a client does that knows nothing of subjects.
        let mut entry = subject(&theirs);
        entry["artifactType"] = json!("application/vnd.example.odd");
        entry["vendor"] = json!({"z": 1, "a": [1.5, null]});
        let mut index = json!({
            "schemaVersion": 2,
            "mediaType": media_type::INDEX,
            "manifests": [entry],
            "annotations": {"theirs": "too"},
            "vendor": true,
        });
        let bare = manifest("theirs", json!({"artifactType": REPORT}));
        store.push_manifest(&bare, None).await.unwrap();
        index["manifests"][0]["digest"] = json!(bare.digest.to_string());
        index["manifests"][0]["size"] = json!(bare.bytes.len());
        let raw = RawManifest::new(index.to_string().into_bytes(), media_type::INDEX);
        let tag = fallback_tag(&app);
        store.push_manifest(&raw, Some(&tag)).await.unwrap();

        let ours = referrer(&app, "ours", SIGNATURE);
        store.push_manifest(&ours, None).await.unwrap();
        let tagged = store.manifest(&Name::Tag(tag)).await.unwrap();
        assert_eq!(tagged.media_type, media_type::INDEX, "{}", registry.name);
        let written: Value = serde_json::from_slice(&tagged.bytes).unwrap();
        let mut entry = subject(&ours);
        entry["artifactType"] = json!(SIGNATURE);
        entry["annotations"] = json!({"note": "ours"});
        index["manifests"].as_array_mut().unwrap().push(entry);
        assert_eq!(written, index, "{}", registry.name);

        let before = writes.0.load(Ordering::SeqCst);
        store.push_manifest(&ours, None).await.unwrap();
        let after = writes.0.load(Ordering::SeqCst);
        assert_eq!(after - before, 1, "the manifest, and no index that has it");
    }
}

/// Deletes a manifest as a collector does, which knows nothing of indexes of referrers.
fn delete(repository: &Repository, manifest: &RawManifest) {
    let mut connection = TcpStream::connect(&repository.registry).unwrap();
    let (host, path, digest) = (&repository.registry, &repository.path, manifest.digest);
    let head = format!("DELETE /v2/{path}/manifests/{digest} HTTP/1.1\r\nHost: {host}\r\n");
    write!(connection, "{head}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[tokio::test]
async fn an_entry_without_a_manifest_does_not_hide_others() {
    for registry in registries::registries() {
        let repository = repository(registry);
        let store = remote(registry, &repository);
        push_empty(&store).await;
        let app = manifest("app", json!({}));
        store.push_manifest(&app, Some("1.0")).await.unwrap();
        let notes = ["gone", "kept", "gone too", "new"];
        let [gone, kept, gone_too, new] = notes.map(|note| referrer(&app, note, SIGNATURE));
        for referrer in [&gone, &kept, &gone_too] {
            store.push_manifest(referrer, None).await.unwrap();
        }
        delete(&repository, &gone);
        delete(&repository, &gone_too);
        store.push_manifest(&new, None).await.unwrap();
        let found = digests(&store, &app.digest, None).await;
        assert_eq!(found, sorted(&[&kept, &new]), "{}", registry.name);
    }
}

#[tokio::test]
async fn oras_shows_our_referrers_and_we_show_those_of_oras() {
    let Some(oras) = tool("oras") else {
        return;
    };
    for registry in registries::registries() {
        let repository = repository(registry);
        let store = remote(registry, &repository);
        push_empty(&store).await;
        let app = manifest("app", json!({}));
        store.push_manifest(&app, Some("1.0")).await.unwrap();
        let run = |arguments: &[&str]| {
            let output = Command::new(&oras).args(arguments).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {said}", registry.name);
            output.stdout
        };
        let reference = format!("{repository}:1.0");
        run(&[
            "attach",
            "--plain-http",
            "--artifact-type",
            REPORT,
            "--annotation",
            "a=b",
            &reference,
        ]);
        let ours = referrer(&app, "ours", SIGNATURE);
        store.push_manifest(&ours, None).await.unwrap();

        let shown = run(&["discover", "--plain-http", "--format", "json", &reference]);
        let shown: Value = serde_json::from_slice(&shown).unwrap();
        let shown = shown["referrers"].as_array().unwrap();
        let types: Vec<&str> = shown
            .iter()
            .map(|referrer| referrer["artifactType"].as_str().unwrap())
            .collect();
        assert_eq!(types.len(), 2, "{}: {shown:?}", registry.name);
        assert!(types.contains(&REPORT) && types.contains(&SIGNATURE));
        let theirs = store.referrers(&app.digest, Some(REPORT)).await.unwrap();
        assert_eq!(theirs.len(), 1, "{}", registry.name);
        assert_eq!(theirs[0].annotations["a"], "b");
    }
}

#[tokio::test]
async fn a_registry_lists_its_repositories() {
    for registry in registries::everywhere() {
        let repository = repository(registry);
        let store = remote(registry, &repository);
        push_empty(&store).await;
        let app = manifest("app", json!({}));
        store.push_manifest(&app, Some("1.0")).await.unwrap();
        let options = Options::default();
        let found = catalog(&registry.host, registry.credentials(), &options).await;
        assert!(
            found.unwrap().contains(&repository.path),
            "{}",
            registry.name
        );
        if registry.username.is_some() {
            let error = catalog(&registry.host, Credentials::Anonymous, &options).await;
            let error = error.unwrap_err();
            assert!(matches!(error, Error::Refused { .. }), "{error}");
        }
    }
}
