//! Type checks between components and worlds.
//!
//! This module answers three questions. Can a component run in a world? Which imports does one component fill for
//! another? May one component replace another? It compares types, not only names. It must not know packages,
//! registries or files.
//!
//! `wit_component::targets` decides about a world: it knows resources, and which versions are compatible.
//! `wac_types` gives the missing and differing names. It treats resources of the same name as equal, so it knows of
//! fewer differences. `wit_component::semver_check` is not used: it answers another question.

mod plug;
mod reasons;

use serde::Serialize;

pub use self::plug::plug;
use crate::world::{self, TargetWorld};

/// An import or export that both sides have, with different types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// The import or export. If it is unknown, this is the world.
    pub name: String,
    /// The difference.
    pub reason: String,
}

/// The reasons why a component cannot run in a world. A verdict without reasons means that it can.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Imports of the component that the world does not have.
    pub missing_imports: Vec<String>,
    /// Exports that the world requires and the component does not have.
    pub missing_exports: Vec<String>,
    /// Imports and exports with different types.
    pub mismatches: Vec<Mismatch>,
}

/// Why a check gave no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The component or the world has no valid WIT.
    #[error(transparent)]
    World(#[from] world::Error),
    /// Two components could not be composed for the check.
    #[error("composing: {reason}")]
    Composition {
        /// The cause.
        reason: String,
    },
}

impl Verdict {
    /// Returns whether the verdict has no reasons against the component.
    pub fn fits(&self) -> bool {
        self.missing_imports.is_empty()
            && self.missing_exports.is_empty()
            && self.mismatches.is_empty()
    }
}

/// Checks whether a component, or its stub, can run in a world. Returns the reasons if it cannot.
pub fn target(component: &[u8], world: &TargetWorld) -> Result<Verdict, Error> {
    match world.admits(component)? {
        Ok(()) => Ok(Verdict::default()),
        Err(reason) => reasons::explain(component, world, &reason),
    }
}

/// Checks whether one component, or its stub, may replace another one. The new component must run in every world
/// that the old one runs in, and export everything that the old one exports.
///
/// The verdict lists new imports as missing imports, and lost exports as missing exports.
pub fn upgrade(old: &[u8], new: &[u8]) -> Result<Verdict, Error> {
    target(new, &TargetWorld::of_component(old)?)
}
