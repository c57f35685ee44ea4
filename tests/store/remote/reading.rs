//! Manifests, blobs and tags, from a registry that gives them badly.

use futures_util::StreamExt;

use super::*;

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
async fn missing_manifests_and_blobs_are_named() {
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
async fn a_blob_exists_only_with_its_size() {
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
async fn a_broken_transfer_is_resumed() {
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
async fn a_transfer_restarts_if_it_cannot_be_resumed() {
    let registry = Registry::start();
    let bytes = noise(300_000);
    let blob = registry.put_blob("demo/app", &bytes);
    let range = |range: &str| vec![("content-range", range.to_owned())];
    for (status, headers) in [
        (416, vec![]),
        (416, range("bytes */300000")),
        (206, vec![]),
        (206, range("bytes 0-299999/300000")),
        (206, range("bytes 100000-199999/300000")),
        (206, range("bytes 100000-299999/300001")),
        (206, range("bytes */300000")),
        (206, range("")),
    ] {
        registry.forget_requests();
        registry.on("GET", "/blobs/", 1, Fault::Truncate(100_000));
        let other = Fault::Status(status, headers.clone());
        registry.on("GET", "/blobs/", 1, other);
        // The second transfer breaks off too, and goes on.
        registry.on("GET", "/blobs/", 1, Fault::Truncate(200_000));
        let fetched = fetched(&remote(&registry), blob).await.unwrap();
        assert!(fetched == bytes, "{status} {headers:?}");
        let requests = registry.requests();
        let ranges: Vec<_> = requests
            .iter()
            .map(|request| request.header("range"))
            .collect();
        let expected = [None, Some("bytes=100000-"), None, Some("bytes=200000-")];
        assert_eq!(ranges, expected, "{status} {headers:?}");
    }
}

#[tokio::test]
async fn a_part_is_read_from_a_server_that_refuses_ranges() {
    let registry = Registry::start();
    let bytes = noise(300_000);
    let blob = registry.put_blob("demo/app", &bytes);
    let store = remote(&registry);
    registry.on("GET", "/blobs/", 1, Fault::Status(416, vec![]));
    let mut body = store.open(blob, 250_000..300_000).await.unwrap();
    let mut read = Vec::new();
    while let Some(piece) = body.next().await {
        read.extend(piece.unwrap());
    }
    assert!(read == bytes[250_000..]);
}

#[tokio::test]
async fn a_part_that_was_not_asked_for_is_refused() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", &noise(1000));
    let part = vec![("content-range", "bytes 500-999/1000".to_owned())];
    registry.on("GET", "/blobs/", 1, Fault::Status(206, part));
    let error = fetched(&remote(&registry), blob).await.unwrap_err();
    assert!(
        matches!(error, Error::NotRegistry { status: 206, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn wrong_bytes_are_refused_without_a_retry() {
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
async fn a_transfer_that_keeps_breaking_fails() {
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

#[tokio::test]
async fn tags_are_read_page_by_page() {
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
async fn a_repository_may_have_no_tags_and_other_pages_are_errors() {
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
    assert!(matches!(store.tags().await, Err(Error::NotRegistry { .. })));
}
