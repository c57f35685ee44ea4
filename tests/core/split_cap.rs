//! How a split plan meets its cap, on inputs small enough to count their bytes by hand.

use crate::support::binary::{component, custom, data, nested_module, noise, passive, section};
use crate::support::plans::{NO_CAP, assert_plan, planned};
use wharf::split::Granularity::Segment;

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
fn the_cap_is_met_stage_by_stage() {
    let code = [("module[0]/code[0]", 20..40), ("module[1]/code[0]", 79..99)];
    let segments = [
        [
            ("module[0]/data[0]/segment[0]", 45..55),
            ("module[0]/data[0]/segment[1]", 57..67),
        ],
        [
            ("module[1]/data[0]/segment[0]", 104..116),
            ("module[1]/data[0]/segment[1]", 118..130),
        ],
    ];
    let data = [
        ("module[0]/data[0]", 42..67),
        ("module[1]/data[0]", 101..130),
    ];
    let suffix = [
        ("module[0]/suffix[0]", 18..67),
        ("module[1]/suffix[0]", 77..130),
    ];
    let customs = [("custom[0]:c", 134..144), ("custom[1]:d", 148..159)];
    let [code0, code1] = code;
    let [[segment00, segment01], [segment10, segment11]] = segments;
    let [data0, data1] = data;
    let [suffix0, suffix1] = suffix;
    let [c, d] = customs;
    let all = vec![
        code0.clone(),
        segment00,
        segment01,
        code1.clone(),
        segment10.clone(),
        segment11.clone(),
        c.clone(),
        d.clone(),
    ];
    let steps = [
        (NO_CAP, all.clone()),
        (9, all),
        // (a), the smaller payload first.
        (
            8,
            vec![
                code0.clone(),
                data0.clone(),
                code1.clone(),
                segment10,
                segment11,
                c.clone(),
                d.clone(),
            ],
        ),
        (
            7,
            vec![
                code0,
                data0,
                code1.clone(),
                data1.clone(),
                c.clone(),
                d.clone(),
            ],
        ),
        // (b), the smaller suffix first.
        (6, vec![suffix0.clone(), code1, data1, c.clone(), d.clone()]),
        (5, vec![suffix0.clone(), suffix1.clone(), c, d.clone()]),
        // (c), the smallest layer first.
        (4, vec![suffix0.clone(), suffix1.clone(), d]),
        (3, vec![suffix0, suffix1.clone()]),
        (2, vec![suffix1]),
        (1, vec![]),
        (0, vec![]),
    ];
    let bytes = two_modules([20, 10], [20, 12], [10, 11]);
    for (cap, expected) in steps {
        assert_plan(&bytes, Segment, 10, cap, &expected);
    }
}

#[test]
fn among_equals_the_first_in_the_file_goes_first() {
    let bytes = two_modules([20, 10], [20, 10], [10, 10]);
    let paths = |cap| -> Vec<String> {
        let plan = planned(&bytes, Segment, 10, cap);
        plan.layers.into_iter().map(|layer| layer.path).collect()
    };
    assert_eq!(paths(8)[..2], ["module[0]/code[0]", "module[0]/data[0]"]);
    assert_eq!(
        paths(8)[2..5],
        [
            "module[1]/code[0]",
            "module[1]/data[0]/segment[0]",
            "module[1]/data[0]/segment[1]"
        ]
    );
    assert_eq!(
        paths(6)[..3],
        [
            "module[0]/suffix[0]",
            "module[1]/code[0]",
            "module[1]/data[0]"
        ]
    );
    assert_eq!(
        paths(4),
        ["module[0]/suffix[0]", "module[1]/suffix[0]", "custom[1]:d"]
    );
    assert_eq!(paths(2), ["module[1]/suffix[0]"]);
}

#[test]
fn the_smallest_result_goes_first_and_not_the_first_in_the_file() {
    let bytes = two_modules([30, 12], [20, 10], [11, 10]);
    let paths = |cap| -> Vec<String> {
        let plan = planned(&bytes, Segment, 10, cap);
        plan.layers.into_iter().map(|layer| layer.path).collect()
    };
    assert_eq!(
        paths(8)[1..3],
        [
            "module[0]/data[0]/segment[0]",
            "module[0]/data[0]/segment[1]"
        ]
    );
    assert_eq!(paths(8)[3..5], ["module[1]/code[0]", "module[1]/data[0]"]);
    assert_eq!(
        paths(6)[..3],
        [
            "module[0]/code[0]",
            "module[0]/data[0]",
            "module[1]/suffix[0]"
        ]
    );
    assert_eq!(
        paths(4),
        ["module[0]/suffix[0]", "module[1]/suffix[0]", "custom[0]:c"]
    );
    assert_eq!(paths(2), ["module[0]/suffix[0]"]);
}

#[test]
fn merges_that_do_not_reduce_the_count_are_skipped() {
    // The first module has one layer, one segment of its data: it stays as it is in (a) and (b).
    let one = nested_module(&[data(&[passive(&noise(1, 10))])]);
    let two = nested_module(&[
        data(&[passive(&noise(2, 30)), passive(&noise(3, 30))]),
        section(10, &noise(4, 20)),
    ]);
    let bytes = component(&[one, two]);
    let segment = ("module[0]/data[0]/segment[0]", 23..33);
    let code = ("module[1]/code[0]", 112..132);
    let cut = [
        ("module[1]/data[0]/segment[0]", 48..78),
        ("module[1]/data[0]/segment[1]", 80..110),
    ];
    let [first, second] = cut;
    assert_plan(
        &bytes,
        Segment,
        10,
        5,
        &[segment.clone(), first, second, code.clone()],
    );
    assert_plan(
        &bytes,
        Segment,
        10,
        4,
        &[segment.clone(), ("module[1]/data[0]", 45..110), code],
    );
    assert_plan(
        &bytes,
        Segment,
        10,
        3,
        &[segment, ("module[1]/suffix[0]", 43..132)],
    );
    assert_plan(&bytes, Segment, 10, 2, &[("module[1]/suffix[0]", 43..132)]);
}

#[test]
fn a_merge_takes_only_layers_of_the_suffix() {
    // A custom section before the suffix and one after its end; gaps and customs within are taken.
    let core = [
        custom("early", &noise(1, 10)),
        data(&[passive(&noise(2, 10)), passive(&noise(3, 10))]),
        custom("name", &noise(4, 10)),
        custom("component-type", &noise(5, 10)),
        custom("late", &noise(6, 10)),
    ];
    let bytes = component(&[nested_module(&core), custom("own", &noise(7, 10))]);
    let layers = planned(&bytes, Segment, 2, NO_CAP).layers;
    assert_eq!(layers.len(), 8);
    let [early, late, own] = [
        ("module[0]/custom[0]:early", 26..36),
        ("module[0]/custom[3]:late", 114..124),
        ("custom[0]:own", 130..140),
    ];
    let suffix = ("module[0]/suffix[0]", 36..80);
    // Gap, segment, gap and segment become the payload, then payload and names the suffix.
    let payload = [
        ("module[0]/data[0]", 38..63),
        ("module[0]/custom[1]:name", 70..80),
    ];
    let [merged, name] = payload;
    assert_plan(
        &bytes,
        Segment,
        2,
        6,
        &[early.clone(), merged, name, late.clone(), own.clone()],
    );
    assert_plan(
        &bytes,
        Segment,
        2,
        5,
        &[early.clone(), suffix.clone(), late.clone(), own.clone()],
    );
    assert_plan(&bytes, Segment, 2, 4, &[suffix.clone(), late, own.clone()]);
    assert_plan(&bytes, Segment, 2, 2, &[suffix]);
}
