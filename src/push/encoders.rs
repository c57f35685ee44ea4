//! The threads that encode.
//!
//! Not those of the async runtime: the allocator keeps for a thread what that thread has freed, and the
//! runtime runs each piece of work on whichever thread is idle. With two encoders at a time that came to the
//! memory of eight (80 MiB instead of 36).

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::store;

type Job = Box<dyn FnOnce() + Send>;

/// So many threads; each ends after its last job when this is dropped.
pub(super) struct Encoders {
    jobs: Sender<Job>,
}

impl Encoders {
    pub(super) fn start(threads: usize) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                loop {
                    // The lock is held while waiting, and released before the job is done.
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match next {
                        Ok(job) => job(),
                        Err(_) => break,
                    }
                }
            });
        }
        Self { jobs }
    }

    /// Runs work when a thread is free. Work that nobody waits for any more is not begun.
    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        let job = move || {
            if !done.is_closed() {
                let _nobody_waits = done.send(work());
            }
        };
        // A thread that has panicked took the other end with it.
        let stopped = || E::from(store::Error::Interrupted);
        self.jobs.send(Box::new(job)).map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }
}
