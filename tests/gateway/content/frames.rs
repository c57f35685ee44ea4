//! Layers of several frames: a small range of one fetches and decodes only the frames that it needs.

use std::ops::Range;

use wharf::artifact;
use wharf::encoding::{EncodedLayer, Frames, MAX_FRAME_CONTENT};
use wharf::error::Kind;
use wharf::manifest::Annotations;

use super::scripted::{Act, PIECE, Scripted};
use super::*;

const MAX: u64 = MAX_FRAME_CONTENT;

/// A module with a layer of five frames, each of which takes more than 100 KB.
fn five_frames() -> Artifact {
    let size = 4 * MAX as usize + 1_000_000;
    let (noise, text) = (noise(7, size / 8), text(1, 7 * 8192));
    let content: Vec<u8> = noise
        .chunks(8192)
        .flat_map(|noise| [noise, &text].concat())
        .take(size)
        .collect();
    let small = custom("small", &[1; 100]);
    let module = [MODULE_HEADER.to_vec(), small, custom("large", &content)];
    let artifact = Artifact::of(module.concat(), &POLICY);
    let sizes = large(&artifact).frames.sizes();
    assert!(sizes.len() == 5 && sizes.iter().all(|&size| size > 100_000));
    artifact
}

fn large(artifact: &Artifact) -> &Layer {
    &artifact.manifest.layers[0]
}

/// Reads a range of the large layer.
async fn read(
    contents: &Arc<Contents>,
    artifact: &Artifact,
    store: &Arc<Scripted>,
    range: Range<u64>,
) -> (Vec<u8>, Result<(), Error>) {
    let offset = large(artifact).offset;
    let form = BodyForm::Range(offset + range.start..offset + range.end);
    ask(contents, artifact.from(store), form).await
}

fn part(artifact: &Artifact, range: Range<u64>) -> &[u8] {
    let offset = large(artifact).offset;
    &artifact.bytes[(offset + range.start) as usize..(offset + range.end) as usize]
}

#[tokio::test]
async fn a_small_range_fetches_only_the_frames_that_it_needs() {
    let artifact = five_frames();
    let (blob, sizes) = (large(&artifact).blob, large(&artifact).frames.sizes());
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let size = large(&artifact).content.size;
    for (range, frames) in [
        (MAX..MAX + 1, 1..2),
        (MAX + 70_000..2 * MAX, 1..2),
        (2 * MAX - 1..2 * MAX + 300_000, 1..3),
        (size - 1..size, 4..5),
        (0..10, 0..1),
    ] {
        let (bytes, outcome) = read(&contents, &artifact, &store, range.clone()).await;
        outcome.unwrap();
        assert!(bytes == part(&artifact, range.clone()), "{range:?}");
        let start: u64 = sizes[..frames.start].iter().sum();
        assert_eq!(store.opened(), [(blob.digest, start)], "{range:?}");
        let needed = sizes[frames].iter().sum::<u64>() as usize;
        let most = needed.next_multiple_of(PIECE);
        let fetched = store.bytes();
        assert!((needed..=most).contains(&fetched), "{range:?}: {fetched}");
    }
    // Parts are not verified, so nothing of them stays.
    assert!(ground.blobs().is_empty() && ground.decoded().is_empty());
}

#[tokio::test]
async fn a_range_of_more_than_half_of_the_frames_fetches_the_layer() {
    let artifact = five_frames();
    let blob = large(&artifact).blob;
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    let range = MAX - 1..2 * MAX + 1;
    let (bytes, outcome) = read(&contents, &artifact, &store, range.clone()).await;
    outcome.unwrap();
    assert!(bytes == part(&artifact, range));
    assert_eq!(store.opened(), [(blob.digest, 0)]);
    assert_eq!(ground.decoded().len(), 1);
    // Small ranges use the decoded copy.
    ground
        .blobs()
        .iter()
        .for_each(|path| fs::remove_file(path).unwrap());
    let (bytes, outcome) = read(&contents, &artifact, &store, 5..10).await;
    outcome.unwrap();
    assert!(bytes == part(&artifact, 5..10));
    assert_eq!(store.opened(), []);
}

#[tokio::test]
async fn a_small_range_of_a_cached_blob_decodes_only_the_frames_that_it_needs() {
    let artifact = five_frames();
    let store = Scripted::of(&[&artifact]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    // The frames are sent as they are, so nothing is decoded but the root.
    let frames = whole(&contents, artifact.from(&store), BodyForm::Zstd).await;
    assert!(unframed(&frames) == artifact.bytes);
    store.opened();
    let before = ground.decoded();
    let range = 3 * MAX - 5..3 * MAX + 5;
    let (bytes, outcome) = read(&contents, &artifact, &store, range.clone()).await;
    outcome.unwrap();
    assert!(bytes == part(&artifact, range));
    assert_eq!(store.opened(), []);
    assert_eq!(ground.decoded(), before);
    let bytes = whole(&contents, artifact.from(&store), BodyForm::Whole).await;
    assert!(bytes == artifact.bytes);
}

#[tokio::test]
async fn a_list_that_names_other_frames_fails_ranges_only() {
    let artifact = five_frames();
    let layer = large(&artifact);
    let mut sizes = layer.frames.sizes().to_vec();
    sizes[1] -= 1;
    sizes[2] += 1;
    let frames = Frames::checked(sizes, layer.content.size, layer.blob.size).unwrap();
    let root = EncodedLayer::from(artifact.manifest.root.stored());
    let stored = layer.stored();
    let layers = [root, EncodedLayer { stored, frames }];
    let split = artifact::split(&artifact.config, &layers, &Annotations::new());
    let manifest = SplitManifest::read(&split.manifest).unwrap();
    let lying = Artifact {
        manifest: Arc::new(manifest),
        ..artifact
    };
    let store = Scripted::of(&[&lying]);
    let ground = Ground::new();
    let contents = ground.open(PLENTY, 4);
    for range in [MAX..MAX + 10, 2 * MAX..2 * MAX + 10] {
        let (bytes, outcome) = read(&contents, &lying, &store, range.clone()).await;
        // All but the last byte of a part may be sent before its frames prove wrong.
        assert!(bytes.len() < 10, "{range:?}");
        assert_eq!(outcome.unwrap_err().kind(), Kind::Integrity, "{range:?}");
    }
    let bytes = whole(&contents, lying.from(&store), BodyForm::Whole).await;
    assert!(bytes == lying.bytes);
}

#[tokio::test]
async fn frames_that_do_not_arrive_in_full_are_an_error() {
    let artifact = five_frames();
    let layer = large(&artifact);
    let store = Scripted::of(&[&artifact]);
    let contents = Ground::new().open(PLENTY, 4);
    let middle = layer.frames.sizes()[0] + 1000;
    for act in [Act::Short(middle), Act::Break(middle)] {
        store.act(layer.blob, act);
        let range = 2 * MAX - 10..2 * MAX;
        let (bytes, outcome) = read(&contents, &artifact, &store, range).await;
        assert!(bytes.is_empty() && outcome.is_err());
    }
}
