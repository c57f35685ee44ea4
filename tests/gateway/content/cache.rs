//! What is kept: bounded, found again after a restart, and fetched again where it was damaged.

use std::path::PathBuf;

use wharf::digest::Identity;
use wharf::error::Kind;

use super::scripted::Scripted;
use super::*;

#[tokio::test]
async fn cached_content_needs_no_fetch_after_a_restart() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    for form in [BodyForm::Whole, BodyForm::Zstd] {
        let contents = ground.open(PLENTY, 4);
        whole(&contents, artifact.from(&store), form).await;
    }
    assert_eq!(store.opened().len(), artifact.blobs.len());
    let contents = ground.open(PLENTY, 4);
    for _ in 0..2 {
        let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
        assert!(bytes == artifact.bytes);
    }
    let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
    assert!(unframed(&frames) == artifact.bytes);
    assert_eq!(store.opened(), []);
}

/// Ways to damage a file.
const DAMAGES: [fn(&PathBuf); 4] = [
    |path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    },
    |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[1..]).unwrap();
    },
    |path| fs::write(path, "").unwrap(),
    |path| fs::remove_file(path).unwrap(),
];

#[tokio::test]
async fn a_damaged_file_is_detected_and_replaced() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    for restarts in [false, true] {
        for damage in DAMAGES {
            let ground = Ground::new();
            let mut contents = ground.open(PLENTY, 4);
            whole(&contents, artifact.from(&store), BodyForm::Whole).await;
            store.opened();
            // A decoded layer is decoded again from its blob.
            ground.decoded().iter().for_each(damage);
            if restarts {
                contents = ground.open(PLENTY, 4);
            }
            let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
            assert!(bytes == artifact.bytes);
            let raw = artifact.layers(wharf::encoding::Encoding::Raw);
            assert_eq!(store.opened(), []);
            // A blob is fetched again: those of raw layers, and with them gone the others too.
            ground.blobs().iter().for_each(damage);
            if restarts {
                contents = ground.open(PLENTY, 4);
            }
            let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
            assert!(bytes == artifact.bytes);
            assert_eq!(store.opened().len(), raw.len());
            let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
            assert!(unframed(&frames) == artifact.bytes);
        }
    }
}

#[tokio::test]
async fn the_least_recently_used_content_is_evicted() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let all: u64 = artifact.stored.iter().map(|stored| stored.blob.size).sum();
    let all = all + artifact.bytes.len() as u64;
    for max_bytes in [0, 1_000, 60_000, 100_000, 400_000, all] {
        let ground = Ground::new();
        let contents = ground.open(max_bytes, 4);
        for _ in 0..3 {
            let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
            assert!(bytes == artifact.bytes);
            assert!(ground.check(&[&artifact]) <= max_bytes);
            let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
            assert!(unframed(&frames) == artifact.bytes);
            assert!(ground.check(&[&artifact]) <= max_bytes);
        }
        // Whoever opens it with less room makes it so.
        ground.open(max_bytes / 2, 4);
        assert!(ground.check(&[&artifact]) <= max_bytes / 2);
    }
}

#[tokio::test]
async fn a_body_continues_when_its_files_are_deleted() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let body = contents.body(artifact.from(&store), BodyForm::Whole).await;
    let mut body = body.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend(piece.unwrap());
        for path in ground.blobs().into_iter().chain(ground.decoded()) {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(bytes == artifact.bytes);
}

#[tokio::test]
async fn a_wrong_size_in_a_request_does_not_remove_a_valid_file() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    let layer = artifact.layers(wharf::encoding::Encoding::Zstd)[0];
    let lie = artifact.retold(|config, stored| {
        let blob = stored[layer + 1].blob;
        stored[layer + 1].blob = Identity {
            size: blob.size + 1,
            ..blob
        };
        config.layers[layer].size -= 1;
        config.root.size += 1;
    });
    let contents = ground.open(PLENTY, 4);
    let (_, outcome) = ask(&contents, lie.from(&store), BodyForm::Whole).await;
    assert!(outcome.is_err());
    store.opened();
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
    assert_eq!(store.opened(), []);
}

#[tokio::test]
async fn content_is_given_only_to_stores_that_have_its_blob() {
    let artifact = sections();
    let ours = Scripted::of(&[&artifact]);
    let layer = artifact.layers(wharf::encoding::Encoding::Zstd)[0];
    let place = &artifact.manifest.layers[layer];
    let range = place.offset..place.offset + place.content.size;
    let content = &artifact.bytes[range.start as usize..range.end as usize];
    // Somebody who has no such blob claims that one of theirs holds it.
    let own = text(9, content.len());
    let forged = artifact.reframed(layer + 1, &own, 3);
    let theirs = Scripted::of(&[&forged]);
    // Who has it in another blob is no forger.
    let other = artifact.reframed(layer + 1, content, 19);
    let others = Scripted::of(&[&other]);
    for restarts in [false, true] {
        let ground = Ground::new();
        let mut contents = ground.open(PLENTY, 4);
        whole(&contents, artifact.from(&ours), BodyForm::Whole).await;
        if restarts {
            contents = ground.open(PLENTY, 4);
        }
        for _ in 0..2 {
            let form = BodyForm::Range(range.clone());
            let (bytes, outcome) = ask(&contents, forged.from(&theirs), form).await;
            assert_eq!(outcome.err().unwrap().kind(), Kind::Integrity);
            assert!(bytes.len() < own.len() && own.starts_with(&bytes));
        }
        let bytes = whole(&contents, other.from(&others), BodyForm::Whole).await;
        assert!(bytes == artifact.bytes);
        let blob = other.manifest.layers[layer].blob.digest;
        // It was fetched and decoded, and nothing else had to be.
        assert!(others.opened().iter().any(|(opened, _)| *opened == blob));
        ours.opened();
        let bytes = whole(&contents, artifact.from(&ours), BodyForm::Whole).await;
        assert!(bytes == artifact.bytes);
        assert_eq!(ours.opened(), []);
        ground.check(&[&artifact, &forged, &other]);
    }
}
