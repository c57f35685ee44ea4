//! What would break who relies on a version's number is refused.

use super::*;
use crate::support::binary;

/// A component with these imports and exports, each a function without parameters.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let import = |name: &&str| format!("(import \"{name}\" (func))");
    let export = |name: &&str| format!("(export \"{name}\" (func $f))");
    let imports: String = imports.iter().map(import).collect();
    let exports: String = exports.iter().map(export).collect();
    let body = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))"#;
    wat::parse_str(format!("(component {imports} {body} {exports})")).unwrap()
}

fn run(workspace: &Workspace, place: &str, spec: &str, bytes: &[u8], more: &[&str]) -> Answer {
    workspace.write("version.wasm", bytes);
    let arguments = [
        "publish",
        "version.wasm",
        spec,
        "--registry",
        place,
        "--json",
    ];
    workspace.run(&[&arguments[..], more].concat())
}

/// Publishes what nothing may be said against.
#[track_caller]
fn publishes(workspace: &Workspace, place: &str, spec: &str, bytes: &[u8], more: &[&str]) {
    let answer = run(workspace, place, spec, bytes, more).success();
    assert_eq!(answer.stderr, "", "{spec}");
}

/// Publishes what must be refused, with these words.
#[track_caller]
fn is_refused(workspace: &Workspace, place: &str, spec: &str, bytes: &[u8], words: &[&str]) {
    for more in [&[][..], &["--dry-run"]] {
        let answer = run(workspace, place, spec, bytes, more);
        assert_eq!(answer.code, Some(7), "{spec}: {answer:?}");
        let error = answer.json()["error"].clone();
        let message = error["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{spec}: {message}");
        }
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.contains("--no-compat-check"), "{hint}");
    }
}

#[test]
fn versions_are_checked_against_both_neighbours() {
    let workspace = Workspace::new();
    let places = ["oci:layout".to_owned()]
        .into_iter()
        .chain(registries().iter().map(|registry| registry.host.clone()));
    for place in places {
        let place = place.as_str();
        let basic = component(&["log"], &["add"]);
        let more = component(&["log"], &["add", "divide"]);
        let wants = component(&["log", "clock"], &["add"]);
        publishes(&workspace, place, "compat:calc@1.0.0", &basic, &[]);
        publishes(&workspace, place, "compat:calc@1.2.0", &more, &[]);
        let words = [
            "compat:calc@1.3.0 could not replace 1.2.0",
            "lost export divide",
        ];
        is_refused(&workspace, place, "compat:calc@1.3.0", &basic, &words);
        let words = [
            "compat:calc@1.0.1 could not replace 1.0.0",
            "new import clock",
        ];
        is_refused(&workspace, place, "compat:calc@1.0.1", &wants, &words);
        // Between the two: what comes after it has to do for it too.
        let between = component(&["log"], &["add", "wave"]);
        let words = [
            "1.2.0 in",
            "could not replace compat:calc@1.1.0",
            "lost export wave",
        ];
        is_refused(&workspace, place, "compat:calc@1.1.0", &between, &words);
        publishes(&workspace, place, "compat:calc@1.1.0", &basic_again(), &[]);
        // Another range, what comes before a release, and who insists.
        publishes(&workspace, place, "compat:calc@2.0.0", &wants, &[]);
        publishes(&workspace, place, "compat:calc@0.9.0", &wants, &[]);
        publishes(&workspace, place, "compat:calc@1.3.0-rc.1", &wants, &[]);
        // --force replaces a version, and breaks nobody for that.
        let answer = run(&workspace, place, "compat:calc@1.2.0", &wants, &["--force"]);
        assert_eq!(answer.code, Some(7), "{answer:?}");
        let insists = ["--no-compat-check"];
        publishes(&workspace, place, "compat:calc@1.3.0", &basic, &insists);
    }
}

/// What [`component`] makes of the least, in other bytes.
fn basic_again() -> Vec<u8> {
    let note = binary::custom("note", b"again");
    [component(&["log"], &["add"]), note].concat()
}

#[test]
fn yanked_versions_do_not_count() {
    let workspace = Workspace::new();
    let (more, basic) = (component(&[], &["add", "divide"]), component(&[], &["add"]));
    publishes(&workspace, "oci:store", "yank:calc@0.1.0", &basic, &[]);
    publishes(&workspace, "oci:store", "yank:calc@0.1.1", &more, &[]);
    is_refused(
        &workspace,
        "oci:store",
        "yank:calc@0.1.2",
        &basic_of(2),
        &["0.1.1"],
    );
    workspace.json(&["yank", "yank:calc@0.1.1", "--registry", "oci:store"]);
    publishes(
        &workspace,
        "oci:store",
        "yank:calc@0.1.2",
        &basic_of(2),
        &[],
    );
}

fn basic_of(number: u8) -> Vec<u8> {
    [component(&[], &["add"]), binary::custom("note", &[number])].concat()
}

#[test]
fn incomparable_versions_are_published_with_a_note() {
    let workspace = Workspace::new();
    let module = wat::parse_str("(module)").unwrap();
    publishes(&workspace, "oci:store", "odd:calc@1.0.0", &module, &[]);
    let basic = component(&[], &["add"]);
    let answer = run(&workspace, "oci:store", "odd:calc@1.1.0", &basic, &[]).success();
    let note = "note: odd:calc@1.1.0 is not compared with 1.0.0: a core module has no WIT";
    assert_eq!(answer.stderr.trim(), note);
    let answer = run(&workspace, "oci:store", "odd:calc@1.2.0", &module, &[]).success();
    let note = "note: odd:calc@1.2.0 is not compared with 1.1.0: a core module has no WIT";
    assert_eq!(answer.stderr.trim(), note);
}
