//! A component with more exports than the manifest states.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::*;
use crate::support::binary::{module, section, vector};

/// A core module with so many functions, each exported under a name as compilers make them.
fn exporting(exports: usize) -> Vec<u8> {
    let mut text = "(module".to_owned();
    for index in 0..exports {
        let hash = Digest::of(&index.to_le_bytes()).hex();
        let name = format!("_ZN4demo6part{}4item{index}17h{}E", index % 97, &hash[..16]);
        let body = format!("(param i32) (result i32) local.get 0 i32.const {index} i32.add");
        write!(text, "(func (export \"{name}\") {body})").unwrap();
    }
    wat::parse_str(text + ")").unwrap()
}

fn compressed_size(bytes: &[u8]) -> usize {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    zstd_safe::compress(&mut frame, bytes, 9).unwrap()
}

#[test]
fn a_pull_of_many_exports_fetches_the_root_and_the_layers_alone() {
    let (registry, publisher) = (Registry::start(), Workspace::new());
    let bytes = exporting(80_000);
    publisher.write("many.wasm", &bytes);
    let reference = format!("{}/demo/many:1.0", registry.address());
    publisher.json(&["push", "many.wasm", &reference]);
    let manifest = registry.manifest("demo/many", "1.0").unwrap();
    let read: Value = serde_json::from_slice(&manifest).unwrap();
    let config = read["config"]["size"].as_u64().unwrap();
    assert!(config < 1000, "{config}");

    registry.forget_requests();
    Workspace::new().pull(&reference, &bytes);
    let stored = layers(&manifest);
    let digests = stored.iter().map(|layer| layer.digest);
    assert_eq!(asked(&registry), sorted(digests));
    let sizes = stored.iter().map(|layer| layer.size as usize);
    let fetched = manifest.len() + sizes.sum::<usize>();
    let whole = compressed_size(&bytes);
    println!(
        "{} bytes, {fetched} fetched, {} of them the root, {whole} as one frame at level 9",
        bytes.len(),
        stored[0].size
    );
    assert!(fetched * 10 <= whole * 13, "{fetched} of {whole}");
}

#[test]
fn inspect_reads_many_exports_from_the_root() {
    let workspace = Workspace::new();
    workspace.write("many.wasm", &exporting(3000));
    workspace.json(&["push", "many.wasm", "oci:store:many"]);
    let report = workspace.json(&["inspect", "oci:store:many", "--no-cache"]);
    let exports = report["exports"].as_array().unwrap();
    assert_eq!(exports.len(), 3000);
    assert_eq!(
        (&report["names"], &report["warning"]),
        (&json!({}), &Value::Null)
    );
    assert_eq!(report["fetched_blobs"], 1);
    let local = workspace.json(&["inspect", "many.wasm"]);
    for member in ["exports", "names", "split_digest", "flat_digest"] {
        assert_eq!(local[member], report[member], "{member}");
    }
    let text = workspace
        .run(&["inspect", "oci:store:many"])
        .success()
        .text();
    let (layers, names) = text.split_once("\n\n0 imports\n\n3000 exports\n").unwrap();
    assert!(layers.contains("code[0]"), "{layers}");
    let lines: Vec<&str> = names.lines().collect();
    assert_eq!(lines.len(), 21, "{names}");
    assert_eq!(lines[19].trim(), exports[19]);
    assert_eq!(lines[20], "  and 2980 more");
}

#[test]
fn inspect_warns_if_the_names_in_the_root_cannot_be_read() {
    let workspace = Workspace::new();
    let name = vector(&[b'n'; 65_536]);
    let exports = section(7, &[&[1], &*name, &[2, 0]].concat());
    let damaged = module(&[exports, vec![10, 0xff]]);
    workspace.write("damaged.wasm", &damaged);
    workspace
        .run(&["push", "damaged.wasm", "oci:store:damaged"])
        .success();
    let report = workspace.json(&["inspect", "oci:store:damaged"]);
    let warning = report["warning"].as_str().unwrap();
    let expected = "the list of exports is only in the root, and the root cannot be read: ";
    assert!(warning.starts_with(expected), "{warning}");
    assert_eq!(report["names"]["exports"]["omitted"], true);
    assert_eq!(report["layers"].as_array().unwrap().len(), 1);
    let text = workspace
        .run(&["inspect", "oci:store:damaged"])
        .success()
        .text();
    assert!(!text.contains("exports\n"), "{text}");
}
