//! What goes wrong is said, with a way out.

use super::*;
use crate::support::workspace::names;

#[test]
fn unknown_packages_and_versions_come_with_the_available_ones() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        for version in ["1.0.0", "1.2.0", "1.4.0"] {
            publish(&workspace, &place, "near:calc", version);
        }
        let get = |spec: &str| workspace.error(&["get", spec, "--registry", &place], 3);
        let error = get("near:nothing");
        assert!(
            error["message"].as_str().unwrap().contains("near:nothing"),
            "{error}"
        );
        for spec in ["near:calc@1.3.0", "near:calc@=1.3.0"] {
            let error = get(spec);
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains("1.2.0") && message.contains("1.4.0"),
                "{error}"
            );
        }
        assert!(
            get("near:calc@^7")["message"]
                .as_str()
                .unwrap()
                .contains("1.4.0")
        );
        workspace.error(&["versions", "near:nothing", "--registry", &place], 3);
        workspace.error(&["yank", "near:calc@9.0.0", "--registry", &place], 3);
        for version in ["1.0.0", "1.2.0", "1.4.0"] {
            workspace.json(&[
                "yank",
                &format!("near:calc@{version}"),
                "--registry",
                &place,
            ]);
        }
        assert!(
            get("near:calc@^1")["message"]
                .as_str()
                .unwrap()
                .contains("yanked matches: 3")
        );
    }
}

#[test]
fn tags_that_are_not_versions_are_listed_and_skipped() {
    let workspace = Workspace::new();
    for registry in registries() {
        let place = registry.host.as_str();
        let (one, _) = publish(&workspace, place, "tagged:calc", "1.0.0");
        workspace.fixture("greet");
        for tag in ["latest", "v9.0.0", "nightly"] {
            workspace.json(&["push", "greet.wasm", &format!("{place}/tagged/calc:{tag}")]);
        }
        let report = workspace.json(&["versions", "tagged:calc", "--registry", place]);
        let mut others: Vec<&str> = report["other_tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap())
            .collect();
        others.sort_unstable();
        assert_eq!(others, ["latest", "nightly", "v9.0.0"]);
        assert_eq!(report["packages"].as_array().unwrap().len(), 1);
        assert_gets(&workspace, place, "tagged:calc", &one);
    }
}

#[test]
fn two_packages_in_one_repository_are_reported() {
    let workspace = Workspace::new();
    for registry in registries() {
        let host = registry.host.as_str();
        let mapping = |scope: &str, prefix: &str| {
            format!(
                "{scope} = {{ registry = \"{host}\", metadata = {{ preferredProtocol = \"oci\", oci = {{ registry = \"{host}\", namespacePrefix = \"{prefix}\" }} }} }}\n"
            )
        };
        let config = format!(
            "[namespace_registries]\n{}{}",
            mapping("one", "twin-"),
            mapping("twin-one", "")
        );
        workspace.write("config.toml", config.as_bytes());
        workspace.fixture("calc");
        let with = |arguments: &[&'static str]| [arguments, &["--config", "config.toml"]].concat();
        workspace.json(&with(&["publish", "calc.wasm", "one:calc@1.0.0"]));
        let error = workspace.error(&with(&["publish", "calc.wasm", "twin-one:calc@2.0.0"]), 7);
        assert!(
            error["message"].as_str().unwrap().contains("one:calc"),
            "{error}"
        );
        workspace.error(&with(&["get", "twin-one:calc"]), 7);
        // Not the version that is there either, whatever its bytes, and however loudly.
        workspace.fixture("greet");
        for arguments in [
            &["publish", "calc.wasm", "twin-one:calc@1.0.0"][..],
            &["publish", "greet.wasm", "twin-one:calc@1.0.0", "--force"],
            &["yank", "twin-one:calc@1.0.0"],
            &["copy", "twin-one:calc", "oci:away"],
            &["inspect", "twin-one:calc@1.0.0"],
        ] {
            workspace.error(&with(arguments), 7);
        }
        assert!(!workspace.path("away").exists());
        workspace.json(&with(&["get", "one:calc", "-o", "got.wasm"]));
    }
}

#[test]
fn unknown_configuration_keys_are_reported_and_ignored() {
    let workspace = Workspace::new();
    let config = "future = true\ndefault_registry = \"localhost:1\"\n[namespace_registries]\ndemo = \"mine\"\n[registry.mine]\ntype = \"wharf\"\nalso = { new = 1 }\n[registry.mine.wharf]\nlayout = \"store\"\n";
    workspace.write("config.toml", config.as_bytes());
    workspace.fixture("calc");
    let answer = workspace
        .run(&[
            "publish",
            "calc.wasm",
            "demo:calc@1.0.0",
            "--config",
            "config.toml",
        ])
        .success();
    assert!(answer.stderr.contains("`future`"), "{}", answer.stderr);
    assert!(workspace.path("store/oci-layout").exists());
    workspace.write("config.toml", b"default_registry = ");
    let error = workspace.error(&["get", "demo:calc", "--config", "config.toml"], 5);
    assert!(
        error["message"].as_str().unwrap().contains("line 1"),
        "{error}"
    );
    workspace.error(&["get", "demo:calc", "--config", "none.toml"], 3);
}

#[test]
fn an_override_for_one_package_does_not_change_the_list() {
    let workspace = Workspace::new();
    publish(&workspace, "oci:common", "demo:calc", "1.0.0");
    publish(&workspace, "oci:other", "demo:a", "1.0.0");
    let layout = |name: &str| {
        format!(
            "[registry.{name}]\ntype = \"wharf\"\n[registry.{name}.wharf]\nlayout = \"{name}\"\n"
        )
    };
    let config = format!(
        "default_registry = \"common\"\n[namespace_registries]\nany = \"other\"\n[package_registry_overrides]\n\"demo:a\" = \"other\"\n{}{}",
        layout("common"),
        layout("other")
    );
    workspace.write("config.toml", config.as_bytes());
    for prefix in [None, Some("demo"), Some("demo:"), Some("demo:ca")] {
        let mut arguments = vec!["list"];
        arguments.extend(prefix);
        arguments.extend(["--config", "config.toml"]);
        let report = workspace.json(&arguments);
        let packages = report["packages"].as_array().unwrap();
        let names: Vec<&Value> = packages.iter().map(|row| &row["name"]).collect();
        assert_eq!(names, ["demo:calc"], "{prefix:?}");
    }
    let named = ["list", "--config", "config.toml", "--registry", "other"];
    assert_eq!(workspace.json(&named)["packages"][0]["name"], "demo:a");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let workspace = Workspace::new();
    workspace.fixture("calc");
    let mut command = workspace.wharf(&["publish", "calc.wasm", "demo:calc@1.0.0"]);
    command.env("WHARF_REGISTRY", std::ffi::OsStr::from_bytes(b"oci:\xff"));
    let answer = Answer::of(&mut command);
    assert_eq!(answer.code, Some(2), "{}", answer.stderr);
    assert!(
        answer.stderr.contains("WHARF_REGISTRY"),
        "{}",
        answer.stderr
    );
}

#[test]
fn invalid_packages_and_places_are_usage_errors() {
    let workspace = Workspace::new();
    workspace.fixture("calc");
    for arguments in [
        &["get", "demo"][..],
        &["get", "Demo:calc"],
        &["get", "demo:calc@nonsense!"],
        &["get", "demo:calc", "--registry", "nowhere"],
        &["get", "demo:calc", "--registry", "https://ghcr.io"],
        &["versions", "demo:calc@1.0.0"],
        &["yank", "demo:calc"],
        &["yank", "demo:calc@^1"],
        &["publish", "calc.wasm", "oci:calc@1.0.0"],
        &[
            "publish",
            "calc.wasm",
            "demo:calc@1.0.0",
            "--registry",
            "docker.io/a/b",
        ],
        &["copy", "demo:calc@1.0.0", "localhost:5000/x:1.0"],
        &["copy", "demo:calc", "oci:same", "--registry", "oci:same"],
        &["copy", "oci:a:1.0", "oci:b", "--all-tags"],
        &["config", "set", "default", "ghcr.io/me"],
        &["config", "set", "Demo", "ghcr.io"],
    ] {
        workspace.error(arguments, 2);
    }
}

#[test]
fn no_command_repeats_the_password_of_a_reference_that_it_takes_for_a_file() {
    let workspace = Workspace::new();
    workspace.fixture("calc");
    let secret = "u:SECRET@ghcr.io/a:1";
    let layout = &format!("oci:{secret}");
    for arguments in [
        &["split", secret, "D"][..],
        &["splice", secret],
        &["push", secret, "oci:there:1"],
        &[
            "publish",
            secret,
            "demo:calc@1.0.0",
            "--registry",
            "oci:there",
        ],
        &["mirror", secret],
        &["inspect", secret],
        &["push", "calc.wasm", secret],
        &["push", "calc.wasm", layout],
        &["pull", layout],
        &["copy", layout, "oci:there:1"],
    ] {
        for json in [&[][..], &["--json"]] {
            let answer = workspace.run(&[arguments, json].concat());
            assert!(matches!(answer.code, Some(2 | 3)), "{answer:?}");
            let said = format!("{}{}", answer.text(), answer.stderr);
            assert!(!said.contains("SECRET"), "{arguments:?}: {said}");
        }
    }
    assert_eq!(names(&workspace.work()), ["calc.wasm".to_owned()].into());
}
