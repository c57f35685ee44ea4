//! Reading a file while it is being written: decoding begins before a download has ended.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::source::Source;

/// How far a file has been written.
#[derive(Debug, Default)]
struct Growth {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    written: u64,
    ended: bool,
}

impl Growth {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing side. The file has its end when this is dropped.
#[derive(Debug)]
pub struct Growing(Arc<Growth>);

/// The reading side: waits for what is not written yet. Whether all of it was right only the writer
/// knows, after the end.
#[derive(Debug)]
pub struct Tail {
    file: File,
    at: u64,
    growth: Arc<Growth>,
}

/// Returns both sides of an empty file.
pub(super) fn growing(file: File) -> (Growing, Tail) {
    let growth = Arc::new(Growth::default());
    let writing = Growing(Arc::clone(&growth));
    (
        writing,
        Tail {
            file,
            at: 0,
            growth,
        },
    )
}

impl Growing {
    /// So many bytes were added.
    pub(super) fn grew(&self, bytes: u64) {
        self.0.state().written += bytes;
        self.0.changed.notify_all();
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.changed.notify_all();
    }
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let written = {
            let mut state = self.growth.state();
            while state.written <= self.at && !state.ended {
                let woken = self.growth.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
            state.written
        };
        let left = usize::try_from(written - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        // At an offset of its own: the writer's place in the file is not ours to move.
        let read = self.file.read_at(self.at, &mut buffer[..wanted])?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crate::store::spool::Spool;

    use super::*;

    #[test]
    fn a_tail_reads_all_that_is_written_and_then_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new_in(directory.path()).unwrap();
        let mut tail = spool.tail().unwrap();
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            tail.read_to_end(&mut bytes).map(|_| bytes)
        });
        let mut expected = Vec::new();
        for piece in 0..200u8 {
            let bytes = vec![piece; usize::from(piece) * 7];
            spool.append(&bytes).unwrap();
            expected.extend(bytes);
        }
        spool.replace(&directory.path().join("done")).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), expected);
    }

    #[test]
    fn a_spool_that_is_given_up_ends_its_tail() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new_in(directory.path()).unwrap();
        let mut tail = spool.tail().unwrap();
        spool.append(b"begun").unwrap();
        drop(spool);
        let mut text = String::new();
        tail.read_to_string(&mut text).unwrap();
        assert_eq!(text, "begun");
    }
}
