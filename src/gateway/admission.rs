//! Places for work that costs upstream many requests, with a bounded queue.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::refusal::Refusal;

/// The maximum number of requests that have a place or wait for one. Each waiting request holds its headers.
const MAX_ADMITTED: usize = 64;

/// The places, and the number of requests that have one or wait.
pub(super) struct Admission {
    places: Semaphore,
    admitted: AtomicUsize,
}

/// A request that may wait for a place. It leaves when this is dropped.
pub(super) struct Admitted<'a>(&'a Admission);

impl Admission {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: Semaphore::new(places),
            admitted: AtomicUsize::new(0),
        }
    }

    /// Admits a request to the queue. Refuses it if the queue is full.
    pub(super) fn admit(&self) -> Result<Admitted<'_>, Refusal> {
        let admitted = Admitted(self);
        match self.admitted.fetch_add(1, Ordering::Relaxed) < MAX_ADMITTED {
            true => Ok(admitted),
            false => Err(Refusal::busy()),
        }
    }
}

impl Admitted<'_> {
    /// Waits for a place.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.0.places.acquire().await.ok()
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.admitted.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_full_queue_refuses_until_a_request_leaves() {
        let admission = Admission::new(1);
        let mut admitted: Vec<Admitted> = (0..MAX_ADMITTED)
            .map(|_| admission.admit().unwrap())
            .collect();
        let place = admitted[0].place().now_or_never();
        assert!(place.is_some());
        assert!(admitted[1].place().now_or_never().is_none());
        assert!(admission.admit().is_err());
        assert!(admission.admit().is_err());
        drop(place);
        admitted.pop();
        assert!(admission.admit().is_ok());
    }
}
