//! One credentials file of Docker or podman: its entries, and the helpers that it names.

use std::fs;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value};

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
enum Found<'f> {
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
            false => object(&bytes).map_err(|reason| {
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

    /// Returns the credentials for a repository. The longest key that names the repository or a part of its path
    /// wins, then the keys of the registry.
    pub(super) fn find(
        &self,
        registry: &str,
        repository_path: &str,
    ) -> Result<Option<Credentials>, Error> {
        let hosts = server::keys(registry);
        let prefixes = prefixes(hosts.last().unwrap_or(&registry), repository_path);
        let is_named = |key: &&str| self.named(key).is_some();
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
        match self.named(key) {
            Some(Found::Entry(name, entry)) => {
                let found = credentials(entry);
                found.map_err(|reason| self.malformed(name, reason))
            }
            Some(Found::Helper(program)) => self.ask(program, key),
            None => match text(self.fields.get("credsStore")) {
                Some(program) => self.ask(program, key),
                None => Ok(None),
            },
        }
    }

    fn ask(&self, program: &str, key: &str) -> Result<Option<Credentials>, Error> {
        let found = Helper(program.to_owned()).get(key);
        found.map_err(|error| {
            let file = self.path.display();
            Error::settings(format!(
                "the credentials for {key} ({file}) cannot be read: {error}"
            ))
        })
    }

    fn malformed(&self, name: &str, reason: &str) -> Error {
        let quoted = Value::from(name).to_string();
        let text = String::from_utf8_lossy(&self.bytes);
        let line = text
            .find(&quoted)
            .map(|at| text[..at].matches('\n').count() + 1);
        let line = line.map(|line| format!(", line {line}"));
        Error::settings(format!(
            "the credentials for {name} ({}{}) cannot be read: {reason}",
            self.path.display(),
            line.unwrap_or_default()
        ))
    }

    /// Returns what the file has for this key: a helper, or an entry with credentials. An empty name of a helper and an
    /// empty entry mean nothing.
    fn named<'f>(&'f self, key: &str) -> Option<Found<'f>> {
        let table = |name: &str| self.fields.get(name).and_then(Value::as_object);
        let helper = table("credHelpers").and_then(|helpers| text(helpers.get(key)));
        if let Some(helper) = helper {
            return Some(Found::Helper(helper));
        }
        let entries = table("auths")?;
        let entry = entries.get_key_value(key);
        let entry = entry.or_else(|| entries.iter().find(|(name, _)| server::is(name, key)));
        entry
            .filter(|(_, entry)| has_credentials(entry))
            .map(|(name, entry)| Found::Entry(name, entry))
    }
}

/// Reads a JSON object. The error has the line, and shows nothing of the file.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns the credentials in an entry. A token counts above the user beside it, and one for the registry above one
/// for its token server.
fn credentials(entry: &Value) -> Result<Option<Credentials>, &'static str> {
    let field = |name: &str| text(entry.get(name));
    if let Some(token) = field("registrytoken") {
        check_token(token).map_err(
            |_| "`registrytoken` has a line end in it, or another character of no token",
        )?;
        return Ok(Some(Credentials::Bearer(token.to_owned())));
    }
    if let Some(token) = field("identitytoken") {
        return Ok(Some(Credentials::Identity(token.to_owned())));
    }
    let (username, password) = match (field("auth"), field("username").zip(field("password"))) {
        (Some(auth), _) => user_password(auth)?,
        (None, Some((username, password))) => (username.to_owned(), password.to_owned()),
        (None, None) => return Ok(None),
    };
    let is_login = !username.is_empty() || !password.is_empty();
    Ok(is_login.then_some(Credentials::Basic { username, password }))
}

/// Reads `user:password` in base64. Docker pads passwords with zero bytes.
fn user_password(auth: &str) -> Result<(String, String), &'static str> {
    let bytes = BASE64_STANDARD
        .decode(auth.trim())
        .map_err(|_| "`auth` is not base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "`auth` is not text in base64")?;
    let login = text
        .split_once(':')
        .ok_or("`auth` has no colon after the user")?;
    Ok((
        login.0.to_owned(),
        login.1.trim_end_matches('\0').to_owned(),
    ))
}

/// Returns whether an entry holds credentials. Docker leaves empty entries beside its store.
pub(super) fn has_credentials(entry: &Value) -> bool {
    SECRETS
        .iter()
        .any(|field| entry.get(field).is_some_and(is_text))
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
