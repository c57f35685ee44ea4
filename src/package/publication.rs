//! A version of a package, and the repository that it is published in.

use std::fmt;

use crate::reference::package::{PackageName, Version};
use crate::store::{Session, Store};

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The package.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
}

/// Where a version is published.
pub struct Target<'a> {
    /// The package's repository.
    pub store: &'a dyn Store,
    /// The session.
    pub session: &'a Session,
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.package, self.version)
    }
}
