//! The component that reads blobs by HTTP, and the URLs that it accepts.

use wasmparser::Validator;
use wharf::assets::blob_http::{self, BlobsUrl, MAX_URL_BYTES, UrlError};
use wharf::world::TargetWorld;

fn component(url: &str) -> Vec<u8> {
    blob_http::component(&BlobsUrl::parse(url).unwrap()).unwrap()
}

fn has(component: &[u8], text: &str) -> bool {
    let mut windows = component.windows(text.len());
    windows.any(|window| window == text.as_bytes())
}

#[test]
fn components_are_valid_small_and_the_same_for_equal_urls() {
    let urls = [
        "http://a",
        "http://gateway:8080/v2/ghcr.io/me/model/blobs",
        "https://[::1]:443/v2/me/%20/blobs",
    ];
    for url in urls {
        let component = component(url);
        Validator::new().validate_all(&component).unwrap();
        assert!(component.len() <= 11 * 1024, "{} bytes", component.len());
        assert_eq!(component, self::component(&format!("{url}/")));
    }
    let longest = format!("http://a/{}", "b".repeat(MAX_URL_BYTES - 9));
    Validator::new().validate_all(&component(&longest)).unwrap();
}

#[test]
fn components_import_http_and_export_only_blob() {
    let world = TargetWorld::of_component(&component("http://a/b")).unwrap();
    assert_eq!(world.exports(), ["wharf:assets/blob@0.1.0"]);
    assert_eq!(
        world.imports(),
        [
            "wasi:io/error@0.2.0",
            "wasi:io/poll@0.2.0",
            "wasi:io/streams@0.2.0",
            "wasi:http/types@0.2.0",
            "wasi:http/outgoing-handler@0.2.0"
        ]
    );
}

#[test]
fn components_have_the_authority_and_the_path_of_the_url() {
    assert!(has(&component("http://host:1"), "host:1/"));
    assert!(has(&component("HTTPS://host/a/b"), "host/a/b/"));
    assert_ne!(component("http://a/b"), component("https://a/b"));
}

#[test]
fn urls_that_cannot_be_the_base_of_blobs_are_refused() {
    let long = format!("http://a/{}", "b".repeat(MAX_URL_BYTES));
    let refused = [
        ("", UrlError::Scheme),
        ("gateway/v2", UrlError::Scheme),
        ("ftp://gateway/v2", UrlError::Scheme),
        ("http://me@gateway/v2", UrlError::User),
        ("http://me:word@gateway/v2", UrlError::User),
        ("http://gateway/v2?ns=a", UrlError::Query),
        ("http://gateway?ns=a", UrlError::Query),
        ("http://gateway/v2#a", UrlError::Fragment),
        ("http://", UrlError::Host),
        ("http:///v2", UrlError::Host),
        ("http://:80/v2", UrlError::Host),
        ("http://gateway:/v2", UrlError::Port),
        ("http://gateway:65536/v2", UrlError::Port),
        ("http://gateway:80:80/v2", UrlError::Port),
        ("http://gateway:+80/v2", UrlError::Port),
        ("http://gate way/v2", UrlError::Character),
        ("http://gateway/v\u{fc}", UrlError::Character),
        ("http://gateway/v2\r\nx: y", UrlError::Character),
        (&long, UrlError::Length),
    ];
    for (url, error) in refused {
        assert_eq!(BlobsUrl::parse(url), Err(error), "{url}");
    }
}
