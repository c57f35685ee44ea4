//! The list of repositories, and registries that have none.

use super::*;
use wharf::error::Kind;
use wharf::store::remote::catalog;

async fn listed(registry: &Registry, credentials: Credentials) -> Result<Vec<String>, Error> {
    catalog(&registry.address(), credentials, &options()).await
}

fn registry_with(auth: Auth, page: usize) -> Registry {
    let registry = Registry::start_with(Settings {
        auth,
        page,
        ..Settings::default()
    });
    for name in ["b/b", "a", "c/d/e"] {
        registry.put_blob(name, b"");
    }
    registry
}

#[tokio::test]
async fn repositories_are_read_page_by_page() {
    for (page, requests) in [(0, 1), (1, 3), (2, 2), (3, 1)] {
        let registry = registry_with(Auth::None, page);
        let found = listed(&registry, Credentials::Anonymous).await.unwrap();
        assert_eq!(found, ["a", "b/b", "c/d/e"]);
        assert_eq!(registry.requests().len(), requests);
    }
    let empty = Registry::start();
    assert!(
        listed(&empty, Credentials::Anonymous)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn catalog_pages_that_loop_or_lead_elsewhere_are_malformed() {
    let registry = registry_with(Auth::None, 0);
    for link in [
        "</v2/_catalog>; rel=\"next\"",
        "<http://127.0.0.1:1/v2/_catalog>; rel=\"next\"",
    ] {
        let headers = vec![("link", link.to_owned())];
        registry.on("GET", "/_catalog", 1, Fault::Headers(headers));
        let error = listed(&registry, Credentials::Anonymous).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
    registry.on("GET", "/_catalog", 1, Fault::Body(b"[]".to_vec()));
    let error = listed(&registry, Credentials::Anonymous).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn some_registries_list_nothing() {
    let registry = registry_with(Auth::None, 0);
    let html = vec![("content-type", "text/html".to_owned())];
    for fault in [
        Fault::Status(404, vec![]),
        Fault::Status(405, vec![]),
        Fault::Status(401, vec![]),
        Fault::Status(403, vec![]),
        Fault::Answer(200, html, b"welcome".to_vec()),
        Fault::Body(b"\n<!doctype html>".to_vec()),
    ] {
        registry.on("GET", "/_catalog", 1, fault);
        let error = listed(&registry, Credentials::Anonymous).await.unwrap_err();
        assert!(matches!(error, Error::NoCatalog { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Other);
        let expected = format!("{} does not list its repositories", registry.address());
        assert_eq!(error.to_string(), expected);
    }
    registry.on("GET", "/_catalog", 4, Fault::Status(500, vec![]));
    let error = listed(&registry, Credentials::Anonymous).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_catalog_that_breaks_off_is_an_error() {
    let html = vec![("content-type", "text/html".to_owned())];
    for fault in [
        Fault::Status(404, vec![]),
        Fault::Status(405, vec![]),
        Fault::Answer(200, html, b"welcome".to_vec()),
        Fault::Answer(200, vec![], br#"{"tags":[]}"#.to_vec()),
    ] {
        let registry = registry_with(Auth::None, 0);
        let link = vec![("link", "</v2/_catalog?p=2>; rel='next'".to_owned())];
        registry.on("GET", "/_catalog", 1, Fault::Headers(link));
        registry.on("GET", "/_catalog", 1, fault);
        let error = listed(&registry, Credentials::Anonymous).await.unwrap_err();
        assert!(!matches!(error, Error::NoCatalog { .. }), "{error}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let login = || Auth::Basic {
        username: "user",
        password: "right",
    };
    let registry = registry_with(login(), 0);
    assert_eq!(listed(&registry, basic("right")).await.unwrap().len(), 3);
    for credentials in [basic("wrong"), Credentials::Anonymous] {
        let error = listed(&registry, credentials).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
    }
    registry.on("GET", "/_catalog", 1, Fault::Status(403, vec![]));
    let error = listed(&registry, basic("right")).await.unwrap_err();
    assert!(matches!(error, Error::NoCatalog { .. }), "{error}");
}
