//! What others keep on this machine is used where it is, for as long as it is there.

use wharf::digest::Identity;

use super::scripted::Scripted;
use super::*;

/// A directory with all blobs of an artifact.
pub(crate) fn directory(artifact: &Artifact) -> (TempDir, BlobDirectory) {
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().join("sha256");
    fs::create_dir(&files).unwrap();
    for (digest, bytes) in &artifact.blobs {
        fs::write(files.join(digest.hex()), bytes).unwrap();
    }
    let held = BlobDirectory::open(directory.path()).unwrap();
    (directory, held)
}

#[tokio::test]
async fn blob_directories_are_read_in_place() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let size = artifact.bytes.len() as u64;
    let (_theirs, held) = directory(&artifact);
    let (_empty, other) = directory(&Artifact {
        blobs: Default::default(),
        ..artifact.clone()
    });
    let ground = Ground::new();
    let contents = ground.open_beside(vec![other, held], PLENTY, 4);
    for range in [0..size, 5..9, 310_000..310_100, size - 1..size] {
        let part = &artifact.bytes[range.start as usize..range.end as usize];
        let bytes = whole(
            &contents,
            artifact.from(&store),
            BodyForm::Range(range.clone()),
        )
        .await;
        assert!(bytes == part, "{range:?}");
    }
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
    let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
    assert!(unframed(&frames) == artifact.bytes);
    assert_eq!(store.opened(), []);
    assert_eq!(ground.blobs().len(), 0);
}

#[tokio::test]
async fn a_body_continues_when_the_directory_is_emptied_and_the_next_is_fetched() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let (theirs, held) = directory(&artifact);
    let ground = Ground::new();
    // Nothing of it is kept here.
    let contents = ground.open_beside(vec![held], 0, 4);
    let body = contents.body(artifact.from(&store), BodyForm::Whole).await;
    let mut body = body.unwrap();
    let mut bytes = body.next().await.unwrap().unwrap().to_vec();
    assert!(bytes.len() < artifact.bytes.len());
    fs::remove_dir_all(theirs.path()).unwrap();
    let (rest, outcome) = drain(body).await;
    outcome.unwrap();
    bytes.extend(rest);
    assert!(bytes == artifact.bytes);
    store.opened();
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
    assert_eq!(store.opened().len(), artifact.blobs.len());
}

#[tokio::test]
async fn a_changed_file_is_checked_again_whatever_its_time() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let raw = artifact.layers(wharf::encoding::Encoding::Raw)[0];
    let Identity { digest, size } = artifact.manifest.layers[raw].blob;
    let (theirs, held) = directory(&artifact);
    let path = theirs.path().join("sha256").join(digest.hex());
    let ground = Ground::new();
    let contents = ground.open_beside(vec![held], 0, 4);
    whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert_eq!(store.opened(), []);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, vec![0; size as usize]).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    for _ in 0..2 {
        let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
        assert!(bytes == artifact.bytes);
        assert_eq!(store.opened(), [(digest, 0)]);
    }
    fs::write(&path, &artifact.blobs[&digest]).unwrap();
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
    assert_eq!(store.opened(), []);
}
