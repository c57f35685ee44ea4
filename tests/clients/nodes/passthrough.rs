//! What is not split passes through a gateway as it is.

use crate::support;
use std::collections::BTreeMap;
use std::process::Command;

use super::*;
use crate::support::workspace::Answer;

/// Runs a command that must succeed.
#[track_caller]
fn run(mut command: Command) {
    Answer::of(&mut command).success();
}

/// Pushes an image for two processors, and returns its tag.
fn push_image(workspace: &Workspace, oras: &Path, repository: &str) -> String {
    workspace.write("file", b"a file of an image");
    run(workspace.command("tar", &["--create", "--file=layer.tar", "file"]));
    let layer = Digest::of(&workspace.read("layer.tar"));
    let tagged = |tag: &str| format!("{repository}:{tag}");
    for processor in ["amd64", "arm64"] {
        let config = serde_json::json!({
            "architecture": processor,
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [layer] },
        });
        workspace.write("config.json", config.to_string().as_bytes());
        run(workspace.command(
            oras,
            &[
                "push",
                "--plain-http",
                "--config=config.json:application/vnd.oci.image.config.v1+json",
                &tagged(processor),
                "layer.tar:application/vnd.oci.image.layer.v1.tar",
            ],
        ));
    }
    let both = tagged("1.0");
    let index = ["manifest", "index", "create", "--plain-http"];
    let index = [&index[..], &[&both, "amd64", "arm64"]].concat();
    run(workspace.command(oras, &index));
    both
}

/// Pushes an artifact of two files, and returns its tag.
fn push_artifact(workspace: &Workspace, oras: &Path, repository: &str) -> String {
    workspace.write("one", b"one file");
    workspace.write("two", b"another file");
    let tagged = format!("{repository}:1.0");
    run(workspace.command(
        oras,
        &[
            "push",
            "--plain-http",
            "--artifact-type=application/x-demo",
            &tagged,
            "one:text/plain",
            "two:text/plain",
        ],
    ));
    tagged
}

/// Publishes a component in one piece, and returns its tag.
fn publish_flat(workspace: &Workspace, place: &str) -> String {
    workspace.fixture("layers");
    let arguments = ["publish", "--compat", "layers.wasm", "demo:layers@1.0.0"];
    workspace.json(&[&arguments[..], &["--registry", place]].concat());
    format!("{place}/demo/layers:1.0.0")
}

/// What containerd has after it pulled, which it then forgets.
async fn pulled(containerd: &Containerd, by: Puller, image: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    assert_empty(containerd);
    by.pull(containerd, image).await.unwrap();
    let blobs = blob_directory(containerd);
    assert_blobs(&blobs);
    let blobs = files(&blobs);
    containerd.forget();
    blobs
}

#[tokio::test]
async fn artifacts_without_a_split_form_pass_through_unchanged() {
    let Some(oras) = support::tool("oras") else {
        return;
    };
    for registry in registries() {
        let Some(containerd) = Containerd::start() else {
            return;
        };
        let (host, workspace) = (&registry.host, Workspace::new());
        let straight = format!("server = \"http://{host}\"\n");
        let images = [
            push_image(&workspace, &oras, &format!("{host}/passing/image")),
            push_artifact(&workspace, &oras, &format!("{host}/passing/artifact")),
            publish_flat(&workspace, &format!("{host}/passing")),
        ];
        for (image, least) in images.iter().zip([4, 4, 3]) {
            for by in BOTH {
                containerd.asks(host, &straight);
                let expected = pulled(&containerd, by, image).await;
                assert!(expected.len() >= least, "{image}: {:?}", expected.keys());
                let gateway = RunningServer::start(&workspace, &["--upstream", host]);
                containerd.asks(host, &hosts_toml(&gateway.host()));
                let found = pulled(&containerd, by, image).await;
                assert!(found == expected, "{image}: {:?}", found.keys());
                let (_status, log) = gateway.signalled("TERM");
                assert!(log.contains("GET /v2/passing/"), "{log}");
            }
        }
    }
}
