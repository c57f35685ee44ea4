//! Files that are here or on their way, and those who wait for them: one flight for all of them together.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::digest::{Digest, Identity};
use crate::store::Error;
use crate::store::tail::Tail;

/// What a flight brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Blob(Identity),
    /// A content, out of this blob. What one manifest says of a content must not fail those of another.
    Content {
        blob: Identity,
        content: Identity,
    },
}

impl Key {
    /// Returns what is brought.
    pub(super) fn holds(&self) -> Identity {
        match self {
            Self::Blob(blob) => *blob,
            Self::Content { content, .. } => *content,
        }
    }
}

/// What a flight brings, and from whom.
pub(super) type Listed = (Digest, Key);

/// How far a flight is.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// Nothing can be read.
    Waiting,
    /// What was written can be read; that it is right nobody knows yet.
    Growing(Arc<Tail>, Base),
    /// All is there and right.
    Landed(Landed),
    Failed(Arc<Error>),
}

/// Where the first byte of a file lies in what it is a part of.
pub(super) type Base = u64;

/// A file that is all there.
#[derive(Debug, Clone)]
pub(super) struct Landed {
    pub(super) file: Arc<File>,
    pub(super) base: Base,
}

impl Landed {
    /// A file that is a part of nothing.
    pub(super) fn whole(file: File) -> Self {
        Self {
            file: Arc::new(file),
            base: 0,
        }
    }
}

/// Tells those who follow how far a flight is.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<watch::Sender<Stage>>);

impl Progress {
    /// From now on what is written can be read.
    pub(super) fn grows(&self, tail: Tail, base: Base) {
        self.0.send_replace(Stage::Growing(Arc::new(tail), base));
    }
}

/// A file on its way, for as long as somebody follows it: with the last of them the work ends.
#[derive(Debug)]
pub(super) struct Flight {
    stage: watch::Receiver<Stage>,
    work: AbortHandle,
    /// Where others find it.
    listed: Option<(Weak<Flights>, Listed)>,
}

/// What may go out.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) landed: Landed,
    /// Up to this byte.
    pub(super) end: u64,
}

impl Flight {
    /// Begins work that nobody else can follow.
    pub(super) fn begin<F>(work: impl FnOnce(Progress) -> F) -> Arc<Self>
    where
        F: Future<Output = Result<Landed, Error>> + Send + 'static,
    {
        Arc::new(Self::listed(work, None))
    }

    fn listed<F>(work: impl FnOnce(Progress) -> F, listed: Option<(Weak<Flights>, Listed)>) -> Self
    where
        F: Future<Output = Result<Landed, Error>> + Send + 'static,
    {
        let (sender, stage) = watch::channel(Stage::Waiting);
        let progress = Progress(Arc::new(sender));
        let work = work(progress.clone());
        let work = tokio::spawn(async move {
            progress.0.send_replace(match work.await {
                Ok(landed) => Stage::Landed(landed),
                Err(error) => Stage::Failed(Arc::new(error)),
            });
        });
        Self {
            stage,
            work: work.abort_handle(),
            listed,
        }
    }

    /// Whether it brings something, or has.
    fn is_sound(&self) -> bool {
        match &*self.stage.borrow() {
            Stage::Landed(_) => true,
            Stage::Failed(_) => false,
            // Who would tell may be gone without a word.
            Stage::Waiting | Stage::Growing(..) => self.stage.has_changed().is_ok(),
        }
    }

    /// Waits until byte `at` may be read. Before `end` the last byte waits until all is right.
    pub(super) async fn ready(&self, at: u64, end: u64) -> Result<Ready, Error> {
        let mut stage = self.stage.clone();
        loop {
            let now = stage.borrow_and_update().clone();
            match now {
                Stage::Landed(landed) => return Ok(Ready { landed, end }),
                Stage::Failed(error) => return Err(Error::Shared(error)),
                Stage::Growing(tail, base) if at + 1 < end => {
                    let written = tokio::select! {
                        biased;
                        changed = stage.changed() => {
                            changed.map_err(|_| Error::Interrupted)?;
                            continue;
                        }
                        written = tail.past(at - base) => written,
                    };
                    let end = (base + written.bytes).min(end - 1);
                    if end > at {
                        let file = Arc::clone(tail.file());
                        let landed = Landed { file, base };
                        return Ok(Ready { landed, end });
                    }
                }
                Stage::Growing(..) | Stage::Waiting => {}
            }
            stage.changed().await.map_err(|_| Error::Interrupted)?;
        }
    }

    /// Waits until something can be read, or all is there.
    pub(super) async fn begun(&self) -> Result<Stage, Error> {
        let mut stage = self.stage.clone();
        loop {
            let now = stage.borrow_and_update().clone();
            match &now {
                Stage::Landed(_) => return Ok(now),
                Stage::Failed(error) => return Err(Error::Shared(Arc::clone(error))),
                Stage::Growing(tail, _) => {
                    let written = tail.past(0).await;
                    if written.bytes > 0 {
                        return Ok(now);
                    }
                }
                Stage::Waiting => {}
            }
            stage.changed().await.map_err(|_| Error::Interrupted)?;
        }
    }

    /// Waits until all is there and right.
    pub(super) async fn landed(&self) -> Result<Landed, Error> {
        // No byte of nothing can be had before the end.
        Ok(self.ready(0, 0).await?.landed)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.work.abort();
        let Some((flights, key)) = &self.listed else {
            return;
        };
        if let Some(flights) = flights.upgrade() {
            let mut flying = flights.flying();
            // Another one may have taken its place.
            if flying
                .get(key)
                .is_some_and(|flight| flight.strong_count() == 0)
            {
                flying.remove(key);
            }
        }
    }
}

/// All flights that others may follow too.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Listed, Weak<Flight>>>);

impl Flights {
    fn flying(&self) -> MutexGuard<'_, HashMap<Listed, Weak<Flight>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the flight that brings this, or begins it. Returns whether it was begun.
    pub(super) fn follow<F>(
        self: &Arc<Self>,
        key: Listed,
        work: impl FnOnce(Progress) -> F,
    ) -> (Arc<Flight>, bool)
    where
        F: Future<Output = Result<Landed, Error>> + Send + 'static,
    {
        let mut flying = self.flying();
        let known = flying.get(&key).and_then(Weak::upgrade);
        let (flight, is_new) = match &known {
            Some(flight) if flight.is_sound() => (Arc::clone(flight), false),
            _ => {
                let listed = (Arc::downgrade(self), key);
                let flight = Arc::new(Flight::listed(work, Some(listed)));
                flying.insert(key, Arc::downgrade(&flight));
                (flight, true)
            }
        };
        // A failed one that nobody else holds asks for the list when it goes.
        drop(flying);
        drop(known);
        (flight, is_new)
    }
}
