//! What `wharf pull` asks a registry for, and what it does when the answer, the cache or the disk is not right.

mod damage;
mod failures;
mod long_lists;
mod requests;

use crate::support::fault::Registry;
use crate::support::workspace::{Layer, Workspace, layers};
use wharf::digest::Digest;

/// A component that was pushed to a registry from elsewhere: the workspace's own cache is cold.
struct Scene {
    registry: Registry,
    workspace: Workspace,
    bytes: Vec<u8>,
    layers: Vec<Layer>,
    reference: String,
}

impl Scene {
    /// With `layers.wat`, which has nine section layers and a root.
    fn new() -> Self {
        let registry = Registry::start();
        let (bytes, layers) = publish(&registry, "layers", &[]);
        assert_eq!(layers.len(), 10);
        registry.forget_requests();
        Self {
            reference: format!("{}/demo/layers:1.0", registry.address()),
            workspace: Workspace::new(),
            registry,
            bytes,
            layers,
        }
    }

    /// Pulls what must be the right bytes, and returns the blobs that were asked for.
    fn pull(&self) -> Vec<Digest> {
        self.registry.forget_requests();
        let report = self.workspace.pull(&self.reference, &self.bytes);
        let asked = asked(&self.registry);
        let fetched: Vec<&Layer> = self
            .layers
            .iter()
            .filter(|layer| asked.contains(&layer.digest))
            .collect();
        // What is reported is what the registry saw.
        let bytes: u64 = fetched.iter().map(|layer| layer.size).sum();
        let all: u64 = self.layers.iter().map(|layer| layer.size).sum();
        assert_eq!(report["fetched_blobs"], fetched.len());
        assert_eq!(report["fetched_bytes"], bytes);
        assert_eq!(report["requests"], self.registry.lines().len());
        if fetched.len() == asked.len() {
            assert_eq!(report["cached_blobs"], self.layers.len() - fetched.len());
            assert_eq!(report["cached_bytes"], all - bytes);
        }
        asked
    }

    /// Which blobs the cache lacks.
    fn lacking(&self) -> Vec<Digest> {
        let cache = self.workspace.cache();
        let digests = self.layers.iter().map(|layer| layer.digest);
        sorted(digests.filter(|digest| !cache.blob(digest).exists()))
    }
}

/// Pushes a fixture as `demo/NAME:1.0` and returns its bytes and layers.
fn publish(registry: &Registry, name: &str, flags: &[&str]) -> (Vec<u8>, Vec<Layer>) {
    let workspace = Workspace::new();
    let bytes = workspace.fixture(name);
    let file = format!("{name}.wasm");
    let reference = format!("{}/demo/{name}:1.0", registry.address());
    workspace.json(&[&["push", &file, &reference], flags].concat());
    let manifest = registry.manifest(&format!("demo/{name}"), "1.0").unwrap();
    (bytes, layers(&manifest))
}

/// The blobs that were asked for, each as often as it was.
fn asked(registry: &Registry) -> Vec<Digest> {
    let lines = registry.lines();
    sorted(lines.iter().filter_map(|line| {
        let (_, digest) = line.split_once("/blobs/")?;
        Some(digest.parse::<Digest>().unwrap())
    }))
}

fn sorted(digests: impl Iterator<Item = Digest>) -> Vec<Digest> {
    let mut digests: Vec<Digest> = digests.collect();
    digests.sort();
    digests
}
