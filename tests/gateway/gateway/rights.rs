//! Who may read what: as upstream says, for each client by itself.

use super::*;
use crate::support::fault::{Auth, Fault, Registry, Settings as Faults};
use crate::support::registries::{PASSWORD, USERNAME, authenticated};

/// `wharf:wharf-test`.
const BASIC: &str = "Basic d2hhcmY6d2hhcmYtdGVzdA==";
/// `wharf:wrong`.
const WRONG: &str = "Basic d2hhcmY6d3Jvbmc=";

fn known() -> Credentials {
    Credentials::Basic {
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

#[tokio::test]
async fn rights_are_checked_for_each_client() {
    for upstream in authenticated() {
        let path = "gateway/private";
        let store = remote_as(&upstream.host, path, known());
        let (pushed, content) = publish(&store, "layers", "1.0", false).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        let manifest = |name: &str| format!("/v2/{path}/manifests/{name}");
        let as_known = [("authorization", BASIC), ("accept", "*/*")];
        let flat = front
            .ask(Method::GET, &manifest("1.0"), &as_known)
            .await
            .is(200);
        let all = [
            "/v2/".to_owned(),
            manifest("1.0"),
            manifest(&pushed.flat_digest.to_string()),
            manifest(&pushed.split_manifest_digest.to_string()),
            format!("/v2/{path}/blobs/{}", config_of(flat.bytes())),
            format!("/v2/{path}/blobs/{}", Digest::of(&content)),
            format!("/v2/{path}/tags/list"),
            format!("/v2/{path}/referrers/{}", pushed.flat_digest),
            "/v2/_catalog".to_owned(),
        ];
        for path in &all {
            front.ask(Method::GET, path, &as_known).await.is(200);
        }
        front.spliced();
        for path in &all {
            for shown in [&[][..], &[("authorization", WRONG)]] {
                for method in [Method::GET, Method::HEAD] {
                    let is_head = method == Method::HEAD;
                    let refused = front.ask(method, path, shown).await;
                    // zot has no HEAD of lists, for nobody.
                    if is_head && refused.status == 405 {
                        continue;
                    }
                    let refused = refused.is(401);
                    let challenge = refused.header("www-authenticate");
                    assert!(
                        challenge.to_lowercase().starts_with("basic realm"),
                        "{path} {refused:?}"
                    );
                }
            }
        }
        assert_eq!(front.spliced(), 0);
        assert!(
            !front.log().concat().contains("d2hhcmY6"),
            "{:?}",
            front.log()
        );
    }
}

#[tokio::test]
async fn the_gateway_may_read_for_everybody() {
    for upstream in authenticated() {
        let path = "gateway/own";
        let store = remote_as(&upstream.host, path, known());
        let (_, content) = publish(&store, "layers", "1.0", false).await;
        let open = |credentials: fn() -> Credentials| {
            TestGateway::with(vec![registry(&upstream.host)], move |settings| {
                settings.rights = Rights::Own(Arc::new(move |_| {
                    Box::pin(async move { Ok(credentials()) })
                }));
            })
        };
        let front = open(known);
        for path in ["/v2/", &format!("/v2/{path}/manifests/1.0"), "/v2/_catalog"] {
            // What the client shows is ignored.
            front
                .ask(Method::GET, path, &[("authorization", WRONG)])
                .await
                .is(200);
            front.get(path).await.is(200);
        }
        let blob = format!("/v2/{path}/blobs/{}", Digest::of(&content));
        assert!(front.get(&blob).await.is(200).bytes() == content);
        // Nobody is asked for credentials that would be ignored.
        let refused = open(|| Credentials::Forwarded(None));
        let refused = refused
            .get(&format!("/v2/{path}/manifests/1.0"))
            .await
            .is(403);
        assert_eq!(
            (refused.code().as_str(), refused.header("www-authenticate")),
            ("DENIED", "")
        );
    }
}

#[tokio::test]
async fn each_refusal_of_own_credentials_is_one_line() {
    for upstream in authenticated() {
        let gateway = TestGateway::with(vec![registry(&upstream.host)], |settings| {
            settings.rights = Rights::Own(Arc::new(|_| {
                Box::pin(async {
                    Ok(Credentials::Basic {
                        username: USERNAME.to_owned(),
                        password: "s3cret".to_owned(),
                    })
                })
            }));
        });
        for (count, path) in [
            "/v2/gateway/own/manifests/1.0",
            "/v2/gateway/own/tags/list",
            "/v2/gateway/own/manifests/1.0",
        ]
        .into_iter()
        .enumerate()
        {
            gateway.get(path).await.is(403);
            let log = gateway.log();
            assert_eq!(log.len(), count + 1, "{log:?}");
            assert!(log[count].starts_with("error: 20"), "{log:?}");
            assert!(log[count].contains(&format!(" GET {path}: ")), "{log:?}");
            assert!(!log[count].contains("s3cret"), "{log:?}");
        }
    }
}

#[tokio::test]
async fn a_manifest_with_layers_of_other_repositories_is_refused() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/private");
    let (_, content) = publish(&store, "layers", "1.0", false).await;
    let manifest = upstream.manifest("demo/private", "1.0").unwrap();
    upstream.put_manifest("demo/forged", "1.0", MANIFEST, &manifest);
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let blob = Digest::of(&content);
    for (path, status, spliced) in [("demo/private", 200, 1), ("demo/forged", 502, 0)] {
        front
            .get(&format!("/v2/{path}/manifests/1.0"))
            .await
            .is(200);
        for _ in 0..2 {
            front
                .get(&format!("/v2/{path}/blobs/{blob}"))
                .await
                .is(status);
            assert_eq!(front.spliced(), spliced);
        }
    }
    assert!(
        front.log()[0].contains("does not have its blob"),
        "{:?}",
        front.log()
    );
}

#[tokio::test]
async fn granted_rights_are_checked_again_after_a_while() {
    let upstream = Registry::start_with(Faults {
        auth: Auth::Basic {
            username: USERNAME,
            password: PASSWORD,
        },
        ..Faults::default()
    });
    let store = remote_as(&upstream.address(), "demo/app", known());
    let (pushed, _) = publish(&store, "layers", "1.0", false).await;
    let flat = format!("/v2/demo/app/manifests/{}", pushed.flat_digest);
    let as_known = [("authorization", BASIC), ("accept", "*/*")];
    let split = format!(
        "HEAD /v2/demo/app/manifests/{}",
        pushed.split_manifest_digest
    );
    for (remembered, asked) in [
        (GatewaySettings::GRANT_LIFETIME, &[][..]),
        (Duration::ZERO, &[split]),
    ] {
        let front = TestGateway::with(vec![registry(&upstream.address())], |settings| {
            settings.grant_lifetime = remembered;
        });
        front
            .ask(Method::GET, "/v2/demo/app/manifests/1.0", &as_known)
            .await
            .is(200);
        upstream.forget_requests();
        front.ask(Method::GET, &flat, &as_known).await.is(200);
        assert_eq!(upstream.lines(), asked);
        let shown = |line: &crate::support::fault::RecordedRequest| {
            line.header("authorization") == Some(BASIC)
        };
        assert!(upstream.requests().iter().all(shown));
    }
}

#[tokio::test]
async fn tokens_and_their_refusals_are_forwarded_unchanged() {
    let upstream = Registry::start_with(Faults {
        auth: Auth::Bearer {
            login: None,
            realm: None,
            uses: 1,
        },
        ..Faults::default()
    });
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let shown = [("authorization", "Bearer stale"), ("accept", "*/*")];
    for path in [
        "/v2/",
        "/v2/demo/app/manifests/1.0",
        "/v2/demo/app/tags/list",
    ] {
        upstream.forget_requests();
        let refused = front.ask(Method::GET, path, &shown).await.is(401);
        let realm = format!("Bearer realm=\"http://{}/token\"", upstream.address());
        assert!(
            refused.header("www-authenticate").starts_with(&realm),
            "{refused:?}"
        );
        assert_eq!(refused.code(), "UNAUTHORIZED");
        // No token is fetched for anybody.
        assert_eq!(upstream.lines(), [format!("GET {path}")]);
        assert_eq!(
            upstream.requests()[0].header("authorization"),
            Some("Bearer stale")
        );
    }
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_elsewhere() {
    let (upstream, elsewhere) = (Registry::start(), Registry::start());
    let blob = elsewhere.put_blob("demo/app", b"somewhere else");
    let path = format!("/v2/demo/app/blobs/{}", blob.digest);
    let target = format!("http://{}{path}", elsewhere.address());
    let redirect = Fault::Answer(307, vec![("location", target)], Vec::new());
    upstream.on("GET", &path, 1, redirect);
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let shown = [("authorization", "Bearer secret"), ("range", "bytes=4-")];
    let got = front.ask(Method::GET, &path, &shown).await.is(206);
    assert_eq!(got.bytes(), b"where else");
    assert_eq!(
        upstream.requests()[0].header("authorization"),
        Some("Bearer secret")
    );
    let led = elsewhere.requests();
    assert_eq!(led.len(), 1);
    assert_eq!(
        (led[0].header("authorization"), led[0].header("range")),
        (None, Some("bytes=4-"))
    );
}
