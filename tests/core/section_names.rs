//! Names in a component: what it imports and exports, and what paths make of hostile ones.

use crate::support::binary::{component, custom, leb, module, nested_module, section, vector};
use crate::support::oracle;
use wharf::section::{BinaryKind, MAX_PATH_NAME_BYTES, NameDetails, SectionMap, map};
use wharf::split::{SplitPolicy, plan};

fn map_of(bytes: &[u8]) -> SectionMap {
    map(bytes, 1).unwrap()
}

/// A section of entries, with their number before them.
fn entries(id: u8, entries: &[&[u8]]) -> Vec<u8> {
    section(id, &[leb(entries.len()), entries.concat()].concat())
}

/// Asserts both lists, of our own map and of wasmparser.
fn assert_lists(bytes: &[u8], imports: &[&str], exports: &[&str]) {
    let map = map_of(bytes);
    assert_eq!(
        (&*map.imports, &*map.exports),
        (&*owned(imports), &*owned(exports))
    );
    let truth = oracle::read(bytes);
    assert_eq!((map.imports, map.exports), (truth.imports, truth.exports));
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn core_imports_are_distinct_modules_in_file_order() {
    let imports = entries(
        2,
        &[
            b"\x03env\x01f\0\x80\0",
            b"\x04wasi\x01t\x01\x70\x01\x01\x02",
            b"\x03env\x01u\x01\x64\x6f\x04\0",
            b"\x01a\x01v\x01\x63\x05\x07\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x01b\x01m\x02\x03\x01\x02",
            b"\x01c\x01n\x02\x09\x01\x02\x10",
            b"\x01d\x01g\x03\x7b\x01",
            b"\x01e\x01h\x03\x64\x85\x80\0\0",
            b"\x01a\x01i\x03\x6d\0",
            b"\x04tags\0\x04\0\x07",
        ],
    );
    let exports = entries(
        7,
        &[
            b"\x01f\0\0",
            b"\x02\xc3\xa9\x01\x05",
            b"\0\x02\0",
            b"\x01g\x03\x01",
            b"\x01t\x04\0",
        ],
    );
    let bytes = module(&[imports, exports]);
    let modules = ["env", "wasi", "a", "b", "c", "d", "e", "tags"];
    assert_lists(&bytes, &modules, &["f", "é", "", "g", "t"]);
}

#[test]
fn compact_core_imports_are_read() {
    let imports = entries(
        2,
        &[
            b"\x01m\0\x7f\x02\x01a\0\0\x01b\x03\x6f\x01",
            b"\x01n\0\x7e\0\0\x02\x01o\x01p",
            b"\x04none\0\x7f\0",
            b"\x01q\0\0\x05",
        ],
    );
    assert_lists(&module(&[imports]), &["m", "n", "q"], &[]);
}

#[test]
fn component_names_are_read_with_every_kind_of_attribute() {
    let imports = entries(
        10,
        &[
            b"\0\x05a:b/c\x05\0",
            b"\x01\x05d:e/f\x01\x80\x01",
            b"\x02\x01g\x03\0\x07a:b/c@1\x01\x02.2\x02\x01x\x05\x01",
            b"\0\x04core\0\x11\0",
            b"\0\x04same\x03\0\x03",
            b"\0\x03res\x03\x01",
            b"\0\x04comp\x04\0",
        ],
    );
    let exports = entries(
        11,
        &[
            b"\0\x03run\x01\0\0",
            b"\0\x07a:b/c@1\x05\x07\x01\x05\x02",
            b"\0\x03mod\0\x11\0\x01\0\x11\x01",
            b"\x02\x01h\0\x03\0\x01\x03\x01",
        ],
    );
    let bytes = component(&[imports.clone(), exports]);
    let names = ["a:b/c", "d:e/f", "g", "core", "same", "res", "comp"];
    assert_lists(&bytes, &names, &["run", "a:b/c@1", "mod", "h"]);
    // Several sections make one list; those of nested binaries do not count.
    let nested = section(4, &component(&[entries(10, &[b"\0\x01n\x05\0"])]));
    let bytes = component(&[imports, nested, entries(10, &[b"\0\x04last\x05\0"])]);
    assert_eq!(map_of(&bytes).imports.last().unwrap(), "last");
    assert_eq!(map_of(&bytes).imports.len(), names.len() + 1);
}

#[test]
fn attributes_are_read_with_their_names() {
    let imports = entries(
        10,
        &[
            b"\x02\x01p\x01\0\x0ba:b/c@0.2.0\x05\0",
            b"\x02\x09d:e/f@0.2\x01\x01\x02.6\x05\0",
            b"\x02\x01q\x02\x01\x02.3\0\x07a:b/c@1\x05\0",
            b"\x02\x01r\x01\x02\x01x\x05\0",
            b"\x02\x01s\0\x05\0",
            b"\0\x05t:u/v\x05\0",
            // The name once more; the first entry counts.
            b"\x02\x01p\x01\0\x05z:z/z\x05\0",
        ],
    );
    let exports = entries(11, &[b"\x02\x05d:e/f\x01\x01\x02.6\x05\0\0"]);
    let map = map_of(&component(&[imports, exports]));
    assert_eq!(map.imports, ["p", "d:e/f@0.2", "q", "r", "s", "t:u/v", "p"]);
    let interfaces = map
        .imports
        .iter()
        .map(|name| map.names.imports.interface(name));
    assert_eq!(
        interfaces.collect::<Vec<_>>(),
        [
            "a:b/c@0.2.0",
            "d:e/f@0.2.6",
            "a:b/c@1.3",
            "r",
            "s",
            "t:u/v",
            "a:b/c@0.2.0"
        ]
    );
    // Without a version there is nothing that a suffix could follow.
    assert_eq!(map.names.exports.interface("d:e/f"), "d:e/f");
    let json = serde_json::to_string(&map.names).unwrap();
    assert_eq!(
        json,
        r#"{"imports":{"attributes":{"d:e/f@0.2":{"versionsuffix":".6"},"p":{"implements":"a:b/c@0.2.0"},"q":{"implements":"a:b/c@1","versionsuffix":".3"},"r":{"external-id":"x"}}},"exports":{"attributes":{"d:e/f":{"versionsuffix":".6"}}}}"#
    );
    assert_eq!(
        serde_json::from_str::<NameDetails>(&json).unwrap(),
        map.names
    );
}

#[test]
fn only_plain_names_stand_for_another_interface() {
    let imports = entries(10, &[b"\x02\x05e:v/l\x02\0\x05a:b/c\x01\x02.1\x05\0"]);
    let map = map_of(&component(&[imports]));
    assert_eq!(map.names.imports.interface("e:v/l"), "e:v/l");
}

#[test]
fn lists_of_a_damaged_file_are_incomplete() {
    let imports = || entries(10, &[b"\0\x01a\x05\0"]);
    let cut = component(&[imports(), b"\x0b\x7f".to_vec()]);
    let map = map_of(&cut);
    assert_eq!(map.imports, ["a"]);
    assert!(map.names.imports.incomplete && map.names.exports.incomplete);
    // Damage in a nested binary leaves the lists of the file complete.
    let inside = nested_module(&[b"\x0b\x7f".to_vec()]);
    let map = map_of(&component(&[imports(), inside]));
    assert!(map.damage.is_some());
    assert!(map.names.is_empty());
}

#[test]
fn a_file_of_an_unknown_version_is_all_root() {
    for (header, kind, reason) in [
        (
            b"\x01\0\x01\0",
            BinaryKind::Component,
            "unknown version 1 of layer 1",
        ),
        (
            b"\x0e\0\x01\0",
            BinaryKind::Component,
            "unknown version 14 of layer 1",
        ),
        (
            b"\x01\0\x02\0",
            BinaryKind::Component,
            "unknown version 1 of layer 2",
        ),
        (
            b"\x02\0\0\0",
            BinaryKind::Module,
            "unknown version 2 of layer 0",
        ),
        (
            b"\x0d\0\0\0",
            BinaryKind::Module,
            "unknown version 13 of layer 0",
        ),
    ] {
        let sections = [entries(10, &[b"\0\x05a:b/c\x05\0"]), section(10, b"code")].concat();
        let bytes = [b"\0asm".as_slice(), header, &sections].concat();
        let map = map(bytes.as_slice(), 0).unwrap();
        assert_eq!((map.kind, map.seen), (kind, 0));
        assert_eq!((map.sections.len(), map.imports.len()), (0, 0));
        assert!(map.names.imports.incomplete && map.names.exports.incomplete);
        let damage = map.damage.unwrap();
        assert_eq!((damage.offset, &*damage.reason), (4, reason));
    }
}

#[test]
fn a_repeated_attribute_ends_a_list() {
    let twice = b"\x02\x01p\x02\0\x01a\0\x01b\x05\0";
    let map = map_of(&component(&[entries(10, &[b"\0\x01a\x05\0", twice])]));
    assert_eq!(map.imports, ["a"]);
    assert!(map.names.imports.incomplete && !map.names.exports.incomplete);
}

#[test]
fn long_attributes_end_a_list() {
    let text = vector(&[b'x'; 99_999]);
    let entry = |name: &[u8]| {
        let parts = [b"\x02", &*vector(name), b"\x01\x02", &text, b"\x05\0"];
        parts.concat()
    };
    let names: Vec<Vec<u8>> = (0..200)
        .map(|index| entry(&[b'a' + index / 10, b'0' + index % 10]))
        .collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let map = map_of(&component(&[entries(10, &names)]));
    assert_eq!(map.imports.len(), (16 << 20) / (99_999 + 32 + 2 + 32));
    assert!(map.names.imports.incomplete);
}

#[test]
fn a_list_ends_at_its_first_unreadable_entry() {
    let bad_component_imports: [&[u8]; 10] = [
        b"\x03\x01x\x05\0",
        b"\0\x01\xff\x05\0",
        b"\0\x01x\x06\0",
        b"\0\x01x\0\x10\0",
        b"\0\x01x\x03\x02",
        b"\0\x01x\x05\x80\x80\x80\x80\x10",
        b"\0\x01x\x05\x80\x80\x80\x80\x80\0",
        b"\x02\x01x\x01\x03\x01y\x05\0",
        b"\x02\x01x\x01\0\x01\xff\x05\0",
        b"\0\xff\x01x",
    ];
    for bad in bad_component_imports {
        let first = entries(10, &[b"\0\x01a\x05\0", bad, b"\0\x01b\x05\0"]);
        // The list has ended: a later section's names are not taken either.
        let bytes = component(&[first, entries(10, &[b"\0\x01c\x05\0"]), section(11, b"\0")]);
        assert_eq!(map_of(&bytes).imports, ["a"], "{bad:?}");
        assert!(map_of(&bytes).names.imports.incomplete, "{bad:?}");
        let truth = oracle::read(&bytes).imports;
        assert_eq!(
            (truth[0].as_str(), truth.contains(&"b".to_owned())),
            ("a", false),
            "{bad:?}"
        );
    }
    let bad_component_exports: [&[u8]; 5] = [
        b"\0\x01x\x06\0\0",
        b"\0\x01x\0\x13\0\0",
        b"\0\x01x\x01\0\x02",
        b"\0\x01x\x01\0\x01\x09\0",
        b"\0\x01x\x01",
    ];
    for bad in bad_component_exports {
        let bytes = component(&[entries(11, &[b"\0\x01a\x01\0\0", bad, b"\0\x01b\x01\0\0"])]);
        assert_lists(&bytes, &[], &["a"]);
    }
    let bad_core_imports: [&[u8]; 12] = [
        b"\x01x\x01f\x05\0",
        b"\x01x\x01\xff\0\0",
        b"\x01x\x01t\x01\x7f\0\0",
        b"\x01x\x01t\x01\x63\x7f\0\0",
        b"\x01x\x01t\x01\x63\xf0\x7f\0\0",
        b"\x01x\x01t\x01\x70\x08\0",
        b"\x01x\x01m\x02\x10\0",
        b"\x01x\x01g\x03\x5f\0",
        b"\x01x\x01g\x03\x7f\x04",
        b"\x01x\x01e\x04\x01\0",
        b"\x01x\x01c\x7f\0",
        b"\x01x\0\x7f\x01\x01y\x09",
    ];
    for bad in bad_core_imports {
        let bytes = module(&[entries(2, &[b"\x01a\x01f\0\0", bad, b"\x01b\x01f\0\0"])]);
        assert_lists(&bytes, &["a"], &[]);
    }
    for bad in [
        b"\x01x\x05\0".as_slice(),
        b"\x01x\x20\0",
        b"\x01x\0",
        b"\x01\xc3\0\0",
    ] {
        let bytes = module(&[entries(7, &[b"\x01a\0\0", bad])]);
        assert_lists(&bytes, &[], &["a"]);
    }
}

#[test]
fn lists_are_bounded() {
    // A name may have 100,000 bytes, as wasmparser has it, and all of a list's names 16 MiB.
    let import = |length: usize| [&[0], vector(&vec![b'n'; length]).as_slice(), &[5, 0]].concat();
    let (longest, longer) = (import(100_000), import(100_001));
    let bytes = component(&[entries(10, &[&longest, &longer, &longest])]);
    assert_eq!(map_of(&bytes).imports.len(), 1);
    assert_eq!(oracle::read(&bytes).imports.len(), 1);
    let bytes = component(&[entries(10, &vec![longest.as_slice(); 200])]);
    assert_eq!(map_of(&bytes).imports.len(), (16 << 20) / 100_032);
    // Short names cost more memory than they have bytes.
    let bytes = component(&[entries(10, &vec![import(0).as_slice(); 600_000])]);
    assert_eq!(map_of(&bytes).imports.len(), (16 << 20) / 32);
    // A count that lies costs nothing.
    let bytes = component(&[section(10, b"\xff\xff\xff\xff\x0f\0\x01a\x05\0")]);
    assert_eq!(map_of(&bytes).imports, ["a"]);
}

#[test]
fn hostile_names_give_harmless_paths() {
    let long = "é".repeat(50_000);
    let names: [(&[u8], &str); 9] = [
        (b".debug_info", ".debug_info"),
        (b"a\nb\x1b[31m", "a_b__31m"),
        (b"../../etc/passwd", ".._.._etc_passwd"),
        (b"C:\\x:y[0]", "C__x_y_0_"),
        (b"", ""),
        (b"\0\x7f\xff\xfe", "____"),
        (b"sp ace\"';$(id)`", "sp_ace_____id__"),
        ("\u{202e}gpj".as_bytes(), "___gpj"),
        (long.as_bytes(), &"_".repeat(MAX_PATH_NAME_BYTES)),
    ];
    for (name, plain) in names {
        let section = custom(name, b"content");
        let bytes = component(&[section.clone(), nested_module(&[section])]);
        let map = map_of(&bytes);
        let paths: Vec<String> = map
            .sections
            .iter()
            .map(|section| map.section_path(section))
            .collect();
        let expected = [
            format!("custom[0]:{plain}"),
            format!("module[0]/custom[0]:{plain}"),
        ];
        assert_eq!(paths, expected);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/[]-".contains(c);
        assert!(paths.iter().all(|path| path.chars().all(allowed)));
        let policy = SplitPolicy {
            floor: 1,
            ..SplitPolicy::DEFAULT
        };
        let planned: Vec<String> = plan(&map, &policy)
            .layers
            .into_iter()
            .map(|layer| layer.path)
            .collect();
        assert_eq!(planned, expected);
    }
}

#[test]
fn custom_sections_with_wit_stay_in_the_root() {
    let kept: [&[u8]; 6] = [
        b"package-docs",
        b"component-type",
        b"component-type:x",
        b"component-type/y\n",
        b"component-types",
        "component-type:a name that is longer than thirty-two bytes".as_bytes(),
    ];
    let others: [&[u8]; 7] = [
        b"package-docs2",
        b"package-doc",
        b"Component-type",
        b"component-name",
        b" component-type",
        b"component_type",
        b"name",
    ];
    let policy = SplitPolicy {
        floor: 1,
        ..SplitPolicy::DEFAULT
    };
    for (names, layers) in [(kept.as_slice(), 0), (&others, 2)] {
        for name in names {
            for content in [b"c".as_slice(), &[b'c'; 100]] {
                let section = custom(name, content);
                let bytes = component(&[section.clone(), nested_module(&[section])]);
                let map = map_of(&bytes);
                assert!(
                    map.sections
                        .iter()
                        .all(|section| section.stays_in_root == (layers == 0))
                );
                assert_eq!(plan(&map, &policy).layers.len(), layers, "{name:?}");
            }
        }
    }
    // A name that runs past its section: nobody knows what it is, so it stays.
    let bytes = component(&[
        section(0, b"\x09name"),
        section(0, b"\x80\x80\x80\x80\x80\0x"),
    ]);
    let map = map_of(&bytes);
    assert_eq!((map.sections.len(), map.damage.is_none()), (2, true));
    assert!(map.sections.iter().all(|section| section.stays_in_root));
    assert_eq!(plan(&map, &policy).layers, []);
}
