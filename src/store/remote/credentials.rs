//! Credentials from the environment and from Docker's and podman's files.
//!
//! Which entry counts is found here, reading it and calling helpers is docker_credential's: by itself it
//! knows one key per registry, no repositories, and not podman's directories.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde_json::{Map, Value, json};

use super::Credentials;
use super::answer::printable;
use crate::store::Error;

/// The keys of Docker Hub, in the order they are asked for; its helpers know the first.
const HUB_KEYS: [&str; 3] = [
    "https://index.docker.io/v1/",
    "index.docker.io",
    "docker.io",
];

/// Finds the credentials for a repository: `WHARF_TOKEN`, else what `docker login` or `podman login`
/// stored, else none. Blocks, as a credential helper may.
///
/// No entry means anonymous; a file that cannot be read or a helper that fails is an error.
pub fn find(registry: &str, repository_path: &str) -> Result<Credentials, Error> {
    if let Some(token) = variable("WHARF_TOKEN") {
        return token
            .into_string()
            .map(Credentials::Bearer)
            .map_err(|_| settings("WHARF_TOKEN is not text"));
    }
    find_in(&files(), registry, repository_path)
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Docker's file, then podman's.
fn files() -> Vec<PathBuf> {
    let home = env::home_dir();
    let docker = variable("DOCKER_CONFIG").map(PathBuf::from);
    let docker = docker.or_else(|| Some(home.as_ref()?.join(".docker")));
    let mut files: Vec<PathBuf> = docker
        .map(|directory| directory.join("config.json"))
        .into_iter()
        .collect();
    if let Some(file) = variable("REGISTRY_AUTH_FILE") {
        files.push(file.into());
        return files;
    }
    let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = home.map(|home| home.join(".config"));
    files.extend(
        runtime
            .into_iter()
            .chain(own)
            .map(|directory| directory.join("containers/auth.json")),
    );
    files
}

fn find_in(files: &[PathBuf], registry: &str, repository_path: &str) -> Result<Credentials, Error> {
    for path in files {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::file(path)(error)),
        };
        // `touch` makes an empty one, and podman takes it.
        if text.trim_ascii().is_empty() {
            continue;
        }
        let Ok(Value::Object(file)) = serde_json::from_slice(&text) else {
            return Err(settings(format!(
                "{} is not a credentials file",
                path.display()
            )));
        };
        let file = CredentialsFile { path, file };
        if let Some(credentials) = file.find(registry, repository_path)? {
            return Ok(credentials);
        }
    }
    Ok(Credentials::Anonymous)
}

struct CredentialsFile<'a> {
    path: &'a Path,
    file: Map<String, Value>,
}

impl CredentialsFile<'_> {
    /// The longest key that names the repository or a part of its path wins; then the store for all.
    fn find(&self, registry: &str, repository_path: &str) -> Result<Option<Credentials>, Error> {
        let hosts = match registry {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => HUB_KEYS.as_slice(),
            _ => &[registry],
        };
        let mut keys = prefixes(hosts.last().unwrap_or(&registry), repository_path);
        keys.extend(hosts.iter().map(|&host| host.to_owned()));
        for key in &keys {
            if let Some(helper) = self.named("credHelpers", key) {
                let document = json!({"credHelpers": {key: helper}});
                if let Some(found) = self.read(&document, key)? {
                    return Ok(Some(found));
                }
            }
            if let Some(entry) = self.entry(key) {
                let document = json!({"auths": {key: entry}});
                return self.read(&document, key);
            }
        }
        let Some(store) = self.file.get("credsStore").filter(|store| is_text(store)) else {
            return Ok(None);
        };
        for host in hosts {
            if let Some(found) = self.read(&json!({"credsStore": store}), host)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn named(&self, table: &str, key: &str) -> Option<&Value> {
        self.file
            .get(table)?
            .get(key)
            .filter(|value| is_text(value))
    }

    /// Returns an entry's fields that say something; Docker Desktop leaves empty ones beside its store.
    fn entry(&self, key: &str) -> Option<Map<String, Value>> {
        let auths = self.file.get("auths")?.as_object()?;
        // Old Docker wrote URLs.
        let same = |(name, _): &(&String, &Value)| {
            let name = name
                .trim_start_matches("https://")
                .trim_start_matches("http://");
            ["", "/", "/v1", "/v1/", "/v2", "/v2/"]
                .iter()
                .any(|end| name.strip_suffix(end) == Some(key))
        };
        let entry = auths
            .get(key)
            .or_else(|| Some(auths.iter().find(same)?.1))?;
        let mut entry = entry.as_object()?.clone();
        entry.retain(|name, value| {
            matches!(
                name.as_str(),
                "auth" | "username" | "password" | "identitytoken"
            ) && is_text(value)
        });
        (!entry.is_empty()).then_some(entry)
    }

    fn read(&self, document: &Value, key: &str) -> Result<Option<Credentials>, Error> {
        let path = self.path.display();
        match get_credential_from_reader(document.to_string().as_bytes(), key) {
            Ok(DockerCredential::UsernamePassword(username, password)) => {
                Ok(Some(Credentials::Basic { username, password }))
            }
            Ok(DockerCredential::IdentityToken(_)) => Err(settings(format!(
                "the credentials for {key} ({path}) are an identity token, which wharf cannot use yet: \
                 log in with a password or an access token"
            ))),
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
            Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
                if [&stdout, &stderr]
                    .iter()
                    .any(|text| text.contains("credentials not found")) =>
            {
                Ok(None)
            }
            Err(error) => Err(settings(format!(
                "the credentials for {key} ({path}) cannot be read: {}",
                describe(error)
            ))),
        }
    }
}

/// Says why without what a helper wrote to its standard output: a secret may be in it.
fn describe(error: CredentialRetrievalError) -> String {
    match error {
        CredentialRetrievalError::HelperFailure { helper, stderr, .. }
            if stderr.trim().is_empty() =>
        {
            format!("{helper} failed")
        }
        CredentialRetrievalError::HelperFailure { helper, stderr, .. } => {
            format!("{helper} failed: {}", printable(&stderr))
        }
        CredentialRetrievalError::HelperCommunicationError => {
            "the credential helper cannot be run".to_owned()
        }
        error => error.to_string(),
    }
}

/// `host/a/b`, `host/a`: podman's keys for parts of a registry.
fn prefixes(host: &str, repository_path: &str) -> Vec<String> {
    let ends = repository_path.match_indices('/').map(|(end, _)| end);
    let ends: Vec<usize> = ends.chain([repository_path.len()]).collect();
    ends.into_iter()
        .rev()
        .map(|end| format!("{host}/{}", &repository_path[..end]))
        .collect()
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn settings(reason: impl Into<String>) -> Error {
    Error::Settings {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
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
    fn identity_tokens_are_named() {
        let file = json!({"auths": {"ghcr.io": {"auth": AUTH, "identitytoken": "hunter2"}}});
        let error = found(&[file], "ghcr.io", "a").unwrap_err().to_string();
        assert!(
            error.contains("identity token") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn credentials_show_no_secret() {
        for credentials in [basic("user"), Credentials::Bearer("word".to_owned())] {
            let shown = format!("{credentials:?}");
            assert!(
                !shown.contains("word") && !shown.contains("user"),
                "{shown}"
            );
        }
    }
}
