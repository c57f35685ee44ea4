//! Split plans in a form that a test can write down.

use std::ops::Range;

use wharf::section::map;
use wharf::split::{Granularity, SplitPlan, SplitPolicy, plan};

/// Paths and ranges of layers, by offset.
pub type Layers<'a> = &'a [(&'a str, Range<u64>)];

/// The plan of a file.
pub fn planned(bytes: &[u8], granularity: Granularity, floor: u64, max_layers: usize) -> SplitPlan {
    let policy = SplitPolicy {
        granularity,
        floor,
        max_layers,
    };
    let planned = plan(&map(bytes, floor).unwrap(), &policy);
    // What the map leaves out below the floor makes no difference.
    assert_eq!(planned, plan(&map(bytes, 0).unwrap(), &policy));
    planned
}

/// The layers of a plan.
pub fn layers(plan: &SplitPlan) -> Vec<(&str, Range<u64>)> {
    let layers = plan.layers.iter();
    layers
        .map(|layer| (layer.path.as_str(), layer.range.clone()))
        .collect()
}

/// Asserts what leaves the root of a file.
#[track_caller]
pub fn assert_plan(
    bytes: &[u8],
    granularity: Granularity,
    floor: u64,
    cap: usize,
    expected: Layers<'_>,
) {
    let plan = planned(bytes, granularity, floor, cap);
    assert_eq!(
        layers(&plan),
        expected,
        "{granularity}, floor {floor}, cap {cap}"
    );
    assert_eq!(plan.size, bytes.len() as u64);
}

/// A cap that no small plan meets.
pub const NO_CAP: usize = 1000;
