//! Tags, referrers and the catalog of registries.

use serde_json::json;
use wharf::manifest::Descriptor;
use wharf::store::RawManifest;

use super::*;
use crate::support::fault::{Fault, Registry};
use crate::support::registries::registries;

/// Follows the pages of a list to its end.
async fn pages(front: &TestGateway, first: &str, field: &str) -> Vec<Vec<String>> {
    let mut next = Some(first.to_owned());
    let mut pages = Vec::new();
    while let Some(path) = next {
        let got = front.get(&path).await.is(200);
        let page = got.json()[field].as_array().cloned().unwrap_or_default();
        pages.push(
            page.iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect(),
        );
        let link = got.header("link");
        next = link
            .strip_prefix('<')
            .and_then(|link| link.split_once('>'))
            .map(|(path, rest)| {
                assert_eq!(rest, "; rel=\"next\"");
                path.to_owned()
            });
    }
    pages
}

#[tokio::test]
async fn links_to_the_next_page_point_to_the_gateway() {
    for upstream in registries() {
        let path = "gateway/tags";
        let store = remote(&upstream.host, path);
        for tag in ["a", "b", "c"] {
            publish(&store, "calc", tag, false).await;
        }
        let front = TestGateway::new(vec![registry("other.example"), registry(&upstream.host)]);
        let host = &upstream.host;
        let expected = [vec!["a", "b"], vec!["c"]];
        for first in [
            format!("/v2/{host}/{path}/tags/list?n=2"),
            format!("/v2/{path}/tags/list?n=2&ns={host}"),
        ] {
            assert_eq!(pages(&front, &first, "tags").await, expected, "{first}");
        }
        let rest = format!("/v2/{host}/{path}/tags/list?last=a");
        assert_eq!(front.get(&rest).await.json()["tags"], json!(["b", "c"]));
        let names = pages(
            &front,
            &format!("/v2/_catalog?n=1&ns={host}"),
            "repositories",
        )
        .await;
        assert!(names.concat().contains(&path.to_owned()), "{names:?}");
        assert_eq!(
            front
                .get(&format!("/v2/{host}/{path}/tags/list?n=x"))
                .await
                .status,
            400
        );
        front
            .get(&format!("/v2/{host}/gateway/never/tags/list"))
            .await
            .is(404);
    }
}

#[tokio::test]
async fn links_from_upstream_do_not_bypass_the_gateway() {
    let upstream = Registry::start();
    upstream.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let away = format!(
        "<http://{}/v2/demo/app/tags/list?last=x&n=1>; rel=\"next\"",
        upstream.address()
    );
    upstream.on("GET", "/tags/list", 1, Fault::Headers(vec![("link", away)]));
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let got = front
        .get("/v2/demo/app/tags/list?n=1&secret=1")
        .await
        .is(200);
    assert_eq!(
        got.header("link"),
        "</v2/demo/app/tags/list?last=x&n=1>; rel=\"next\""
    );
    assert_eq!(upstream.requests()[0].query, "n=1&secret=1");
}

#[tokio::test]
async fn a_cursor_may_have_any_name() {
    let upstream = Registry::start();
    let host = upstream.address();
    let front = TestGateway::new(vec![registry(&host)]);
    for (list, field) in [
        ("/v2/demo/app/tags/list", "tags"),
        ("/v2/_catalog", "repositories"),
    ] {
        let before = upstream.requests().len();
        // A last page that is longer than what was asked for is one all the same.
        let lists = [vec!["a", "b"], vec!["c", "d"], vec!["e", "f", "g"]];
        let cursors = ["next_page=2%3D&n=2&ns=else.example", "n=2&next_page=3"];
        for (at, names) in lists.iter().enumerate() {
            let link = cursors.get(at).map(|next| {
                let link = format!("<{list}?{next}>; rel=\"next\"");
                ("link", link)
            });
            let body = json!({"name": "demo/app", field: names}).to_string();
            let page = Fault::Answer(200, link.into_iter().collect(), body.into());
            upstream.on("GET", list, 1, page);
        }
        let first = format!("{list}?n=2&ns={host}&form=split");
        assert_eq!(pages(&front, &first, field).await, lists, "{list}");
        let asked: Vec<String> = upstream.requests()[before..]
            .iter()
            .map(|request| request.query.clone())
            .collect();
        assert_eq!(asked, ["n=2", "next_page=2%3D&n=2", "n=2&next_page=3"]);
    }
}

#[tokio::test]
async fn referrers_of_other_digests_are_paged() {
    let upstream = Registry::start();
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let path = format!("/v2/demo/app/referrers/sha512:{}", "0".repeat(128));
    let next = format!("<{path}?artifactType=a%2Fb&page=2>; rel=\"next\"");
    let body = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
    let page = Fault::Answer(200, vec![("link", next.clone())], body.into());
    upstream.on("GET", "/referrers/", 1, page);
    let got = front.get(&format!("{path}?artifactType=a%2Fb")).await;
    assert_eq!(got.is(200).header("link"), next);
    assert_eq!(upstream.requests()[0].query, "artifactType=a%2Fb");
}

#[tokio::test]
async fn referrers_are_those_of_upstream() {
    for upstream in registries() {
        let path = "gateway/referrers";
        let store = remote(&upstream.host, path);
        let (pushed, _) = publish(&store, "calc", "1.0", true).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        let subject = format!("/v2/{path}/referrers/{}", pushed.flat_digest);
        let all = front.get(&subject).await.is(200);
        assert_eq!(all.header("content-type"), INDEX);
        assert_eq!(all.header("oci-filters-applied"), "");
        let list = |got: &WholeAnswer| -> Vec<Descriptor> {
            let list = got.json()["manifests"].clone();
            serde_json::from_value(list).unwrap()
        };
        let found = list(&all);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].digest, pushed.split_manifest_digest);
        assert_eq!(found[0].artifact_type.as_deref(), Some(SPLIT));
        for (artifact_type, expected) in [(SPLIT, 1), ("a%2Fb", 0)] {
            let got = front
                .get(&format!("{subject}?artifactType={artifact_type}"))
                .await
                .is(200);
            assert_eq!(list(&got).len(), expected);
            assert_eq!(got.header("oci-filters-applied"), "artifactType");
        }
        let nothing = Digest::of(b"nothing");
        let none = front
            .get(&format!("/v2/{path}/referrers/{nothing}"))
            .await
            .is(200);
        assert_eq!(list(&none), []);
        let other = format!("/v2/{path}/referrers/sha512:{}", "0".repeat(128));
        assert_eq!(list(&front.get(&other).await.is(200)), []);
        front.get(&format!("/v2/{path}/referrers/x")).await.is(400);
    }
}

#[tokio::test]
async fn referrers_of_a_derived_manifest_are_those_of_its_digest() {
    let upstream = &registries()[0];
    let store = remote(&upstream.host, "gateway/signed");
    let (pushed, _) = publish(&store, "calc", "1.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.host)]);
    let flat = front.get("/v2/gateway/signed/manifests/1.0").await.is(200);
    let empty = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(empty.path(), "{}").unwrap();
    store
        .push(wharf::digest::Identity::of(b"{}"), empty.path())
        .await
        .unwrap();
    let blob = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2});
    let signature = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "a/signature", "config": blob, "layers": [blob],
        "subject": {"mediaType": MANIFEST, "digest": pushed.flat_digest, "size": flat.bytes().len()},
    });
    let signature = RawManifest::new(signature.to_string(), MANIFEST);
    store.push_manifest(&signature, None).await.unwrap();
    let path = format!("/v2/gateway/signed/referrers/{}", pushed.flat_digest);
    let found = front.get(&path).await.is(200).json();
    assert_eq!(
        found["manifests"][0]["digest"],
        signature.digest.to_string()
    );
    assert_eq!(found["manifests"][0]["artifactType"], "a/signature");
}
