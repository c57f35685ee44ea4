//! Upstreams that are down, slow, lying or cut short.

use std::net::TcpListener;

use super::*;
use crate::support::binary::{custom, noise};
use crate::support::fault::{Fault, Registry};
use crate::support::workspace::layers;

#[tokio::test]
async fn an_unreachable_upstream_is_not_a_404() {
    let down = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = slow.local_addr().unwrap().to_string();
    let digest = Digest::of(b"x");
    for (host, status) in [(down, 502), (silent, 504)] {
        let front = TestGateway::with(vec![registry(&host)], |settings| {
            settings.options.read_timeout = Duration::from_millis(100);
        });
        for path in [
            "/v2/".to_owned(),
            "/v2/_catalog".to_owned(),
            "/v2/demo/app/manifests/1.0".to_owned(),
            format!("/v2/demo/app/manifests/{digest}"),
            format!("/v2/demo/app/blobs/{digest}"),
            "/v2/demo/app/tags/list".to_owned(),
            format!("/v2/demo/app/referrers/{digest}"),
        ] {
            let got = front.get(&path).await.is(status);
            assert_eq!(
                (got.code().as_str(), got.header("retry-after")),
                ("UNAVAILABLE", "5")
            );
            let log = front.log();
            assert!(
                log.last().unwrap().contains(&format!("GET {path}: ")),
                "{log:?}"
            );
        }
        assert!(front.gateway.ready().await.is_err());
    }
}

#[tokio::test]
async fn temporary_upstream_errors_carry_retry_after() {
    let upstream = Registry::start();
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    front.gateway.ready().await.unwrap();
    let path = "/v2/demo/app/manifests/1.0";
    let later = vec![("retry-after", "7".to_owned())];
    for (status, expected, wait) in [
        (429, 429, "7"),
        (503, 503, "7"),
        (500, 502, "5"),
        (501, 502, "5"),
    ] {
        upstream.on("GET", path, 2, Fault::Status(status, later.clone()));
        let got = front.get(path).await.is(expected);
        assert_eq!(got.header("retry-after"), wait);
        // Taken back.
        front.get(path).await;
    }
    // What passes by itself is asked again.
    let digest = upstream
        .put_manifest("demo/app", "1.0", MANIFEST, b"{}")
        .to_string();
    for fault in [Fault::Status(502, Vec::new()), Fault::CloseBeforeAnswer] {
        upstream.on("GET", path, 1, fault);
        let got = front.get(path).await.is(200);
        assert_eq!(got.header("docker-content-digest"), digest);
    }
}

#[tokio::test]
async fn limits_of_upstream_reach_the_clients_of_every_endpoint() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, content) = publish(&store, "layers", "1.0", false).await;
    let (content, flat) = (Digest::of(&content), pushed.flat_digest);
    let other = Digest::of(b"other");
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    front.get("/v2/demo/app/manifests/1.0").await.is(200);
    for (asked, passed_on) in [("7", "7"), ("86400", "3600")] {
        for status in [429, 503] {
            let limited = Fault::Status(status, vec![("retry-after", asked.to_owned())]);
            // All of the repository is limited, or only its layers.
            for (place, methods, paths) in [
                (
                    "/v2/demo/app/",
                    &["GET", "HEAD"][..],
                    &[
                        "manifests/1.0".to_owned(),
                        format!("manifests/{other}"),
                        "tags/list".to_owned(),
                        format!("referrers/{flat}"),
                        format!("blobs/{content}"),
                        format!("blobs/{other}"),
                    ][..],
                ),
                ("/blobs/", &["GET"], &[format!("blobs/{content}")]),
            ] {
                for method in methods {
                    upstream.on(method, place, usize::MAX, limited.clone());
                }
                for path in paths {
                    let got = front.get(&format!("/v2/demo/app/{path}")).await.is(status);
                    assert_eq!(got.header("retry-after"), passed_on, "{path}");
                }
                upstream.forget_rules();
            }
        }
    }
}

#[tokio::test]
async fn a_silent_upstream_is_asked_once() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (_, content) = publish(&store, "layers", "1.0", false).await;
    let blob = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    let front = TestGateway::with(vec![registry(&upstream.address())], |settings| {
        settings.options.read_timeout = Duration::from_millis(100);
        settings.options.retry.max_waits = Duration::from_millis(50);
    });
    front.get("/v2/demo/app/manifests/1.0").await.is(200);
    upstream.forget_requests();
    upstream.on("GET", "/blobs/", usize::MAX, Fault::Stall(0));
    front.get(&blob).await.is(504);
    let lines = upstream.lines();
    let layers: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("GET"))
        .collect();
    let distinct: std::collections::BTreeSet<_> = layers.iter().collect();
    assert_eq!(layers.len(), distinct.len(), "{layers:?}");
}

#[tokio::test]
async fn an_upstream_that_does_not_end_its_answer_is_a_timeout() {
    let upstream = Registry::start();
    let path = "/v2/demo/app/manifests/1.0";
    upstream.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let front = TestGateway::with(vec![registry(&upstream.address())], |settings| {
        settings.options.read_timeout = Duration::from_secs(3600);
        settings.options.pace.whole = Duration::from_millis(100);
    });
    upstream.on("GET", path, 1, Fault::Stall(1));
    front.get(path).await.is(504);
    front.get(path).await.is(200);
}

#[tokio::test]
async fn bytes_of_another_digest_are_not_passed_on() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, _) = publish(&store, "layers", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    for name in ["1.0", &pushed.split_manifest_digest.to_string()] {
        upstream.on("GET", "/manifests/", 1, Fault::WrongBytes);
        let path = format!("/v2/demo/app/manifests/{name}");
        front.get(&path).await.is(502);
        assert!(
            front.log().last().unwrap().contains("is damaged"),
            "{:?}",
            front.log()
        );
        front.get(&path).await.is(200);
    }
}

#[tokio::test]
async fn a_split_manifest_with_a_wrong_flat_digest_is_not_served() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, _) = publish(&store, "layers", "1.0", false).await;
    let split = upstream.manifest("demo/app", "1.0").unwrap();
    let other = Digest::of(b"other").to_string();
    let lying = String::from_utf8_lossy(&split).replace(&pushed.flat_digest.to_string(), &other);
    upstream.put_manifest("demo/app", "lying", MANIFEST, lying.as_bytes());
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let path = "/v2/demo/app/manifests/lying";
    for method in [Method::GET, Method::HEAD] {
        front.ask(method, path, &[("accept", "*/*")]).await.is(502);
        assert!(
            front.log().last().unwrap().contains("flat.digest"),
            "{:?}",
            front.log()
        );
    }
    assert_eq!(front.get(path).await.code(), "MANIFEST_INVALID");
    // Who asks for what is stored gets it.
    let stored = front.get(&format!("{path}?form=split")).await;
    stored.is_whole(lying.as_bytes(), true);
    // Nor is it found by the digest that it claims.
    front
        .get(&format!("/v2/demo/app/manifests/{other}"))
        .await
        .is(404);
}

#[tokio::test]
async fn wrong_bytes_of_a_stored_blob_never_complete() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, content) = publish(&store, "layers", "1.0", true).await;
    let split = upstream.manifest("demo/app", &pushed.split_manifest_digest.to_string());
    let layer = layers(&split.unwrap()).pop().unwrap().digest;
    let layer = upstream.blob("demo/app", &layer).unwrap().to_vec();
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    front.get("/v2/demo/app/manifests/1.0").await.is(200);
    for bytes in [content, layer, Vec::new()] {
        upstream.put_blob("demo/app", &bytes);
        let path = format!("/v2/demo/app/blobs/{}", Digest::of(&bytes));
        let mut wrong = bytes.clone();
        match wrong.last_mut() {
            Some(last) => *last ^= 1,
            None => wrong.push(1),
        }
        for fault in [Fault::WrongBytes, Fault::Body(wrong)] {
            if bytes.is_empty() && matches!(fault, Fault::WrongBytes) {
                continue;
            }
            upstream.on("GET", &path, 1, fault);
            let got = front.get(&path).await.is(200);
            assert!(got.body.is_err());
        }
        front.get(&path).await.is_whole(&bytes, true);
        front.head(&path).await.is_whole(&bytes, false);
    }
}

#[tokio::test]
async fn bytes_that_cannot_be_checked_claim_no_digest() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let noise = custom("noise", &noise(1, 100_000));
    let content = [assemble("layers"), noise].concat();
    publish_bytes(&store, content.clone(), "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    front.get("/v2/demo/app/manifests/1.0").await.is(200);
    let split = upstream.manifest("demo/app", "1.0").unwrap();
    let layer = layers(&split).pop().unwrap().digest;
    let layer = upstream.blob("demo/app", &layer).unwrap().to_vec();
    let claims = |got: &WholeAnswer| {
        let names = ["docker-content-digest", "etag"];
        names.map(|name| got.headers.contains_key(name))
    };
    let raw = layer.len() as u64 / 4;
    let at = content
        .windows(layer.len())
        .position(|part| *part == layer[..]);
    let at = at.expect("the last layer is raw") as u64;
    for (bytes, range, is_checked) in [
        // A quarter of a stored layer, and a quarter of a raw layer of the component.
        (&layer, 1..raw, false),
        (&content, at + 1..at + raw, false),
        // The whole layer is read and checked.
        (&content, at + 1..at + 3 * raw, true),
    ] {
        let path = format!("/v2/demo/app/blobs/{}", Digest::of(bytes));
        let header = format!("bytes={}-{}", range.start, range.end - 1);
        let got = front
            .ask(Method::GET, &path, &[("range", &header)])
            .await
            .is(206);
        assert!(got.bytes() == &bytes[range.start as usize..range.end as usize]);
        assert_eq!(claims(&got), [is_checked; 2], "{header}");
    }
    let gzip = vec![("content-encoding", "gzip".to_owned())];
    upstream.on("GET", "/blobs/", 1, Fault::Headers(gzip));
    let path = format!("/v2/demo/app/blobs/{}", Digest::of(&layer));
    assert_eq!(claims(&front.get(&path).await.is(200)), [false; 2]);
}

#[tokio::test]
async fn a_truncated_body_is_aborted() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (_, content) = publish(&store, "layers", "1.0", false).await;
    let blob = upstream.put_blob("demo/app", &[7; 100_000]);
    let path = format!("/v2/demo/app/blobs/{}", blob.digest);
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    upstream.on("GET", &path, 1, Fault::Truncate(5000));
    let got = front.get(&path).await.is(200);
    assert_eq!(got.header("content-length"), "100000");
    assert!(got.body.is_err());
    assert_eq!(front.get(&path).await.is(200).bytes().len(), 100_000);
    // A splice that fails before its first byte says so, and the next one is none the worse.
    front.get("/v2/demo/app/manifests/1.0").await.is(200);
    let path = format!("/v2/demo/app/blobs/{}", Digest::of(&content));
    let first = layers(&upstream.manifest("demo/app", "1.0").unwrap()).remove(0);
    let layer = format!("/blobs/{}", first.digest);
    upstream.on("GET", &layer, 2, Fault::Status(502, Vec::new()));
    front.get(&path).await.is(502);
    assert!(front.get(&path).await.is(200).bytes() == content);
}

#[tokio::test]
async fn relayed_blobs_are_streamed() {
    let upstream = Registry::start();
    let blob = upstream.put_blob("demo/app", &[7; 1000]);
    let path = format!("/v2/demo/app/blobs/{}", blob.digest);
    upstream.on("GET", &path, 1, Fault::Endless);
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let request = http::Request::get(path).body(()).unwrap().into_parts().0;
    let mut reply = front.gateway.handle(request).await;
    let first = reply.body.next().await;
    assert!(first.is_some_and(|piece| !piece.unwrap().is_empty()));
}

#[tokio::test]
async fn an_unfinished_search_is_not_a_miss() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, _) = publish(&store, "layers", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let path = format!("/v2/demo/app/manifests/{}", pushed.flat_digest);
    for (method, place) in [("GET", "/tags/list"), ("GET", "/manifests/1.0")] {
        upstream.on(method, place, 2, Fault::Status(502, Vec::new()));
        front.get(&path).await.is(502);
    }
    front.get(&path).await.is(200);
}

#[tokio::test]
async fn an_interrupted_body_is_aborted() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (_, content) = publish(&store, "layers", "1.0", false).await;
    let split = upstream.manifest("demo/app", "1.0").unwrap();
    let last = layers(&split).pop().unwrap();
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    front.get("/v2/demo/app/manifests/1.0").await.is(200);
    let path = format!("/blobs/{}", last.digest);
    upstream.on("GET", &path, usize::MAX, Fault::WrongBytes);
    let got = front
        .get(&format!("/v2/demo/app/blobs/{}", Digest::of(&content)))
        .await
        .is(200);
    assert!(got.body.is_err());
    // Who sends it says so, and nobody twice.
    assert!(front.log().is_empty(), "{:?}", front.log());
}

#[tokio::test]
async fn wharf_gets_the_split_form() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, _) = publish(&store, "layers", "1.0", false).await;
    upstream.forget_requests();
    store
        .manifest(&wharf::reference::Name::Tag("1.0".to_owned()))
        .await
        .unwrap();
    let accept = upstream.requests()[0].header("accept").unwrap().to_owned();
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    upstream.forget_requests();
    let got = front
        .ask(
            Method::GET,
            "/v2/demo/app/manifests/1.0",
            &[("accept", &accept)],
        )
        .await;
    assert_eq!(Digest::of(got.bytes()), pushed.split_manifest_digest);
    // So does a gateway behind a gateway.
    let got = front
        .ask(
            Method::GET,
            "/v2/demo/app/manifests/1.0",
            &[("accept", MANIFEST)],
        )
        .await;
    assert_eq!(Digest::of(got.bytes()), pushed.flat_digest);
    let asked = upstream.requests();
    assert!(
        asked
            .iter()
            .all(|request| request.header("accept").unwrap().contains(SPLIT))
    );
}

#[tokio::test]
async fn nothing_of_upstream_runs_in_a_browser() {
    let upstream = Registry::start();
    let page = b"<script>fetch('/-/demo/app')</script>";
    let digest = upstream.put_blob("demo/app", page).digest;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let blob = format!("/v2/demo/app/blobs/{digest}");
    let headers = [
        ("content-type", "text/html"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("set-cookie", "session=1"),
        ("content-security-policy", "default-src *"),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    let html = Fault::Headers(headers.to_vec());
    upstream.on("GET", "/blobs/", 1, html.clone());
    upstream.on("GET", "/tags/list", 1, html);
    for (path, status) in [
        (blob.as_str(), 200),
        ("/v2/demo/app/tags/list", 502),
        ("/v2/", 200),
        ("/v2/demo/app/manifests/1.0", 404),
        ("/v2/demo/APP/tags/list", 400),
    ] {
        let got = front.get(path).await.is(status);
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
        let policy = got.header("content-security-policy");
        assert_eq!(policy, "sandbox; default-src 'none'", "{path}");
        let theirs = |name: &str| name.starts_with("access-control-") || name == "set-cookie";
        let kept = got.headers.keys().filter(|name| theirs(name.as_str()));
        assert_eq!(kept.count(), 0, "{path}: {:?}", got.headers);
    }
    let got = front.get("/").await.is(200);
    assert!(!got.header("content-security-policy").contains("sandbox"));
}

#[tokio::test]
async fn a_web_page_from_upstream_is_not_served() {
    let upstream = Registry::start();
    let html = vec![("content-type", "text/html".to_owned())];
    for method in ["GET", "HEAD"] {
        let page = Fault::Answer(200, html.clone(), b"<!doctype html>".to_vec());
        upstream.on(method, "/", usize::MAX, page);
    }
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let digest = Digest::of(b"x");
    for path in [
        "/v2/_catalog".to_owned(),
        "/v2/demo/app/manifests/1.0".to_owned(),
        format!("/v2/demo/app/manifests/{digest}"),
        "/v2/demo/app/tags/list".to_owned(),
        format!("/v2/demo/app/referrers/{digest}"),
    ] {
        front.get(&path).await.is(502);
        if path.contains("/manifests/") {
            front.head(&path).await.is(502);
        }
    }
}

#[tokio::test]
async fn an_interrupted_list_is_not_served_as_a_short_list() {
    let upstream = Registry::start();
    upstream.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let path = "/v2/demo/app/tags/list";
    let list = br#"{"name":"demo/app","tags":["1.0"]}"#;
    let linked = |link: &str| {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("link", link.to_owned()),
        ];
        Fault::Answer(200, headers, list.to_vec())
    };
    let errors = br#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#;
    for fault in [
        linked("/v2/demo/app/tags/list?last=1.0"),
        linked("</v2/demo/app/tags/list; rel=next"),
        linked("<http://elsewhere.example/?last=1.0>; rel=next"),
        Fault::Body(errors.to_vec()),
    ] {
        upstream.on("GET", "/tags/list", 1, fault);
        front.get(path).await.is(502);
    }
    upstream.on("GET", "/tags/list", 1, linked("<?last=1.0>; rel='next'"));
    let got = front.get(path).await.is(200);
    assert!(got.header("link").contains("last=1.0"));
}
