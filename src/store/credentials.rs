//! Credentials for registries: from the environment, and from the files and helpers of Docker and podman.
//!
//! Formats: <https://github.com/docker/cli/blob/master/cli/config/types/authconfig.go> and
//! <https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md>.

mod environment;
mod file;
mod helper;
mod login;
mod server;

use std::fmt;
use std::path::{Path, PathBuf};

pub use self::environment::{find_in_environment, wharf_token};
use self::file::CredentialsFile;
pub use self::login::{StoredIn, remove, store};
pub use self::server::{ParseServerError, Server};
use super::Error;

/// The credentials that a client sends to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    Anonymous,
    /// A user with a password, or with an access token in place of one.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that is sent unchanged.
    Bearer(String),
    /// A token of an earlier login, which the token server exchanges for others.
    Identity(String),
    /// The `Authorization` header of a gateway's client, or nothing if the client sent none. It is sent unchanged; a
    /// refusal is final.
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

/// Checks that a token can be sent in a header. The error says what is wrong with it, and does not show it.
pub(super) fn check_token(token: &str) -> Result<(), &'static str> {
    if token.contains(['\r', '\n']) {
        return Err("contains a line end");
    }
    match token.bytes().any(|byte| byte.is_ascii_control()) {
        true => Err("contains characters that are not allowed in a header"),
        false => Ok(()),
    }
}

/// Finds the credentials for a repository: `WHARF_TOKEN`, otherwise the token that wkg would take from the
/// environment, otherwise what `docker login` or `podman login` stored, otherwise none. Blocks, because a credential
/// helper may.
///
/// A file that cannot be read or a helper that fails is an error. A missing entry means anonymous.
pub fn find(registry: &str, repository_path: &str) -> Result<Credentials, Error> {
    if let Some(credentials) = find_in_environment(registry)? {
        return Ok(credentials);
    }
    let files = environment::files();
    find_first(
        files.iter().map(PathBuf::as_path),
        registry,
        repository_path,
    )
}

/// Returns the credentials from the first of several files that has some.
fn find_first<'a>(
    files: impl Iterator<Item = &'a Path>,
    registry: &str,
    repository_path: &str,
) -> Result<Credentials, Error> {
    for path in files {
        let file = CredentialsFile::read(path)?;
        if let Some(credentials) = file.find(registry, repository_path)? {
            return Ok(credentials);
        }
    }
    Ok(Credentials::Anonymous)
}

#[cfg(test)]
mod tests;
