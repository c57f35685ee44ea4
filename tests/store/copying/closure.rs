//! What a copy of an artifact has in it.

use super::watched::Rules;
use super::*;

#[tokio::test]
async fn blobs_are_written_once_each_before_the_manifest_and_its_one_tag() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let manifest = sample(&from, "1.0").await;
    let watched = WatchedStore::new(&to);
    let options = copy::CopyOptions {
        referrers: false,
        ..scratch.options()
    };
    let copied = scratch
        .copy_in(
            &scratch.session(1),
            &from,
            &watched,
            ("1.0", "2.0"),
            &options,
        )
        .await
        .unwrap();
    assert_eq!(copied.digest, manifest.digest);
    assert_eq!((copied.manifests, copied.has_written), (1, true));
    let config = br#"{"of":"application/vnd.example.sample"}"#;
    let bytes = 301_001 + config.len() as u64;
    assert_eq!(sums(copied.outcome), [(4, bytes), (0, 0)]);
    let in_order = [&content(1, 300_000)[..], &content(2, 1_000), config, b"x"];
    let pushed = in_order.map(|content| format!("push {}", Digest::of(content)));
    let log = watched.log();
    let written = log.iter().filter(|line| line.starts_with("pu"));
    let expected = pushed.iter().map(String::as_str).chain(["put 2.0"]);
    assert!(written.map(String::as_str).eq(expected), "{log:#?}");
    assert_same(&from, &to, &Name::Digest(manifest.digest)).await;
    assert_eq!(to.tags().await.unwrap(), ["2.0"]);
}

#[tokio::test]
async fn a_second_copy_sends_and_writes_nothing() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    sample(&from, "1.0").await;
    assert!(scratch.copy(&from, &to, "1.0").await.unwrap().has_written);
    let (source, target) = (WatchedStore::new(&from), WatchedStore::new(&to));
    let copied = scratch.copy(&source, &target, "1.0").await.unwrap();
    assert!(!copied.has_written && copied.manifests == 0);
    assert_eq!(sums(copied.outcome), [(0, 0), (0, 0)]);
    assert_eq!(target.log(), ["manifest 1.0"]);
    assert!(source.asked("open").is_empty());
}

#[tokio::test]
async fn blobs_at_the_target_are_not_read() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    sample(&from, "1.0").await;
    blob(&to, &content(1, 300_000)).await;
    let source = WatchedStore::new(&from);
    let copied = scratch.copy(&source, &to, "1.0").await.unwrap();
    let [sent, skipped] = sums(copied.outcome);
    assert_eq!((sent.0, skipped), (3, (1, 300_000)));
    assert_eq!(source.asked("open").len(), 3);
    // A manifest under another tag is a tag more, and no blob is looked for on the source's side.
    let source = WatchedStore::new(&from);
    let options = scratch.options();
    let again = scratch
        .copy_as(&source, &to, "1.0", "latest", &options)
        .await
        .unwrap();
    assert!(again.has_written && source.asked("open").is_empty());
    assert_eq!(to.tags().await.unwrap(), ["1.0", "latest"]);
}

#[tokio::test]
async fn without_a_tag_a_digest_is_copied() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let name = Name::Digest(sample(&from, "1.0").await.digest);
    for is_new in [true, false] {
        let options = scratch.options();
        let copied = copy::Copier::new(&from, &to, &options, &scratch.session(4))
            .artifact(&name, None)
            .await;
        assert_eq!(copied.unwrap().has_written, is_new);
        assert_same(&from, &to, &name).await;
        assert!(to.tags().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_index_is_copied_with_all_descendants() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let shared = content(3, 5_000);
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let mut children = Vec::new();
    for (seed, stated) in [(4, media_type::MANIFEST), (5, docker)] {
        let mut child = image(
            &from,
            "application/vnd.example",
            &[&content(seed, 100), &shared],
        )
        .await;
        child["mediaType"] = stated.into();
        children.push(put(&from, &child, None).await);
    }
    let index = |listed: Vec<Value>| json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": listed });
    let inner = put(&from, &index(vec![of(&children[0])]), None).await;
    let listed = vec![of(&children[0]), of(&children[1]), of(&inner)];
    let outer = put(&from, &index(listed), Some("1.0")).await;
    let watched = WatchedStore::new(&to);
    let copied = scratch.copy(&from, &watched, "1.0").await.unwrap();
    assert_eq!((copied.digest, copied.manifests), (outer.digest, 4));
    assert_eq!(sums(copied.outcome)[0].0, 4);
    let before = [&children[0], &children[1], &inner].map(|child| child.digest.to_string());
    assert_eq!(watched.asked("put")[..3], before);
    assert_eq!(watched.asked("put")[3..], ["1.0"]);
    assert_same(&from, &to, &tag("1.0")).await;
}

#[tokio::test]
async fn an_index_nested_too_deep_is_refused() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let mut inner = sample(&from, "0").await;
    for depth in 1..=17 {
        let index = json!({ "mediaType": media_type::INDEX, "manifests": [of(&inner)] });
        inner = put(&from, &index, Some(&depth.to_string())).await;
    }
    scratch.copy(&from, &to, "16").await.unwrap();
    let other = scratch.layout("other");
    let error = scratch.copy(&from, &other, "17").await.unwrap_err();
    assert!(
        shown(&error).contains("more than 16 levels deep"),
        "{}",
        shown(&error)
    );
    assert!(other.tags().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_subject_of_a_manifest_is_copied_too() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let subject = sample(&from, "1.0").await;
    let mut about = image(&from, "application/vnd.example.note", &[b"note"]).await;
    about["subject"] = of(&subject);
    put(&from, &about, Some("note")).await;
    let copied = scratch.copy(&from, &to, "note").await.unwrap();
    assert_eq!(copied.manifests, 2);
    assert_same(&from, &to, &Name::Digest(subject.digest)).await;
    // One that dangles goes on dangling.
    about["subject"]["digest"] = Digest::of(b"nothing").to_string().into();
    put(&from, &about, Some("dangling")).await;
    let copied = scratch.copy(&from, &to, "dangling").await.unwrap();
    assert_eq!(copied.manifests, 1);
}

#[tokio::test]
async fn a_foreign_layer_is_copied_if_it_is_there() {
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    let mut manifest = image(&from, "application/vnd.example", &[b"layer"]).await;
    let elsewhere = Identity::of(b"elsewhere");
    let mut foreign = descriptor(
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        elsewhere,
    );
    foreign["urls"] = json!(["https://example.com/layer"]);
    manifest["layers"].as_array_mut().unwrap().push(foreign);
    put(&from, &manifest, Some("1.0")).await;
    for (name, there) in [("without", false), ("with", true)] {
        if there {
            blob(&from, b"elsewhere").await;
        }
        let to = scratch.layout(name);
        let copied = scratch.copy(&from, &to, "1.0").await.unwrap();
        assert_eq!(copied.outcome.sent.blobs, 2 + u64::from(there));
        assert_eq!(to.has(elsewhere).await.unwrap(), there);
    }
    // Any other layer must be there.
    manifest["layers"][1]
        .as_object_mut()
        .unwrap()
        .remove("urls");
    manifest["layers"][1]["digest"] = Digest::of(b"nowhere..").to_string().into();
    put(&from, &manifest, Some("2.0")).await;
    let to = scratch.layout("neither");
    let error = scratch.copy(&from, &to, "2.0").await.unwrap_err();
    assert_eq!(error.kind(), wharf::error::Kind::NotFound);
}

#[tokio::test]
async fn an_untyped_manifest_keeps_the_type_it_states() {
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    let child = sample(&from, "child").await;
    let index = json!({ "manifests": [of(&child)] });
    let untold = RawManifest::new(index.to_string().into_bytes(), media_type::INDEX);
    from.push_manifest(&untold, Some("index")).await.unwrap();
    let rules = Rules {
        untyped: true,
        ..Rules::default()
    };
    let source = WatchedStore::with(&from, rules);
    for (name, stated) in [
        ("child", media_type::MANIFEST),
        ("index", media_type::INDEX),
    ] {
        let to = scratch.layout(name);
        scratch.copy(&source, &to, name).await.unwrap();
        let found = to.manifest(&tag(name)).await.unwrap();
        assert_eq!(found.media_type, stated);
        // By its digest a layout has nothing but the bytes to tell.
        let found = to.manifest(&Name::Digest(found.digest)).await.unwrap();
        assert_eq!(found.media_type, stated);
    }
}
