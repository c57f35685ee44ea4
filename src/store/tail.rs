//! Reads a file while it is written, so that decoding can begin before a download ends.

use std::fs::File;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The progress of a file that is being written.
#[derive(Debug, Default)]
struct Growth {
    state: Mutex<WrittenPart>,
    changed: Notify,
}

/// The written part of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WrittenPart {
    /// The number of bytes.
    pub bytes: u64,
    /// Whether the file has ended.
    pub ended: bool,
}

impl Growth {
    fn state(&self) -> MutexGuard<'_, WrittenPart> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut WrittenPart)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }
}

/// The writing side. Dropping it ends the file.
#[derive(Debug)]
pub struct TailWriter(Arc<Growth>);

/// The reading side, which waits for bytes. Only the writer knows whether the bytes are correct, and only after the
/// end.
#[derive(Debug, Clone)]
pub struct Tail {
    file: Arc<File>,
    growth: Arc<Growth>,
}

impl Tail {
    /// Returns the file. Read it at offsets and do not seek in it.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Waits, without blocking the thread, until the file has more than `bytes` bytes or has ended.
    pub async fn wait_past(&self, bytes: u64) -> WrittenPart {
        loop {
            let mut changed = pin!(self.growth.changed.notified());
            // Register before reading the state, so that no change is missed.
            changed.as_mut().enable();
            let written = *self.growth.state();
            if written.bytes > bytes || written.ended {
                return written;
            }
            changed.await;
        }
    }
}

/// Returns both sides of an empty file.
pub(super) fn tail_of(file: File) -> (TailWriter, Tail) {
    let growth = Arc::new(Growth::default());
    let writing = TailWriter(Arc::clone(&growth));
    (
        writing,
        Tail {
            file: Arc::new(file),
            growth,
        },
    )
}

impl TailWriter {
    /// Records that bytes were added.
    pub(super) fn add(&self, bytes: u64) {
        self.0.change(|written| written.bytes += bytes);
    }
}

impl Drop for TailWriter {
    fn drop(&mut self) {
        self.0.change(|written| written.ended = true);
    }
}

#[cfg(test)]
mod tests {
    use crate::source::Source as _;
    use crate::store::spool::Spool;

    use super::*;

    async fn read(tail: Tail) -> Vec<u8> {
        let mut seen = Vec::new();
        loop {
            let written = tail.wait_past(seen.len() as u64).await;
            let mut piece = vec![0; written.bytes as usize - seen.len()];
            let at = seen.len() as u64;
            tail.file().read_at(at, &mut piece).unwrap();
            seen.extend(piece);
            if written.ended {
                return seen;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_tail_reads_all_that_is_written_and_then_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new_in(directory.path()).unwrap();
        let reader = tokio::spawn(read(spool.tail().unwrap()));
        let mut expected = Vec::new();
        for piece in 0..200u8 {
            let bytes = vec![piece; usize::from(piece) * 7];
            spool.append(&bytes).unwrap();
            expected.extend(bytes);
        }
        spool.replace(&directory.path().join("done")).unwrap();
        assert_eq!(reader.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn several_readers_follow_one_file_without_blocking() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new_in(directory.path()).unwrap();
        let tail = spool.tail().unwrap();
        let followers = [tail.clone(), tail.clone()].map(|tail| tokio::spawn(read(tail)));
        for piece in [b"one".as_slice(), b"two", b"three"] {
            spool.append(piece).unwrap();
            tokio::task::yield_now().await;
        }
        drop(spool);
        for follower in followers {
            assert_eq!(follower.await.unwrap(), b"onetwothree");
        }
        assert_eq!(tail.wait_past(0).await.bytes, 11);
    }

    #[tokio::test]
    async fn a_dropped_spool_ends_its_tail() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new_in(directory.path()).unwrap();
        let tail = spool.tail().unwrap();
        spool.append(b"begun").unwrap();
        drop(spool);
        assert_eq!(read(tail).await, b"begun");
    }
}
