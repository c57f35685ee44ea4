//! The lock file, and what can be had without a network.

use super::*;

fn lock(workspace: &Workspace) -> String {
    String::from_utf8(workspace.read("wharf.lock")).unwrap()
}

#[test]
fn the_lock_file_pins_a_version_despite_later_ones() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        let (one, _) = publish(&workspace, &place, "locked:calc", "1.0.0");
        assert_gets(&workspace, &place, "locked:calc@^1", &one);
        let before = lock(&workspace);
        assert!(before.contains(&Digest::of(&one).to_string()), "{before}");
        let (two, _) = publish(&workspace, &place, "locked:calc", "1.5.0");
        let locked = [
            "get",
            "locked:calc@^1",
            "-o",
            "got.wasm",
            "--locked",
            "--registry",
            &place,
        ];
        let report = workspace.json(&locked);
        assert_eq!(report["version"], "1.0.0");
        assert!(workspace.read("got.wasm") == one);
        // Yanked versions too.
        workspace.json(&["yank", "locked:calc@1.0.0", "--registry", &place]);
        let answer = workspace.run(&locked).success();
        assert!(
            answer.stderr.contains("1.0.0 is yanked"),
            "{}",
            answer.stderr
        );
        assert!(workspace.read("got.wasm") == one);
        assert_eq!(lock(&workspace), before, "--locked changed the file");
        assert_gets(&workspace, &place, "locked:calc@^1", &two);
        assert_ne!(lock(&workspace), before);
        std::fs::remove_file(workspace.path("wharf.lock")).unwrap();
    }
}

#[test]
fn downloaded_packages_are_available_offline() {
    for registry in registries() {
        let workspace = Workspace::new();
        let place = registry.host.as_str();
        let (one, report) = publish(&workspace, place, "offline:calc", "1.0.0");
        let offline = |spec: &str| {
            [
                "get",
                spec,
                "-o",
                "got.wasm",
                "--offline",
                "--registry",
                place,
            ]
            .map(str::to_owned)
        };
        let run = |spec: &str| {
            let arguments = offline(spec);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            workspace.run(&arguments)
        };
        // The cache has the blobs already, but nobody has seen the tag.
        assert_eq!(run("offline:calc@^1").code, Some(3));
        assert_gets(&workspace, place, "offline:calc@^1", &one);
        std::fs::remove_file(workspace.path("got.wasm")).unwrap();
        for spec in ["offline:calc@^1", "offline:calc@1.0.0", "offline:calc"] {
            run(spec).success();
            assert!(workspace.read("got.wasm") == one);
        }
        let locked = [
            "get",
            "offline:calc@^1",
            "-o",
            "got.wasm",
            "--offline",
            "--locked",
            "--registry",
            place,
        ];
        workspace.run(&locked).success();
        let reference = format!("{place}/offline/calc:1.0.0");
        workspace
            .run(&["pull", &reference, "-o", "got.wasm", "--offline"])
            .success();
        assert_eq!(run("offline:calc@^2").code, Some(3));
        assert_eq!(run("offline:never-seen").code, Some(3));
        // What is known and not there any more is not said to be unknown.
        let manifest: Digest = report["digest"].as_str().unwrap().parse().unwrap();
        std::fs::remove_file(workspace.cache().blob(&manifest)).unwrap();
        for spec in ["offline:calc@^1", "offline:calc@1.0.0", "offline:calc"] {
            let answer = run(spec);
            assert_eq!(answer.code, Some(3), "{answer:?}");
            for words in ["has the version 1.0.0", "without --offline"] {
                assert!(answer.stderr.contains(words), "{}", answer.stderr);
            }
        }
        // A cache that was emptied has nothing to give.
        workspace.json(&["cache", "prune", "--max-size", "0"]);
        assert_eq!(workspace.run(&locked).code, Some(3));
    }
}

#[test]
fn a_corrupt_or_contradicting_lock_file_is_an_error() {
    let workspace = Workspace::new();
    let (one, _) = publish(&workspace, "oci:store", "strict:calc", "1.0.0");
    let (other, _) = publish(&workspace, "oci:store", "strict:calc", "2.0.0");
    assert_gets(&workspace, "oci:store", "strict:calc@^1", &one);
    let sound = lock(&workspace);
    let locked = [
        "get",
        "strict:calc@^1",
        "-o",
        "got.wasm",
        "--locked",
        "--registry",
        "oci:store",
    ];
    let plain = [
        "get",
        "strict:calc@^1",
        "-o",
        "got.wasm",
        "--registry",
        "oci:store",
    ];
    for corrupt in [
        &sound[..sound.len() - 30],
        "version = 9\n",
        "nonsense",
        &sound.replace("^1", "^2"),
        "",
    ] {
        workspace.write("wharf.lock", corrupt.as_bytes());
        for arguments in [&locked[..], &plain] {
            let error = workspace.error(arguments, 5);
            assert!(
                error["message"].as_str().unwrap().contains("wharf.lock"),
                "{error}"
            );
        }
        assert_eq!(lock(&workspace), corrupt, "it was overwritten");
    }
    // The content of another version.
    let lie = sound.replace(
        &Digest::of(&one).to_string(),
        &Digest::of(&other).to_string(),
    );
    workspace.write("wharf.lock", lie.as_bytes());
    let error = workspace.error(&locked, 5);
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("without --locked"), "{error}");
    workspace.write("wharf.lock", sound.as_bytes());
    let missing = [
        "get",
        "strict:calc@^2",
        "--locked",
        "--registry",
        "oci:store",
    ];
    workspace.error(&missing, 3);
    workspace.error(&["get", "oci:store:strict/calc:1.0.0", "--locked"], 2);
    std::fs::remove_file(workspace.path("wharf.lock")).unwrap();
    workspace.error(&locked, 3);
    let without = [&plain[..], &["--no-lock"]].concat();
    workspace.json(&without);
    assert!(!workspace.path("wharf.lock").exists());
}

#[test]
fn concurrent_gets_lock_all_their_packages() {
    let workspace = Workspace::new();
    let specs: Vec<String> = ('a'..='h').map(|name| format!("many:{name}")).collect();
    for spec in &specs {
        publish(&workspace, "oci:store", spec, "1.0.0");
    }
    let running: Vec<_> = specs
        .iter()
        .map(|spec| {
            let arguments = ["get", spec, "--registry", "oci:store"];
            workspace.wharf(&arguments).spawn().unwrap()
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    let lock = lock(&workspace);
    for spec in &specs {
        assert!(lock.contains(&format!("name = \"{spec}\"")), "{lock}");
    }
}

#[cfg(unix)]
#[test]
fn files_behind_links_are_written_and_the_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let workspace = Workspace::new();
    let (one, _) = publish(&workspace, "oci:store", "linked:calc", "1.0.0");
    std::fs::create_dir(workspace.path("inner")).unwrap();
    for name in ["wharf.lock", "config.toml"] {
        symlink(format!("inner/{name}"), workspace.path(name)).unwrap();
    }
    let check = |mode: Option<u32>| {
        assert_gets(&workspace, "oci:store", "linked:calc", &one);
        let set = ["config", "set", "linked", "ghcr.io"];
        let set = [&set[..], &["--config", "config.toml"]].concat();
        workspace.json(&set);
        for (name, word) in [("wharf.lock", "linked:calc"), ("config.toml", "ghcr.io")] {
            let link = workspace.path(name).symlink_metadata().unwrap();
            assert!(link.is_symlink(), "{name}");
            let inner = workspace.path("inner").join(name);
            let text = std::fs::read_to_string(&inner).unwrap();
            assert!(text.contains(word), "{text}");
            let found = inner.metadata().unwrap().permissions().mode() & 0o777;
            assert!(mode.is_none_or(|mode| mode == found), "{name}: {found:o}");
        }
    };
    // They lead nowhere at first.
    check(None);
    for name in ["wharf.lock", "config.toml"] {
        let inner = workspace.path("inner").join(name);
        let comment = b"version = 1\n".as_slice();
        let empty = if name == "wharf.lock" { comment } else { b"" };
        std::fs::write(&inner, empty).unwrap();
        std::fs::set_permissions(&inner, PermissionsExt::from_mode(0o600)).unwrap();
    }
    check(Some(0o600));
}
