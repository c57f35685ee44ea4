//! Files that are complete or still growing, and their readers. All readers of the same bytes share one arrival.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::ContentKey;
use crate::digest::Digest;
use crate::source::Source as _;
use crate::store::Error;
use crate::store::tail::Tail;

/// The upstream and the bytes.
type ArrivalKey = (Digest, ContentKey);

/// The state of an arrival.
#[derive(Debug, Clone)]
enum Stage {
    Waiting,
    /// Readers can read the written bytes, which are not verified yet. The number is the offset of the file's first
    /// byte.
    Growing(Tail, u64),
    /// All bytes are present and verified.
    Complete(FilePart),
    Failed(Arc<Error>),
}

/// A file with all or some bytes of a blob or content.
#[derive(Debug, Clone)]
pub struct FilePart {
    /// The file.
    pub file: Arc<File>,
    /// The offset of its first byte in the blob or content.
    pub base: u64,
}

impl FilePart {
    /// Returns the part for a file with all bytes.
    pub(super) fn whole(file: File) -> Self {
        Self {
            file: Arc::new(file),
            base: 0,
        }
    }
}

/// Reports the state of an arrival to its readers.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<watch::Sender<Stage>>);

impl Progress {
    /// Lets readers follow the file from now on.
    pub(super) fn start_growing(&self, tail: Tail, base: u64) {
        self.0.send_replace(Stage::Growing(tail, base));
    }
}

/// A file in flight. The work stops when the last reader drops this.
#[derive(Debug)]
pub struct Arrival {
    stage: watch::Receiver<Stage>,
    work: AbortHandle,
    /// The list in which other readers find this arrival, and its key there.
    listed: Option<(Weak<SingleFlight>, ArrivalKey)>,
}

/// Bytes that can be read now.
#[derive(Debug, Clone)]
pub struct ReadableBytes {
    /// The file.
    pub part: FilePart,
    /// The offset after the last readable byte.
    pub end: u64,
}

impl Arrival {
    /// Starts work that no other reader can join.
    pub(super) fn begin<F>(work: impl FnOnce(Progress) -> F) -> Arc<Self>
    where
        F: Future<Output = Result<FilePart, Error>> + Send + 'static,
    {
        Arc::new(Self::listed(work, None))
    }

    fn listed<F>(
        work: impl FnOnce(Progress) -> F,
        listed: Option<(Weak<SingleFlight>, ArrivalKey)>,
    ) -> Self
    where
        F: Future<Output = Result<FilePart, Error>> + Send + 'static,
    {
        let (sender, stage) = watch::channel(Stage::Waiting);
        let progress = Progress(Arc::new(sender));
        let work = work(progress.clone());
        let work = tokio::spawn(async move {
            progress.0.send_replace(match work.await {
                Ok(part) => Stage::Complete(part),
                Err(error) => Stage::Failed(Arc::new(error)),
            });
        });
        Self {
            stage,
            work: work.abort_handle(),
            listed,
        }
    }

    /// Returns whether the arrival is complete or still in flight.
    fn is_usable(&self) -> bool {
        match &*self.stage.borrow() {
            Stage::Complete(_) => true,
            Stage::Failed(_) => false,
            // A closed channel means that the work was aborted.
            Stage::Waiting | Stage::Growing(..) => self.stage.has_changed().is_ok(),
        }
    }

    /// Waits until byte `at` is readable. The last byte before `end` is readable only when everything is verified.
    pub async fn ready(&self, at: u64, end: u64) -> Result<ReadableBytes, Error> {
        ready(self.stage.clone(), at, end).await
    }

    /// Returns a blocking reader of all `size` bytes. Needs a Tokio runtime.
    pub fn reader(&self, size: u64) -> ArrivalReader {
        self.part_reader(0..size)
    }

    /// Returns a blocking reader of a range. Needs a Tokio runtime.
    pub(super) fn part_reader(&self, range: Range<u64>) -> ArrivalReader {
        ArrivalReader {
            stage: self.stage.clone(),
            at: range.start,
            end: range.end,
            runtime: Handle::current(),
        }
    }

    /// Waits until all bytes are present and verified.
    pub async fn complete(&self) -> Result<FilePart, Error> {
        // An empty range is ready only when the file is complete.
        Ok(self.ready(0, 0).await?.part)
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.work.abort();
        let Some((arrivals, key)) = &self.listed else {
            return;
        };
        if let Some(arrivals) = arrivals.upgrade() {
            let mut listed = arrivals.listed();
            // A new arrival may have taken the key.
            if listed
                .get(key)
                .is_some_and(|arrival| arrival.strong_count() == 0)
            {
                listed.remove(key);
            }
        }
    }
}

/// The arrivals that readers can join.
#[derive(Debug, Default)]
pub(super) struct SingleFlight(Mutex<HashMap<ArrivalKey, Weak<Arrival>>>);

impl SingleFlight {
    fn listed(&self) -> MutexGuard<'_, HashMap<ArrivalKey, Weak<Arrival>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the arrival for `key`, or starts one. The flag says whether this call started it.
    pub(super) fn join<F>(
        self: &Arc<Self>,
        key: ArrivalKey,
        work: impl FnOnce(Progress) -> F,
    ) -> (Arc<Arrival>, bool)
    where
        F: Future<Output = Result<FilePart, Error>> + Send + 'static,
    {
        let mut listed = self.listed();
        let known = listed.get(&key).and_then(Weak::upgrade);
        let (arrival, is_new) = match &known {
            Some(arrival) if arrival.is_usable() => (Arc::clone(arrival), false),
            _ => {
                let place = (Arc::downgrade(self), key);
                let arrival = Arc::new(Arrival::listed(work, Some(place)));
                listed.insert(key, Arc::downgrade(&arrival));
                (arrival, true)
            }
        };
        // Unlock first: dropping the last reference to a failed arrival locks the list.
        drop(listed);
        drop(known);
        (arrival, is_new)
    }
}

async fn ready(
    mut stage: watch::Receiver<Stage>,
    at: u64,
    end: u64,
) -> Result<ReadableBytes, Error> {
    loop {
        let now = stage.borrow_and_update().clone();
        match now {
            Stage::Complete(part) => return Ok(ReadableBytes { part, end }),
            Stage::Failed(error) => return Err(Error::Shared(error)),
            Stage::Growing(tail, base) if at + 1 < end => {
                let written = tokio::select! {
                    biased;
                    changed = stage.changed() => {
                        changed.map_err(|_| Error::Interrupted)?;
                        continue;
                    }
                    written = tail.wait_past(at - base) => written,
                };
                let end = (base + written.bytes).min(end - 1);
                if end > at {
                    let file = Arc::clone(tail.file());
                    let part = FilePart { file, base };
                    return Ok(ReadableBytes { part, end });
                }
            }
            Stage::Growing(..) | Stage::Waiting => {}
        }
        stage.changed().await.map_err(|_| Error::Interrupted)?;
    }
}

/// Reads an arrival while it grows, and blocks until more bytes come. The last byte comes when everything is verified.
/// A reader alone does not keep the work running.
#[derive(Debug)]
pub struct ArrivalReader {
    stage: watch::Receiver<Stage>,
    at: u64,
    end: u64,
    runtime: Handle,
}

impl Read for ArrivalReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = ready(self.stage.clone(), self.at, self.end);
        let ReadableBytes { part, end } = self.runtime.block_on(ready).map_err(io::Error::other)?;
        let left = usize::try_from(end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = part
            .file
            .read_at(self.at - part.base, &mut buffer[..wanted])?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{blocking, spool::Spool};

    #[tokio::test]
    async fn a_reader_returns_the_last_byte_after_verification() {
        for is_right in [true, false] {
            let directory = tempfile::tempdir().unwrap();
            let mut spool = Spool::new_in(directory.path()).unwrap();
            let tail = spool.tail().unwrap();
            spool.append(b"content").unwrap();
            let (checked, is_checked) = tokio::sync::oneshot::channel();
            let arrival = Arrival::begin(|progress| async move {
                progress.start_growing(tail, 0);
                match is_checked.await {
                    Ok(true) => Ok(FilePart::whole(spool.file().try_clone().unwrap())),
                    _ => Err(Error::settings("wrong bytes")),
                }
            });
            let mut reader = arrival.reader(7);
            let reading = blocking(move || {
                let mut buffer = [0; 10];
                assert_eq!(reader.read(&mut buffer).unwrap(), 6);
                checked.send(is_right).unwrap();
                let mut rest = Vec::new();
                Ok::<_, Error>(reader.read_to_end(&mut rest).map(|_| rest))
            });
            match reading.await.unwrap() {
                Ok(rest) => assert!(is_right && rest == b"t"),
                Err(error) => assert!(!is_right && error.to_string() == "wrong bytes"),
            }
        }
    }
}
