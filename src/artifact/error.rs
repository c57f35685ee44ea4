//! Why an artifact is not accepted.

use crate::digest::Digest;
use crate::split::TileError;

/// Why an artifact is not accepted. Each error names the descriptor it is about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not a manifest.
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    /// Not a split artifact.
    #[error("not a split component but {0}")]
    Foreign(String),
    /// More bytes or more layers than the format allows.
    #[error("{what}: {found}, and at most {most} are allowed")]
    Limit {
        /// Of what there are too many.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A descriptor or an annotation is missing, or is not what it should be.
    #[error("{place}: {reason}")]
    Descriptor {
        /// For instance `layers[3]`.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The layers do not partition the component.
    #[error("the layers do not tile the component")]
    Tiling(#[from] TileError),
    /// The config is not the split config of this manifest.
    #[error("the config {digest} does not fit its manifest: {reason}")]
    Config {
        /// The config's digest.
        digest: Digest,
        /// Where they differ.
        reason: String,
    },
}
