//! What one client does not see is there for another, and what was not there may come.

use super::*;
use crate::support::fault::{Fault, Registry};

const ALWAYS: usize = usize::MAX;

#[tokio::test]
async fn a_404_for_one_client_is_not_remembered_for_another() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    let (pushed, content) = publish(&store, "layers", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let owner = [("authorization", "Basic b3duZXI6eA==")];
    let paths = [
        format!("/v2/demo/app/manifests/{}", pushed.flat_digest),
        format!("/v2/demo/app/blobs/{}", Digest::of(&content)),
    ];
    front
        .ask(Method::GET, "/v2/demo/app/manifests/1.0", &owner)
        .await
        .is(200);
    for path in &paths {
        // As a registry answers that does not even say that there is something.
        for method in ["GET", "HEAD"] {
            for hidden in ["/v2/demo/app/manifests/", "/v2/demo/app/blobs/"] {
                upstream.on(method, hidden, ALWAYS, Fault::Status(404, Vec::new()));
            }
        }
        // One that knows where they come from, and one that has to search.
        let fresh = TestGateway::new(vec![registry(&upstream.address())]);
        front.get(path).await.is(404);
        fresh.get(path).await.is(404);
        upstream.forget_rules();
        front.ask(Method::GET, path, &owner).await.is(200);
        fresh.ask(Method::GET, path, &owner).await.is(200);
    }
    // Nor has the stranger made it forget where they come from.
    let before = upstream.lines().len();
    let empty = front.ask(Method::GET, &paths[0], &owner).await.is(200);
    assert_eq!(Digest::of(empty.bytes()), pushed.flat_digest);
    let after = upstream.lines().split_off(before);
    assert!(
        !after.iter().any(|line| line.contains("tags/list")),
        "{after:?}"
    );
}

#[tokio::test]
async fn a_missing_digest_is_found_after_its_tag_was_served() {
    let upstream = Registry::start();
    let [first, second] =
        ["demo/first", "demo/second"].map(|path| remote(&upstream.address(), path));
    let (pushed, _) = publish(&first, "layers", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    front.get("/v2/demo/first/manifests/1.0").await.is(200);
    let digest = format!("/v2/demo/second/manifests/{}", pushed.flat_digest);
    front.get(&digest).await.is(404);
    publish(&second, "layers", "1.0", false).await;
    // The order in which containerd asks.
    let head = front.head("/v2/demo/second/manifests/1.0").await.is(200);
    assert_eq!(
        head.header("docker-content-digest"),
        pushed.flat_digest.to_string()
    );
    front.get(&digest).await.is(200);
}
