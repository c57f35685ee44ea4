//! Every form is the component, or the part of it that was asked for.

use crate::support::smith;
use std::collections::BTreeSet;
use std::ops::Range;

use wharf::encoding::Encoding;
use wharf::split::{Granularity, Run};

use super::scripted::Scripted;
use super::*;

/// Where runs begin and end, and next to that.
fn edges(artifact: &Artifact) -> Vec<u64> {
    let size = artifact.bytes.len() as u64;
    let mut edges = BTreeSet::from([0, 1, size / 2, size - 1, size]);
    for run in artifact.manifest.recipe().runs() {
        let (Run::Root(range) | Run::Layer(_, range)) = run;
        for edge in [range.start, range.end] {
            edges.extend([edge.saturating_sub(1), edge, (edge + 1).min(size)]);
        }
    }
    edges.into_iter().collect()
}

fn cut(artifact: &Artifact, range: &Range<u64>) -> Vec<u8> {
    artifact.bytes[range.start as usize..range.end as usize].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_components_are_served_in_every_form() {
    for seed in 0..8 {
        for (granularity, floor) in [
            (Granularity::Section, 1),
            (Granularity::Segment, 16),
            (Granularity::Module, 40),
        ] {
            let bytes = match seed % 3 {
                0 => smith::module(seed),
                _ => smith::component(seed),
            };
            let policy = SplitPolicy {
                granularity,
                floor,
                max_layers: 1 + seed as usize * 3,
            };
            let artifact = Artifact::of(bytes, &policy);
            let store = Scripted::of(&[&artifact]);
            let component = || artifact.from(&store);
            // A bound that nothing keeps, and one that holds all.
            for max_bytes in [400, PLENTY] {
                let ground = Ground::new();
                let contents = ground.open(max_bytes, 3);
                let frames = whole(&contents, component(), BodyForm::Zstd).await;
                assert!(unframed(&frames) == artifact.bytes, "{seed} {policy:?}");
                let bytes = whole(&contents, component(), BodyForm::Whole).await;
                assert!(bytes == artifact.bytes, "{seed} {policy:?}");
                let edges = edges(&artifact);
                for pair in edges.windows(2).step_by(7) {
                    let range = pair[0]..pair[1].max(*edges.last().unwrap() / 2).max(pair[0] + 1);
                    let bytes = whole(&contents, component(), BodyForm::Range(range.clone())).await;
                    assert!(
                        bytes == cut(&artifact, &range),
                        "{seed} {policy:?} {range:?}"
                    );
                }
                assert!(ground.check(&[&artifact]) <= max_bytes);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_at_every_edge_have_the_right_bytes() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let edges = edges(&artifact);
    for max_bytes in [0, PLENTY] {
        let ground = Ground::new();
        let contents = ground.open(max_bytes, 4);
        // Where nothing is kept each range decodes anew, so there are fewer of them.
        let step = if max_bytes == 0 { 4 } else { 1 };
        for (index, &start) in edges.iter().enumerate() {
            for &end in edges[index + 1..].iter().step_by(step) {
                let range = start..end;
                let bytes = whole(
                    &contents,
                    artifact.from(&store),
                    BodyForm::Range(range.clone()),
                );
                assert!(bytes.await == cut(&artifact, &range), "{range:?}");
            }
        }
        ground.check(&[&artifact]);
    }
}

#[tokio::test]
async fn a_range_fetches_only_its_layers_and_parts_of_raw_layers() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let manifest = &artifact.manifest;
    let raw = &manifest.layers[artifact.layers(Encoding::Raw)[0]];
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let range = async |range: Range<u64>| {
        let bytes = whole(
            &contents,
            artifact.from(&store),
            BodyForm::Range(range.clone()),
        )
        .await;
        assert!(bytes == cut(&artifact, &range), "{range:?}");
        store.opened()
    };
    let at = raw.offset;
    // A small part of it, its very end, and again: nothing is kept of it.
    for part in [1_000..30_000, 89_990..90_000, 1_000..30_000] {
        let opened = range(at + part.start..at + part.end).await;
        assert_eq!(opened, [(raw.blob.digest, part.start)]);
        assert_eq!(ground.blobs().len(), 0);
    }
    // Most of it is as good as all.
    assert_eq!(range(at..at + 50_000).await, [(raw.blob.digest, 0)]);
    assert_eq!(range(at + 1..at + 9).await, []);
    assert_eq!(ground.blobs().len(), 1);
    // A frame has to be read from its start, once.
    let last = manifest.layers.last().unwrap();
    assert_eq!(last.encoding, Encoding::Zstd);
    let (start, end) = (last.offset + 49_000, last.offset + last.content.size);
    assert_eq!(range(start..end).await, [(last.blob.digest, 0)]);
    assert_eq!(range(start..end).await, []);
    // From a layer to the root.
    assert_eq!(
        range(start - 49_001..end).await,
        [(manifest.root.blob.digest, 0)]
    );
}

#[tokio::test]
async fn frames_are_sent_as_stored_without_decoding() {
    let artifact = sections();
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
    assert!(unframed(&frames) == artifact.bytes);
    for layer in artifact.layers(Encoding::Zstd) {
        let stored = &artifact.blobs[&artifact.manifest.layers[layer].blob.digest];
        assert!(frames.windows(stored.len()).any(|window| window == stored));
    }
    let decoded: Vec<_> = ground.decoded();
    assert_eq!(artifact.manifest.root.encoding, Encoding::Zstd);
    assert_eq!(decoded.len(), 1);
    let root = &artifact.manifest.root;
    assert!(decoded[0].ends_with(pair(root).hex()));
    let stored: u64 = artifact.stored.iter().map(|stored| stored.blob.size).sum();
    assert!((frames.len() as u64) < stored + 1_000);
}

#[tokio::test]
async fn components_with_only_a_root_or_an_empty_root_are_served() {
    let policy = SplitPolicy {
        max_layers: 1,
        ..POLICY
    };
    let all_root = Artifact::of(sections().bytes, &policy);
    assert!(all_root.manifest.layers.is_empty());
    let content = all_root.bytes.clone();
    let no_root = Artifact::of(content, &policy).retold(|config, stored| {
        let empty = wharf::digest::Identity::of(b"");
        config.layers.push(wharf::manifest::ConfigLayer {
            offset: 0,
            size: config.root.size,
            digest: config.root.digest,
            path: "custom[0]".to_owned(),
        });
        config.root = empty;
        let root = wharf::encoding::EncodedBlob {
            blob: empty,
            encoding: Encoding::Raw,
        };
        stored.insert(0, root);
    });
    for artifact in [all_root, no_root] {
        let store = Scripted::of(&[&artifact]);
        let ground = Ground::new();
        let contents = ground.open(PLENTY, 1);
        let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
        assert!(unframed(&frames) == artifact.bytes);
        let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
        assert!(bytes == artifact.bytes);
    }
}
