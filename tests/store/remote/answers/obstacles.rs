//! Which host failed, and why.

use super::*;
use wharf::store::remote::ConnectionError;

/// Returns an address at which nothing listens.
fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn the_host_that_failed_is_named() {
    let elsewhere = Registry::start();
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", b"component");
    let store = remote(&registry);
    let to = |host: &str| vec![("location", format!("http://{host}/stored?signature=secret"))];
    let closed = closed_address();
    for (fault, host) in [
        (Fault::Status(403, vec![]), elsewhere.address()),
        (Fault::Status(401, vec![]), elsewhere.address()),
        (Fault::Status(500, vec![]), elsewhere.address()),
        (Fault::Truncate(3), elsewhere.address()),
        (Fault::CloseBeforeAnswer, elsewhere.address()),
        (Fault::CloseBeforeAnswer, closed),
    ] {
        elsewhere.forget_rules();
        elsewhere.on("GET", "/stored", usize::MAX, fault);
        registry.on("GET", "/blobs/", 9, Fault::Status(307, to(&host)));
        let error = fetched(&store, blob).await.unwrap_err();
        assert_names(&error, &registry, &host);
        assert!(!shown(&error).contains("secret"), "{error}");
        assert!(!matches!(error, Error::Refused { .. }), "{error}");
        registry.forget_rules();
    }
}

#[tokio::test]
async fn the_host_of_an_upload_is_named() {
    let elsewhere = Registry::start();
    elsewhere.on("PUT", "/uploads/", usize::MAX, Fault::Status(403, vec![]));
    let registry = Registry::start_with(Settings {
        upload_origin: Some(format!("http://{}", elsewhere.address())),
        ..Settings::default()
    });
    let source = source(b"component");
    let pushed = remote(&registry).push(source.blob, &source.file).await;
    let error = pushed.unwrap_err();
    assert_names(&error, &registry, &elsewhere.address());
    assert!(
        matches!(error, Error::Answer { status: 403, .. }),
        "{error}"
    );
    assert_eq!(error.kind(), wharf::error::Kind::Refused);
}

/// Names the cause of an error.
fn cause(error: &Error) -> String {
    let Error::Unreachable { source, .. } = error else {
        panic!("{error}");
    };
    if let Some(Error::Answer { status, .. }) = source.downcast_ref() {
        return status.to_string();
    }
    match source.downcast_ref() {
        Some(ConnectionError::Refused { .. }) => "refused".to_owned(),
        Some(ConnectionError::NoAddress { .. }) => "no address".to_owned(),
        _ => shown(error),
    }
}

#[tokio::test]
async fn connection_failures_have_different_errors() {
    let registry = Registry::start();
    let closed = closed_address();
    let no_name = "registry.invalid".to_owned();
    for (host, status, expected) in [
        (registry.address(), 429, "429"),
        (registry.address(), 502, "502"),
        (closed, 0, "refused"),
        (no_name, 0, "no address"),
    ] {
        registry.on("GET", "/manifests/", 4, Fault::Status(status, vec![]));
        let repository = repository(&host);
        let (access, nobody) = (Access::Pull, Credentials::Anonymous);
        let store = Remote::new(&repository, access, nobody, &options()).unwrap();
        let error = store.manifest(&tag("1.0")).await.unwrap_err();
        assert_eq!(cause(&error), expected);
        registry.forget_rules();
    }
}
