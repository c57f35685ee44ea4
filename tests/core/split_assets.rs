//! The layers of files: each in a layer of its own, or in groups if there are many.

use std::collections::BTreeSet;

use crate::support::binary::{
    active, component, custom, data, module, nested_component, nested_module, noise, passive,
};
use crate::support::plans::{NO_CAP, assert_plan, planned};
use wharf::split::Granularity::{Module, Section};
use wharf::split::SplitPolicy;

const FLOOR: u64 = SplitPolicy::DEFAULT.floor;
const CAP: usize = SplitPolicy::DEFAULT.max_layers;

fn list() -> Vec<u8> {
    custom("wharf:assets", b"list")
}

#[test]
fn each_file_is_a_layer() {
    let sizes = [5000, 4096, 4095, 4096];
    let mut segments: Vec<Vec<u8>> = sizes.map(|size| passive(&noise(1, size))).into();
    segments.push(active(&noise(2, 5000)));
    let files = nested_module(&[data(&segments)]);
    let expected: [(&str, _); 5] = [
        ("module[0]/data[0]/segment[0]", 28..5028),
        ("module[0]/data[0]/segment[1]", 5031..9127),
        ("module[0]/data[0]/gap[2]", 9127..13_228),
        ("module[0]/data[0]/segment[3]", 13_228..17_324),
        ("module[0]/data[0]/gap[3]", 17_324..22_330),
    ];
    let bytes = component(&[files.clone(), list()]);
    assert_plan(&bytes, Section, FLOOR, NO_CAP, &expected);
    assert_plan(
        &bytes,
        Module,
        FLOOR,
        NO_CAP,
        &[("module[0]/suffix[0]", 20..22_330)],
    );
    let parts = component(&[nested_component(&[files.clone(), list()]), files.clone()]);
    let plan = planned(&parts, Section, FLOOR, NO_CAP);
    let paths: Vec<&str> = plan.layers.iter().map(|layer| &layer.path[..]).collect();
    assert_eq!(
        paths,
        [
            "component[0]/module[0]/data[0]/segment[0]",
            "component[0]/module[0]/data[0]/segment[1]",
            "component[0]/module[0]/data[0]/gap[2]",
            "component[0]/module[0]/data[0]/segment[3]",
            "component[0]/module[0]/data[0]/gap[3]",
            "module[0]/data[0]",
        ]
    );
}

#[test]
fn a_list_elsewhere_cuts_no_segment() {
    let segments = [passive(&noise(1, 5000)), passive(&noise(2, 5000))];
    let alone = module(&[data(&segments), list()]);
    assert_plan(&alone, Section, FLOOR, NO_CAP, &[("data[0]", 11..10_018)]);
    let files = nested_module(&[data(&segments), list()]);
    let expected = &[("module[0]/data[0]", 22..10_029)];
    assert_plan(
        &component(std::slice::from_ref(&files)),
        Section,
        FLOOR,
        NO_CAP,
        expected,
    );
    let inner = component(&[
        list(),
        nested_component(&[nested_module(&[data(&segments)])]),
    ]);
    let plan = planned(&inner, Section, FLOOR, NO_CAP);
    assert_eq!(plan.layers[0].path, "component[0]/module[0]/data[0]");
}

/// A component with files of these sizes. There may be a new file of 5,000 bytes before one of them.
fn files_with(sizes: &[usize], new: Option<usize>) -> Vec<u8> {
    let mut segments: Vec<Vec<u8>> = (0..)
        .zip(sizes)
        .map(|(seed, &size)| passive(&noise(seed, size)))
        .collect();
    if let Some(index) = new {
        segments.insert(index, passive(&noise(u64::MAX, 5000)));
    }
    component(&[nested_module(&[data(&segments)]), list()])
}

fn files(sizes: &[usize]) -> Vec<u8> {
    files_with(sizes, None)
}

/// The contents of all layers of such a component.
fn contents_of(sizes: &[usize], new: Option<usize>) -> BTreeSet<Vec<u8>> {
    let bytes = files_with(sizes, new);
    let plan = planned(&bytes, Section, FLOOR, CAP);
    let content = |range: std::ops::Range<u64>| &bytes[range.start as usize..range.end as usize];
    plan.holes().map(|range| content(range).to_vec()).collect()
}

#[test]
fn many_files_share_layers() {
    let sizes: Vec<usize> = (0..2000).map(|file| 4200 + file * 37 % 911).collect();
    let bytes = files(&sizes);
    let plan = planned(&bytes, Section, FLOOR, CAP);
    assert!(
        (100..CAP).contains(&plan.layers.len()),
        "{}",
        plan.layers.len()
    );
    let left: u64 = plan
        .root_ranges()
        .map(|range| range.end - range.start)
        .sum();
    assert!(left < 2000, "{left}");
    let groups = plan
        .layers
        .iter()
        .filter(|layer| layer.path.contains("/group["));
    let indices: Vec<String> = groups.map(|layer| layer.path.clone()).collect();
    let expected = (0..indices.len()).map(|index| format!("module[0]/data[0]/group[{index}]"));
    assert!(indices.iter().cloned().eq(expected), "{indices:?}");
}

#[test]
fn a_changed_or_new_file_changes_the_groups_near_it() {
    let sizes: Vec<usize> = (0..2000).map(|file| 4200 + file * 37 % 911).collect();
    let mut changed = sizes.clone();
    changed[777] += 1;
    let old = contents_of(&sizes, None);
    let count = |new: BTreeSet<Vec<u8>>| new.difference(&old).count();
    assert!((1..=3).contains(&count(contents_of(&changed, None))));
    let inserted = count(contents_of(&sizes, Some(777)));
    assert!((1..=3).contains(&inserted), "{inserted}");
}

#[test]
fn files_of_one_size_share_layers_too() {
    let bytes = files(&[4096; 2000]);
    let plan = planned(&bytes, Section, FLOOR, CAP);
    assert!(
        (100..CAP).contains(&plan.layers.len()),
        "{}",
        plan.layers.len()
    );
}

#[test]
fn large_files_stay_alone() {
    let mut sizes = vec![4200; 600];
    sizes[100] = 300_000;
    sizes[300] = 200_000;
    let bytes = files(&sizes);
    let plan = planned(&bytes, Section, FLOOR, CAP);
    for index in [100, 300] {
        let path = format!("module[0]/data[0]/segment[{index}]");
        assert!(plan.layers.iter().any(|layer| layer.path == path), "{path}");
    }
}
