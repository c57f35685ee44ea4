//! The page of a component with files.

use std::fs;

use super::*;
use crate::support::fault::Registry;
use crate::support::workspace::Workspace;

/// A component with files of 5 bytes.
fn packed(paths: &[String]) -> Vec<u8> {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path("site")).unwrap();
    for path in paths {
        fs::write(workspace.path("site").join(path), "bytes").unwrap();
    }
    workspace.json(&["assets", "site", "-o", "site.wasm"]);
    workspace.read("site.wasm")
}

/// The page of a component, and the number of blobs that the gateway requested for it.
async fn page(component: Vec<u8>) -> (String, usize) {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/site");
    publish_bytes(&store, component, "1.0.0", false).await;
    upstream.forget_requests();
    let gateway = TestGateway::new(vec![registry(&upstream.address())]);
    let shown = gateway.get("/-/demo/site:1.0.0").await.is(200);
    let requests = upstream.requests().into_iter();
    let blobs =
        requests.filter(|request| request.method == "GET" && request.path.contains("/blobs/"));
    let page = String::from_utf8(shown.bytes().to_vec()).unwrap();
    (page, blobs.count())
}

#[tokio::test]
async fn the_page_lists_files_from_the_root() {
    let paths = ["a&b", "index.html"].map(str::to_owned);
    let (page, blobs) = page(packed(&paths)).await;
    for text in [
        "2 files at <code>/assets</code>, 10 B",
        "a&amp;b",
        "index.html",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert_eq!(blobs, 1);
}

#[tokio::test]
async fn the_page_fetches_a_long_list() {
    let paths: Vec<String> = (0..300).map(|file| format!("{file:030}")).collect();
    let (page, blobs) = page(packed(&paths)).await;
    assert!(page.contains("300 files at") && page.contains("and 280 more"));
    assert_eq!(blobs, 2);
}

#[tokio::test]
async fn the_page_of_a_component_without_files_does_not_mention_files() {
    let (page, blobs) = page(assemble("calc")).await;
    assert!(!page.contains("Files"));
    assert_eq!(blobs, 1);
}
