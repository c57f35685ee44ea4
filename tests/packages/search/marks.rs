//! Yanked versions: shown last, and as what they are.

use super::components::{TestComponent, VERSIONS, make};
use super::*;
use crate::support::fault::Registry;

/// Versions of the one package, newest first as they are shown, the yanked ones in brackets; by JSON and by the text.
fn shown(workspace: &Workspace, arguments: &[&str]) -> Vec<String> {
    let report = search(workspace, arguments);
    let rows = report["packages"].as_array().unwrap().iter();
    let rows: Vec<String> = rows
        .map(|row| {
            let version = row["version"].as_str().unwrap();
            match row["yanked"].as_bool().unwrap() {
                true => format!("({version})"),
                false => version.to_owned(),
            }
        })
        .collect();
    let text = workspace.run(&[&["search"], arguments].concat()).success();
    let text = text.text();
    let lines = text.lines().map(|line| {
        let version = line.split_whitespace().nth(1).unwrap();
        match line.contains("  yanked  ") {
            true => format!("({version})"),
            false => version.to_owned(),
        }
    });
    assert_eq!(lines.collect::<Vec<_>>(), rows, "{text}");
    rows
}

#[test]
fn yanked_versions_come_last_and_are_marked() {
    let workspace = Workspace::new();
    let registry = Registry::start();
    let place = registry.address();
    let all: Vec<TestComponent> = make().into_iter().take(VERSIONS).collect();
    publish_all(&place, &all);
    let yank = |version: &str, undo: &[&str]| {
        let spec = format!("demo:part-n0@{version}");
        workspace.json(&[&["yank", &spec, "--registry", &place], undo].concat());
        workspace.json(&["index", "update"]);
    };
    workspace.json(&["index", "add", &place]);
    let all_versions = ["part-n0", "--all-versions"];
    assert_eq!(
        shown(&workspace, &all_versions),
        ["1.2.0", "1.0.0", "2.0.0-rc.1"]
    );
    assert_eq!(shown(&workspace, &["part-n0"]), ["1.2.0"]);
    yank("1.2.0", &[]);
    assert_eq!(
        shown(&workspace, &all_versions),
        ["1.0.0", "2.0.0-rc.1", "(1.2.0)"]
    );
    assert_eq!(shown(&workspace, &["part-n0"]), ["1.0.0"]);
    yank("1.0.0", &[]);
    assert_eq!(shown(&workspace, &["part-n0"]), ["2.0.0-rc.1"]);
    yank("2.0.0-rc.1", &[]);
    // Nothing else is left, and then it is still said.
    assert_eq!(shown(&workspace, &["part-n0"]), ["(1.2.0)"]);
    // A mark that was taken back is another mark.
    yank("1.0.0", &["--undo"]);
    assert_eq!(shown(&workspace, &["part-n0"]), ["1.0.0"]);
    assert_eq!(
        shown(&workspace, &all_versions),
        ["1.0.0", "(1.2.0)", "(2.0.0-rc.1)"]
    );
    // A shared index carries the marks.
    let target = format!("{place}/company/index:latest");
    workspace.json(&["index", "publish", &target, "--everything"]);
    let reader = Workspace::new();
    reader.json(&["index", "add", &target]);
    assert_eq!(
        shown(&reader, &all_versions),
        ["1.0.0", "(1.2.0)", "(2.0.0-rc.1)"]
    );
}
