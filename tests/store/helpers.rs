//! Credential helpers and files of other clients, as they come.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::fault::{Auth, Fault, Registry, Settings};
use crate::support::workspace::{Answer, Workspace};
use serde_json::{Value, json};

/// A workspace with this credentials file, and a helper `docker-credential-mine` that is this script.
fn prepared(file: &str, helper: &str) -> Workspace {
    let workspace = Workspace::new();
    let directory = workspace.work().with_file_name("home").join("docker");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("config.json"), file).unwrap();
    let program = workspace.path("docker-credential-mine");
    fs::write(&program, format!("#!/bin/sh\n{helper}\n")).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    workspace
}

/// Pulls what everybody who is let in may read, perhaps with a token in `WHARF_TOKEN`.
fn pull(workspace: &Workspace, registry: &Registry, token: Option<&str>) -> Answer {
    let token = token.map(|token| ("WHARF_TOKEN", token));
    pull_with(workspace, registry, token)
}

fn pull_with(workspace: &Workspace, registry: &Registry, variable: Option<(&str, &str)>) -> Answer {
    let reference = format!("{}/demo/app:1.0", registry.address());
    let mut command = workspace.wharf(&["pull", &reference, "-o", "x"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", workspace.work().display()));
    command.envs(variable);
    Answer::of(&mut command)
}

fn guarded() -> Registry {
    let (username, password) = ("user", "word");
    let registry = Registry::start_with(Settings {
        auth: Auth::Basic { username, password },
        ..Settings::default()
    });
    registry.put_manifest("demo/app", "1.0", "application/json", b"{}");
    registry
}

/// Returns the `Authorization` header of the last request.
fn authorization(registry: &Registry) -> Option<String> {
    let last = registry.requests().into_iter().last()?;
    last.header("authorization").map(str::to_owned)
}

const STORE: &str = r#"{"credsStore": "mine"}"#;

#[test]
fn a_helper_need_not_read_its_input() {
    // It closes its input before anything can be written there.
    let answer = r#"exec 0<&-; echo '{"ServerURL":"x","Username":"user","Secret":"word"}'"#;
    let workspace = prepared(STORE, answer);
    let registry = guarded();
    for _ in 0..8 {
        pull(&workspace, &registry, None);
        assert_eq!(
            authorization(&registry).as_deref(),
            Some("Basic dXNlcjp3b3Jk")
        );
    }
}

#[test]
fn an_answer_without_a_secret_is_not_a_login() {
    for answer in [
        "true",
        "echo",
        "echo '{}'",
        r#"echo '{"Username":"","Secret":""}'"#,
    ] {
        let workspace = prepared(STORE, answer);
        let registry = guarded();
        let failed = pull(&workspace, &registry, None);
        assert_eq!(failed.code, Some(4), "{answer}: {failed:?}");
        assert!(
            failed.stderr.contains("no credentials were given"),
            "{failed:?}"
        );
        assert_eq!(authorization(&registry), None);
    }
}

#[test]
fn a_helper_that_fails_is_named_with_its_own_words() {
    let fails = |helper: &str| {
        let workspace = prepared(STORE, helper);
        let failed = pull(&workspace, &guarded(), None);
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(!failed.stderr.contains("SECRET"), "{failed:?}");
        let named = ["docker-credential-mine", "docker/config.json"];
        let is_named = |words: &&str| failed.stderr.contains(*words);
        assert!(named.iter().all(is_named), "{failed:?}");
        failed.stderr
    };
    // Docker's helpers write their errors on standard output.
    for stream in ["", ">&2"] {
        let said = fails(&format!("echo the keychain is locked {stream}; exit 1"));
        assert!(said.contains("the keychain is locked"), "{said}");
    }
    fails(r#"echo '{"Username":"me","Secret":"SECRET"}'; exit 1"#);
    let said = fails(r#"echo '{"Username":"me","Secret":"SECRET"'"#);
    assert!(said.contains("not JSON") && said.contains("line"), "{said}");
    let said = fails(r#"printf '%s' '{"Username":"<token>","Secret":"SECRET\n"}'"#);
    assert!(said.contains("its token contains a line end"), "{said}");
    let said = fails(r#"echo '["SECRET"]'"#);
    assert!(said.contains("Username and Secret"), "{said}");
    let missing = prepared(r#"{"credsStore": "none-such"}"#, "");
    let said = pull(&missing, &guarded(), None).stderr;
    assert!(
        said.contains("docker-credential-none-such cannot be run"),
        "{said}"
    );
}

#[test]
fn errors_in_a_file_name_the_line() {
    let registry = guarded();
    let host = registry.address();
    for (file, line) in [
        ("{\n \"auths\": {\n".to_owned(), "line 3"),
        ("{\"auths\":\n {\"SECRET\" \"x\"}}".to_owned(), "line 2"),
        ("\"SECRET\"".to_owned(), "not a JSON object"),
        (
            format!("{{\"auths\": {{\n\n\"{host}\": {{\"auth\": \"SECRET!\"}}}}}}"),
            "line 3",
        ),
        (
            format!("{{\"auths\":\n{{\"{host}\": {{\"auth\": \"U0VDUkVU\"}}}}}}"),
            "line 2",
        ),
        (
            format!("{{\"auths\":\n{{\"{host}\": {{\"registrytoken\": \"SECRET\\n\"}}}}}}"),
            "line 2",
        ),
        (
            format!("{{\"auths\":\n{{\"{host}\": {{\"identitytoken\": \"SECRET\\r\\n\"}}}}}}"),
            "line 2) cannot be read: `identitytoken` contains a line end",
        ),
        (
            format!(
                "{{\"auths\": {{\"{host}\": {{\"auth\": \"eDp5\", \"username\": \"SECRET\", \"password\": \"p\"}}}}}}"
            ),
            "line 1) cannot be read: auth field does not match",
        ),
        (
            format!(
                "{{\"credHelpers\": {{\"{host}\": \"\"}},\n\"auths\": {{\"{host}\": {{\"auth\": \"eDp5\", \"username\": 7}}}}}}"
            ),
            "line 2) cannot be read: one of its fields is not text",
        ),
        (
            format!("{{\"auths\":\n{{\"{host}\": {{\"auth\": 5}}}}}}"),
            "line 2) cannot be read: one of its fields is not text",
        ),
        (
            format!("{{\"auths\":\n{{\"{host}\": \"SECRET\"}}}}"),
            "line 2) cannot be read: it is not an object",
        ),
        (
            "{\"auths\": [\"SECRET\"]}".to_owned(),
            "`auths` is not an object",
        ),
        (
            "{\"credHelpers\": [\"SECRET\"]}".to_owned(),
            "`credHelpers` is not an object",
        ),
        (
            format!("{{\"credHelpers\": {{\"{host}\": 1}}}}"),
            "the name of a helper is not text",
        ),
        (
            "{\"credsStore\": 3}".to_owned(),
            "the name of a helper is not text",
        ),
    ] {
        let failed = pull(&prepared(&file, ""), &registry, None);
        assert_eq!(failed.code, Some(1), "{file}: {failed:?}");
        let said = &failed.stderr;
        assert!(
            said.contains("docker/config.json") && said.contains(line),
            "{said}"
        );
        assert!(
            !said.contains("SECRET") && !said.contains("U0VDUkVU"),
            "{said}"
        );
    }
}

#[test]
fn a_token_for_the_registry_is_sent_as_it_is() {
    let registry = guarded();
    let entry =
        json!({"auth": "dXNlcjp3b3Jk", "identitytoken": "other", "registrytoken": "hunter2"});
    let file: Value = json!({"auths": {registry.address(): entry}});
    pull(&prepared(&file.to_string(), ""), &registry, None);
    assert_eq!(authorization(&registry).as_deref(), Some("Bearer hunter2"));
}

#[test]
fn a_token_with_a_line_end_is_an_error() {
    let workspace = prepared("{}", "");
    let registry = guarded();
    for token in ["SECRET\n", "SEC\r\nRET", "SECRET\u{7}"] {
        let failed = pull(&workspace, &registry, Some(token));
        assert_eq!(failed.code, Some(1), "{failed:?}");
        let said = &failed.stderr;
        assert!(said.contains("the token in WHARF_TOKEN contains"), "{said}");
        assert!(!said.contains("SEC"), "{said}");
    }
    let name = registry.address().replace(['.', ':'], "_");
    let name = format!("WKG_REGISTRY_{name}_AUTH_BEARER");
    let failed = pull_with(&workspace, &registry, Some((&name, "SECRET\n")));
    assert!(
        failed
            .stderr
            .contains(&format!("the token in {name} contains a line end")),
        "{failed:?}"
    );
    assert!(registry.requests().is_empty());
    // The same of a token server's token.
    let registry = Registry::start_with(Settings {
        auth: Auth::Bearer {
            login: None,
            realm: None,
            uses: 9,
        },
        ..Settings::default()
    });
    let body = br#"{"token": "SECRET\n"}"#.to_vec();
    registry.on("GET", "/token", 9, Fault::Body(body));
    let failed = pull(&workspace, &registry, None);
    assert_eq!(failed.code, Some(5), "{failed:?}");
    let said = &failed.stderr;
    assert!(said.contains("its token contains a line end"), "{said}");
    assert!(!said.contains("SECRET"), "{said}");
}
