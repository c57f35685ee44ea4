//! The errors of packages and references.

use std::io;
use std::path::PathBuf;

use super::configuration::ConfigurationError;
use super::place::{PackagePlace, PackagePlaceError};
use super::publication::Publication;
use crate::acceptance::Refusal;
use crate::copy;
use crate::digest::Digest;
use crate::error::Kind;
use crate::fits::Verdict;
use crate::reference::BLOBS;
use crate::reference::package::{PackageName, PackageSpec, Version};
use crate::store;

/// An operation on a package failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The repository does not exist or has no versions.
    #[error("there is no package {package} in {location}")]
    Unknown {
        /// The package.
        package: PackageName,
        /// Its repository.
        location: String,
        /// Whether only the cache was read.
        is_offline: bool,
    },
    /// No version meets the requirement.
    #[error("{} has no version {} in {location}{}", spec.name, spec.requirement, nearest_words(nearest, *yanked))]
    NoVersion {
        /// The package and the requirement.
        spec: Box<PackageSpec>,
        /// The repository.
        location: String,
        /// The nearest versions.
        nearest: Vec<Version>,
        /// The number of yanked versions that would match.
        yanked: usize,
    },
    /// A listed version has no manifest: the registry lost it, or the cache does not have it.
    #[error("{package} has the version {version} in {location}, but its manifest is missing")]
    Lost {
        /// The package.
        package: PackageName,
        /// The version.
        version: Box<Version>,
        /// The repository.
        location: String,
        /// Whether only the cache was read.
        is_offline: bool,
    },
    /// Another client wrote the tag at the same time.
    #[error(
        "another client published {publication} at the same time: {location} now has {existing}"
    )]
    LostRace {
        /// The version.
        publication: Box<Publication>,
        /// The repository.
        location: String,
        /// The digest that the tag names now.
        existing: Digest,
    },
    /// The version would break clients that rely on semver compatibility.
    #[error("{}", break_words(publication, neighbour, location, verdict))]
    Incompatible {
        /// The version.
        publication: Box<Publication>,
        /// The repository.
        location: String,
        /// The existing version.
        neighbour: Box<Version>,
        /// The differences: new imports, missing exports, and other types.
        verdict: Box<Verdict>,
    },
    /// The version is too long for a tag.
    #[error("version {version} does not fit a tag (128 characters)")]
    LongVersion {
        /// The version.
        version: Version,
    },
    /// The yank mark of a version cannot be parsed.
    #[error("the mark {tag} in {location} is malformed: {reason}")]
    Mark {
        /// The tag of the mark.
        tag: String,
        /// The repository.
        location: String,
        /// The problem.
        reason: String,
    },
    /// The text does not name a registry, or the package cannot be a repository there.
    #[error(transparent)]
    Place(#[from] PackagePlaceError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// No registry is configured, and the user has no layout.
    #[error("there is no directory for the local layout: neither WHARF_HOME nor HOME is set")]
    NoLocalLayout,
    /// The layout for the package does not exist.
    #[error("there is no package {package} in oci:{}", directory.display())]
    NoLayout {
        /// The package.
        package: PackageName,
        /// The layout.
        directory: PathBuf,
    },
    /// The repositories of a registry cannot be listed offline.
    #[error("the repositories of {host} cannot be listed offline")]
    Unlisted {
        /// The registry.
        host: String,
    },
    /// The repository is read-only.
    #[error("`{location}` cannot be written to: {BLOBS} is read-only")]
    ReadOnly {
        /// The repository, or the argument in its place.
        location: String,
    },
    /// Two registries would receive credentials that name neither.
    #[error("--username and WHARF_TOKEN are for one registry, but these are two")]
    TwoRegistries,
    /// A registry names another one, and the credentials do not say which of them they are for.
    #[error(
        "{registry} refers to {host}, and the credentials do not say which of them they are for"
    )]
    Redirected {
        /// The first registry.
        registry: String,
        /// The registry that it names.
        host: String,
        /// The place of the packages.
        place: PackagePlace,
    },
    /// The source and the destination of a copy are the same repository.
    #[error("{package} is already in {location}: SRC and DST are the same place")]
    SamePlace {
        /// The package.
        package: PackageName,
        /// The repository.
        location: String,
    },
    /// The component is damaged. A published version could never be repaired.
    #[error("{file} cannot be read past byte {offset}: {reason}")]
    Damaged {
        /// The component's file.
        file: String,
        /// The position, in bytes from the start.
        offset: u64,
        /// The problem.
        reason: String,
    },
    /// The artifact is not accepted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The lock file cannot be used.
    #[error(transparent)]
    LockFile(#[from] LockFileError),
    /// Copying failed.
    #[error(transparent)]
    Copy(#[from] copy::Error),
    /// Pushing or reading failed.
    #[error(transparent)]
    Artifact(#[from] crate::error::Error),
    /// A store operation failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Returns the kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. }
            | Self::NoVersion { .. }
            | Self::Lost { .. }
            | Self::NoLayout { .. }
            | Self::Unlisted { .. } => Kind::NotFound,
            Self::LostRace { .. } | Self::Incompatible { .. } => Kind::Conflict,
            Self::Refused(refusal) => refusal.kind(),
            Self::LockFile(error) => error.kind(),
            Self::Copy(error) => error.kind(),
            Self::LongVersion { .. }
            | Self::Place(_)
            | Self::NoLocalLayout
            | Self::ReadOnly { .. }
            | Self::TwoRegistries
            | Self::SamePlace { .. }
            | Self::Redirected { .. } => Kind::Usage,
            Self::Mark { .. } | Self::Damaged { .. } | Self::Configuration(_) => Kind::Integrity,
            Self::Artifact(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// The lock file cannot be used, or it pins a version that does not exist.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockFileError {
    /// The file does not exist.
    #[error("no file `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a lock file.
    #[error("the lock file {}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// The file cannot be read.
    #[error("{}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("the lock file {} cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file does not pin the package.
    #[error("{} has no entry for {spec}", path.display())]
    NoEntry {
        /// The file.
        path: PathBuf,
        /// The package.
        spec: Box<PackageSpec>,
    },
    /// Only the lock file names the registry, so credentials that name none are not sent to it.
    #[error(
        "the credentials do not name a registry, and only {} names {registry}",
        path.display()
    )]
    UnnamedRegistry {
        /// The file.
        path: PathBuf,
        /// The registry.
        registry: String,
    },
    /// The pinned version does not exist in the selected registry.
    #[error("{error}")]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// The registry when the version was locked.
        registry: String,
        /// The registry's error.
        error: Box<Error>,
    },
}

impl LockFileError {
    /// Returns the kind of this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } | Self::NoEntry { .. } | Self::Elsewhere { .. } => Kind::NotFound,
            Self::Malformed { .. } => Kind::Integrity,
            Self::UnnamedRegistry { .. } => Kind::Usage,
            Self::Unreadable { .. } | Self::Unwritable { .. } => Kind::Other,
        }
    }
}

fn break_words(
    publication: &Publication,
    neighbour: &Version,
    location: &str,
    verdict: &Verdict,
) -> String {
    let imports = verdict.missing_imports.iter();
    let exports = verdict.missing_exports.iter();
    let mismatches = verdict.mismatches.iter();
    let words: Vec<String> = imports
        .map(|name| format!("new import {name}"))
        .chain(exports.map(|name| format!("lost export {name}")))
        .chain(mismatches.map(|of| format!("{}: {}", of.name, of.reason)))
        .collect();
    let words = words.join("; ");
    match *neighbour > publication.version {
        true => format!("{neighbour} in {location} could not replace {publication}: {words}"),
        false => format!("{publication} could not replace {neighbour} in {location}: {words}"),
    }
}

fn nearest_words(nearest: &[Version], yanked: usize) -> String {
    let mut words = String::new();
    if yanked > 0 {
        words.push_str(&format!(" (yanked matches: {yanked})"));
    }
    if !nearest.is_empty() {
        let list: Vec<String> = nearest.iter().map(Version::to_string).collect();
        words.push_str(&format!("; nearest versions: {}", list.join(", ")));
    }
    words
}
