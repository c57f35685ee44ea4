//! Whatever the file and the policy, the stub from the root is the stub of the file, and says what the file says.

use crate::support::smith;
use std::fs;
use std::path::Path;

use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wharf::section::map;
use wharf::split::{Granularity, SplitPolicy, plan};
use wharf::{stub, world};

use super::*;
use crate::support::binary::{
    self, component, custom, nested_component, noise, pad_sizes, random, section,
};

const SEEDS: u64 = 16;

const GRANULARITIES: [Granularity; 3] = [
    Granularity::Section,
    Granularity::Segment,
    Granularity::Module,
];
const FLOORS: [u64; 3] = [1, 16, 4096];
const CAPS: [usize; 3] = [2, 5, 1000];

fn policies() -> impl Iterator<Item = SplitPolicy> {
    let all = GRANULARITIES.into_iter().flat_map(|granularity| {
        FLOORS.into_iter().flat_map(move |floor| {
            CAPS.into_iter().map(move |max_layers| SplitPolicy {
                granularity,
                floor,
                max_layers,
            })
        })
    });
    all.into_iter()
}

fn cut(bytes: &[u8], policy: &SplitPolicy) -> Cut {
    let plan = plan(&map(bytes, policy.floor).unwrap(), policy);
    Cut::new(bytes, &plan.holes().collect::<Vec<_>>())
}

/// The file's own imports and exports, as wasmparser reads them.
fn names(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                names.extend(
                    section
                        .into_iter()
                        .map(|import| format!("{:?}", import.unwrap())),
                );
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                names.extend(
                    section
                        .into_iter()
                        .map(|export| format!("{:?}", export.unwrap())),
                );
            }
            Payload::ImportSection(section) if depth == 1 => {
                let imports = section.into_imports();
                names.extend(imports.map(|import| format!("{:?}", import.unwrap())));
            }
            Payload::ExportSection(section) if depth == 1 => {
                names.extend(
                    section
                        .into_iter()
                        .map(|export| format!("{:?}", export.unwrap())),
                );
            }
            _ => {}
        }
    }
    names
}

/// The WIT of a component, if it has one.
fn text(bytes: &[u8]) -> Option<String> {
    world::decode(bytes).ok().map(|world| world.text)
}

fn validate(bytes: &[u8]) -> wasmparser::Result<wasmparser::types::Types> {
    Validator::new_with_features(WasmFeatures::all()).validate_all(bytes)
}

#[derive(Debug, Default)]
struct Tally {
    valid: usize,
    smaller: usize,
    holes: usize,
    texts: usize,
    needed: usize,
}

fn check(bytes: &[u8], case: &str, tally: &mut Tally) {
    let expected = whole(bytes);
    // Some of what is generated is not valid.
    if validate(bytes).is_ok() {
        validate(&expected).unwrap_or_else(|error| panic!("{case}: {error}"));
        tally.valid += 1;
    }
    assert_eq!(names(&expected), names(bytes), "{case}");
    assert_eq!(whole(&expected), expected, "{case}: a stub is its own stub");
    let said = text(bytes);
    assert_eq!(text(&expected), said, "{case}");
    tally.smaller += usize::from(expected.len() < bytes.len());
    tally.texts += usize::from(said.is_some());
    let is_module = Parser::is_core_wasm(bytes);
    for policy in policies() {
        let cut = cut(bytes, &policy);
        let (stub, needed) = cut.stub_with_needed();
        assert!(stub.unwrap() == expected, "{case}, {policy:?}");
        // Only a suffix of the file itself is ever needed.
        assert!(
            needed.is_empty() || is_module,
            "{case}, {policy:?}: {needed:?}"
        );
        tally.holes += cut.layers.len();
        tally.needed += needed.len();
    }
}

#[test]
fn the_stub_of_a_root_is_the_stub_of_the_file() {
    let mut tally = Tally::default();
    for seed in 0..SEEDS {
        let module = smith::module(seed);
        let made = smith::component(seed);
        let nested = component(&[
            custom("before", &noise(seed, 100)),
            nested_component(&[section(1, &module), custom("package-docs", b"text")]),
            section(4, &made),
            section(
                1,
                &[module.clone(), custom("component-type:a", &noise(seed, 90))].concat(),
            ),
            section(1, &pad_sizes(&smith::module(seed + 1000))),
        ]);
        for (index, bytes) in [module, made, nested].iter().enumerate() {
            check(bytes, &format!("seed {seed}, file {index}"), &mut tally);
            let padded = pad_sizes(bytes);
            check(
                &padded,
                &format!("seed {seed}, file {index}, padded"),
                &mut tally,
            );
        }
    }
    assert!(tally.valid > 80, "{tally:?}");
    assert!(tally.smaller > 80, "{tally:?}");
    assert!(tally.holes > 4000, "{tally:?}");
    assert!(tally.needed > 50, "{tally:?}");
}

#[test]
fn the_text_of_a_stub_is_that_of_the_file() {
    let mut tally = Tally::default();
    for name in ["calc", "greet", "layers", "segments"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wat");
        let bytes = wat::parse_file(path.join(name).with_extension("wat")).unwrap();
        check(&bytes, name, &mut tally);
    }
    for name in ["tides", "plain"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wit");
        let mut resolve = wit_parser::Resolve::default();
        let source = fs::read_to_string(path.join(name).with_extension("wit")).unwrap();
        let package = resolve.push_str("fixture.wit", &source).unwrap();
        let bytes = wit_component::encode(&resolve, package, false).unwrap();
        check(&bytes, name, &mut tally);
    }
    assert!(tally.texts >= 5, "{tally:?}");
}

#[test]
fn a_damaged_file_has_no_other_text_than_its_stub() {
    let mut outcomes = BTreeMap::new();
    let calc = assemble(COMPONENT);
    for seed in 0..300 {
        let bytes = match seed % 3 {
            0 => smith::component(seed % 30),
            _ => calc.clone(),
        };
        let mut random = random(seed);
        let mut below = |limit: usize| random.next().unwrap() as usize % limit;
        let mut bytes = bytes;
        for _ in 0..=below(3) {
            let at = 8 + below(bytes.len() - 8);
            bytes[at] ^= 1 << below(8);
        }
        let said = text(&bytes);
        for policy in policies().skip(seed as usize % 3).step_by(3) {
            let (stub, _) = cut(&bytes, &policy).stub_with_needed();
            let from_root = stub.as_ref().ok().and_then(|stub| text(stub));
            // What cannot be decoded for what was dropped is decoded from the stub.
            assert!(
                said.is_none() || from_root == said,
                "seed {seed}, {policy:?}"
            );
            *outcomes
                .entry((said.is_some(), from_root.is_some()))
                .or_insert(0) += 1;
        }
    }
    assert!(outcomes[&(true, true)] > 50, "{outcomes:?}");
    assert!(outcomes[&(false, false)] > 100, "{outcomes:?}");
    assert!(outcomes[&(false, true)] > 5, "{outcomes:?}");
}

const COMPONENT: &str = r#"(component
    (import "demo:host/clock@1.0.0" (instance $clock (export "now" (func (result u64)))))
    (core module $m
        (import "clock" "now" (func $now (result i64)))
        (memory (export "memory") 1)
        (table 2 funcref)
        (elem (i32.const 0) $f $g)
        (func $f (export "twice") (param i32) (result i32)
            (i32.mul (i32.add (local.get 0) (i32.const 12345)) (i32.const 2)))
        (func $g (drop (call $now)) (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0)) drop)
        (data (i32.const 0) "the tide is high, and the water comes and goes")
        (data "passive, and longer than the floor of sixteen"))
    (core func $now (canon lower (func $clock "now")))
    (core instance $i (instantiate $m (with "clock" (instance (export "now" (func $now))))))
    (func $twice (param "x" u32) (result u32) (canon lift (core func $i "twice")))
    (instance $out (export "twice" (func $twice)))
    (export "demo:calc/numbers@1.0.0" (instance $out)))"#;

#[test]
fn stubs_drop_code_and_data_and_keep_function_counts() {
    let bytes = assemble(COMPONENT);
    let stub = whole(&bytes);
    let text = wasm_ids(&stub);
    assert!(
        !text.iter().any(|id| matches!(id, 8 | 9 | 11 | 12)),
        "{text:?}"
    );
    let bodies: Vec<_> = Parser::new(0)
        .parse_all(&stub)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(body.as_bytes().to_vec()),
            _ => None,
        })
        .collect();
    assert_eq!(bodies, [[0, 0, 0x0b], [0, 0, 0x0b]]);
    // A whole number of functions, whichever layer the code is in.
    let none = assemble("(component (core module (memory 1) (data (i32.const 0) \"x\")))");
    let expected = assemble("(component (core module (memory 1)))");
    assert_eq!(names(&whole(&none)), names(&expected));
    assert_eq!(wasm_ids(&whole(&none)), wasm_ids(&expected));
}

/// The ids of the sections of core modules.
fn wasm_ids(bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut ids = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.unwrap();
        match &payload {
            Payload::Version { encoding, .. } => kinds.push(*encoding),
            Payload::End(_) => drop(kinds.pop()),
            other => {
                let is_module = kinds.last() == Some(&wasmparser::Encoding::Module);
                ids.extend(other.as_section().filter(|_| is_module).map(|(id, _)| id));
            }
        }
    }
    ids
}

#[test]
fn stubs_read_only_small_parts_of_a_huge_file() {
    struct Sparse {
        head: Vec<u8>,
        code: u64,
        read: std::sync::atomic::AtomicU64,
    }
    impl wharf::source::Source for Sparse {
        fn size(&self) -> std::io::Result<u64> {
            Ok(self.head.len() as u64 + self.code)
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
            let read = match usize::try_from(offset).unwrap() {
                at if at < self.head.len() => {
                    wharf::source::Source::read_at(&self.head, offset, buffer)?
                }
                _ => buffer.len(),
            };
            let ordering = std::sync::atomic::Ordering::Relaxed;
            self.read.fetch_add(read as u64, ordering);
            Ok(read)
        }
    }
    let code = 0xffff_f000_u64;
    let sized = |id: u8, size: u64| {
        [
            &[id],
            binary::padded(u32::try_from(size).unwrap(), 5).as_slice(),
        ]
        .concat()
    };
    let types = section(1, &[1, 0x60, 0, 0]);
    let functions = section(3, &[1, 0]);
    let head = [
        binary::MODULE_HEADER.as_slice(),
        &types,
        &functions,
        &sized(10, code),
        &[1],
    ]
    .concat();
    let sparse = Sparse {
        head,
        code: code - 1,
        read: Default::default(),
    };
    let stub = stub::of_source(&sparse).unwrap();
    assert!(sparse.read.into_inner() < 64 * 1024);
    validate(&stub).unwrap();
}
