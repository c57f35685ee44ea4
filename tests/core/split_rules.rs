//! Every rule of the split plan but the cap, on inputs small enough to count their bytes by hand.

use std::ops::Range;

use crate::support::binary::{
    active, component, custom, data, lying_section, module, nested_component, nested_module, noise,
    passive, section,
};
use crate::support::plans::{Layers, NO_CAP, assert_plan, layers, planned};
use wharf::section::map;
use wharf::split::Granularity::{Module, Section, Segment};
use wharf::split::{SplitPolicy, identify, plan};

#[test]
fn nothing_but_the_listed_sections_leaves_the_root() {
    let sections = |ids: Range<u8>| -> Vec<Vec<u8>> {
        ids.map(|id| section(id, b"0123456789"))
            .chain([custom("name", b"0123456789")])
            .collect()
    };
    for granularity in [Section, Segment] {
        let expected: Layers<'_> = &[
            ("element[0]", 106..116),
            ("code[0]", 118..128),
            ("data[0]", 130..140),
            ("custom[0]:name", 243..253),
        ];
        assert_plan(&module(&sections(1..20)), granularity, 10, NO_CAP, expected);
    }
    for granularity in [Section, Segment, Module] {
        let expected: Layers<'_> = &[("custom[0]:name", 255..265)];
        assert_plan(
            &component(&sections(1..21)),
            granularity,
            10,
            NO_CAP,
            expected,
        );
    }
}

#[test]
fn a_layer_has_at_least_the_floor() {
    let code = module(&[section(10, b"0123456789")]);
    assert_plan(&code, Section, 10, NO_CAP, &[("code[0]", 10..20)]);
    assert_plan(&code, Section, 11, NO_CAP, &[]);
    // A custom section's name does not count.
    let name = module(&[custom("long name", b"0123456789")]);
    assert_plan(
        &name,
        Section,
        10,
        NO_CAP,
        &[("custom[0]:long_name", 20..30)],
    );
    assert_plan(&name, Section, 11, NO_CAP, &[]);
    // A suffix counts with its headers.
    assert_plan(&code, Module, 12, NO_CAP, &[("suffix[0]", 8..20)]);
    assert_plan(&code, Module, 13, NO_CAP, &[]);
    // No layer is empty, whatever the floor.
    let empty = module(&[
        section(10, b""),
        custom("", b""),
        data(&[passive(b""), passive(b"")]),
    ]);
    for floor in [0, 1] {
        assert_plan(&empty, Section, floor, NO_CAP, &[("data[0]", 15..20)]);
        assert_plan(&empty, Segment, floor, NO_CAP, &[("data[0]", 15..20)]);
    }
    let two = SplitPolicy::DEFAULT.floor as usize;
    let sections = [section(10, &vec![0; two - 1]), custom("", &vec![0; two])];
    let plan = plan(
        &map(module(&sections).as_slice(), 1).unwrap(),
        &SplitPolicy::DEFAULT,
    );
    assert_eq!(layers(&plan), [("custom[0]:", 4110..8206)]);
}

#[test]
fn segments_are_cut_if_the_policy_says_so() {
    let tens = b"0123456789";
    let segments = [active(tens), passive(b"short"), passive(tens), active(tens)];
    let bytes = component(&[nested_module(&[data(&segments)])]);
    assert_plan(
        &bytes,
        Section,
        10,
        NO_CAP,
        &[("module[0]/data[0]", 20..70)],
    );
    let gap = ("module[0]/data[0]/gap[1]", 36..45);
    let cut = [
        ("module[0]/data[0]/segment[0]", 26..36),
        ("module[0]/data[0]/segment[2]", 45..55),
        ("module[0]/data[0]/segment[3]", 60..70),
    ];
    assert_plan(&bytes, Segment, 10, NO_CAP, &cut);
    let [first, second, third] = cut;
    // A gap leaves from the floor on: here of nine bytes, the short segment among them.
    assert_plan(
        &bytes,
        Segment,
        9,
        NO_CAP,
        &[first.clone(), gap.clone(), second.clone(), third.clone()],
    );
    // At a floor of five bytes the short segment is cut itself, and the gaps are shorter ones.
    let expected: Layers<'_> = &[
        ("module[0]/data[0]/gap[0]", 20..26),
        first,
        ("module[0]/data[0]/segment[1]", 38..43),
        second,
        ("module[0]/data[0]/gap[3]", 55..60),
        third,
    ];
    assert_plan(&bytes, Segment, 5, NO_CAP, expected);
    assert_plan(
        &bytes,
        Segment,
        11,
        NO_CAP,
        &[("module[0]/data[0]", 20..70)],
    );
}

#[test]
fn bytes_after_the_last_cut_segment_are_a_gap() {
    let bytes = module(&[data(&[
        passive(b"0123456789"),
        passive(b"12"),
        passive(b"34"),
    ])]);
    let segment = ("data[0]/segment[0]", 13..23);
    assert_plan(
        &bytes,
        Segment,
        8,
        NO_CAP,
        &[segment.clone(), ("data[0]/gap[1]", 23..31)],
    );
    assert_plan(&bytes, Segment, 9, NO_CAP, &[segment]);
}

#[test]
fn a_data_section_that_cannot_be_read_is_one_payload() {
    let segments = [passive(b"0123456789"), passive(b"0123456789"), vec![7]];
    let bytes = module(&[data(&segments)]);
    assert_plan(&bytes, Segment, 1, NO_CAP, &[("data[0]", 10..36)]);
    let long = module(&[data(&[passive(&vec![0; 70_000]), vec![7]])]);
    assert_plan(&long, Section, 1, NO_CAP, &[("data[0]", 12..70_018)]);
}

#[test]
fn a_passive_segment_above_64_kib_is_cut_whatever_the_granularity_but_module() {
    const LIMIT: usize = 64 * 1024;
    let segments = [
        passive(&vec![1; LIMIT]),
        passive(&vec![2; LIMIT + 1]),
        active(&vec![3; LIMIT + 1]),
    ];
    let bytes = module(&[data(&segments)]);
    let expected: Layers<'_> = &[
        ("data[0]/gap[0]", 12..65_557),
        ("data[0]/segment[1]", 65_557..131_094),
        ("data[0]/gap[1]", 131_094..196_638),
    ];
    assert_plan(&bytes, Section, 4096, NO_CAP, expected);
    assert_plan(&bytes, Module, 4096, NO_CAP, &[("suffix[0]", 8..196_638)]);
    // The floor counts for it too.
    assert_plan(&bytes, Section, 65_537, NO_CAP, expected);
    assert_plan(&bytes, Section, 65_538, NO_CAP, &[("data[0]", 12..196_638)]);
    let below = module(&[data(&[passive(&vec![1; LIMIT])])]);
    assert_plan(&below, Section, 4096, NO_CAP, &[("data[0]", 12..65_553)]);
}

#[test]
fn a_module_leaves_as_its_suffix() {
    let code = || section(10, b"code");
    let large = [passive(&vec![0; 70_000])];
    let core = [
        section(1, b"types"),
        custom("early", b"0123"),
        section(9, b"elem"),
        code(),
        data(&large),
        custom("name", b"0123"),
    ];
    let expected: Layers<'_> = &[("custom[0]:early", 23..27), ("suffix[0]", 27..70_059)];
    assert_plan(&module(&core), Module, 4, NO_CAP, expected);
    // A kept custom section ends it. What comes later leaves by itself.
    let kept = [
        code(),
        custom("name", b"0123"),
        custom("component-type:x", b"wit!"),
        custom("late", b"0123"),
        section(11, b"late"),
    ];
    let expected: Layers<'_> = &[
        ("module[0]/suffix[0]", 18..35),
        ("module[0]/custom[2]:late", 65..69),
        ("module[0]/data[0]", 71..75),
        ("custom[0]:own", 81..85),
    ];
    let bytes = component(&[nested_module(&kept), custom("own", b"0123")]);
    assert_plan(&bytes, Module, 4, NO_CAP, expected);
    // A damaged module has no suffix, so that its sections leave by themselves, uncut.
    let damaged = [code(), data(&[passive(b"01")]), lying_section(0, 9, b"")];
    let expected: Layers<'_> = &[
        ("component[0]/module[0]/code[0]", 30..34),
        ("component[0]/module[0]/data[0]", 36..41),
        ("component[0]/module[1]/suffix[0]", 53..59),
    ];
    let inner = [nested_module(&damaged), nested_module(&[code()])];
    let bytes = component(&[nested_component(&inner)]);
    assert_plan(&bytes, Module, 1, NO_CAP, expected);
}

#[test]
fn the_same_segment_twice_is_two_layers_of_one_digest() {
    let model = noise(1, 70_000);
    let bytes = component(&[
        nested_module(&[data(&[
            passive(&model),
            passive(b"between"),
            passive(&model),
        ])]),
        nested_module(&[section(1, b"\0"), data(&[passive(&model)])]),
    ]);
    for granularity in [Section, Segment] {
        let plan = planned(&bytes, granularity, 4096, NO_CAP);
        let identities = identify(bytes.as_slice(), &plan).unwrap();
        assert_eq!(identities.layers.len(), 3);
        // The digest is the file's own, as it was packed.
        let file = wharf::digest::Identity::of(&model);
        assert!(identities.layers.iter().all(|layer| *layer == file));
    }
}
