//! Places of packages: a registry, optionally with a prefix, or a layout. Pure.
//!
//! `namespace:name` is the repository `PREFIX` + `namespace/name`, as in wkg. Names on Docker Hub have exactly two
//! elements. Without a prefix, the namespace is the account. With one, which can only be the account, the repository is
//! `namespace_name`. Labels have no `_`, so each repository belongs to one package.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::reference::package::PackageName;
use crate::reference::{
    LAYOUT, Location, Mistake, ParseReferenceError, Reference, is_docker_hub, is_host,
    is_marked_as_host, is_path, no_path, redact,
};

/// A registry or layout that contains packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackagePlace {
    /// A registry.
    Registry {
        /// Host and port.
        host: String,
        /// The exact text before `namespace/name`: usually empty, or ending in `/`.
        prefix: String,
    },
    /// A layout directory, whose repositories are `namespace/name`.
    Layout(PathBuf),
}

/// A text is not a place, or the place cannot contain a package.
#[derive(Debug, thiserror::Error)]
pub enum PackagePlaceError {
    /// The text is neither `HOST[/PREFIX]` nor `oci:DIR`.
    #[error("`{text}` is not a registry (HOST[:PORT][/PREFIX] or oci:DIR): {reason}")]
    Malformed {
        /// The text, without a password.
        text: String,
        /// The problem.
        reason: String,
    },
    /// Names on Docker Hub have no more elements.
    #[error(
        "repositories on Docker Hub have two path elements, and the prefix `{prefix}` has more than one"
    )]
    HubDepth {
        /// The prefix.
        prefix: String,
    },
    /// The repository would have an invalid name.
    #[error("{package} cannot be a repository of {place}: {reason}")]
    Repository {
        /// The package.
        package: PackageName,
        /// The place.
        place: String,
        /// The reason.
        reason: Box<ParseReferenceError>,
    },
}

impl fmt::Display for PackagePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry { host, prefix } if prefix.is_empty() => f.write_str(host),
            Self::Registry { host, prefix } => {
                write!(f, "{host}/{}", prefix.trim_end_matches('/'))
            }
            Self::Layout(directory) => write!(f, "oci:{}", directory.display()),
        }
    }
}

impl FromStr for PackagePlace {
    type Err = PackagePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = |reason: String| PackagePlaceError::Malformed {
            text: redact(text).into_owned(),
            reason,
        };
        if let Some(mistake) = Mistake::of_place(text) {
            return Err(malformed(mistake.to_string()));
        }
        if let Some(directory) = text.strip_prefix(LAYOUT) {
            return match directory {
                "" => Err(malformed("the directory is missing".to_owned())),
                directory => Ok(Self::Layout(directory.into())),
            };
        }
        let text_only = text.trim_end_matches('/');
        let (host, prefix) = match text_only.split_once('/') {
            Some((host, prefix)) => (host, format!("{prefix}/")),
            None => (text_only, String::new()),
        };
        if let Some(sign) = prefix.chars().find(|char| matches!(char, ':' | '@')) {
            return Err(malformed(format!(
                "it has a `{sign}`, but a version belongs to a package"
            )));
        }
        if !is_marked_as_host(host) {
            return Err(malformed(
                "it needs a host, as in `ghcr.io/owner` or `localhost:5000`".to_owned(),
            ));
        }
        if !is_host(host) {
            return Err(malformed(format!("`{host}` is not a host")));
        }
        if let Some(path) = prefix.strip_suffix('/').filter(|path| !is_path(path)) {
            return Err(malformed(no_path(path, "prefix")));
        }
        Ok(Self::Registry {
            host: host.to_owned(),
            prefix,
        })
    }
}

impl PackagePlace {
    fn prefix(&self) -> &str {
        match self {
            Self::Registry { prefix, .. } => prefix,
            Self::Layout(_) => "",
        }
    }

    /// Returns whether names have exactly two elements here.
    fn is_hub(&self) -> bool {
        matches!(self, Self::Registry { host, .. } if is_docker_hub(host))
    }

    /// Returns the repository of a package.
    pub fn location(&self, package: &PackageName) -> Result<Location, PackagePlaceError> {
        let (namespace, name) = (package.namespace(), package.name());
        let host = match self {
            Self::Layout(directory) => {
                return Ok(Location::Layout {
                    directory: directory.clone(),
                    repository: Some(format!("{namespace}/{name}")),
                });
            }
            Self::Registry { host, .. } => host,
        };
        let prefix = self.prefix();
        let path = match self.is_hub() && !prefix.is_empty() {
            false => format!("{prefix}{namespace}/{name}"),
            true => {
                let account = prefix.trim_end_matches('/');
                if account.contains('/') {
                    return Err(PackagePlaceError::HubDepth {
                        prefix: prefix.to_owned(),
                    });
                }
                format!("{account}/{namespace}_{name}")
            }
        };
        let parsed = format!("{host}/{path}").parse::<Reference>();
        let reference = parsed.map_err(|reason| PackagePlaceError::Repository {
            package: package.clone(),
            place: self.to_string(),
            reason: Box::new(reason),
        })?;
        Ok(reference.location)
    }

    /// Returns the package of a repository, if it belongs to one.
    pub fn package(&self, repository: &str) -> Option<PackageName> {
        let prefix = self.prefix();
        let (namespace, name) = match self.is_hub() && !prefix.is_empty() {
            false => repository.strip_prefix(prefix)?.split_once('/')?,
            true => {
                let own = repository.strip_prefix(prefix.trim_end_matches('/'))?;
                own.strip_prefix('/')?.split_once('_')?
            }
        };
        format!("{namespace}:{name}").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(text: &str) -> PackageName {
        text.parse().unwrap()
    }

    #[test]
    fn packages_become_repositories_and_back() {
        for (place, name, repository) in [
            ("ghcr.io/acme", "demo:calc", "ghcr.io/acme/demo/calc"),
            ("ghcr.io", "acme:calc", "ghcr.io/acme/calc"),
            ("localhost:5000", "demo:calc", "localhost:5000/demo/calc"),
            ("[::1]:5000/acme", "demo:calc", "[::1]:5000/acme/demo/calc"),
            (
                "harbor.example/project/deep",
                "a-b:c-d",
                "harbor.example/project/deep/a-b/c-d",
            ),
            ("docker.io", "acme:calc", "docker.io/acme/calc"),
            ("docker.io/acme", "demo:calc", "docker.io/acme/demo_calc"),
            ("docker.io/acme/", "a-b:c", "docker.io/acme/a-b_c"),
            ("docker.io/acme", "a:b-c", "docker.io/acme/a_b-c"),
            ("oci:store", "demo:calc", "oci:store:demo/calc"),
        ] {
            let place: PackagePlace = place.parse().unwrap();
            let location = place.location(&package(name)).unwrap();
            assert_eq!(location.to_string(), repository);
            let path = match &location {
                Location::Repository(repository) => repository.path.clone(),
                Location::Layout { repository, .. } => repository.clone().unwrap(),
                Location::Blobs { .. } => panic!("{location}"),
            };
            assert_eq!(place.package(&path), Some(package(name)), "{repository}");
        }
    }

    #[test]
    fn a_prefix_without_a_slash_is_kept_unchanged() {
        let place = PackagePlace::Registry {
            host: "ghcr.io".to_owned(),
            prefix: "acme-".to_owned(),
        };
        let location = place.location(&package("demo:calc")).unwrap();
        assert_eq!(location.to_string(), "ghcr.io/acme-demo/calc");
        assert_eq!(place.package("acme-demo/calc"), Some(package("demo:calc")));
    }

    #[test]
    fn invalid_places_are_refused() {
        for bad in [
            "",
            "oci:",
            "acme",
            "ghcr.io/Acme",
            "ghcr.io/acme:1.0",
            "-x.io",
            "https://ghcr.io",
            "oci://ghcr.io/acme",
        ] {
            assert!(bad.parse::<PackagePlace>().is_err(), "{bad}");
        }
        let deep: PackagePlace = "docker.io/a/b".parse().unwrap();
        assert!(matches!(
            deep.location(&package("demo:calc")),
            Err(PackagePlaceError::HubDepth { .. })
        ));
    }

    #[test]
    fn errors_quote_the_invalid_part() {
        for (bad, reason) in [
            ("nowhere", "it needs a host"),
            ("https://ghcr.io", "it must not begin with `https://`"),
            (
                "http://localhost:5000/x",
                "it must not begin with `http://`",
            ),
            ("ghcr.io@1.0", "`ghcr.io@1.0` is not a host"),
            ("localhost:1.0", "`localhost:1.0` is not a host"),
            ("ghcr.io/Acme", "`Acme` is not a prefix"),
            ("ghcr.io/a//b", "`a//b` is not a prefix"),
            ("ghcr.io/acme:1.0", "it has a `:`"),
            ("oci://ghcr.io", "it must not begin with `oci://`"),
            (
                "me:SECRET@ghcr.io/acme",
                "it contains a user and a password",
            ),
            (
                "https://SECRET@ghcr.io",
                "it must not begin with `https://`",
            ),
        ] {
            let error = bad.parse::<PackagePlace>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("/a/b`"), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn other_repositories_are_not_packages() {
        let place: PackagePlace = "ghcr.io/acme".parse().unwrap();
        for other in [
            "other/demo/calc",
            "acme/calc",
            "acme/demo/calc/x",
            "acme/demo/9",
        ] {
            assert_eq!(place.package(other), None, "{other}");
        }
        let hub: PackagePlace = "docker.io/acme".parse().unwrap();
        for other in ["acme/calc", "acmex/demo_calc", "acme/a_b_c"] {
            assert_eq!(hub.package(other), None, "{other}");
        }
    }
}
