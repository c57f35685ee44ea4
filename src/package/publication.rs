//! A version of a package, and its publication.

use std::fmt;
use std::sync::Arc;

use crate::component::Component;
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

/// Publishes a component as a version of a package.
pub struct Publisher<'a, S> {
    /// The component.
    pub component: &'a Arc<Component<S>>,
    /// The version.
    pub publication: &'a Publication,
    /// The package's repository.
    pub store: &'a dyn Store,
    /// The session.
    pub session: &'a Session,
    /// Whether an existing version with other bytes is replaced.
    pub is_forced: bool,
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.package, self.version)
    }
}
