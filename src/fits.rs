//! Types, not only names: does a component fit a world, what does one fill of what another imports, may one
//! replace another.
//!
//! The verdict on a world is `wit_component::targets`': it knows resources, and which versions are compatible. What is missing and what
//! differs is said by `wac_types`, which takes resources of the same name for the same, and so knows of fewer
//! differences. `wit_component::semver_check` is not used: it answers another question.

mod plug;
mod words;

use serde::Serialize;

pub use self::plug::plug;
use crate::world::{self, Target};

/// Something that both sides name and that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// The import or export, or the world where it is not known which.
    pub name: String,
    /// What differs.
    pub reason: String,
}

/// What keeps a component from running in a world. It fits if there is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What the component imports and the world does not have.
    pub missing_imports: Vec<String>,
    /// What the world wants and the component does not export.
    pub missing_exports: Vec<String>,
    /// What both have, with types that differ.
    pub mismatches: Vec<Mismatch>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of the two has no WIT.
    #[error(transparent)]
    World(#[from] world::Error),
    /// Two components could not be put together to see whether they fit.
    #[error("composing: {reason}")]
    Composition {
        /// What is wrong.
        reason: String,
    },
}

impl Verdict {
    /// Returns whether nothing is in the way.
    pub fn fits(&self) -> bool {
        self.missing_imports.is_empty()
            && self.missing_exports.is_empty()
            && self.mismatches.is_empty()
    }
}

/// Finds out whether a component, or its stub, can run in a world, and if not, why.
pub fn target(component: &[u8], world: &Target) -> Result<Verdict, Error> {
    match world.admits(component)? {
        Ok(()) => Ok(Verdict::default()),
        Err(reason) => words::explain(component, world, &reason),
    }
}

/// Finds out whether one component, or its stub, may replace another: whether it runs wherever the old one does, and
/// exports all that the old one does.
///
/// What is missing for the world of the old one are the imports that are new, and the exports that are lost.
pub fn upgrade(old: &[u8], new: &[u8]) -> Result<Verdict, Error> {
    target(new, &Target::of_component(old)?)
}
