//! Registries that want a password.

use super::components::{TestComponent, VERSIONS, WIT, make};
use super::*;

fn log_in(workspace: &Workspace, host: &str) {
    let arguments = [
        "login",
        host,
        "-u",
        registries::USERNAME,
        "--password-stdin",
    ];
    let mut login = workspace.wharf(&arguments);
    let mut child = login.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, registries::PASSWORD.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Answer::from_output("login".to_owned(), output).success();
}

#[test]
fn authenticated_registries_can_be_indexed_and_searched() {
    let all: Vec<TestComponent> = make().into_iter().take(2 * VERSIONS).collect();
    for registry in registries::indexed_authenticated() {
        let place = registry.host.as_str();
        let stranger = Workspace::new();
        stranger.error(&["index", "add", place], 4);
        let workspace = Workspace::new();
        log_in(&workspace, place);
        for made in &all {
            workspace.write("made.wasm", &made.bytes);
            let spec = format!("{}@{}", made.package, made.version);
            workspace.json(&[
                "publish",
                "made.wasm",
                &spec,
                "--registry",
                place,
                "--no-compat-check",
            ]);
        }
        let added = workspace.json(&["index", "add", place]);
        assert_eq!(added["sources"][0]["versions"], all.len(), "{added}");
        let mut expected: Vec<(String, String)> = all
            .iter()
            .filter(|made| made.imports.iter().all(|name| name == "demo:log/log"))
            .map(|made| (made.package.clone(), made.version.clone()))
            .collect();
        expected.sort();
        // By type: for that the roots are fetched, with the password.
        let wit = format!("{WIT}\nworld quiet {{ import demo:log/log; }}");
        workspace.write("quiet.wit", wit.as_bytes());
        let quiet = ["--world", "quiet", "--wit", "quiet.wit", "--all-versions"];
        let mut found = names(&search(&workspace, &quiet));
        found.sort();
        assert_eq!(found, expected);
        assert!((1..all.len()).contains(&found.len()), "{found:?}");
        // An index in a registry with a password is for who has it.
        let target = format!("{place}/company/index:latest");
        workspace.json(&["index", "publish", &target, "--place", place]);
        stranger.error(&["index", "add", &target], 4);
        let reader = Workspace::new();
        log_in(&reader, place);
        reader.json(&["index", "add", &target]);
        assert_eq!(search(&reader, &["--all-versions"])["total"], all.len());
        // Who is not let in any more keeps what he knew, and hears it.
        workspace.run(&["logout", place]).success();
        let update = workspace.run(&["index", "update"]);
        assert_ne!(update.code, Some(0), "{update:?}");
        assert_eq!(search(&workspace, &["--all-versions"])["total"], all.len());
    }
}
