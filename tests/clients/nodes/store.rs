//! containerd pulls the split form as it is and keeps its layers by digest; we splice out of its content store.

use super::*;
use crate::support::cri;
use crate::support::workspace;

/// A host that images are named with; `hosts.toml` says which registry that is.
const HOST: &str = "registry.test";

/// Starts a containerd that asks a registry for what is named as [`HOST`]'s.
fn before(registry: &str) -> Option<Containerd> {
    let containerd = Containerd::start()?;
    containerd.asks(HOST, &format!("server = \"http://{registry}\"\n"));
    Some(containerd)
}

#[test]
fn wharf_splices_from_the_store_of_containerd() {
    for registry in registries() {
        let Some(containerd) = before(&registry.host) else {
            return;
        };
        let store = blob_directory(&containerd);
        let workspace = Workspace::new();
        let bytes = workspace.fixture("layers");
        let name = format!("containerd/{}", registry.name.replace('.', "-"));
        let image = |version: &PushedComponent| format!("{HOST}/{name}@{}", version.split);

        let first = push(
            &workspace,
            "layers.wasm",
            &registry.host,
            &format!("{name}:1.0"),
        );
        containerd.pull(&[], &image(&first));
        assert_eq!(names(&store), first.blobs, "{}", registry.name);
        assert_blobs(&store);
        assert_pulls(&workspace, &containerd, first.split, &first.bytes);
        let blobs = format!("blobs:{}@{}", containerd.blobs().display(), first.split);
        let wit = |reference: &str| -> Value {
            workspace.json(&["inspect", reference, "--wit", "--no-cache"])["wit"].clone()
        };
        assert_eq!(wit(&blobs), wit("layers.wasm"));
        assert!(wit(&blobs).as_str().unwrap().contains("world"));

        // The next version has one section more: its layer, root, config and manifest are new.
        workspace.write("next.wasm", &with_section(&bytes, b'x'));
        let next = push(
            &workspace,
            "next.wasm",
            &registry.host,
            &format!("{name}:1.1"),
        );
        containerd.pull(&["--local", "--platform", "wasip2/wasm"], &image(&next));
        let both = first.blobs.union(&next.blobs).cloned().collect();
        assert_eq!(names(&store), both, "{}", registry.name);
        assert_eq!(both.len() - first.blobs.len(), 4, "{}", registry.name);
        assert!(next.blobs.len() > 8);
        assert_pulls(&workspace, &containerd, next.split, &next.bytes);
        assert_pulls(&workspace, &containerd, first.split, &first.bytes);
    }
}

#[tokio::test]
async fn wharf_splices_images_that_kubernetes_pulled() {
    for registry in registries() {
        let Some(containerd) = before(&registry.host) else {
            return;
        };
        let workspace = Workspace::new();
        workspace.fixture("layers");
        let name = format!("kubernetes/{}", registry.name.replace('.', "-"));
        let socket = containerd.socket();
        let pull = async |image: String| cri::pull_image(&socket, &image, None).await;

        let pushed = push(
            &workspace,
            "layers.wasm",
            &registry.host,
            &format!("{name}:1.0"),
        );
        let image = pull(format!("{HOST}/{name}@{}", pushed.split))
            .await
            .unwrap();
        let blobs = blob_directory(&containerd);
        assert_eq!(names(&blobs), pushed.blobs, "{}", registry.name);
        // A runtime names an image by its config, and by any tag it is the same.
        assert_eq!(pull(format!("{HOST}/{name}:1.0")).await.unwrap(), image);
        let config = image.strip_prefix("sha256:").unwrap();
        assert!(pushed.blobs.contains(config), "{image}");
        assert_pulls(&workspace, &containerd, pushed.split, &pushed.bytes);

        // In one piece; nothing here says that its layers are in the store as well.
        let place = format!("{}/{name}-flat", registry.host);
        let arguments = ["publish", "--compat", "layers.wasm", "demo:layers@1.0.0"];
        let report = workspace.json(&[&arguments[..], &["--registry", &place]].concat());
        let flat: Digest = workspace::digest(&report["digest"]);
        pull(format!("{HOST}/{name}-flat/demo/layers@{flat}"))
            .await
            .unwrap();
        assert_eq!(
            names(&blobs).len(),
            pushed.blobs.len() + 3,
            "{}",
            registry.name
        );
        assert_pulls(&workspace, &containerd, flat, &pushed.bytes);

        let missing = pull(format!("{HOST}/{name}:9.9")).await.unwrap_err();
        assert!(missing.contains("not found"), "{missing}");
    }
}
