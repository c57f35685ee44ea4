//! wkg, oras and skopeo read what a push with both forms made, and wharf reads what they made.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wharf::artifact::split_tag;
use wharf::store::layout::Layout;

use super::*;
use crate::support::registries::registries;
use crate::support::tool;
use crate::support::workspace::{Answer, Workspace, names};

/// Runs one of the programs, which must succeed, and returns what it prints.
#[track_caller]
fn client(workspace: &Workspace, program: &Path, arguments: &[&str]) -> String {
    let mut command = workspace.command(program, arguments);
    Answer::of(&mut command).success().text()
}

/// `layers.wat` with both forms in the layout `store` of a workspace.
fn laid_out() -> (Workspace, Vec<u8>, PushSummary) {
    let workspace = Workspace::new();
    let layout = Layout::create(&workspace.path("store"), Arc::new(())).unwrap();
    let pushed = publish(&layout, "layers", &options(true));
    (workspace, assemble("layers"), pushed)
}

#[test]
fn oras_pulls_the_flat_form_as_one_file() {
    let Some(oras) = tool("oras") else {
        return;
    };
    let (workspace, bytes, pushed) = laid_out();
    client(
        &workspace,
        &oras,
        &["pull", "--oci-layout", "store:1.0", "-o", "from-layout"],
    );
    assert_eq!(
        names(&workspace.path("from-layout")),
        ["component.wasm".to_owned()].into()
    );
    assert!(workspace.read("from-layout/component.wasm") == bytes);
    for registry in registries() {
        let repository = format!("compat/{}", registry.name);
        let store = remote(&registry.host, &repository);
        let there = publish(&store, "layers", &options(true));
        assert_eq!(there.digest, pushed.digest, "{}", registry.name);
        assert_eq!(there.split_manifest_digest, pushed.split_manifest_digest);
        let reference = format!("{}/{repository}:1.0", registry.host);
        let output = format!("from-{}", registry.name);
        client(
            &workspace,
            &oras,
            &["pull", "--plain-http", &reference, "-o", &output],
        );
        assert!(workspace.read(&format!("{output}/component.wasm")) == bytes);
        // We still find the split form.
        let report = Workspace::new().pull(&reference, &bytes);
        assert_eq!(report["fetched_blobs"], 10);
    }
}

#[test]
fn copies_by_skopeo_and_oras_are_read_with_or_without_split_form() {
    let (Some(skopeo), Some(oras)) = (tool("skopeo"), tool("oras")) else {
        return;
    };
    let (workspace, bytes, pushed) = laid_out();
    let copy = |from: &str, to: &str| {
        let flags = ["--insecure-policy", "copy", "--quiet", "--preserve-digests"];
        let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        client(
            &workspace,
            &skopeo,
            &[&flags[..], &tls, &[from, to]].concat(),
        );
    };
    let assert_pulls = |reference: &str, split: Value, blobs: u64| {
        let report = Workspace::new().pull(reference, &bytes);
        assert_eq!(
            report["digest"],
            pushed.flat_digest.to_string(),
            "{reference}"
        );
        assert_eq!(report["split_manifest_digest"], split, "{reference}");
        assert_eq!(report["fetched_blobs"], blobs, "{reference}");
    };
    let split = json!(pushed.split_manifest_digest.to_string());
    let tag = split_tag(&pushed.flat_digest);
    for registry in registries() {
        let repository = format!("{}/compat/skopeo-{}", registry.host, registry.name);
        let reference = format!("{repository}:1.0");
        copy("oci:store:1.0", &format!("docker://{reference}"));
        assert_pulls(&reference, Value::Null, 1);
        copy(
            &format!("oci:store:{tag}"),
            &format!("docker://{repository}:{tag}"),
        );
        assert_pulls(&reference, split.clone(), 10);
        // And back again.
        let back = format!("back-{}", registry.name);
        copy(&format!("docker://{reference}"), &format!("oci:{back}:2.0"));
        let layout = format!("oci:{}:2.0", workspace.path(&back).display());
        assert_pulls(&layout, Value::Null, 1);
        // A copy of the split form takes its subject along.
        let by_oras = format!("{}/compat/oras-{}", registry.host, registry.name);
        let (from, to) = (format!("store:{tag}"), format!("{by_oras}:{tag}"));
        client(
            &workspace,
            &oras,
            &["cp", "--from-oci-layout", &from, "--to-plain-http", &to],
        );
        let flat = format!("{by_oras}@{}", pushed.flat_digest);
        assert_pulls(&flat, split.clone(), 10);
    }
}

#[test]
fn components_pushed_by_oras_are_pulled() {
    let Some(oras) = tool("oras") else {
        return;
    };
    let workspace = Workspace::new();
    let bytes = workspace.fixture("calc");
    let file = "calc.wasm:application/wasm";
    client(
        &workspace,
        &oras,
        &["push", "--oci-layout", "store:1.0", file],
    );
    let layout = format!("oci:{}:1.0", workspace.path("store").display());
    Workspace::new().pull(&layout, &bytes);
    for registry in registries() {
        let reference = format!("{}/theirs/oras-{}:1.0", registry.host, registry.name);
        let kind = [
            "push",
            "--plain-http",
            "--artifact-type",
            "application/vnd.example.app",
        ];
        client(
            &workspace,
            &oras,
            &[&kind[..], &[&reference, file]].concat(),
        );
        Workspace::new().pull(&reference, &bytes);
        // Two files are two components, or none.
        fs::write(workspace.path("note.txt"), b"about it").unwrap();
        let two = [
            "push",
            "--plain-http",
            &reference,
            file,
            "note.txt:text/plain",
        ];
        client(&workspace, &oras, &two);
        let refused = Workspace::new().run(&["pull", &reference, "-o", "out.wasm"]);
        assert_eq!(refused.code, Some(5), "{}", refused.stderr);
        assert!(
            refused
                .stderr
                .contains("there are 2, 1 of them WebAssembly")
        );
    }
}

#[test]
fn wkg_and_wharf_pull_artifacts_of_each_other() {
    let Some(wkg) = tool("wkg") else {
        return;
    };
    for registry in registries() {
        let workspace = Workspace::new();
        let host = registry.host.as_str();
        let repository = format!("compat/wkg-{}", registry.name);
        let pushed = publish(&remote(host, &repository), "layers", &options(true));
        let bytes = assemble("layers");
        let reference = format!("{host}/{repository}:1.0");
        let pull = [
            "oci",
            "pull",
            "--insecure",
            host,
            &reference,
            "-o",
            "out.wasm",
        ];
        client(&workspace, &wkg, &pull);
        assert!(workspace.read("out.wasm") == bytes, "{}", registry.name);
        // The split form is none of its business, and it says so and writes nothing.
        let split = format!("{host}/{repository}:{}", split_tag(&pushed.flat_digest));
        let mut refused = workspace.command(
            &wkg,
            &["oci", "pull", "--insecure", host, &split, "-o", "no.wasm"],
        );
        assert_ne!(Answer::of(&mut refused).code, Some(0));
        assert!(!workspace.path("no.wasm").exists());

        workspace.write("layers.wasm", &bytes);
        let theirs = format!("{host}/theirs/wkg-{}:1.0", registry.name);
        let push = ["oci", "push", "--insecure", host, &theirs, "layers.wasm"];
        client(&workspace, &wkg, &push);
        let report = Workspace::new().pull(&theirs, &bytes);
        assert_eq!(report["split_manifest_digest"], Value::Null);
        let shown = workspace.json(&["inspect", &theirs]);
        assert_eq!(shown["os"], "wasip2");
        let ours = workspace.json(&["inspect", "layers.wasm"]);
        assert_eq!(
            (&shown["imports"], &shown["exports"]),
            (&ours["imports"], &ours["exports"])
        );
    }
}
