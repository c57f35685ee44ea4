//! The fixtures of `testdata/wat` assemble, are valid, and have the shape that other tests count on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wasmparser::{DataKind, Parser, Payload, Validator, WasmFeatures};

const CODE: u8 = 10;
const DATA: u8 = 11;
const ELEMENT: u8 = 9;
const CUSTOM: u8 = 0;

/// What a section needs to become a layer.
const FLOOR: usize = 4096;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wat")
}

fn assemble(name: &str) -> Vec<u8> {
    wat::parse_file(directory().join(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns what is wrong with a module or component.
fn validate(wasm: &[u8]) -> Result<(), String> {
    let validated = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm);
    validated.map(drop).map_err(|error| error.to_string())
}

fn payloads(wasm: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    Parser::new(0)
        .parse_all(wasm)
        .map(|payload| payload.unwrap_or_else(|error| panic!("{error}")))
}

/// Returns kind and payload of the sections of these kinds that reach the floor.
fn large_sections<'a>(wasm: &'a [u8], kinds: &[u8]) -> Vec<(u8, &'a [u8])> {
    payloads(wasm)
        .filter_map(|payload| payload.as_section())
        .map(|(id, range)| (id, &wasm[range.start as usize..range.end as usize]))
        .filter(|(id, payload)| kinds.contains(id) && payload.len() >= FLOOR)
        .collect()
}

#[test]
fn every_fixture_is_valid() {
    let files = fs::read_dir(directory()).unwrap_or_else(|error| panic!("{error}"));
    let mut names: Vec<String> = files
        .map(|file| {
            file.unwrap_or_else(|error| panic!("{error}"))
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        assert!(name.ends_with(".wat"), "{name} is no text");
        validate(&assemble(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn validation_notices_a_wrong_type() {
    let wasm =
        wat::parse_str("(module (func (result i32)))").unwrap_or_else(|error| panic!("{error}"));
    assert!(validate(&wasm).is_err());
}

#[test]
fn calc_and_greet_share_a_runtime_and_nothing_else() {
    let (calc, greet) = (assemble("calc.wat"), assemble("greet.wat"));
    let kinds = [CODE, DATA, ELEMENT];
    let calc: BTreeSet<_> = large_sections(&calc, &kinds).into_iter().collect();
    let greet: BTreeSet<_> = large_sections(&greet, &kinds).into_iter().collect();
    let shape = |sections: Vec<&(u8, &[u8])>| -> Vec<u8> {
        sections.into_iter().map(|(id, _)| *id).collect()
    };
    assert_eq!(shape(calc.intersection(&greet).collect()), [CODE, DATA]);
    assert_eq!(shape(calc.difference(&greet).collect()), [CODE]);
    assert_eq!(shape(greet.difference(&calc).collect()), [CODE]);
    let shared_data = calc.intersection(&greet).find(|(id, _)| *id == DATA);
    assert!(shared_data.is_some_and(|(_, content)| content.len() >= 40 * 1024));
}

#[test]
fn calc_and_greet_import_and_export_an_interface_each() {
    for (name, export) in [
        ("calc.wat", "example:calc/operations@1.0.0"),
        ("greet.wat", "example:greet/greeter@1.0.0"),
    ] {
        let wasm = assemble(name);
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        for payload in payloads(&wasm) {
            match payload {
                Payload::ComponentImportSection(section) => {
                    imports.extend(
                        section
                            .into_iter()
                            .map(|import| import.map(|import| import.name.name.to_owned())),
                    );
                }
                Payload::ComponentExportSection(section) => {
                    exports.extend(
                        section
                            .into_iter()
                            .map(|export| export.map(|export| export.name.name.to_owned())),
                    );
                }
                _ => {}
            }
        }
        let names = |names: Vec<wasmparser::Result<String>>| -> Vec<String> {
            names.into_iter().flatten().collect()
        };
        assert_eq!(names(imports), ["example:host/log@1.0.0"], "{name}");
        assert_eq!(names(exports), [export], "{name}");
    }
}

#[test]
fn layers_has_many_large_sections_of_every_kind() {
    let wasm = assemble("layers.wat");
    let sections = large_sections(&wasm, &[CODE, DATA, ELEMENT, CUSTOM]);
    let count = |kind: u8| sections.iter().filter(|(id, _)| *id == kind).count();
    assert_eq!(
        [count(CODE), count(DATA), count(ELEMENT), count(CUSTOM)],
        [2, 3, 1, 3]
    );
    let contents: BTreeSet<&[u8]> = sections.iter().map(|(_, payload)| *payload).collect();
    assert_eq!(contents.len(), sections.len(), "two are the same");
}

#[test]
fn segments_has_one_large_passive_segment_twice() {
    let wasm = assemble("segments.wat");
    let mut active = 0;
    let mut passive: Vec<&[u8]> = Vec::new();
    for payload in payloads(&wasm) {
        let Payload::DataSection(section) = payload else {
            continue;
        };
        for segment in section {
            let segment = segment.unwrap_or_else(|error| panic!("{error}"));
            match segment.kind {
                DataKind::Active { .. } => active += 1,
                DataKind::Passive => passive.push(segment.data),
            }
        }
    }
    assert_eq!((active, passive.len()), (2, 3));
    let large: Vec<&&[u8]> = passive
        .iter()
        .filter(|data| data.len() > 64 * 1024)
        .collect();
    assert_eq!(large.len(), 2);
    assert_eq!(large[0], large[1]);
}
