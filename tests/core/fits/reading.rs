//! WIT as it is given: files, packages that others use, and mistakes in them.

use wharf::world::{Dependency, Error, Wit};

use super::fixtures::file;

const APP: &str = "package demo:app@1.0.0;\nworld app {\n  import demo:dep/api;\n}\n";
const DEP: &str = "package demo:dep;\ninterface api { f: func(); }\nworld all { export api; }\n";

#[test]
fn packages_that_others_use_are_text_or_encoded() {
    let dep = Wit::read(vec![file("dep.wit", DEP)], Vec::new()).unwrap();
    let bytes = dep.world("all").unwrap().encode().unwrap().package;
    let path = "deps/dep.wasm".to_owned();
    for dependency in [
        Dependency::Text(vec![file("deps/dep/dep.wit", DEP)]),
        Dependency::Encoded { path, bytes },
    ] {
        let wit = Wit::read(vec![file("app.wit", APP)], vec![dependency]).unwrap();
        let app = wit.world("app").unwrap();
        assert_eq!(app.name(), "demo:app/app@1.0.0");
        assert_eq!(app.imports(), ["demo:dep/api"]);
        assert_eq!(
            wit.world("demo:dep/all").unwrap().exports(),
            ["demo:dep/api"]
        );
        let encoded = Wit::decode(&app.encode().unwrap().package).unwrap();
        assert_eq!(encoded.world("app").unwrap().imports(), ["demo:dep/api"]);
    }
}

#[test]
fn several_files_are_one_package() {
    let files = vec![
        file("b.wit", "interface api { f: func(); }"),
        file("a.wit", "package demo:two; world w { import api; }"),
    ];
    let wit = Wit::read(files, Vec::new()).unwrap();
    assert_eq!(wit.world("w").unwrap().imports(), ["demo:two/api"]);
}

#[test]
fn wit_errors_name_the_line() {
    let broken = "package demo:dep;\n\ninterface api {\n  f: funk();\n}\n";
    let unknown = "package demo:app;\nworld app {\n  import nowhere;\n}\n";
    for (main, dependency, place) in [
        (broken, None, "app.wit:4:6: expected "),
        (unknown, None, "app.wit:3:10: "),
        (APP, None, "app.wit:3:10: package 'demo:dep' not found"),
        (APP, Some(broken), "deps/dep.wit:4:6: expected "),
        ("world a { import \u{7}", None, "app.wit:1:18: "),
        ("package demo:app; world a", None, "app.wit:1:26: "),
    ] {
        let dependency = dependency.map(|text| Dependency::Text(vec![file("deps/dep.wit", text)]));
        let read = Wit::read(
            vec![file("app.wit", main)],
            dependency.into_iter().collect(),
        );
        let error = read.unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
    }
    let path = "deps/dep.wasm".to_owned();
    let bytes = vec![0; 8];
    let read = Wit::read(
        vec![file("app.wit", APP)],
        vec![Dependency::Encoded { path, bytes }],
    );
    let error = read.unwrap_err().to_string();
    assert!(
        error.starts_with("deps/dep.wasm: it cannot be expressed in WIT"),
        "{error}"
    );
}

#[test]
fn available_worlds_are_named() {
    let wit = Wit::read(vec![file("dep.wit", DEP)], Vec::new()).unwrap();
    let error = wit.world("al").unwrap_err();
    assert!(matches!(error, Error::NoWorld { .. }));
    assert_eq!(
        error.to_string(),
        "no world `al` in demo:dep; its worlds: all"
    );
    for name in ["", "a:b/c", "demo:dep/api", "::", "demo:dep"] {
        assert!(
            matches!(wit.world(name), Err(Error::NoWorld { .. })),
            "{name}"
        );
    }
    let empty = Wit::read(vec![file("e.wit", "package a:b;")], Vec::new()).unwrap();
    let error = empty.world("w").unwrap_err().to_string();
    assert_eq!(error, "no world `w` in a:b, which has none");
}
