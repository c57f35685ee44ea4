//! Threads for the layers. Each one encodes a layer at a time: it waits for the frames and writes them.
//!
//! The process does not wait for these threads when it ends, unlike for the async runtime's.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::store;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads. Dropping this ends each thread after its last job.
pub(super) struct LayerThreads {
    jobs: Sender<Job>,
}

impl LayerThreads {
    pub(super) fn start(threads: usize) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                loop {
                    // A thread holds the lock while it waits, and releases it before it runs the job.
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

    /// Runs work on a free thread. Work without a waiting caller is not started.
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
        // The channel closes if a thread panicked.
        let stopped = || E::from(store::Error::Interrupted);
        self.jobs.send(Box::new(job)).map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }
}
