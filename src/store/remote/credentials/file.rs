//! What a login leaves in Docker's file or with a helper, where other clients find it too.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value, json};

use super::helper::Helper;
use super::{CredentialsFile, Server, docker_file, is_text, read, server, settings};
use crate::store::Error;
use crate::store::spool::{lock, parent, through_links};

/// Where credentials are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In this file, as good as plain text.
    File(PathBuf),
    /// Wherever this program keeps them.
    Helper(String),
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Helper(program) => f.write_str(program),
        }
    }
}

/// Keeps a user's password where Docker would: with the credential helper that its file names for the
/// registry, else in the file itself. What else is in the file stays. Blocks.
///
/// A file that cannot be read is an error and stays as it is.
pub fn keep(server: &Server, username: &str, password: &str) -> Result<Kept, Error> {
    if username.is_empty() || username.contains(':') {
        return Err(settings("a user name is not empty and has no colon"));
    }
    keep_in(&own_file()?, server, username, password)
}

/// Removes what is kept for a registry, and returns whether there was anything. Blocks.
pub fn remove(server: &Server) -> Result<bool, Error> {
    remove_from(&own_file()?, server)
}

fn own_file() -> Result<PathBuf, Error> {
    docker_file()
        .ok_or_else(|| settings("there is no home directory, and DOCKER_CONFIG is not set"))
}

fn keep_in(path: &Path, server: &Server, username: &str, password: &str) -> Result<Kept, Error> {
    let target = &through_links(path).map_err(Error::file(path))?;
    create_directory(parent(target)).map_err(Error::file(parent(target)))?;
    let _lock = lock(parent(target));
    let mut file = read(path)?;
    let before = file.clone();
    check(path, &file)?;
    let (key, entry, kept) = match helper(&file, server) {
        Some((_, helper)) if server.path().is_some() => {
            return Err(settings(format!(
                "{} keeps credentials for whole registries, not for {server}",
                helper.program()
            )));
        }
        Some((key, helper)) => {
            helper.store(&key, username, password)?;
            (key, json!({}), Kept::Helper(helper.program()))
        }
        None => {
            let auth = BASE64_STANDARD.encode(format!("{username}:{password}"));
            let key = server.keys().swap_remove(0);
            (key, json!({"auth": auth}), Kept::File(path.to_owned()))
        }
    };
    forget(&mut file, server);
    if let Value::Object(auths) = file.entry("auths").or_insert_with(|| json!({})) {
        auths.insert(key, entry);
    }
    if file != before {
        write(target, &file).map_err(Error::file(path))?;
    }
    Ok(kept)
}

fn remove_from(path: &Path, server: &Server) -> Result<bool, Error> {
    let target = &through_links(path).map_err(Error::file(path))?;
    let _lock = lock(parent(target));
    let mut file = read(path)?;
    check(path, &file)?;
    let mut removed = false;
    if let (None, Some((_, helper))) = (server.path(), helper(&file, server)) {
        for key in server.keys() {
            if has(path, &helper, &key)? {
                helper.erase(&key)?;
                removed = true;
            }
        }
    }
    let before = file.clone();
    removed |= forget(&mut file, server);
    if file != before {
        write(target, &file).map_err(Error::file(path))?;
    }
    Ok(removed)
}

/// Takes every entry of a server out, and returns whether one said anything.
fn forget(file: &mut Map<String, Value>, server: &Server) -> bool {
    let Some(auths) = file.get_mut("auths").and_then(Value::as_object_mut) else {
        return false;
    };
    let keys = server.keys();
    let mut told = false;
    auths.retain(|name, entry| {
        let own = keys.iter().any(|key| server::is(name, key));
        told |= own
            && entry
                .as_object()
                .is_some_and(|entry| entry.values().any(is_text));
        !own
    });
    told
}

/// What we would have to write into must be what Docker makes of it.
fn check(path: &Path, file: &Map<String, Value>) -> Result<(), Error> {
    for table in ["auths", "credHelpers"] {
        if file.get(table).is_some_and(|table| !table.is_object()) {
            return Err(settings(format!(
                "{} is not a credentials file: `{table}` is no object",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Returns who keeps the credentials for a server in place of the file, and under which key.
fn helper(file: &Map<String, Value>, server: &Server) -> Option<(String, Helper)> {
    let keys = server.keys();
    let table = file.get("credHelpers").and_then(Value::as_object);
    let named = keys.iter().find_map(|key| Some((key, table?.get(key)?)));
    // One without a name stands for the file.
    let all = keys.first().zip(file.get("credsStore"));
    let (key, name) = named.or(all).filter(|(_, name)| is_text(name))?;
    Some((key.clone(), Helper(name.as_str()?.to_owned())))
}

/// Returns whether a helper has credentials under a key.
fn has(path: &Path, helper: &Helper, key: &str) -> Result<bool, Error> {
    let document = json!({"credHelpers": {key: helper.0}});
    let file = Map::new();
    let found = CredentialsFile { path, file }.read(&document, key)?;
    Ok(found.is_some())
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

#[cfg(test)]
mod tests;
