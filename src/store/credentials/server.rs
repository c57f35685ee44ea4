//! The servers that credentials are for, and their keys in Docker's file.

use std::fmt;
use std::str::FromStr;

use crate::reference::{
    DOCKER_HUB, DOCKER_HUB_API, Location, Reference, canonical_host, is_docker_hub, redact,
};

/// The keys of Docker Hub, in lookup order. Credential helpers know the first.
const HUB_KEYS: [&str; 3] = ["https://index.docker.io/v1/", DOCKER_HUB_API, DOCKER_HUB];

/// A registry, or with a path the repositories below that path, for which podman stores credentials of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    registry: String,
    path: Option<String>,
}

/// The text does not name a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a registry: it must be a host such as `ghcr.io`, optionally with a port and a path"
)]
pub struct ParseServerError {
    /// The text, without a password.
    pub text: String,
}

impl Server {
    /// Returns the host, with its port if it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the path, if the credentials are not for the whole registry.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Returns the keys in files and helpers. New entries get the first.
    pub(super) fn keys(&self) -> Vec<String> {
        match &self.path {
            Some(path) => vec![format!("{}/{path}", self.registry)],
            None => keys(&self.registry)
                .into_iter()
                .map(str::to_owned)
                .collect(),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.registry)?;
        match &self.path {
            Some(path) => write!(f, "/{path}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Server {
    type Err = ParseServerError;

    /// Parses `HOST[:PORT][/PATH]`. A leading `https://` changes nothing, and all names of Docker Hub are accepted.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseServerError {
            text: redact(text).into_owned(),
        };
        let bare = text.strip_prefix("https://").unwrap_or(text);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        let bare = match bare {
            "index.docker.io/v1" => DOCKER_HUB,
            bare => bare,
        };
        // A server is a reference without its last path element.
        let reference: Reference = format!("{bare}/x").parse().map_err(|_| bad())?;
        let plain = reference.tag.is_none() && reference.digest.is_none();
        let (Location::Repository(_), true) = (reference.location, plain) else {
            return Err(bad());
        };
        let (host, path) = match bare.split_once('/') {
            Some((host, path)) => (host, Some(path.to_owned())),
            None => (bare, None),
        };
        Ok(Self {
            registry: canonical_host(host).to_owned(),
            path,
        })
    }
}

/// Returns the keys of a registry, in lookup order.
pub(super) fn keys(registry: &str) -> Vec<&str> {
    match is_docker_hub(registry) {
        true => HUB_KEYS.to_vec(),
        false => vec![registry],
    }
}

/// Returns whether an entry's name is this key. Old versions of Docker wrote URLs.
pub(super) fn matches_key(name: &str, key: &str) -> bool {
    let bare = name
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let ends = ["", "/", "/v1", "/v1/", "/v2", "/v2/"];
    name == key || ends.iter().any(|end| bare.strip_suffix(end) == Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_the_names_that_people_give_them() {
        for (text, shown, key) in [
            ("ghcr.io", "ghcr.io", "ghcr.io"),
            ("https://ghcr.io/", "ghcr.io", "ghcr.io"),
            ("localhost:5000", "localhost:5000", "localhost:5000"),
            ("https://[::1]:5000/", "[::1]:5000", "[::1]:5000"),
            (
                "ghcr.io/owner/app",
                "ghcr.io/owner/app",
                "ghcr.io/owner/app",
            ),
            ("docker.io", "docker.io", HUB_KEYS[0]),
            ("index.docker.io", "docker.io", HUB_KEYS[0]),
            ("registry-1.docker.io", "docker.io", HUB_KEYS[0]),
            ("https://index.docker.io/v1/", "docker.io", HUB_KEYS[0]),
            (
                "index.docker.io/owner",
                "docker.io/owner",
                "docker.io/owner",
            ),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!(
                (server.to_string().as_str(), server.keys()[0].as_str()),
                (shown, key)
            );
            assert_eq!(shown.parse(), Ok(server), "{text}");
        }
        for bad in [
            "",
            "/",
            "ghcr",
            "user@ghcr.io",
            "http://ghcr.io",
            "oci://ghcr.io",
            "ghcr.io//a",
            "ghcr.io/Owner",
            "ghcr.io/owner:1.0",
            "ghcr.io/owner@sha256:00",
            "oci:directory",
            "a b.example",
            "ghcr.io:port",
        ] {
            assert!(bad.parse::<Server>().is_err(), "{bad}");
        }
        for secret in ["me:SECRET@ghcr.io", "https://me:SECRET@ghcr.io/a"] {
            let error = secret.parse::<Server>().unwrap_err().to_string();
            assert!(!error.contains("SECRET"), "{error}");
        }
    }
}
