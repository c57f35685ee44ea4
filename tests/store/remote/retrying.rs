//! What is tried again, and what is not.

use super::*;

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
