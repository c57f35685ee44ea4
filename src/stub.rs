//! The stub of a component: what is left of it without code and data, in the form of a component that decodes to the
//! same WIT.
//!
//! It is built from the root of a split component, or from a file of which only what stays is read. The rules are
//! those of `docs/FORMAT.md`, "Stub". What a manifest says lies in a layer is not believed: a layer that is not at
//! hand may lie only where nothing but what is dropped can be. So no import can be hidden in one. A stub says what a
//! component's interface is, not that the component is valid.

mod parts;
mod walk;

use std::collections::BTreeMap;
use std::io;

use self::parts::{Parts, Placed};
use crate::source::Source;
use crate::split::{Recipe, TileError};

/// The largest stub that is built, in bytes.
pub const MAX_STUB_BYTES: usize = 64 * 1024 * 1024;

/// Why there is no stub.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first eight bytes are those of no module and no component of a known version.
    #[error("not a WebAssembly module or component of a known version")]
    Header,
    /// Something past these cannot be read, or is contradicted by something else.
    #[error("at byte {offset}: {reason}")]
    Malformed {
        /// Where, in bytes from the start of the component.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A layer holds bytes that are not at hand and must not be left out.
    #[error("layers[{}] holds more than code and data", layer + 1)]
    Needs {
        /// The section layer, from 0; messages count as manifests do, where the root is the first.
        layer: usize,
    },
    /// The stub would be larger than [`MAX_STUB_BYTES`].
    #[error("it has more than {MAX_STUB_BYTES} bytes without its code and data")]
    TooLarge,
    /// The recipe does not describe a component.
    #[error("the layers do not tile the component")]
    Tiling(#[from] TileError),
    /// The content of the root or of a layer has not the size that the recipe says.
    #[error("layers[{layer}] has {found} bytes of content, it should have {expected}")]
    Size {
        /// Counted as manifests count: the root is 0.
        layer: usize,
        /// What the recipe says, in bytes.
        expected: u64,
        /// What was given.
        found: u64,
    },
    /// The bytes could not be read.
    #[error("reading at byte {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
}

/// Builds the stub of a whole component or core module. Only headers and what the stub keeps are read.
///
/// Fails if a header in it cannot be read, or if what is left is too large.
pub fn of_source<S: Source + ?Sized>(source: &S) -> Result<Vec<u8>, Error> {
    walk::stub(Parts::whole(source)?)
}

/// Builds the stub of a component or core module from its root, and from the contents of those section layers that
/// are at hand, by index. It is the same as that of the whole, where that is valid. The digests of the recipe are not
/// looked at: contents must have been checked.
///
/// Fails as [`of_source`] does, if the recipe does not describe a component of these contents, and with
/// [`Error::Needs`] if a layer that is not at hand holds more than what is dropped. Then its content has to be added,
/// or the artifact is not believed: of a sound one only the suffix of a file that is a core module is ever needed.
pub fn of_root<S: Source + ?Sized>(
    recipe: &Recipe,
    root: &S,
    layers: &BTreeMap<usize, Vec<u8>>,
) -> Result<Vec<u8>, Error> {
    let placed = Placed::new(recipe, root, layers)?;
    walk::stub(Parts::with_holes(&placed, placed.holes())?)
}
