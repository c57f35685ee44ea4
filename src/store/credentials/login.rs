//! Stores credentials in Docker's file or with a helper, so that other clients find them too.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value, json};

use super::environment::docker_file;
use super::file::{CredentialsFile, has_credentials, is_text};
use super::helper::Helper;
use super::server::{self, Server};
use crate::store::Error;
use crate::store::spool::{lock, parent, through_links};

/// The place where credentials are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredIn {
    /// This file, which does not encrypt them.
    File(PathBuf),
    /// The keychain of this credential helper.
    Helper(String),
}

impl fmt::Display for StoredIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Helper(program) => f.write_str(program),
        }
    }
}

/// Stores a user's password where Docker would: with the credential helper that its file names for the registry,
/// otherwise in the file itself. The rest of the file does not change. Blocks.
///
/// A file that cannot be read is an error, and is not changed.
pub fn store(server: &Server, username: &str, password: &str) -> Result<StoredIn, Error> {
    if username.is_empty() || username.contains(':') {
        return Err(Error::settings(
            "a user name must not be empty or contain a colon",
        ));
    }
    store_in(&own_file()?, server, username, password)
}

/// Removes the credentials for a registry, and returns whether there were any. Blocks.
pub fn remove(server: &Server) -> Result<bool, Error> {
    remove_from(&own_file()?, server)
}

fn own_file() -> Result<PathBuf, Error> {
    docker_file()
        .ok_or_else(|| Error::settings("there is no home directory, and DOCKER_CONFIG is not set"))
}

pub(super) fn store_in(
    path: &Path,
    server: &Server,
    username: &str,
    password: &str,
) -> Result<StoredIn, Error> {
    let target = &through_links(path).map_err(Error::file(path))?;
    create_directory(parent(target)).map_err(Error::file(parent(target)))?;
    let _lock = lock(parent(target));
    let before = CredentialsFile::read(path)?.fields;
    let mut file = before.clone();
    let (key, entry, place) = match helper(&file, server) {
        Some((_, helper)) if server.path().is_some() => {
            return Err(Error::settings(format!(
                "{} stores credentials only for whole registries, not for {server}",
                helper.program()
            )));
        }
        Some((key, helper)) => {
            helper.store(&key, username, password)?;
            (key, json!({}), StoredIn::Helper(helper.program()))
        }
        None => {
            let auth = BASE64_STANDARD.encode(format!("{username}:{password}"));
            let key = server.keys().swap_remove(0);
            (key, json!({"auth": auth}), StoredIn::File(path.to_owned()))
        }
    };
    remove_entries(&mut file, server);
    if let Value::Object(auths) = file.entry("auths").or_insert_with(|| json!({})) {
        auths.insert(key, entry);
    }
    if file != before {
        write(target, &file).map_err(Error::file(path))?;
    }
    Ok(place)
}

pub(super) fn remove_from(path: &Path, server: &Server) -> Result<bool, Error> {
    let target = &through_links(path).map_err(Error::file(path))?;
    let _lock = lock(parent(target));
    let before = CredentialsFile::read(path)?;
    let mut removed = false;
    if let (None, Some((_, helper))) = (server.path(), helper(&before.fields, server)) {
        for key in server.keys() {
            if before.get(&key)?.is_some() {
                helper.erase(&key)?;
                removed = true;
            }
        }
    }
    let mut file = before.fields.clone();
    removed |= remove_entries(&mut file, server);
    if file != before.fields {
        write(target, &file).map_err(Error::file(path))?;
    }
    Ok(removed)
}

/// Removes every entry of a server, and returns whether one held credentials.
fn remove_entries(file: &mut Map<String, Value>, server: &Server) -> bool {
    let Some(auths) = file.get_mut("auths").and_then(Value::as_object_mut) else {
        return false;
    };
    let keys = server.keys();
    let mut removed = false;
    auths.retain(|name, entry| {
        let is_own = keys.iter().any(|key| server::matches_key(name, key));
        removed |= is_own && has_credentials(entry);
        !is_own
    });
    removed
}

/// Returns the helper that stores the credentials for a server in place of the file, and its key for them.
pub(super) fn helper(file: &Map<String, Value>, server: &Server) -> Option<(String, Helper)> {
    let keys = server.keys();
    let table = file.get("credHelpers").and_then(Value::as_object);
    let named = keys.iter().find_map(|key| Some((key, table?.get(key)?)));
    // A helper with an empty name means the file.
    let all = keys.first().zip(file.get("credsStore"));
    let (key, name) = named.or(all).filter(|(_, name)| is_text(name))?;
    Some((key.clone(), Helper(name.as_str()?.to_owned())))
}

fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Replaces the file, as Docker indents it. A new one is for its owner only.
fn write(path: &Path, file: &Map<String, Value>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"\t");
    file.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    let mut spool = tempfile::Builder::new()
        .prefix(".config.json.")
        .tempfile_in(parent(path))?;
    spool.write_all(&bytes)?;
    if let Ok(before) = fs::metadata(path) {
        spool.as_file().set_permissions(before.permissions())?;
    }
    spool.as_file().sync_all()?;
    spool.persist(path)?;
    Ok(())
}
