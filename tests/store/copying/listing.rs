//! What a layout lists as referrers.

use super::*;

/// Puts an entry into a layout's index as others may write it.
fn enter(layout: &Path, entry: Value) {
    let path = layout.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    index["manifests"].as_array_mut().unwrap().push(entry);
    fs::write(&path, index.to_string()).unwrap();
}

fn digests(listed: &[wharf::manifest::Descriptor]) -> Vec<Digest> {
    listed.iter().map(|listed| listed.digest).collect()
}

#[tokio::test]
async fn referrers_are_listed_as_the_specification_describes_them() {
    let scratch = Scratch::new();
    let layout = scratch.layout("layout");
    let top = sample(&layout, "1.0").await;
    let mut note = image(&layout, "", &[b"note"]).await;
    note["subject"] = of(&top);
    note["annotations"] = json!({ "a": "b" });
    let note = put(&layout, &note, Some("tagged")).await;
    layout.push_manifest(&note, Some("twice")).await.unwrap();
    let index = json!({
        "mediaType": media_type::INDEX, "artifactType": "application/vnd.example.list", "manifests": [],
        "subject": of(&top),
    });
    let index = put(&layout, &index, None).await;
    let listed = layout.referrers(&top.digest, None).await.unwrap();
    assert_eq!(digests(&listed), [note.digest, index.digest]);
    let kind = "application/vnd.example.config+json";
    assert_eq!(listed[0].artifact_type.as_deref(), Some(kind));
    assert_eq!(listed[0].size, note.bytes.len() as u64);
    assert_eq!(listed[0].annotations["a"], "b");
    assert_eq!(listed[1].media_type, media_type::INDEX);
    for (wanted, expected) in [
        (kind, vec![note.digest]),
        ("application/vnd.example.list", vec![index.digest]),
        ("application/vnd.example.other", vec![]),
    ] {
        let listed = layout.referrers(&top.digest, Some(wanted)).await.unwrap();
        assert_eq!(digests(&listed), expected, "{wanted}");
    }
    assert!(
        layout
            .referrers(&note.digest, None)
            .await
            .unwrap()
            .is_empty()
    );
    // A referrer belongs to no repository, so every one of them sees it.
    let view = scratch.layout("layout").in_repository(Some("demo/app"));
    assert_eq!(view.referrers(&top.digest, None).await.unwrap(), listed);
}

#[tokio::test]
async fn only_deleted_artifacts_are_skipped() {
    let scratch = Scratch::new();
    let layout = scratch.layout("layout");
    let directory = scratch.path().join("layout");
    let top = sample(&layout, "1.0").await;
    let mut note = image(&layout, "application/vnd.example", &[b"note"]).await;
    note["subject"] = of(&top);
    let note = put(&layout, &note, None).await;
    let blobs = directory.join("blobs/sha256");
    enter(
        &directory,
        descriptor(media_type::MANIFEST, Identity::of(b"gone")),
    );
    // What is no manifest is not opened, and neither is what states another type than the wanted one.
    let page = blob(&layout, b"<html>").await;
    enter(&directory, page.clone());
    let mut stated = descriptor(media_type::MANIFEST, Identity::of(b"<html>"));
    stated["artifactType"] = "application/vnd.example.other".into();
    enter(&directory, stated);
    let wanted = Some("application/vnd.example");
    let listed = layout.referrers(&top.digest, wanted).await.unwrap();
    assert_eq!(digests(&listed), [note.digest]);
    let error = layout.referrers(&top.digest, None).await.unwrap_err();
    assert!(matches!(error, store::Error::Malformed { .. }), "{error}");
    fs::write(blobs.join(note.digest.hex()), "{}").unwrap();
    let again = scratch.layout("layout");
    let error = again.referrers(&top.digest, wanted).await.unwrap_err();
    assert!(matches!(error, store::Error::Corrupt { .. }), "{error}");
}
