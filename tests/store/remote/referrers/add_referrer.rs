//! Entering referrers into the index under the tag.

use std::sync::Weak;

use super::*;

#[tokio::test]
async fn a_registry_that_processes_subjects_gets_no_index() {
    let registry = Registry::start();
    let handled = vec![("oci-subject", subject().to_string())];
    registry.on("PUT", "/manifests/", 1, Fault::Headers(handled));
    let store = remote(&registry);
    let ours = referrer("a");
    store.push_manifest(&ours, Some("a")).await.unwrap();
    let by_digest = format!("PUT /v2/demo/app/manifests/{}", ours.digest);
    let by_tag = "PUT /v2/demo/app/manifests/a".to_owned();
    let looked = "HEAD /v2/demo/app/manifests/a".to_owned();
    assert_eq!(registry.lines(), [by_digest, by_tag, looked]);
}

#[tokio::test]
async fn an_entry_is_written_once_and_checked_twice() {
    let registry = Registry::start();
    put_index(&registry, &[entry("theirs", "a/a")]);
    let store = remote(&registry);
    let ours = referrer("ours");
    store.push_manifest(&ours, None).await.unwrap();
    assert_eq!(tagged(&registry).len(), 2);
    let index = format!("/v2/demo/app/manifests/{}", index_tag());
    let expected = [
        format!("PUT /v2/demo/app/manifests/{}", ours.digest),
        format!("GET {index}"),
        format!("PUT {index}"),
        format!("GET {index}"),
        format!("GET {index}"),
        format!("HEAD /v2/demo/app/manifests/{}", ours.digest),
    ];
    assert_eq!(registry.lines(), expected);
    store.push_manifest(&ours, None).await.unwrap();
    assert_eq!(writes(&registry), 1, "it was there");
    // A manifest without a subject is not added to any list.
    registry.forget_requests();
    store
        .push_manifest(&RawManifest::new("{}", MANIFEST), Some("1.0"))
        .await
        .unwrap();
    assert_eq!(registry.requests().len(), 2, "PUT and HEAD");
}

#[tokio::test]
async fn the_referrer_is_listed_before_its_tag_is_written() {
    let registry = Registry::start();
    registry.on("PUT", TAGGED, 1, Fault::Status(400, vec![]));
    let store = remote(&registry);
    let ours = referrer("ours");
    let pushed = store.push_manifest(&ours, Some("mark")).await;
    assert!(matches!(pushed, Err(Error::Answer { status: 400, .. })));
    assert_eq!(registry.manifest("demo/app", "mark"), None);
    registry.forget_requests();
    store.push_manifest(&ours, Some("mark")).await.unwrap();
    assert_eq!(tagged(&registry).len(), 1);
    let lines = registry.lines();
    let before_the_look = &lines[lines.len() - 2];
    assert_eq!(before_the_look, "PUT /v2/demo/app/manifests/mark");
}

#[tokio::test]
async fn before_an_index_is_written_again_it_is_read_again() {
    let registry = Registry::start();
    registry.on("PUT", TAGGED, 2, Fault::Status(503, vec![]));
    registry.on("PUT", TAGGED, 1, Fault::CloseBeforeAnswer);
    let store = remote(&registry);
    store.push_manifest(&referrer("ours"), None).await.unwrap();
    let lines = registry.lines();
    let methods = lines[1..].iter().filter_map(|line| line.split(' ').next());
    let methods: Vec<&str> = methods.collect();
    let expected = "GET PUT GET PUT GET PUT GET PUT GET GET HEAD";
    assert_eq!(methods.join(" "), expected);
    registry.on("PUT", TAGGED, 4, Fault::Status(503, vec![]));
    let error = store
        .push_manifest(&referrer("more"), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { attempts: 4, .. }),
        "{error}"
    );
}

/// Somebody else who writes an index of their own.
fn somebody(registry: &Arc<Registry>) -> Fault {
    let registry: Weak<Registry> = Arc::downgrade(registry);
    Fault::Then(Arc::new(move || {
        if let Some(registry) = registry.upgrade() {
            put_index(&registry, &[entry("theirs", "a/a")]);
        }
    }))
}

#[tokio::test]
async fn an_index_overwritten_by_another_client_is_written_again() {
    for times in [1, 3] {
        let registry = Arc::new(Registry::start());
        registry.on("PUT", TAGGED, times, somebody(&registry));
        let ours = referrer("ours");
        remote(&registry).push_manifest(&ours, None).await.unwrap();
        let theirs = entry("theirs", "a/a");
        let entries = tagged(&registry);
        let digest = ours.digest.to_string();
        let expected = [theirs["digest"].as_str().unwrap(), digest.as_str()];
        assert_eq!(digests(&entries), expected);
        assert_eq!(writes(&registry), times + 1);
    }
}

#[tokio::test]
async fn an_index_that_is_overwritten_after_the_first_look_is_written_again() {
    let registry = Arc::new(Registry::start());
    // The reading; then the first look, that finds the entry.
    registry.on("GET", TAGGED, 1, Fault::Then(Arc::new(|| {})));
    registry.on("GET", TAGGED, 1, somebody(&registry));
    let ours = referrer("ours");
    remote(&registry).push_manifest(&ours, None).await.unwrap();
    assert_eq!(tagged(&registry).len(), 2);
    assert_eq!(writes(&registry), 2);
}

#[tokio::test]
async fn an_index_that_is_always_overwritten_is_an_error() {
    let registry = Arc::new(Registry::start());
    registry.on("PUT", TAGGED, usize::MAX, somebody(&registry));
    let error = remote(&registry)
        .push_manifest(&referrer("ours"), None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Overwritten { .. }), "{error}");
    assert_eq!(error.kind(), wharf::error::Kind::Unreachable);
    let expected = format!(
        "other clients overwrote the list of referrers `{}` in {}/demo/app after each of 24 writes",
        index_tag(),
        registry.address()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(writes(&registry), 24);
}

#[tokio::test]
async fn a_manifest_that_is_not_an_index_is_not_overwritten() {
    let registry = Registry::start();
    registry.put_manifest("demo/app", &index_tag(), INDEX, b"[]");
    let error = remote(&registry)
        .push_manifest(&referrer("ours"), None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    assert_eq!(writes(&registry), 0);
}

#[tokio::test]
async fn an_index_that_is_refused_is_an_error() {
    let registry = Registry::start();
    put_index(&registry, &[entry("gone", "a/a")]);
    // With all that it lists there is no reason that we could mend.
    registry.put_manifest("demo/app", "kept", MANIFEST, b"gone");
    registry.on("PUT", TAGGED, 1, Fault::Status(400, vec![]));
    let error = remote(&registry)
        .push_manifest(&referrer("ours"), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 400, .. }),
        "{error}"
    );
}
