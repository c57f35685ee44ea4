//! Deltas from version to version.

mod not_made;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};

use super::*;
use crate::support::binary::noise;
use crate::support::collected::collected;
use crate::support::fault::{self, Fault};
use wharf::component::Component;
use wharf::delta::{Base, DeltaFile, PartKind};
use wharf::split::{Granularity, SplitPolicy};

const POLICY: SplitPolicy = SplitPolicy {
    granularity: Granularity::Section,
    floor: 4096,
    max_layers: 256,
};

/// The size of the layer that differs between the versions. It cannot be compressed.
const LAYER_BYTES: usize = 100_000;

/// A component with one large layer, in which only the version differs.
fn component(version: &str) -> Vec<u8> {
    let mut content = noise(7, LAYER_BYTES);
    content.extend(version.as_bytes());
    content.extend(noise(8, 100));
    [assemble("calc"), binary::custom("data", &content)].concat()
}

/// Publishes a version with more arguments, and returns the report.
fn publish_with(
    workspace: &Workspace,
    place: &str,
    package: &str,
    version: &str,
    more: &[&str],
) -> Value {
    workspace.write("version.wasm", &component(version));
    let spec = format!("{package}@{version}");
    let arguments = ["publish", "version.wasm", &spec, "--registry", place];
    workspace.json(&[&arguments[..], more].concat())
}

/// The versions that deltas in a report come from. Every one of them must be small.
#[track_caller]
fn sources(report: &Value) -> Vec<String> {
    let deltas = report["deltas"].as_array();
    let deltas = deltas.unwrap_or_else(|| panic!("no list of deltas: {report}"));
    let source = |delta: &Value| {
        let bytes = delta["bytes"].as_u64().unwrap();
        assert!((50..2000).contains(&bytes), "{delta}");
        assert!(delta["from"].as_str().unwrap().starts_with("sha256:"));
        delta["from_version"].as_str().unwrap().to_owned()
    };
    deltas.iter().map(source).collect()
}

/// The sources of the deltas that `inspect` shows, in any order.
#[track_caller]
fn attached(workspace: &Workspace, place: &str, spec: &str) -> BTreeSet<String> {
    let report = workspace.json(&["inspect", spec, "--registry", place]);
    let all = sources(&report);
    let distinct: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
    distinct
}

fn set(versions: &[&str]) -> BTreeSet<String> {
    versions.iter().map(|&version| version.to_owned()).collect()
}

#[test]
fn publish_attaches_deltas_from_the_nearest_lower_versions() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        for (version, expected) in [
            ("1.3.0", &[][..]),
            ("1.2.0", &[]),
            ("1.3.1", &["1.3.0", "1.2.0"]),
            ("1.4.0", &["1.3.1"]),
            ("1.4.1", &["1.4.0", "1.3.1"]),
        ] {
            let report = publish_with(&workspace, &place, "deltas:near", version, &[]);
            assert_eq!(sources(&report), expected, "{place}: {version}");
            let spec = format!("deltas:near@{version}");
            let shown = attached(&workspace, &place, &spec);
            assert_eq!(shown, set(expected), "{place}: {version}");
        }
        let versions = workspace.json(&["versions", "deltas:near", "--registry", &place]);
        assert_eq!(versions["packages"].as_array().unwrap().len(), 5);
        assert_eq!(
            versions["other_tags"],
            Value::Array(Vec::new()),
            "{versions}"
        );
        assert_gets(&workspace, &place, "deltas:near", &component("1.4.1"));
    }
}

#[test]
fn yanked_versions_and_pre_releases_are_no_sources() {
    let workspace = Workspace::new();
    let place = "oci:store";
    let publish = |version: &str| publish_with(&workspace, place, "deltas:some", version, &[]);
    publish("1.0.0");
    publish("1.0.1");
    workspace.json(&["yank", "deltas:some@1.0.1", "--registry", place]);
    publish("1.1.0-rc.1");
    assert_eq!(sources(&publish("1.1.0-rc.2")), ["1.1.0-rc.1", "1.0.0"]);
    assert_eq!(sources(&publish("1.1.0")), ["1.0.0"]);
}

#[test]
fn flat_versions_are_no_sources() {
    let workspace = Workspace::new();
    let place = "oci:store";
    publish_with(&workspace, place, "deltas:flat", "1.0.0", &[]);
    publish_with(&workspace, place, "deltas:flat", "1.0.1", &["--compat"]);
    let file = workspace.path("store/index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let manifests = index["manifests"].as_array_mut().unwrap();
    let before = manifests.len();
    manifests.retain(|entry| {
        let tag = entry["annotations"]["org.opencontainers.image.ref.name"].as_str();
        !tag.is_some_and(|tag| tag.ends_with(".wharf"))
    });
    assert_eq!(manifests.len(), before - 1);
    fs::write(&file, index.to_string()).unwrap();
    let report = publish_with(&workspace, place, "deltas:flat", "1.0.2", &[]);
    assert_eq!(sources(&report), ["1.0.0"]);
}

#[test]
fn publishing_again_makes_only_missing_deltas() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        for compat in [&[][..], &["--compat"]] {
            let package = format!(
                "deltas:again{}",
                if compat.is_empty() { "" } else { "-flat" }
            );
            let publish = |version: &str, more: &[&str]| {
                let more = [compat, more].concat();
                publish_with(&workspace, &place, &package, version, &more)
            };
            publish("1.0.0", &[]);
            assert!(sources(&publish("1.1.0", &["--no-delta"])).is_empty());
            assert!(sources(&publish("1.1.0", &["--dry-run"])).is_empty());
            let made = publish("1.1.0", &[]);
            assert_eq!(made["published"], false);
            assert_eq!(sources(&made), ["1.0.0"], "{place}");
            assert!(sources(&publish("1.1.0", &[])).is_empty(), "{place}");
            let spec = format!("{package}@1.1.0");
            assert_eq!(attached(&workspace, &place, &spec), set(&["1.0.0"]));
        }
    }
}

#[test]
fn collected_deltas_are_made_again() {
    for mut collected in collected() {
        let workspace = Workspace::new();
        let place = collected.start().host;
        publish_with(&workspace, &place, "deltas:lost", "1.0.0", &[]);
        let first = publish_with(&workspace, &place, "deltas:lost", "1.1.0", &[]);
        assert_eq!(sources(&first), ["1.0.0"]);
        collected.collect();
        let Registry {
            host: place, name, ..
        } = collected.start();
        // 2.8 deletes manifests that only the list of referrers names, and keeps the list.
        let lost: &[&str] = match name {
            "distribution-2.8" => &["1.0.0"],
            _ => &[],
        };
        let again = publish_with(&workspace, &place, "deltas:lost", "1.1.0", &[]);
        assert_eq!(sources(&again), lost, "{name}");
        let none = publish_with(&workspace, &place, "deltas:lost", "1.1.0", &[]);
        assert!(sources(&none).is_empty());
        let shown = attached(&workspace, &place, "deltas:lost@1.1.0");
        assert_eq!(shown, set(&["1.0.0"]));
    }
}

#[test]
fn named_sources_replace_the_automatic_ones() {
    let workspace = Workspace::new();
    let place = "oci:store";
    for version in ["1.0.0", "1.1.0"] {
        publish_with(&workspace, place, "deltas:named", version, &[]);
    }
    workspace.write("other.wasm", &component("other"));
    workspace.json(&["push", "other.wasm", "oci:other:calc"]);
    let from = ["deltas:named@1.0.0", "oci:other:calc"].map(|from| format!("--delta-from={from}"));
    let more = from.each_ref().map(String::as_str);
    let report = publish_with(&workspace, place, "deltas:named", "1.2.0", &more);
    let deltas = report["deltas"].as_array().unwrap();
    let versions: Vec<_> = deltas.iter().map(|delta| &delta["from_version"]).collect();
    assert_eq!(versions, [&Value::from("1.0.0"), &Value::Null]);
    // A version is published even if a delta cannot be made.
    workspace.write("version.wasm", &component("1.3.0"));
    let arguments = ["publish", "version.wasm", "deltas:named@1.3.0", "--json"];
    let more = ["--registry", place, "--delta-from", "deltas:named@9.0.0"];
    let answer = workspace.run(&[arguments, more].concat()).success();
    let words = "warning: no delta from deltas:named@9.0.0 was made: ";
    assert!(answer.stderr.starts_with(words), "{}", answer.stderr);
    assert_eq!(answer.json()["published"], true);
    assert!(sources(&answer.json()).is_empty());
    // A malformed argument fails before anything is sent.
    let more = ["--registry", place, "--delta-from", "nonsense"];
    workspace.error(
        &[
            ["publish", "version.wasm", "deltas:named@1.4.0", "-q"],
            more,
        ]
        .concat(),
        2,
    );
    assert_eq!(shown(&workspace, place, "deltas:named").len(), 4);
}

#[test]
fn credentials_of_the_call_are_not_sent_to_the_registry_of_a_source() {
    let workspace = Workspace::new();
    workspace.write("version.wasm", &component("1.0.0"));
    let [target, source] = ["127.0.0.1:1/x", "127.0.0.1:2/demo/calc:1"];
    for arguments in [
        &[
            "publish",
            "version.wasm",
            "a:b@1.0.0",
            "--registry",
            target,
            "--delta-from",
            source,
        ][..],
        &[
            "push",
            "version.wasm",
            "127.0.0.1:1/a/b:1",
            "--delta-from",
            source,
        ],
        &["delta", source, "127.0.0.1:1/a/b:1"],
    ] {
        let mut command = workspace.wharf(arguments);
        command.env("WHARF_TOKEN", "secret");
        let answer = Answer::of(&mut command);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        assert!(answer.stderr.contains("registr"), "{}", answer.stderr);
    }
}

#[test]
fn an_interrupted_delta_leaves_the_version_published() {
    let registry = fault::Registry::start();
    let place = format!("{}/x", registry.address());
    let workspace = Workspace::new();
    publish_with(&workspace, &place, "deltas:stopped", "1.0.0", &[]);
    workspace.write("version.wasm", &component("1.1.0"));
    let process = Arc::new(Mutex::new(0));
    let (ended, end) = mpsc::channel::<()>();
    let (stopped, end) = (Arc::clone(&process), Mutex::new(end));
    let stop = move || {
        let process = stopped.lock().unwrap().to_string();
        let mut kill = Command::new("kill");
        assert!(kill.args(["-INT", &process]).status().unwrap().success());
        // The request is answered after the end of the process.
        end.lock().unwrap().recv().unwrap_err();
    };
    registry.on("GET", "/referrers/", 1, Fault::Then(Arc::new(stop)));
    let arguments = ["publish", "version.wasm", "deltas:stopped@1.1.0"];
    let mut command = workspace.wharf(&[&arguments[..], &["--registry", &place]].concat());
    let mut slot = process.lock().unwrap();
    let child = command.spawn().unwrap();
    *slot = child.id();
    drop(slot);
    let output = child.wait_with_output().unwrap();
    drop(ended);
    assert_eq!(output.status.code(), Some(130));
    let words = "error: interrupted; deltas:stopped@1.1.0 is published";
    assert!(output.stderr.starts_with(words.as_bytes()), "{output:?}");
    assert_gets(&workspace, &place, "deltas:stopped", &component("1.1.0"));
    let again = publish_with(&workspace, &place, "deltas:stopped", "1.1.0", &[]);
    assert_eq!(sources(&again), ["1.0.0"]);
}

/// The only delta in a layout: its file and its manifest.
fn stored_delta(layout: &Path) -> (Vec<u8>, Value) {
    let blobs = layout.join("blobs/sha256");
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let blob = |digest: &Value| {
        let digest: Digest = digest.as_str().unwrap().parse().unwrap();
        fs::read(blobs.join(digest.hex())).unwrap()
    };
    let manifests = index["manifests"].as_array().unwrap().iter();
    let manifests = manifests.map(|entry| blob(&entry["digest"]));
    let manifests = manifests.map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
    let is_delta = |manifest: &Value| manifest["artifactType"] == "application/vnd.wharf.delta.v1";
    let mut deltas: Vec<Value> = manifests.filter(is_delta).collect();
    let manifest = deltas.pop().unwrap();
    assert!(deltas.is_empty(), "{deltas:?}");
    (blob(&manifest["layers"][0]["digest"]), manifest)
}

#[test]
fn a_delta_file_gives_the_changed_contents() {
    let mut made = Vec::new();
    for level in ["12", "12", "19"] {
        let workspace = Workspace::new();
        let old = publish_with(&workspace, "oci:store", "deltas:file", "1.0.0", &[]);
        let more = ["--delta-level", level];
        let new = publish_with(&workspace, "oci:store", "deltas:file", "1.1.0", &more);
        let (file, manifest) = stored_delta(&workspace.path("store"));
        assert_eq!(manifest["subject"]["digest"], new["split_manifest_digest"]);
        assert_eq!(
            manifest["config"]["mediaType"],
            "application/vnd.oci.empty.v1+json"
        );
        let annotations = &manifest["annotations"];
        assert_eq!(annotations["wasm.wharf.delta.source"], old["split_digest"]);
        assert_eq!(annotations["wasm.wharf.delta.size"], file.len().to_string());

        let delta = DeltaFile::open(file.clone()).unwrap();
        let header = &delta.header;
        assert_eq!(header.source.to_string(), old["split_digest"]);
        assert_eq!(header.target.to_string(), new["split_digest"]);
        assert_eq!(header.policy, None);
        let read = |version| Component::read(component(version), &POLICY).unwrap();
        let (old, new) = (read("1.0.0"), read("1.1.0"));
        let content = |component: &Component<Vec<u8>>, layer: usize| {
            let mut bytes = Vec::new();
            let mut reader = component.content(layer, &|_| {});
            std::io::Read::read_to_end(&mut reader, &mut bytes).unwrap();
            bytes
        };
        let contents: Vec<_> = new.contents().collect();
        let changed = contents
            .iter()
            .filter(|new| old.contents().all(|old| old != **new));
        assert_eq!(header.parts.len(), changed.count());
        for (number, part) in header.parts.iter().enumerate() {
            let PartKind::Layer(layer) = part.kind else {
                panic!("{part:?}");
            };
            let base = old
                .contents()
                .position(|old| Some(old) == part.base)
                .unwrap();
            let mut output = Vec::new();
            let expected = contents[layer as usize];
            let base = content(&old, base);
            let base = Base::Memory(&base);
            delta.decode(number, base, expected, &mut output).unwrap();
            assert!(output == content(&new, layer as usize));
        }
        made.push((file, manifest));
    }
    assert_eq!(made[0], made[1]);
}

#[test]
fn parts_that_save_too_little_are_left_out() {
    let workspace = Workspace::new();
    let publish = |seed: u64, version: &str| {
        let content = binary::custom("data", &noise(seed, LAYER_BYTES));
        let bytes = [assemble("calc"), content].concat();
        workspace.write("version.wasm", &bytes);
        let spec = format!("deltas:little@{version}");
        workspace.json(&["publish", "version.wasm", &spec, "--registry", "oci:store"])
    };
    publish(1, "1.0.0");
    // The whole layer is new, and the root is the same.
    assert!(sources(&publish(2, "1.1.0")).is_empty());
}

#[test]
fn copies_and_mirrors_take_deltas_along_with_referrers() {
    let workspace = Workspace::new();
    let places = places(&workspace);
    for (at, from) in places.iter().enumerate() {
        let to = &places[(at + 1) % places.len()];
        for compat in [&[][..], &["--compat"]] {
            let package = format!("deltas:along-n{at}f{}", compat.len());
            for version in ["1.0.0", "1.1.0"] {
                publish_with(&workspace, from, &package, version, compat);
            }
            let spec = format!("{package}@1.1.0");
            let copy = ["copy", &spec, to, "--registry", from];
            workspace.json(&copy);
            assert_eq!(attached(&workspace, to, &spec), set(&[]), "{to}");
            workspace.json(&[&copy[..], &["--referrers"]].concat());
            assert_eq!(attached(&workspace, to, &spec), set(&["1.0.0"]), "{to}");

            let mirror = format!("mirror-{at}-{}", compat.len());
            let file = format!(
                "[[mirror]]\nfrom = \"{from}\"\nto = \"oci:{mirror}\"\npackages = [\"{package}\"]\nreferrers = true\n"
            );
            workspace.write("mirror.toml", file.as_bytes());
            workspace.json(&["mirror", "mirror.toml"]);
            let to = format!("oci:{mirror}");
            assert_eq!(attached(&workspace, &to, &spec), set(&["1.0.0"]), "{to}");
            // A delta to another version is added to the copy later.
            publish_with(&workspace, from, &package, "1.1.1", compat);
            workspace.json(&["mirror", "mirror.toml"]);
            let spec = format!("{package}@1.1.1");
            let expected = set(&["1.1.0", "1.0.0"]);
            assert_eq!(attached(&workspace, &to, &spec), expected, "{to}");
        }
    }
}

#[test]
fn push_makes_deltas_only_on_request() {
    let workspace = Workspace::new();
    let registries = registries().iter();
    let places = registries.map(|registry| format!("{}/deltas/pushed:1", registry.host));
    for place in std::iter::once("oci:store:calc".to_owned()).chain(places) {
        let push = |version: &str, more: &[&str]| {
            workspace.write("version.wasm", &component(version));
            let report = workspace.json(&[&["push", "version.wasm", &place], more].concat());
            let deltas = report["deltas"].as_array().unwrap();
            let from = deltas.iter().map(|delta| delta["from"].clone());
            (report["split_digest"].clone(), from.collect::<Vec<_>>())
        };
        let (first, none) = push("1", &["--delta"]);
        assert!(none.is_empty());
        let (_, from) = push("2", &["--delta"]);
        assert_eq!(from, std::slice::from_ref(&first), "{place}");
        let (_, none) = push("3", &[]);
        assert!(none.is_empty());
        workspace.write("old.wasm", &component("1"));
        workspace.json(&["push", "old.wasm", "oci:old:calc"]);
        let (_, from) = push("4", &["--delta-from", "oci:old:calc"]);
        assert_eq!(from, [first], "{place}");
    }
}

#[test]
fn deltas_are_attached_to_stored_artifacts() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        for version in ["1.0.0", "1.1.0-rc.1", "1.1.0", "1.2.0", "2.0.0"] {
            publish_with(&workspace, &place, "deltas:later", version, &["--no-delta"]);
        }
        workspace.json(&["yank", "deltas:later@1.1.0", "--registry", &place]);
        let delta = |arguments: &[&str]| {
            let registry = ["--registry", place.as_str()];
            workspace.json(&[&["delta"], arguments, &registry].concat())
        };
        let made = delta(&["deltas:later@1.0.0", "deltas:later@1.2.0"]);
        assert_eq!(sources(&made), ["1.0.0"], "{place}");
        assert!(sources(&delta(&["deltas:later@1.0.0", "deltas:later@1.2.0"])).is_empty());
        // Yanked versions are sources if they are named.
        let made = delta(&["deltas:later@1.1.0", "deltas:later@1.1.0-rc.1"]);
        assert_eq!(sources(&made), ["1.1.0"], "{place}");
        let made = delta(&["--all-versions", "deltas:later@1.2.0"]);
        assert_eq!(sources(&made), ["1.1.0-rc.1"], "{place}");
        let made = delta(&["--all-versions", "deltas:later"]);
        assert_eq!(sources(&made), ["1.2.0", "1.1.0-rc.1", "1.0.0"], "{place}");
    }
    let store = ["oci:store:1.0.0", "oci:store:1.1.0", "oci:store:latest"];
    for (at, reference) in store.iter().enumerate() {
        workspace.write("version.wasm", &component(&at.to_string()));
        workspace.json(&["push", "version.wasm", reference]);
    }
    let made = workspace.json(&["delta", "--all-versions", store[1]]);
    assert_eq!(made["deltas"].as_array().unwrap().len(), 1);
    let made = workspace.json(&["delta", store[1], store[2]]);
    assert_eq!(made["deltas"].as_array().unwrap().len(), 1);
    workspace.error(&["delta", "--all-versions", store[2]], 2);
    workspace.error(&["delta", "--all-versions", store[0], store[1]], 2);
    workspace.error(&["delta", store[1]], 2);
    workspace.error(&["delta", "version.wasm", store[1]], 2);
    workspace.error(&["delta", store[0], "oci:store:none"], 3);
    workspace.error(&["delta", store[0], "oci:none:1.0.0"], 3);
    assert!(!workspace.path("none").exists());
}
