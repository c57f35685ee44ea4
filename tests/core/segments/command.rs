//! `wharf inspect --segments`, on a file and on what is stored.

use serde_json::Value;

use crate::support::registries::registries;
use crate::support::workspace::Workspace;

#[test]
fn a_stored_component_is_fetched_for_its_code() {
    let workspace = Workspace::new();
    workspace.fixture("passive");
    let local = workspace.json(&["inspect", "passive.wasm", "--segments"]);
    assert_eq!(local["segments"].as_array().unwrap().len(), 5);
    for member in ["fetched_bytes", "cached_bytes"] {
        assert_eq!(local[member], 0, "{member}");
    }
    let open = registries().iter().map(|registry| registry.host.as_str());
    let places = open.map(|host| format!("{host}/segments/passive:1"));
    for place in places.chain(["oci:layout:passive".to_owned()]) {
        // A floor of one byte makes a layer of all that can be one.
        workspace.json(&["push", "passive.wasm", &place, "--floor", "1", "--no-cache"]);
        let without = workspace.json(&["inspect", &place, "--no-cache"]);
        for member in ["segments", "segments_unread"] {
            assert_eq!(without[member], Value::Null, "{member}");
            assert!(without.as_object().unwrap().contains_key(member));
        }
        let cold = workspace.json(&["inspect", &place, "--segments", "--no-cache"]);
        assert_eq!(cold["segments"], local["segments"], "{place}");
        let layers = cold["layers"].as_array().unwrap();
        let stored: u64 = layers
            .iter()
            .map(|layer| layer["stored_size"].as_u64().unwrap())
            .sum();
        assert_eq!(cold["fetched_bytes"], stored, "{place}");
        assert_eq!(cold["fetched_blobs"], layers.len(), "{place}");
        assert_eq!(cold["cached_blobs"], 0, "{place}");
        workspace.json(&["pull", &place, "-o", "got.wasm"]);
        let warm = workspace.json(&["inspect", &place, "--segments"]);
        assert_eq!(warm["segments"], local["segments"], "{place}");
        assert_eq!(warm["fetched_blobs"], 0, "{place}");
        assert_eq!(warm["cached_bytes"], stored, "{place}");
    }
    assert_eq!(std::fs::read_dir(workspace.temporary()).unwrap().count(), 0);
}
