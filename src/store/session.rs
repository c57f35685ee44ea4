//! The settings and resources that all transfers of one run share.

use std::sync::Arc;

use super::Observer;
use super::cache::Cache;

/// The settings and resources that all transfers of one run share.
#[derive(Clone)]
pub struct Session {
    /// The local blob cache. Blobs are spooled in its directory.
    pub cache: Arc<Cache>,
    /// Receives the events of every transfer and request.
    pub observer: Arc<dyn Observer>,
    /// The number of parallel transfers; 0 counts as 1.
    pub concurrency: usize,
}

impl Session {
    /// Returns a session without an observer.
    pub fn unobserved(cache: Arc<Cache>, concurrency: usize) -> Self {
        Self {
            cache,
            observer: Arc::new(()),
            concurrency,
        }
    }

    /// Returns the number of parallel transfers, at least one.
    pub fn transfers(&self) -> usize {
        self.concurrency.max(1)
    }
}
