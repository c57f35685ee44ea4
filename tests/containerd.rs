//! containerd pulls the split form as it is and keeps its layers by digest; we splice out of its content store.
#![cfg(target_os = "linux")]

#[path = "support/wharf.rs"]
mod binary;
#[path = "support/cri.rs"]
mod cri;
mod support;

use std::collections::BTreeSet;
use std::fs;

use binary::{Workspace, assert_blobs, blobs_of, files, names};
use serde_json::Value;
use support::containerd::{Containerd, HOST};
use support::registries::{Registry, registries};
use wharf::digest::Digest;

/// What was pushed.
struct Version {
    bytes: Vec<u8>,
    digest: Digest,
    /// Its manifest and all that that names.
    blobs: BTreeSet<String>,
}

/// Pushes a file to a repository of the registry.
fn push(workspace: &Workspace, registry: &Registry, file: &str, name: &str) -> Version {
    let reference = format!("{}/{name}", registry.host);
    let report = workspace.json(&["push", file, &reference]);
    let digest: Digest = binary::digest(&report["digest"]);
    let layout = format!("oci:copied:{}", digest.hex());
    workspace.json(&["copy", &reference, &layout]);
    let manifest = workspace.read(&format!("copied/blobs/sha256/{}", digest.hex()));
    let blobs = blobs_of(&manifest).into_iter().chain([digest]);
    Version {
        bytes: workspace.read(file),
        digest,
        blobs: blobs.map(|digest| digest.hex()).collect(),
    }
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

#[test]
fn what_containerd_pulled_is_spliced_out_of_its_store() {
    for registry in registries() {
        let Some(containerd) = Containerd::start(&registry.host) else {
            return;
        };
        let store = containerd.blobs().join("sha256");
        let workspace = Workspace::new();
        let mut bytes = workspace.fixture("layers");
        let name = format!("containerd/{}", registry.name.replace('.', "-"));
        let image = |version: &Version| format!("{HOST}/{name}@{}", version.digest);

        let first = push(&workspace, registry, "layers.wasm", &format!("{name}:1.0"));
        containerd.pull(&[], &image(&first));
        assert_eq!(names(&store), first.blobs, "{}", registry.name);
        assert_blobs(&store);
        assert_pulls(&workspace, &containerd, first.digest, &first.bytes);
        let held = format!("blobs:{}@{}", containerd.blobs().display(), first.digest);
        let wit = |reference: &str| -> Value {
            workspace.json(&["inspect", reference, "--wit", "--no-cache"])["wit"].clone()
        };
        assert_eq!(wit(&held), wit("layers.wasm"));
        assert!(wit(&held).as_str().unwrap().contains("world"));

        // The next version has one section more: its layer, root, config and manifest are new.
        bytes.extend(b"\0\x84\x40\x03new");
        bytes.extend([b'x'; 0x2000]);
        workspace.write("next.wasm", &bytes);
        let next = push(&workspace, registry, "next.wasm", &format!("{name}:1.1"));
        containerd.pull(&["--local", "--platform", "wasip2/wasm"], &image(&next));
        let both = first.blobs.union(&next.blobs).cloned().collect();
        assert_eq!(names(&store), both, "{}", registry.name);
        assert_eq!(both.len() - first.blobs.len(), 4, "{}", registry.name);
        assert!(next.blobs.len() > 8);
        assert_pulls(&workspace, &containerd, next.digest, &next.bytes);
        assert_pulls(&workspace, &containerd, first.digest, &first.bytes);
    }
}

#[tokio::test]
async fn what_kubernetes_pulled_is_spliced_out_of_the_store() {
    for registry in registries() {
        let Some(containerd) = Containerd::start(&registry.host) else {
            return;
        };
        let workspace = Workspace::new();
        workspace.fixture("layers");
        let name = format!("kubernetes/{}", registry.name.replace('.', "-"));
        let pull = async |image: String| cri::pull_image(&containerd.socket(), &image).await;

        let split = push(&workspace, registry, "layers.wasm", &format!("{name}:1.0"));
        let image = pull(format!("{HOST}/{name}@{}", split.digest))
            .await
            .unwrap();
        let held = containerd.blobs().join("sha256");
        assert_eq!(names(&held), split.blobs, "{}", registry.name);
        // A runtime names an image by its config, and by any tag it is the same.
        assert_eq!(pull(format!("{HOST}/{name}:1.0")).await.unwrap(), image);
        let config = image.strip_prefix("sha256:").unwrap();
        assert!(split.blobs.contains(config), "{image}");
        assert_pulls(&workspace, &containerd, split.digest, &split.bytes);

        // In one piece; nothing here says that its layers are in the store as well.
        let place = format!("{}/{name}-flat", registry.host);
        let arguments = ["publish", "--compat", "layers.wasm", "demo:layers@1.0.0"];
        let report = workspace.json(&[&arguments[..], &["--registry", &place]].concat());
        let flat: Digest = binary::digest(&report["digest"]);
        pull(format!("{HOST}/{name}-flat/demo/layers@{flat}"))
            .await
            .unwrap();
        assert_eq!(
            names(&held).len(),
            split.blobs.len() + 3,
            "{}",
            registry.name
        );
        assert_pulls(&workspace, &containerd, flat, &split.bytes);

        let missing = pull(format!("{HOST}/{name}:9.9")).await.unwrap_err();
        assert!(missing.contains("not found"), "{missing}");
    }
}
