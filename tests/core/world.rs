//! WIT packages and components, decoded; and what must be refused because the decoder cannot bear it.

mod exported;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::binary::{leb, noise, section};
use crate::support::smith;
use wharf::section::map;
use wharf::world::{
    Error, Interfaces, MAX_DECODED_BYTES, WitKind, World, decode, encode, interfaces,
    may_be_wit_package, may_list_wit_package,
};
use wit_parser::{PackageId, Resolve};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(path)
}

fn parse(text: &str) -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("fixture.wit", text);
    let package = package.unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    (resolve, package)
}

/// A WIT text, encoded as a component.
fn encoded(text: &str) -> Vec<u8> {
    let (resolve, package) = parse(text);
    wit_component::encode(&resolve, package, false).unwrap()
}

fn wit(name: &str) -> String {
    fs::read_to_string(fixture("wit").join(name)).unwrap()
}

fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn listed(imports: &[&str], exports: &[&str]) -> bool {
    let [imports, exports] = [imports, exports].map(|names| {
        let names = names.iter().map(|name| (*name).to_owned());
        names.collect::<Vec<String>>()
    });
    may_list_wit_package(&imports, &exports)
}

fn may_be(bytes: &[u8]) -> bool {
    may_be_wit_package(&map(bytes, 4096).unwrap())
}

fn decoded(bytes: &[u8]) -> World {
    decode(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(bytes: &[u8]) -> String {
    match decode(bytes) {
        Err(Error::Inexpressible { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn packages_are_decoded_to_a_text_that_is_the_same_package() {
    for (file, name, version, words) in [
        (
            "tides.wit",
            "demo:tides",
            Some("1.2.0-rc.1"),
            vec![
                "/// When the water comes and goes.",
                "/// As sailors call it.",
                "/// In metres.",
                "/// What a tide table is made with.",
                "world table {",
            ],
        ),
        ("plain.wit", "demo:plain", None, vec!["interface shapes {"]),
    ] {
        let bytes = encoded(&wit(file));
        assert!(may_be(&bytes), "{file}");
        let world = decoded(&bytes);
        let expected = WitKind::WitPackage {
            name: name.parse().unwrap(),
            version: version.map(|version| version.parse().unwrap()),
        };
        assert_eq!(world.kind, expected);
        for word in words {
            assert!(world.text.contains(word), "{word}\n{}", world.text);
        }
        // The same package: encoded again it is the same bytes, docs included.
        assert_eq!(encoded(&world.text), bytes, "{}", world.text);
    }
}

#[test]
fn a_component_has_a_world() {
    let text = r#"(component
        (import "wasi:cli/environment@0.2.6" (instance $i (export "get" (func (result string)))))
        (import "log" (func (param "line" string)))
        (import "odd" (core module))
        (alias export $i "get" (func $get))
        (instance $out (export "get" (func $get)))
        (export "demo:calc/add@1.0.0" (instance $out)))"#;
    let bytes = assemble(text);
    assert!(!may_be(&bytes));
    let world = decoded(&bytes);
    assert_eq!(world.kind, WitKind::Component);
    for line in [
        "package root:component;",
        "import wasi:cli/environment@0.2.6;",
        "import log: func(line: string);",
        "export demo:calc/add@1.0.0;",
    ] {
        assert!(world.text.contains(line), "{line}\n{}", world.text);
    }
    for name in ["calc.wat", "greet.wat"] {
        let bytes = wat::parse_file(fixture("wat").join(name)).unwrap();
        assert!(!may_be(&bytes));
        assert_eq!(decoded(&bytes).kind, WitKind::Component);
    }
}

#[test]
fn a_world_is_encoded_as_a_package_of_the_same_text() {
    for name in ["calc.wat", "greet.wat", "layers.wat"] {
        let bytes = wat::parse_file(fixture("wat").join(name)).unwrap();
        let package = encode(&bytes).unwrap();
        let again = decoded(&package);
        assert_eq!(again.text, decoded(&bytes).text);
        let WitKind::WitPackage { name, version } = &again.kind else {
            panic!("{again:?}");
        };
        assert_eq!(
            (name.to_string().as_str(), version),
            ("root:component", &None)
        );
        assert_eq!(encode(&package).unwrap(), package);
    }
    for name in ["tides.wit", "plain.wit"] {
        let bytes = encoded(&wit(name));
        assert_eq!(encode(&bytes).unwrap(), bytes);
    }
    assert!(matches!(encode(&assemble("(module)")), Err(Error::Module)));
}

#[test]
fn interfaces_that_use_each_other_are_not_encoded() {
    // Imported, `a` has a type that `b` uses; exported, one more that is `b`'s.
    let text = r#"(component
        (import "root:component/a" (instance $a (type $t (record (field "x" u8))) (export "t" (type (eq $t)))))
        (alias export $a "t" (type $t))
        (import "root:component/b" (instance $b
            (alias outer 1 $t (type $t)) (export "t" (type $u (eq $t)))
            (type $r (record (field "y" u8))) (export "r" (type (eq $r)))))
        (alias export $b "r" (type $r))
        (instance $out (export "r" (type $r)))
        (export "root:component/a" (instance $out) (instance
            (alias outer 1 $r (type $r)) (export "r" (type (eq $r))))))"#;
    let bytes = assemble(text);
    let world = decode(&bytes).map(|world| world.text);
    match encode(&bytes) {
        Err(Error::Inexpressible { reason }) => {
            assert!(reason.contains("uses itself"), "{reason}\n{world:?}");
        }
        other => panic!("{other:?}\n{world:?}"),
    }
}

#[test]
fn names_are_those_of_the_file_itself() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    for (text, imports, exports) in [
        (
            r#"(component (import "a:b/c@1.0.0" (instance)) (import "f" (func))
                (component (import "hidden" (func))) (instance $i) (export "x:y/z" (instance $i)))"#,
            &["a:b/c@1.0.0", "f"][..],
            &["x:y/z"][..],
        ),
        (
            r#"(module (import "env" "a" (func)) (import "env" "b" (func)) (memory (export "memory") 1))"#,
            &["env"],
            &["memory"],
        ),
    ] {
        let expected = Interfaces {
            imports: names(imports),
            exports: names(exports),
            ..Interfaces::default()
        };
        assert_eq!(interfaces(&assemble(text)).unwrap(), expected);
    }
    assert!(matches!(
        interfaces(b"wharf"),
        Err(Error::Inexpressible { .. })
    ));
}

#[test]
fn the_shape_of_a_package_is_seen_without_decoding() {
    for (text, shape) in [
        (r#"(component (type (export "a") (component)))"#, true),
        (r#"(component (type (export "a:b/wit") (component)))"#, true),
        (
            r#"(component (type (export "a:b/wit@1.0.0") (component)))"#,
            true,
        ),
        (
            r#"(component (type (export "a:b/witty") (component)))"#,
            false,
        ),
        (
            r#"(component (type (export "a") (component)) (core module))"#,
            false,
        ),
        (r#"(component (import "a" (func)))"#, false),
        ("(component)", false),
        ("(module)", false),
    ] {
        assert_eq!(may_be(&assemble(text)), shape, "{text}");
    }
}

#[test]
fn interfaces_listed_by_other_clients_may_mean_a_package() {
    let world = "demo:tides/table@1.2.0-rc.1";
    assert!(listed(&[], &[world, "print", "demo:tides/log@1.2.0-rc.1"]));
    assert!(listed(&[], &["demo:plain/shapes"]));
    assert!(!listed(&["wasi:cli/environment@0.2.6"], &[world]));
    assert!(!listed(&[], &["run", "print"]));
    assert!(!listed(&[], &[]));
}

#[test]
fn large_files_and_other_files_than_components_are_refused() {
    let mut large = encoded(&wit("plain.wit"));
    let rest = MAX_DECODED_BYTES + 1 - large.len();
    let name_and_numbers = 6;
    let filler = [
        &leb(1),
        b"x".as_slice(),
        &vec![0; rest - name_and_numbers - 1],
    ]
    .concat();
    large.extend(section(0, &filler));
    assert_eq!(large.len(), MAX_DECODED_BYTES + 1);
    assert!(matches!(decode(&large), Err(Error::TooLarge { bytes }) if bytes == large.len()));
    large.pop();
    assert!(!matches!(decode(&large), Err(Error::TooLarge { .. })));
    assert!(matches!(decode(&assemble("(module)")), Err(Error::Module)));
    for bytes in [b"".as_slice(), b"\0asm", b"\0asm\x0d\0\x01", b"wharf"] {
        refusal(bytes);
    }
}

/// Valid components that WIT has no words for, with a part of why they are refused.
const INEXPRESSIBLE: [(&str, &str); 23] = [
    (
        r#"(component (import "a:b/c" (func)))"#,
        "name of an interface",
    ),
    (
        r#"(component (import "a:b/d" (instance (export "x:y/z" (func)))))"#,
        "name of an interface",
    ),
    (
        r#"(component (import "a" (instance (type $f (func)) (export "t" (type (eq $f))))))"#,
        "not a value type",
    ),
    (
        r#"(component (import "a:b/d" (instance (export "x" (instance)))))"#,
        "neither a type nor a function",
    ),
    (
        r#"(component (type $t u8) (export "t" (type $t)))"#,
        "an exported type",
    ),
    // The same types in two places.
    (
        r#"(component (import "a:b/c" (instance $i (type $t u8) (export "t" (type (eq $t)))))
            (export "a:b/c" (instance $i)))"#,
        "two places",
    ),
    (
        r#"(component (import "a:b/c" (instance $i (export "t" (type (sub resource)))))
            (export "a:b/c" (instance $i)))"#,
        "two places",
    ),
    (
        r#"(component
            (import "a:b/c" (instance $i (type $l (list u8)) (type $t (tuple $l)) (export "t" (type (eq $t)))))
            (component $c (type $t (tuple u8)) (export "t" (type $t)))
            (instance $j (instantiate $c))
            (export "a:b/c" (instance $j)))"#,
        "different definitions",
    ),
    // Methods of resources from elsewhere.
    (
        r#"(component (import "a:b/c" (instance $i (export "r" (type (sub resource)))))
            (alias export $i "r" (type $r))
            (import "d:e/f" (instance (alias outer 1 $r (type $q)) (export "r" (type $q2 (eq $q)))
                (export "[method]r.f" (func (param "self" (borrow $q2)))))))"#,
        "defined elsewhere",
    ),
    (
        r#"(component (import "a:b/c" (instance $i (export "r" (type (sub resource)))))
            (alias export $i "r" (type $r)) (import "r" (type $q (eq $r)))
            (import "[method]r.f" (func (param "self" (borrow $q)))))"#,
        "defined elsewhere",
    ),
    // A type used from an interface without a name.
    (
        r#"(component (import "c" (instance $i (type $t (record (field "a" u8))) (export "t" (type (eq $t)))))
            (alias export $i "t" (type $t)) (import "x" (type (eq $t))))"#,
        "no path",
    ),
    // Encodings of packages that are none.
    (
        r#"(component (type (export "foo") (component (export "x" (func)))))"#,
        "not the name of an interface",
    ),
    (
        r#"(component (type (export "foo") (component (export "a:b/x" (func)))))"#,
        "not an instance",
    ),
    (
        r#"(component (type (export "foo") (component (type u8) (export "x" (type (eq 0))))))"#,
        "not the name of an interface",
    ),
    (
        r#"(component (type (export "foo") (component)))"#,
        "exactly one item",
    ),
    (
        r#"(component (type (export "foo") (component (export "a:b/c@1.0.0" (instance))))
            (type (export "bar") (component (export "a:b/c@1.1.0" (instance)))))"#,
        "appears twice",
    ),
    (
        r#"(component (type (export "foo") (component (export "a:b/c" (component))))
            (type (export "bar") (component (export "a:b/c" (component)))))"#,
        "appears twice",
    ),
    (
        r#"(component (type (export "a:b/wit")
            (component (export "a:b/c@1.0.0" (instance)) (export "a:b/c@2.0.0" (instance)))))"#,
        "appears twice",
    ),
    (
        r#"(component (type (export "a:b/wit")
            (component (export "x:y/c" (instance)) (export "a:b/c" (instance)))))"#,
        "appears twice",
    ),
    (
        r#"(component (type (export "a:b/wit") (component (export "c" (instance)))))"#,
        "not the name of an interface",
    ),
    (
        r#"(component (type (export "w") (component (export "a:b/w" (component (import "a:b/c" (instance))))))
            (type (export "c") (component (export "a:b/c" (instance)))))"#,
        "before it is defined",
    ),
    (
        r#"(component (type (export "d") (component (import "a:b/c" (instance)) (export "a:b/d" (instance))))
            (type (export "c") (component (export "a:b/c" (instance)))))"#,
        "before it is defined",
    ),
    (r#"(component (import "m" (value u8)))"#, "not used"),
];

#[test]
fn inexpressible_components_are_refused() {
    for (text, reason) in INEXPRESSIBLE {
        let refused = refusal(&assemble(text));
        assert!(refused.contains(reason), "{refused}\n{text}");
    }
}

#[test]
fn an_odd_name_of_a_feature_is_refused() {
    let bytes = |feature: &str| {
        let docs = format!(
            r#"\01{{\"interfaces\":{{\"c\":{{\"stability\":{{\"unstable\":{{\"feature\":\"{feature}\"}}}}}}}}}}"#
        );
        let text = format!(
            r#"(component (type (export "c") (component (export "a:b/c" (instance))))
                (@custom "package-docs" "{docs}"))"#
        );
        assemble(&text)
    };
    let world = decoded(&bytes("more-water"));
    assert!(
        world.text.contains("@unstable(feature = more-water)"),
        "{}",
        world.text
    );
    assert!(refusal(&bytes("more\\\\nwater")).contains("feature"));
}

#[test]
fn the_text_of_a_world_has_a_limit() {
    // Each tuple is twice the one before, and the function writes all of the last one out.
    let tuples = |deep: usize| {
        let name = "n".repeat(9000);
        let mut text = format!(
            r#"(component (type $r (record (field "a" u8))) (import "{name}" (type $t0 (eq $r)))"#
        );
        for n in 1..=deep {
            text += &format!("(type $t{n} (tuple $t{p} $t{p}))", p = n - 1);
        }
        assemble(&(text + &format!(r#"(import "f" (func (param "x" $t{deep}))))"#)))
    };
    assert!(decoded(&tuples(10)).text.len() > 1024 * 9000);
    assert!(refusal(&tuples(11)).contains("bytes of text"));
    let mut packages = String::from("(component");
    for n in 0..1001 {
        packages += &format!(r#"(import "a:p{n}/c" (instance))"#);
    }
    assert!(refusal(&assemble(&(packages + ")"))).contains("more than 1000 packages"));
}

/// Decodes what may be anything: an error is as good as a world, but nothing else is.
fn survives(bytes: &[u8]) -> bool {
    match decode(bytes) {
        Ok(world) => {
            // What is encoded at all is encoded to the same text.
            if let Ok(package) = encode(bytes) {
                assert_eq!(decoded(&package).text, world.text);
            }
            true
        }
        Err(_) => encode(bytes).is_ok(),
    }
}

#[test]
fn damaged_components_are_errors() {
    let fixtures = [
        encoded(&wit("tides.wit")),
        encoded(&wit("plain.wit")),
        wat::parse_file(fixture("wat/calc.wat")).unwrap(),
    ];
    for original in &fixtures {
        assert!(survives(original));
        let short = original.len().min(4000);
        let mut outcomes = [0, 0];
        for end in (0..short).step_by(7) {
            outcomes[usize::from(survives(&original[..end]))] += 1;
        }
        assert!(outcomes[1] <= 3 && outcomes[0] > 10, "cut: {outcomes:?}");
        for seed in 0..800 {
            let random = noise(seed, 12);
            let mut bytes = original.clone();
            for change in random.chunks(3).take(1 + usize::from(random[0] % 4)) {
                let at = usize::from(change[0]) << 8 | usize::from(change[1]);
                bytes[at % short] = change[2];
            }
            outcomes[usize::from(survives(&bytes))] += 1;
        }
        assert!(outcomes.iter().all(|&count| count > 10), "{outcomes:?}");
    }
    let count = (0..60)
        .filter(|&seed| survives(&smith::component(seed)))
        .count();
    assert!(count < 60, "{count}");
}
