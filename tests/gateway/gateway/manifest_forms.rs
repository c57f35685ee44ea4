//! What is shown of what a registry has, and in which form.

use serde_json::json;
use wharf::digest::Identity;
use wharf::store::RawManifest;

use super::*;
use crate::support::frames::unframed;
use crate::support::registries::registries;
use crate::support::workspace::layers;

#[tokio::test]
async fn split_artifacts_are_shown_flat_unless_the_client_names_the_split_form() {
    for upstream in registries() {
        let store = remote(&upstream.host, "gateway/shown");
        let (pushed, content) = publish(&store, "layers", "1.0", false).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        let manifest = "/v2/gateway/shown/manifests";
        for accept in [&[][..], &[("accept", "*/*")], &[("accept", MANIFEST)]] {
            for method in [Method::HEAD, Method::GET] {
                let is_get = method == Method::GET;
                let got = front.ask(method, &format!("{manifest}/1.0"), accept).await;
                let flat = front
                    .get(&format!("{manifest}/{}", pushed.flat_digest))
                    .await;
                assert_eq!(Digest::of(flat.bytes()), pushed.flat_digest);
                got.is_whole(flat.bytes(), is_get);
                assert_eq!(got.header("content-type"), MANIFEST);
                assert_eq!(got.header("vary"), "accept");
            }
        }
        let flat = front.get(&format!("{manifest}/1.0")).await;
        let split = front
            .ask(
                Method::GET,
                &format!("{manifest}/1.0"),
                &[("accept", MANIFEST), ("accept", SPLIT)],
            )
            .await;
        assert_eq!(Digest::of(split.bytes()), pushed.split_manifest_digest);
        split.is_whole(split.bytes(), true);
        for path in [
            "1.0?form=split".to_owned(),
            pushed.split_manifest_digest.to_string(),
        ] {
            let path = format!("{manifest}/{path}");
            front.get(&path).await.is_whole(split.bytes(), true);
            front.head(&path).await.is_whole(split.bytes(), false);
        }
        let config = config_of(flat.bytes());
        let config = format!("/v2/gateway/shown/blobs/{config}");
        let bytes = front.get(&config).await;
        bytes.is_whole(bytes.bytes(), true);
        front.head(&config).await.is_whole(bytes.bytes(), false);
        assert_eq!(
            bytes.json()["layerDigests"][0],
            Digest::of(&content).to_string()
        );
        let blob = format!("/v2/gateway/shown/blobs/{}", Digest::of(&content));
        front.head(&blob).await.is_whole(&content, false);
        assert_eq!(front.spliced(), 0);
        front.get(&blob).await.is_whole(&content, true);
        assert_eq!(front.spliced(), 1);
        assert_eq!(front.log(), [""; 0]);
    }
}

#[tokio::test]
async fn the_split_type_alone_gets_the_split_manifest_from_every_registry() {
    for upstream in registries() {
        let store = remote(&upstream.host, "gateway/alone");
        let (pushed, _) = publish(&store, "layers", "1.0", false).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        for name in ["1.0", &pushed.split_manifest_digest.to_string()] {
            let path = format!("/v2/gateway/alone/manifests/{name}");
            for method in [Method::HEAD, Method::GET] {
                let got = front.ask(method, &path, &[("accept", SPLIT)]).await.is(200);
                let digest = pushed.split_manifest_digest.to_string();
                assert_eq!(got.header("docker-content-digest"), digest);
            }
        }
    }
}

#[tokio::test]
async fn components_are_served_as_ranges_frames_and_copies() {
    let upstream = &registries()[0];
    let store = remote(&upstream.host, "gateway/parts");
    let (pushed, content) = publish(&store, "layers", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.host)]);
    front.get("/v2/gateway/parts/manifests/1.0").await.is(200);
    let digest = Digest::of(&content);
    let blob = format!("/v2/gateway/parts/blobs/{digest}");
    let size = content.len() as u64;
    let tag = format!("\"{digest}\"");
    for (range, part) in [
        ("bytes=5-9", 5..10),
        ("bytes=-7", size - 7..size),
        ("bytes=100-", 100..size),
    ] {
        let got = front
            .ask(Method::GET, &blob, &[("range", range), ("if-range", &tag)])
            .await;
        let got = got.is(206);
        let expected = &content[part.start as usize..part.end as usize];
        assert!(got.bytes() == expected);
        let said = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(got.header("content-range"), said);
        assert_eq!(got.header("content-length"), expected.len().to_string());
        assert_eq!(front.spliced(), 1);
    }
    let beyond = front
        .ask(Method::GET, &blob, &[("range", "bytes=99999999-")])
        .await
        .is(416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    for headers in [
        &[("range", "bytes=5-9"), ("if-range", "\"other\"")][..],
        &[("range", "bytes=5-9,20-30")],
    ] {
        front
            .ask(Method::GET, &blob, headers)
            .await
            .is_whole(&content, true);
    }
    let known = front
        .ask(Method::GET, &blob, &[("if-none-match", &tag)])
        .await
        .is(304);
    assert_eq!((known.bytes(), known.header("etag")), (&b""[..], &*tag));
    front.spliced();

    let zstd = front
        .ask(
            Method::GET,
            &blob,
            &[("accept-encoding", "zstd, gzip;q=0.5")],
        )
        .await;
    let zstd = zstd.is(200);
    assert_eq!(front.spliced(), 1);
    assert!(unframed(zstd.bytes()) == content);
    assert_eq!(zstd.header("content-encoding"), "zstd");
    assert_eq!(zstd.header("etag"), format!("W/{tag}"));
    assert_eq!(zstd.header("vary"), "accept-encoding");
    assert_eq!(zstd.header("content-length"), "");
    let both = [("accept-encoding", "zstd"), ("range", "bytes=0-1")];
    front.ask(Method::GET, &blob, &both).await.is(206);
    // The head of a form is that form's: how long it is nobody knows before it is sent.
    let head = [("accept-encoding", "zstd")];
    let head = front.ask(Method::HEAD, &blob, &head).await.is(200);
    assert_eq!((&head.headers, head.bytes()), (&zstd.headers, &b""[..]));
    for known in [&tag, &format!("W/{tag}")] {
        for method in [Method::GET, Method::HEAD] {
            let known = [("accept-encoding", "zstd"), ("if-none-match", known)];
            let known = front.ask(method, &blob, &known).await.is(304);
            assert_eq!(known.header("etag"), format!("W/{tag}"));
            assert_eq!(known.header("vary"), "accept-encoding");
            assert_eq!(known.header("content-encoding"), "");
            assert_eq!(known.bytes(), b"");
        }
    }
    let ranged = [("accept-encoding", "zstd"), ("range", "bytes=0-1")];
    let ranged = front.ask(Method::HEAD, &blob, &ranged).await;
    ranged.is_whole(&content, false);

    let manifest = "/v2/gateway/parts/manifests/1.0";
    let tag = format!("\"{}\"", pushed.flat_digest);
    let known = [("if-none-match", &*tag), ("accept", "*/*")];
    front.ask(Method::GET, manifest, &known).await.is(304);
    let split = [
        ("if-none-match", &*tag),
        ("accept", MANIFEST),
        ("accept", SPLIT),
    ];
    front.ask(Method::GET, manifest, &split).await.is(200);
}

#[tokio::test]
async fn flat_and_foreign_artifacts_pass_through() {
    for upstream in registries() {
        let path = "gateway/foreign";
        let store = remote(&upstream.host, path);
        let (pushed, content) = publish(&store, "calc", "1.0", true).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        let flat = front.get(&format!("/v2/{path}/manifests/1.0")).await;
        assert_eq!(Digest::of(flat.bytes()), pushed.flat_digest);
        let blob = format!("/v2/{path}/blobs/{}", Digest::of(&content));
        assert!(front.get(&blob).await.is(200).bytes() == content);
        // Even where the split form behind it is known, upstream's own blob is passed on.
        let behind = format!(
            "/v2/{path}/manifests/sha256-{}.wharf",
            pushed.flat_digest.hex()
        );
        front.get(&behind).await.is_whole(flat.bytes(), true);
        assert!(front.get(&blob).await.is(200).bytes() == content);
        assert_eq!(front.spliced(), 0);

        let layer = b"no wasm at all".repeat(10);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &layer).unwrap();
        store.push(Identity::of(&layer), file.path()).await.unwrap();
        let blob = |media_type: &str| json!({"mediaType": media_type, "digest": Digest::of(&layer), "size": layer.len()});
        let image = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": blob("application/vnd.oci.image.config.v1+json"),
            "layers": [blob("application/vnd.oci.image.layer.v1.tar")],
        });
        let image = RawManifest::new(image.to_string(), MANIFEST);
        store.push_manifest(&image, Some("image")).await.unwrap();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {"mediaType": MANIFEST, "digest": image.digest, "size": image.bytes.len()}]});
        let index = RawManifest::new(index.to_string(), INDEX);
        store.push_manifest(&index, Some("index")).await.unwrap();
        for raw in [&image, &index] {
            let tag = if raw.media_type == INDEX {
                "index"
            } else {
                "image"
            };
            for name in [tag, &raw.digest.to_string()] {
                let path = format!("/v2/{path}/manifests/{name}");
                // Known by its digest the second time.
                for _ in 0..2 {
                    let head = front.head(&path).await;
                    head.is_whole(&raw.bytes, false);
                    assert_eq!(head.header("content-type"), raw.media_type);
                    front.get(&path).await.is_whole(&raw.bytes, true);
                }
            }
        }
        let path = format!("/v2/{path}/blobs/{}", Digest::of(&layer));
        let got = front.get(&path).await.is(200);
        assert!(got.bytes() == layer);
        assert_eq!(
            got.header("docker-content-digest"),
            Digest::of(&layer).to_string()
        );
        let part = front
            .ask(Method::GET, &path, &[("range", "bytes=3-5")])
            .await
            .is(206);
        assert_eq!(part.bytes(), &layer[3..6]);
        assert_eq!(
            part.header("content-range"),
            format!("bytes 3-5/{}", layer.len())
        );
        assert_eq!(front.log(), [""; 0]);
    }
}

#[tokio::test]
async fn split_layers_pass_through() {
    let upstream = &registries()[0];
    let store = remote(&upstream.host, "gateway/split");
    publish(&store, "layers", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.host)]);
    let split = front
        .get("/v2/gateway/split/manifests/1.0?form=split")
        .await;
    let layers = layers(split.bytes());
    assert!(layers.len() > 1);
    for layer in layers {
        let got = front
            .get(&format!("/v2/gateway/split/blobs/{}", layer.digest))
            .await;
        assert_eq!(Digest::of(got.is(200).bytes()), layer.digest);
    }
    assert_eq!(front.spliced(), 0);
}

#[tokio::test]
async fn missing_manifests_and_blobs_are_404() {
    let digest = Digest::of(b"nothing has this digest");
    for upstream in registries() {
        let store = remote(&upstream.host, "gateway/missing");
        publish(&store, "calc", "1.0", false).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        for (path, code) in [
            ("/v2/gateway/missing/manifests/2.0", "MANIFEST_UNKNOWN"),
            (
                &format!("/v2/gateway/missing/manifests/{digest}"),
                "MANIFEST_UNKNOWN",
            ),
            (
                &format!("/v2/gateway/missing/blobs/{digest}"),
                "BLOB_UNKNOWN",
            ),
            ("/v2/gateway/missing/manifests/.NO", "MANIFEST_UNKNOWN"),
            (
                "/v2/gateway/missing/manifests/1.0?ns=other.example",
                "NAME_UNKNOWN",
            ),
        ] {
            // The second time it is remembered.
            for _ in 0..2 {
                assert_eq!(front.get(path).await.is(404).code(), code, "{path}");
                assert_eq!(front.head(path).await.is(404).bytes(), b"");
            }
        }
        front.get("/v2/gateway/never/manifests/1.0").await.is(404);
        front
            .get(&format!("/v2/gateway/never/manifests/{digest}"))
            .await
            .is(404);
        for method in [Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
            let path = "/v2/gateway/missing/manifests/1.0";
            let refused = front.ask(method, path, &[]).await.is(405);
            assert_eq!(
                (refused.code().as_str(), refused.header("allow")),
                ("UNSUPPORTED", "GET, HEAD")
            );
        }
        front
            .ask(Method::POST, "/v2/gateway/missing/blobs/uploads/", &[])
            .await
            .is(405);
        front
            .get("/v2/gateway/missing/blobs/uploads/")
            .await
            .is(405);
        front.get("/v2/").await.is(200);
    }
}

#[tokio::test]
async fn another_upstream_is_named_by_the_namespace_or_by_the_path() {
    let [first, second, ..] = registries() else {
        return;
    };
    let (pushed, _) = publish(&remote(&second.host, "gateway/named"), "calc", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&first.host), registry(&second.host)]);
    let host = &second.host;
    front.get("/v2/gateway/named/manifests/1.0").await.is(404);
    for path in [
        format!("/v2/gateway/named/manifests/1.0?ns={host}"),
        format!("/v2/{host}/gateway/named/manifests/1.0"),
    ] {
        let got = front.get(&path).await.is(200);
        assert_eq!(Digest::of(got.bytes()), pushed.flat_digest, "{path}");
    }
    let blob = format!("/v2/{host}/gateway/named/blobs/{}", pushed.content.digest);
    assert_eq!(
        front.get(&blob).await.is(200).bytes().len() as u64,
        pushed.content.size
    );
}
