//! The two forms of a version as other programs see and copy them.

use super::*;
use crate::support::tool;

const SPLIT_TYPE: &str = "application/vnd.wharf.component.v1";

/// Runs regctl, to which every registry here speaks plain http.
#[track_caller]
fn regctl(workspace: &Workspace, program: &Path, arguments: &[&str]) -> String {
    let hosts = registries().iter();
    let hosts = hosts.flat_map(|registry| {
        let host = format!("reg={},tls=disabled", registry.host);
        ["--host".to_owned(), host]
    });
    let hosts: Vec<String> = hosts.collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    client(workspace, program, &[arguments, &hosts].concat())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The only entry of a list.
#[track_caller]
fn only(list: &Value) -> Value {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    assert_eq!(list.len(), 1, "{list:?}");
    list[0].clone()
}

#[test]
fn the_split_form_refers_to_the_flat_one() {
    for registry in registries() {
        let workspace = Workspace::new();
        let place = format!("{}/interop/refers", registry.host);
        let (_, published) = publish_compat(&workspace, &place, "demo:calc@1.0.0");
        let reference = format!("{place}/demo/calc:1.0.0");
        let split = &published["split_manifest_digest"];
        assert!(split.is_string(), "{published}");
        if let Some(oras) = tool("oras") {
            let discover = ["discover", "--plain-http", "--format", "json", &reference];
            let found = parsed(&client(&workspace, &oras, &discover));
            assert_eq!(found["digest"], published["flat_digest"]);
            let referrer = only(&found["referrers"]);
            assert_eq!(referrer["digest"], *split, "{}", registry.name);
            assert_eq!(referrer["artifactType"], SPLIT_TYPE);
        }
        if let Some(program) = tool("regctl") {
            let list = ["artifact", "list", &reference, "--format", "{{json .}}"];
            let found = parsed(&regctl(&workspace, &program, &list));
            let referrer = only(&found["descriptors"]);
            assert_eq!(referrer["digest"], *split, "{}", registry.name);
            assert_eq!(referrer["artifactType"], SPLIT_TYPE);
            let manifest = |reference: &str| {
                let get = ["manifest", "get", reference, "--format", "raw-body"];
                parsed(&regctl(&workspace, &program, &get))
            };
            let layer = only(&manifest(&reference)["layers"]);
            assert_eq!(layer["mediaType"], "application/wasm");
            let by_digest = format!("{place}/demo/calc@{}", split.as_str().unwrap());
            let behind = manifest(&by_digest);
            assert_eq!(behind["artifactType"], SPLIT_TYPE);
            assert_eq!(behind["subject"]["digest"], published["flat_digest"]);
        }
    }
}

#[test]
fn both_forms_are_copied_to_another_registry() {
    let all = registries();
    for (at, registry) in all.iter().enumerate() {
        let workspace = Workspace::new();
        let place = format!("{}/interop/copied", registry.host);
        let (bytes, published) = publish_compat(&workspace, &place, "demo:calc@1.0.0");
        let next = &all[(at + 1) % all.len()];
        let ours = format!("{}/interop/by-wharf", next.host);
        workspace.json(&["copy", "demo:calc", &ours, "--registry", &place]);
        assert_gets_split(&ours, "demo:calc", &bytes, &published);
        if let Some(program) = tool("regctl") {
            let theirs = format!("{}/interop/by-regctl", next.host);
            let from = format!("{place}/demo/calc");
            let to = format!("{theirs}/demo/calc");
            let copy = |tag: &str| {
                let (from, to) = (format!("{from}:{tag}"), format!("{to}:{tag}"));
                let copy = ["image", "copy", "--referrers", &from, &to];
                regctl(&workspace, &program, &copy);
            };
            // With `--digest-tags` it would write the split manifest by its tag and by its digest at once, and
            // distribution refuses a list that names a manifest while that is being written.
            copy("1.0.0");
            let flat = published["flat_digest"].as_str().unwrap();
            copy(&format!("{}.wharf", flat.replace(':', "-")));
            assert_gets_split(&theirs, "demo:calc", &bytes, &published);
            assert_eq!(shown(&workspace, &theirs, "demo:calc"), ["1.0.0"]);
        }
    }
}

#[test]
fn packages_copied_by_skopeo_to_a_layout_stay_packages() {
    let Some(skopeo) = tool("skopeo") else { return };
    for registry in registries() {
        let workspace = Workspace::new();
        let place = format!("{}/interop/skopeo", registry.host);
        let (bytes, published) = publish_compat(&workspace, &place, "demo:calc@1.0.0");
        let flags = ["--insecure-policy", "copy", "--quiet", "--preserve-digests"];
        let from = format!("docker://{place}/demo/calc:1.0.0");
        let places = [
            "--src-tls-verify=false",
            &from,
            "oci:copied:demo/calc:1.0.0",
        ];
        client(&workspace, &skopeo, &[&flags[..], &places].concat());
        let layout = workspace.path("copied");
        let layout = format!("oci:{}", layout.display());
        let reference = format!("{layout}:demo/calc:1.0.0");
        let pulled = Workspace::new().pull(&reference, &bytes);
        assert_eq!(pulled["digest"], published["digest"]);
        // It took one form of the two.
        assert_eq!(pulled["split_manifest_digest"], Value::Null);
        assert_gets(&Workspace::new(), &layout, "demo:calc@^1", &bytes);
        assert_eq!(shown(&workspace, &layout, "demo:calc"), ["1.0.0"]);
    }
}
