//! Companions, referrers and tags.

use wharf::manifest::Descriptor;

use super::watched::Rules;
use super::*;

fn companion(digest: Digest, suffix: &str) -> String {
    format!("sha256-{}.{suffix}", digest.hex())
}

/// Puts something about a manifest into a store.
async fn about(
    store: &dyn WritableStore,
    subject: &RawManifest,
    note: &[u8],
    name: Option<&str>,
) -> RawManifest {
    let mut manifest = image(store, "application/vnd.example.note", &[note]).await;
    manifest["subject"] = of(subject);
    put(store, &manifest, name).await
}

/// A layout with an artifact, marks, referrers of it, of its marks and of each other, a list of referrers
/// as clients keep it for registries without one, and a second tag.
async fn marked(from: &dyn WritableStore) -> (RawManifest, RawManifest, [RawManifest; 4]) {
    let top = sample(from, "1.0").await;
    let split = about(from, &top, b"split", Some(&companion(top.digest, "wharf"))).await;
    let yank = image(from, "application/vnd.example.yank", &[b"true"]).await;
    let yank = put(from, &yank, Some(&companion(top.digest, "yank"))).await;
    let note = about(from, &top, b"a note", None).await;
    let reply = about(from, &note, b"a reply", None).await;
    let delta = about(from, &split, b"a delta", None).await;
    let witness = about(from, &yank, b"a witness", None).await;
    let list = json!({ "mediaType": media_type::INDEX, "manifests": [of(&note)] });
    put(from, &list, Some(&format!("sha256-{}", top.digest.hex()))).await;
    put(
        from,
        &serde_json::from_slice(&top.bytes).unwrap(),
        Some("latest"),
    )
    .await;
    (top, split, [note, reply, delta, witness])
}

fn position(log: &[String], line: &str) -> usize {
    let found: Vec<usize> = (0..log.len()).filter(|at| log[*at] == line).collect();
    assert_eq!(found.len(), 1, "{line} in {log:#?}");
    found[0]
}

#[tokio::test]
async fn marks_are_always_copied_and_the_tag_is_written_last() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let (top, split, others) = marked(&from).await;
    let marks = ["yank", "wharf"].map(|suffix| companion(top.digest, suffix));
    let watched = WatchedStore::new(&to);
    let options = copy::CopyOptions {
        referrers: false,
        ..scratch.options()
    };
    let copied = scratch
        .copy_as(&from, &watched, "1.0", "1.0", &options)
        .await
        .unwrap();
    assert_eq!(copied.manifests, 3);
    let expected = [&top.digest.to_string(), &marks[0], &marks[1], "1.0"];
    assert_eq!(watched.asked("put"), expected);
    for name in &marks {
        assert_same(&from, &to, &tag(name)).await;
    }
    assert_eq!(
        to.manifest(&tag(&marks[1])).await.unwrap().digest,
        split.digest
    );
    for other in others {
        let name = Name::Digest(other.digest);
        assert!(
            to.manifest(&name).await.is_err(),
            "referrers were not asked for"
        );
    }
}

#[tokio::test]
async fn a_moved_mark_is_copied_alone() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let (top, ..) = marked(&from).await;
    scratch.copy(&from, &to, "1.0").await.unwrap();
    assert!(!scratch.copy(&from, &to, "1.0").await.unwrap().has_written);
    let mark = companion(top.digest, "yank");
    let yank = image(&from, "application/vnd.example.yank", &[b"false"]).await;
    put(&from, &yank, Some(&mark)).await;
    let watched = WatchedStore::new(&to);
    let copied = scratch.copy(&from, &watched, "1.0").await.unwrap();
    assert_eq!((copied.manifests, copied.has_written), (1, true));
    assert_eq!(watched.asked("put"), [mark.as_str()]);
    assert_same(&from, &to, &tag(&mark)).await;
}

#[tokio::test]
async fn referrers_of_referrers_are_copied_once() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let (top, split, others) = marked(&from).await;
    let (source, watched) = (WatchedStore::new(&from), WatchedStore::new(&to));
    let copied = scratch.copy(&source, &watched, "1.0").await.unwrap();
    assert_eq!(copied.manifests, 7);
    let marks = ["yank", "wharf"].map(|suffix| companion(top.digest, suffix));
    assert_eq!(watched.asked("manifest"), ["1.0", &marks[0], &marks[1]]);
    // Each is read once: by its tag, or by its digest where it has none.
    let digests = others.each_ref().map(|other| other.digest.to_string());
    let mut read = source.asked("manifest");
    read.retain(|name| name.starts_with("sha256:"));
    read.sort();
    let mut expected = digests.to_vec();
    expected.sort();
    assert_eq!(read, expected);
    let log = watched.log();
    let put = |manifest: &RawManifest| position(&log, &format!("put {}", manifest.digest));
    let [note, reply, delta, _] = &others;
    assert!(put(&top) < put(note) && put(note) < put(reply));
    let split_written = position(&log, &format!("put {}", companion(top.digest, "wharf")));
    assert!(split_written < put(delta));
    assert_eq!(position(&log, "put 1.0"), log.len() - 1);
    for other in &others {
        assert_same(&from, &to, &Name::Digest(other.digest)).await;
    }
    let listed = |referrers: Vec<Descriptor>| {
        let mut listed: Vec<Digest> = referrers.iter().map(|listed| listed.digest).collect();
        listed.sort();
        listed
    };
    for subject in [top.digest, split.digest, note.digest, reply.digest] {
        let expected = listed(from.referrers(&subject, None).await.unwrap());
        assert_eq!(
            listed(to.referrers(&subject, None).await.unwrap()),
            expected
        );
    }
    // Again there is no news, and a new reply is the only one.
    assert!(!scratch.copy(&from, &to, "1.0").await.unwrap().has_written);
    let new = about(&from, reply, b"another reply", None).await;
    let watched = WatchedStore::new(&to);
    assert_eq!(
        scratch
            .copy(&from, &watched, "1.0")
            .await
            .unwrap()
            .manifests,
        1
    );
    assert_eq!(watched.asked("put"), [new.digest.to_string()]);
}

#[tokio::test]
async fn a_missing_referrer_is_skipped() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let (top, split, _) = marked(&from).await;
    let gone = Descriptor::new(media_type::MANIFEST, Identity::of(b"gone"));
    let rules = Rules {
        referrer: Some((top.digest, gone.clone())),
        ..Rules::default()
    };
    let source = WatchedStore::with(&from, rules);
    assert_eq!(
        scratch.copy(&source, &to, "1.0").await.unwrap().manifests,
        7
    );
    // One that only the target lists, but does not have, is written.
    let other = scratch.layout("other");
    let [delta] = &from.referrers(&split.digest, None).await.unwrap()[..] else {
        panic!("one was expected");
    };
    let rules = Rules {
        referrer: Some((split.digest, delta.clone())),
        ..Rules::default()
    };
    let target = WatchedStore::with(&other, rules);
    assert_eq!(
        scratch.copy(&from, &target, "1.0").await.unwrap().manifests,
        7
    );
    assert_same(&from, &other, &Name::Digest(delta.digest)).await;
}

#[tokio::test]
async fn all_tags_are_copied_except_lists_of_referrers() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let (top, ..) = marked(&from).await;
    let more = image(
        &from,
        "application/vnd.example",
        &[&content(1, 300_000), b"more"],
    )
    .await;
    let more_digest = put(&from, &more, Some("2.0")).await.digest;
    let orphan = companion(Digest::of(b"untagged"), "yank");
    put(&from, &more, Some(&orphan)).await;
    let (source, watched) = (WatchedStore::new(&from), WatchedStore::new(&to));
    let options = scratch.options();
    let done = copy::Copier::new(&source, &watched, &options, &scratch.session(4))
        .all_tags()
        .await
        .unwrap();
    let named: Vec<&str> = done.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(named, ["1.0", "latest", "2.0", &orphan]);
    for mut asked in [watched.asked("has"), source.asked("referrers")] {
        let times = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), times, "once each: {asked:#?}");
    }
    // What is not in the list of tags is not asked for.
    let names = source.asked("manifest");
    assert!(
        !names.contains(&companion(more_digest, "yank")),
        "{names:#?}"
    );
    assert_eq!(done[1].1.outcome.sent.blobs, 0);
    let mut expected = from.tags().await.unwrap();
    expected.retain(|tag| *tag != format!("sha256-{}", top.digest.hex()));
    expected.sort();
    let mut tags = to.tags().await.unwrap();
    tags.sort();
    assert_eq!((tags.len(), &tags), (6, &expected));
    for name in &tags {
        assert_same(&from, &to, &tag(name)).await;
    }
    let again = copy::Copier::new(&from, &to, &options, &scratch.session(4))
        .all_tags()
        .await
        .unwrap();
    assert!(again.iter().all(|(_, copied)| !copied.has_written));
}

#[tokio::test]
async fn invalid_tags_and_tags_of_referrers_lists_are_refused() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let list = format!("sha256-{}", Digest::of(b"").hex());
    for name in ["../../other/manifests/1.0", &list] {
        sample(&from, name).await;
        let error = scratch.copy(&from, &to, name).await.unwrap_err();
        assert!(matches!(error, copy::Error::Target { .. }), "{error}");
        assert!(shown(&error).contains(name), "{}", shown(&error));
    }
    let error = copy::Copier::new(&from, &to, &scratch.options(), &scratch.session(4))
        .all_tags()
        .await;
    assert!(shown(&error.unwrap_err()).contains("../../other"));
    assert!(to.tags().await.unwrap().is_empty());
}

#[tokio::test]
async fn subjects_are_written_before_their_referrers_and_read_once() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let top = sample(&from, "1.0").await;
    let note = about(&from, &top, b"note", None).await;
    let (source, target) = (WatchedStore::new(&from), WatchedStore::new(&to));
    scratch.copy(&source, &target, "1.0").await.unwrap();
    let [top, note] = [top, note].map(|manifest| manifest.digest.to_string());
    assert!(!source.asked("manifest").contains(&top));
    assert_eq!(target.asked("put"), [&top, &note, "1.0"]);
}

#[tokio::test]
async fn referrers_missing_from_the_targets_list_are_pushed_again() {
    let scratch = Scratch::new();
    let (from, to) = (scratch.layout("from"), scratch.layout("to"));
    let (top, split, [note, ..]) = marked(&from).await;
    scratch.copy(&from, &to, "1.0").await.unwrap();
    let rules = Rules {
        unlisted: Some(top.digest),
        ..Rules::default()
    };
    let target = WatchedStore::with(&to, rules);
    assert!(
        scratch
            .copy(&from, &target, "1.0")
            .await
            .unwrap()
            .has_written
    );
    let mut put = target.asked("put");
    put.sort();
    let mut expected = [split.digest, note.digest].map(|digest| digest.to_string());
    expected.sort();
    assert_eq!(put, expected);
}
