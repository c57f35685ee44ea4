//! The files of assets components in stores: layers of their own, and read back alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::binary::{component, custom, noise, section};
use crate::support::fault::{Fault, Registry};
use crate::support::registries::registries;
use crate::support::workspace::{Workspace, files, layers};
use wharf::digest::{Digest, Identity};

const SITE: [(&str, u64, usize); 4] = [
    ("index.html", 1, 4096),
    ("css/site.css", 2, 5000),
    ("css/fonts/a.woff", 3, 9000),
    ("copy.html", 1, 4096),
];

/// Writes files of noise: path, seed and size.
fn write(workspace: &Workspace, directory: &str, site: &[(&str, u64, usize)]) {
    for &(path, seed, size) in site {
        let path = workspace.path(directory).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, noise(seed, size)).unwrap();
    }
}

/// The files below a directory, by relative path.
fn below(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let relative = |path: PathBuf| path.strip_prefix(directory).unwrap().to_owned();
    let files = files(directory).into_iter();
    files.map(|(path, bytes)| (relative(path), bytes)).collect()
}

fn pack(workspace: &Workspace, directory: &str, reference: &str) -> serde_json::Value {
    workspace.json(&["assets", directory, "-o", "site.wasm"]);
    workspace.json(&["push", "site.wasm", reference])
}

/// The digests of the contents of all layers that a registry has under a tag.
fn contents(registry: &Registry, tag: &str) -> BTreeSet<Digest> {
    let manifest = registry.manifest("demo/site", tag).unwrap();
    let layers = layers(&manifest).into_iter();
    layers.map(|layer| layer.content).collect()
}

fn blob_requests(registry: &Registry) -> Vec<String> {
    let requests = registry.requests().into_iter();
    let requests = requests.filter(|request| request.path.contains("/blobs/"));
    requests.map(|request| request.path).collect()
}

fn reference(registry: &Registry, tag: &str) -> String {
    format!("{}/demo/site:{tag}", registry.address())
}

#[test]
fn each_file_is_a_layer_and_a_changed_file_sends_only_its_own() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    write(&workspace, "site", &SITE);
    pack(&workspace, "site", &reference(&registry, "1"));
    let before = contents(&registry, "1");
    for (path, seed, size) in SITE {
        assert!(before.contains(&Digest::of(&noise(seed, size))), "{path}");
    }
    let changed = noise(9, 5000);
    fs::write(workspace.path("site/css/site.css"), &changed).unwrap();
    let pushed = pack(&workspace, "site", &reference(&registry, "2"));
    let after = contents(&registry, "2");
    let new: BTreeSet<&Digest> = after.difference(&before).collect();
    let manifest = registry.manifest("demo/site", "2").unwrap();
    let root = layers(&manifest)[0].content;
    assert_eq!(new, BTreeSet::from([&root, &Digest::of(&changed)]));
    // The layer, the root and the config.
    assert_eq!(pushed["sent_blobs"], 3, "{pushed}");
}

#[test]
fn extract_gives_the_files_back_from_registries() {
    let workspace = Workspace::new();
    write(&workspace, "site", &SITE);
    for registry in registries() {
        let reference = format!("{}/demo/site:1", registry.host);
        pack(&workspace, "site", &reference);
        let cold = Workspace::new();
        let report = cold.json(&["assets", "extract", &reference, "out"]);
        assert!(below(&cold.path("out")) == below(&workspace.path("site")));
        assert_eq!(report["unchecked_bytes"], 0, "{}", registry.name);
        cold.cache().assert_sound();
        let report = cold.json(&["assets", "extract", &reference, "out"]);
        assert_eq!(report["existing_files"], 4, "{}", registry.name);
    }
}

/// A registry with a packed directory, and a workspace with an empty cache.
fn scene(site: &[(&str, u64, usize)]) -> (Registry, Workspace, String) {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    write(&workspace, "site", site);
    let reference = reference(&registry, "1");
    pack(&workspace, "site", &reference);
    registry.forget_requests();
    (registry, Workspace::new(), reference)
}

#[test]
fn extract_of_one_file_requests_only_its_layer() {
    let (registry, workspace, reference) = scene(&SITE);
    let manifest = registry.manifest("demo/site", "1").unwrap();
    let layers = layers(&manifest);
    let wanted = Digest::of(&noise(2, 5000));
    let wanted = layers.iter().find(|layer| layer.content == wanted).unwrap();
    workspace.json(&["assets", "extract", &reference, "out", "css/site.css"]);
    let requests: BTreeSet<String> = blob_requests(&registry).into_iter().collect();
    let blob = |digest: Digest| format!("/v2/demo/site/blobs/{digest}");
    let expected = [layers[0].digest, wanted.digest].map(blob);
    assert_eq!(requests, BTreeSet::from(expected));
    assert!(fs::read(workspace.path("out/css/site.css")).unwrap() == noise(2, 5000));
    assert_eq!(below(&workspace.path("out")).len(), 1);
    registry.forget_requests();
    let cat = ["cat", &reference, "--file", "index.html", "-o", "index"];
    workspace.json(&cat);
    assert_eq!(blob_requests(&registry).len(), 1);
    assert!(workspace.read("index") == noise(1, 4096));
}

#[test]
fn a_damaged_layer_is_an_error_and_leaves_no_file() {
    let (registry, workspace, reference) = scene(&SITE);
    let layer = Digest::of(&noise(2, 5000));
    let path = format!("/blobs/{layer}");
    registry.on("GET", &path, 1, Fault::WrongBytes);
    let arguments = ["assets", "extract", &reference, "out", "css/site.css"];
    workspace.error(&arguments, 5);
    assert!(below(&workspace.path("out")).is_empty());
    workspace.json(&arguments);
    assert_eq!(below(&workspace.path("out")).len(), 1);
}

#[test]
fn a_file_with_other_bytes_than_listed_is_an_error_and_leaves_no_file() {
    let workspace = Workspace::new();
    write(&workspace, "site", &SITE);
    pack(&workspace, "site", "oci:store:1");
    let mut bytes = workspace.read("site.wasm");
    let content = noise(2, 5000);
    let at = bytes.windows(5000).position(|found| found == content);
    bytes[at.unwrap() + 100] ^= 1;
    workspace.write("bad.wasm", &bytes);
    workspace.json(&["push", "bad.wasm", "oci:store:bad"]);
    for name in ["bad.wasm", "oci:store:bad"] {
        let error = workspace.error(&["assets", "extract", name, "out", "css"], 5);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("css/site.css"), "{message}");
        assert!(!workspace.path("out/css/site.css").exists());
        let cat = ["cat", name, "--file", "css/site.css", "-o", "part"];
        workspace.error(&cat, 5);
        assert!(!workspace.path("part").exists());
        workspace.json(&[&cat[..], &["--range", "0-4999"]].concat());
        fs::remove_file(workspace.path("part")).unwrap();
    }
}

#[test]
fn files_of_one_layer_are_fetched_together() {
    let names: Vec<String> = (0..600)
        .map(|file| format!("{}/{file}", file % 7))
        .collect();
    let site: Vec<(&str, u64, usize)> = (10..)
        .zip(&names)
        .map(|(seed, name)| (name.as_str(), seed, 4200 + seed as usize * 37 % 911))
        .collect();
    let (registry, workspace, reference) = scene(&site);
    let manifest = registry.manifest("demo/site", "1").unwrap();
    let layers = layers(&manifest).len();
    assert!(layers < 256, "{layers}");
    workspace.json(&["assets", "extract", &reference, "one", &names[300]]);
    // The root, the list and one layer with files.
    let requests = blob_requests(&registry).len();
    assert_eq!(requests, 3);
    workspace.json(&["assets", "extract", &reference, "all"]);
    let requests: Vec<String> = blob_requests(&registry);
    let distinct: BTreeSet<&String> = requests.iter().collect();
    assert_eq!(requests.len(), distinct.len());
    let found = below(&workspace.path("all"));
    assert_eq!(found.len(), 600);
    for (name, seed, size) in &site {
        assert!(found[Path::new(name)] == noise(*seed, *size), "{name}");
    }
}

#[test]
fn a_large_group_is_fetched_once_for_all_its_files() {
    let names: Vec<String> = (0..400).map(|file| format!("{file}")).collect();
    let site: Vec<(&str, u64, usize)> = (10..)
        .zip(&names)
        .map(|(seed, name)| (name.as_str(), seed, 150_001))
        .collect();
    let (registry, workspace, reference) = scene(&site);
    workspace.json(&["assets", "extract", &reference, "all"]);
    let requests = blob_requests(&registry);
    let distinct: BTreeSet<&String> = requests.iter().collect();
    assert_eq!(requests.len(), distinct.len());
    assert_eq!(below(&workspace.path("all")).len(), 400);
}

#[test]
fn every_segment_of_a_group_has_a_section_path() {
    let workspace = Workspace::new();
    let names: Vec<String> = (0..400).map(|file| format!("{file:03}")).collect();
    let site: Vec<(&str, u64, usize)> = (10..)
        .zip(&names)
        .map(|(seed, name)| (name.as_str(), seed, 5000))
        .collect();
    write(&workspace, "site", &site);
    pack(&workspace, "site", "oci:store:1");
    let list = workspace.json(&["inspect", "oci:store:1"]);
    let paths = list["layers"].as_array().unwrap().iter();
    let group = paths
        .filter_map(|layer| layer["path"].as_str())
        .find(|path| path.contains("/group["));
    let (data, _) = group.unwrap().rsplit_once('/').unwrap();
    let path = format!("{data}/segment[300]");
    workspace.json(&["cat", "oci:store:1", "--section", &path, "-o", "part"]);
    assert!(workspace.read("part") == noise(310, 5000));
}

#[test]
fn files_of_a_nested_component_and_of_every_form_are_found() {
    let workspace = Workspace::new();
    write(&workspace, "site", &SITE);
    pack(&workspace, "site", "oci:store:section");
    let assets = workspace.read("site.wasm");
    let decoy = custom("not-wharf:assets", b"no list");
    let (header, sections) = assets.split_at(8);
    let inner = [header, &decoy, sections].concat();
    let bundle = component(&[decoy, section(4, &inner), section(4, &assets)]);
    workspace.write("bundle.wasm", &bundle);
    for granularity in ["section", "segment", "module"] {
        for file in ["site", "bundle"] {
            let name = format!("oci:store:{file}-{granularity}");
            let wasm = format!("{file}.wasm");
            workspace.json(&["push", &wasm, &name, "--granularity", granularity]);
            let out = format!("{file}-{granularity}");
            workspace.json(&["assets", "extract", &name, &out]);
            assert!(
                below(&workspace.path(&out)) == below(&workspace.path("site")),
                "{out}"
            );
        }
    }
    workspace.json(&["assets", "extract", "bundle.wasm", "local"]);
    assert!(below(&workspace.path("local")) == below(&workspace.path("site")));
}

#[test]
fn a_flat_artifact_sends_the_range_of_a_file() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let site = [("a", 1, 3_000_000), ("b", 2, 5000)];
    write(&workspace, "site", &site);
    workspace.json(&["assets", "site", "-o", "site.wasm"]);
    let bytes = workspace.read("site.wasm");
    let layer = registry.put_blob("demo/site", &bytes);
    let config = registry.put_blob("demo/site", b"{}");
    let descriptor = |media_type: &str, blob: Identity| serde_json::json!({ "mediaType": media_type, "digest": blob.digest, "size": blob.size });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor("application/vnd.wasm.config.v0+json", config),
        "layers": [descriptor("application/wasm", layer)],
    });
    let manifest = manifest.to_string();
    registry.put_manifest("demo/site", "1", media_type, manifest.as_bytes());
    let before = registry.blob_bytes();
    let reference = reference(&registry, "1");
    let report = workspace.json(&["assets", "extract", &reference, "out", "b"]);
    let moved = registry.blob_bytes() - before;
    assert!(moved < 200_000, "{moved}");
    assert_eq!(report["unchecked_bytes"], moved);
    assert!(fs::read(workspace.path("out/b")).unwrap() == noise(2, 5000));
}

/// The files in a report of `inspect`: path and size.
fn listed(report: &serde_json::Value) -> Vec<(String, u64)> {
    let files = report["files"].as_array().unwrap().iter();
    let file = |file: &serde_json::Value| {
        let path = file["path"].as_str().unwrap().to_owned();
        (path, file["size"].as_u64().unwrap())
    };
    files.map(file).collect()
}

/// The site as `inspect` lists it.
fn sorted_site() -> Vec<(String, u64)> {
    let files = SITE.map(|(path, _, size)| (path.to_owned(), size as u64));
    BTreeMap::from(files).into_iter().collect()
}

#[test]
fn inspect_lists_files_from_the_root_alone() {
    let (registry, workspace, reference) = scene(&SITE);
    let report = workspace.json(&["inspect", &reference]);
    assert_eq!(report["mount"], "/assets");
    assert_eq!(listed(&report), sorted_site());
    let digest = Digest::of(&noise(2, 5000)).to_string();
    assert_eq!(report["files"][2]["digest"], digest);
    assert_eq!(blob_requests(&registry).len(), 1);
    assert_eq!(report["fetched_blobs"], 1);
    assert_eq!(workspace.json(&["inspect", &reference])["cached_blobs"], 1);
    assert_eq!(blob_requests(&registry).len(), 1);
}

#[test]
fn inspect_of_a_long_list_also_fetches_the_list() {
    let names: Vec<String> = (0..300).map(|file| format!("{file:030}")).collect();
    let site: Vec<(&str, u64, usize)> = (10..)
        .zip(&names)
        .map(|(seed, name)| (name.as_str(), seed, 5))
        .collect();
    let (registry, workspace, reference) = scene(&site);
    let report = workspace.json(&["inspect", &reference]);
    assert_eq!(listed(&report).len(), 300);
    assert_eq!(blob_requests(&registry).len(), 2);
    let text = workspace.run(&["inspect", &reference]).success().text();
    assert!(text.contains("300 files at /assets: 1.5 KiB"), "{text}");
    assert!(text.contains("  and 280 more\n"), "{text}");
}

#[test]
fn inspect_of_a_bundle_finds_files_by_its_layers() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    write(&workspace, "site", &SITE);
    workspace.json(&["assets", "site", "-o", "site.wasm"]);
    let bundle = component(&[section(4, &workspace.read("site.wasm"))]);
    workspace.write("bundle.wasm", &bundle);
    let reference = reference(&registry, "1");
    workspace.json(&["push", "bundle.wasm", &reference]);
    registry.forget_requests();
    let cold = Workspace::new();
    assert_eq!(listed(&cold.json(&["inspect", &reference])), sorted_site());
    assert_eq!(blob_requests(&registry).len(), 1);
    let local = workspace.json(&["inspect", "bundle.wasm"]);
    assert_eq!(listed(&local), sorted_site());
}

#[test]
fn inspect_of_a_component_without_files_fetches_no_blob() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let code = section(10, &noise(1, 5000));
    let module = section(1, &crate::support::binary::module(&[code]));
    workspace.write("app.wasm", &component(&[module]));
    let reference = reference(&registry, "1");
    workspace.json(&["push", "app.wasm", &reference]);
    registry.forget_requests();
    for workspace in [Workspace::new(), workspace] {
        let report = workspace.json(&["inspect", &reference]);
        assert_eq!(report["mount"], serde_json::Value::Null);
        assert_eq!(listed(&report), []);
        assert_eq!(report["cached_blobs"], 0);
        assert_eq!(blob_requests(&registry), [""; 0]);
    }
}

#[test]
fn inspect_warns_of_an_invalid_list() {
    let workspace = Workspace::new();
    workspace.write("bad.wasm", &component(&[custom("wharf:assets", b"\x07")]));
    workspace.json(&["push", "bad.wasm", "oci:store:bad"]);
    for name in ["bad.wasm", "oci:store:bad"] {
        let report = workspace.json(&["inspect", name]);
        let warning = report["warning"].as_str().unwrap();
        assert!(warning.contains("version 7"), "{warning}");
        assert_eq!(listed(&report), []);
    }
}
