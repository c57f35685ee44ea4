//! Layers of several frames: what push writes, and that every reader of them finds the same bytes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wharf::artifact;
use wharf::digest::Digest;

use crate::support::binary::{custom, module, noise};
use crate::support::tool;
use crate::support::workspace::{Answer, Workspace, names};

const MAX: usize = 8 << 20;
const FRAMES: &str = "wasm.wharf.frames";

/// A module with a layer of three frames.
fn three_frames() -> (Vec<u8>, Vec<u8>) {
    let size = 2 * MAX + 300_000;
    let content: Vec<u8> = noise(3, size / 16)
        .chunks(4096)
        .flat_map(|noise| [noise, &[b'w'; 15 * 4096]].concat())
        .take(size)
        .collect();
    (module(&[custom("large", &content)]), content)
}

/// Stored and content size of each frame, found by zstd itself.
fn frames(mut blob: &[u8]) -> Vec<(usize, Option<u64>)> {
    let mut frames = Vec::new();
    while !blob.is_empty() {
        let stored = zstd_safe::find_frame_compressed_size(blob).unwrap();
        let content = zstd_safe::get_frame_content_size(blob).unwrap();
        frames.push((stored, content));
        blob = &blob[stored..];
    }
    frames
}

/// The manifest with a digest in a layout, and the large layer's descriptor and blob.
fn stored(layout: &Path, digest: &Value) -> (Vec<u8>, Value, Vec<u8>) {
    let read = |digest: &Value| {
        let digest: Digest = digest.as_str().unwrap().parse().unwrap();
        fs::read(layout.join("blobs/sha256").join(digest.hex())).unwrap()
    };
    let manifest = read(digest);
    let value: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = value["layers"][1].clone();
    let blob = read(&layer["digest"]);
    (manifest, layer, blob)
}

fn push(workspace: &Workspace, layout: &str) -> Value {
    workspace.json(&["push", "large.wasm", &format!("oci:{layout}:1")])
}

#[test]
fn a_push_writes_frames_of_8_mib_and_their_sizes() {
    let workspace = Workspace::new();
    let (bytes, _) = three_frames();
    workspace.write("large.wasm", &bytes);
    let pushed = push(&workspace, "store");
    let (_, layer, blob) = stored(&workspace.path("store"), &pushed["digest"]);
    let found = frames(&blob);
    let contents: Vec<_> = found.iter().map(|(_, content)| content.unwrap()).collect();
    assert_eq!(contents, [MAX as u64, MAX as u64, 300_000]);
    let sizes: Vec<String> = found.iter().map(|(stored, _)| stored.to_string()).collect();
    assert_eq!(layer["annotations"][FRAMES], sizes.join(","));
    let root = &workspace.read(&format!(
        "store/blobs/sha256/{}",
        &pushed["digest"].as_str().unwrap()["sha256:".len()..]
    ));
    let root: Value = serde_json::from_slice(root).unwrap();
    assert_eq!(root["layers"][0]["annotations"][FRAMES], Value::Null);
    workspace.pull("oci:store:1", &bytes);
    fs::remove_dir_all(workspace.cache().root).unwrap();
    workspace.pull("oci:store:1", &bytes);
}

#[test]
fn reused_blobs_of_several_frames_keep_their_list() {
    let workspace = Workspace::new();
    let (bytes, _) = three_frames();
    workspace.write("large.wasm", &bytes);
    let first = push(&workspace, "first");
    let again = push(&workspace, "again");
    assert_eq!(again["digest"], first["digest"]);
    // A damaged blob is neither read nor reused.
    let (_, layer, _) = stored(&workspace.path("first"), &first["digest"]);
    let blob: Digest = layer["digest"].as_str().unwrap().parse().unwrap();
    let path = workspace.cache().blob(&blob);
    let mut cached = fs::read(&path).unwrap();
    cached[8] ^= 0xff;
    fs::write(&path, cached).unwrap();
    assert_eq!(push(&workspace, "damaged")["digest"], first["digest"]);
    workspace.cache().assert_sound();
}

#[test]
fn older_layers_of_one_large_frame_are_read_and_reused_without_a_list() {
    let workspace = Workspace::new();
    let (bytes, content) = three_frames();
    workspace.write("large.wasm", &bytes);
    let pushed = push(&workspace, "new");
    let (manifest, layer, _) = stored(&workspace.path("new"), &pushed["digest"]);
    let mut one = Vec::with_capacity(zstd_safe::compress_bound(content.len()));
    zstd_safe::compress(&mut one, &content, 1).unwrap();
    assert_eq!(frames(&one).len(), 1);
    let blob = Digest::of(&one);
    let mut older: Value = serde_json::from_slice(&manifest).unwrap();
    let replaced = &mut older["layers"][1];
    (replaced["digest"], replaced["size"]) = (json!(blob.to_string()), json!(one.len()));
    replaced["annotations"]
        .as_object_mut()
        .unwrap()
        .remove(FRAMES);
    let older = older.to_string().into_bytes();
    artifact::SplitManifest::read(&older).unwrap();
    let digest = Digest::of(&older);
    for (digest, bytes) in [(blob, &one), (digest, &older)] {
        fs::write(workspace.path("new/blobs/sha256").join(digest.hex()), bytes).unwrap();
    }
    let mut index: Value = serde_json::from_slice(&workspace.read("new/index.json")).unwrap();
    let entry = &mut index["manifests"][0];
    (entry["digest"], entry["size"]) = (json!(digest.to_string()), json!(older.len()));
    workspace.write("new/index.json", index.to_string().as_bytes());
    let pull = |workspace: &Workspace, reference: &str| workspace.pull(reference, &bytes);
    pull(&workspace, "oci:new:1");
    // A copy in a registry goes through the cache when it is pulled, and is then reused.
    let other = Workspace::new();
    let registry = crate::support::fault::Registry::start();
    let reference = format!("{}/demo/large:1", registry.address());
    workspace.json(&["copy", "oci:new:1", &reference]);
    pull(&other, &reference);
    other.write("large.wasm", &bytes);
    let again = push(&other, "again");
    let (_, again, _) = stored(&other.path("again"), &again["digest"]);
    assert_eq!(again["digest"], blob.to_string());
    assert_eq!(again["annotations"][FRAMES], Value::Null);
    assert_ne!(layer["annotations"][FRAMES], Value::Null);
}

#[test]
fn a_directory_with_files_of_several_frames_is_spliced() {
    let workspace = Workspace::new();
    let (bytes, _) = three_frames();
    workspace.write("large.wasm", &bytes);
    workspace.run(&["split", "large.wasm", "parts"]).success();
    let splice = |directory: &str| {
        let _absent = fs::remove_file(workspace.path("spliced.wasm"));
        workspace.run(&["splice", directory, "-o", "spliced.wasm"])
    };
    splice("parts").success();
    assert!(workspace.read("spliced.wasm") == bytes);
    if let Some(oras) = tool("oras") {
        push(&workspace, "store");
        let pull = ["pull", "--oci-layout", "store:1", "-o", "pulled"];
        Answer::of(&mut workspace.command(oras, &pull)).success();
        splice("pulled").success();
        assert!(workspace.read("spliced.wasm") == bytes);
    }
    let file = names(&workspace.path("parts"));
    let file = file
        .iter()
        .find(|name| name.ends_with("large.zst"))
        .unwrap();
    let file = format!("parts/{file}");
    let whole = workspace.read(&file);
    let sizes = frames(&whole);
    let (first, second) = (sizes[0].0, sizes[0].0 + sizes[1].0);
    for (what, damaged, says) in [
        ("cut", &whole[..whole.len() - 1], "cut off"),
        (
            "without a frame",
            &[&whole[..first], &whole[second..]].concat(),
            "does not match its digest",
        ),
        (
            "without the first frame",
            &whole[first..],
            "does not match its digest",
        ),
        (
            "with a byte more",
            &[&whole[..], b"x"].concat(),
            "Unknown frame descriptor",
        ),
        (
            "in another order",
            &[&whole[second..], &whole[..second]].concat(),
            "declares",
        ),
    ] {
        workspace.write(&file, damaged);
        let answer = splice("parts");
        assert_eq!(answer.code, Some(5), "{what}: {answer:?}");
        assert!(answer.stderr.contains(says), "{what}: {}", answer.stderr);
        assert!(!workspace.path("spliced.wasm").exists(), "{what}");
    }
}
