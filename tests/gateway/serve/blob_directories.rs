//! Blobs that somebody else keeps on this machine are not fetched, and change nobody's rights.

use crate::support::workspace;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use super::crowd::fetches;
use super::http::{ask, get};
use super::*;
use crate::support::fault::Registry;
use crate::support::frames::unframed;

/// A component in a registry, all whose blobs somebody has.
struct Scene {
    registry: Registry,
    stored: StoredComponent,
    theirs: Workspace,
    own: Workspace,
}

impl Scene {
    fn new() -> Self {
        let (registry, theirs) = (Registry::start(), Workspace::new());
        let stored =
            StoredComponent::push(&theirs, &registry.address(), "demo/app", &wordy("held"));
        Self {
            registry,
            stored,
            theirs,
            own: Workspace::new(),
        }
    }

    /// A gateway that has just been asked for the manifest.
    fn serve(&self, more: &[&str]) -> RunningServer {
        let directory = self.theirs.path("learned/blobs");
        let beside = [
            "--upstream",
            &self.stored.upstream,
            "--blobs",
            directory.to_str().unwrap(),
        ];
        let gateway = RunningServer::start(&self.own, &[&beside, more].concat());
        get(&gateway.host(), &self.stored.tagged()).is(200);
        self.registry.forget_requests();
        gateway
    }

    fn path(&self, layer: &Digest) -> PathBuf {
        let files = self.theirs.path("learned/blobs/sha256");
        files.join(layer.hex())
    }

    /// All that they have, and when it was last changed.
    fn files(&self) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
        let files = workspace::files(&self.theirs.path("learned/blobs"));
        let dated = files.into_iter().map(|(path, bytes)| {
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            (path, (modified, bytes))
        });
        dated.collect()
    }

    fn fetches(&self) -> Vec<usize> {
        fetches(&self.registry, &self.stored)
    }

    fn none(&self) -> Vec<usize> {
        vec![0; self.stored.layers.len()]
    }
}

fn counted(host: &str, name: &str) -> u64 {
    let metrics = String::from_utf8(get(host, "/metrics").is(200).body).unwrap();
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    count.unwrap().parse().unwrap()
}

#[test]
fn blobs_in_the_directory_are_not_fetched() {
    let scene = Scene::new();
    let before = scene.files();
    let gateway = scene.serve(&[]);
    let (host, whole) = (gateway.host(), scene.stored.whole());
    let bytes = &scene.stored.bytes;
    get(&host, &whole).is_all_of(bytes);
    let compressed = [("Accept", "*/*"), ("Accept-Encoding", "zstd")];
    let frames = ask(&host, "GET", &whole, &compressed).whole().is(200);
    assert_eq!(frames.header("content-encoding"), "zstd");
    assert!(unframed(&frames.body) == *bytes);
    let size = bytes.len();
    for (from, to) in [
        (0, 9),
        (150_000, 150_999),
        (250_000, 350_000),
        (size - 5, size - 1),
    ] {
        let range = format!("bytes={from}-{to}");
        let part = ask(&host, "GET", &whole, &[("Range", &range)]).whole();
        assert!(part.is(206).body == bytes[from..=to], "{range}");
    }
    assert_eq!(scene.fetches(), scene.none());
    assert!(counted(&host, "wharf_gateway_held_bytes_total") > 400_000);
    // Manifest and config, no layer.
    assert!(counted(&host, "wharf_gateway_upstream_bytes_total") < 20_000);
    // It was read where it is.
    let kept = workspace::names(&scene.own.cache().blobs());
    let layers = &scene.stored.layers;
    assert!(!layers.iter().any(|layer| kept.contains(&layer.hex())));
    assert!(scene.files() == before);
}

#[test]
fn damaged_or_missing_blobs_are_fetched_and_the_directory_stays() {
    let scene = Scene::new();
    let layers = &scene.stored.layers;
    let (root, missing, last) = (0, layers.len() / 2, layers.len() - 1);
    for damaged in [root, last] {
        let path = scene.path(&layers[damaged]);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    fs::remove_file(scene.path(&layers[missing])).unwrap();
    let before = scene.files();
    // Nothing is kept, so that it is looked for each time.
    let gateway = scene.serve(&["--max-cache", "0"]);
    let (host, whole) = (gateway.host(), scene.stored.whole());
    for times in 1..3 {
        get(&host, &whole).is_all_of(&scene.stored.bytes);
        let mut expected = scene.none();
        for layer in [root, missing, last] {
            expected[layer] = times;
        }
        assert_eq!(scene.fetches(), expected);
        assert!(scene.files() == before);
    }
    let held = r#"wharf_gateway_errors_total{kind="held"}"#;
    assert_eq!(counted(&host, held), 2);
    let (_status, log) = gateway.signalled("TERM");
    for damaged in [root, last] {
        let line = format!(" blob {} in blobs:", layers[damaged]);
        assert_eq!(log.matches(&line).count(), 1, "{log}");
    }
}

#[test]
fn a_directory_that_disappears_is_not_needed() {
    let scene = Scene::new();
    let gateway = scene.serve(&["--max-cache", "0"]);
    let (host, whole) = (gateway.host(), scene.stored.whole());
    get(&host, &whole).is_all_of(&scene.stored.bytes);
    assert_eq!(scene.fetches(), scene.none());
    fs::remove_dir_all(scene.theirs.path("learned")).unwrap();
    get(&host, &whole).is_all_of(&scene.stored.bytes);
    assert_eq!(scene.fetches(), vec![1; scene.stored.layers.len()]);
    let (_status, log) = gateway.signalled("TERM");
    assert!(!log.contains("error"), "{log}");
}

#[test]
fn serving_from_a_missing_directory_is_an_error() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path("empty")).unwrap();
    for directory in ["nowhere", "empty"] {
        // Were it taken, this would be no address.
        let arguments = [
            "serve",
            "--listen",
            "none",
            "--upstream",
            "a.example",
            "--blobs",
        ];
        let error = workspace.error(&[&arguments[..], &[directory]].concat(), 3);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("blobs:{directory}")), "{message}");
    }
}
