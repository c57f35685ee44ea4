//! A component and a world.

use wharf::fits::target;
use wharf::world::{Error, TargetWorld};

use super::fixtures::{said, wit, world};
use crate::support::worlds::from_wit;

/// A component of one world of the fixture measured against another, whose text is changed first.
fn measure(of: &str, changes: &[(&str, &str)], against: &str) -> Vec<String> {
    let text = wit("hosts.wit");
    let changed = changes.iter().fold(text.clone(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let verdict = target(&from_wit(&text, of), &world(&changed, against)).unwrap();
    assert_eq!(verdict.fits(), said(&verdict).is_empty());
    said(&verdict)
}

#[test]
fn a_component_fits_if_it_imports_no_more_and_exports_no_less() {
    for (of, against) in [
        ("plain", "plain"),
        ("plain", "silent"),
        ("plain", "rich"),
        ("timed", "rich"),
        ("leaving", "rich"),
        ("machine", "logger"),
        ("machine", "machine"),
    ] {
        assert!(measure(of, &[], against).is_empty(), "{of} in {against}");
    }
}

#[test]
fn missing_imports_and_exports_are_named() {
    for (of, against, expected) in [
        ("timed", "plain", vec!["no import demo:hosts/clock@1.0.0"]),
        ("silent", "plain", vec!["no export demo:hosts/run@1.0.0"]),
        (
            "rich",
            "machine",
            vec![
                "no import demo:hosts/clock@1.0.0",
                "no import demo:hosts/log@1.0.0",
                "no import exit",
                "no export demo:hosts/clock@1.0.0",
                "no export demo:hosts/log@1.0.0",
            ],
        ),
        ("leaving", "plain", vec!["no import exit"]),
    ] {
        assert_eq!(measure(of, &[], against), expected, "{of} in {against}");
    }
}

#[test]
fn differing_types_are_explained() {
    let log = "demo:hosts/log@1.0.0: mismatched type for export";
    let run = "demo:hosts/run@1.0.0: mismatched type for export `run`";
    for (changes, expected) in [
        (
            vec![("text: string", "text: list<u8>")],
            vec![format!(
                "{log} `line`: mismatched type for record field `text`: expected list, found string"
            )],
        ),
        (
            vec![("-> outcome", "")],
            vec![format!(
                "{log} `write`: expected function without a result, found function with a result"
            )],
        ),
        (
            vec![("    dropped,\n", "")],
            vec![format!(
                "{log} `outcome`: expected a variant case count of 1, found a count of 2"
            )],
        ),
        (
            vec![("-> outcome", ""), ("-> bool", "")],
            vec![
                format!(
                    "{log} `write`: expected function without a result, found function with a result"
                ),
                format!("{run}: expected function without a result, found function with a result"),
            ],
        ),
        (
            vec![("arguments: list", "words: list")],
            vec![format!(
                "{run}: expected function parameter 0 to be named `words`, found name `arguments`"
            )],
        ),
        (
            vec![("import log;\n  export run", "import clock;\n  export log")],
            vec![
                "no import demo:hosts/log@1.0.0".to_owned(),
                "no export demo:hosts/log@1.0.0".to_owned(),
            ],
        ),
    ] {
        assert_eq!(measure("plain", &changes, "plain"), expected);
    }
    let exit = measure("leaving", &[("code: u8", "code: u32")], "rich");
    assert_eq!(
        exit,
        ["exit: mismatched type for function parameter `code`: expected u32, found u8"]
    );
}

#[test]
fn versions_that_semver_calls_compatible_are_one() {
    for (version, expected) in [("1.2.0", 0), ("1.0.0-rc.1", 2), ("2.0.0", 2)] {
        let said = measure("plain", &[("@1.0.0", &format!("@{version}"))], "plain");
        assert_eq!(said.len(), expected, "{version} {said:?}");
    }
    let text = wit("hosts.wit").replace("@1.0.0", "@0.2.0");
    let newer = text
        .replace("@0.2.0", "@0.2.1")
        .replace("now: func", "zone: func() -> string; now: func");
    let runs = |of: &str, against: &str| {
        let verdict = target(&from_wit(of, "timed"), &world(against, "timed"));
        said(&verdict.unwrap())
    };
    // A host of the newer version has all that the older one asks for, and not the other way round.
    assert!(runs(&text, &newer).is_empty());
    assert_eq!(
        runs(&newer, &text),
        ["demo:hosts/clock@0.2.1: instance has unexpected function export `zone`"]
    );
}

#[test]
fn two_versions_of_one_export_do_not_conflict() {
    let text = "package a:b@1.0.0; interface i { f: func(); } \
        package a:b@1.1.0 { interface i { f: func(); g: func(); } } \
        world both { export i; export a:b/i@1.1.0; } world one { export i; }";
    let both = from_wit(text, "both");
    for name in ["one", "both"] {
        assert!(target(&both, &world(text, name)).unwrap().fits(), "{name}");
    }
    let verdict = target(&from_wit(text, "one"), &world(text, "both")).unwrap();
    assert!(!verdict.fits());
}

#[test]
fn resources_of_one_name_in_two_packages_are_two() {
    let text = wit("resources.wit");
    let other = text.replacen("use demo:files", "use demo:sockets", 1);
    let app = from_wit(&text, "app");
    assert!(target(&app, &world(&text, "library")).unwrap().fits());
    let verdict = target(&app, &world(&other, "library")).unwrap();
    // Numbers of the validator, which change from run to run, are not shown.
    let reason = "type mismatch in instance export `handle`: resource types are not the same";
    assert_eq!(said(&verdict), [format!("demo:handles/reader: {reason}")]);
}

#[test]
fn other_files_than_components_are_errors() {
    let text = wit("hosts.wit");
    let world = world(&text, "plain");
    let module = wat::parse_str("(module)").unwrap();
    let package = world.encode().unwrap().package;
    let odd = wat::parse_str(r#"(component (import "m" (core module)))"#).unwrap();
    for (bytes, expected) in [
        (module, "a core module has no WIT"),
        (package, "it is a WIT package, not a component"),
        (
            odd,
            "it cannot be expressed in WIT: import `m` is a core module",
        ),
        (vec![0, 1, 2], "it cannot be expressed in WIT"),
    ] {
        let error = target(&bytes, &world).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(matches!(
            TargetWorld::of_component(&bytes),
            Err(Error::Module | Error::WitPackage | Error::Inexpressible { .. })
        ));
    }
}
