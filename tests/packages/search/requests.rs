//! What is asked of a registry, request by request.

use super::components::{TestComponent, VERSIONS, make};
use super::*;
use crate::support::binary;
use crate::support::fault::{Auth, Fault, Registry, Settings};
use crate::support::workspace;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Some packages in a registry of one's own, whose requests are counted.
fn scene() -> (Registry, Vec<TestComponent>) {
    let registry = Registry::start();
    let all: Vec<TestComponent> = make().into_iter().take(4 * VERSIONS).collect();
    publish_all(&registry.address(), &all);
    (registry, all)
}

/// Takes what was asked, in order of the text: tags are asked for side by side.
fn taken(registry: &Registry) -> Vec<String> {
    let mut lines = registry.lines();
    registry.forget_requests();
    lines.sort();
    lines
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// The requests of an update that finds nothing new in a registry of these: where its packages are, the catalog, the tags
/// of each repository, and the digest of each tag. No manifest is fetched, and no blob.
pub(crate) fn nothing_new(all: &[TestComponent]) -> Vec<String> {
    let mut lines = vec![
        "GET /.well-known/wasm-pkg/registry.json".to_owned(),
        "GET /v2/_catalog".to_owned(),
    ];
    for made in all {
        let repository = made.package.replace(':', "/");
        lines.push(format!("GET /v2/{repository}/tags/list"));
        lines.push(format!("HEAD /v2/{repository}/manifests/{}", made.version));
    }
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn an_update_with_nothing_new_fetches_nothing() {
    let (registry, mut all) = scene();
    let place = registry.address();
    let workspace = Workspace::new();
    workspace.write("flat.wasm", &all[0].bytes);
    // What is yanked, what has two forms, and what is no component at all.
    let yanked = format!("{}@{}", all[0].package, all[0].version);
    workspace.json(&["yank", &yanked, "--registry", &place]);
    let compat = [
        "publish",
        "flat.wasm",
        "demo:flat@1.0.0",
        "--compat",
        "--registry",
        &place,
    ];
    workspace.json(&compat);
    let image = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    registry.put_manifest("demo/image", "1.0.0", MANIFEST, image);
    registry.forget_requests();
    workspace.json(&["index", "add", &place]);
    let first = taken(&registry);
    let fetched = first.iter().filter(|line| line.starts_with("GET "));
    let fetched = fetched.filter(|line| line.contains("/manifests/sha256:"));
    assert!(fetched.count() > all.len(), "{first:?}");

    for (package, version) in [("demo:flat", "1.0.0"), ("demo:image", "1.0.0")] {
        let mut more = all[0].clone();
        (more.package, more.version) = (package.to_owned(), version.to_owned());
        all.push(more);
    }
    let mut expected = nothing_new(&all);
    let of_yanked = search(
        &workspace,
        &[&yanked[..yanked.find('@').unwrap()], "--all-versions"],
    );
    let rows = of_yanked["packages"].as_array().unwrap().iter();
    let mut rows = rows.filter(|row| row["yanked"] == true);
    let digest = rows.next().unwrap()["digest"].as_str().unwrap();
    let mark = digest.replace("sha256:", "sha256-");
    // The digest of the mark, too.
    expected.push(format!(
        "HEAD /v2/{}/manifests/{mark}.yank",
        all[0].package.replace(':', "/")
    ));
    for _again in 0..2 {
        workspace.json(&["index", "update"]);
        assert_eq!(taken(&registry), sorted(expected.clone()));
    }
    // And everything once more where that is wanted.
    workspace.json(&["index", "update", "--all"]);
    assert_eq!(taken(&registry).len(), first.len());
}

#[test]
fn a_registry_that_refuses_head_gets_a_get() {
    let (registry, all) = scene();
    let place = registry.address();
    let refused: [(u16, Vec<(&str, String)>); 3] = [
        (405, vec![]),
        (400, vec![]),
        // It answers, and does not say which manifest it is.
        (200, vec![("docker-content-digest", String::new())]),
    ];
    for (status, headers) in refused {
        let workspace = Workspace::new();
        registry.on(
            "HEAD",
            "/manifests/",
            all.len(),
            Fault::Status(status, headers),
        );
        let added = workspace.json(&["index", "add", &place]);
        assert_eq!(added["failures"], serde_json::json!([]), "{status}");
        assert_eq!(search(&workspace, &["--all-versions"])["total"], all.len());
        let first = taken(&registry);
        let by_tag = all.iter().map(|made| {
            let repository = made.package.replace(':', "/");
            format!("GET /v2/{repository}/manifests/{}", made.version)
        });
        for line in by_tag {
            assert!(first.contains(&line), "{status}: {line} not in {first:?}");
        }
        // The digests are the same, so with HEAD there is nothing new.
        let again = workspace.json(&["index", "update"]);
        assert_eq!(again["sources"][0]["new"], 0);
        assert_eq!(taken(&registry), nothing_new(&all), "{status}");
    }
}

#[test]
fn behind_a_flat_tag_the_split_form_is_indexed_and_only_its_root_fetched() {
    let registry = Registry::start();
    let place = registry.address();
    let workspace = Workspace::new();
    let made = &make()[0];
    // Large enough to be worth a layer of its own.
    let large = binary::custom("large", &binary::noise(7, 100_000));
    let component = [made.bytes.clone(), large].concat();
    workspace.write("made.wasm", &component);
    let publish = [
        "publish",
        "made.wasm",
        "demo:made@1.0.0",
        "--registry",
        &place,
    ];
    let published = workspace.json(&[&publish[..], &["--compat"]].concat());
    let split = registry
        .manifest(
            "demo/made",
            published["split_manifest_digest"].as_str().unwrap(),
        )
        .unwrap();
    let layers = workspace::layers(&split);
    assert!(layers.len() > 1);

    let reader = Workspace::new();
    reader.json(&["index", "add", &place]);
    let row = search(&reader, &["demo:made"])["packages"][0].clone();
    assert_eq!(row["digest"], published["digest"]);
    let sum: u64 = layers.iter().map(|layer| layer.size).sum();
    assert_eq!(row["fetch_bytes"], sum);
    assert_ne!(sum, component.len() as u64, "as much as the flat form has");

    taken(&registry);
    let wit = format!(
        "{}\nworld any {{ export {}; }}",
        super::components::WIT,
        made.exports.iter().find(|name| name.contains(':')).unwrap()
    );
    reader.write("any.wit", wit.as_bytes());
    let imports = &made.imports;
    assert!(imports.is_empty(), "{imports:?}: the world offers nothing");
    let world = ["--world", "any", "--wit", "any.wit"];
    assert_eq!(search(&reader, &world)["total"], 1);
    let blobs = taken(&registry).into_iter();
    let blobs: Vec<String> = blobs.filter(|line| line.contains("/blobs/")).collect();
    let root = format!("GET /v2/demo/made/blobs/{}", layers[0].digest);
    assert_eq!(blobs, [root], "one root, and none of the code");
    // It is known from now on.
    assert_eq!(search(&reader, &world)["total"], 1);
    assert_eq!(taken(&registry), [""; 0]);
}

#[test]
fn one_token_serves_a_shared_index() {
    let registry = Registry::start_with(Settings {
        auth: Auth::Bearer {
            login: None,
            realm: None,
            uses: 1000,
        },
        ..Settings::default()
    });
    let home = Workspace::new();
    let open = Registry::start();
    let place = open.address();
    publish_all(&place, &make()[..VERSIONS]);
    home.json(&["index", "add", &place]);
    let target = format!("{}/company/index:latest", registry.address());
    home.json(&["index", "publish", &target, "--everything"]);
    registry.forget_requests();
    let reader = Workspace::new();
    reader.json(&["index", "add", &target]);
    let lines = registry.lines();
    let [refused, token, manifest, blob] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(refused, manifest);
    assert_eq!(token, "GET /token");
    assert_eq!(manifest, "GET /v2/company/index/manifests/latest");
    assert!(blob.starts_with("GET /v2/company/index/blobs/sha256:"));
    assert_eq!(search(&reader, &["--all-versions"])["total"], VERSIONS);
}
