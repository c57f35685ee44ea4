//! skopeo and oras carry our artifact between layouts and real registries unchanged, and we read it at every stop.

use crate::support;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::registries::{Registry, registries};
use crate::support::workspace::{Answer, Workspace, assemble, assert_layout, names};
use serde_json::Value;

/// Runs one of the programs, which must succeed, and returns what it prints.
fn client(workspace: &Workspace, program: &Path, arguments: &[&str]) -> String {
    let mut command = workspace.command(program, arguments);
    Answer::of(&mut command).success().text()
}

/// Copies with skopeo; plain http is for registries only.
fn skopeo_copy(workspace: &Workspace, skopeo: &Path, from: &str, to: &str) {
    let mut arguments = vec!["--insecure-policy", "copy", "--quiet", "--preserve-digests"];
    if from.starts_with("docker:") {
        arguments.push("--src-tls-verify=false");
    }
    if to.starts_with("docker:") {
        arguments.push("--dest-tls-verify=false");
    }
    arguments.extend([from, to]);
    client(workspace, skopeo, &arguments);
}

/// A workspace with `layers.wat` in the layout `store`, pushed by wharf, its bytes and its digest.
fn pushed() -> (Workspace, Vec<u8>, String) {
    let workspace = Workspace::new();
    let bytes = workspace.fixture("layers");
    let report = workspace.json(&["push", "layers.wasm", "oci:store:1.0"]);
    let digest = report["digest"].as_str().unwrap().to_owned();
    (workspace, bytes, digest)
}

/// Pulls with an empty cache: the right bytes, from the manifest of this digest.
#[track_caller]
fn assert_pulls(stop: &Path, reference: &str, bytes: &[u8], digest: &str) {
    let reference = match reference.strip_prefix("oci:") {
        Some(layout) => format!("oci:{}/{layout}", stop.display()),
        None => reference.to_owned(),
    };
    let report = Workspace::new().pull(&reference, bytes);
    assert_eq!(report["digest"], digest, "{reference}");
}

/// The other registry of a pair, where there are two.
fn another(registry: &Registry) -> &'static Registry {
    let mut others = registries().iter().filter(|other| *other != registry);
    others.next_back().unwrap_or(&registries()[0])
}

#[test]
fn skopeo_copies_to_a_registry_and_back() {
    let Some(skopeo) = support::tool("skopeo") else {
        return;
    };
    let (workspace, bytes, digest) = pushed();
    let stop = workspace.work();
    assert_pulls(&stop, "oci:store:1.0", &bytes, &digest);
    for registry in registries() {
        let name = registry.name.replace('.', "-");
        let remote = format!("{}/skopeo/{name}:1.0", registry.host);
        let docker = format!("docker://{remote}");
        skopeo_copy(&workspace, &skopeo, "oci:store:1.0", &docker);
        assert_pulls(&stop, &remote, &bytes, &digest);
        let back = format!("oci:back-{name}:2.0");
        skopeo_copy(&workspace, &skopeo, &docker, &back);
        assert_pulls(&stop, &back, &bytes, &digest);
        // And on, from what skopeo wrote, to the other kind.
        let on = format!("{}/skopeo/from-{name}:2.0", another(registry).host);
        skopeo_copy(&workspace, &skopeo, &back, &format!("docker://{on}"));
        assert_pulls(&stop, &on, &bytes, &digest);
    }
}

#[test]
fn oras_copies_to_a_registry_and_back() {
    let Some(oras) = support::tool("oras") else {
        return;
    };
    let (workspace, bytes, digest) = pushed();
    let stop = workspace.work();
    for registry in registries() {
        let name = registry.name.replace('.', "-");
        let remote = format!("{}/oras/{name}:1.0", registry.host);
        let run = |arguments: &[&str]| client(&workspace, &oras, arguments);
        run(&[
            "cp",
            "--from-oci-layout",
            "store:1.0",
            "--to-plain-http",
            &remote,
        ]);
        assert_pulls(&stop, &remote, &bytes, &digest);
        let back = format!("back-{name}:2.0");
        run(&["cp", "--from-plain-http", &remote, "--to-oci-layout", &back]);
        assert_pulls(&stop, &format!("oci:{back}"), &bytes, &digest);
    }
}

#[test]
fn oras_shows_and_copies_artifacts_that_wharf_pushed() {
    let Some(oras) = support::tool("oras") else {
        return;
    };
    for registry in registries() {
        let name = registry.name.replace('.', "-");
        let workspace = Workspace::new();
        let run = |arguments: &[&str]| client(&workspace, &oras, arguments);
        let bytes = workspace.fixture("calc");
        let repository = format!("{}/shown/{name}", registry.host);
        let reference = format!("{repository}:1.0");
        let report = workspace.json(&["push", "calc.wasm", &reference]);
        let digest = report["digest"].as_str().unwrap();

        let manifest = run(&["manifest", "fetch", "--plain-http", &reference]);
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        assert_eq!(
            manifest["artifactType"],
            "application/vnd.wharf.component.v1"
        );
        assert_eq!(
            manifest["layers"].as_array().unwrap().len() as u64,
            report["layers"]
        );
        let shown = run(&[
            "manifest",
            "fetch",
            "--plain-http",
            "--descriptor",
            &reference,
        ]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["digest"], digest);
        let tags = run(&["repo", "tags", "--plain-http", &repository]);
        assert_eq!(tags.lines().collect::<Vec<_>>(), ["1.0"]);

        let copy = format!("{}/shown/from-{name}:1.0", another(registry).host);
        run(&[
            "cp",
            "--from-plain-http",
            &reference,
            "--to-plain-http",
            &copy,
        ]);
        assert_pulls(&workspace.work(), &copy, &bytes, digest);
    }
}

/// Splices what `oras pull` wrote into a directory.
#[track_caller]
fn assert_splices(workspace: &Workspace, directory: &str, flags: &[&str], bytes: &[u8]) {
    let arguments = [&["splice", directory, "-o", "spliced.wasm"], flags].concat();
    let report = workspace.json(&arguments);
    assert!(workspace.read("spliced.wasm") == bytes);
    assert_eq!(report["content_size"], bytes.len());
    fs::remove_file(workspace.path("spliced.wasm")).unwrap();
}

#[test]
fn files_that_oras_pulled_can_be_spliced() {
    let Some(oras) = support::tool("oras") else {
        return;
    };
    let (workspace, bytes, digest) = pushed();
    let run = |arguments: &[&str]| client(&workspace, &oras, arguments);
    run(&[
        "pull",
        "--oci-layout",
        "store:1.0",
        "--output",
        "from-layout",
    ]);
    assert_splices(&workspace, "from-layout", &[], &bytes);
    for registry in registries() {
        let reference = format!("{}/spliced/{}", registry.host, registry.name);
        let tagged = format!("{reference}:1.0");
        let report = workspace.json(&["push", "layers.wasm", &tagged]);
        assert_eq!(report["digest"], digest);
        let directory = format!("from-{}", registry.name);
        let by_digest = format!("{reference}@{digest}");
        run(&["pull", "--plain-http", &by_digest, "--output", &directory]);
        assert_eq!(names(&workspace.path(&directory)).len(), 10);
        assert_splices(&workspace, &directory, &[], &bytes);
        // A name of ours, as the last word on what oras writes.
        let names = names(&workspace.path(&directory));
        assert_eq!(names, self::names(&workspace.path("from-layout")));
    }
    // A file that is missing or damaged is found.
    let victim = names(&workspace.path("from-layout"));
    let victim = victim.iter().find(|name| !name.contains(".root.")).unwrap();
    fs::remove_file(workspace.path("from-layout").join(victim)).unwrap();
    let broken = workspace.run(&["splice", "from-layout", "-o", "broken.wasm"]);
    assert_eq!(broken.code, Some(5), "{}", broken.stderr);
    assert!(!workspace.path("broken.wasm").exists());
}

#[test]
fn two_components_in_one_directory_require_a_named_root() {
    let Some(oras) = support::tool("oras") else {
        return;
    };
    let workspace = Workspace::new();
    for name in ["calc", "greet"] {
        workspace.fixture(name);
        let layout = format!("store:{name}");
        workspace.json(&["push", &format!("{name}.wasm"), &format!("oci:{layout}")]);
        let pull = ["pull", "--oci-layout", &layout, "--output", "both"];
        client(&workspace, &oras, &pull);
    }
    let torn = workspace.run(&["splice", "both", "-o", "spliced.wasm"]);
    assert_eq!(torn.code, Some(2), "{}", torn.stderr);
    assert!(torn.stderr.contains("--root"), "{}", torn.stderr);
    assert!(!workspace.path("spliced.wasm").exists());
    let both = names(&workspace.path("both"));
    let roots: Vec<&String> = both.iter().filter(|name| name.contains(".root.")).collect();
    assert_eq!(roots.len(), 2);
    let mut spliced = BTreeSet::new();
    for root in roots {
        // The whole name, or the beginning that tells one from the other.
        for named in [root, &root[..12]] {
            let report = workspace.json(&["splice", "both", "--root", named, "-o", "one.wasm"]);
            spliced.insert(workspace.read("one.wasm"));
            assert_eq!(report["root"], root.as_str());
        }
    }
    assert!(spliced == ["calc", "greet"].map(assemble).into());
}

/// The entries of a layout's index.
fn entries(layout: &Path) -> Vec<Value> {
    let index = fs::read(layout.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

#[test]
fn layouts_keep_the_entries_of_skopeo_oras_and_wharf() {
    let (Some(skopeo), Some(oras)) = (support::tool("skopeo"), support::tool("oras")) else {
        return;
    };
    let (workspace, bytes, digest) = pushed();
    let layout = workspace.path("store");
    workspace.fixture("calc");
    workspace.write("note.txt", b"not a component");
    let run = |arguments: &[&str]| client(&workspace, &oras, arguments);
    // Things of other kinds, by other hands: an artifact with a tag, one without, and a copy under another tag.
    let kind = ["--artifact-type", "application/vnd.example.note"];
    let push = |reference| {
        let layout = ["push", "--oci-layout", reference, "note.txt:text/plain"];
        run(&[&layout[..], &kind].concat());
    };
    push("store:note");
    let note = entries(&layout);
    assert_eq!(note.len(), 2);
    workspace.json(&["push", "calc.wasm", "oci:store:calc"]);
    for entry in &note {
        assert!(entries(&layout).contains(entry), "lost: {entry}");
    }
    skopeo_copy(&workspace, &skopeo, "oci:store:1.0", "oci:store:by-skopeo");
    let by_skopeo = entries(&layout);
    workspace.json(&["push", "calc.wasm", "oci:store:again"]);
    for entry in &by_skopeo {
        assert!(entries(&layout).contains(entry), "lost: {entry}");
    }
    push("store:another-note");
    let tags: BTreeSet<String> = assert_layout(&layout).into_keys().collect();
    let expected = ["1.0", "note", "calc", "by-skopeo", "again", "another-note"];
    assert_eq!(tags, expected.map(str::to_owned).into());
    // All of it is still of use to each of the three.
    assert_pulls(&workspace.work(), "oci:store:1.0", &bytes, &digest);
    assert_pulls(&workspace.work(), "oci:store:by-skopeo", &bytes, &digest);
    run(&["pull", "--oci-layout", "store:note", "--output", "notes"]);
    assert_eq!(workspace.read("notes/note.txt"), b"not a component");
    skopeo_copy(&workspace, &skopeo, "oci:store:calc", "oci:elsewhere:calc");
    Workspace::new().pull(
        &format!("oci:{}:calc", workspace.path("elsewhere").display()),
        &assemble("calc"),
    );
    let foreign = workspace.run(&["pull", "oci:store:note", "-o", "note.wasm"]);
    assert_eq!(foreign.code, Some(5), "{}", foreign.stderr);
    assert!(foreign.stderr.contains("application/vnd.example.note"));
}
