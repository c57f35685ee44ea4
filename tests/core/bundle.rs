//! Bundles contain their parts byte for byte, and say why parts do not fit.

use std::collections::BTreeSet;

use wasmparser::{Validator, WasmFeatures};
use wharf::bundle::{Composition, Error, Part};
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::source::{RangesReader, Source};
use wharf::split::SplitPolicy;
use wharf::stub;

use crate::support::binary;
use crate::support::workspace::assemble;
use crate::support::worlds::from_wit;

const LOG: &str = "example:host/log@1.0.0";
const CLOCK: &str = "example:host/clock@1.0.0";

/// Component worlds whose names and types agree, or nearly.
const HOSTS: &str = "package demo:hosts@1.0.0;
interface log { write: func(text: string); }
interface clock { now: func() -> u64; }
interface files { resource file { constructor(); read: func() -> list<u8>; } }
interface disk { use files.{file}; open: func(name: string) -> file; }
interface run { run: func(); }
world app { import log; import clock; export run; }
world wrapper { import log; export log; }
world logger { export log; }
world machine { export log; export clock; }
world reader { import files; import disk; export run; }
world opener { import files; export disk; }
world drive { export files; export disk; }
";

fn parts(whole: &[Vec<u8>]) -> Vec<Part> {
    let part = |(index, bytes): (usize, &Vec<u8>)| Part {
        name: format!("part {index}"),
        stub: stub::of_source(bytes).unwrap(),
    };
    whole.iter().enumerate().map(part).collect()
}

fn component(bytes: Vec<u8>) -> Component<Vec<u8>> {
    Component::read(bytes, &SplitPolicy::DEFAULT).unwrap()
}

/// Composes the parts, and returns the bundle, which must be valid.
fn bundle(whole: &[Vec<u8>]) -> Vec<u8> {
    let composition = Composition::new(&parts(whole)).unwrap();
    let application = component(whole[0].clone());
    let bundle = composition.bundle(whole.to_vec(), &application.map);
    let bundle = bundle.unwrap();
    let mut bytes = Vec::new();
    let all = std::iter::once(0..bundle.size().unwrap());
    std::io::copy(&mut RangesReader::new(&bundle, all), &mut bytes).unwrap();
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    validator.validate_all(&bytes).unwrap();
    bytes
}

/// Composes components of worlds of [`HOSTS`], and returns each connection as importer, import and exporter.
fn connected(worlds: &[&str]) -> Result<Vec<String>, Error> {
    let whole: Vec<_> = worlds.iter().map(|world| from_wit(HOSTS, world)).collect();
    let composition = Composition::new(&parts(&whole))?;
    bundle(&whole);
    let connections = composition.connections.iter();
    let connections = connections.map(|connection| {
        let import = connection.import.replace("demo:hosts/", "");
        let import = import.replace("@1.0.0", "");
        format!("{} {import} {}", connection.importer, connection.exporter)
    });
    Ok(connections.map(|text| text.replace("part ", "")).collect())
}

fn contents(component: &Component<Vec<u8>>) -> BTreeSet<Digest> {
    let sections = component.contents().skip(1);
    sections.map(|content| content.digest).collect()
}

#[test]
fn layers_of_the_parts_are_the_layers_of_the_bundle() {
    let whole = ["calc", "log", "clock"].map(assemble);
    let bytes = bundle(&whole);
    for part in &whole {
        let mut windows = bytes.windows(part.len());
        assert!(windows.any(|window| window == part), "a part has changed");
    }
    let bundle = component(bytes);
    let of_parts: Vec<_> = whole.map(component).iter().map(contents).collect();
    assert!(of_parts[0].len() == 3 && of_parts[1].len() == 1 && of_parts[2].is_empty());
    let all: BTreeSet<Digest> = of_parts.into_iter().flatten().collect();
    assert_eq!(contents(&bundle), all);
    let paths: Vec<&str> = (1..bundle.contents().count())
        .map(|layer| bundle.path(layer))
        .collect();
    let nested = |path: &&str| path.starts_with("component[") && path.contains("/module[");
    assert!(paths.iter().any(nested), "{paths:?}");
    assert_eq!(bundle.map.imports, Vec::<String>::new());
}

#[test]
fn imports_that_no_part_fills_remain() {
    let whole = ["greet", "log"].map(assemble);
    let composition = Composition::new(&parts(&whole)).unwrap();
    let connections = composition.connections.iter();
    let connections: Vec<_> = connections.map(|connection| &connection.import).collect();
    assert_eq!(connections, [LOG]);
    let bundle = component(bundle(&whole));
    assert_eq!(bundle.map.imports, [CLOCK]);
    assert_eq!(bundle.map.exports, component(whole[0].clone()).map.exports);
}

#[test]
fn the_first_later_part_fills_an_import() {
    for (worlds, expected) in [
        (&["app", "machine"][..], &["0 log 1", "0 clock 1"][..]),
        (
            &["app", "logger", "machine"][..],
            &["0 log 1", "0 clock 2"][..],
        ),
        (
            &["app", "wrapper", "logger"][..],
            &["0 log 1", "1 log 2"][..],
        ),
        (
            &["app", "wrapper", "wrapper", "machine"][..],
            &["0 log 1", "0 clock 3", "1 log 2", "2 log 3"][..],
        ),
        (&["reader", "drive"][..], &["0 files 1", "0 disk 1"][..]),
        (
            &["reader", "opener", "drive"][..],
            &["0 files 2", "0 disk 1", "1 files 2"][..],
        ),
    ] {
        assert_eq!(connected(worlds).unwrap(), expected, "{worlds:?}");
    }
}

#[test]
fn a_part_that_fills_nothing_is_named_with_the_imports_that_are_left() {
    let error = connected(&["app", "machine", "logger"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "part 2 fills no import of the components before it \
         (its exports: demo:hosts/log@1.0.0; imports left: none)"
    );
    // A part does not fill imports of later parts.
    let error = connected(&["logger", "app"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "part 1 fills no import of the components before it \
         (its exports: demo:hosts/run@1.0.0; imports left: none)"
    );
    let other = HOSTS.replace("demo:hosts@1.0.0", "demo:hosts@2.0.0");
    let whole = [from_wit(HOSTS, "app"), from_wit(&other, "logger")];
    let error = Composition::new(&parts(&whole)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "part 1 fills no import of the components before it \
         (its exports: demo:hosts/log@2.0.0; imports left: demo:hosts/log@1.0.0, demo:hosts/clock@1.0.0)"
    );
}

#[test]
fn an_export_of_another_type_is_named_with_the_difference() {
    let other = HOSTS.replace("write: func(text: string)", "write: func(text: u32)");
    let whole = [from_wit(HOSTS, "app"), from_wit(&other, "machine")];
    let error = Composition::new(&parts(&whole)).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }), "{error:?}");
    let text = error.to_string();
    let begins = "part 1 does not fit part 0: demo:hosts/log@1.0.0: ";
    assert!(
        text.starts_with(begins) && text.contains("`text`"),
        "{text}"
    );
}

#[test]
fn different_resources_of_one_name_make_no_bundle() {
    // The host gives both components the same files.
    assert_eq!(connected(&["reader", "opener"]).unwrap(), ["0 disk 1"]);
    let other = HOSTS.replace("files", "others");
    let whole = [from_wit(HOSTS, "reader"), from_wit(&other, "opener")];
    let error = Composition::new(&parts(&whole)).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("demo:hosts/disk@1.0.0"), "{text}");
}

#[test]
fn equal_parts_make_equal_bundles() {
    let whole = ["calc", "log", "clock"].map(assemble);
    assert!(bundle(&whole) == bundle(&whole));
    let digest = Digest::of(&bundle(&whole)).to_string();
    assert_eq!(
        digest,
        "sha256:ec9003e289ec2c020b477abac6cb52d99d7b0bf28cba161a5746fd6ffe83501f"
    );
}

#[test]
fn the_metadata_of_the_application_is_that_of_the_bundle() {
    let [mut calc, mut log] = ["calc", "log"].map(assemble);
    for (name, text) in [
        ("description", "adds"),
        ("version", "1.2.0"),
        ("note", "no"),
    ] {
        calc.extend(binary::custom(name, text.as_bytes()));
    }
    log.extend(binary::custom("description", b"logs"));
    log.extend(binary::custom("licenses", b"MIT"));
    let application = component(calc.clone());
    let bundle = component(bundle(&[calc, log]));
    assert_eq!(bundle.metadata, application.metadata);
    assert_eq!(bundle.map.texts.len(), 2);
    assert_eq!(bundle.map.producers, application.map.producers);
    assert_eq!(bundle.map.name, None);
}

#[test]
fn parts_with_other_interfaces_than_their_stubs_are_refused() {
    let whole = ["calc", "log"].map(assemble);
    let composition = Composition::new(&parts(&whole)).unwrap();
    let map = component(whole[0].clone()).map;
    let other = vec![whole[0].clone(), assemble("clock")];
    let error = composition.bundle(other, &map).unwrap_err();
    assert!(matches!(error, Error::Changed), "{error:?}");
    let error = composition
        .bundle(vec![whole[0].clone()], &map)
        .unwrap_err();
    assert!(matches!(error, Error::Changed), "{error:?}");
}

#[test]
fn modules_are_no_parts() {
    let module = wat::parse_str("(module)").unwrap();
    let error = Composition::new(&parts(&[assemble("calc"), module])).unwrap_err();
    assert!(
        matches!(&error, Error::Part { part, .. } if part == "part 1"),
        "{error:?}"
    );
}
