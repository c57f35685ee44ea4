//! Credentials from the environment and from Docker's and podman's files, and what is kept in Docker's.
//!
//! Which entry counts is found here, reading it and calling helpers is docker_credential's: by itself it
//! knows one key per registry, no repositories, and not podman's directories.

mod file;
mod helper;
mod server;
mod trial;

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde_json::{Map, Value, json};

pub use self::file::{Kept, keep, remove};
pub use self::server::{ParseServerError, Server};
pub use self::trial::check;
use super::answer::printable;
use crate::store::Error;

/// Who we are to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular.
    Anonymous,
    /// A user with a password, or with an access token in place of one.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that is sent as it is.
    Bearer(String),
    /// A token of an earlier login, for which the token server gives others.
    Identity(String),
    /// The `Authorization` of a client that we ask for, sent as it is; nothing where it has none. What is refused
    /// then stays refused.
    Forwarded(Option<String>),
}

impl fmt::Debug for Credentials {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(..)",
            Self::Bearer(_) => "Bearer(..)",
            Self::Identity(_) => "Identity(..)",
            Self::Forwarded(_) => "Forwarded(..)",
        })
    }
}

/// Finds the credentials for a repository: `WHARF_TOKEN`, else the token that wkg would take from the
/// environment, else what `docker login` or `podman login` stored, else none. Blocks, as a credential
/// helper may.
///
/// No entry means anonymous; a file that cannot be read or a helper that fails is an error.
pub fn find(registry: &str, repository_path: &str) -> Result<Credentials, Error> {
    match in_environment(registry)? {
        Some(credentials) => Ok(credentials),
        None => find_in(&files(), registry, repository_path),
    }
}

/// Returns the token for a registry that the environment has: `WHARF_TOKEN`, else wkg's.
pub fn in_environment(registry: &str) -> Result<Option<Credentials>, Error> {
    for name in ["WHARF_TOKEN", &wkg_variable(registry)] {
        if let Some(token) = variable(name) {
            return match token.into_string() {
                Ok(token) => Ok(Some(Credentials::Bearer(token))),
                Err(_) => Err(settings(format!("{name} is not text"))),
            };
        }
    }
    Ok(None)
}

/// Returns the variable in which wkg looks for a registry's token.
fn wkg_variable(registry: &str) -> String {
    let plain = |char: char| match char.is_ascii_alphanumeric() {
        true => char.to_ascii_uppercase(),
        false => '_',
    };
    let registry: String = registry.chars().map(plain).collect();
    format!("WKG_REGISTRY_{registry}_AUTH_BEARER")
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Docker's own file, which other clients read too.
fn docker_file() -> Option<PathBuf> {
    let directory = variable("DOCKER_CONFIG").map(PathBuf::from);
    let directory = directory.or_else(|| Some(env::home_dir()?.join(".docker")));
    Some(directory?.join("config.json"))
}

/// Docker's file, then podman's.
fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = docker_file().into_iter().collect();
    if let Some(file) = variable("REGISTRY_AUTH_FILE") {
        files.push(file.into());
        return files;
    }
    let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = env::home_dir().map(|home| home.join(".config"));
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
        let file = read(path)?;
        let file = CredentialsFile { path, file };
        if let Some(credentials) = file.find(registry, repository_path)? {
            return Ok(credentials);
        }
    }
    Ok(Credentials::Anonymous)
}

/// Reads a file; nothing is in one that does not exist.
fn read(path: &Path) -> Result<Map<String, Value>, Error> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(Error::file(path)(error)),
    };
    // `touch` makes an empty one, and podman takes it.
    if text.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&text) {
        Ok(Value::Object(file)) => Ok(file),
        _ => Err(settings(format!(
            "{} is not a credentials file",
            path.display()
        ))),
    }
}

struct CredentialsFile<'a> {
    path: &'a Path,
    file: Map<String, Value>,
}

impl CredentialsFile<'_> {
    /// The longest key that names the repository or a part of its path wins; then the store for all.
    fn find(&self, registry: &str, repository_path: &str) -> Result<Option<Credentials>, Error> {
        let hosts = server::keys(registry);
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
        let entry = auths
            .get(key)
            .or_else(|| Some(auths.iter().find(|(name, _)| server::is(name, key))?.1))?;
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
            Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credentials::Identity(token))),
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
mod tests;
