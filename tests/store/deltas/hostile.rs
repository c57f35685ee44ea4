//! Deltas that are wrong: the layers are fetched, the bytes are right, and a warning says why.

use super::*;
use crate::support::fault::Fault;
use crate::support::upgrades::attach_manifest;
use serde_json::json;
use wharf::delta::{Header, Method, PartKind};
use wharf::digest::{Digest, Identity};

/// Attaches a file to an upgrade, and pulls. Returns the report and the warnings.
fn pull_with(file: impl FnOnce(&Upgrade) -> Vec<u8>) -> (Upgrade, Value, String) {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::without_delta(Scene::in_registry(&registry.address()));
    let file = file(&upgrade);
    let (store, source) = (upgrade.scene.store.as_ref(), upgrade.delta.source);
    wait(attach(store, &upgrade.manifest, source, &file));
    let (report, warnings) = upgrade.scene.pull_with("2.0", &version(2), &[]);
    upgrade.scene.reader.cache().assert_sound();
    (upgrade, report, warnings)
}

fn header(upgrade: &Upgrade, change: impl FnOnce(&mut Header)) -> Vec<u8> {
    upgrade.delta.with_header(change)
}

/// Appends bytes to the last part.
fn longer(upgrade: &Upgrade, more: &[u8]) -> Vec<u8> {
    let mut file = header(upgrade, |header| {
        header.parts.last_mut().unwrap().length += more.len() as u64;
    });
    file.extend_from_slice(more);
    file
}

/// A frame of `size` zeros.
fn zeros(size: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    let content = vec![0; size];
    wharf::encoding::compress(&mut content.as_slice(), size as u64, 1, &mut frame).unwrap();
    frame
}

type Change = fn(&Upgrade) -> Vec<u8>;

#[test]
fn a_broken_delta_is_a_warning_and_the_layers_are_fetched() {
    let cases: [(&str, Change, &str); 10] = [
        ("no delta", |_| b"hello".to_vec(), "not a delta file"),
        (
            "another target",
            |upgrade| header(upgrade, |header| header.target = header.source),
            "its file names another target",
        ),
        (
            "another source",
            |upgrade| header(upgrade, |header| header.source = header.target),
            "its file names another source",
        ),
        (
            "truncated",
            |upgrade| upgrade.delta.file[..upgrade.delta.file.len() - 1].to_vec(),
            "its header and parts have",
        ),
        (
            "bytes after the parts",
            |upgrade| [&upgrade.delta.file, &b"x"[..]].concat(),
            "its header and parts have",
        ),
        (
            "a part beyond the end",
            |upgrade| header(upgrade, |header| header.parts[0].length = u64::MAX),
            "its header and parts have",
        ),
        (
            "another base",
            |upgrade| {
                let other = &upgrade.layers[3];
                let base = Identity {
                    digest: other.digest,
                    size: other.size,
                };
                header(upgrade, |header| header.parts[0].base = Some(base))
            },
            "part 0",
        ),
        (
            "another frame after the last",
            |upgrade| longer(upgrade, &zeros(1_000)),
            "part 1: bytes after the end",
        ),
        (
            "a frame of another size",
            |upgrade| {
                let bomb = zeros(100_000_000);
                let mut file = header(upgrade, |header| {
                    header.parts.truncate(1);
                    header.parts[0].length = bomb.len() as u64;
                });
                let (_, size) = Header::read(file.as_slice()).unwrap();
                file.truncate(size as usize);
                file.extend_from_slice(&bomb);
                file
            },
            "part 0",
        ),
        (
            "too many parts",
            |upgrade| {
                let (head, _) = Header::read(upgrade.delta.file.as_slice()).unwrap();
                let part = head.parts[0];
                header(upgrade, |header| header.parts = vec![part; 5000])
            },
            "more than 4,096 parts",
        ),
    ];
    for (name, change, reason) in cases {
        let (upgrade, report, warnings) = pull_with(change);
        let begins = warnings.starts_with("warning: the delta sha256:");
        assert!(begins && warnings.contains(reason), "{name}: {warnings}");
        let file = report["delta_bytes"].as_u64().unwrap();
        let layers = report["fetched_bytes"].as_u64().unwrap() - file;
        // A part before the broken one may have been used.
        assert!(layers <= upgrade.changed() && file > 0, "{name}: {report}");
        assert!(layers >= upgrade.layers[2].size, "{name}: {report}");
    }
}

#[test]
fn parts_that_do_not_fit_are_ignored() {
    let changes: [Change; 7] = [
        |upgrade| header(upgrade, |header| header.parts[0].size += 1),
        |upgrade| header(upgrade, |header| header.parts[0].map = 1),
        |upgrade| header(upgrade, |header| header.parts[0].base = None),
        |upgrade| {
            header(upgrade, |header| {
                header.parts[0].method = Method::Unknown(77)
            })
        },
        |upgrade| {
            header(upgrade, |header| {
                header.parts[0].kind = PartKind::Unknown(9, 1);
            })
        },
        |upgrade| header(upgrade, |header| header.parts[0].kind = PartKind::Config),
        |upgrade| {
            header(upgrade, |header| {
                header.parts[0].kind = PartKind::Layer(u64::MAX);
            })
        },
    ];
    for change in changes {
        let (upgrade, report, warnings) = pull_with(change);
        assert_eq!(warnings, "");
        let layer = upgrade.delta.parts.first().unwrap();
        let rest = upgrade.rest() + upgrade.layers[*layer].size;
        let file = report["delta_bytes"].as_u64().unwrap();
        assert_eq!(report["fetched_bytes"], file + rest);
    }
}

/// The manifest of the upgrade's delta, with a change.
fn manifest(upgrade: &Upgrade, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let digest = upgrade.manifest.digest;
    let size = upgrade.manifest.bytes.len() as u64;
    let subject = Identity { digest, size };
    let subject = wharf::manifest::Descriptor::new(wharf::manifest::media_type::MANIFEST, subject);
    let file = Identity::of(&upgrade.delta.file);
    let manifest = wharf::artifact::delta_manifest(subject, upgrade.delta.source, None, file);
    let mut manifest = serde_json::to_value(&manifest).unwrap();
    change(&mut manifest);
    serde_json::to_vec(&manifest).unwrap()
}

#[test]
fn a_wrong_manifest_of_a_delta_is_a_warning() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 3] = [
        (
            |manifest| manifest["annotations"]["wasm.wharf.delta.size"] = json!("50"),
            "the list of referrers says 50",
        ),
        (
            |manifest| manifest["layers"][0]["mediaType"] = json!("text/plain"),
            "no layer is a delta file",
        ),
        (
            |manifest| manifest["layers"][0]["digest"] = json!("md5:00"),
            "its manifest is malformed",
        ),
    ];
    for (change, reason) in cases {
        let registry = fault::Registry::start();
        let upgrade = Upgrade::without_delta(Scene::in_registry(&registry.address()));
        let manifest = manifest(&upgrade, change);
        let store = upgrade.scene.store.as_ref();
        wait(attach_manifest(store, &manifest, &upgrade.delta.file));
        let (report, warnings) = upgrade.scene.pull_with("2.0", &version(2), &[]);
        assert!(warnings.contains(reason), "{warnings}");
        upgrade.assert_whole(&report);
    }
}

#[test]
fn other_layers_of_a_delta_are_ignored() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::without_delta(Scene::in_registry(&registry.address()));
    let manifest = manifest(&upgrade, |manifest| {
        let mut other = manifest["layers"][0].clone();
        other["mediaType"] = json!("application/vnd.example.other");
        let digest = Digest::of(b"{}").to_string();
        (other["digest"], other["size"]) = (json!(digest), json!(2));
        manifest["layers"].as_array_mut().unwrap().insert(0, other);
    });
    let store = upgrade.scene.store.as_ref();
    wait(attach_manifest(store, &manifest, &upgrade.delta.file));
    upgrade.assert_by_delta(&upgrade.pull());
}

#[test]
fn a_delta_that_cannot_be_fetched_is_a_warning() {
    let wrong = |method: &'static str, path: fn(&Upgrade) -> String, fault: Fault, reason: &str| {
        let registry = fault::Registry::start();
        let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
        registry.on(method, &path(&upgrade), usize::MAX, fault);
        let (report, warnings) = upgrade.scene.pull_with("2.0", &version(2), &[]);
        assert!(warnings.contains(reason), "{warnings}");
        let is_short = warnings.lines().count() == 1 && !warnings.contains("expected");
        assert!(is_short, "{warnings}");
        upgrade.assert_whole(&report);
    };
    let file = |upgrade: &Upgrade| format!("/blobs/{}", Digest::of(&upgrade.delta.file));
    let referrers = |upgrade: &Upgrade| format!("/referrers/{}", upgrade.manifest.digest);
    wrong("GET", file, Fault::WrongBytes, "is damaged");
    wrong("GET", file, Fault::Status(404, vec![]), "not found");
    wrong("GET", file, Fault::Status(403, vec![]), "refused");
    let refusal = Fault::Status(403, vec![]);
    wrong("GET", referrers, refusal, "the deltas could not be listed");
}
