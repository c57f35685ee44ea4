//! Lookup and storage of credentials.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::environment::wkg_variable;
use super::login::{helper, remove_from, store_in};
use super::*;
use crate::store::spool::parent;

/// `user:word`, base64.
const AUTH: &str = "dXNlcjp3b3Jk";

fn found(contents: &[Value], registry: &str, path: &str) -> Result<Credentials, Error> {
    let directory = tempfile::tempdir().unwrap();
    let mut files = vec![directory.path().join("missing")];
    for (index, content) in contents.iter().enumerate() {
        let file = directory.path().join(index.to_string());
        fs::write(&file, content.to_string()).unwrap();
        files.push(file);
    }
    find_in(&files, registry, path)
}

fn find_in(files: &[PathBuf], registry: &str, path: &str) -> Result<Credentials, Error> {
    find_first(files.iter().map(PathBuf::as_path), registry, path)
}

fn basic(username: &str, password: &str) -> Credentials {
    let (username, password) = (username.to_owned(), password.to_owned());
    Credentials::Basic { username, password }
}

#[test]
fn entries_are_found_under_every_key_that_names_the_registry() {
    for (key, registry, hit) in [
        ("ghcr.io", "ghcr.io", true),
        ("https://ghcr.io", "ghcr.io", true),
        ("https://ghcr.io/v1/", "ghcr.io", true),
        ("ghcr.io.example", "ghcr.io", false),
        ("localhost:5000", "localhost:5000", true),
        ("localhost", "localhost:5000", false),
        ("[::1]:5000", "[::1]:5000", true),
        ("http://[::1]:5000/v2/", "[::1]:5000", true),
        ("[::1]:5000/owner", "[::1]:5000", true),
        ("[::1]", "[::1]:5000", false),
        ("https://index.docker.io/v1/", "docker.io", true),
        ("index.docker.io", "docker.io", true),
        ("docker.io", "docker.io", true),
        ("docker.io/owner", "docker.io", true),
        ("ghcr.io/owner", "ghcr.io", true),
        ("ghcr.io/owner/app", "ghcr.io", true),
        ("ghcr.io/own", "ghcr.io", false),
    ] {
        let file = json!({"auths": {key: {"auth": AUTH}}});
        let expected = if hit {
            basic("user", "word")
        } else {
            Credentials::Anonymous
        };
        let found = found(&[file], registry, "owner/app").unwrap();
        assert!(found == expected, "{key}");
    }
}

#[test]
fn the_longest_key_and_the_first_file_win() {
    let entry = |username| json!({"username": username, "password": "word"});
    let file = json!({"auths": {
        "ghcr.io": entry("host"), "ghcr.io/owner": entry("owner"), "ghcr.io/owner/app": entry("app"),
    }});
    for (path, username) in [
        ("owner/app", "app"),
        ("owner/else", "owner"),
        ("else", "host"),
        ("owner/app/x", "app"),
    ] {
        assert!(
            found(std::slice::from_ref(&file), "ghcr.io", path).unwrap() == basic(username, "word"),
            "{path}"
        );
    }
    let second = json!({"auths": {"ghcr.io": entry("second")}});
    assert!(
        found(&[json!({}), second.clone(), file], "ghcr.io", "owner/app").unwrap()
            == basic("second", "word")
    );
}

#[test]
fn broken_entries_are_errors() {
    for file in [
        json!("text"),
        json!([]),
        json!({"auths": {"ghcr.io": {"auth": "###"}}}),
        json!({"credHelpers": {"ghcr.io": "wharf-there-is-no-such-helper"}}),
        json!({"credsStore": "wharf-there-is-no-such-helper"}),
    ] {
        assert!(matches!(
            found(&[file], "ghcr.io", "a"),
            Err(Error::Settings { .. })
        ));
    }
    for auth in ["", "Og=="] {
        let auths = json!({"ghcr.io": {"auth": auth}});
        let harmless = json!({"auths": auths, "credHelpers": {"else": "none"}, "credsStore": ""});
        assert!(found(&[harmless], "ghcr.io", "a").unwrap() == Credentials::Anonymous);
    }
}

#[test]
fn identity_tokens_count_above_the_user_beside_them() {
    let file = json!({"auths": {"ghcr.io": {"auth": AUTH, "identitytoken": "hunter2"}}});
    let expected = Credentials::Identity("hunter2".to_owned());
    assert!(found(&[file], "ghcr.io", "a").unwrap() == expected);
}

#[test]
fn wkg_names_its_variables_by_host() {
    for (registry, name) in [
        ("ghcr.io", "WKG_REGISTRY_GHCR_IO_AUTH_BEARER"),
        ("localhost:5000", "WKG_REGISTRY_LOCALHOST_5000_AUTH_BEARER"),
        (
            "my-host.example",
            "WKG_REGISTRY_MY_HOST_EXAMPLE_AUTH_BEARER",
        ),
    ] {
        assert_eq!(wkg_variable(registry), name);
    }
}

#[test]
fn credentials_show_no_secret() {
    for credentials in [
        basic("user", "word"),
        Credentials::Bearer("word".to_owned()),
        Credentials::Identity("word".to_owned()),
    ] {
        let shown = format!("{credentials:?}");
        assert!(
            !shown.contains("word") && !shown.contains("user"),
            "{shown}"
        );
    }
}

fn server(text: &str) -> Server {
    text.parse().unwrap()
}

struct Home {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker/config.json");
        Self { directory, path }
    }

    fn with(content: &str) -> Self {
        let home = Self::new();
        fs::create_dir(parent(&home.path)).unwrap();
        fs::write(&home.path, content).unwrap();
        home
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&fs::read(&self.path).unwrap()).unwrap()
    }

    fn found(&self, registry: &str) -> Credentials {
        find_in(std::slice::from_ref(&self.path), registry, "owner/app").unwrap()
    }

    /// Returns the other files in the directory, to check that no temporary file remains.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(parent(&self.path)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

#[test]
fn stored_credentials_are_found_until_they_are_removed() {
    for text in [
        "ghcr.io",
        "localhost:5000",
        "[::1]:5000",
        "docker.io",
        "registry-1.docker.io",
        "ghcr.io/owner",
    ] {
        let home = Home::new();
        let server = server(text);
        assert!(!remove_from(&home.path, &server).unwrap());
        assert!(!home.path.exists());
        for password in ["word", "two words: \u{e4}\n"] {
            let stored = store_in(&home.path, &server, "user", password).unwrap();
            assert_eq!(stored, StoredIn::File(home.path.clone()));
            let found = home.found(server.registry());
            assert!(found == basic("user", password), "{text}");
        }
        assert!(remove_from(&home.path, &server).unwrap());
        assert!(home.found(server.registry()) == Credentials::Anonymous);
        assert!(!remove_from(&home.path, &server).unwrap());
        assert_eq!(home.names(), ["config.json"]);
    }
}

#[test]
fn docker_hub_has_one_entry_under_the_name_of_docker() {
    let home = Home::with(r#"{"auths": {"docker.io": {"auth": "b2xkOm9sZA=="}}}"#);
    store_in(&home.path, &server("docker.io"), "user", "word").unwrap();
    let auth = json!({"auth": "dXNlcjp3b3Jk"});
    assert_eq!(
        home.json(),
        json!({"auths": {"https://index.docker.io/v1/": auth}})
    );
    assert!(remove_from(&home.path, &server("index.docker.io")).unwrap());
    assert_eq!(home.json(), json!({"auths": {}}));
}

#[test]
fn other_entries_stay_unchanged() {
    let other = json!({
        "auths": {"quay.io": {"auth": "YTpi", "email": "a@b.example"}, "ghcr.io/owner": {"auth": "YTpi"}},
        "credHelpers": {"gcr.io": "gcloud"},
        "credsStore": "",
        "HttpHeaders": {"X": ["1", 2, null]},
        "psFormat": "table {{.ID}}\t{{.Image}}",
    });
    let home = Home::with(&other.to_string());
    store_in(&home.path, &server("ghcr.io"), "user", "word").unwrap();
    let mut expected = other.clone();
    expected["auths"]["ghcr.io"] = json!({"auth": "dXNlcjp3b3Jk"});
    assert_eq!(home.json(), expected);
    assert!(remove_from(&home.path, &server("ghcr.io")).unwrap());
    assert_eq!(home.json(), other);
    let before = fs::read(&home.path).unwrap();
    assert!(before.starts_with(b"{\n\t\""));
}

#[test]
fn an_unreadable_file_is_not_overwritten() {
    for bad in [
        "{",
        "[]",
        "\"text\"",
        r#"{"auths": []}"#,
        r#"{"auths": {}, "credHelpers": "x"}"#,
    ] {
        let home = Home::with(bad);
        for outcome in [
            store_in(&home.path, &server("ghcr.io"), "user", "word").map(|_| ()),
            remove_from(&home.path, &server("ghcr.io")).map(|_| ()),
        ] {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Settings { .. }), "{error}");
        }
        assert_eq!(fs::read_to_string(&home.path).unwrap(), bad);
        assert_eq!(home.names(), ["config.json"]);
    }
    let home = Home::with(" \n");
    store_in(&home.path, &server("ghcr.io"), "user", "word").unwrap();
    assert!(home.found("ghcr.io") == basic("user", "word"));
}

#[cfg(unix)]
#[test]
fn new_files_are_private_and_existing_modes_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = Home::new();
    store_in(&home.path, &server("ghcr.io"), "user", "word").unwrap();
    assert_eq!((mode(&home.path), mode(parent(&home.path))), (0o600, 0o700));
    fs::set_permissions(&home.path, fs::Permissions::from_mode(0o640)).unwrap();
    store_in(&home.path, &server("quay.io"), "user", "word").unwrap();
    assert_eq!(mode(&home.path), 0o640);
    // A write follows a link, even if its target does not exist yet.
    for target in ["there.json", "not-yet.json"] {
        let target = home.directory.path().join(target);
        let link = home.directory.path().join("link.json");
        let _gone = fs::remove_file(&link);
        if target.ends_with("there.json") {
            fs::write(&target, "{}").unwrap();
        }
        symlink(&target, &link).unwrap();
        store_in(&link, &server("ghcr.io"), "user", "word").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let text = fs::read_to_string(&target).unwrap();
        assert!(text.contains("dXNlcjp3b3Jk"), "{text}");
    }
}

#[test]
fn a_helper_is_chosen_as_docker_chooses() {
    let helper = |file: Value, text: &str| {
        let Value::Object(file) = file else {
            unreachable!("not an object: {file}")
        };
        let found = helper(&file, &server(text));
        found.map(|(key, helper)| (key, helper.program()))
    };
    let file = json!({"credsStore": "all", "credHelpers": {"ghcr.io": "one", "quay.io": ""}});
    let expected = |key: &str, program: &str| Some((key.to_owned(), program.to_owned()));
    for (text, found) in [
        ("ghcr.io", expected("ghcr.io", "docker-credential-one")),
        ("gcr.io", expected("gcr.io", "docker-credential-all")),
        (
            "docker.io",
            expected("https://index.docker.io/v1/", "docker-credential-all"),
        ),
        ("quay.io", None),
    ] {
        assert_eq!(helper(file.clone(), text), found, "{text}");
    }
    assert_eq!(helper(json!({"credsStore": ""}), "ghcr.io"), None);
}

#[test]
fn helpers_know_no_paths() {
    let home = Home::with(r#"{"credsStore": "wharf-there-is-no-such-helper"}"#);
    let error = store_in(&home.path, &server("ghcr.io/owner"), "user", "word").unwrap_err();
    assert!(error.to_string().contains("whole registries"), "{error}");
    assert!(!remove_from(&home.path, &server("ghcr.io/owner")).unwrap());
    let error = store_in(&home.path, &server("ghcr.io"), "user", "word").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("docker-credential-wharf-there-is-no-such-helper") && !text.contains("word"),
        "{text}"
    );
}

#[test]
fn concurrent_logins_are_all_stored() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let path = &home.path;
            scope.spawn(move || {
                let server = server(&format!("registry-{number}.example"));
                store_in(path, &server, "user", "word").unwrap();
            });
        }
    });
    assert_eq!(home.json()["auths"].as_object().unwrap().len(), 8);
}
