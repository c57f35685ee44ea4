//! `wharf serve` as its clients meet it: a process in front of real registries, a layout, and a registry that fails.

mod blob_directories;
mod clients;
mod conformance;
mod crowd;
mod disk;
mod faults;
pub(crate) mod http;
mod replicas;
mod rights;

use crate::support::binary;
use std::fs::File;
use std::process::Command;

use crate::support::registries::{PASSWORD, USERNAME, registries};
use crate::support::serving::RunningServer;
use crate::support::workspace::{self, Answer, Workspace, assemble};
use serde_json::Value;
use wharf::digest::Digest;

/// A component of many layers, each of some size; other seeds have other last layers.
fn component(seed: u64) -> Vec<u8> {
    let notes = [1, 2, 3, seed].map(|seed| binary::custom("note", &binary::noise(seed, 100_000)));
    [assemble("layers"), notes.concat()].concat()
}

/// A component with a layer that is stored as a frame too: this text, over and over.
fn wordy(text: &str) -> Vec<u8> {
    let text = binary::custom("text", text.repeat(200_000 / text.len()).as_bytes());
    [component(4), text].concat()
}

/// Something that is stored in split form.
struct StoredComponent {
    /// What a gateway is told.
    upstream: String,
    repository: String,
    bytes: Vec<u8>,
    split: Digest,
    flat: Digest,
    /// Each layer once, the root first.
    layers: Vec<Digest>,
}

impl StoredComponent {
    /// Pushes a component as `1.0.0` and learns what was stored without the gateway.
    fn push(workspace: &Workspace, upstream: &str, repository: &str, bytes: &[u8]) -> Self {
        let reference = match upstream.starts_with("oci:") {
            true => format!("{upstream}:{repository}:1.0.0"),
            false => format!("{upstream}/{repository}:1.0.0"),
        };
        workspace.write("pushed.wasm", bytes);
        let report = workspace.json(&["push", "pushed.wasm", &reference]);
        // The same as files, which nobody has to be asked for.
        workspace.json(&["push", "pushed.wasm", "oci:learned:1.0.0"]);
        let digest = workspace::digest(&report["digest"]);
        let split = workspace.read(&format!("learned/blobs/sha256/{}", digest.hex()));
        let manifest: Value = serde_json::from_slice(&split).unwrap();
        let mut layers: Vec<Digest> = Vec::new();
        for layer in workspace::layers(&split) {
            if !layers.contains(&layer.digest) {
                layers.push(layer.digest);
            }
        }
        assert!(layers.len() > 5, "{layers:?}");
        Self {
            upstream: upstream.to_owned(),
            repository: repository.to_owned(),
            bytes: bytes.to_vec(),
            split: digest,
            flat: workspace::digest(&manifest["annotations"]["wasm.wharf.flat.digest"]),
            layers,
        }
    }

    fn content(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The path of the endpoint of a manifest.
    fn manifest(&self, name: &str) -> String {
        format!("/v2/{}/manifests/{name}", self.repository)
    }

    fn tagged(&self) -> String {
        self.manifest("1.0.0")
    }

    fn blob(&self, digest: &Digest) -> String {
        format!("/v2/{}/blobs/{digest}", self.repository)
    }

    /// The one blob of the flat form.
    fn whole(&self) -> String {
        self.blob(&self.content())
    }

    /// A gateway in front of it.
    fn serve(&self, workspace: &Workspace) -> RunningServer {
        RunningServer::start(workspace, &["--upstream", &self.upstream])
    }
}

/// A component stored in split form in each open registry and in a layout, each for itself.
fn everywhere(repository: &str) -> Vec<(Workspace, StoredComponent)> {
    let hosts = registries().iter().map(|registry| registry.host.clone());
    let stored = |upstream: Option<String>| {
        let workspace = Workspace::new();
        let layout = || format!("oci:{}", workspace.path("store").display());
        let upstream = upstream.unwrap_or_else(layout);
        let stored = StoredComponent::push(&workspace, &upstream, repository, &component(4));
        (workspace, stored)
    };
    hosts.map(Some).chain([None]).map(stored).collect()
}

/// Runs a command with the password of the registries' one user on standard input.
#[track_caller]
fn log_in(workspace: &Workspace, mut command: Command) {
    workspace.write("password", format!("{PASSWORD}\n").as_bytes());
    let password = File::open(workspace.path("password")).unwrap();
    command.stdin(password).args(["-u", USERNAME]);
    Answer::of(command.arg("--password-stdin")).success();
}
