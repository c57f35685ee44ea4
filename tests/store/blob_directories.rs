//! Directories of blobs that somebody else keeps: read where they are, and never written to.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::workspace::{Answer, Workspace, files, layers, names};
use wharf::artifact::SplitManifest;
use wharf::digest::{Digest, Identity};
use wharf::encoding::{self, Decoder, Encoding};
use wharf::reference::Name;
use wharf::store::blob_directory::BlobDirectory;
use wharf::store::{Error, Store};

/// A workspace with `layers.wat` in the directory `held`; also its bytes, and the digest of its manifest.
fn publish_and_move_blobs() -> (Workspace, Vec<u8>, String) {
    let workspace = Workspace::new();
    let bytes = workspace.fixture("layers");
    let report = workspace.json(&["push", "--no-cache", "layers.wasm", "oci:store:1.0"]);
    fs::rename(workspace.path("store/blobs"), workspace.path("node")).unwrap();
    fs::remove_dir_all(workspace.path("store")).unwrap();
    let digest = report["digest"].as_str().unwrap().to_owned();
    (workspace, bytes, digest)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn layers_are_read_in_place() {
    let (workspace, bytes, digest) = publish_and_move_blobs();
    let before = files(&workspace.path("node"));
    let reference = format!("blobs:node@{digest}");
    for flags in [&["--no-cache"][..], &[]] {
        let arguments = [&["pull", &reference, "-o", "pulled.wasm"], flags].concat();
        let report = workspace.json(&arguments);
        assert!(workspace.read("pulled.wasm") == bytes);
        fs::remove_file(workspace.path("pulled.wasm")).unwrap();
        assert_eq!(report["fetched_blobs"], 0);
        assert_eq!(report["requests"], 0);
        assert!(report["cached_blobs"].as_u64().unwrap() > 2);
        assert!(names(&workspace.temporary()).is_empty());
    }
    workspace.json(&["inspect", &reference, "--wit"]);
    workspace.json(&["inspect", &reference, "--segments"]);
    // No blob was copied, and nothing is said of blobs that the cache does not have.
    let cache = workspace.cache();
    assert!(names(&cache.blobs()).is_empty());
    assert!(names(&cache.root.join("content")).is_empty());
    assert!(files(&workspace.path("node")) == before);
}

#[test]
fn a_damaged_blob_is_named_and_writes_no_output() {
    let (workspace, _, digest) = publish_and_move_blobs();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let manifest = workspace.read(&format!("node/sha256/{hex}"));
    let reference = format!("blobs:node@{digest}");
    for layer in layers(&manifest) {
        let path = workspace.path("node/sha256").join(layer.digest.hex());
        let sound = fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        *damaged.last_mut().unwrap() ^= 0x55;
        fs::write(&path, &damaged).unwrap();
        let error = workspace.error(&["pull", &reference, "-o", "bad.wasm"], 5);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&layer.digest.to_string()), "{message}");
        assert!(!workspace.path("bad.wasm").exists());
        assert!(fs::read(&path).unwrap() == damaged);
        fs::write(&path, sound).unwrap();
    }
}

#[test]
fn another_frame_of_the_same_content_is_not_the_blob() {
    let (workspace, _, digest) = publish_and_move_blobs();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let manifest = workspace.read(&format!("node/sha256/{hex}"));
    let root = SplitManifest::read(&manifest).unwrap().root;
    assert_eq!(root.encoding, Encoding::Zstd);
    let path = workspace.path("node/sha256").join(root.blob.digest.hex());
    let mut content = Vec::new();
    let blob = fs::File::open(&path).unwrap();
    let mut decoder = Decoder::new(blob, root.encoding, root.content.size).unwrap();
    decoder.read_to_end(&mut content).unwrap();
    let mut frame = Vec::new();
    encoding::compress(&mut content.as_slice(), root.content.size, 1, &mut frame).unwrap();
    assert!(frame != fs::read(&path).unwrap());
    fs::write(&path, frame).unwrap();
    let error = workspace.error(&["inspect", "--wit", &format!("blobs:node@{digest}")], 5);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&root.blob.digest.to_string()), "{message}");
}

#[test]
fn unreadable_files_are_named() {
    let (workspace, _, digest) = publish_and_move_blobs();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let manifest = workspace.read(&format!("node/sha256/{hex}"));
    let layer = layers(&manifest)[1].digest.hex();
    let directory = workspace.path("node/sha256");
    for (path, mode) in [
        (directory.join(&layer), 0o644),
        (directory.join(hex), 0o644),
        (directory.clone(), 0o755),
        (workspace.path("node"), 0o755),
    ] {
        set_mode(&path, 0);
        let reference = format!("blobs:node@{digest}");
        let wharf = env!("CARGO_BIN_EXE_wharf");
        let pull = [wharf, "pull", &reference, "-o", "bad.wasm"];
        // Root reads everything by its capabilities, which it can go without.
        let mut command = match fs::read_dir(&directory).is_ok() {
            true => {
                let mut command = workspace.command("setpriv", &["--bounding-set=-all"]);
                command.args(pull);
                command
            }
            false => workspace.command(wharf, &pull[1..]),
        };
        let answer = Answer::of(&mut command);
        set_mode(&path, mode);
        assert_eq!(answer.code, Some(1), "{answer:?}");
        let named = path.strip_prefix(workspace.work()).unwrap();
        let said = answer.stderr.contains(named.to_str().unwrap());
        assert!(
            said && answer.stderr.contains("cannot read it"),
            "{answer:?}"
        );
        assert!(!workspace.path("bad.wasm").exists());
    }
}

#[tokio::test]
async fn there_are_no_tags_and_no_referrers() {
    let (workspace, _, digest) = publish_and_move_blobs();
    let digest: Digest = digest.parse().unwrap();
    let store = BlobDirectory::open(&workspace.path("node")).unwrap();
    let manifest = store.manifest(&Name::Digest(digest)).await.unwrap();
    assert_eq!(manifest.digest, digest);
    let tag = store.manifest(&Name::Tag("1.0".to_owned())).await;
    assert!(matches!(tag, Err(Error::NotFound { .. })), "{tag:?}");
    assert!(store.tags().await.unwrap().is_empty());
    assert!(store.referrers(&digest, None).await.unwrap().is_empty());
    // A blob in another size than it was asked for in is not it.
    let manifest = Identity::of(&manifest.bytes);
    assert!(store.has(manifest).await.unwrap());
    let size = manifest.size + 1;
    let longer = Identity { size, ..manifest };
    assert!(!store.has(longer).await.unwrap());
    let opened = store.open(longer, 0..size).await.map(drop);
    assert!(matches!(opened, Err(Error::Corrupt { .. })), "{opened:?}");
}
