//! What pulls on a node: containerd, straight from a registry and through a gateway, and the library of CRI-O and podman.
#![cfg(target_os = "linux")]

mod credentials;
mod mirror;
mod outages;
mod passthrough;
mod podman;
mod store;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::containerd::Containerd;
use crate::support::cri::{self, Login};
use crate::support::registries::registries;
use crate::support::serving::RunningServer;
use crate::support::workspace::{self, Workspace, assert_blobs, blobs_of, files, names};
use serde_json::Value;
use wharf::digest::Digest;

/// The examples that are committed.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kubernetes");

/// Where the gateway listens in the examples.
const EXAMPLE_GATEWAY: &str = "127.0.0.1:5100";

/// An example with other names in it.
fn example(file: &str, renamed: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(Path::new(EXAMPLES).join(file)).unwrap();
    for (from, to) in renamed {
        assert!(text.contains(from), "{file} does not name {from}");
        text = text.replace(from, to);
    }
    text
}

/// The example for containerd, for a gateway elsewhere. Which registry it is about says its place.
fn hosts_toml(gateway: &str) -> String {
    let hosts = example("hosts.toml", &[(EXAMPLE_GATEWAY, gateway)]);
    let says = |line: &&str| !line.starts_with('#') && !line.is_empty();
    for line in hosts.lines().filter(says) {
        let about = line.contains(gateway) || line.starts_with("capabilities");
        assert!(about, "the example has one thing more: {line}");
    }
    hosts
}

/// A component that was pushed in split form.
struct PushedComponent {
    /// With its host.
    repository: String,
    tag: String,
    bytes: Vec<u8>,
    split: Digest,
    flat: Digest,
    /// The split manifest, and all that it names.
    blobs: BTreeSet<String>,
}

impl PushedComponent {
    fn tagged(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    fn at(&self, digest: Digest) -> String {
        format!("{}@{digest}", self.repository)
    }

    fn content(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// Pushes a file as `REPOSITORY:TAG`, and learns what is stored.
fn push(workspace: &Workspace, file: &str, host: &str, name: &str) -> PushedComponent {
    let reference = format!("{host}/{name}");
    let report = workspace.json(&["push", file, &reference]);
    let split: Digest = workspace::digest(&report["digest"]);
    let layout = format!("oci:copied:{}", split.hex());
    workspace.json(&["copy", &reference, &layout]);
    let manifest = workspace.read(&format!("copied/blobs/sha256/{}", split.hex()));
    let blobs = blobs_of(&manifest).into_iter().chain([split]);
    let (repository, tag) = reference.rsplit_once(':').unwrap();
    let value: Value = serde_json::from_slice(&manifest).unwrap();
    PushedComponent {
        repository: repository.to_owned(),
        tag: tag.to_owned(),
        bytes: workspace.read(file),
        split,
        flat: workspace::digest(&value["annotations"]["wasm.wharf.flat.digest"]),
        blobs: blobs.map(|digest| digest.hex()).collect(),
    }
}

/// Pushes a component that zstd makes smaller; another `mark` makes another one.
fn push_component(workspace: &Workspace, host: &str, name: &str, mark: u8) -> PushedComponent {
    let bytes = with_section(&workspace::assemble("layers"), mark);
    workspace.write("component.wasm", &bytes);
    push(workspace, "component.wasm", host, name)
}

/// Adds a custom section of one byte again and again.
fn with_section(component: &[u8], mark: u8) -> Vec<u8> {
    [component, b"\0\x84\x40\x03new", &[mark; 0x2000]].concat()
}

/// Who has containerd pull.
#[derive(Debug, Clone, Copy)]
enum Puller {
    Ctr,
    Kubernetes,
}

const BOTH: [Puller; 2] = [Puller::Ctr, Puller::Kubernetes];

impl Puller {
    /// Pulls, and returns what is said if that fails.
    async fn pull(self, containerd: &Containerd, image: &str) -> Result<(), String> {
        self.pull_as(containerd, image, None).await
    }

    /// As `pull`, and shows a name and a password.
    async fn pull_as(
        self,
        containerd: &Containerd,
        image: &str,
        login: Option<(&str, &str)>,
    ) -> Result<(), String> {
        match self {
            Self::Ctr => {
                let user = login.map(|(username, password)| format!("{username}:{password}"));
                let flags = user.as_ref().map(|user| ["--user", user]);
                containerd.try_pull(flags.as_ref().map_or(&[], |flags| flags), image)
            }
            Self::Kubernetes => {
                let login = login.map(|(username, password)| Login {
                    username,
                    password,
                    server: "",
                });
                let pulled = cri::pull_image(&containerd.socket(), image, login).await;
                pulled.map(|_| ())
            }
        }
    }
}

/// Where containerd keeps its blobs.
fn blob_directory(containerd: &Containerd) -> PathBuf {
    containerd.blobs().join("sha256")
}

#[track_caller]
fn assert_empty(containerd: &Containerd) {
    assert_eq!(names(&blob_directory(containerd)), BTreeSet::new());
}

/// The store has the flat form and nothing else; forgets it.
#[track_caller]
fn assert_flat(containerd: &Containerd, pushed: &PushedComponent) {
    let blobs = blob_directory(containerd);
    assert_blobs(&blobs);
    let names = names(&blobs);
    assert!(names.contains(&pushed.flat.hex()), "{names:?}");
    let manifest = fs::read(blobs.join(pushed.flat.hex())).unwrap();
    let named = blobs_of(&manifest).into_iter().chain([pushed.flat]);
    assert_eq!(names, named.map(|digest| digest.hex()).collect());
    assert_eq!(names.len(), 3);
    let content = fs::read(blobs.join(pushed.content().hex())).unwrap();
    assert!(content == pushed.bytes, "other bytes");
    containerd.forget();
    assert_empty(containerd);
}

/// The store has the split form and nothing else, and that gives the component; forgets it.
#[track_caller]
fn assert_split(workspace: &Workspace, containerd: &Containerd, pushed: &PushedComponent) {
    assert_eq!(names(&blob_directory(containerd)), pushed.blobs);
    assert_blobs(&blob_directory(containerd));
    assert_pulls(workspace, containerd, pushed.split, &pushed.bytes);
    containerd.forget();
    assert_empty(containerd);
}

/// Pulls out of containerd's store: the right bytes, none of them copied to anywhere else.
#[track_caller]
fn assert_pulls(workspace: &Workspace, containerd: &Containerd, digest: Digest, bytes: &[u8]) {
    let before = files(&containerd.blobs());
    let reference = format!("blobs:{}@{digest}", containerd.blobs().display());
    let arguments = ["pull", &reference, "-o", "pulled.wasm", "--no-cache"];
    let report = workspace.json(&arguments);
    assert!(workspace.read("pulled.wasm") == bytes, "{reference}");
    fs::remove_file(workspace.path("pulled.wasm")).unwrap();
    assert_eq!(
        (&report["fetched_blobs"], &report["requests"]),
        (&0.into(), &0.into())
    );
    assert!(files(&containerd.blobs()) == before, "the store changed");
}
