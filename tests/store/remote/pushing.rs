//! Uploads, mounts and manifests on their way.

use super::*;

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
        assert_eq!(
            methods(&registry),
            "POST PUT",
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
async fn a_declined_mount_is_asked_for_once_and_its_upload_used() {
    for (mount, expected) in [
        (Mount::From, "POST PUT"),
        (Mount::Refused(405), "POST POST PUT"),
    ] {
        let registry = Registry::start_with(Settings {
            mount,
            ..Settings::default()
        });
        let known = Arc::new(|_: &Digest| Some("else/where".to_owned()));
        let store = remote(&registry).with_sources(known);
        let source = source(b"component");
        assert!(!store.mount(source.blob).await.unwrap());
        let pushed = store.push(source.blob, &source.file).await;
        assert_eq!(pushed.unwrap(), Delivery::Sent);
        assert_eq!(methods(&registry), expected);
        assert!(registry.blob("demo/app", &source.blob.digest).is_some());
        // Whoever pushes it once more asks again.
        registry.forget_requests();
        store.push(source.blob, &source.file).await.unwrap();
        let query = &registry.requests()[0].query;
        assert!(query.starts_with("mount="), "{query}");
    }
}

#[tokio::test]
async fn an_upload_that_is_gone_after_a_declined_mount_is_opened_anew() {
    let registry = Registry::start();
    let known = Arc::new(|_: &Digest| Some("else/where".to_owned()));
    let store = remote(&registry).with_sources(known);
    let source = source(b"component");
    assert!(!store.mount(source.blob).await.unwrap());
    registry.on("PUT", UPLOADS, 1, Fault::Status(404, vec![]));
    let pushed = store.push(source.blob, &source.file).await;
    assert_eq!(pushed.unwrap(), Delivery::Sent);
    assert_eq!(methods(&registry), "POST PUT POST PUT");
    assert!(!registry.requests()[2].query.contains("mount="));
}

fn methods(registry: &Registry) -> String {
    let methods = registry.requests().into_iter();
    let methods: Vec<String> = methods.map(|request| request.method).collect();
    methods.join(" ")
}

#[tokio::test]
async fn blobs_too_large_for_one_request_go_in_chunks() {
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
        assert_eq!(methods(&registry), "POST PATCH PATCH PUT");
        assert_eq!(
            pushed(&registry, &store, b"").await.unwrap(),
            Delivery::Sent
        );
    }
}

#[tokio::test]
async fn blobs_too_large_even_in_chunks_are_errors() {
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
async fn a_broken_upload_starts_again() {
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
    assert_eq!(methods(&registry), "POST POST PUT POST PUT POST PUT");
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

/// An answer of distribution to a manifest.
fn unknown_blob(status: u16) -> Fault {
    let body = br#"{"errors":[{"code":"DIGEST_INVALID"},{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#;
    Fault::Answer(status, vec![], body.to_vec())
}

fn manifest_of(blob: Identity, children: &[Digest]) -> RawManifest {
    let Identity { digest, size } = blob;
    let children: Vec<String> = children
        .iter()
        .map(|digest| format!(r#"{{"digest":"{digest}","size":2}}"#))
        .collect();
    let children = children.join(",");
    let layer = format!(r#"{{"digest":"{digest}","size":{size}}}"#);
    let text = format!(r#"{{"layers":[{layer}],"manifests":[{children}]}}"#);
    RawManifest::new(text.into_bytes(), MANIFEST)
}

#[tokio::test]
async fn a_manifest_whose_blobs_exist_is_sent_again() {
    for refusal in [400, 404] {
        let registry = Registry::start();
        let store = remote(&registry);
        let blob = registry.put_blob("demo/app", b"layer");
        let child = registry.put_manifest("demo/app", "child", MANIFEST, b"{}");
        let manifest = manifest_of(blob, &[child]);
        registry.on("PUT", "/manifests/", 2, unknown_blob(refusal));
        store.push_manifest(&manifest, Some("1.0")).await.unwrap();
        assert_eq!(methods(&registry), "PUT HEAD GET PUT HEAD GET PUT HEAD");
        assert!(registry.manifest("demo/app", "1.0").is_some());
        registry.on("PUT", "/manifests/", 4, unknown_blob(refusal));
        let pushed = store.push_manifest(&manifest, Some("1.0")).await;
        match pushed.unwrap_err() {
            Error::Answer {
                status, message, ..
            } => {
                assert_eq!(status, refusal);
                assert!(message.contains("MANIFEST_BLOB_UNKNOWN"), "{message}");
            }
            error => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_missing_is_refused_at_once() {
    let registry = Registry::start();
    let store = remote(&registry);
    let blob = registry.put_blob("demo/app", b"layer");
    let lost = Identity::of(b"lost");
    for manifest in [
        manifest_of(lost, &[]),
        manifest_of(blob, &[lost.digest]),
        RawManifest::new(&b"{"[..], MANIFEST),
    ] {
        registry.on("PUT", "/manifests/", 1, unknown_blob(400));
        let error = store
            .push_manifest(&manifest, Some("1.0"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Answer { status: 400, .. }),
            "{error}"
        );
    }
    // Another refusal is not asked about.
    registry.forget_requests();
    let invalid = Fault::Answer(
        400,
        vec![],
        br#"{"errors":[{"code":"MANIFEST_INVALID"}]}"#.to_vec(),
    );
    registry.on("PUT", "/manifests/", 1, invalid);
    let pushed = store.push_manifest(&manifest_of(blob, &[]), None).await;
    assert!(pushed.is_err());
    assert_eq!(methods(&registry), "PUT");
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
        format!("HEAD /v2/demo/app/manifests/{digest}"),
        "PUT /v2/demo/app/manifests/1.0".to_owned(),
        "HEAD /v2/demo/app/manifests/1.0".to_owned(),
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
    assert!(matches!(error, Error::NotStored { .. }), "{error}");
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
