//! Artifacts whose manifest is sound but whose layers are not: each is refused with an error that names the layer, and
//! leaves nothing behind that a later pull could trust.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek};
use std::iter;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::support::fault::Registry;
use crate::support::workspace::{Answer, Workspace, assemble, files, names};
use serde_json::{Value, json};
use wharf::artifact;
use wharf::component::Component;
use wharf::digest::{Digest, Identity};
use wharf::encoding::{EncodedBlob, EncodedLayer, Encoders, Encoding, Level};
use wharf::manifest::{Config, media_type};
use wharf::split::SplitPolicy;
use zstd_safe::zstd_sys::ZSTD_EndDirective::{ZSTD_e_continue, ZSTD_e_end};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

const REPOSITORY: &str = "demo/frames";
const MIB: usize = 1024 * 1024;
/// The root, and a section layer between others.
const PLACES: [usize; 2] = [0, 4];

/// A registry with a sound artifact of `layers.wat`, tagged `good`.
struct Scene {
    registry: Registry,
    bytes: Vec<u8>,
    config: Config,
    /// By layer in manifest order: what it holds, and how it is stored.
    contents: Vec<Vec<u8>>,
    stored: Vec<EncodedLayer>,
}

impl Scene {
    fn new() -> Self {
        let bytes = assemble("layers");
        let component = Component::read(bytes.clone(), &SplitPolicy::DEFAULT).unwrap();
        let component = Arc::new(component);
        let encoders = Encoders::start(Level::Auto);
        let registry = Registry::start();
        let mut stored = Vec::new();
        for layer in 0..component.contents().count() {
            let mut file = tempfile::tempfile().unwrap();
            let encoded = component.encode(layer, Some(&encoders), &mut file, &|_| {});
            stored.push(encoded.unwrap());
            let mut blob = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut blob).unwrap();
            assert_eq!(
                registry.put_blob(REPOSITORY, &blob),
                stored[layer].stored.blob
            );
        }
        let piece = |range: std::ops::Range<u64>| &bytes[range.start as usize..range.end as usize];
        let root: Vec<&[u8]> = component.plan.root_ranges().map(piece).collect();
        let layers = component.plan.layers.iter();
        let layers = layers.map(|layer| piece(layer.range.clone()).to_vec());
        let contents: Vec<Vec<u8>> = iter::once(root.concat()).chain(layers).collect();
        assert_eq!(contents.len(), 10);
        let scene = Self {
            config: component.config.clone(),
            registry,
            bytes,
            contents,
            stored,
        };
        scene.put("good", &scene.config, &scene.stored);
        scene
    }

    /// Puts an artifact together out of blobs that are there.
    fn put(&self, tag: &str, config: &Config, stored: &[EncodedLayer]) {
        let split = artifact::split(config, stored, &BTreeMap::new());
        self.registry.put_blob(REPOSITORY, &split.config);
        self.put_manifest(tag, &split.manifest);
    }

    fn put_manifest(&self, tag: &str, manifest: &[u8]) {
        self.registry
            .put_manifest(REPOSITORY, tag, media_type::MANIFEST, manifest);
    }

    /// The good artifact, tagged `bad`, with another blob as the frame of one layer.
    fn put_frame(&self, layer: usize, frame: &[u8]) {
        let mut stored = self.stored.clone();
        let blob = self.registry.put_blob(REPOSITORY, frame);
        let encoding = Encoding::Zstd;
        stored[layer] = EncodedBlob { blob, encoding }.into();
        self.put("bad", &self.config, &stored);
    }

    /// The good artifact's manifest.
    fn manifest(&self) -> Vec<u8> {
        self.registry.manifest(REPOSITORY, "good").unwrap().to_vec()
    }

    fn reference(&self, tag: &str) -> String {
        format!("{}/{REPOSITORY}:{tag}", self.registry.address())
    }

    /// Pulls what is tagged `bad` with a cold cache, a warm one and none. Each pull must fail with all these words and
    /// leave everything as it was, and the sound artifact must still come out of the same cache.
    #[track_caller]
    fn assert_refused(&self, what: &str, words: &[&str]) {
        let workspace = Workspace::new();
        let reference = self.reference("bad");
        let pull = |more: &[&str]| {
            let answer = workspace.run(&[&["pull", &reference, "--json"], more].concat());
            let (code, value) = (answer.code, answer.json());
            let error = &value["error"];
            assert_eq!((code, &error["kind"]), (Some(5), &json!("integrity")));
            let message = error["message"].as_str().unwrap();
            for words in words {
                let fits = message.contains(words);
                assert!(fits, "{what}: {words:?} is not in {message:?}");
            }
        };
        pull(&[]);
        assert_eq!(names(&workspace.work()), [].into(), "{what}: left behind");
        workspace.write("kept.wasm", b"as it was");
        let inode = || fs::metadata(workspace.path("kept.wasm")).unwrap().ino();
        let before = inode();
        for more in [&["-o", "kept.wasm"][..], &["-o", "kept.wasm", "--no-cache"]] {
            pull(more);
            let left: Vec<Vec<u8>> = files(&workspace.work()).into_values().collect();
            assert_eq!((left, inode()), (vec![b"as it was".to_vec()], before));
        }
        let temporary = names(&workspace.temporary());
        assert_eq!(temporary, [].into(), "{what}: left behind");
        let cache = workspace.cache();
        let records = names(&cache.root.join("content"));
        assert_eq!(records, [].into(), "{what}: recorded");
        cache.assert_sound();
        workspace.pull(&self.reference("good"), &self.bytes);
        cache.assert_sound();
    }
}

/// What a streaming encoder writes. It declares the size of the content if one is pledged.
fn stream<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    pledged: Option<usize>,
    parameters: &[CParameter],
) -> Vec<u8> {
    let mut encoder = CCtx::create();
    for parameter in parameters {
        encoder.set_parameter(*parameter).unwrap();
    }
    let pledged = pledged.map(|size| size as u64);
    encoder.set_pledged_src_size(pledged).unwrap();
    let (mut frame, mut space) = (Vec::new(), Vec::with_capacity(CCtx::out_size()));
    let pieces = pieces.map(|piece| (piece, ZSTD_e_continue));
    for (piece, directive) in pieces.chain([(&[][..], ZSTD_e_end)]) {
        let mut input = InBuffer::around(piece);
        loop {
            space.clear();
            let mut output = OutBuffer::around(&mut space);
            let unflushed = encoder.compress_stream2(&mut output, &mut input, directive);
            frame.extend_from_slice(&space);
            let flushed = unflushed.unwrap() == 0 || directive == ZSTD_e_continue;
            if flushed && input.pos() == piece.len() {
                break;
            }
        }
    }
    frame
}

/// A frame that declares how much it holds, and has a checksum behind its last block.
fn frame(content: &[u8]) -> Vec<u8> {
    let checksum = CParameter::ChecksumFlag(true);
    stream(iter::once(content), Some(content.len()), &[checksum])
}

/// A frame that does not say how much it holds.
fn undeclared(content: &[u8], window_log: u32) -> Vec<u8> {
    let window = CParameter::WindowLog(window_log);
    stream(iter::once(content), None, &[window])
}

/// A frame of so many mebibytes of zeros, with the largest window that is allowed.
fn zeros(mebibytes: usize) -> Vec<u8> {
    let zeros = vec![0; MIB];
    let window = CParameter::WindowLog(23);
    stream(iter::repeat_n(&zeros[..], mebibytes), None, &[window])
}

/// As much as fits a frame that is no larger than a manifest may say for the least of the layers.
fn bomb() -> Vec<u8> {
    let bomb = zeros(32);
    assert!(bomb.len() < 1500, "{} bytes", bomb.len());
    bomb
}

/// Refuses the good artifact with one frame exchanged for what is made of its content, wherever that is.
#[track_caller]
fn refused(what: &str, make: impl Fn(&[u8]) -> Vec<u8>, says: impl Fn(usize) -> String) {
    let scene = Scene::new();
    for layer in PLACES {
        let content = &scene.contents[layer];
        scene.put_frame(layer, &make(content));
        let place = format!("layers[{layer}]");
        scene.assert_refused(what, &[&place, &says(content.len())]);
    }
}

#[test]
fn valid_frames_are_accepted() {
    let scene = Scene::new();
    for layer in PLACES {
        let content = &scene.contents[layer];
        for frame in [frame(content), undeclared(content, 23)] {
            scene.put_frame(layer, &frame);
            Workspace::new().pull(&scene.reference("bad"), &scene.bytes);
        }
    }
}

#[test]
fn truncated_frames_are_refused() {
    let half = |content: &[u8]| {
        let good = frame(content);
        good[..good.len() / 2].to_vec()
    };
    refused("half a frame", half, |_| "the frame ends early".to_owned());
    // All the content comes out, but the end of the frame does not.
    let unended = |content: &[u8]| {
        let good = frame(content);
        good[..good.len() - 1].to_vec()
    };
    refused("a frame without its end", unended, |size| {
        format!("the frame ends early: {size} of {size} bytes")
    });
}

#[test]
fn frames_with_trailing_bytes_are_refused() {
    let says = |_| "bytes after the end of the frame".to_owned();
    let rubbish = |content: &[u8]| [&frame(content)[..], b"\0"].concat();
    refused("rubbish", rubbish, says);
    let twice = |content: &[u8]| frame(content).repeat(2);
    refused("the frame twice", twice, says);
    let empty = |content: &[u8]| [frame(content), frame(b"")].concat();
    refused("an empty frame", empty, says);
}

#[test]
fn content_in_two_frames_is_refused() {
    let halves = |content: &[u8]| {
        let (first, second) = content.split_at(content.len() / 2);
        [undeclared(first, 20), frame(second)].concat()
    };
    refused("two frames", halves, |size| {
        format!("the frame ends early: {} of {size} bytes", size / 2)
    });
}

#[test]
fn frames_that_declare_another_size_are_refused() {
    let says = |found: usize, size: usize| {
        format!("the frame declares {found} bytes of content, the layer {size}")
    };
    let less = |content: &[u8]| frame(&content[..content.len() - 1]);
    refused("less", less, |size| says(size - 1, size));
    let more = |content: &[u8]| frame(&[content, b"\0"].concat());
    refused("more", more, |size| says(size + 1, size));
}

#[test]
fn frames_of_other_content_are_refused() {
    let other = |content: &[u8]| {
        let mut content = content.to_vec();
        let middle = content.len() / 2;
        content[middle] ^= 0x55;
        frame(&content)
    };
    let says = |_| "does not match its digest".to_owned();
    refused("another content", other, says);
}

#[test]
fn content_that_is_not_a_frame_is_refused() {
    let says = |_| "Unknown frame descriptor".to_owned();
    refused("the content itself", <[u8]>::to_vec, says);
    refused("nothing", |_| Vec::new(), says);
    // Readers of zstd skip such a frame; it is not what the layer has to be.
    let skippable = |content: &[u8]| {
        let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0skip";
        [&skipped[..], &frame(content)].concat()
    };
    let says = |_| "the frame declares 0 bytes".to_owned();
    refused("a skippable frame", skippable, says);
}

#[test]
fn frames_with_a_16_mib_window_are_refused() {
    let wide = |content: &[u8]| undeclared(content, 24);
    let says = |_| "zstd: Frame requires too much memory".to_owned();
    refused("a wide frame", wide, says);
}

#[test]
fn decompression_bombs_are_refused() {
    let bomb = bomb();
    let says = |size| format!("more than the declared {size} bytes of content");
    refused("a bomb", |_| bomb.clone(), says);
}

#[cfg(target_os = "linux")]
#[test]
fn decompression_bombs_take_no_memory() {
    let (scene, bomb) = (Scene::new(), bomb());
    let pull = |tag| {
        let workspace = Workspace::new();
        Answer::watched(workspace.wharf(&["pull", &scene.reference(tag), "-o", "pulled.wasm"]))
    };
    // The program alone takes its share, unoptimized a large one.
    let (answer, usual) = pull("good");
    answer.success();
    for layer in PLACES {
        scene.put_frame(layer, &bomb);
        let (answer, peak) = pull("bad");
        assert_eq!(answer.code, Some(5), "{}", answer.stderr);
        let place = format!("layers[{layer}]");
        assert!(answer.stderr.contains(&place), "{}", answer.stderr);
        let most = usual + 16 * MIB as u64;
        assert!(peak < most, "{place}: {peak} bytes, else {usual}");
    }
}

#[test]
fn a_frame_larger_than_its_content_allows_is_not_fetched() {
    let bomb = zeros(1024);
    refused(
        "a large bomb",
        |_| bomb.clone(),
        |_| "too large for its content".to_owned(),
    );
}

#[test]
fn a_component_with_another_digest_is_refused() {
    let scene = Scene::new();
    let mut config = scene.config.clone();
    config.content = Identity {
        digest: Digest::of(b"another component"),
        size: config.content.size,
    };
    scene.put("bad", &config, &scene.stored);
    let says = "the spliced component does not match its digest";
    scene.assert_refused("another whole", &[says]);
}

/// Refuses a manifest made of the good one before any blob is asked for.
#[track_caller]
fn manifest_refused(change: impl FnOnce(&mut Vec<u8>), says: &str) {
    let scene = Scene::new();
    let mut manifest = scene.manifest();
    change(&mut manifest);
    scene.put_manifest("bad", &manifest);
    let workspace = Workspace::new();
    let pull = ["pull", &scene.reference("bad"), "-o", "pulled.wasm"];
    let answer = workspace.run(&pull);
    assert_eq!(answer.code, Some(5), "{}", answer.stderr);
    assert!(answer.stderr.contains(says), "{}", answer.stderr);
    let manifest = format!("GET /v2/{REPOSITORY}/manifests/bad");
    assert_eq!(scene.registry.lines(), [manifest]);
    scene.assert_refused(says, &[says]);
}

#[test]
fn a_manifest_with_200_000_layers_is_refused() {
    // Small ones: with so many real descriptors the size alone would be enough.
    let change = |manifest: &mut Vec<u8>| {
        let mut value: Value = serde_json::from_slice(manifest).unwrap();
        value["layers"] = json!(vec![json!({}); 200_000]);
        *manifest = value.to_string().into_bytes();
        assert!(manifest.len() < MIB);
    };
    manifest_refused(change, "layers: 200000, and at most 1000 are allowed");
}

#[test]
fn a_manifest_that_is_too_large_is_refused() {
    // White space at the end: but for its size the manifest is sound.
    let grow = |size: usize| move |manifest: &mut Vec<u8>| manifest.resize(size, b' ');
    let scene = Scene::new();
    let mut largest = scene.manifest();
    grow(MIB - 1)(&mut largest);
    scene.put_manifest("bad", &largest);
    Workspace::new().pull(&scene.reference("bad"), &scene.bytes);
    let mine = format!("bytes of manifest: {MIB}, and at most {}", MIB - 1);
    manifest_refused(grow(MIB), &mine);
    let most = format!("longer than {} bytes", 4 * MIB);
    manifest_refused(grow(5 * MIB), &most);
}
