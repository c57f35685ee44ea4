//! A pull asks for exactly what is missing, each thing once, and again only for what broke off.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::support::fault::Fault;
use crate::support::workspace::{Answer, files, names};

#[test]
fn a_cold_pull_asks_for_the_manifest_and_the_layers_and_nothing_else() {
    let scene = Scene::new();
    let expected = scene.lacking();
    assert_eq!(expected.len(), scene.layers.len());
    assert_eq!(scene.pull(), expected);
    let mut lines = scene.registry.lines();
    lines.sort();
    let mut all: Vec<String> = expected
        .iter()
        .map(|digest| format!("GET /v2/demo/layers/blobs/{digest}"))
        .chain(["GET /v2/demo/layers/manifests/1.0".to_owned()])
        .collect();
    all.sort();
    assert_eq!(lines, all);
    scene.workspace.cache().assert_sound();
}

#[test]
fn a_warm_pull_asks_for_the_manifest_alone() {
    let scene = Scene::new();
    scene.pull();
    assert_eq!(scene.pull(), []);
    assert_eq!(
        scene.registry.lines(),
        ["GET /v2/demo/layers/manifests/1.0"]
    );
}

#[test]
fn a_pull_asks_for_exactly_the_blobs_that_the_cache_lacks() {
    let scene = Scene::new();
    scene.pull();
    let cache = scene.workspace.cache();
    // The root alone, every second, every third, all.
    let last = scene.layers.len();
    for step in [last, 2, 3, 1] {
        for layer in scene.layers.iter().step_by(step) {
            fs::remove_file(cache.blob(&layer.digest)).unwrap();
        }
        let lacking = scene.lacking();
        assert_eq!(lacking.len(), last.div_ceil(step));
        assert_eq!(scene.pull(), lacking);
        assert_eq!(scene.lacking(), []);
        cache.assert_sound();
    }
}

#[test]
fn a_pull_needs_no_record_for_a_blob_that_it_has() {
    let scene = Scene::new();
    scene.pull();
    let cache = scene.workspace.cache();
    for layer in &scene.layers {
        fs::remove_file(cache.record(&layer.content)).unwrap();
    }
    assert_eq!(scene.pull(), []);
}

#[test]
fn a_sibling_costs_only_the_layers_that_it_does_not_share() {
    let scene = Scene::new();
    for (flags, same_blobs) in [(&[][..], true), (&["--level", "19"], false)] {
        let registry = &scene.registry;
        let (calc, calc_layers) = publish(registry, "calc", &[]);
        let (greet, greet_layers) = publish(registry, "greet", flags);
        let workspace = Workspace::new();
        workspace.pull(&format!("{}/demo/calc:1.0", registry.address()), &calc);
        registry.forget_requests();
        let report = workspace.pull(&format!("{}/demo/greet:1.0", registry.address()), &greet);

        let held: BTreeSet<Digest> = calc_layers.iter().map(|layer| layer.content).collect();
        let (shared, own): (Vec<Layer>, Vec<Layer>) = greet_layers
            .into_iter()
            .partition(|layer| held.contains(&layer.content));
        assert_eq!(shared.len(), 2, "the runtime's code and data");
        assert_eq!(
            asked(registry),
            sorted(own.iter().map(|layer| layer.digest))
        );
        assert_eq!(report["cached_blobs"], shared.len());
        // The same content stored in another way is the same content.
        let blobs: BTreeSet<Digest> = calc_layers.iter().map(|layer| layer.digest).collect();
        let alike = shared.iter().any(|layer| blobs.contains(&layer.digest));
        assert_eq!(alike, same_blobs);
    }
}

#[test]
fn without_a_cache_all_blobs_are_fetched_and_none_is_stored() {
    let scene = Scene::new();
    let mut all = sorted(scene.layers.iter().map(|layer| layer.digest));
    all.dedup();
    for _ in 0..2 {
        scene.registry.forget_requests();
        let flags = ["pull", "--no-cache", "-o", "out.wasm", &scene.reference];
        let report = scene.workspace.json(&flags);
        assert!(scene.workspace.read("out.wasm") == scene.bytes);
        assert_eq!(asked(&scene.registry), all);
        assert_eq!(report["cached_blobs"], 0);
    }
    assert_eq!(files(&scene.workspace.cache().root), [].into());
    assert_eq!(names(&scene.workspace.temporary()), [].into());
}

#[test]
fn a_truncated_body_is_resumed() {
    let scene = Scene::new();
    let largest = scene.layers.iter().max_by_key(|layer| layer.size).unwrap();
    let cut = largest.size as usize / 2;
    let path = format!("/blobs/{}", largest.digest);
    scene.registry.on("GET", &path, 1, Fault::Truncate(cut));
    scene.workspace.pull(&scene.reference, &scene.bytes);
    let requests = scene.registry.requests();
    let ranges: Vec<Option<&str>> = requests
        .iter()
        .filter(|request| request.path.ends_with(&path))
        .map(|request| request.header("range"))
        .collect();
    assert_eq!(ranges, [None, Some(format!("bytes={cut}-").as_str())]);
    scene.workspace.cache().assert_sound();
}

#[test]
fn temporary_errors_are_retried() {
    let scene = Scene::new();
    let at_once = || vec![("retry-after", "0".to_owned())];
    let busy = |status| Fault::Status(status, at_once());
    scene.registry.on("GET", "/manifests/", 1, busy(503));
    let [first, second, ..] = scene.layers.as_slice() else {
        unreachable!()
    };
    scene
        .registry
        .on("GET", &first.digest.to_string(), 1, busy(429));
    scene
        .registry
        .on("GET", &second.digest.to_string(), 2, busy(500));
    let mut expected = scene.lacking();
    expected.extend([first.digest, second.digest, second.digest]);
    expected.sort();
    scene.workspace.pull(&scene.reference, &scene.bytes);
    assert_eq!(asked(&scene.registry), expected);
    let manifests = scene.registry.lines();
    let manifests = manifests.iter().filter(|line| line.contains("/manifests/"));
    assert_eq!(manifests.count(), 2);
}

#[test]
fn a_refused_push_is_tried_again() {
    let registry = Registry::start();
    let at_once = || vec![("retry-after", "0".to_owned())];
    for (method, path, status) in [
        ("HEAD", "/blobs/", 503),
        ("POST", "/blobs/uploads/", 429),
        ("PUT", "/blobs/uploads/", 502),
        ("PUT", "/manifests/", 500),
    ] {
        registry.on(method, path, 1, Fault::Status(status, at_once()));
    }
    let (bytes, _) = publish(&registry, "calc", &[]);
    Workspace::new().pull(&format!("{}/demo/calc:1.0", registry.address()), &bytes);
}

#[test]
fn without_a_name_the_output_is_named_by_the_repository_and_overwrites_no_other_component() {
    let scene = Scene::new();
    let workspace = &scene.workspace;
    workspace.json(&["pull", &scene.reference]);
    assert!(workspace.read("layers.wasm") == scene.bytes);
    // The same again moves no blob.
    scene.registry.forget_requests();
    let again = workspace.json(&["pull", "--no-cache", &scene.reference]);
    assert_eq!(again["fetched_blobs"], 0);
    assert_eq!(asked(&scene.registry), []);
    workspace.write("layers.wasm", b"another");
    let refused = Answer::of(&mut workspace.wharf(&["pull", &scene.reference]));
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    assert_eq!(workspace.read("layers.wasm"), b"another");
    assert_eq!(asked(&scene.registry), []);
}
