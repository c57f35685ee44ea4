//! A layout directory as upstream.

use serde_json::json;
use wharf::store::layout::Layout;

use super::*;
use crate::support::workspace::layers;

struct Scene {
    directory: tempfile::TempDir,
    front: TestGateway,
    pushed: PushSummary,
    content: Vec<u8>,
}

/// `demo/app:1.0` and `demo/app:2.0`, and `3.0` without a repository, in a layout `shelf`.
async fn scene() -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let shelf = directory.path().join("shelf");
    let layout = Layout::create(&shelf, Arc::new(())).unwrap();
    let named = layout.clone().in_repository(Some("demo/app"));
    let (pushed, content) = publish(&named, "layers", "1.0", false).await;
    publish(&named, "calc", "2.0", false).await;
    publish(&layout, "greet", "3.0", false).await;
    let front = TestGateway::new(vec![Upstream::Layout {
        directory: shelf,
        host: None,
    }]);
    Scene {
        directory,
        front,
        pushed,
        content,
    }
}

#[tokio::test]
async fn a_layout_is_read_like_a_registry() {
    let Scene {
        directory: _directory,
        front,
        pushed,
        content,
    } = scene().await;
    front.get("/v2/").await.is(200);
    front.gateway.ready().await.unwrap();
    let flat = front.get("/v2/demo/app/manifests/1.0").await;
    flat.is_whole(flat.bytes(), true);
    assert_eq!(Digest::of(flat.bytes()), pushed.flat_digest);
    front
        .head("/v2/demo/app/manifests/1.0")
        .await
        .is_whole(flat.bytes(), false);
    let split = front.get("/v2/demo/app/manifests/1.0?form=split").await;
    assert_eq!(Digest::of(split.bytes()), pushed.split_manifest_digest);
    let split = format!("/v2/demo/app/manifests/{}", pushed.split_manifest_digest);
    front.get(&split).await.is(200);
    front
        .get(&format!("/v2/demo/app/blobs/{}", config_of(flat.bytes())))
        .await
        .is(200);
    let blob = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    front.get(&blob).await.is_whole(&content, true);
    front.get("/v2/shelf/manifests/3.0").await.is(200);
    for missing in [
        "/v2/demo/app/manifests/3.0",
        "/v2/shelf/manifests/1.0",
        "/v2/demo/never/manifests/1.0",
    ] {
        assert_eq!(front.get(missing).await.is(404).code(), "MANIFEST_UNKNOWN");
    }
}

#[tokio::test]
async fn a_digest_of_a_layout_is_found_by_a_gateway_that_knows_nothing() {
    let Scene {
        directory,
        pushed,
        content,
        ..
    } = scene().await;
    for path in [
        format!("manifests/{}", pushed.flat_digest),
        format!("blobs/{}", Digest::of(&content)),
    ] {
        let shelf = directory.path().join("shelf");
        let front = TestGateway::new(vec![Upstream::Layout {
            directory: shelf,
            host: None,
        }]);
        front.get(&format!("/v2/demo/app/{path}")).await.is(200);
        front.get(&format!("/v2/shelf/{path}")).await.is(404);
    }
}

#[tokio::test]
async fn blobs_of_a_layout_have_parts() {
    let Scene {
        directory: _directory,
        front,
        ..
    } = scene().await;
    let split = front.get("/v2/demo/app/manifests/1.0?form=split").await;
    let layer = layers(split.bytes())
        .into_iter()
        .max_by_key(|layer| layer.size)
        .unwrap();
    let path = format!("/v2/demo/app/blobs/{}", layer.digest);
    let whole = front.get(&path).await;
    assert_eq!(Digest::of(whole.bytes()), layer.digest);
    whole.is_whole(whole.bytes(), true);
    front.head(&path).await.is_whole(whole.bytes(), false);
    let size = whole.bytes().len();
    for (range, part) in [
        ("bytes=1-5", 1..6),
        ("bytes=-3", size - 3..size),
        ("bytes=7-", 7..size),
    ] {
        let got = front
            .ask(Method::GET, &path, &[("range", range)])
            .await
            .is(206);
        assert_eq!(
            got.header("content-range"),
            format!("bytes {}-{}/{size}", part.start, part.end - 1)
        );
        assert!(got.bytes() == &whole.bytes()[part]);
    }
    front
        .ask(Method::GET, &path, &[("range", "bytes=99999999-")])
        .await
        .is(416);
    // A layer is no manifest, though it lies where manifests do.
    let path = format!("/v2/demo/app/manifests/{}", layer.digest);
    front.get(&path).await.is(404);
}

#[tokio::test]
async fn a_layout_has_lists() {
    let Scene {
        directory: _directory,
        front,
        pushed,
        ..
    } = scene().await;
    let catalog = front.get("/v2/_catalog").await.json();
    assert_eq!(catalog, json!({"repositories": ["demo/app", "shelf"]}));
    let first = front.get("/v2/_catalog?n=1").await;
    assert_eq!(first.json()["repositories"], json!(["demo/app"]));
    assert_eq!(
        first.header("link"),
        "</v2/_catalog?n=1&last=demo/app>; rel=\"next\""
    );
    let tags = front.get("/v2/demo/app/tags/list?n=1").await;
    assert_eq!(tags.json(), json!({"name": "demo/app", "tags": ["1.0"]}));
    assert_eq!(
        tags.header("link"),
        "</v2/demo/app/tags/list?n=1&last=1.0>; rel=\"next\""
    );
    assert_eq!(
        front.get("/v2/demo/app/tags/list?last=1.0").await.json()["tags"],
        json!(["2.0"])
    );
    assert_eq!(
        front.get("/v2/demo/never/tags/list").await.is(404).code(),
        "NAME_UNKNOWN"
    );
    let referrers = format!("/v2/demo/app/referrers/{}", pushed.flat_digest);
    let none = front.get(&referrers).await.is(200);
    assert_eq!(none.json()["manifests"], json!([]));
}

#[tokio::test]
async fn damaged_manifests_in_a_layout_are_not_served() {
    let Scene {
        directory, pushed, ..
    } = scene().await;
    let shelf = directory.path().join("shelf");
    let split = shelf
        .join("blobs/sha256")
        .join(pushed.split_manifest_digest.hex());
    let mut bytes = std::fs::read(&split).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&split, bytes).unwrap();
    let front = TestGateway::new(vec![Upstream::Layout {
        directory: shelf,
        host: None,
    }]);
    front.get("/v2/demo/app/manifests/1.0").await.is(502);
    front
        .get(&format!(
            "/v2/demo/app/manifests/{}",
            pushed.split_manifest_digest
        ))
        .await
        .is(502);
    front.get("/v2/demo/app/manifests/2.0").await.is(200);
}

#[tokio::test]
async fn a_layout_may_stand_for_a_registry() {
    let Scene {
        directory,
        pushed,
        content,
        ..
    } = scene().await;
    let shelf = |host: Option<&str>| Upstream::Layout {
        directory: directory.path().join("shelf"),
        host: host.map(str::to_owned),
    };
    let other = directory.path().join("other");
    Layout::create(&other, Arc::new(())).unwrap();
    let first = Upstream::Layout {
        directory: other,
        host: None,
    };
    let front = TestGateway::new(vec![first, shelf(Some("registry.internal"))]);
    for path in [
        "/v2/registry.internal/demo/app/manifests/1.0",
        "/v2/demo/app/manifests/1.0?ns=registry.internal",
    ] {
        let manifest = front.get(path).await.is(200);
        assert_eq!(
            Digest::of(&manifest.body.unwrap()),
            pushed.flat_digest,
            "{path}"
        );
    }
    let blob = format!(
        "/v2/registry.internal/demo/app/blobs/{}",
        Digest::of(&content)
    );
    assert!(front.get(&blob).await.is(200).body.unwrap() == content);
    front.get("/v2/demo/app/manifests/1.0").await.is(404);
    let page = front.get("/").await.is(200);
    let page = String::from_utf8(page.body.unwrap()).unwrap();
    assert!(page.contains("/-/registry.internal/demo/app"), "{page}");
    front.get("/-/registry.internal/demo/app:1.0").await.is(200);
}

#[tokio::test]
async fn a_damaged_blob_of_a_layout_never_completes() {
    let Scene {
        directory, front, ..
    } = scene().await;
    let split = front.get("/v2/demo/app/manifests/1.0?form=split").await;
    let layer = layers(split.bytes()).pop().unwrap().digest;
    let path = format!("/v2/demo/app/blobs/{layer}");
    let right = front.get(&path).await;
    right.is_whole(right.bytes(), true);
    let file = directory
        .path()
        .join("shelf/blobs/sha256")
        .join(layer.hex());
    let mut wrong = right.bytes().to_vec();
    wrong[0] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, wrong).unwrap();
    assert!(front.get(&path).await.is(200).body.is_err());
    let range = [("range", "bytes=0-0")];
    let part = front.ask(Method::GET, &path, &range).await.is(206);
    assert_eq!(part.header("docker-content-digest"), "");
    assert_eq!(part.header("etag"), "");
}
