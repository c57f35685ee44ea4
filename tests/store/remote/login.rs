//! Who is shown what.

use super::*;

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
async fn reading_requests_only_the_pull_scope() {
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
async fn a_busy_token_server_is_asked_again() {
    let registry = bearer(Some(("user", "word")), u32::MAX);
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let busy = vec![("Retry-After", "0".to_owned())];
    registry.on("GET", "/token", 2, Fault::Status(503, busy));
    let store = remote_as(&registry, basic("word"));
    store.manifest(&tag("1.0")).await.unwrap();
    assert_eq!(count(&registry, "/token"), 3);
}

#[tokio::test]
async fn a_token_that_never_ends_is_not_read_to_its_end() {
    let registry = bearer(Some(("user", "word")), u32::MAX);
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    registry.on("GET", "/token", 1, Fault::Endless);
    let store = remote_as(&registry, basic("word"));
    let error = store.manifest(&tag("1.0")).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
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
async fn a_password_is_sent_to_a_basic_challenge() {
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
async fn an_invalid_realm_gets_no_password() {
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
async fn credentials_are_sent_only_to_the_registry() {
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
        format!("GET {host}/token 200"),
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
fn progress_is_reported_after_enough_bytes() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", &noise(MIB));
    let (sender, receiver) = std::sync::mpsc::channel();
    registry.when_blob_bytes(MIB as u64 / 2, move || sender.send(()).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fetched(&remote(&registry), blob)).unwrap();
    receiver.recv().unwrap();
    assert_eq!(registry.blob_bytes(), MIB as u64);
}
