//! Whatever is wrong in the cache, a pull gives the right bytes, and the cache is sound afterwards.

use std::fs;

use serde_json::json;

use super::*;
use crate::support::workspace::Answer;

/// A scene whose cache holds everything.
fn warm() -> Scene {
    let scene = Scene::new();
    scene.pull();
    scene
}

/// Pulls again, and once more from a cache that must by then be sound.
fn pull_twice(scene: &Scene) -> Vec<Digest> {
    let asked = scene.pull();
    let cache = scene.workspace.cache();
    cache.assert_sound();
    let verified = scene.workspace.json(&["cache", "verify"]);
    assert_eq!(verified["removed_blobs"], 0);
    assert_eq!(scene.pull(), []);
    asked
}

#[test]
fn damaged_blobs_are_detected_and_fetched_again() {
    for damaged in [&[0][..], &[9], &[1, 4, 8]] {
        let scene = warm();
        let damaged = damaged.iter().map(|index| scene.layers[*index].digest);
        let damaged = sorted(damaged);
        for digest in &damaged {
            scene.workspace.cache().damage(digest);
        }
        assert_eq!(pull_twice(&scene), damaged);
    }
}

#[test]
fn a_blob_cut_short_is_fetched_again() {
    let scene = warm();
    let digest = scene.layers[3].digest;
    let path = scene.workspace.cache().blob(&digest);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(pull_twice(&scene), [digest]);
}

#[test]
fn an_invalid_record_is_ignored() {
    for text in [
        "",
        "{",
        "[]",
        "\0\0\0\0",
        r#"{"digest":"sha256:00","size":-1}"#,
    ] {
        let scene = warm();
        let record = scene.workspace.cache().record(&scene.layers[2].content);
        fs::write(record, text).unwrap();
        assert_eq!(pull_twice(&scene), [], "{text:?}");
    }
}

/// Two wrong ways: an early layer's record names a late one's blob, and the other way round.
#[test]
fn a_record_with_the_wrong_blob_is_corrected() {
    for (wrong, named) in [(2, 7), (7, 2), (0, 5)] {
        let scene = warm();
        let cache = scene.workspace.cache();
        let [record, other] =
            [wrong, named].map(|layer| cache.record(&scene.layers[layer].content));
        let sizes = [&record, &other].map(|path| {
            let record = fs::read(path).unwrap();
            serde_json::from_slice::<serde_json::Value>(&record).unwrap()
        });
        let mut lie = sizes[1].clone();
        lie["contentSize"] = sizes[0]["contentSize"].clone();
        fs::write(&record, lie.to_string()).unwrap();
        // Both blobs are there and sound: nothing is missing.
        assert_eq!(pull_twice(&scene), [], "{wrong} as {named}");
    }
}

#[test]
fn a_record_with_the_wrong_encoding_is_corrected() {
    let scene = warm();
    let record = scene.workspace.cache().record(&scene.layers[4].content);
    let mut lie: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    let other = match lie["encoding"].as_str() {
        Some("zstd") => "raw",
        _ => "zstd",
    };
    lie["encoding"] = json!(other);
    fs::write(&record, lie.to_string()).unwrap();
    assert_eq!(pull_twice(&scene), []);
}

#[test]
fn a_stream_cannot_begin_again_but_the_next_one_is_right() {
    let scene = warm();
    let damaged = scene.layers[6].digest;
    scene.workspace.cache().damage(&damaged);
    let pull = || {
        Answer::of(
            &mut scene
                .workspace
                .wharf(&["pull", &scene.reference, "-o", "-"]),
        )
    };
    let broken = pull();
    assert_eq!(broken.code, Some(5), "{}", broken.stderr);
    assert!(broken.stdout.len() < scene.bytes.len() && scene.bytes.starts_with(&broken.stdout));
    scene.registry.forget_requests();
    assert!(pull().success().stdout == scene.bytes);
    assert_eq!(asked(&scene.registry), [damaged]);
}

#[test]
fn a_damaged_blob_is_never_pushed() {
    let workspace = Workspace::new();
    let bytes = workspace.fixture("calc");
    let registry = Registry::start();
    let reference = format!("{}/demo/calc:1.0", registry.address());
    workspace.json(&["push", "calc.wasm", &reference]);
    let manifest = registry.manifest("demo/calc", "1.0").unwrap();
    let damaged = layers(&manifest)[1].digest;
    workspace.cache().damage(&damaged);
    let config: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let config = config["config"]["digest"].as_str().unwrap();
    workspace.cache().damage(&config.parse().unwrap());

    // To a registry that has none of it.
    let other = Registry::start();
    let reference = format!("{}/demo/calc:1.0", other.address());
    workspace.json(&["push", "calc.wasm", &reference]);
    assert_eq!(other.manifest("demo/calc", "1.0"), Some(manifest));
    Workspace::new().pull(&reference, &bytes);
    workspace.cache().assert_sound();
}
