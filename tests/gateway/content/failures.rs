//! What upstream gets wrong never ends as if it were right, leaves nothing behind, and can be mended.

use wharf::digest::{Digest, Identity};
use wharf::encoding::{EncodedBlob, Encoding};
use wharf::error::Kind;

use super::scripted::{Act, Scripted};
use super::*;

/// Where a component's bytes end when a layer's last one is missing.
fn bound(artifact: &Artifact, layer: usize) -> usize {
    let layer = &artifact.manifest.layers[layer];
    (layer.offset + layer.content.size - 1) as usize
}

#[tokio::test]
async fn a_wrong_layer_never_completes_and_the_next_request_is_right() {
    let artifact = sections();
    let size = artifact.bytes.len() as u64;
    let raw = artifact.layers(Encoding::Raw);
    let zstd = artifact.layers(Encoding::Zstd);
    for layer in [raw[0], raw[1], zstd[0], *zstd.last().unwrap()] {
        let blob = artifact.manifest.layers[layer].blob;
        let acts = [
            Act::Wrong(0),
            Act::Wrong(blob.size / 2),
            Act::Wrong(blob.size - 1),
            Act::Short(blob.size - 1),
            Act::Short(0),
            Act::Long,
            Act::Break(blob.size / 3),
            Act::Break(0),
        ];
        for (number, act) in acts.into_iter().enumerate() {
            let store = Scripted::of(&[&artifact]);
            let ground = Ground::new();
            let contents = ground.open(PLENTY, 4);
            store.act(blob, act);
            for form in [BodyForm::Whole, BodyForm::Range(3..size), BodyForm::Zstd] {
                let (bytes, outcome) = ask(&contents, artifact.from(&store), form.clone()).await;
                let error = outcome.err().unwrap();
                let expected = match number {
                    6.. => Kind::Unreachable,
                    _ => Kind::Integrity,
                };
                assert_eq!(
                    error.kind(),
                    expected,
                    "{layer} {number} {form:?} {error:?}"
                );
                match form {
                    BodyForm::Whole => {
                        assert!(bytes.len() <= bound(&artifact, layer));
                        // What broke off was right until then; of what is wrong only the end is sure to be missing.
                        let sound = artifact.manifest.layers[layer].offset as usize;
                        let sound = sound.min(bytes.len());
                        assert!(bytes[..sound] == artifact.bytes[..sound]);
                    }
                    BodyForm::Range(_) => assert!(bytes.len() + 3 <= bound(&artifact, layer)),
                    BodyForm::Zstd => {}
                }
                ground.check(&[&artifact]);
            }
            store.behave();
            for form in [BodyForm::Whole, BodyForm::Range(0..size)] {
                let bytes = whole(&contents, artifact.from(&store), form).await;
                assert!(bytes == artifact.bytes);
            }
            let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
            assert!(unframed(&frames) == artifact.bytes);
        }
    }
}

#[tokio::test]
async fn a_failure_before_the_first_byte_gives_no_body() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    store.act(artifact.manifest.root.blob, Act::Break(0));
    for form in [BodyForm::Whole, BodyForm::Zstd, BodyForm::Range(0..10)] {
        let body = contents.body(artifact.from(&store), form).await;
        assert_eq!(body.err().unwrap().kind(), Kind::Unreachable);
    }
    let mut gone = artifact.clone();
    gone.blobs.remove(&artifact.manifest.root.blob.digest);
    let store = Scripted::of(&[&gone]);
    let body = contents.body(artifact.from(&store), BodyForm::Whole).await;
    assert_eq!(body.err().unwrap().kind(), Kind::NotFound);
}

#[tokio::test]
async fn parts_that_end_early_are_failures() {
    let artifact = sections();
    let layer = &artifact.manifest.layers[artifact.layers(Encoding::Raw)[0]];
    let range = layer.offset + 100..layer.offset + 30_000;
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let store = Scripted::of(&[&artifact]);
    for (act, kind) in [
        (Act::Short(20_000), Kind::Integrity),
        (Act::Break(20_000), Kind::Unreachable),
        (Act::Short(101), Kind::Integrity),
    ] {
        store.act(layer.blob, act);
        let (bytes, outcome) = ask(
            &contents,
            artifact.from(&store),
            BodyForm::Range(range.clone()),
        )
        .await;
        assert_eq!(outcome.err().unwrap().kind(), kind);
        assert!(bytes.len() < 29_900);
        store.behave();
        let bytes = whole(
            &contents,
            artifact.from(&store),
            BodyForm::Range(range.clone()),
        )
        .await;
        assert!(bytes == artifact.bytes[range.start as usize..range.end as usize]);
    }
}

#[tokio::test]
async fn a_manifest_with_a_wrong_content_digest_gives_no_content() {
    let artifact = sections();
    let layer = artifact.layers(Encoding::Zstd)[0];
    let another_digest = artifact.retold(|config, _| {
        config.layers[layer].digest = Digest::of(b"another");
    });
    // The layer is told one byte shorter, and what follows one byte longer.
    let shorter = artifact.retold(|config, _| {
        config.layers[layer].size -= 1;
        config.root.size += 1;
    });
    for lie in [another_digest, shorter] {
        let store = Scripted::of(&[&artifact]);
        let ground = Ground::new();
        let contents = ground.open(PLENTY, 4);
        for _ in 0..2 {
            let (bytes, outcome) = ask(&contents, lie.from(&store), BodyForm::Whole).await;
            assert_eq!(outcome.err().unwrap().kind(), Kind::Integrity);
            assert!(bytes.len() < bound(&lie, layer) + 1);
            ground.check(&[&artifact, &lie]);
        }
        // Nothing of it harms those who tell the truth about the same blobs.
        let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
        assert!(bytes == artifact.bytes);
    }
}

#[tokio::test]
async fn a_body_with_another_digest_lacks_its_end() {
    let artifact = sections();
    let lie = artifact.retold(|config, _| config.content.digest = Digest::of(b"another"));
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    for _ in 0..2 {
        let (bytes, outcome) = ask(&contents, lie.from(&store), BodyForm::Whole).await;
        assert_eq!(outcome.err().unwrap().kind(), Kind::Integrity);
        assert!(bytes.len() < artifact.bytes.len());
    }
    for _ in 0..2 {
        let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
        assert!(bytes == artifact.bytes);
    }
}

/// A frame that does not say how much comes out of it.
fn undeclared(content: &[u8]) -> Vec<u8> {
    use zstd_safe::zstd_sys::ZSTD_EndDirective;
    use zstd_safe::{CCtx, InBuffer, OutBuffer};
    let mut encoder = CCtx::create();
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(content.len()) + 64);
    let mut space = OutBuffer::around(&mut frame);
    let (first, rest) = content.split_at(content.len() / 2);
    for (piece, directive) in [
        (first, ZSTD_EndDirective::ZSTD_e_continue),
        (rest, ZSTD_EndDirective::ZSTD_e_end),
    ] {
        let mut input = InBuffer::around(piece);
        encoder
            .compress_stream2(&mut space, &mut input, directive)
            .unwrap();
    }
    frame
}

#[tokio::test]
async fn decompression_bombs_are_refused() {
    let mut artifact = sections();
    let layer = artifact.layers(Encoding::Zstd)[0];
    let bomb = undeclared(&vec![0; 64 << 20]);
    let blob = Identity::of(&bomb);
    artifact.blobs.insert(blob.digest, bomb);
    let lie = artifact.retold(|_, stored| {
        stored[layer + 1] = EncodedBlob {
            blob,
            encoding: Encoding::Zstd,
        };
    });
    let store = Scripted::of(&[&lie]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let (bytes, outcome) = ask(&contents, lie.from(&store), BodyForm::Whole).await;
    assert_eq!(outcome.err().unwrap().kind(), Kind::Integrity);
    assert!(bytes.len() <= bound(&lie, layer));
    assert!(ground.check(&[&artifact, &lie]) < 1 << 20);
}

#[tokio::test]
async fn an_unwritable_directory_fails_requests_until_it_is_writable() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let directory = ground.directory.path().join("contents");
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "in the way").unwrap();
    let (_, outcome) = ask(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert_eq!(outcome.err().unwrap().kind(), Kind::Other);
    fs::remove_file(&directory).unwrap();
    // It may be deleted at any time.
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
    fs::remove_dir_all(&directory).unwrap();
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
}
