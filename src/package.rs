//! Packages in container registries: their registry, their versions, and the lock file.
//!
//! A package is a repository, and a version is a tag of it. The manifest of a version's tag does not change; a yanked
//! version has a mark under another tag ([`yank`]). This module decides which registry, version and credentials an
//! operation uses. It must not parse arguments, print, or look into components.

mod compat;
pub mod configuration;
mod connect;
mod delta;
mod error;
mod locate;
mod lock;
mod lock_file;
mod mirror;
mod place;
mod publication;
mod publish;
mod transfer;
mod versions;
mod well_known;
mod yank;

pub use self::compat::UncomparedVersion;
pub use self::configuration::{
    Configuration, ConfigurationError, RegistryChoice, RegistrySettings, UserPassword,
};
pub use self::connect::{Connector, LocatedArtifact, LocatedVersion};
pub use self::delta::{DeltaSources, VersionOutcome, attach_deltas};
pub use self::error::{Error, LockFileError};
pub use self::locate::{Locator, Registry};
pub use self::lock::{Lock, LockEntry, LockError};
pub use self::lock_file::LockFile;
pub use self::mirror::{MirrorEntry, MirrorError, MirrorFile};
pub use self::place::{PackagePlace, PackagePlaceError};
pub use self::publication::{Publication, Publisher};
pub use self::publish::{PublishSummary, VersionState, check_owner, check_whole};
pub use self::transfer::{CopyPlan, CopySettings};
pub use self::versions::{ResolvedVersion, Tags, resolve, tags};
pub use self::well_known::registry_metadata;
pub use self::yank::{YANK_SUFFIX, is_yanked, yank, yank_tag};
