//! Tokens in environment variables, and the files that the environment names.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use super::{Credentials, check_token};
use crate::store::Error;

/// The variable of a token for any registry.
const WHARF_TOKEN: &str = "WHARF_TOKEN";

/// Returns the token for a registry from the environment: `WHARF_TOKEN`, otherwise wkg's variable.
pub fn find_in_environment(registry: &str) -> Result<Option<Credentials>, Error> {
    match wharf_token()? {
        Some(credentials) => Ok(Some(credentials)),
        None => read_token(&wkg_variable(registry)),
    }
}

/// Returns the token in `WHARF_TOKEN`, which applies to any registry.
pub fn wharf_token() -> Result<Option<Credentials>, Error> {
    read_token(WHARF_TOKEN)
}

fn read_token(name: &str) -> Result<Option<Credentials>, Error> {
    let Some(token) = variable(name) else {
        return Ok(None);
    };
    let failed = |reason: &str| Error::settings(format!("the token in {name} {reason}"));
    let token = token.into_string().map_err(|_| failed("is not text"))?;
    check_token(&token).map_err(failed)?;
    Ok(Some(Credentials::Bearer(token)))
}

/// Returns the variable in which wkg looks for a registry's token.
pub(super) fn wkg_variable(registry: &str) -> String {
    let plain = |char: char| match char.is_ascii_alphanumeric() {
        true => char.to_ascii_uppercase(),
        false => '_',
    };
    let registry: String = registry.chars().map(plain).collect();
    format!("WKG_REGISTRY_{registry}_AUTH_BEARER")
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns Docker's file, which other clients read too.
pub(super) fn docker_file() -> Option<PathBuf> {
    let directory = variable("DOCKER_CONFIG").map(PathBuf::from);
    let directory = directory.or_else(|| Some(env::home_dir()?.join(".docker")));
    Some(directory?.join("config.json"))
}

/// Returns Docker's file, then podman's.
pub(super) fn files() -> Vec<PathBuf> {
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
