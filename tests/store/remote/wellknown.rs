//! What hosts say of their packages, and the many that say something else.

use super::*;
use wharf::package::registry_metadata;

const PATH: &str = "/.well-known/wasm-pkg/registry.json";
const METADATA: &[u8] = b"{ \"preferredProtocol\":\"oci\"}\n";

fn answer(status: u16, media_type: &str, body: &[u8]) -> Fault {
    let headers = vec![("content-type", media_type.to_owned())];
    Fault::Answer(status, headers, body.to_vec())
}

async fn found(registry: &Registry) -> Result<Option<bytes::Bytes>, Error> {
    registry_metadata(&registry.address(), &options()).await
}

#[tokio::test]
async fn metadata_is_returned_unchanged() {
    let registry = Registry::start();
    for media_type in ["application/json", "text/plain", "application/octet-stream"] {
        registry.on("GET", PATH, 1, answer(200, media_type, METADATA));
        let found = found(&registry).await.unwrap();
        assert_eq!(found.as_deref(), Some(METADATA), "{media_type}");
    }
    // In passing.
    registry.on("GET", PATH, 3, Fault::Status(503, vec![]));
    registry.on("GET", PATH, 1, answer(200, "application/json", METADATA));
    assert!(found(&registry).await.unwrap().is_some());
    for request in registry.requests() {
        assert_eq!(
            (request.path.as_str(), request.header("authorization")),
            (PATH, None)
        );
    }
}

#[tokio::test]
async fn other_answers_count_as_no_metadata() {
    let registry = Registry::start();
    let challenge = format!(r#"Bearer realm="http://{}/token""#, registry.address());
    let page = vec![b'x'; 100_000];
    for fault in [
        answer(200, "text/html; charset=utf-8", METADATA),
        answer(200, "application/json", b" <!doctype html>"),
        answer(200, "text/plain", b"{"),
        answer(200, "", b""),
        answer(200, "text/html", &page),
        answer(404, "application/json", METADATA),
        Fault::Status(401, vec![("www-authenticate", challenge)]),
        Fault::Status(403, vec![]),
        Fault::Status(410, vec![]),
    ] {
        registry.on("GET", PATH, 1, fault);
        assert_eq!(found(&registry).await.unwrap(), None);
    }
    assert_eq!(registry.requests().len(), 9, "no token is asked for");
    let gzip = vec![
        ("content-type", "application/json".to_owned()),
        ("content-encoding", "gzip".to_owned()),
    ];
    registry.on("GET", PATH, 1, Fault::Answer(200, gzip, vec![0x1f, 0x8b]));
    let error = found(&registry).await.unwrap_err();
    assert!(matches!(error, Error::Encoded { .. }), "{error}");
    // What is called JSON is not passed over.
    registry.on("GET", PATH, 1, answer(200, "application/json", b"{"));
    assert_eq!(found(&registry).await.unwrap().as_deref(), Some(&b"{"[..]));
    registry.forget_requests();
    registry.on("GET", PATH, 4, Fault::Status(500, vec![]));
    assert_eq!(found(&registry).await.unwrap(), None);
    assert_eq!(registry.requests().len(), 4);
}

#[tokio::test]
async fn an_unreachable_host_does_not_count_as_one_without_metadata() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap().to_string();
    drop(closed);
    let error = registry_metadata(&address, &options()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");

    let registry = Registry::start();
    registry.on("GET", PATH, 4, Fault::CloseBeforeAnswer);
    let error = found(&registry).await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { attempts: 4, .. }),
        "{error}"
    );
    let long = [b"\"".to_vec(), vec![b'x'; 64 * 1024], b"\"".to_vec()].concat();
    registry.on("GET", PATH, 1, answer(200, "application/json", &long));
    let error = found(&registry).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn redirects_lead_to_other_loopback_hosts_or_to_https() {
    let (registry, other) = (Registry::start(), Registry::start());
    let to = |location: String| Fault::Status(302, vec![("location", location)]);
    registry.on(
        "GET",
        PATH,
        1,
        to(format!("http://{}/moved", other.address())),
    );
    other.on(
        "GET",
        "/moved",
        1,
        answer(200, "application/json", METADATA),
    );
    assert_eq!(found(&registry).await.unwrap().as_deref(), Some(METADATA));
    // Had it been followed, the name would not have been found.
    let weaker = "http://registry.invalid/moved".to_owned();
    registry.on("GET", PATH, 1, to(weaker));
    assert_eq!(found(&registry).await.unwrap(), None);
    // This one is followed: nobody speaks TLS there.
    let tls = format!("https://{}/moved", other.address());
    registry.on("GET", PATH, 4, to(tls));
    let error = found(&registry).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}
