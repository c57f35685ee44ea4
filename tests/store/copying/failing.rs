//! Copies that break off, sources that lie, targets that refuse: no tag, and the next run ends right.

use wharf::error::Kind;

use super::watched::Rules;
use super::*;

#[tokio::test]
async fn an_interrupted_copy_continues() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    sample(&from, "1.0").await;
    for taken in 0..4 {
        let rules = Rules {
            most_blobs: Some(1),
            ..Rules::default()
        };
        let target = WatchedStore::with(&to, rules);
        let (options, session) = (scratch.options(), scratch.session(1));
        let copied = scratch
            .copy_in(&session, &from, &target, ("1.0", "1.0"), &options)
            .await;
        if taken == 3 {
            let copied = copied.unwrap();
            assert_eq!(
                (copied.outcome.sent.blobs, copied.outcome.skipped.blobs),
                (1, 3)
            );
            break;
        }
        let error = copied.unwrap_err();
        assert!(matches!(error, copy::Error::Target { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Refused);
        assert!(target.asked("put").is_empty() && to.tags().await.unwrap().is_empty());
    }
    assert_same(&from, &to, &tag("1.0")).await;
}

#[tokio::test]
async fn a_source_with_wrong_bytes_leaves_no_tag() {
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    let child = sample(&from, "child").await;
    let index = json!({ "mediaType": media_type::INDEX, "manifests": [of(&child)] });
    let index = put(&from, &index, Some("1.0")).await;
    let blob = Digest::of(b"x");
    let other = |bytes: &[u8]| Some((blob, bytes.to_vec()));
    let instead = |manifest: &RawManifest, bytes: &[u8]| Some((manifest.digest, bytes.to_vec()));
    let rules = [
        Rules {
            blob: other(b"y"),
            ..Rules::default()
        },
        Rules {
            blob: other(b"xx"),
            ..Rules::default()
        },
        Rules {
            manifest: instead(&child, b"{}"),
            ..Rules::default()
        },
        Rules {
            manifest: instead(&index, b"{}"),
            ..Rules::default()
        },
    ];
    for (at, rules) in rules.into_iter().enumerate() {
        let to = scratch.layout(&format!("to-{at}"));
        let source = WatchedStore::with(&from, rules);
        let error = scratch.copy(&source, &to, "1.0").await.unwrap_err();
        assert!(matches!(error, copy::Error::Source { .. }), "{at}: {error}");
        assert_eq!(error.kind(), Kind::Integrity, "{at}: {}", shown(&error));
        assert!(to.tags().await.unwrap().is_empty(), "{at}");
        assert!(!to.has(Identity::of(b"y")).await.unwrap());
    }
    // An index that states another size than its child has.
    let mut sized = of(&child);
    sized["size"] = 7.into();
    let lying = json!({ "mediaType": media_type::INDEX, "manifests": [sized] });
    put(&from, &lying, Some("2.0")).await;
    let error = scratch
        .copy(&from, &scratch.layout("sized"), "2.0")
        .await
        .unwrap_err();
    assert!(
        shown(&error).contains("(7 bytes), found"),
        "{}",
        shown(&error)
    );
}

#[tokio::test]
async fn a_target_that_refuses_a_manifest_has_no_tag() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let child = sample(&from, "child").await;
    let index = json!({ "mediaType": media_type::INDEX, "manifests": [of(&child)] });
    put(&from, &index, Some("1.0")).await;
    let rules = Rules {
        refused: Some(child.digest),
        ..Rules::default()
    };
    let target = WatchedStore::with(&to, rules);
    let error = scratch.copy(&from, &target, "1.0").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(
        error.to_string(),
        format!(
            "manifest `{}` could not be copied to the target",
            child.digest
        )
    );
    assert!(to.tags().await.unwrap().is_empty());
    assert_eq!(target.asked("put").len(), 1);
}

#[tokio::test]
async fn missing_and_invalid_manifests_are_different_errors() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let error = scratch.copy(&from, &to, "1.0").await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let bad = json!({ "mediaType": media_type::MANIFEST, "fsLayers": [] });
    put(&from, &bad, Some("1.0")).await;
    let error = scratch.copy(&from, &to, "1.0").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Integrity);
    assert!(shown(&error).contains("schema 1"), "{}", shown(&error));
}
