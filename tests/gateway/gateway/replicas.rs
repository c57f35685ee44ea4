//! Digests that another gateway showed, or this one before it was started again.

use futures_util::future::join_all;

use super::*;
use crate::support::fault::Registry;
use crate::support::registries::registries;

#[tokio::test]
async fn two_gateways_take_alternate_requests() {
    for upstream in registries() {
        let path = "gateway/replicas";
        let store = remote(&upstream.host, path);
        publish(&store, "calc", "0.1.0", false).await;
        let (pushed, content) = publish(&store, "layers", "1.0.0", false).await;
        publish(&store, "greet", "1.1.0", true).await;
        // Each request goes to the other one, beginning with either.
        for turn in 0..2 {
            let fronts = [(); 2].map(|()| TestGateway::new(vec![registry(&upstream.host)]));
            let mut turn = turn;
            let mut next = || {
                turn += 1;
                &fronts[turn % 2]
            };
            let head = next().head(&format!("/v2/{path}/manifests/1.0.0")).await;
            let digest = head.header("docker-content-digest").to_owned();
            assert_eq!(digest, pushed.flat_digest.to_string());
            let manifest = next()
                .get(&format!("/v2/{path}/manifests/{digest}"))
                .await
                .is(200);
            let config = config_of(manifest.bytes());
            for blob in [config, Digest::of(&content).to_string()] {
                let blob = format!("/v2/{path}/blobs/{blob}");
                let first = next().get(&blob).await.is(200);
                let second = next().get(&blob).await.is(200);
                assert!(first.bytes() == second.bytes());
            }
        }
        // Nothing but one digest is asked, each of a gateway that knows nothing.
        let flat = TestGateway::new(vec![registry(&upstream.host)]);
        let manifest = flat
            .get(&format!("/v2/{path}/manifests/{}", pushed.flat_digest))
            .await;
        let config = config_of(manifest.is(200).bytes());
        for blob in [config, Digest::of(&content).to_string()] {
            let front = TestGateway::new(vec![registry(&upstream.host)]);
            let head = front
                .head(&format!("/v2/{path}/blobs/{blob}"))
                .await
                .is(200);
            assert_eq!(head.header("docker-content-digest"), blob);
        }
    }
}

#[tokio::test]
async fn served_artifacts_are_located_after_a_restart_without_a_search() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, content) = publish(&store, "layers", "1.0.0", false).await;
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        TestGateway::at(
            directory.path(),
            vec![registry(&upstream.address())],
            |_| {},
        )
    };
    let manifest = open().get("/v2/demo/app/manifests/1.0.0").await.is(200);
    let config = config_of(manifest.bytes());
    let split = format!(
        "GET /v2/demo/app/manifests/{}",
        pushed.split_manifest_digest
    );
    for path in [
        format!("/v2/demo/app/manifests/{}", pushed.flat_digest),
        format!("/v2/demo/app/blobs/{config}"),
    ] {
        upstream.forget_requests();
        open().get(&path).await.is(200);
        assert_eq!(upstream.lines(), [split.as_str()], "{path}");
    }
    let blob = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    assert!(open().get(&blob).await.is(200).bytes() == content);
}

#[tokio::test]
async fn the_tag_of_the_split_form_saves_the_search() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, _) = publish(&store, "layers", "1.0.0", false).await;
    let split = upstream.manifest("demo/app", "1.0.0").unwrap();
    let tag = format!("sha256-{}.wharf", pushed.flat_digest.hex());
    upstream.put_manifest("demo/app", &tag, MANIFEST, &split);
    upstream.forget_requests();
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let flat = format!("/v2/demo/app/manifests/{}", pushed.flat_digest);
    front.get(&flat).await.is(200);
    let expected = [
        format!("GET {flat}"),
        format!("GET /v2/demo/app/manifests/{tag}"),
    ];
    assert_eq!(upstream.lines(), expected);
}

#[tokio::test]
async fn a_search_has_bounds_and_is_not_repeated_at_once() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    publish(&store, "calc", "1.0.0", false).await;
    for number in 0..250 {
        let manifest = format!(r#"{{"schemaVersion":2,"config":{{}},"n":{number}}}"#);
        upstream.put_manifest(
            "demo/app",
            &format!("2.0.{number}"),
            MANIFEST,
            manifest.as_bytes(),
        );
    }
    let missing = format!("/v2/demo/app/blobs/{}", Digest::of(b"missing"));
    let looked_at = || {
        let lines = upstream.lines();
        lines
            .iter()
            .filter(|line| line.contains("/manifests/"))
            .count()
    };
    let patient = TestGateway::new(vec![registry(&upstream.address())]);
    let forgetful = TestGateway::with(vec![registry(&upstream.address())], |settings| {
        settings.miss_lifetime = Duration::ZERO;
    });
    for (front, expected) in [(patient, [200, 0]), (forgetful, [200, 200])] {
        for expected in expected {
            upstream.forget_requests();
            assert_eq!(front.get(&missing).await.is(404).code(), "BLOB_UNKNOWN");
            assert_eq!(looked_at(), expected);
        }
    }
}

#[tokio::test]
async fn artifacts_deleted_upstream_are_not_served() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, content) = publish(&store, "layers", "1.0.0", false).await;
    let front = TestGateway::with(vec![registry(&upstream.address())], |settings| {
        settings.grant_lifetime = Duration::ZERO;
    });
    front.get("/v2/demo/app/manifests/1.0.0").await.is(200);
    let split = pushed.split_manifest_digest.to_string();
    let gone = crate::support::fault::Fault::Status(404, Vec::new());
    upstream.on("HEAD", &split, usize::MAX, gone.clone());
    upstream.on("GET", "/manifests/", usize::MAX, gone);
    let blob = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    front
        .get(&format!("/v2/demo/app/manifests/{}", pushed.flat_digest))
        .await
        .is(404);
    front.get(&blob).await.is(404);
}

#[tokio::test]
async fn all_clients_share_the_tags_that_a_search_reads() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    publish(&store, "calc", "1.0.0", false).await;
    let (pushed, content) = publish(&store, "layers", "0.9.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    upstream.forget_requests();
    let unknown = (0..20u8).map(|number| {
        let kind = ["blobs", "manifests"][usize::from(number % 2)];
        (
            format!("client {number}"),
            format!("{kind}/{}", Digest::of(&[number])),
        )
    });
    let asking = unknown.map(|(client, place)| {
        let (front, path) = (&front, format!("/v2/demo/app/{place}"));
        async move {
            let headers = [("authorization", client.as_str())];
            front.ask(Method::GET, &path, &headers).await.is(404);
        }
    });
    join_all(asking).await;
    let lines = upstream.lines();
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    assert_eq!(count("/tags/list"), 1);
    assert_eq!(
        (count("/manifests/1.0.0"), count("/manifests/0.9.0")),
        (1, 1)
    );
    // The gateway knows the manifests that the search read.
    upstream.forget_requests();
    let flat = format!("/v2/demo/app/manifests/{}", pushed.flat_digest);
    front.get(&flat).await.is(200);
    let blob = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    front.get(&blob).await.is_whole(&content, true);
    assert!(
        upstream
            .lines()
            .iter()
            .all(|line| !line.contains("/tags/list"))
    );
}

#[tokio::test]
async fn the_next_list_reads_only_manifests_that_changed() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    publish(&store, "calc", "1.0.0", false).await;
    publish(&store, "calc", "latest", false).await;
    let front = TestGateway::with(vec![registry(&upstream.address())], |settings| {
        settings.miss_lifetime = Duration::ZERO;
    });
    let missing = format!("/v2/demo/app/blobs/{}", Digest::of(b"missing"));
    front.get(&missing).await.is(404);
    let (_, content) = publish(&store, "layers", "latest", false).await;
    upstream.forget_requests();
    let blob = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    front.get(&blob).await.is_whole(&content, true);
    let lines = upstream.lines();
    let has = |line: &str| lines.iter().any(|other| other == line);
    assert!(has("GET /v2/demo/app/manifests/latest"), "{lines:?}");
    assert!(has("HEAD /v2/demo/app/manifests/1.0.0"), "{lines:?}");
    assert!(!has("GET /v2/demo/app/manifests/1.0.0"), "{lines:?}");
}

#[tokio::test]
async fn a_client_without_rights_does_not_hide_tags_from_others() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (_, content) = publish(&store, "layers", "1.0.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let blob = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    let gone = crate::support::fault::Fault::Status(404, Vec::new());
    upstream.on("GET", "/tags/list", 1, gone);
    let anna = [("authorization", "anna")];
    front.ask(Method::GET, &blob, &anna).await.is(404);
    front.get(&blob).await.is_whole(&content, true);
}
