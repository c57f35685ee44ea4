//! Why something could not be done with a package or a reference.

use std::io;
use std::path::PathBuf;

use super::configuration::ConfigurationError;
use super::place::{Place, PlaceError};
use super::publication::Publication;
use crate::acceptance::Refusal;
use crate::copy;
use crate::digest::Digest;
use crate::error::Kind;
use crate::fits::Verdict;
use crate::reference::BLOBS;
use crate::reference::package::{PackageName, PackageSpec, Version};
use crate::store;

/// Why something could not be done with a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The repository has no version of anything.
    #[error("there is no package {package} in {location}")]
    Unknown {
        /// The package.
        package: PackageName,
        /// Its repository.
        location: String,
        /// Whether only the cache was read.
        is_offline: bool,
    },
    /// No version is the one that is wanted.
    #[error("{} has no version {} in {location}{}", spec.name, spec.wanted, nearest_words(nearest, *yanked))]
    NoVersion {
        /// What was asked for.
        spec: Box<PackageSpec>,
        /// The repository.
        location: String,
        /// The versions around it.
        nearest: Vec<Version>,
        /// How many versions would match but are yanked.
        yanked: usize,
    },
    /// A version is listed whose manifest is not there: a registry lost it, or the cache does not have it.
    #[error("{package} has the version {version} in {location}, but its manifest is not there")]
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
    /// Somebody else wrote the tag between our write and our look.
    #[error(
        "{publication} was published by somebody else at the same time: {location} now has {existing}"
    )]
    LostRace {
        /// The version.
        publication: Box<Publication>,
        /// The repository.
        location: String,
        /// The digest that the tag names now.
        existing: Digest,
    },
    /// The version would break what relies on versions that are compatible by their numbers.
    #[error("{}", break_words(publication, neighbour, location, verdict))]
    Incompatible {
        /// The version.
        publication: Box<Publication>,
        /// The repository.
        location: String,
        /// The version that is there.
        neighbour: Box<Version>,
        /// What the newer of the two imports anew, does not export any more, or has other types for.
        verdict: Box<Verdict>,
    },
    /// The version is too long for a tag.
    #[error("version {version} does not fit a tag (128 characters)")]
    LongVersion {
        /// The version.
        version: Version,
    },
    /// What should say whether a version is yanked says something else.
    #[error("the mark {tag} in {location} is malformed: {reason}")]
    Mark {
        /// The tag of the mark.
        tag: String,
        /// The repository.
        location: String,
        /// What is wrong.
        reason: String,
    },
    /// The text names no registry, or the package cannot be a repository there.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// Nothing is configured, and the user has no layout.
    #[error("there is no place for packages: neither WHARF_HOME nor HOME is set")]
    NoLocalLayout,
    /// The layout that the package would be in does not exist.
    #[error("there is no package {package} in oci:{}", directory.display())]
    NoLayout {
        /// The package.
        package: PackageName,
        /// The layout.
        directory: PathBuf,
    },
    /// Offline, the repositories of a registry are not known.
    #[error("what {host} has cannot be listed offline")]
    Unlisted {
        /// The registry.
        host: String,
    },
    /// The repository can only be read.
    #[error("`{location}` cannot be written to: {BLOBS} is only read from")]
    ReadOnly {
        /// The repository, or what was given for one.
        location: String,
    },
    /// Two registries would be sent credentials that do not say which one they are for.
    #[error("--username and WHARF_TOKEN are for one registry, and these are two places")]
    TwoRegistries,
    /// A registry names another one, and the credentials do not say which of them they are for.
    #[error("{registry} sends to {host}, and the credentials are for one of them")]
    Redirected {
        /// The registry that was asked.
        registry: String,
        /// The registry that it names.
        host: String,
        /// Where the packages are.
        place: Place,
    },
    /// Source and destination of a copy are the same repository.
    #[error("{package} is in {location} already: SRC and DST are one place")]
    SamePlace {
        /// The package.
        package: PackageName,
        /// The repository.
        location: String,
    },
    /// The component is damaged, and a version could never be repaired.
    #[error("{file} cannot be read past byte {offset}: {reason}")]
    Damaged {
        /// The component's file.
        file: String,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is wrong there.
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
    /// A store could not do what it was asked.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Returns what kind of failure this is.
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

/// Why a lock file cannot be used, or pins no version that can be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockFileError {
    /// There is no such file.
    #[error("no file `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is not a lock file.
    #[error("the lock file {}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be read.
    #[error("{}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("the lock file {} cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not pin the package.
    #[error("{} has no entry of {spec}", path.display())]
    NoEntry {
        /// The file.
        path: PathBuf,
        /// The package.
        spec: Box<PackageSpec>,
    },
    /// Only the lock file names the registry, so it is not sent credentials that name none.
    #[error(
        "the credentials are for no registry that is named: only {} names {registry}",
        path.display()
    )]
    UnnamedRegistry {
        /// The file.
        path: PathBuf,
        /// The registry.
        registry: String,
    },
    /// The pinned version is not in the registry that was asked.
    #[error("{error}")]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// Where the version was when it was locked.
        registry: String,
        /// What the registry said.
        error: Box<Error>,
    },
}

impl LockFileError {
    /// Returns what kind of failure this is.
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
        words.push_str(&format!(" ({yanked} that would match: yanked)"));
    }
    if !nearest.is_empty() {
        let list: Vec<String> = nearest.iter().map(Version::to_string).collect();
        words.push_str(&format!("; there are {}", list.join(", ")));
    }
    words
}
