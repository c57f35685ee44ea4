//! Logging in and out: what is tried, what is kept where, and that wharf and other clients find each other's.

use crate::support;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::support::fault::{self, Auth, Registry, Settings, TokenClient};
use crate::support::registries::{self, PASSWORD, USERNAME, authenticated};
use crate::support::workspace::{Answer, Workspace};
use serde_json::{Value, json};

/// Runs a command with a password on standard input.
fn fed(workspace: &Workspace, mut command: Command, password: &str) -> Answer {
    workspace.write("password", format!("{password}\n").as_bytes());
    command.stdin(File::open(workspace.path("password")).unwrap());
    Answer::of(&mut command)
}

fn login(workspace: &Workspace, host: &str, username: &str, password: &str) -> Answer {
    let arguments = ["login", host, "-u", username, "--password-stdin", "--json"];
    fed(workspace, workspace.wharf(&arguments), password)
}

/// Docker's file, which need not be there.
fn config(workspace: &Workspace) -> PathBuf {
    workspace
        .work()
        .with_file_name("home")
        .join("docker/config.json")
}

fn stored(workspace: &Workspace) -> Value {
    serde_json::from_slice(&fs::read(config(workspace)).unwrap()).unwrap()
}

fn store(workspace: &Workspace, file: &Value) {
    fs::create_dir_all(config(workspace).parent().unwrap()).unwrap();
    fs::write(config(workspace), file.to_string()).unwrap();
}

fn guarded(auth: Auth) -> Registry {
    Registry::start_with(Settings {
        auth,
        ..Settings::default()
    })
}

fn basic() -> Registry {
    guarded(Auth::Basic {
        username: "user",
        password: "word",
    })
}

/// Every way in which a registry may ask for the same password.
fn registries() -> [Registry; 4] {
    let (username, password) = ("user", "word");
    let who = TokenClient::Password(username, password);
    [
        basic(),
        guarded(Auth::BasicToWrite { username, password }),
        guarded(Auth::Bearer {
            login: Some((username, password)),
            realm: None,
            uses: 1,
        }),
        guarded(Auth::Scoped {
            who,
            given: &[],
            greedy: 403,
        }),
    ]
}

#[test]
fn a_password_is_tried_and_then_stored() {
    for registry in registries() {
        let workspace = Workspace::new();
        let host = registry.address();
        for wrong in ["guess", "wordy"] {
            let answer = login(&workspace, &host, "user", wrong);
            assert_eq!(answer.code, Some(4), "{answer:?}");
            assert_eq!(answer.json()["error"]["kind"], "refused");
            assert!(!answer.text().contains(wrong) && !answer.stderr.contains(wrong));
            assert!(!config(&workspace).exists());
        }
        let answer = login(&workspace, &host, "user", "word").success();
        assert_eq!(answer.stderr, "");
        let file = config(&workspace).display().to_string();
        let expected = json!({"registry": host, "username": "user", "stored_in": file});
        assert_eq!(answer.json(), expected);
        let expected = json!({"auths": {&host: {"auth": "dXNlcjp3b3Jk"}}});
        assert_eq!(stored(&workspace), expected);
        // A token that says who we are is asked for nothing.
        let mut requests = registry.requests().into_iter();
        assert!(requests.all(|request| !request.query.contains("scope=")));

        let before = stored(&workspace);
        assert_eq!(login(&workspace, &host, "user", "guess").code, Some(4));
        assert_eq!(stored(&workspace), before);
        for removed in [true, false] {
            let report = workspace.json(&["logout", &host]);
            assert_eq!(report, json!({"registry": host, "removed": removed}));
        }
        assert_eq!(stored(&workspace), json!({"auths": {}}));
    }
}

#[test]
fn passwords_the_registry_did_not_ask_for_are_stored_with_a_note() {
    let registry = Registry::start();
    let workspace = Workspace::new();
    let host = registry.address();
    let answer = login(&workspace, &host, "user", "word").success();
    assert!(answer.stderr.starts_with("note: "), "{}", answer.stderr);
    assert!(stored(&workspace)["auths"][&host].is_object());
    let mut requests = registry.requests().into_iter();
    assert!(requests.all(|request| request.header("authorization").is_none()));
}

#[test]
fn nothing_is_stored_for_a_host_that_is_not_a_registry() {
    let workspace = Workspace::new();
    let gone = Registry::start().address();
    assert_eq!(login(&workspace, &gone, "user", "word").code, Some(6));
    let registry = Registry::start();
    registry.on("GET", "/v2/", 9, fault::Fault::Status(404, Vec::new()));
    let answer = login(&workspace, &registry.address(), "user", "word");
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(!config(&workspace).exists());
}

#[test]
fn a_broken_file_is_not_overwritten() {
    let registry = basic();
    let workspace = Workspace::new();
    store(&workspace, &json!({}));
    fs::write(config(&workspace), "{\"auths\":").unwrap();
    let answer = login(&workspace, &registry.address(), "user", "word");
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert_eq!(fs::read(config(&workspace)).unwrap(), b"{\"auths\":");
}

/// Keeps what it is told in one file, as Docker's helpers do in a keychain.
const HELPER: &str = r#"#!/bin/sh
kept=$(dirname "$0")/kept
echo "$1" >>"$(dirname "$0")/calls"
case $1 in
store) cat >"$kept" ;;
get | erase)
    read -r server || [ -n "$server" ]
    if ! grep -q "\"ServerURL\":\"$server\"" "$kept"; then
        echo "credentials not found in native keychain"
        exit 1
    fi
    if [ "$1" = get ]; then cat "$kept"; else rm "$kept"; fi
    ;;
esac
"#;

/// Fails, and prints what it was told in every way it can.
const BAD_HELPER: &str = "#!/bin/sh\ntee /dev/stderr\nexit 1\n";

/// A command that finds a helper of this name.
fn helped(workspace: &Workspace, script: &str, arguments: &[&str]) -> Command {
    let program = workspace.path("docker-credential-kept");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut command = workspace.wharf(arguments);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", workspace.work().display()));
    command
}

#[test]
fn a_credential_helper_keeps_the_password_in_place_of_the_file() {
    let registry = basic();
    let host = registry.address();
    for table in [
        json!({"credHelpers": {&host: "kept"}, "credsStore": "none-such"}),
        json!({"credsStore": "kept", "auths": {format!("https://{host}"): {"auth": "b2xkOm9sZA=="}}}),
    ] {
        let workspace = Workspace::new();
        store(&workspace, &table);
        let arguments = ["login", &host, "-u", "user", "--password-stdin", "--json"];
        let command = helped(&workspace, HELPER, &arguments);
        let report = fed(&workspace, command, "word").success().json();
        assert_eq!(report["stored_in"], "docker-credential-kept");
        let kept: Value = serde_json::from_slice(&workspace.read("kept")).unwrap();
        let expected = json!({"ServerURL": host, "Username": "user", "Secret": "word"});
        assert_eq!(kept, expected);
        let mut expected = table.clone();
        expected["auths"] = json!({&host: {}});
        assert_eq!(stored(&workspace), expected);

        registry.put_manifest("demo/app", "1.0", "application/json", b"{}");
        registry.forget_requests();
        let pull = ["pull", &format!("{host}/demo/app:1.0"), "-o", "x"];
        Answer::of(&mut helped(&workspace, HELPER, &pull));
        let shown = registry.requests();
        let shown = shown.last().and_then(|last| last.header("authorization"));
        assert_eq!(shown, Some("Basic dXNlcjp3b3Jk"));

        for removed in [true, false] {
            let logout = ["logout", &host, "--json"];
            let report = Answer::of(&mut helped(&workspace, HELPER, &logout));
            assert_eq!(report.success().json()["removed"], removed);
            assert!(!workspace.path("kept").exists());
        }
        let calls = String::from_utf8(workspace.read("calls")).unwrap();
        assert_eq!(calls, "store\nget\nget\nerase\nget\n");
        expected["auths"] = json!({});
        assert_eq!(stored(&workspace), expected);
    }
}

#[test]
fn errors_of_a_helper_do_not_show_its_output() {
    let registry = basic();
    let workspace = Workspace::new();
    let before = json!({"credsStore": "kept"});
    store(&workspace, &before);
    let arguments = [
        "login",
        &registry.address(),
        "-u",
        "user",
        "--password-stdin",
    ];
    let answer = fed(
        &workspace,
        helped(&workspace, BAD_HELPER, &arguments),
        "word",
    );
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(
        answer.stderr.contains("docker-credential-kept"),
        "{}",
        answer.stderr
    );
    assert!(
        !answer.stderr.contains("word") && answer.text().is_empty(),
        "{answer:?}"
    );
    assert_eq!(stored(&workspace), before);
}

#[test]
fn an_identity_token_that_another_client_left_is_used() {
    let workspace = Workspace::new();
    let registry = guarded(Auth::Scoped {
        who: TokenClient::Identity("hunter2"),
        given: &["repository:demo/app:pull", "repository:demo/app:push"],
        greedy: 403,
    });
    let host = registry.address();
    // What `docker login` leaves for a registry that gave it one.
    let entry = json!({"auth": "MDAwMDAwMDA6", "identitytoken": "hunter2"});
    store(&workspace, &json!({"auths": {&host: entry}}));
    let bytes = workspace.fixture("calc");
    let reference = format!("{host}/demo/app:1.0");
    workspace.json(&["push", "calc.wasm", &reference]);
    workspace.pull(&reference, &bytes);
}

#[test]
fn wharf_uses_the_tokens_of_wkg() {
    let workspace = Workspace::new();
    let registry = Registry::start();
    let host = registry.address();
    let entry = json!({"username": "user", "password": "word"});
    store(&workspace, &json!({"auths": {&host: entry}}));
    let name = host.replace(['.', ':'], "_");
    let name = format!("WKG_REGISTRY_{name}_AUTH_BEARER");
    let pull = ["pull", &format!("{host}/demo/app:1.0")];
    let asked = |extra: Option<(&str, &str)>| {
        registry.forget_requests();
        let mut command = workspace.wharf(&pull);
        Answer::of(command.env(&name, "ready").envs(extra));
        let requests = registry.requests();
        requests[0].header("authorization").map(str::to_owned)
    };
    assert_eq!(asked(None).as_deref(), Some("Bearer ready"));
    let ours = ("WHARF_TOKEN", "ours");
    assert_eq!(asked(Some(ours)).as_deref(), Some("Bearer ours"));
}

#[test]
fn wharf_pushes_with_logins_of_oras_and_skopeo() {
    let login = "login --password-stdin -u";
    for (program, insecure) in [("oras", "--plain-http"), ("skopeo", "--tls-verify=false")] {
        let Some(program) = support::tool(program) else {
            continue;
        };
        for registry in authenticated() {
            let workspace = Workspace::new();
            let bytes = workspace.fixture("calc");
            let reference = format!("{}/login/from:1.0", registry.host);
            let refused = workspace.run(&["push", "calc.wasm", &reference]);
            assert_eq!(refused.code, Some(4), "{}", refused.stderr);
            let mut arguments: Vec<&str> = login.split(' ').collect();
            arguments.extend([USERNAME, insecure, &registry.host]);
            let command = workspace.command(&program, &arguments);
            fed(&workspace, command, PASSWORD).success();
            workspace.json(&["push", "calc.wasm", &reference]);
            workspace.pull(&reference, &bytes);
        }
    }
}

#[test]
fn oras_and_skopeo_use_logins_of_wharf() {
    for registry in authenticated() {
        let workspace = Workspace::new();
        let host = &registry.host;
        assert_eq!(login(&workspace, host, USERNAME, "guess").code, Some(4));
        login(&workspace, host, USERNAME, PASSWORD).success();
        assert_eq!(registries::status(host, "/v2/", false).unwrap(), 401);
        workspace.fixture("calc");
        let repository = format!("{host}/login/to");
        workspace.json(&["push", "calc.wasm", &format!("{repository}:1.0")]);
        let run = |program: &PathBuf, arguments: &[&str]| {
            Answer::of(&mut workspace.command(program, arguments))
        };
        if let Some(oras) = support::tool("oras") {
            let tags = ["repo", "tags", "--plain-http", &repository];
            assert_eq!(run(&oras, &tags).success().text(), "1.0\n");
            let push = [
                "push",
                "--plain-http",
                &format!("{repository}:2.0"),
                "calc.wasm",
            ];
            run(&oras, &push).success();
            workspace.json(&["logout", host]);
            assert_ne!(run(&oras, &tags).code, Some(0));
            login(&workspace, host, USERNAME, PASSWORD).success();
        }
        if let Some(skopeo) = support::tool("skopeo") {
            let authfile = config(&workspace).display().to_string();
            let tagged = format!("docker://{repository}:1.0");
            let inspect = [
                "inspect",
                "--raw",
                "--tls-verify=false",
                "--authfile",
                &authfile,
                &tagged,
            ];
            let manifest = run(&skopeo, &inspect).success().json();
            assert_eq!(
                manifest["artifactType"],
                "application/vnd.wharf.component.v1"
            );
        }
    }
}

#[test]
fn wkg_uses_logins_of_wharf_and_oras() {
    let Some(wkg) = support::tool("wkg") else {
        return;
    };
    for registry in authenticated() {
        let workspace = Workspace::new();
        let host = registry.host.as_str();
        let bytes = workspace.fixture("calc");
        let reference = format!("{host}/login/wkg:1.0.0");
        let oci = |action: &str, file: &str| {
            let flags = ["oci", action, "--insecure", host, &reference];
            let file: &[&str] = match action {
                "pull" => &["-o", file],
                _ => &[file],
            };
            Answer::of(&mut workspace.command(&wkg, &[&flags[..], file].concat()))
        };
        assert_ne!(oci("push", "calc.wasm").code, Some(0));
        login(&workspace, host, USERNAME, PASSWORD).success();
        oci("push", "calc.wasm").success();
        workspace.pull(&reference, &bytes);
        workspace.json(&["logout", host]);
        assert_ne!(oci("pull", "out.wasm").code, Some(0));
        if let Some(oras) = support::tool("oras") {
            let arguments = ["login", "--password-stdin", "-u", USERNAME, "--plain-http"];
            let arguments = [&arguments[..], &[host]].concat();
            let command = workspace.command(&oras, &arguments);
            fed(&workspace, command, PASSWORD).success();
            oci("pull", "out.wasm").success();
            assert!(workspace.read("out.wasm") == bytes);
            workspace.json(&["inspect", &reference]);
        }
    }
}
