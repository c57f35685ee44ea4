//! May one component replace another.

use wharf::fits::upgrade;

use super::fixtures::{said, wit};
use crate::support::worlds::from_wit;

/// What keeps the second world's component from replacing the first's.
fn breaks(old: (&str, &str), new: (&str, &str)) -> Vec<String> {
    let verdict = upgrade(&from_wit(old.0, old.1), &from_wit(new.0, new.1));
    said(&verdict.unwrap())
}

#[test]
fn upgrades_may_add_exports_and_drop_imports_only() {
    let text = &wit("hosts.wit");
    for (old, new, expected) in [
        ("plain", "plain", vec![]),
        ("logger", "machine", vec![]),
        ("timed", "plain", vec![]),
        ("silent", "plain", vec![]),
        ("plain", "timed", vec!["no import demo:hosts/clock@1.0.0"]),
        ("plain", "silent", vec!["no export demo:hosts/run@1.0.0"]),
        (
            "machine",
            "logger",
            vec!["no export demo:hosts/clock@1.0.0"],
        ),
    ] {
        assert_eq!(breaks((text, old), (text, new)), expected, "{old}, {new}");
    }
}

#[test]
fn a_variant_may_neither_widen_nor_narrow() {
    let text = &wit("hosts.wit");
    let wider = &text.replace("    dropped,\n", "    dropped,\n    lost,\n");
    let narrower = &text.replace("    dropped,\n", "");
    for changed in [wider, narrower] {
        for world in ["logger", "silent"] {
            let said = breaks((text, world), (changed, world));
            let start = "demo:hosts/log@1.0.0: mismatched type for export `outcome`: expected a variant case count of 2";
            assert!(said.len() == 1 && said[0].starts_with(start), "{said:?}");
            assert!(breaks((changed, world), (changed, world)).is_empty());
        }
    }
}

#[test]
fn one_more_function_of_an_interface_is_an_addition_or_a_demand() {
    let text = &wit("hosts.wit");
    let more = &text.replace("now: func", "zone: func() -> string; now: func");
    assert!(breaks((text, "machine"), (more, "machine")).is_empty());
    assert_eq!(
        breaks((more, "machine"), (text, "machine")),
        ["demo:hosts/clock@1.0.0: instance is missing expected function export `zone`"]
    );
    assert!(breaks((more, "timed"), (text, "timed")).is_empty());
    assert_eq!(
        breaks((text, "timed"), (more, "timed")),
        ["demo:hosts/clock@1.0.0: instance has unexpected function export `zone`"]
    );
}

#[test]
fn an_interface_may_move_within_its_range() {
    let text = &wit("hosts.wit");
    for (version, expected) in [("1.4.0", 0), ("2.0.0", 2)] {
        let newer = &text.replace("@1.0.0", &format!("@{version}"));
        assert_eq!(breaks((text, "plain"), (newer, "plain")).len(), expected);
    }
}
