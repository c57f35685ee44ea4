//! Many clients, one fetch: they follow the same files, each at its own pace and with its own end.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt, poll};
use wharf::encoding::Encoding;
use wharf::error::Kind;

use super::scripted::{Act, Gate, Scripted};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_need_one_fetch_of_each_layer() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let (gate, last) = (Gate::closed(), Gate::closed());
    store.act(artifact.manifest.root.blob, Act::Hold(0, gate.clone()));
    let noise = artifact.layers(Encoding::Raw)[0];
    let noise = artifact.manifest.layers[noise].blob;
    store.act(noise, Act::Hold(50_000, last.clone()));
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let forms = [
        BodyForm::Whole,
        BodyForm::Zstd,
        BodyForm::Whole,
        BodyForm::Range(5..400_000),
    ];
    let mut bodies = Vec::new();
    for client in 0..64 {
        let form = forms[client % forms.len()].clone();
        let mut body = contents.body(artifact.from(&store), form.clone()).boxed();
        assert!(poll!(&mut body).is_pending());
        bodies.push((form, body));
    }
    gate.open();
    let bodies = join_all(bodies.into_iter().map(|(form, body)| async {
        let mut body = body.await.unwrap();
        let first = body.next().await.unwrap().unwrap();
        (form, first.to_vec(), body)
    }))
    .await;
    // All of them are on their way, and none can have ended.
    last.open();
    let expected = &artifact.bytes;
    join_all(
        bodies
            .into_iter()
            .map(|(form, mut bytes, body)| async move {
                let (rest, outcome) = drain(body).await;
                outcome.unwrap();
                bytes.extend(rest);
                match form {
                    BodyForm::Zstd => assert!(unframed(&bytes) == *expected),
                    BodyForm::Whole => assert!(bytes == *expected),
                    BodyForm::Range(_) => assert!(bytes == expected[5..400_000]),
                }
            }),
    )
    .await;
    let opens = store.opens();
    assert_eq!(opens.len(), artifact.blobs.len());
    assert!(opens.values().all(|&opens| opens == 1), "{opens:?}");
    assert!(store.most_streams() <= 4);
    ground.check(&[&artifact]);
}

#[tokio::test]
async fn available_bytes_are_sent_before_the_last_layer_arrives() {
    let artifact = sections();
    let last = artifact.manifest.layers.last().unwrap();
    let size = artifact.bytes.len() as u64;
    // With one fetch at a time too, what is needed first comes first.
    for max_transfers in [1, 8] {
        let store = Scripted::of(&[&artifact]);
        let gate = Gate::closed();
        store.act(last.blob, Act::Hold(0, gate.clone()));
        let ground = Ground::new();
        let contents = ground.open(PLENTY, max_transfers);
        let body = contents.body(artifact.from(&store), BodyForm::Whole).await;
        let mut body = body.unwrap();
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < last.offset {
            bytes.extend(body.next().await.unwrap().unwrap());
        }
        assert_eq!(bytes.len() as u64, last.offset);
        assert!(body.next().now_or_never().is_none());
        gate.open();
        let (rest, outcome) = drain(body).await;
        outcome.unwrap();
        bytes.extend(rest);
        assert_eq!(bytes.len() as u64, size);
        assert!(bytes == artifact.bytes);
    }
}

#[tokio::test]
async fn a_layer_is_streamed_and_its_last_byte_waits_for_verification() {
    // Of each byte six bits are noise: what does not fit a block is three quarters as long.
    let letters: Vec<u8> = noise(7, 200_000)
        .into_iter()
        .map(|byte| byte & 63)
        .collect();
    let module = [
        MODULE_HEADER.to_vec(),
        custom("raw", &noise(8, 90_000)),
        custom("zstd", &letters),
        custom("last", &text(9, 5_000)),
    ];
    let artifact = Artifact::of(module.concat(), &POLICY);
    let (raw, zstd) = (&artifact.manifest.layers[0], &artifact.manifest.layers[1]);
    assert_eq!(
        (raw.encoding, zstd.encoding),
        (Encoding::Raw, Encoding::Zstd)
    );
    for (form, layer, held, until, before) in [
        // The very last byte is there, and nothing says yet that it is.
        (
            BodyForm::Whole,
            raw,
            raw.blob.size,
            raw.offset + 89_999,
            raw.offset + 90_000,
        ),
        // The first block is all there.
        (
            BodyForm::Whole,
            zstd,
            zstd.blob.size - 1,
            zstd.offset + 100_000,
            zstd.offset + 200_000,
        ),
        // The root before it has at least a byte.
        (
            BodyForm::Zstd,
            zstd,
            zstd.blob.size,
            zstd.blob.size,
            u64::MAX,
        ),
    ] {
        let store = Scripted::of(&[&artifact]);
        let gate = Gate::closed();
        store.act(layer.blob, Act::Hold(held, gate.clone()));
        let ground = Ground::new();
        let contents = ground.open(PLENTY, 2);
        let body = contents.body(artifact.from(&store), form.clone()).await;
        let (mut body, mut bytes) = (body.unwrap(), Vec::new());
        while (bytes.len() as u64) < until {
            bytes.extend(body.next().await.unwrap().unwrap());
        }
        assert!((bytes.len() as u64) < before);
        let sent = bytes.len();
        gate.open();
        let (rest, outcome) = drain(body).await;
        outcome.unwrap();
        bytes.extend(rest);
        match form {
            BodyForm::Zstd => {
                assert!(unframed(&bytes) == artifact.bytes);
                let stored = &artifact.blobs[&layer.blob.digest];
                let at = bytes
                    .windows(stored.len())
                    .position(|window| window == stored);
                assert!(sent < at.unwrap() + stored.len());
            }
            _ => assert!(bytes == artifact.bytes),
        }
    }
}

#[tokio::test]
async fn a_fetch_ends_only_when_its_last_client_leaves() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let gate = Gate::closed();
    store.act(artifact.manifest.root.blob, Act::Hold(0, gate.clone()));
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 1);
    let mut first = contents
        .body(artifact.from(&store), BodyForm::Whole)
        .boxed();
    let mut second = contents
        .body(artifact.from(&store), BodyForm::Whole)
        .boxed();
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    store.streams(1).await;
    drop(first);
    gate.open();
    let (bytes, outcome) = drain(second.await.unwrap()).await;
    outcome.unwrap();
    assert!(bytes == artifact.bytes);
    assert!(store.opens().values().all(|&opens| opens == 1));

    let withheld = Gate::closed();
    store.act(artifact.manifest.root.blob, Act::Hold(1, withheld));
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 1);
    let mut only = contents
        .body(artifact.from(&store), BodyForm::Whole)
        .boxed();
    assert!(poll!(&mut only).is_pending());
    store.streams(1).await;
    drop(only);
    store.streams(0).await;
    // Nothing holds the one slot, and nobody follows what was ended.
    store.behave();
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
}

#[tokio::test]
async fn a_refusal_for_one_client_does_not_affect_another() {
    let artifact = sections();
    let (closed, open) = (Scripted::of(&[&artifact]), Scripted::of(&[&artifact]));
    let gate = Gate::closed();
    closed.act(artifact.manifest.root.blob, Act::Refuse(gate.clone()));
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let mut refused = contents
        .body(artifact.from(&closed), BodyForm::Whole)
        .boxed();
    let mut allowed = contents.body(artifact.from(&open), BodyForm::Whole).boxed();
    assert!(poll!(&mut refused).is_pending());
    closed.streams(1).await;
    assert!(poll!(&mut allowed).is_pending());
    gate.open();
    let error = refused.await.err().unwrap();
    assert_eq!(error.kind(), Kind::Refused);
    let (bytes, outcome) = drain(allowed.await.unwrap()).await;
    outcome.unwrap();
    assert!(bytes == artifact.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_transfers_leave_their_slots_to_others() {
    let artifacts = different(3);
    let store = Scripted::of(&artifacts.iter().collect::<Vec<_>>());
    let gate = Gate::closed();
    for (artifact, begin) in artifacts[..2].iter().zip([0, 100]) {
        for blob in &artifact.stored {
            store.act(blob.blob, Act::Hold(begin, gate.clone()));
        }
    }
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 2);
    let ask = |artifact: &Artifact| whole(&contents, artifact.from(&store), BodyForm::Whole);
    let mut silent: Vec<_> = artifacts[..2].iter().map(|one| ask(one).boxed()).collect();
    for body in &mut silent {
        assert!(poll!(body).is_pending());
    }
    store.streams(2).await;
    let other = ask(&artifacts[2]);
    // Without free slots, this would wait for the gate.
    let other = tokio::time::timeout(Duration::from_secs(60), other).await;
    assert!(other.unwrap() == artifacts[2].bytes);
    gate.open();
    for (bytes, artifact) in join_all(silent).await.iter().zip(&artifacts) {
        assert!(*bytes == artifact.bytes);
    }
}

/// Components without a common layer.
fn different(count: u64) -> Vec<Artifact> {
    (0..count)
        .map(|seed| {
            let module = [
                MODULE_HEADER.to_vec(),
                custom("noise", &noise(seed, 30_000)),
                custom("text", &text(seed as usize, 60_000 + seed as usize)),
                custom("more", &noise(seed + 100, 30_000)),
            ];
            Artifact::of(module.concat(), &POLICY)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_fetches_are_limited() {
    let artifacts = different(12);
    let store = Scripted::of(&artifacts.iter().collect::<Vec<_>>());
    let gate = Gate::closed();
    for blob in artifacts.iter().flat_map(|artifact| &artifact.stored) {
        store.act(blob.blob, Act::Hold(0, gate.clone()));
    }
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 3);
    let mut bodies: Vec<_> = artifacts
        .iter()
        .map(|artifact| whole(&contents, artifact.from(&store), BodyForm::Whole).boxed())
        .collect();
    for body in &mut bodies {
        assert!(poll!(body).is_pending());
    }
    store.streams(3).await;
    gate.open();
    for (bytes, artifact) in join_all(bodies).await.iter().zip(&artifacts) {
        assert!(*bytes == artifact.bytes);
    }
    assert_eq!(store.most_streams(), 3);
}
