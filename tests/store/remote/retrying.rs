//! What is tried again, and what is not.

use std::io::{self, Read as _, Write as _};

use super::*;

#[tokio::test]
async fn temporary_failures_are_retried() {
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
async fn permanent_failures_are_not_retried() {
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

fn reader(registry: &Registry, options: &Options) -> Remote {
    let repository = repository(&registry.address());
    Remote::new(&repository, Access::Pull, Credentials::Anonymous, options).unwrap()
}

fn asks_to_wait(after: &str) -> Fault {
    Fault::Status(429, vec![("retry-after", after.to_owned())])
}

#[tokio::test]
async fn the_server_cannot_shorten_the_wait() {
    let registry = Registry::start();
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    // The client's own wait is longer than any request may wait, so it gives up.
    let days = Duration::from_secs(1 << 24);
    let patient = Options {
        retry: Retry {
            attempts: 4,
            first: days,
            longest: days,
            max_waits: Retry::NETWORK.max_waits,
        },
        ..options()
    };
    let store = reader(&registry, &patient);
    for after in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        registry.forget_requests();
        registry.on("GET", "/manifests/", 1, asks_to_wait(after));
        let error = store.manifest(&tag("1.0")).await.unwrap_err();
        assert!(
            matches!(error, Error::Unreachable { attempts: 1, .. }),
            "{error}"
        );
        assert_eq!(registry.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_an_error_at_once() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", b"component");
    let store = remote(&registry);
    for (method, path) in [
        ("GET", "/manifests/"),
        ("GET", "/blobs/"),
        ("POST", UPLOADS),
    ] {
        registry.forget_requests();
        registry.on(method, path, 1, asks_to_wait("3600"));
        let error = match (method, path) {
            ("POST", _) => pushed(&registry, &store, b"x").await.unwrap_err(),
            (_, "/blobs/") => fetched(&store, blob).await.unwrap_err(),
            _ => store.manifest(&tag("1.0")).await.unwrap_err(),
        };
        let text = shown(&error);
        assert!(
            text.ends_with("429: UNAVAILABLE: injected; the server asks the client to wait 3600 s"),
            "{text}"
        );
        assert_eq!(registry.requests().len(), 1);
    }
}

/// Tells of waits.
#[derive(Default)]
struct Waits(tokio::sync::Notify, Mutex<String>);

impl Observer for Waits {
    fn waiting(&self, reason: &str, wait: Duration) {
        *self.1.lock().unwrap() = format!("{reason}, {wait:?}");
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_long_wait_is_reported_before_it_begins() {
    let registry = Registry::start();
    registry.on("GET", "/tags/", 1, asks_to_wait("100"));
    let waits = Arc::new(Waits::default());
    let watched = Options {
        observer: waits.clone(),
        ..options()
    };
    let store = reader(&registry, &watched);
    tokio::select! {
        tags = store.tags() => panic!("{tags:?}"),
        () = waits.0.notified() => {}
    }
    let told = waits.1.lock().unwrap().clone();
    let expected = format!("{}/demo/app answered 429", registry.address());
    assert!(
        told.contains(&expected) && told.ends_with(", 100s"),
        "{told}"
    );
}

fn is_too_slow(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<TooSlow>())
}

#[tokio::test]
async fn an_endless_answer_fails_after_one_attempt() {
    let registry = Registry::start();
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let mut hasty = options();
    hasty.pace.whole = Duration::from_millis(100);
    let store = reader(&registry, &hasty);
    for path in ["/manifests/", "/tags/"] {
        registry.forget_requests();
        registry.on("GET", path, 1, Fault::Stall(1));
        let error = match path {
            "/tags/" => store.tags().await.unwrap_err(),
            _ => store.manifest(&tag("1.0")).await.unwrap_err(),
        };
        assert!(is_too_slow(&error), "{}", shown(&error));
        assert_eq!(registry.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_response_head_fails_after_one_attempt() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::task::spawn_blocking(move || {
        let (mut client, _) = listener.accept().unwrap();
        // An answer before its request would be none.
        client.read_exact(&mut [0; 4]).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\nx: y").unwrap();
        io::copy(&mut client, &mut io::sink()).unwrap();
        // Another attempt would be a second connection.
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err());
    });
    let mut hasty = options();
    hasty.pace.head = Duration::from_millis(100);
    let repository = repository(&address);
    let store = Remote::new(&repository, Access::Pull, Credentials::Anonymous, &hasty).unwrap();
    let error = store.manifest(&tag("1.0")).await.unwrap_err();
    assert!(is_too_slow(&error), "{}", shown(&error));
    drop(store);
    server.await.unwrap();
}

#[tokio::test]
async fn an_error_whose_body_does_not_end_is_still_that_error() {
    let registry = Registry::start();
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let mut hasty = options();
    hasty.pace.whole = Duration::from_millis(100);
    let store = reader(&registry, &hasty);
    registry.on("GET", "/manifests/", 1, Fault::Stall(5));
    let error = store.manifest(&tag("2.0")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    // So is a refusal.
    let registry = Registry::start_with(Settings {
        auth: Auth::Basic {
            username: "user",
            password: "secret",
        },
        ..Settings::default()
    });
    let store = reader(&registry, &hasty);
    registry.on("GET", "/manifests/", 1, Fault::Stall(5));
    let error = store.manifest(&tag("1.0")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[tokio::test]
async fn an_endless_token_fails() {
    let registry = Registry::start_with(Settings {
        auth: Auth::Bearer {
            login: None,
            realm: None,
            uses: 9,
        },
        ..Settings::default()
    });
    let mut hasty = options();
    hasty.pace.whole = Duration::from_millis(100);
    registry.on("GET", "/token", 1, Fault::Stall(5));
    let error = reader(&registry, &hasty).tags().await.unwrap_err();
    assert!(is_too_slow(&error), "{}", shown(&error));
    assert_eq!(registry.requests().len(), 2);
}

#[tokio::test]
async fn a_blob_below_the_minimum_rate_fails_after_one_attempt() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", &noise(300_000));
    let mut hasty = options();
    hasty.pace.least_rate = u64::MAX;
    hasty.pace.window = Duration::ZERO;
    let error = fetched(&reader(&registry, &hasty), blob).await.unwrap_err();
    assert!(is_too_slow(&error), "{}", shown(&error));
    assert_eq!(registry.requests().len(), 1);
}

#[tokio::test]
async fn the_last_error_names_the_attempts_and_the_cause() {
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
async fn an_unreachable_host_fails_at_once() {
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

#[tokio::test]
async fn an_upload_that_the_server_reads_too_slowly_says_so() {
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = Registry::start_with(Settings {
        upload_origin: Some(format!("http://{}", slow.local_addr().unwrap())),
        ..Settings::default()
    });
    let options = Options {
        read_timeout: Duration::from_millis(300),
        ..options()
    };
    let at = repository(&registry.address());
    let store = Remote::new(&at, Access::Push, Credentials::Anonymous, &options).unwrap();
    // The system takes a small blob whole, and the beginning of a large one.
    for size in [9, 32 * MIB] {
        registry.forget_requests();
        let source = source(&noise(size));
        let error = store.push(source.blob, &source.file).await.unwrap_err();
        let Error::Unreachable {
            attempts: 4,
            source,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        let slow = source.downcast_ref::<TooSlow>();
        let expected = match size {
            9 => matches!(slow, Some(TooSlow::Answer { .. })),
            _ => matches!(slow, Some(TooSlow::Rate { .. })),
        };
        assert!(expected, "{slow:?}");
        assert_eq!(registry.requests().len(), 4);
    }
}
