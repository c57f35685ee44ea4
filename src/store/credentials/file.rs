//! One credentials file of Docker or podman. docker_credential reads an entry of the file; this module chooses the entry,
//! or the helper to run, because docker_credential knows neither podman's keys nor all names of Docker Hub.

use std::fs;
use std::path::Path;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde_json::{Map, Value, json};

use super::helper::Helper;
use super::{Credentials, check_token, server};
use crate::store::Error;
use crate::store::spool::if_exists;

/// The fields of an entry that hold credentials.
const SECRETS: [&str; 5] = [
    "auth",
    "username",
    "password",
    "identitytoken",
    "registrytoken",
];

/// A file, as text for the lines in errors and as JSON.
pub(super) struct CredentialsFile<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    pub(super) fields: Map<String, Value>,
}

/// Where the credentials for a key are.
enum CredentialSource<'f> {
    /// With the helper of this name.
    Helper(&'f str),
    /// In the entry of this name.
    Entry(&'f str, &'f Value),
}

impl<'a> CredentialsFile<'a> {
    /// Reads a file. One that does not exist is empty.
    pub(super) fn read(path: &'a Path) -> Result<Self, Error> {
        let bytes = if_exists(path, fs::read(path))?.unwrap_or_default();
        // `touch` makes an empty file, and podman accepts it.
        let fields = match bytes.trim_ascii().is_empty() {
            true => Map::new(),
            false => object(&bytes).and_then(check_types).map_err(|reason| {
                let file = path.display();
                Error::settings(format!("{file} is not a credentials file: {reason}"))
            })?,
        };
        Ok(Self {
            path,
            bytes,
            fields,
        })
    }

    /// Returns the credentials for a repository. The longest key that names the repository or a part of its path wins;
    /// the keys of the registry come last.
    pub(super) fn find(
        &self,
        registry: &str,
        repository_path: &str,
    ) -> Result<Option<Credentials>, Error> {
        let hosts = server::keys(registry);
        let prefixes = prefixes(hosts.last().unwrap_or(&registry), repository_path);
        let has_source = |key: &&str| self.find_source(key).is_some();
        let prefixes = prefixes.iter().map(String::as_str).filter(has_source);
        // The store for all keys knows no paths, so it is asked last.
        let (with_source, others): (Vec<&str>, Vec<&str>) =
            hosts.iter().partition(|key| has_source(key));
        for key in prefixes.chain(with_source).chain(others) {
            if let Some(found) = self.get(key)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Returns the credentials under one key: from its helper, its entry, or the store for all keys.
    pub(super) fn get(&self, key: &str) -> Result<Option<Credentials>, Error> {
        match self.find_source(key) {
            Some(CredentialSource::Entry(name, entry)) => {
                let found = credentials(entry);
                found.map_err(|reason| self.malformed(name, &reason))
            }
            Some(CredentialSource::Helper(program)) => self.run_helper(program, key),
            None => match text(self.fields.get("credsStore")) {
                Some(program) => self.run_helper(program, key),
                None => Ok(None),
            },
        }
    }

    fn run_helper(&self, program: &str, key: &str) -> Result<Option<Credentials>, Error> {
        let found = Helper(program.to_owned()).get(key);
        found.map_err(|error| {
            let file = self.path.display();
            Error::settings(format!(
                "the credentials for {key} ({file}) cannot be read: {error}"
            ))
        })
    }

    fn malformed(&self, name: &str, reason: &str) -> Error {
        let text = String::from_utf8_lossy(&self.bytes);
        // A helper may be named for the same key.
        let table = text.find("\"auths\"").unwrap_or_default();
        let entry = text[table..].find(&Value::from(name).to_string());
        let line = entry.map(|entry| text[..table + entry].matches('\n').count() + 1);
        let line = line.map(|line| format!(", line {line}"));
        Error::settings(format!(
            "the credentials for {name} ({}{}) cannot be read: {reason}",
            self.path.display(),
            line.unwrap_or_default()
        ))
    }

    /// Returns what the file has for this key: a helper, or an entry with credentials. An empty name of a helper and an
    /// empty entry mean nothing.
    fn find_source<'f>(&'f self, key: &str) -> Option<CredentialSource<'f>> {
        let table = |name: &str| self.fields.get(name).and_then(Value::as_object);
        let helper = table("credHelpers").and_then(|helpers| text(helpers.get(key)));
        if let Some(helper) = helper {
            return Some(CredentialSource::Helper(helper));
        }
        let entries = table("auths")?;
        let entry = entries.get_key_value(key);
        let entry = entry.or_else(|| {
            entries
                .iter()
                .find(|(name, _)| server::matches_key(name, key))
        });
        entry
            .filter(|(_, entry)| has_credentials(entry))
            .map(|(name, entry)| CredentialSource::Entry(name, entry))
    }
}

/// Reads a JSON object. The error has the line, and shows nothing of the file.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("it is not a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Checks the types of the members that name entries and helpers, so that none of them is skipped silently. A table that
/// is null is missing.
fn check_types(mut fields: Map<String, Value>) -> Result<Map<String, Value>, String> {
    for table in ["auths", "credHelpers"] {
        match fields.get(table) {
            Some(Value::Null) => drop(fields.remove(table)),
            Some(Value::Object(_)) | None => {}
            Some(_) => return Err(format!("`{table}` is not an object")),
        }
    }
    let helpers = fields.get("credHelpers").and_then(Value::as_object);
    let helpers = helpers.into_iter().flat_map(Map::values);
    match helpers
        .chain(fields.get("credsStore"))
        .all(|name| name.is_string() || name.is_null())
    {
        true => Ok(fields),
        false => Err("the name of a helper is not text".to_owned()),
    }
}

/// Returns the credentials in an entry. A token wins over the user beside it, and a token for the registry over one for
/// its token server.
fn credentials(entry: &Value) -> Result<Option<Credentials>, String> {
    if !entry.is_object() {
        return Err("it is not an object".to_owned());
    }
    let found = match text(entry.get("registrytoken")) {
        Some(token) => Credentials::Bearer(token.to_owned()),
        None => match login(entry)? {
            Some(login) => login,
            None => return Ok(None),
        },
    };
    let checked = match &found {
        Credentials::Bearer(token) => ("registrytoken", check_token(token)),
        Credentials::Identity(token) => ("identitytoken", check_token(token)),
        _ => return Ok(Some(found)),
    };
    let (field, checked) = checked;
    checked.map_err(|reason| format!("`{field}` {reason}"))?;
    Ok(Some(found))
}

/// Reads the user or the identity token of an entry. The errors show nothing of it.
fn login(entry: &Value) -> Result<Option<Credentials>, String> {
    // An empty field means nothing to Docker, but not to docker_credential.
    let fields = entry.as_object().into_iter().flatten();
    let fields: Map<_, _> = fields
        .filter(|(_, value)| value.as_str() != Some(""))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let file = json!({"auths": {"server": fields}}).to_string();
    match get_credential_from_reader(file.as_bytes(), "server") {
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credentials::Identity(token))),
        // `:` in base64 is a login that was removed.
        Ok(DockerCredential::UsernamePassword(username, password))
            if username.is_empty() && password.is_empty() =>
        {
            Ok(None)
        }
        // Docker pads passwords with zero bytes.
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            Ok(Some(Credentials::Basic {
                username,
                password: password.trim_end_matches('\0').to_owned(),
            }))
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        Err(CredentialRetrievalError::CredentialDecodingError) => {
            Err("`auth` is not USER:PASSWORD in base64".to_owned())
        }
        Err(CredentialRetrievalError::ConfigReadError) => {
            Err("one of its fields is not text".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Returns whether an entry holds credentials, readable or not. Docker leaves empty entries beside its store.
pub(super) fn has_credentials(entry: &Value) -> bool {
    let is_empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    let mut fields = SECRETS.iter().filter_map(|field| entry.get(field));
    !entry.is_object() && !entry.is_null() || fields.any(|field| !is_empty(field))
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

/// Returns a text that is not empty.
fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// Returns whether a value is a text that is not empty.
pub(super) fn is_text(value: &Value) -> bool {
    text(Some(value)).is_some()
}
