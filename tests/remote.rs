//! The registry transport against a registry that fails as it is told.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/fault.rs"]
mod fault;

use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fault::{Auth, Fault, Mount, Registry, Settings};
use wharf::digest::{Digest, Identity};
use wharf::reference::{Name, Repository};
use wharf::store::remote::{Access, Credentials, Options, Remote};
use wharf::store::retry::Retry;
use wharf::store::{Delivery, Error, MAX_MANIFEST_BYTES, Observer, RawManifest, Store, fetch};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const UPLOADS: &str = "/v2/demo/app/blobs/uploads/";
const MIB: usize = 1024 * 1024;

fn options() -> Options {
    Options {
        retry: Retry {
            attempts: 4,
            first: Duration::from_millis(1),
            longest: Duration::from_millis(2),
        },
        ..Options::default()
    }
}

fn repository(registry: &str) -> Repository {
    Repository {
        registry: registry.to_owned(),
        path: "demo/app".to_owned(),
    }
}

fn basic(password: &str) -> Credentials {
    Credentials::Basic {
        username: "user".to_owned(),
        password: password.to_owned(),
    }
}

fn remote_as(registry: &Registry, credentials: Credentials) -> Remote {
    Remote::new(
        &repository(&registry.address()),
        Access::Push,
        credentials,
        &options(),
    )
    .unwrap()
}

fn remote(registry: &Registry) -> Remote {
    remote_as(registry, Credentials::Anonymous)
}

/// Bytes that do not repeat within a blob of the tests.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..size).map(|_| next()).collect()
}

struct Source {
    _directory: tempfile::TempDir,
    file: PathBuf,
    blob: Identity,
}

fn source(bytes: &[u8]) -> Source {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blob");
    std::fs::write(&file, bytes).unwrap();
    let blob = Identity::of(bytes);
    Source {
        _directory: directory,
        file,
        blob,
    }
}

async fn fetched(store: &Remote, blob: Identity) -> Result<Vec<u8>, Error> {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = fetch(store, blob, directory.path(), &()).await?;
    let mut bytes = Vec::new();
    spool.file().read_to_end(&mut bytes).unwrap();
    Ok(bytes)
}

async fn pushed(registry: &Registry, store: &Remote, bytes: &[u8]) -> Result<Delivery, Error> {
    let source = source(bytes);
    let delivery = store.push(source.blob, &source.file).await?;
    let stored = registry.blob("demo/app", &source.blob.digest);
    assert_eq!(stored.as_deref().map(Vec::as_slice), Some(bytes));
    Ok(delivery)
}

fn tag(name: &str) -> Name {
    Name::Tag(name.to_owned())
}

/// The error and its sources, as a person sees them.
fn shown(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

// Reading.

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte() {
    let registry = Registry::start();
    let digest = registry.put_manifest("demo/app", "1.0", MANIFEST, b"{ \"odd\" :1}\n");
    let store = remote(&registry);
    for name in [tag("1.0"), Name::Digest(digest)] {
        let manifest = store.manifest(&name).await.unwrap();
        assert_eq!(&manifest.bytes[..], b"{ \"odd\" :1}\n");
        assert_eq!(
            (manifest.digest, manifest.media_type.as_str()),
            (digest, MANIFEST)
        );
    }
    assert_eq!(registry.lines().len(), 2, "no ping");
}

#[tokio::test]
async fn a_manifest_of_other_bytes_is_damaged() {
    let registry = Registry::start();
    let digest = registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let store = remote(&registry);
    for name in [tag("1.0"), Name::Digest(digest)] {
        registry.on("GET", "/manifests/", 1, Fault::WrongBytes);
        let error = store.manifest(&name).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
    // A registry that is consistent and has another manifest than the one that was asked for.
    let other = Digest::of(b"[]").to_string();
    registry.on("GET", "/manifests/", 1, Fault::Body(b"[]".to_vec()));
    registry.on(
        "GET",
        "/manifests/",
        1,
        Fault::Headers(vec![("docker-content-digest", other)]),
    );
    let error = store.manifest(&Name::Digest(digest)).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    let error = store.manifest(&tag("1.0")).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert_eq!(
        registry.requests().len(),
        4,
        "wrong bytes are not asked for again"
    );
}

#[tokio::test]
async fn a_manifest_is_read_up_to_a_limit() {
    let registry = Registry::start();
    let limit = MAX_MANIFEST_BYTES as usize;
    registry.put_manifest("demo/app", "limit", MANIFEST, &vec![b' '; limit]);
    registry.put_manifest("demo/app", "over", MANIFEST, &vec![b' '; limit + 1]);
    let store = remote(&registry);
    assert_eq!(
        store.manifest(&tag("limit")).await.unwrap().bytes.len(),
        limit
    );
    for fault in [None, Some(Fault::NoLength), Some(Fault::Endless)] {
        if let Some(fault) = fault {
            registry.on("GET", "/over", 1, fault);
        }
        let error = store.manifest(&tag("over")).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let registry = Registry::start();
    let store = remote(&registry);
    let error = store.manifest(&tag("1.0")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
    let expected = format!(
        "manifest `1.0` (NAME_UNKNOWN) not found in {}/demo/app",
        registry.address()
    );
    assert_eq!(error.to_string(), expected);
    assert!(matches!(store.tags().await, Err(Error::NotFound { .. })));
    let blob = Identity::of(b"absent");
    let error = fetched(&store, blob).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("blob {} (BLOB_UNKNOWN)", blob.digest)),
        "{error}"
    );
    assert!(!store.has(blob).await.unwrap());
}

#[tokio::test]
async fn a_blob_is_there_with_its_size() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", b"component");
    let empty = registry.put_blob("demo/app", b"");
    let store = remote(&registry);
    assert!(store.has(blob).await.unwrap());
    assert!(store.has(empty).await.unwrap());
    let lie = Identity { size: 8, ..blob };
    assert!(matches!(store.has(lie).await, Err(Error::Malformed { .. })));
    assert_eq!(fetched(&store, blob).await.unwrap(), b"component");
    assert_eq!(fetched(&store, empty).await.unwrap(), b"");
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_stopped() {
    let registry = Registry::start();
    let bytes = noise(300_000);
    let blob = registry.put_blob("demo/app", &bytes);
    let store = remote(&registry);
    registry.on("GET", "/blobs/", 1, Fault::Truncate(100_000));
    registry.on("GET", "/blobs/", 1, Fault::Truncate(50_000));
    assert_eq!(fetched(&store, blob).await.unwrap(), bytes);
    let ranges: Vec<Option<String>> = registry
        .requests()
        .iter()
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    let from = |byte| Some(format!("bytes={byte}-"));
    assert_eq!(ranges, [None, from(100_000), from(150_000)]);
}

#[tokio::test]
async fn a_server_without_ranges_is_resumed_too() {
    let registry = Registry::start();
    let bytes = noise(300_000);
    let blob = registry.put_blob("demo/app", &bytes);
    registry.on("GET", "/blobs/", 1, Fault::Truncate(100_000));
    registry.on("GET", "/blobs/", 1, Fault::IgnoreRange);
    assert_eq!(fetched(&remote(&registry), blob).await.unwrap(), bytes);
    assert_eq!(registry.requests().len(), 2);
}

#[tokio::test]
async fn another_range_than_the_one_asked_for_is_refused() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", &noise(300_000));
    for range in [
        "bytes 0-299999/300000",
        "bytes 100000-299999/300001",
        "bytes */300000",
        "",
    ] {
        registry.on("GET", "/blobs/", 1, Fault::Truncate(100_000));
        let headers = vec![("content-range", range.to_owned())];
        registry.on("GET", "/blobs/", 1, Fault::Status(206, headers));
        let error = fetched(&remote(&registry), blob).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{range}: {error}");
    }
}

#[tokio::test]
async fn wrong_bytes_are_refused_and_not_asked_for_again() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", &noise(100_000));
    let store = remote(&registry);
    for fault in [
        Fault::WrongBytes,
        Fault::Endless,
        Fault::NoLengthTruncate(99_999),
        Fault::Body(vec![0; 100_001]),
    ] {
        registry.forget_requests();
        registry.on("GET", "/blobs/", 1, fault);
        let error = fetched(&store, blob).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert_eq!(registry.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_read() {
    let registry = Registry::start();
    let bytes = noise(100_000);
    let blob = registry.put_blob("demo/app", &bytes);
    registry.on("GET", "/blobs/", 1, Fault::NoLength);
    assert_eq!(fetched(&remote(&registry), blob).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_transfer_that_goes_on_breaking_is_given_up() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", &noise(100_000));
    registry.on("GET", "/blobs/", 100, Fault::Truncate(0));
    let error = fetched(&remote(&registry), blob).await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { attempts: 4, .. }),
        "{error}"
    );
    assert_eq!(registry.requests().len(), 4);
}

// Trying again.

#[tokio::test]
async fn answers_that_pass_are_waited_for() {
    let registry = Registry::start();
    let digest = registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let store = remote(&registry);
    for status in [408, 429, 500, 502, 503, 504] {
        registry.forget_requests();
        registry.on(
            "GET",
            "/manifests/",
            3,
            Fault::Status(status, vec![("retry-after", "0".to_owned())]),
        );
        assert_eq!(store.manifest(&tag("1.0")).await.unwrap().digest, digest);
        assert_eq!(registry.requests().len(), 4, "{status}");
    }
    registry.forget_requests();
    registry.on("GET", "/manifests/", 1, Fault::CloseBeforeAnswer);
    registry.on("GET", "/manifests/", 1, Fault::Truncate(1));
    assert_eq!(store.manifest(&tag("1.0")).await.unwrap().digest, digest);
    assert_eq!(registry.requests().len(), 3);
}

#[tokio::test]
async fn answers_that_stay_are_not() {
    let registry = Registry::start();
    let store = remote(&registry);
    for status in [400, 402, 405, 418, 501] {
        registry.forget_requests();
        registry.on("GET", "/manifests/", 1, Fault::Status(status, vec![]));
        let error = store.manifest(&tag("1.0")).await.unwrap_err();
        assert!(
            matches!(error, Error::Answer { status: found, .. } if found == status),
            "{error}"
        );
        assert!(
            error.to_string().ends_with("UNAVAILABLE: injected"),
            "{error}"
        );
        assert_eq!(registry.requests().len(), 1);
    }
}

#[tokio::test]
async fn the_server_may_say_how_long_to_wait() {
    let registry = Registry::start();
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    // Left to itself it would wait for days.
    let days = Duration::from_secs(1 << 24);
    let patient = Options {
        retry: Retry {
            attempts: 4,
            first: days,
            longest: days,
        },
        ..options()
    };
    let repository = repository(&registry.address());
    let store = Remote::new(&repository, Access::Pull, Credentials::Anonymous, &patient).unwrap();
    for after in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let asked = Fault::Status(429, vec![("retry-after", after.to_owned())]);
        registry.on("GET", "/manifests/", 1, asked);
        let name = tag("1.0");
        let answer = tokio::time::timeout(Duration::from_secs(60), store.manifest(&name));
        answer.await.unwrap().unwrap();
    }
    assert_eq!(registry.requests().len(), 4);
}

#[tokio::test]
async fn giving_up_says_how_often_and_why() {
    let registry = Registry::start();
    registry.on("GET", "/manifests/", 100, Fault::Status(503, vec![]));
    let error = remote(&registry).manifest(&tag("1.0")).await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { attempts: 4, .. }),
        "{error}"
    );
    let text = shown(&error);
    assert!(
        text.contains("after 4 attempts") && text.contains("503"),
        "{text}"
    );
    assert_eq!(registry.requests().len(), 4);
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for registry in [unused.to_string(), "registry.invalid".to_owned()] {
        let store = Remote::new(
            &repository(&registry),
            Access::Pull,
            Credentials::Anonymous,
            &options(),
        )
        .unwrap();
        let error = store.manifest(&tag("1.0")).await.unwrap_err();
        assert!(
            matches!(error, Error::Unreachable { attempts: 1, .. }),
            "{}",
            shown(&error)
        );
        let error = fetched(&store, Identity::of(b"x")).await.unwrap_err();
        assert!(
            matches!(error, Error::Unreachable { attempts: 1, .. }),
            "{}",
            shown(&error)
        );
    }
}

// Pushing.

#[tokio::test]
async fn a_blob_is_sent_in_one_piece() {
    let registry = Registry::start();
    let store = remote(&registry);
    for size in [0, 1, 300_000, 9 * MIB] {
        registry.forget_requests();
        assert_eq!(
            pushed(&registry, &store, &noise(size)).await.unwrap(),
            Delivery::Sent
        );
        let requests = registry.requests();
        let methods: Vec<&str> = requests
            .iter()
            .map(|request| request.method.as_str())
            .collect();
        assert_eq!(
            methods,
            ["POST", "PUT"],
            "the upload that the mount opened is used"
        );
        assert!(
            requests[0].query.starts_with("mount=sha256"),
            "{}",
            requests[0].query
        );
        assert!(!requests[0].query.contains("from="));
        assert_eq!(requests[0].header("content-length"), Some("0"));
        assert_eq!(
            requests[1].header("content-length"),
            Some(size.to_string().as_str())
        );
        assert_eq!(requests[1].header("transfer-encoding"), None);
        assert_eq!(requests[1].body, size as u64);
    }
}

#[tokio::test]
async fn a_blob_of_another_repository_is_mounted() {
    let registry = Registry::start();
    let bytes = noise(1000);
    let blob = registry.put_blob("else/where", &bytes);
    let store = remote(&registry);
    assert_eq!(
        pushed(&registry, &store, &bytes).await.unwrap(),
        Delivery::Sent,
        "not known where it is"
    );
    registry.forget_requests();
    let other = noise(2000);
    let other_blob = registry.put_blob("else/where", &other);
    let store = store.with_sources(Arc::new(move |digest| {
        assert!([blob.digest, other_blob.digest].contains(digest));
        Some("else/where".to_owned())
    }));
    assert_eq!(
        pushed(&registry, &store, &other).await.unwrap(),
        Delivery::Mounted
    );
    assert_eq!(registry.lines(), [format!("POST {UPLOADS}")]);
    assert_eq!(registry.blob_bytes(), 1000);
}

#[tokio::test]
async fn zot_mounts_from_anywhere() {
    let registry = Registry::start_with(Settings {
        mount: Mount::Anywhere,
        ..Settings::default()
    });
    let bytes = noise(1000);
    registry.put_blob("else/where", &bytes);
    assert_eq!(
        pushed(&registry, &remote(&registry), &bytes).await.unwrap(),
        Delivery::Mounted
    );
}

#[tokio::test]
async fn a_refused_mount_becomes_an_upload() {
    for status in [400, 401, 403, 404, 405] {
        let registry = Registry::start_with(Settings {
            mount: Mount::Refused(status),
            ..Settings::default()
        });
        assert_eq!(
            pushed(&registry, &remote(&registry), b"component")
                .await
                .unwrap(),
            Delivery::Sent,
            "{status}"
        );
        assert_eq!(registry.requests().len(), 3);
    }
}

#[tokio::test]
async fn what_is_too_large_goes_in_chunks() {
    for (too_large, absolute_locations) in [(413, false), (416, true)] {
        let registry = Registry::start_with(Settings {
            max_body: Some(4 * MIB as u64),
            too_large,
            absolute_locations,
            ..Settings::default()
        });
        let store = remote(&registry);
        assert_eq!(
            pushed(&registry, &store, &noise(9 * MIB)).await.unwrap(),
            Delivery::Sent
        );
        let sent = |method: &str| {
            registry
                .requests()
                .into_iter()
                .filter(|request| request.method == method)
                .collect::<Vec<_>>()
        };
        let chunks = sent("PATCH");
        let ranges: Vec<&str> = chunks
            .iter()
            .filter_map(|chunk| chunk.header("content-range"))
            .collect();
        assert_eq!(ranges, ["0-4194303", "4194304-8388607", "8388608-9437183"]);
        let lengths: Vec<u64> = chunks.iter().map(|chunk| chunk.body).collect();
        assert_eq!(lengths, [4 * MIB as u64, 4 * MIB as u64, MIB as u64]);
        assert_eq!(sent("PUT").last().map(|put| put.body), Some(0));
        // It has learnt.
        registry.forget_requests();
        assert_eq!(
            pushed(&registry, &store, &noise(5 * MIB)).await.unwrap(),
            Delivery::Sent
        );
        let methods: Vec<String> = registry
            .requests()
            .into_iter()
            .map(|request| request.method)
            .collect();
        assert_eq!(methods, ["POST", "PATCH", "PATCH", "PUT"]);
        assert_eq!(
            pushed(&registry, &store, b"").await.unwrap(),
            Delivery::Sent
        );
    }
}

#[tokio::test]
async fn what_is_too_large_even_in_chunks_is_told() {
    let registry = Registry::start_with(Settings {
        max_body: Some(1000),
        ..Settings::default()
    });
    let error = pushed(&registry, &remote(&registry), &noise(MIB))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 413, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with("SIZE_INVALID: the body is too large"),
        "{error}"
    );
}

#[tokio::test]
async fn a_broken_upload_starts_anew() {
    let registry = Registry::start();
    registry.on("PUT", UPLOADS, 1, Fault::CloseBeforeAnswer);
    registry.on("PUT", UPLOADS, 1, Fault::Status(503, vec![]));
    registry.on("POST", UPLOADS, 1, Fault::Status(500, vec![]));
    assert_eq!(
        pushed(&registry, &remote(&registry), &noise(300_000))
            .await
            .unwrap(),
        Delivery::Sent
    );
    let methods: Vec<String> = registry
        .requests()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(
        methods,
        ["POST", "POST", "PUT", "POST", "PUT", "POST", "PUT"]
    );
    let error = {
        registry.on("PUT", UPLOADS, 100, Fault::CloseBeforeAnswer);
        pushed(&registry, &remote(&registry), b"x")
            .await
            .unwrap_err()
    };
    assert!(
        matches!(error, Error::Unreachable { attempts: 4, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_of_another_size_or_content_is_not_stored() {
    let registry = Registry::start();
    let store = remote(&registry);
    let source = source(b"component");
    for size in [8, 10] {
        let blob = Identity {
            size,
            ..source.blob
        };
        let error = store.push(blob, &source.file).await.unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
    }
    assert_eq!(registry.requests().len(), 0);
    let other = Identity {
        digest: Digest::of(b"else"),
        ..source.blob
    };
    let error = store.push(other, &source.file).await.unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 400, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("DIGEST_INVALID"), "{error}");
}

#[tokio::test]
async fn manifests_are_stored_under_tag_or_digest() {
    let registry = Registry::start();
    let store = remote(&registry);
    let manifest = RawManifest::new(&b"{ }"[..], MANIFEST);
    store.push_manifest(&manifest, None).await.unwrap();
    store.push_manifest(&manifest, Some("1.0")).await.unwrap();
    let digest = manifest.digest;
    let paths = [
        format!("PUT /v2/demo/app/manifests/{digest}"),
        "PUT /v2/demo/app/manifests/1.0".to_owned(),
    ];
    assert_eq!(registry.lines(), paths);
    assert_eq!(
        store.manifest(&tag("1.0")).await.unwrap().media_type,
        MANIFEST
    );
    let other = Digest::of(b"{}").to_string();
    registry.on(
        "PUT",
        "/manifests/",
        1,
        Fault::Status(201, vec![("docker-content-digest", other)]),
    );
    let error = store
        .push_manifest(&manifest, Some("1.0"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    registry.on("PUT", "/manifests/", 1, Fault::Status(413, vec![]));
    let error = store
        .push_manifest(&manifest, Some("1.0"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 413, .. }),
        "{error}"
    );
}

// Tags.

#[tokio::test]
async fn tags_come_page_by_page() {
    for page in [0, 1, 2, 5, 7] {
        let registry = Registry::start_with(Settings {
            page,
            ..Settings::default()
        });
        let expected = ["a", "b", "c", "d", "e"];
        for name in expected {
            registry.put_manifest("demo/app", name, MANIFEST, b"{}");
        }
        assert_eq!(remote(&registry).tags().await.unwrap(), expected);
        let pages = if page == 0 { 1 } else { 5_usize.div_ceil(page) };
        assert_eq!(registry.requests().len(), pages);
    }
}

#[tokio::test]
async fn tags_may_be_none_and_pages_must_end_here() {
    let registry = Registry::start();
    registry.put_blob("demo/app", b"x");
    let store = remote(&registry);
    assert!(store.tags().await.unwrap().is_empty());
    for link in [
        "</v2/demo/app/tags/list>; rel=\"next\"",
        "<http://127.0.0.1:1/v2/demo/app/tags/list>; rel=\"next\"",
        "<//registry.invalid/v2/demo/app/tags/list>; rel=\"next\"",
    ] {
        registry.on(
            "GET",
            "/tags/",
            1,
            Fault::Headers(vec![("link", link.to_owned())]),
        );
        let error = store.tags().await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
    registry.on("GET", "/tags/", 1, Fault::Body(b"<html>".to_vec()));
    assert!(matches!(store.tags().await, Err(Error::Malformed { .. })));
}

// Authentication.

fn bearer(login: Option<(&'static str, &'static str)>, uses: u32) -> Registry {
    let realm = None;
    let auth = Auth::Bearer { login, realm, uses };
    Registry::start_with(Settings {
        auth,
        ..Settings::default()
    })
}

fn count(registry: &Registry, path: &str) -> usize {
    registry
        .requests()
        .iter()
        .filter(|request| request.path == path)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_token_serves_many_requests() {
    for (login, credentials) in [
        (None, Credentials::Anonymous),
        (Some(("user", "word")), basic("word")),
    ] {
        let registry = bearer(login, u32::MAX);
        registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
        let store = Arc::new(remote_as(&registry, credentials));
        let calls: Vec<_> = (0..16)
            .map(|_| Arc::clone(&store))
            .map(|store| tokio::spawn(async move { store.manifest(&tag("1.0")).await.map(|_| ()) }))
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(count(&registry, "/token"), 1);
        let token = registry
            .requests()
            .into_iter()
            .find(|request| request.path == "/token")
            .unwrap();
        assert!(token.query.contains("service=fault"), "{}", token.query);
        assert!(
            token.query.contains("demo%2Fapp%3Apull%2Cpush"),
            "{}",
            token.query
        );
        assert!(
            count(&registry, "/v2/") <= 2,
            "one ping, and one of oci-client's"
        );
        registry.forget_requests();
        store.manifest(&tag("1.0")).await.unwrap();
        assert_eq!(registry.requests().len(), 1, "nothing but the request");
    }
}

#[tokio::test]
async fn reading_asks_for_no_more_than_reading() {
    let registry = bearer(None, u32::MAX);
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let repository = repository(&registry.address());
    let store = Remote::new(
        &repository,
        Access::Pull,
        Credentials::Anonymous,
        &options(),
    )
    .unwrap();
    store.manifest(&tag("1.0")).await.unwrap();
    let requests = registry.requests();
    let token = requests
        .iter()
        .find(|request| request.path == "/token")
        .unwrap();
    assert!(
        token.query.contains("pull") && !token.query.contains("push"),
        "{}",
        token.query
    );
}

#[tokio::test]
async fn an_expired_token_is_fetched_once_more() {
    let registry = bearer(Some(("user", "word")), 2);
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let store = remote_as(&registry, basic("word"));
    for _ in 0..5 {
        store.manifest(&tag("1.0")).await.unwrap();
    }
    assert_eq!(count(&registry, "/token"), 3);
    let useless = bearer(None, 0);
    let error = remote(&useless).manifest(&tag("1.0")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(count(&useless, "/token"), 1);
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_passed_over() {
    let registry = bearer(Some(("user", "word")), u32::MAX);
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let store = remote_as(&registry, basic("guess"));
    for _ in 0..3 {
        let error = store.manifest(&tag("1.0")).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
        let text = shown(&error);
        assert!(text.contains("incorrect username or password"), "{text}");
        assert!(
            text.contains("credentials were given") && !text.contains("guess"),
            "{text}"
        );
    }
    assert_eq!(
        count(&registry, "/token"),
        1,
        "asking again could lock an account"
    );
    assert_eq!(count(&registry, "/v2/demo/app/manifests/1.0"), 0);
    let text = shown(&remote(&registry).manifest(&tag("1.0")).await.unwrap_err());
    assert!(text.contains("no credentials were given"), "{text}");
}

#[tokio::test]
async fn a_password_is_shown_where_it_is_asked_for() {
    for open in [false, true] {
        let (username, password) = ("user", "word");
        let auth = if open {
            Auth::BasicToWrite { username, password }
        } else {
            Auth::Basic { username, password }
        };
        let registry = Registry::start_with(Settings {
            auth,
            ..Settings::default()
        });
        registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
        let store = remote_as(&registry, basic("word"));
        store.manifest(&tag("1.0")).await.unwrap();
        assert_eq!(
            pushed(&registry, &store, b"component").await.unwrap(),
            Delivery::Sent
        );
        assert_eq!(count(&registry, "/v2/"), 1);
        let shown_to: Vec<bool> = registry
            .requests()
            .iter()
            .map(|request| request.header("authorization").is_some())
            .collect();
        assert_eq!(shown_to, [false, true, true, true]);

        let error = remote_as(&registry, basic("guess"))
            .manifest(&tag("1.0"))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
        let text = shown(&error);
        assert!(
            text.contains("authentication required (credentials were given)"),
            "{text}"
        );
        let anonymous = remote(&registry);
        assert_eq!(anonymous.manifest(&tag("1.0")).await.is_ok(), open);
        let error = pushed(&registry, &anonymous, b"else").await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
        assert!(
            error.to_string().contains("no credentials were given"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_ready_token_is_sent_as_it_is() {
    let registry = Registry::start();
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    remote_as(&registry, Credentials::Bearer("ready".to_owned()))
        .manifest(&tag("1.0"))
        .await
        .unwrap();
    let requests = registry.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), Some("Bearer ready"));
    let registry = bearer(None, 1);
    let error = remote_as(&registry, Credentials::Bearer("stale".to_owned()))
        .manifest(&tag("1.0"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(registry.requests().len(), 1);
}

#[tokio::test]
async fn a_bad_realm_gets_nothing() {
    let auth = Auth::Bearer {
        login: Some(("user", "word")),
        realm: Some("http://user@127.0.0.1:1/token".to_owned()),
        uses: 1,
    };
    let registry = Registry::start_with(Settings {
        auth,
        ..Settings::default()
    });
    let error = remote_as(&registry, basic("word"))
        .manifest(&tag("1.0"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(error.to_string().contains("token server"), "{error}");
}

#[tokio::test]
async fn credentials_go_to_the_registry_only() {
    let other = Registry::start();
    let registry = Registry::start_with(Settings {
        auth: Auth::Basic {
            username: "user",
            password: "word",
        },
        upload_origin: Some(format!("http://{}", other.address())),
        ..Settings::default()
    });
    let store = remote_as(&registry, basic("word"));
    // An upload that goes on elsewhere; the other registry does not know it.
    let source = source(b"component");
    let error = store.push(source.blob, &source.file).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    // A blob that is kept elsewhere.
    let blob = other.put_blob("demo/app", b"kept elsewhere");
    let location = format!(
        "http://{}/v2/demo/app/blobs/{}?signature=s",
        other.address(),
        blob.digest
    );
    registry.on(
        "GET",
        "/blobs/",
        1,
        Fault::Status(307, vec![("location", location)]),
    );
    assert_eq!(fetched(&store, blob).await.unwrap(), b"kept elsewhere");
    assert!(
        registry
            .requests()
            .iter()
            .skip(1)
            .all(|request| request.header("authorization").is_some())
    );
    let elsewhere = other.requests();
    assert_eq!(elsewhere.len(), 2);
    for request in elsewhere {
        assert_eq!(
            request.header("authorization"),
            None,
            "{} {}",
            request.method,
            request.path
        );
        assert_eq!(request.header("referer"), None);
    }
}

// Secrets.

#[derive(Default)]
struct Lines {
    requests: Mutex<Vec<String>>,
    moved: Mutex<u64>,
}

impl Observer for Lines {
    fn moved(&self, bytes: u64) {
        *self.moved.lock().unwrap() += bytes;
    }

    fn requested(&self, method: &str, url: &str, outcome: &str) {
        self.requests
            .lock()
            .unwrap()
            .push(format!("{method} {url} {outcome}"));
    }
}

#[tokio::test]
async fn an_observer_sees_every_request_and_no_secret() {
    let registry = bearer(Some(("user", "word")), u32::MAX);
    let lines = Arc::new(Lines::default());
    let options = Options {
        observer: lines.clone(),
        ..options()
    };
    let store = Remote::new(
        &repository(&registry.address()),
        Access::Push,
        basic("word"),
        &options,
    )
    .unwrap();
    registry.on("PUT", UPLOADS, 1, Fault::CloseBeforeAnswer);
    pushed(&registry, &store, &noise(1000)).await.unwrap();
    let host = format!("http://{}", registry.address());
    let seen = lines.requests.lock().unwrap().clone();
    let expected = [
        format!("GET {host}/v2/ 401"),
        format!("GET {host}/token token"),
        format!("POST {host}{UPLOADS} 202"),
        format!("PUT {host}{UPLOADS}1 "),
        format!("POST {host}{UPLOADS} 202"),
        format!("PUT {host}{UPLOADS}2 201"),
    ];
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    for (line, start) in seen.iter().zip(&expected) {
        assert!(line.starts_with(start), "{line}");
    }
    let all = format!("{seen:?} {store:?}");
    for secret in ["word", "token-1", "opaque-state", "dXNlcjp3b3Jk"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert_eq!(*lines.moved.lock().unwrap(), 2000, "sent twice");
}

#[tokio::test]
async fn errors_show_no_state_of_an_upload() {
    let registry = Registry::start();
    registry.on("PUT", UPLOADS, 100, Fault::CloseBeforeAnswer);
    let text = shown(
        &pushed(&registry, &remote(&registry), b"x")
            .await
            .unwrap_err(),
    );
    assert!(!text.contains("opaque-state"), "{text}");
}

#[test]
fn a_bad_ca_file_is_an_error() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for bundle in [
        b"nonsense".as_slice(),
        pem.as_bytes(),
        &pem.as_bytes()[..40],
    ] {
        let options = Options {
            ca_certificates: bundle.to_vec(),
            ..options()
        };
        for registry in ["registry.example", "127.0.0.1:5000"] {
            let made = Remote::new(
                &repository(registry),
                Access::Pull,
                Credentials::Anonymous,
                &options,
            );
            assert!(matches!(made, Err(Error::Settings { .. })), "{registry}");
        }
    }
}

#[test]
fn callbacks_come_when_enough_bytes_have_passed() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", &noise(MIB));
    let (sender, receiver) = std::sync::mpsc::channel();
    registry.when_blob_bytes(MIB as u64 / 2, move || sender.send(()).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fetched(&remote(&registry), blob)).unwrap();
    receiver.recv().unwrap();
    assert_eq!(registry.blob_bytes(), MIB as u64);
}
