//! Packages on container registries: which registry, which version, once and for all.
//!
//! A package is a repository, a version is a tag of it. What the tag names does not change; a yanked
//! version is marked by a tag of its own ([`yank`]).

mod compat;
pub mod configuration;
mod connect;
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

pub use self::compat::Uncompared;
pub use self::configuration::{
    Choice, Configuration, ConfigurationError, RegistrySettings, UserPassword,
};
pub use self::connect::{Connector, Located, LocatedVersion};
pub use self::error::{Error, LockFileError};
pub use self::locate::{Locator, Registry};
pub use self::lock::{Lock, LockError, Locked};
pub use self::lock_file::LockFile;
pub use self::mirror::{Mirror, MirrorError, Mirrored};
pub use self::place::{Place, PlaceError};
pub use self::publication::{Publication, Publishing};
pub use self::publish::{Published, State, check_owner, check_whole};
pub use self::transfer::{CopyPlan, CopySettings};
pub use self::versions::{Resolved, Tags, resolve, tags};
pub use self::well_known::registry_metadata;
pub use self::yank::{YANK_SUFFIX, is_yanked, yank, yank_tag};
