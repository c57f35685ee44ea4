//! Mirrors: again and again, only news.

use super::*;

#[test]
fn a_mirror_sends_only_changes() {
    let workspace = Workspace::new();
    let places = places(&workspace);
    for (at, from) in places.iter().enumerate() {
        let to = &places[(at + 1) % places.len()];
        let package = format!("mirrored:calc-n{at}");
        let package = package.as_str();
        let (one, _) = publish(&workspace, from, package, "1.0.0");
        publish(&workspace, from, package, "2.0.0");
        let file = format!(
            "[[mirror]]\nfrom = \"{from}\"\nto = \"{to}\"\npackages = [\"{package}@^1\"]\n"
        );
        workspace.write("mirror.toml", file.as_bytes());
        let mirror = || workspace.json(&["mirror", "mirror.toml"]);
        let first = mirror();
        assert_eq!(first["manifests"], 1);
        assert_eq!(first["packages"].as_array().unwrap().len(), 1);
        assert_eq!(shown(&workspace, to, package), ["1.0.0"]);
        assert_gets(&workspace, to, package, &one);

        let nothing = mirror();
        assert_eq!(
            (&nothing["sent_blobs"], &nothing["manifests"]),
            (&0.into(), &0.into()),
            "{nothing}"
        );
        assert_eq!(nothing["packages"][0]["copied"], false);

        let (newer, _) = publish(&workspace, from, package, "1.1.0");
        workspace.json(&["yank", &format!("{package}@1.0.0"), "--registry", from]);
        let news = mirror();
        assert!(news["sent_blobs"].as_u64().unwrap() < 5, "{news}");
        assert_eq!(shown(&workspace, to, package), ["1.1.0", "(1.0.0)"]);
        assert_gets(&workspace, to, package, &newer);

        // A version that differs is not overwritten.
        workspace.write("version.wasm", &version_of("calc", "changed"));
        let changed = format!("{package}@1.1.0");
        workspace.json(&[
            "publish",
            "version.wasm",
            &changed,
            "--force",
            "--registry",
            from,
        ]);
        workspace.error(&["mirror", "mirror.toml"], 7);
        assert_gets(&workspace, to, &changed, &newer);
    }
}

#[test]
fn an_invalid_mirror_file_is_named_with_its_line() {
    let workspace = Workspace::new();
    workspace.write(
        "mirror.toml",
        b"[[mirror]]\nto = \"oci:a\"\npackages = [\"nonsense\"]\n",
    );
    let error = workspace.error(&["mirror", "mirror.toml"], 5);
    assert!(
        error["message"].as_str().unwrap().contains("line 3"),
        "{error}"
    );
    workspace.error(&["mirror", "nothing.toml"], 3);
    workspace.write(
        "mirror.toml",
        b"[[mirror]]\nfrom = \"oci:none\"\nto = \"oci:a\"\npackages = [\"a:b\"]\n",
    );
    workspace.error(&["mirror", "mirror.toml"], 3);
    assert!(!workspace.path("a").exists());
}

/// Writes a mirror file of one entry between two layouts.
fn mirrors(workspace: &Workspace, packages: &str) {
    let file = format!("[[mirror]]\nfrom = \"oci:from\"\nto = \"oci:to\"\npackages = {packages}\n");
    workspace.write("mirror.toml", file.as_bytes());
}

#[test]
fn mirroring_everything_includes_pre_releases() {
    let workspace = Workspace::new();
    publish(&workspace, "oci:from", "all:calc", "1.0.0-rc.1");
    mirrors(&workspace, "[\"all:calc@*\"]");
    let report = workspace.json(&["mirror", "mirror.toml"]);
    assert_eq!(report["packages"][0]["version"], "1.0.0-rc.1", "{report}");
    assert_eq!(report["failures"], Value::Array(Vec::new()));
    assert_eq!(shown(&workspace, "oci:to", "all:calc"), ["1.0.0-rc.1"]);
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let workspace = Workspace::new();
    publish(&workspace, "oci:from", "some:calc", "1.0.0");
    publish(&workspace, "oci:from", "some:calc", "2.0.0");
    publish(&workspace, "oci:from", "some:greet", "1.0.0");
    workspace.write("other.wasm", &version_of("calc", "other"));
    let other = [
        "publish",
        "other.wasm",
        "some:calc@1.0.0",
        "--registry",
        "oci:to",
    ];
    workspace.json(&other);
    mirrors(
        &workspace,
        "[\"some:calc\", \"some:none\", \"some:greet@9.0.0\", \"some:greet\"]",
    );
    let mut command = workspace.wharf(&["mirror", "mirror.toml", "--json"]);
    let answer = Answer::of(&mut command);
    assert_eq!(answer.code, Some(7), "{answer:?}");
    let report = answer.json();
    let copied = report["packages"].as_array().unwrap().iter();
    let copied: Vec<String> = copied
        .map(|row| format!("{}@{}", row["name"], row["version"]).replace('"', ""))
        .collect();
    assert_eq!(copied, ["some:calc@2.0.0", "some:greet@1.0.0"]);
    let failures = report["failures"].as_array().unwrap().iter();
    let failures: Vec<[Value; 3]> = failures
        .map(|failure| ["package", "version", "kind"].map(|member| failure[member].clone()))
        .collect();
    let expected = [
        ["some:calc".into(), "1.0.0".into(), "conflict".into()],
        ["some:none".into(), Value::Null, "not_found".into()],
        ["some:greet".into(), Value::Null, "not_found".into()],
    ];
    assert_eq!(failures, expected);
    let message = report["failures"][2]["message"].as_str().unwrap();
    assert!(
        message.contains("9.0.0") && message.contains("nearest versions: 1.0.0"),
        "{message}"
    );

    let answer = Answer::of(&mut workspace.wharf(&["mirror", "mirror.toml"]));
    assert_eq!(answer.code, Some(7), "{answer:?}");
    assert_eq!(answer.stderr.matches("error: ").count(), 3, "{answer:?}");
    assert!(answer.text().contains("some:greet@1.0.0"), "{answer:?}");
}

#[test]
fn other_packages_of_a_repository_are_not_copied_or_mirrored() {
    let workspace = Workspace::new();
    workspace.write("version.wasm", &version_of("calc", "1.0.0"));
    publish(&workspace, "oci:from", "own:calc", "1.0.0");
    publish(&workspace, "oci:elsewhere", "own:greet", "1.1.0");
    // As with two packages that are mapped to one repository.
    let theirs = "oci:elsewhere:own/greet:1.1.0";
    workspace.json(&["copy", theirs, "oci:from:own/calc:1.1.0"]);
    for more in [&[][..], &["--all-tags"]] {
        let copy = ["copy", "own:calc", "oci:to", "--registry", "oci:from"];
        let error = workspace.error(&[&copy[..], more].concat(), 7);
        assert!(
            error["message"].as_str().unwrap().contains("own:greet"),
            "{error}"
        );
        assert!(!workspace.path("to").exists());
    }
    mirrors(&workspace, "[\"own:calc\"]");
    let answer = Answer::of(&mut workspace.wharf(&["mirror", "mirror.toml", "--json"]));
    assert_eq!(answer.code, Some(7), "{answer:?}");
    assert_eq!(answer.json()["failures"][0]["version"], "1.1.0");
    assert_eq!(shown(&workspace, "oci:to", "own:calc"), ["1.0.0"]);
}
