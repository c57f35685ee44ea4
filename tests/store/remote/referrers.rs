//! Referrers, in registries that have no API for them, or have it and fail.

mod add_referrer;

use serde_json::{Value, json};

use super::*;
use wharf::manifest::Descriptor;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const REFERRERS: &str = "/referrers/";
/// The path of every index of referrers.
const TAGGED: &str = "/manifests/sha256-";
const SIGNATURE: &str = "application/vnd.example.signature";

fn subject() -> Digest {
    Digest::of(b"subject")
}

fn index_tag() -> String {
    format!("sha256-{}", subject().hex())
}

fn entry(note: &str, artifact_type: &str) -> Value {
    let size = note.len();
    let digest = Digest::of(note.as_bytes()).to_string();
    json!({"mediaType": MANIFEST, "digest": digest, "size": size, "artifactType": artifact_type})
}

fn index(entries: &[Value]) -> Vec<u8> {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    index.to_string().into_bytes()
}

fn put_index(registry: &Registry, entries: &[Value]) {
    registry.put_manifest("demo/app", &index_tag(), INDEX, &index(entries));
}

/// An answer of a registry that has the API.
fn page(entries: &[Value], headers: &[(&'static str, &str)]) -> Fault {
    let mut all = vec![("content-type", INDEX.to_owned())];
    all.extend(
        headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    Fault::Answer(200, all, index(entries))
}

fn referrer(note: &str) -> RawManifest {
    let subject = json!({"mediaType": MANIFEST, "digest": subject().to_string(), "size": 7});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": SIGNATURE,
        "subject": subject, "annotations": {"note": note},
    });
    RawManifest::new(manifest.to_string().into_bytes(), MANIFEST)
}

async fn listed(store: &Remote) -> Result<Vec<Descriptor>, Error> {
    store.referrers(&subject(), None).await
}

/// What the index under the tag lists.
fn tagged(registry: &Registry) -> Vec<Value> {
    let bytes = registry.manifest("demo/app", &index_tag()).unwrap();
    let index: Value = serde_json::from_slice(&bytes).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

fn digests(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["digest"].as_str().unwrap())
        .collect()
}

fn asked(registry: &Registry, path: &str) -> usize {
    let lines = registry.lines();
    lines.iter().filter(|line| line.contains(path)).count()
}

/// How often the index was written.
fn writes(registry: &Registry) -> usize {
    asked(registry, &format!("PUT /v2/demo/app{TAGGED}"))
}

#[tokio::test]
async fn the_api_is_followed_page_by_page() {
    let registry = Registry::start();
    let next = |last: &str| {
        format!(
            "</v2/demo/app/referrers/{}?last={last}>; rel=\"next\"",
            subject()
        )
    };
    let (a, b, c) = (entry("a", "a/a"), entry("b", "b/b"), entry("c", "a/a"));
    let store = remote(&registry);
    let pages = || {
        registry.on(
            "GET",
            REFERRERS,
            1,
            page(std::slice::from_ref(&a), &[("link", &next("a"))]),
        );
        registry.on("GET", REFERRERS, 1, page(&[b.clone(), c.clone()], &[]));
    };
    pages();
    let found: Vec<Digest> = listed(&store)
        .await
        .unwrap()
        .iter()
        .map(|found| found.digest)
        .collect();
    let all: Vec<Digest> = ["a", "b", "c"]
        .map(|note| Digest::of(note.as_bytes()))
        .into();
    assert_eq!(found, all);
    // We filter: a registry may take other types for those of referrers.
    pages();
    let found = store.referrers(&subject(), Some("a/a")).await.unwrap();
    assert_eq!(
        found.iter().map(|found| found.digest).collect::<Vec<_>>(),
        [all[0], all[2]]
    );
    let queries = registry.requests().into_iter().map(|request| request.query);
    let queries: Vec<String> = queries.collect();
    assert_eq!(queries[3], "", "it is not asked for one type");
    assert_eq!(asked(&registry, TAGGED), 2, "the tag is read each time");
}

#[tokio::test]
async fn the_api_and_the_tag_are_read_together() {
    let registry = Registry::start();
    let (a, b, c) = (entry("a", "a/a"), entry("b", "a/a"), entry("c", "c/c"));
    put_index(&registry, &[b.clone(), c.clone()]);
    let store = remote(&registry);
    let notes = |notes: &[&str]| -> Vec<Digest> {
        let digests = notes.iter().map(|note| Digest::of(note.as_bytes()));
        digests.collect()
    };
    let digests = |found: Vec<Descriptor>| -> Vec<Digest> {
        found.iter().map(|found| found.digest).collect()
    };
    registry.on("GET", REFERRERS, 1, page(&[], &[]));
    assert_eq!(digests(listed(&store).await.unwrap()), notes(&["b", "c"]));
    registry.on("GET", REFERRERS, 1, page(&[a.clone(), b.clone()], &[]));
    assert_eq!(
        digests(listed(&store).await.unwrap()),
        notes(&["a", "b", "c"])
    );
    registry.on("GET", REFERRERS, 1, page(&[a, b], &[]));
    let found = store.referrers(&subject(), Some("a/a")).await.unwrap();
    assert_eq!(digests(found), notes(&["a", "b"]));
    // A list that the registry refuses is not an empty list.
    registry.on("GET", REFERRERS, 1, page(&[], &[]));
    registry.on("GET", TAGGED, 1, Fault::Status(403, vec![]));
    listed(&store).await.unwrap_err();
    assert_eq!(store.referrers_doubt(), None);
}

#[tokio::test]
async fn a_referrer_without_a_type_is_decided_by_its_manifest() {
    let empty = "application/vnd.oci.empty.v1+json";
    for (stated, in_tag) in [
        (Some(empty), false),
        (Some(""), false),
        (None, false),
        (Some(empty), true),
        (None, true),
    ] {
        let registry = Registry::start();
        let ours = referrer("ours");
        registry.put_manifest("demo/app", "ours", MANIFEST, &ours.bytes);
        let mut listed = json!({
            "mediaType": MANIFEST, "digest": ours.digest.to_string(), "size": ours.bytes.len(),
        });
        if let Some(stated) = stated {
            listed["artifactType"] = stated.into();
        }
        let mut gone = entry("gone", "");
        gone["artifactType"] = empty.into();
        let all = [entry("other", "a/a"), gone, listed];
        match in_tag {
            true => put_index(&registry, &all),
            false => registry.on("GET", REFERRERS, usize::MAX, page(&all, &[])),
        }
        let store = remote(&registry);
        let found = store.referrers(&subject(), Some(SIGNATURE)).await.unwrap();
        let found: Vec<Digest> = found.iter().map(|found| found.digest).collect();
        assert_eq!(found, [ours.digest], "{stated:?}");
        let nothing = store.referrers(&subject(), Some("b/b")).await.unwrap();
        assert_eq!(nothing, []);
    }
}

#[tokio::test]
async fn referrer_pages_that_loop_or_lead_elsewhere_are_malformed() {
    let registry = Registry::start();
    let store = remote(&registry);
    let same = format!("</v2/demo/app/referrers/{}>; rel=\"next\"", subject());
    for link in [
        &same,
        "<http://127.0.0.1:1/v2/demo/app/referrers/x>; rel=\"next\"",
    ] {
        registry.on("GET", REFERRERS, 1, page(&[], &[("link", link)]));
        let error = listed(&store).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

#[tokio::test]
async fn the_tag_is_read_without_a_referrers_api() {
    let elsewhere = Registry::start();
    elsewhere.on("GET", "/api", usize::MAX, Fault::Status(429, vec![]));
    let led_away = |status| {
        let location = format!("http://{}/api", elsewhere.address());
        Fault::Status(status, vec![("location", location)])
    };
    for (fault, is_doubtful) in [
        (Fault::Status(404, vec![]), false),
        (Fault::Status(405, vec![]), true),
        (Fault::Status(501, vec![]), true),
        (led_away(303), true),
        (led_away(302), true),
        (led_away(307), true),
    ] {
        let registry = Registry::start();
        registry.on("GET", REFERRERS, usize::MAX, fault);
        put_index(&registry, &[entry("a", "a/a"), entry("b", "b/b")]);
        let store = remote(&registry);
        assert_eq!(listed(&store).await.unwrap().len(), 2);
        let found = store.referrers(&subject(), Some("b/b")).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].digest, Digest::of(b"b"));
        let nothing = store.referrers(&Digest::of(b"other"), None).await.unwrap();
        assert_eq!(nothing, []);
        assert_eq!(asked(&registry, REFERRERS), 1, "it is asked once");
        let doubt = store.referrers_doubt();
        assert_eq!(doubt.is_some(), is_doubtful, "{doubt:?}");
        let host = registry.address();
        assert!(doubt.is_none_or(|doubt| doubt.contains(&host)));
    }
    assert_eq!(
        elsewhere.requests().len(),
        0,
        "what is elsewhere says nothing of referrers"
    );
}

/// Answers that say nothing of referrers.
fn nonsense() -> Vec<Fault> {
    let typed = |media_type: &str, body: &[u8]| {
        let headers = vec![("content-type", media_type.to_owned())];
        Fault::Answer(200, headers, body.to_vec())
    };
    let errors = br#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#;
    let login = vec![("location", "/login".to_owned())];
    vec![
        Fault::Status(400, vec![]),
        Fault::Status(410, vec![]),
        Fault::Answer(204, vec![], vec![]),
        Fault::Status(302, login.clone()),
        Fault::Status(303, login),
        Fault::Status(303, vec![]),
        typed("text/html", b"<!doctype html>"),
        typed("text/html", b"log in"),
        typed("application/json", errors),
        typed(INDEX, errors),
        typed("application/json", b"{}"),
        typed(INDEX, b""),
        typed(MANIFEST, b"{\"config\":{}}"),
    ]
}

/// A registry whose tag lists something, so that a list can only be short.
fn registry_with_login() -> Registry {
    let registry = Registry::start();
    put_index(&registry, &[entry("a", "a/a")]);
    let html = vec![("content-type", "text/html".to_owned())];
    let login = Fault::Answer(200, html, b"<!doctype html>".to_vec());
    registry.on("GET", "/login", usize::MAX, login);
    registry
}

#[tokio::test]
async fn answers_that_are_not_referrer_lists_are_errors() {
    for fault in nonsense() {
        let registry = registry_with_login();
        registry.on("GET", REFERRERS, usize::MAX, fault);
        let error = listed(&remote(&registry)).await.unwrap_err();
        assert!(shown(&error).contains(&registry.address()), "{error}");
        assert_eq!(asked(&registry, TAGGED), 0, "{error}");
    }
}

#[tokio::test]
async fn referrers_that_break_off_are_an_error() {
    let elsewhere = vec![("location", "http://127.0.0.1:1/api".to_owned())];
    let others = [
        Fault::Status(404, vec![]),
        Fault::Status(405, vec![]),
        Fault::Status(501, vec![]),
        Fault::Status(303, elsewhere),
    ];
    for fault in others.into_iter().chain(nonsense()) {
        let registry = registry_with_login();
        let first = page(&[entry("b", "b/b")], &[("link", "<?page=2>")]);
        registry.on("GET", REFERRERS, 1, first);
        registry.on("GET", REFERRERS, usize::MAX, fault);
        let error = listed(&remote(&registry)).await.unwrap_err();
        assert!(!matches!(error, Error::NotFound { .. }), "{error}");
        assert_eq!(asked(&registry, REFERRERS), 2, "{error}");
    }
}

#[tokio::test]
async fn a_missing_repository_does_not_decide_about_the_api() {
    let registry = Registry::start();
    let store = remote(&registry);
    assert_eq!(listed(&store).await.unwrap(), []);
    registry.on("GET", REFERRERS, 1, page(&[entry("a", "a/a")], &[]));
    assert_eq!(listed(&store).await.unwrap().len(), 1);
}

#[tokio::test]
async fn refusals_and_failures_are_errors() {
    for status in [401, 403, 429, 500, 502, 505] {
        let registry = Registry::start();
        put_index(&registry, &[entry("a", "a/a")]);
        registry.on("GET", REFERRERS, 4, Fault::Status(status, vec![]));
        let store = remote(&registry);
        let error = listed(&store).await.unwrap_err();
        let expected = match status {
            401 | 403 => matches!(error, Error::Refused { .. }),
            505 => matches!(error, Error::Answer { .. }),
            _ => matches!(error, Error::Unreachable { attempts: 4, .. }),
        };
        assert!(expected, "{status}: {error}");
        assert_eq!(asked(&registry, TAGGED), 0, "{status}");
    }
    // Nor is the tag's.
    let registry = Registry::start();
    registry.on("GET", TAGGED, 4, Fault::Status(500, vec![]));
    assert!(matches!(
        listed(&remote(&registry)).await,
        Err(Error::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_broken_index_is_not_an_empty_one() {
    let broken = [
        b"{".to_vec(),
        br#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#.to_vec(),
        index(&[json!({"digest": "sha256:1"})]),
    ];
    for broken in broken {
        let registry = Registry::start();
        let store = remote(&registry);
        let headers = vec![("content-type", INDEX.to_owned())];
        registry.on(
            "GET",
            REFERRERS,
            1,
            Fault::Answer(200, headers, broken.clone()),
        );
        let error = listed(&store).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
        assert!(
            error.to_string().starts_with("the list of referrers in "),
            "{error}"
        );
        registry.put_manifest("demo/app", &index_tag(), INDEX, &broken);
        let error = listed(&store).await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(&index_tag()), "{error}");
    }
}
