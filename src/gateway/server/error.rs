//! The server's errors.

use std::error;

/// Why connections cannot be served, or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The certificate or its key cannot be used.
    #[error("{what}")]
    Tls {
        /// What is wrong with which of them.
        what: &'static str,
        /// The cause, if there is one.
        source: Option<Box<dyn error::Error + Send + Sync>>,
    },
    /// Some responses did not end in time.
    #[error("{connections} connections were cut off: their answers did not end in time")]
    Cut {
        /// How many connections were closed.
        connections: usize,
    },
}
