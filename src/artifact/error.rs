//! Reasons to reject an artifact.

use crate::digest::Digest;
use crate::split::TileError;

/// The reason to reject an artifact. Each error names the descriptor.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not a manifest.
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    /// Not a split artifact.
    #[error("not a split component but {0}")]
    Foreign(String),
    /// The manifest has more bytes or layers than the format allows.
    #[error("{what}: {found}, and at most {most} are allowed")]
    Limit {
        /// The counted objects.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A descriptor or an annotation is missing or wrong.
    #[error("{place}: {reason}")]
    Descriptor {
        /// The place in the manifest, such as `layers[3]`.
        place: String,
        /// The problem.
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
        /// The difference.
        reason: String,
    },
}
