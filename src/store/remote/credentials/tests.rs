use super::*;

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

fn basic(username: &str) -> Credentials {
    let (username, password) = (username.to_owned(), "word".to_owned());
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
            basic("user")
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
            found(std::slice::from_ref(&file), "ghcr.io", path).unwrap() == basic(username),
            "{path}"
        );
    }
    let second = json!({"auths": {"ghcr.io": entry("second")}});
    assert!(
        found(&[json!({}), second.clone(), file], "ghcr.io", "owner/app").unwrap()
            == basic("second")
    );
}

#[test]
fn what_is_broken_is_not_passed_over() {
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
    let harmless = json!({"auths": {"ghcr.io": {"auth": ""}}, "credHelpers": {"else": "none"}, "credsStore": ""});
    assert!(found(&[harmless], "ghcr.io", "a").unwrap() == Credentials::Anonymous);
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
        basic("user"),
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
