//! A pipe between three threads: one fills buffers, one looks at them, and the last one empties them.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};

pub(crate) const BUFFER_BYTES: usize = 128 * 1024;

pub(crate) const BUFFERS: usize = 8;

/// The side that fills buffers. When it is dropped, the other side sees the end.
pub(crate) struct Filler {
    full: SyncSender<(Vec<u8>, usize)>,
    emptied: Receiver<Vec<u8>>,
}

/// The middle, which looks at all buffers in order and passes them on.
pub(crate) struct Relay {
    filled: Receiver<(Vec<u8>, usize)>,
    full: SyncSender<(Vec<u8>, usize)>,
}

/// The side that empties buffers, in order.
pub(crate) struct Drainer {
    filled: Receiver<(Vec<u8>, usize)>,
    empty: SyncSender<Vec<u8>>,
}

/// Returns both sides and the middle. A buffer gets its memory at its first use.
pub(crate) fn pipe() -> (Filler, Relay, Drainer) {
    let (full, filled) = mpsc::sync_channel(BUFFERS);
    let (passed, arrived) = mpsc::sync_channel(BUFFERS);
    let (empty, emptied) = mpsc::sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        // Both ends exist, and there is room for all buffers.
        let _room_for_all = empty.send(Vec::new());
    }
    let relay = Relay {
        filled,
        full: passed,
    };
    let drainer = Drainer {
        filled: arrived,
        empty,
    };
    (Filler { full, emptied }, relay, drainer)
}

impl Filler {
    /// Waits for an empty buffer. Returns nothing if the drainer was dropped.
    pub(crate) fn buffer(&self) -> Option<Vec<u8>> {
        let mut buffer = self.emptied.recv().ok()?;
        buffer.resize(BUFFER_BYTES, 0);
        Some(buffer)
    }

    /// Sends the first `length` bytes of a buffer. Returns nothing if the relay was dropped.
    pub(crate) fn send(&self, buffer: Vec<u8>, length: usize) -> Option<()> {
        self.full.send((buffer, length)).ok()
    }
}

impl Relay {
    /// Calls `each` with the bytes of the next buffers, `length` bytes together, and passes the buffers on. Returns
    /// nothing if either side was dropped.
    pub(crate) fn pass(&self, mut length: u64, mut each: impl FnMut(&[u8])) -> Option<()> {
        while length > 0 {
            let (buffer, filled) = self.filled.recv().ok()?;
            each(&buffer[..filled]);
            length = length.saturating_sub(filled as u64);
            self.full.send((buffer, filled)).ok()?;
        }
        Some(())
    }
}

impl Drainer {
    /// Calls `each` with the bytes of every buffer, until the relay was dropped.
    pub(crate) fn drain(&self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        for (buffer, length) in &self.filled {
            each(&buffer[..length])?;
            // The other side may be dropped already.
            let _may_be_gone = self.empty.try_send(buffer);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn bytes_arrive_in_order_and_any_thread_may_stop() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
        let (filler, relay, drainer) = pipe();
        thread::scope(|scope| {
            scope.spawn(|| {
                let filler = filler;
                for piece in bytes.chunks(BUFFER_BYTES) {
                    let mut buffer = filler.buffer().unwrap();
                    buffer[..piece.len()].copy_from_slice(piece);
                    filler.send(buffer, piece.len()).unwrap();
                }
            });
            let passed = scope.spawn(|| {
                let (relay, mut passed) = (relay, Vec::new());
                let keep = |piece: &[u8]| passed.extend_from_slice(piece);
                assert!(relay.pass(bytes.len() as u64, keep).is_some());
                passed
            });
            let mut read = Vec::new();
            let drained = drainer.drain(|piece| {
                read.extend_from_slice(piece);
                Ok(())
            });
            drained.unwrap();
            assert!(read == bytes);
            assert!(passed.join().unwrap() == bytes);
        });
        let (filler, relay, drainer) = pipe();
        drop(drainer);
        assert!(filler.buffer().is_some());
        filler.send(vec![0], 1).unwrap();
        assert!(relay.pass(1, |_| {}).is_none());
        let (filler, relay, drainer) = pipe();
        drop(relay);
        assert!(filler.send(vec![0], 1).is_none());
        drainer.drain(|_| unreachable!()).unwrap();
        let (filler, relay, _drainer) = pipe();
        drop(filler);
        assert!(relay.pass(1, |_| unreachable!()).is_none());
    }
}
