//! References: the names of artifacts in registries, layouts and blob directories.
//!
//! The forms are `host[:port]/repository:tag`, `oci:DIR:TAG`, `oci:DIR:REPOSITORY:TAG` (the repository has a `/`), each
//! of them with an optional `@sha256:…`, and `blobs:DIR@sha256:…`. A host may be an IPv6 address, as in `[::1]:5000/a`.
//! The first form has the grammar of the distribution specification, but requires a host: a misspelt file name
//! (`calc.wasm`) must not become a repository of docker.io.
//!
//! This module only parses and prints. It must not open stores or know the command line. It does not use oci-client's
//! parser, which compiles a regular expression on first use: 50 ms and 18 MiB in every run of a command.

mod host;
mod mistake;
pub mod package;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use self::host::is_loopback;
pub(crate) use self::host::{
    DOCKER_HUB, DOCKER_HUB_API, canonical_host, is_docker_hub, is_host, is_marked_as_host,
};
pub use self::mistake::{Mistake, redact};
use crate::digest::Digest;

/// The tag of a reference without a tag.
pub const DEFAULT_TAG: &str = "latest";

/// The prefix of a reference into a layout.
pub const LAYOUT: &str = "oci:";

/// The prefix of a reference into a directory of blobs.
pub const BLOBS: &str = "blobs:";

/// The longest tag, in bytes (distribution specification, "pulling manifests").
const MAX_TAG_BYTES: usize = 128;

/// The longest repository path, in bytes, that registries and other clients accept.
const MAX_PATH_BYTES: usize = 255;

/// The name of a manifest within a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A tag, which can move to another manifest.
    Tag(String),
    /// A digest, which always names the same manifest.
    Digest(Digest),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Host and port as written; docker.io is not replaced.
    pub registry: String,
    /// The path below the registry.
    pub path: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

/// The repository, layout or blob directory of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A repository of a registry.
    Repository(Repository),
    /// An OCI image layout directory, or one of several repositories in it. The layout's index names the tags of a
    /// repository `repository:tag`.
    Layout {
        /// The directory.
        directory: PathBuf,
        /// The repository, such as `demo/calc`; none for tags without a repository.
        repository: Option<String>,
    },
    /// A read-only directory of blobs without an index, such as a container engine's. It has no tags, only digests.
    Blobs {
        /// The directory that contains `sha256`.
        directory: PathBuf,
    },
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(repository) => repository.fmt(f),
            Self::Layout {
                directory,
                repository,
            } => {
                write!(f, "oci:{}", directory.display())?;
                match repository {
                    Some(repository) => write!(f, ":{repository}"),
                    None => Ok(()),
                }
            }
            Self::Blobs { directory } => write!(f, "{BLOBS}{}", directory.display()),
        }
    }
}

/// The name of a manifest in a repository, layout or blob directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The repository, layout or blob directory.
    pub location: Location,
    /// The tag, if the reference has one.
    pub tag: Option<String>,
    /// The digest, if the reference has one. It decides, regardless of the tag.
    pub digest: Option<Digest>,
}

/// A text is not a reference, or not a package.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not {what}: {reason}")]
pub struct ParseReferenceError {
    /// The text, without a password.
    pub text: String,
    /// The name of the form that the text should have.
    pub what: &'static str,
    /// The problem.
    pub reason: String,
}

impl ParseReferenceError {
    fn new(text: &str, what: &'static str, reason: String) -> Self {
        Self {
            text: redact(text).into_owned(),
            what,
            reason,
        }
    }
}

impl Reference {
    /// Returns the name to ask the store for: the digest, otherwise the tag, otherwise `latest`.
    pub fn name(&self) -> Name {
        match self.digest {
            Some(digest) => Name::Digest(digest),
            None => Name::Tag(self.tag_or_default().to_owned()),
        }
    }

    /// Returns the tag, or `latest`.
    pub fn tag_or_default(&self) -> &str {
        self.tag.as_deref().unwrap_or(DEFAULT_TAG)
    }

    /// Returns the same reference with a digest.
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// Returns a base name for a file: the last element of the repository, or the tag in a layout, which may hold
    /// several artifacts. A blob directory gives no name.
    pub fn stem(&self) -> String {
        let last = match &self.location {
            Location::Repository(repository) => {
                repository.path.rsplit('/').next().map(str::to_owned)
            }
            Location::Layout {
                repository: Some(repository),
                ..
            } => repository.rsplit('/').next().map(str::to_owned),
            Location::Layout { directory, .. } => self.tag.clone().or_else(|| {
                let name = directory.file_name();
                name.map(|name| name.to_string_lossy().into_owned())
            }),
            Location::Blobs { .. } => None,
        };
        last.filter(|last| !last.is_empty())
            .unwrap_or_else(|| "component".to_owned())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)?;
        match (&self.tag, &self.digest) {
            (None, None) => write!(f, ":{DEFAULT_TAG}"),
            (Some(tag), None) => write!(f, ":{tag}"),
            (None, Some(digest)) => write!(f, "@{digest}"),
            (Some(tag), Some(digest)) => write!(f, ":{tag}@{digest}"),
        }
    }
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match Mistake::of(text) {
            Some(mistake) => Err(mistake.to_string()),
            None => match (text.strip_prefix(LAYOUT), text.strip_prefix(BLOBS)) {
                (Some(rest), _) => parse_layout(rest),
                (_, Some(rest)) => parse_blobs(rest),
                _ => parse_registry(text),
            },
        };
        parsed.map_err(|reason| ParseReferenceError::new(text, "a reference", reason))
    }
}

/// Returns whether a text is a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    text.len() <= MAX_TAG_BYTES
        && bytes.next().is_some_and(word)
        && bytes.all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// Cuts off the digest. Any other `@` belongs to the directory's name.
fn directory_digest(rest: &str) -> Result<(&str, Option<Digest>), String> {
    Ok(match rest.rsplit_once('@') {
        Some((rest, digest)) if digest.starts_with("sha256:") => (
            rest,
            Some(digest.parse().map_err(|error| format!("{error}"))?),
        ),
        _ => (rest, None),
    })
}

fn parse_blobs(rest: &str) -> Result<Reference, String> {
    let (directory, digest) = directory_digest(rest)?;
    if directory.is_empty() {
        return Err("the directory is missing (`blobs:DIR@sha256:…`)".to_owned());
    }
    if digest.is_none() {
        return Err("a directory of blobs has no tags: it needs a digest".to_owned());
    }
    Ok(Reference {
        location: Location::Blobs {
            directory: directory.into(),
        },
        tag: None,
        digest,
    })
}

fn parse_layout(rest: &str) -> Result<Reference, String> {
    let (rest, digest) = directory_digest(rest)?;
    // A colon followed by a slash belongs to the path, as in `oci:a:b/c`.
    let (directory, tag) = match rest.rsplit_once(':') {
        Some((directory, tag)) if !tag.contains('/') => (directory, Some(tag)),
        _ => (rest, None),
    };
    let (directory, repository) = match directory.rsplit_once(':') {
        Some((before, path)) if tag.is_some() && path.contains('/') && is_path(path) => {
            (before, Some(path.to_owned()))
        }
        _ => (directory, None),
    };
    if directory.is_empty() {
        return Err("the directory is missing (`oci:DIR:TAG`)".to_owned());
    }
    if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
        return Err(no_tag(tag));
    }
    Ok(Reference {
        location: Location::Layout {
            directory: directory.into(),
            repository,
        },
        tag: tag.map(str::to_owned),
        digest,
    })
}

fn parse_registry(text: &str) -> Result<Reference, String> {
    let host = text.split_once('/').map(|(host, _)| host);
    if !host.is_some_and(is_marked_as_host) {
        return Err(
            "it needs a host, as in `ghcr.io/owner/name:1.0` (or `oci:DIR:TAG`)".to_owned(),
        );
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (
            rest,
            Some(digest.parse().map_err(|error| format!("{error}"))?),
        ),
        None => (text, None),
    };
    let (host, rest) = rest.split_once('/').unwrap_or_default();
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    if !is_host(host) {
        return Err(format!("`{host}` is not a host"));
    }
    if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
        return Err(no_tag(tag));
    }
    if !is_path(path) {
        return Err(no_path(path, "repository"));
    }
    Ok(Reference {
        location: Location::Repository(docker_hub(host, path)),
        tag: tag.map(str::to_owned),
        digest,
    })
}

fn no_tag(text: &str) -> String {
    match text.len() > MAX_TAG_BYTES {
        true => too_long("tag", text, MAX_TAG_BYTES),
        false => format!("`{text}` is not a tag"),
    }
}

/// Returns the reason why a text is not [a path](is_path).
pub(crate) fn no_path(text: &str, what: &str) -> String {
    match text.len() > MAX_PATH_BYTES {
        true => too_long(what, text, MAX_PATH_BYTES),
        false => format!("`{text}` is not a {what} (lower case, digits and . _ - /)"),
    }
}

fn too_long(what: &str, text: &str, most: usize) -> String {
    let length = text.len();
    format!("the {what} has {length} characters, at most {most} are allowed")
}

/// Returns whether a text is a path: elements of lower-case letters and digits, with `.`, `_`, `__` or any number of
/// `-` in between.
pub(crate) fn is_path(text: &str) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_element = |element: &str| {
        let separators = element
            .as_bytes()
            .split(is_plain)
            .filter(|between| !between.is_empty());
        let known = |between: &[u8]| {
            matches!(between, b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-')
        };
        let ends = |byte: Option<&u8>| byte.is_some_and(is_plain);
        ends(element.as_bytes().first())
            && ends(element.as_bytes().last())
            && separators.into_iter().all(known)
    };
    text.len() <= MAX_PATH_BYTES && text.split('/').all(is_element)
}

/// Docker Hub has two names in references, and its repositories without an owner are below `library`.
fn docker_hub(host: &str, path: &str) -> Repository {
    let is_hub = [DOCKER_HUB, DOCKER_HUB_API].contains(&host);
    let path = match is_hub && !path.contains('/') {
        true => format!("library/{path}"),
        false => path.to_owned(),
    };
    let registry = if is_hub { DOCKER_HUB } else { host };
    Repository {
        registry: registry.to_owned(),
        path,
    }
}

#[cfg(test)]
mod tests;
