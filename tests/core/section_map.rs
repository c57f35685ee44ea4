//! The section map, with wasmparser as the oracle, and on files that no parser likes.

use std::ops::Range;

use crate::support::binary::{
    active, component, custom, data, leb, lying_section, module, nest, nested_component,
    nested_module, noise, pad_sizes, padded, padded_section, passive, random, section, vector,
};
use crate::support::oracle::{self, Truth};
use crate::support::smith;
use wharf::section::{BinaryKind, Error, MAX_RECORDED, SectionMap, map};
use wharf::split::{Granularity, SplitPolicy, plan};

fn map_of(bytes: &[u8], floor: u64) -> SectionMap {
    map(bytes, floor).unwrap()
}

/// The sections of a map as the oracle has them.
fn sections(map: &SectionMap) -> Vec<oracle::Section> {
    let sections = map.sections.iter().map(|section| oracle::Section {
        id: section.id,
        whole: section.whole.clone(),
        content: section.content.clone(),
    });
    sections.collect()
}

fn nested(map: &SectionMap) -> Vec<Range<u64>> {
    let nested = map.binaries[1..].iter();
    nested.map(|binary| binary.range.clone()).collect()
}

fn segments(map: &SectionMap) -> Vec<(Range<u64>, bool)> {
    let segments = map.segments.iter();
    segments
        .map(|segment| (segment.init.clone(), segment.passive))
        .collect()
}

/// Asserts that a map is what wasmparser says, in a file that wasmparser reads to its end.
fn assert_true(bytes: &[u8], case: &str) -> Truth {
    let truth = oracle::read(bytes);
    assert_eq!(truth.error, None, "{case}");
    for floor in [0, 1, 20] {
        let map = map_of(bytes, floor);
        let long = |range: &Range<u64>| range.end - range.start >= floor;
        let mut expected = truth.sections.clone();
        expected.retain(|section| long(&section.content));
        assert_eq!(sections(&map), expected, "{case}, floor {floor}");
        let mut expected = truth.segments.clone();
        expected.retain(|(init, _)| long(init));
        assert_eq!(segments(&map), expected, "{case}, floor {floor}");
        assert_eq!(map.imports, truth.imports, "{case}");
        assert_eq!(map.exports, truth.exports, "{case}");
        assert_eq!(map.damage, None, "{case}");
        let count = truth.sections.len() + truth.nested.len();
        assert_eq!(map.seen, count as u64, "{case}");
        assert_eq!(map.binaries_seen, truth.nested.len() as u64 + 1, "{case}");
    }
    // Only binaries with something in them are recorded.
    let holds_any = |range: &Range<u64>| range.end - range.start > BinaryKind::HEADER_BYTES;
    let mut expected = truth.nested.clone();
    expected.retain(holds_any);
    assert_eq!(nested(&map_of(bytes, 0)), expected, "{case}");
    truth
}

/// Asserts that whatever the map and the plans say of a file, its bytes can come back.
fn assert_tiles(bytes: &[u8], case: &str) {
    let size = bytes.len() as u64;
    let map = map_of(bytes, 1);
    assert!(map.sections.iter().all(|section| section.whole.end <= size));
    for granularity in [
        Granularity::Section,
        Granularity::Segment,
        Granularity::Module,
    ] {
        let policy = SplitPolicy {
            granularity,
            floor: 1,
            max_layers: 1000,
        };
        let plan = plan(&map, &policy);
        let mut at = 0;
        for hole in plan.holes() {
            assert!(at <= hole.start && hole.start < hole.end, "{case}");
            at = hole.end;
        }
        assert!(at <= size, "{case}");
    }
}

/// A component with everything in it: nested binaries, data of each kind, customs before and after.
fn rich_component() -> Vec<u8> {
    let code = section(10, &[1, 4, 0, 0x41, 0, 0x0b]);
    let types = section(1, &[1, 0x60, 0, 1, 0x7f]);
    let functions = section(3, &[1, 0]);
    let memories = section(5, &[1, 0, 1]);
    let segments = [active(b"hello"), passive(b"world!"), active(b"")];
    let core = [
        types,
        functions,
        memories,
        section(12, &[3]),
        code,
        data(&segments),
        custom("name", b"\0\x01x"),
    ];
    component(&[
        custom("before", b"text"),
        nested_module(&core),
        nested_component(&[nested_module(&[]), custom("inner", b"more")]),
        section(1, &pad_sizes(&module(&core))),
        component_imports(&[b"a:b/c@1.0.0", b"run"]),
        custom("before", b"again"),
    ])
}

/// An import section of instances.
fn component_imports(names: &[&[u8]]) -> Vec<u8> {
    let entries = names
        .iter()
        .map(|name| [&[0], vector(name).as_slice(), &[5, 0]].concat());
    section(
        10,
        &[leb(names.len()), entries.collect::<Vec<_>>().concat()].concat(),
    )
}

#[test]
fn generated_files_are_mapped_as_wasmparser_reads_them() {
    let mut count = (0, 0, 0, 0, 0);
    for seed in 0..150 {
        for (kind, bytes) in [
            ("module", smith::module(seed)),
            ("component", smith::component(seed)),
        ] {
            let truth = assert_true(&bytes, &format!("{kind} {seed}"));
            assert_true(&pad_sizes(&bytes), &format!("padded {kind} {seed}"));
            count.0 += truth.sections.len();
            count.1 += truth.nested.len();
            count.2 += truth.segments.len();
            count.3 += truth.imports.len();
            count.4 += truth.exports.len();
        }
    }
    let (sections, nested, segments, imports, exports) = count;
    assert!(
        sections > 3000 && nested > 300 && segments > 500,
        "{count:?}"
    );
    assert!(imports > 100 && exports > 300, "{count:?}");
}

#[test]
fn hand_made_files_are_mapped_as_wasmparser_reads_them() {
    let wide: Vec<Vec<u8>> = (1..=5)
        .map(|width| padded_section(0, &[&padded(4, width), b"wide!".as_slice()].concat(), width))
        .collect();
    let cases = [
        ("a rich component", rich_component()),
        ("a rich component, padded", pad_sizes(&rich_component())),
        ("a module's header", module(&[])),
        ("a component's header", component(&[])),
        ("padded sizes", module(&wide)),
        (
            "empty sections",
            module(&[custom("", b""), custom("x", b"")]),
        ),
        (
            "empty nested",
            component(&[nested_module(&[]), nested_component(&[])]),
        ),
        (
            "repeated customs",
            component(&vec![custom("same", b"content"); 9]),
        ),
        (
            "unknown ids",
            component(&[section(14, b"abc"), section(127, b""), section(14, b"")]),
        ),
        ("an empty data section", module(&[data(&[])])),
        (
            "300 tiny sections",
            component(&vec![custom("t", b"!"); 300]),
        ),
    ];
    for (case, bytes) in cases {
        assert_true(&bytes, case);
    }
}

#[test]
fn segment_offsets_may_be_any_constant_address_expression() {
    let offsets: [&[u8]; 8] = [
        b"\x41\xff\xff\xff\xff\x07\x0b",
        b"\x41\x80\x80\x80\x80\x78\x0b",
        b"\x42\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x0b",
        b"\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f\x0b",
        b"\x23\x85\0\x0b",
        b"\x41\x01\x23\x00\x6a\x41\x02\x6b\x41\x03\x6c\x0b",
        b"\x42\x01\x42\x02\x7c\x42\x02\x7d\x42\x03\x7e\x0b",
        b"\x0b",
    ];
    for flag in [b"\0".as_slice(), b"\x02\0", b"\x82\0\x81\x80\0", b"\x80\0"] {
        let segments = offsets.map(|offset| [flag, offset, b"\x03abc"].concat());
        let truth = assert_true(&module(&[data(&segments)]), &format!("{flag:?}"));
        assert_eq!(truth.segments.len(), 8);
    }
    let unreadable: [&[u8]; 8] = [
        // Bits above the 32nd, no end of the number, bits above the 64th.
        b"\0\x41\xff\xff\xff\xff\x0f\x0b\0",
        b"\0\x41\x80\x80\x80\x80\x80\0\x0b\0",
        b"\0\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x0b\0",
        b"\0\x23\x80\x80\x80\x80\x10\x0b\0",
        // Another flag, an expression without an end, bytes past the section, a null reference.
        b"\x03\0",
        b"\0\x41\0",
        b"\x01\x05abcd",
        b"\0\xd0\x70\x0b\0",
    ];
    for segment in unreadable {
        let bytes = module(&[data(&[passive(b"first"), segment.to_vec()])]);
        let map = map_of(&bytes, 1);
        assert_eq!(map.segments, [], "{segment:?}");
        assert_eq!(sections(&map).len(), 1, "{segment:?}");
    }
    let trailing = section(11, b"\x01\x01\x03abc!");
    assert_eq!(map_of(&module(&[trailing]), 1).segments, []);
}

#[test]
fn files_without_a_header_are_refused() {
    for bytes in [
        b"".as_slice(),
        b"\0asm\x01\0\0",
        b"\0asn\x01\0\0\0",
        b"#!/bin/sh\n",
    ] {
        assert!(
            matches!(map(bytes, 1), Err(Error::Header { .. })),
            "{bytes:?}"
        );
    }
    for (bytes, kind) in [
        (module(&[]), BinaryKind::Module),
        (component(&[]), BinaryKind::Component),
    ] {
        let map = map_of(&bytes, 0);
        assert_eq!((map.kind, map.size, map.seen), (kind, 8, 0));
        assert_eq!((map.sections.len(), map.binaries.len()), (0, 1));
    }
}

#[test]
fn truncated_sections_are_not_opened() {
    // Past the file's end, past the nested binary's end though not the file's, no size, a size of six
    // bytes, and one of 33 bits.
    let inner = [
        section(10, b"code"),
        lying_section(11, 9, b"\x01\x01\x03abc"),
    ];
    for (bytes, offset, kept) in [
        (
            module(&[section(10, b"code"), lying_section(0, 5, b"\x01a")]),
            14,
            1,
        ),
        (
            component(&[nested_module(&inner), custom("c", b"after")]),
            24,
            2,
        ),
        (module(&[section(10, b"code"), vec![0]]), 14, 1),
        (
            module(&[section(10, b"code"), padded_section(0, b"\x01ab", 6)]),
            14,
            1,
        ),
        (
            module(&[
                section(10, b"code"),
                b"\0\x83\x80\x80\x80\x10\x01ab".to_vec(),
            ]),
            14,
            1,
        ),
        (
            component(&[lying_section(1, 99, &module(&[section(10, b"code")]))]),
            8,
            0,
        ),
    ] {
        let map = map_of(&bytes, 1);
        assert_eq!(map.damage.as_ref().unwrap().offset, offset);
        assert_eq!(map.sections.len(), kept, "{map:?}");
        assert!(map.segments.is_empty());
        assert!(map.binaries.iter().all(|binary| binary.suffix.is_none()));
        assert_tiles(&bytes, "cut off");
    }
}

#[test]
fn a_component_cut_off_anywhere_is_mapped_as_far_as_it_goes() {
    for bytes in [rich_component(), pad_sizes(&rich_component())] {
        let whole = sections(&map_of(&bytes, 0));
        for end in 8..bytes.len() {
            let map = map_of(&bytes[..end], 0);
            let found = sections(&map);
            assert!(found.iter().all(|section| whole.contains(section)), "{end}");
            let boundary = whole.iter().any(|section| section.whole.end == end as u64);
            assert!(map.damage.is_some() || boundary || end == 8, "{end}");
            assert_tiles(&bytes[..end], "cut off");
        }
        for end in 0..8 {
            assert!(map(&bytes[..end], 0).is_err());
        }
    }
}

#[test]
fn rubbish_is_mapped_as_far_as_wasmparser_reads_it() {
    let mut damaged = 0;
    for seed in 0..600 {
        let mut bytes = match seed % 3 {
            0 => smith::component(seed / 6),
            1 => rich_component(),
            _ => smith::module(seed / 6),
        };
        let mut random = random(seed);
        for word in random.by_ref().take(1 + seed as usize % 4) {
            let at = 8 + word as usize % (bytes.len() - 8);
            bytes[at] = (word >> 32) as u8;
        }
        bytes.extend(noise(seed, seed as usize % 5));
        let found = sections(&map_of(&bytes, 0));
        let truth = oracle::read(&bytes);
        damaged += usize::from(truth.error.is_some());
        for section in truth.sections {
            assert!(found.contains(&section), "seed {seed}: {section:?}");
        }
        assert_tiles(&bytes, "rubbish");
    }
    assert!(damaged > 100, "{damaged}");
}

#[test]
fn nesting_is_followed_for_a_hundred_levels() {
    for (depth, entered) in [(10, 10), (99, 99), (100, 100), (101, 100), (200, 100)] {
        let bytes = nest(depth);
        let map = map_of(&bytes, 1);
        assert_eq!(map.binaries_seen, entered + 1, "{depth}");
        assert_eq!(map.damage, None);
        let levels = map.sections.iter().filter(|section| section.id == 0);
        assert_eq!(levels.count() as u64, entered + 1);
        let opaque: Vec<_> = map
            .sections
            .iter()
            .filter(|section| section.id == 4)
            .collect();
        assert_eq!(opaque.len(), usize::from(depth > 100));
        let deepest = &map.sections[entered as usize];
        let path = "component[0]/".repeat(entered as usize) + "custom[0]:level";
        assert_eq!(map.section_path(deepest), path);
        assert_tiles(&bytes, "nested");
    }
}

#[test]
fn five_million_sections_cost_nothing() {
    let bytes = module(&[custom("", b"").repeat(5_000_000)]);
    let map = map_of(&bytes, 1);
    assert_eq!((map.seen, map.damage.as_ref()), (5_000_000, None));
    assert_eq!((map.sections.capacity(), map.binaries.len()), (0, 1));
}

#[test]
fn recorded_entries_are_bounded() {
    // One section more than the bound, each with a byte in it; and nested modules with their paths.
    let bytes = module(&[custom("", b"!").repeat(MAX_RECORDED + 9)]);
    let map = map_of(&bytes, 1);
    assert_eq!(map.seen as usize, MAX_RECORDED + 9);
    assert!(map.sections.len() < MAX_RECORDED && map.sections.len() > MAX_RECORDED - 9);
    let bytes = component(&[nested_module(&[custom("", b"!")]).repeat(MAX_RECORDED)]);
    let map = map_of(&bytes, 1);
    assert_eq!(map.binaries_seen as usize, MAX_RECORDED + 1);
    assert!(map.binaries.len() + map.sections.len() <= MAX_RECORDED);
    let many = data(&vec![passive(b"!"); MAX_RECORDED + 9]);
    let map = map_of(&module(&[many]), 1);
    assert!(map.segments.len() + map.sections.len() + map.binaries.len() <= MAX_RECORDED);
    assert_tiles(&bytes, "bounded");
}

#[test]
fn a_suffix_begins_at_the_first_section_without_types_and_ends_where_one_must_stay() {
    let types = || section(1, b"\0");
    let start = || section(8, b"\0");
    let elements = || section(9, b"\0");
    let code = || section(10, b"\0");
    let count = || section(12, b"\0");
    let kept = || custom("component-type:x", b"wit");
    let name = || custom("name", b"names");
    let table = [
        ("nothing to leave", vec![types(), name()], None),
        ("start first", vec![types(), start(), code()], Some(11..17)),
        ("elements first", vec![elements(), types()], Some(8..11)),
        ("datacount first", vec![count(), code()], Some(8..14)),
        ("data alone", vec![types(), data(&[])], Some(11..14)),
        (
            "to the end",
            vec![code(), name(), data(&[]), name()],
            Some(8..38),
        ),
        ("kept before", vec![kept(), code()], Some(30..33)),
        (
            "kept after",
            vec![code(), name(), kept(), name()],
            Some(8..23),
        ),
        (
            "docs after",
            vec![code(), custom("package-docs", b""), code()],
            Some(8..11),
        ),
        (
            "docs and more",
            vec![code(), custom("package-docs2", b"")],
            Some(8..27),
        ),
        (
            "component-type, bare",
            vec![code(), custom("component-type", b"")],
            Some(8..11),
        ),
        (
            "no name after",
            vec![code(), section(0, b"\x05name")],
            Some(8..11),
        ),
        ("types after", vec![code(), types(), data(&[])], Some(8..11)),
        ("a tag after", vec![code(), section(13, b"\0")], Some(8..11)),
        ("unknown after", vec![code(), section(99, b"")], Some(8..11)),
        (
            "past the end",
            vec![code(), lying_section(11, 5, b"\0")],
            None,
        ),
        (
            "past the end after kept",
            vec![code(), kept(), lying_section(0, 5, b"")],
            None,
        ),
        ("no size", vec![code(), vec![11]], None),
    ];
    for (case, sections, suffix) in table {
        let map = map_of(&module(&sections), 1);
        assert_eq!(map.binaries[0].suffix, suffix, "{case}");
        // The same in a component, which itself has none.
        let nested = map_of(&component(&[nested_module(&sections)]), 1);
        assert_eq!(nested.binaries[0].suffix, None, "{case}");
        let moved = suffix.clone().map(|range| range.start + 10..range.end + 10);
        let found = nested
            .binaries
            .get(1)
            .and_then(|module| module.suffix.clone());
        assert_eq!(found, moved, "{case}");
        // Headers count: the suffix is a range of the file, not of contents.
        let size = suffix.map_or(0, |range| range.end - range.start);
        assert_eq!(
            map_of(&module(&sections), size + 1).binaries[0].suffix,
            None
        );
        let at_floor = map_of(&module(&sections), size).binaries[0]
            .suffix
            .is_some();
        assert_eq!(at_floor, size > 0, "{case}");
    }
}
