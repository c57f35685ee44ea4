//! The server's errors.

use std::error;

/// The reason why connections could not be served, or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The certificate or its key is unusable.
    #[error("{what}")]
    Tls {
        /// The problem with the certificate or the key.
        what: &'static str,
        /// The cause, if there is one.
        source: Option<Box<dyn error::Error + Send + Sync>>,
    },
    /// Some responses did not end in time.
    #[error("closed {connections} connections whose responses did not end in time")]
    Cut {
        /// The number of closed connections.
        connections: usize,
    },
}
