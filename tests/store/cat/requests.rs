//! The bytes that `cat` requests from a registry.

use super::*;
use crate::support::fault::Fault;

/// A registry with a module, pushed from elsewhere, and a workspace with an empty cache.
pub(super) struct Scene {
    pub(super) registry: Registry,
    pub(super) workspace: Workspace,
    pub(super) reference: String,
}

impl Scene {
    pub(super) fn new(sections: &[Vec<u8>]) -> Self {
        let (registry, workspace) = (Registry::start(), Workspace::new());
        workspace.write("app.wasm", &module(sections));
        let reference = format!("{}/demo/app:1.0", registry.address());
        workspace.json(&["push", "app.wasm", &reference]);
        registry.forget_requests();
        Self {
            registry,
            workspace: Workspace::new(),
            reference,
        }
    }

    /// Runs `cat`, checks its report against the bytes that the registry sent, and returns both.
    fn cat(&self, section: &str, range: &str) -> (Value, Vec<u8>) {
        let before = self.registry.blob_bytes();
        let arguments = [&self.reference, "--section", section, "--range", range];
        let (report, found) = report(&self.workspace, &arguments);
        assert_eq!(report["fetched_bytes"], self.registry.blob_bytes() - before);
        (report, found)
    }

    fn ranges(&self) -> Vec<Option<String>> {
        let requests = self.registry.requests().into_iter();
        let blobs = requests.filter(|request| request.path.contains("/blobs/"));
        blobs
            .map(|request| request.header("range").map(str::to_owned))
            .collect()
    }
}

/// More than half of this content is noise, so it is stored as it is.
fn large() -> Vec<u8> {
    noise(3, 8 * MIB)
}

/// A content of three frames.
fn three_frames() -> Vec<u8> {
    let pieces = noise(4, 2 * MIB);
    let pieces = pieces.chunks(4096);
    let pieces = pieces.flat_map(|piece| [piece, &[b'w'; 7 * 4096]].concat());
    pieces.chain(vec![b'e'; 300_000]).collect::<Vec<u8>>()
}

#[test]
fn a_range_of_a_raw_layer_moves_only_that_range() {
    let content = large();
    let scene = Scene::new(&[custom("large", &content)]);
    let (report, found) = scene.cat("custom[0]:large", "4000000-4000048");
    assert!(found == content[4_000_000..4_000_048]);
    let part = &report["unchecked_bytes"];
    assert_eq!((&report["fetched_bytes"], part), (&json!(48), &json!(48)));
    assert_eq!(scene.ranges(), [Some("bytes=4000000-4000047".to_owned())]);
    let arguments = ["--section", "custom[0]:large", "--range", "8388600-"];
    let arguments = [&[scene.reference.as_str()][..], &arguments].concat();
    let (found, notes) = cat(&scene.workspace, &arguments);
    assert!(found == content[8_388_600..]);
    assert!(
        notes.contains("note: 8 B") && notes.contains("not checked"),
        "{notes}"
    );
    scene.workspace.cache().assert_sound();
}

#[test]
fn most_of_a_layer_is_read_by_fetching_and_checking_all_of_it() {
    let content = large();
    let scene = Scene::new(&[custom("large", &content)]);
    let (report, found) = scene.cat("custom[0]:large", "10-4194314");
    assert!(found == content[10..4_194_314]);
    let all = &report["fetched_bytes"];
    assert_eq!(
        (all, &report["unchecked_bytes"]),
        (&json!(content.len()), &json!(0))
    );
    let (report, _) = scene.cat("custom[0]:large", "0-1");
    let cached = &report["cached_bytes"];
    assert_eq!(
        (cached, &report["unchecked_bytes"]),
        (&json!(content.len()), &json!(0))
    );
    assert_eq!(scene.ranges(), [None]);
}

#[test]
fn a_small_layer_is_fetched_whole_and_checked() {
    let (small, above) = (noise(5, MIB), noise(6, MIB + 1));
    let scene = Scene::new(&[custom("small", &small), custom("above", &above)]);
    let (report, found) = scene.cat("custom[0]:small", "5-6");
    assert!(found == small[5..6]);
    let all = &report["fetched_bytes"];
    assert_eq!((all, &report["unchecked_bytes"]), (&json!(MIB), &json!(0)));
    let (report, found) = scene.cat("custom[1]:above", "5-6");
    assert!(found == above[5..6]);
    let part = &report["fetched_bytes"];
    assert_eq!((part, &report["unchecked_bytes"]), (&json!(1), &json!(1)));
}

#[test]
fn a_range_of_a_compressed_layer_moves_only_its_frames() {
    let content = three_frames();
    let scene = Scene::new(&[custom("frames", &content)]);
    let manifest = scene.registry.manifest("demo/app", "1.0").unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let sizes = &manifest["layers"][1]["annotations"]["wasm.wharf.frames"];
    let sizes: Vec<u64> = sizes
        .as_str()
        .unwrap()
        .split(',')
        .map(|size| size.parse().unwrap())
        .collect();
    assert_eq!(sizes.len(), 3);
    let at = 9 * MIB + 4000;
    let (report, found) = scene.cat("custom[0]:frames", &format!("{at}-{}", at + 5000));
    assert!(found == content[at..at + 5000]);
    assert_eq!(report["fetched_bytes"], sizes[1]);
    assert_eq!(report["unchecked_bytes"], sizes[1]);
    // Two of three frames are most of the layer.
    let (report, found) = scene.cat("custom[0]:frames", &format!("{}-{at}", 8 * MIB - 1));
    assert!(found == content[8 * MIB - 1..at]);
    assert_eq!(report["fetched_bytes"], sizes.iter().sum::<u64>());
    assert_eq!(report["unchecked_bytes"], 0);
}

#[test]
fn segments_of_an_uncut_section_are_found_by_range() {
    let segments = [
        active(&noise(7, 2 * MIB)),
        active(&noise(8, 2 * MIB)),
        active(b"last"),
    ];
    let scene = Scene::new(&[data(&segments), custom("other", &noise(9, 2 * MIB))]);
    let (report, found) = scene.cat("data[0]/segment[2]", "0-");
    assert_eq!(found, b"last");
    let fetched = report["fetched_bytes"].as_u64().unwrap();
    assert!(fetched < 50_000, "{fetched}");
    // The first read of the section shows the first header, and each other read the next one.
    let ranges = scene.ranges();
    assert_eq!(ranges.iter().flatten().count(), 3, "{ranges:?}");
}

#[test]
fn close_segments_of_an_uncut_section_are_found_with_few_requests() {
    let segments: Vec<Vec<u8>> = (10..110).map(|seed| active(&noise(seed, 40_000))).collect();
    let scene = Scene::new(&[data(&segments)]);
    let (report, found) = scene.cat("data[0]/segment[99]", "0-");
    assert!(found == noise(109, 40_000));
    let ranges = scene.ranges();
    assert!(ranges.len() <= 12, "{ranges:?}");
    let fetched = report["fetched_bytes"].as_u64().unwrap();
    assert!(fetched <= 4_100_000, "{fetched}");
}

#[test]
fn an_empty_range_requests_no_layer() {
    let scene = Scene::new(&[custom("large", &large())]);
    assert_eq!(scene.cat("custom[0]:large", "7-7").1, b"");
    assert_eq!(scene.ranges(), []);
}

#[test]
fn a_registry_that_ignores_ranges_gives_the_same_bytes() {
    let content = large();
    let scene = Scene::new(&[custom("large", &content)]);
    let arguments = ["--section", "custom[0]:large", "--range", "1000000-1000100"];
    let arguments = [&[scene.reference.as_str()][..], &arguments].concat();
    for fault in [Fault::IgnoreRange, Fault::Status(416, vec![])] {
        scene.registry.on("GET", "/blobs/", 1, fault);
        let (found, _) = cat(&scene.workspace, &arguments);
        assert!(found == content[1_000_000..1_000_100]);
    }
}

#[test]
fn a_range_whose_transfer_breaks_off_continues_where_it_stopped() {
    let content = large();
    let scene = Scene::new(&[custom("large", &content)]);
    scene
        .registry
        .on("GET", "/blobs/", 1, Fault::Truncate(1000));
    let (_, found) = scene.cat("custom[0]:large", "2000000-2005000");
    assert!(found == content[2_000_000..2_005_000]);
    let wanted = ["bytes=2000000-2004999", "bytes=2001000-2004999"];
    assert_eq!(scene.ranges(), wanted.map(|range| Some(range.to_owned())));
}
