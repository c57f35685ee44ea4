//! The stub of a component: a small component without code and data that decodes to the same WIT.
//!
//! It is built from the root of a split component, or from a file, of which only the remaining parts are read. The
//! rules are those of `docs/FORMAT.md`, "Stub". A manifest may lie about its layers. So a missing layer is accepted
//! only in a place that can hold nothing but dropped parts, and no import can be hidden in one. A stub describes a
//! component's interface. It does not prove that the component is valid. This module must not know manifests or
//! stores.

mod parts;
mod walk;

use std::collections::BTreeMap;
use std::io;

use self::parts::{Parts, Placed};
use crate::source::Source;
use crate::split::{Recipe, TileError};

/// The largest stub that is built, in bytes.
pub const MAX_STUB_BYTES: usize = 64 * 1024 * 1024;

/// Why a stub cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first eight bytes are not the header of a module or component of a known version.
    #[error("not a WebAssembly module or component of a known version")]
    Header,
    /// A later part is unreadable or contradicts another one.
    #[error("at byte {offset}: {reason}")]
    Malformed {
        /// The offset in the component, in bytes.
        offset: u64,
        /// The defect.
        reason: &'static str,
    },
    /// A missing layer holds bytes that the stub needs.
    #[error("layers[{}] holds more than code and data", layer + 1)]
    Needs {
        /// The section layer, from 0. Messages count as manifests do, where the root comes first.
        layer: usize,
    },
    /// The stub would be larger than [`MAX_STUB_BYTES`].
    #[error("it has more than {MAX_STUB_BYTES} bytes without its code and data")]
    TooLarge,
    /// The recipe does not describe a component.
    #[error("the layers do not tile the component")]
    Tiling(#[from] TileError),
    /// The content of the root or of a layer has another size than in the recipe.
    #[error("layers[{layer}] has {found} bytes of content, it should have {expected}")]
    Size {
        /// The layer, counted as in manifests: the root is 0.
        layer: usize,
        /// The size in the recipe, in bytes.
        expected: u64,
        /// The actual size, in bytes.
        found: u64,
    },
    /// The bytes could not be read.
    #[error("reading at byte {offset}")]
    Read {
        /// The offset in the component.
        offset: u64,
        /// The cause.
        source: io::Error,
    },
}

/// Builds the stub of a whole component or core module. Only headers and the parts of the stub are read.
///
/// Fails if a header is unreadable or the stub is too large.
pub fn of_source<S: Source + ?Sized>(source: &S) -> Result<Vec<u8>, Error> {
    walk::stub(Parts::whole(source)?)
}

/// Builds the stub of a component or core module from its root and from the contents of some section layers, by
/// index. For a valid component this is the same stub as from the whole. Digests in the recipe are not checked: the
/// caller must have checked the contents.
///
/// Fails as [`of_source`] does, and if the recipe does not describe a component with these contents. Fails with
/// [`Error::Needs`] if a missing layer holds more than dropped parts. The caller then adds its content or rejects
/// the artifact. A valid artifact needs only the suffix of a file that is a core module.
pub fn of_root<S: Source + ?Sized>(
    recipe: &Recipe,
    root: &S,
    layers: &BTreeMap<usize, Vec<u8>>,
) -> Result<Vec<u8>, Error> {
    let placed = Placed::new(recipe, root, layers)?;
    walk::stub(Parts::with_holes(&placed, placed.holes())?)
}
