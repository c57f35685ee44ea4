//! The addresses of pages.
//!
//! | path | page |
//! | --- | --- |
//! | `/` | the repositories |
//! | `/-/REPOSITORY` | its tags |
//! | `/-/REPOSITORY:TAG`, `/-/REPOSITORY@DIGEST` | a component |
//!
//! A repository name contains no `@`, and no colon after its last slash. So the text after either one is a tag or a
//! digest.

use std::fmt;
use std::str::FromStr;

use crate::gateway::route::{decoded, is_repository};
use crate::reference::package::{PackageSpec, Requirement, version_tag};
use crate::reference::{Name, is_tag};

/// The prefix of all paths but `/`. No repository can have this name.
const PAGE_PREFIX: &str = "/-/";

/// The address of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) enum PageAddress {
    /// The page that lists repositories.
    Home,
    /// The page of a repository, under its name for clients of the gateway.
    Repository(String),
    /// The page of an artifact.
    Artifact(String, Name),
}

impl PageAddress {
    /// Parses a path. Returns nothing if no such page exists.
    pub(in crate::gateway) fn read(path: &str) -> Option<Self> {
        if path == "/" {
            return Some(Self::Home);
        }
        let segments = path.strip_prefix(PAGE_PREFIX)?.split('/').map(decoded);
        let segments: Vec<String> = segments.collect::<Option<_>>()?;
        segments.join("/").parse().ok()
    }

    /// Returns the page of a repository, if the name is valid.
    pub(super) fn repository(name: &str) -> Option<Self> {
        is_repository(name).then(|| Self::Repository(name.to_owned()))
    }

    /// Returns the page of a tag, if repository and tag are valid.
    pub(super) fn tagged(repository: &str, tag: &str) -> Option<Self> {
        let sound = is_repository(repository) && is_tag(tag);
        sound.then(|| Self::Artifact(repository.to_owned(), Name::Tag(tag.to_owned())))
    }
}

impl FromStr for PageAddress {
    type Err = ();

    /// Parses `REPOSITORY`, `REPOSITORY:TAG` or `REPOSITORY@DIGEST`. If both a tag and a digest are given, the digest
    /// counts. An exact version of a package, `NAMESPACE:NAME@VERSION`, becomes its tag.
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(address) = package(text) {
            return Ok(address);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| ())?)),
            None => (text, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (rest, None),
        };
        let address = match (digest, tag) {
            (_, Some(tag)) if !is_tag(tag) => return Err(()),
            (Some(digest), _) => Self::Artifact(repository.to_owned(), Name::Digest(digest)),
            (None, Some(tag)) => Self::Artifact(repository.to_owned(), Name::Tag(tag.to_owned())),
            (None, None) => Self::Repository(repository.to_owned()),
        };
        is_repository(repository).then_some(address).ok_or(())
    }
}

fn package(text: &str) -> Option<PageAddress> {
    let spec: PackageSpec = text.contains('@').then(|| text.parse().ok())??;
    let Requirement::Exact(version) = &spec.requirement else {
        return None;
    };
    let repository = spec.name.to_string().replace(':', "/");
    PageAddress::tagged(&repository, &version_tag(version)?)
}

impl fmt::Display for PageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home => f.write_str("/"),
            Self::Repository(repository) => write!(f, "{PAGE_PREFIX}{repository}"),
            Self::Artifact(repository, Name::Tag(tag)) => {
                write!(f, "{PAGE_PREFIX}{repository}:{tag}")
            }
            Self::Artifact(repository, Name::Digest(digest)) => {
                write!(f, "{PAGE_PREFIX}{repository}@{digest}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn paths_are_read_and_written_back() {
        let digest = Digest::of(b"");
        for path in [
            "/",
            "/-/a",
            "/-/a/b/c",
            "/-/a/b:1.0.0_b-x",
            "/-/ghcr.io/a/b:latest",
            "/-/localhost:5000/a",
            "/-/localhost:5000/a:1",
            &format!("/-/a/b@{digest}"),
            &format!("/-/localhost:5000/a@{digest}"),
        ] {
            assert_eq!(PageAddress::read(path).unwrap().to_string(), path);
        }
        for (path, meant) in [
            (format!("/-/a/b:1.0@{digest}"), format!("/-/a/b@{digest}")),
            ("/-/a/b%3A1.0".to_owned(), "/-/a/b:1.0".to_owned()),
            (
                "/-/demo:calc@1.0.0+b".to_owned(),
                "/-/demo/calc:1.0.0_b".to_owned(),
            ),
        ] {
            assert_eq!(PageAddress::read(&path).unwrap().to_string(), meant);
        }
    }

    #[test]
    fn invalid_paths_have_no_page() {
        for path in [
            "",
            "/-",
            "/-/",
            "/x",
            "/favicon.ico",
            "/-/A",
            "/-/../etc",
            "/-/%2e%2e/etc",
            "/-/a//b",
            "/-/a%2fb",
            "/-/a:",
            "/-/a:.x",
            "/-/a@sha256:12",
            "/-/a:\"><script>",
            "/-/a%22%3E",
            "/-/a%00",
            "/-/a:1@",
        ] {
            assert_eq!(PageAddress::read(path), None, "{path}");
        }
    }
}
