//! One credentials file of Docker or podman. docker_credential reads the entries and calls the helpers that the file
//! names; this module chooses the keys to ask for, which docker_credential does for neither Docker Hub nor podman.

use std::fs;
use std::path::Path;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde_json::{Map, Value};

use super::Credentials;
use super::helper::means_missing;
use super::server;
use crate::store::Error;
use crate::store::spool::if_exists;
use crate::text::excerpt;

/// The fields of an entry that hold credentials.
const SECRETS: [&str; 4] = ["auth", "username", "password", "identitytoken"];

/// A file, as bytes for docker_credential and as JSON for changes.
pub(super) struct CredentialsFile<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    pub(super) fields: Map<String, Value>,
}

impl<'a> CredentialsFile<'a> {
    /// Reads a file. One that does not exist is empty.
    pub(super) fn read(path: &'a Path) -> Result<Self, Error> {
        let bytes = if_exists(path, fs::read(path))?.unwrap_or_default();
        // `touch` makes an empty file, and podman accepts it.
        let fields = match bytes.trim_ascii().is_empty() {
            true => Map::new(),
            false => serde_json::from_slice(&bytes).map_err(|_| {
                Error::settings(format!("{} is not a credentials file", path.display()))
            })?,
        };
        Ok(Self {
            path,
            bytes,
            fields,
        })
    }

    /// Returns the credentials for a repository. The longest key that names the repository or a part of its path
    /// wins, then the keys of the registry.
    pub(super) fn find(
        &self,
        registry: &str,
        repository_path: &str,
    ) -> Result<Option<Credentials>, Error> {
        let hosts = server::keys(registry);
        let prefixes = prefixes(hosts.last().unwrap_or(&registry), repository_path);
        let is_named = |key: &&str| self.name(key).is_some();
        let prefixes = prefixes.iter().map(String::as_str).filter(is_named);
        // The store for all keys knows no paths, and is asked last.
        let (named, others): (Vec<&str>, Vec<&str>) = hosts.iter().partition(|key| is_named(key));
        for key in prefixes.chain(named).chain(others) {
            if let Some(found) = self.get(key)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Returns the credentials under one key: from its helper, its entry, or the store for all keys.
    pub(super) fn get(&self, key: &str) -> Result<Option<Credentials>, Error> {
        let key = match self.name(key) {
            Some(name) => name,
            None if self.has_store() => key,
            None => return Ok(None),
        };
        match get_credential_from_reader(&self.bytes[..], key) {
            Ok(DockerCredential::UsernamePassword(username, password)) => {
                Ok(Some(Credentials::Basic { username, password }))
            }
            Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credentials::Identity(token))),
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
            Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
                if means_missing(&stdout, &stderr) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::settings(format!(
                "the credentials for {key} ({}) cannot be read: {}",
                self.path.display(),
                describe(error)
            ))),
        }
    }

    /// Returns the name under which the file has a helper, or an entry with credentials, for this key. An empty name
    /// of a helper and an empty entry mean none to Docker, but not to docker_credential.
    fn name<'k>(&'k self, key: &'k str) -> Option<&'k str> {
        let table = |name: &str| self.fields.get(name).and_then(Value::as_object);
        let helper = table("credHelpers").and_then(|helpers| helpers.get(key));
        if helper.is_some_and(is_text) {
            return Some(key);
        }
        let entries = table("auths")?;
        let entry = entries.get_key_value(key);
        let entry = entry.or_else(|| entries.iter().find(|(name, _)| server::is(name, key)));
        entry
            .filter(|(_, entry)| has_credentials(entry))
            .map(|(name, _)| name.as_str())
    }

    fn has_store(&self) -> bool {
        self.fields.get("credsStore").is_some_and(is_text)
    }
}

/// Returns whether an entry holds credentials. Docker leaves empty entries beside its store.
pub(super) fn has_credentials(entry: &Value) -> bool {
    SECRETS
        .iter()
        .any(|field| entry.get(field).is_some_and(is_text))
}

/// Explains an error without a helper's standard output, which may hold a secret.
fn describe(error: CredentialRetrievalError) -> String {
    match error {
        CredentialRetrievalError::HelperFailure { helper, stderr, .. } => {
            match excerpt(&stderr).as_str() {
                "" => format!("{helper} failed"),
                words => format!("{helper} failed: {words}"),
            }
        }
        CredentialRetrievalError::HelperCommunicationError => {
            "the credential helper cannot be run".to_owned()
        }
        error => error.to_string(),
    }
}

/// Returns podman's keys for parts of a registry: `host/a/b`, `host/a`.
fn prefixes(host: &str, repository_path: &str) -> Vec<String> {
    let ends = repository_path.match_indices('/').map(|(end, _)| end);
    let ends: Vec<usize> = ends.chain([repository_path.len()]).collect();
    ends.into_iter()
        .rev()
        .map(|end| format!("{host}/{}", &repository_path[..end]))
        .collect()
}

/// Returns whether a value is a text that is not empty.
pub(super) fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}
