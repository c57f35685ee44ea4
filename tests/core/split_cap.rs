//! How a split plan meets its cap, on inputs small enough to count their bytes by hand.

use crate::support::binary::{component, custom, data, nested_module, noise, passive, section};
use crate::support::plans::{NO_CAP, assert_plan};
use crate::support::smith;
use wharf::section::map;
use wharf::split::Granularity::{self, Module, Section, Segment};
use wharf::split::{SplitPlan, SplitPolicy, plan};

/// Two modules and two custom sections, eight layers in all at a floor of ten.
fn two_modules(first: [usize; 2], second: [usize; 2], customs: [usize; 2]) -> Vec<u8> {
    let core = |[code, segment]: [usize; 2]| {
        let segments = [passive(&noise(1, segment)), passive(&noise(2, segment))];
        nested_module(&[section(10, &noise(3, code)), data(&segments)])
    };
    let [c, d] = customs;
    component(&[
        core(first),
        core(second),
        custom("c", &noise(4, c)),
        custom("d", &noise(5, d)),
    ])
}

#[test]
fn the_cap_returns_the_smallest_layers_first_and_among_equals_the_first_in_the_file() {
    let all = [
        ("module[0]/code[0]", 20..40),
        ("module[0]/data[0]/segment[0]", 45..55),
        ("module[0]/data[0]/segment[1]", 57..67),
        ("module[1]/code[0]", 79..99),
        ("module[1]/data[0]/segment[0]", 104..116),
        ("module[1]/data[0]/segment[1]", 118..130),
        ("custom[0]:c", 134..144),
        ("custom[1]:d", 148..159),
    ];
    let bytes = two_modules([20, 10], [20, 12], [10, 11]);
    for cap in [NO_CAP, 9] {
        assert_plan(&bytes, Segment, 10, cap, &all);
    }
    let mut left = all.to_vec();
    for (cap, returned) in [
        (8, "module[0]/data[0]/segment[0]"),
        (7, "module[0]/data[0]/segment[1]"),
        (6, "custom[0]:c"),
        (5, "custom[1]:d"),
        (4, "module[1]/data[0]/segment[0]"),
        (3, "module[1]/data[0]/segment[1]"),
        (2, "module[0]/code[0]"),
        (1, "module[1]/code[0]"),
        (0, "nothing is left to return"),
    ] {
        left.retain(|(path, _)| *path != returned);
        assert_plan(&bytes, Segment, 10, cap, &left);
    }
}

#[test]
fn the_cap_counts_suffixes_as_layers() {
    let bytes = two_modules([20, 10], [21, 10], [10, 11]);
    let suffixes = [
        ("module[0]/suffix[0]", 18..67),
        ("module[1]/suffix[0]", 77..127),
    ];
    assert_plan(&bytes, Module, 10, 3, &suffixes);
    assert_plan(&bytes, Module, 10, 2, &suffixes[1..]);
}

/// Plans a file with a policy, and with the map of every byte.
fn plan_of(bytes: &[u8], granularity: Granularity, floor: u64, max_layers: usize) -> SplitPlan {
    let policy = SplitPolicy {
        granularity,
        floor,
        max_layers,
    };
    plan(&map(bytes, 1).unwrap(), &policy)
}

#[test]
fn a_higher_cap_or_a_lower_floor_never_gives_fewer_layers() {
    let mut cut = 0;
    for seed in 0..24 {
        let segments = [30, 10, 25, 12].map(|size| passive(&noise(seed, size)));
        let bytes = component(&[
            section(1, &smith::module(seed)),
            section(4, &smith::component(seed)),
            nested_module(&[section(10, &noise(seed, 20)), data(&segments)]),
            custom("noise", &noise(seed, 5000)),
        ]);
        for granularity in [Section, Segment, Module] {
            let mut of_higher_floor = vec![0; 40];
            for floor in [4096, 64, 21, 7, 1] {
                let mut smaller = plan_of(&bytes, granularity, floor, 1);
                assert_eq!(smaller.layers, []);
                for (cap, least) in (2..).zip(&mut of_higher_floor) {
                    let larger = plan_of(&bytes, granularity, floor, cap);
                    let case = format!("seed {seed}, {granularity}, floor {floor}, cap {cap}");
                    let kept = |layer| larger.layers.contains(layer);
                    assert!(smaller.layers.iter().all(kept), "{case}");
                    assert!(larger.layers.len() >= *least, "{case}");
                    cut += usize::from(larger.layers.len() + 1 == cap);
                    *least = larger.layers.len();
                    smaller = larger;
                }
            }
        }
    }
    assert!(cut > 1000, "{cut}");
}
