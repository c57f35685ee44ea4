//! A pipe between two threads: one fills buffers, and the other one empties them.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};

pub(crate) const BUFFER_BYTES: usize = 128 * 1024;

pub(crate) const BUFFERS: usize = 8;

/// The side that fills buffers. When it is dropped, the other side sees the end.
pub(crate) struct Filler {
    full: SyncSender<(Vec<u8>, usize)>,
    emptied: Receiver<Vec<u8>>,
}

/// The side that empties buffers, in order.
pub(crate) struct Drainer {
    filled: Receiver<(Vec<u8>, usize)>,
    empty: SyncSender<Vec<u8>>,
}

/// Returns both sides. A buffer gets its memory at its first use.
pub(crate) fn pipe() -> (Filler, Drainer) {
    let (full, filled) = mpsc::sync_channel(BUFFERS);
    let (empty, emptied) = mpsc::sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        // Both ends exist, and there is room for all buffers.
        let _room_for_all = empty.send(Vec::new());
    }
    (Filler { full, emptied }, Drainer { filled, empty })
}

impl Filler {
    /// Waits for an empty buffer. Returns nothing if the other side was dropped.
    pub(crate) fn buffer(&self) -> Option<Vec<u8>> {
        let mut buffer = self.emptied.recv().ok()?;
        buffer.resize(BUFFER_BYTES, 0);
        Some(buffer)
    }

    /// Sends the first `length` bytes of a buffer. Returns nothing if the other side was dropped.
    pub(crate) fn send(&self, buffer: Vec<u8>, length: usize) -> Option<()> {
        self.full.send((buffer, length)).ok()
    }
}

impl Drainer {
    /// Calls `each` with the bytes of every buffer, until the other side was dropped.
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
    fn bytes_arrive_in_order_and_either_side_may_stop() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
        let (filler, drainer) = pipe();
        thread::scope(|scope| {
            scope.spawn(|| {
                let filler = filler;
                for piece in bytes.chunks(BUFFER_BYTES) {
                    let mut buffer = filler.buffer().unwrap();
                    buffer[..piece.len()].copy_from_slice(piece);
                    filler.send(buffer, piece.len()).unwrap();
                }
            });
            let mut read = Vec::new();
            let drained = drainer.drain(|piece| {
                read.extend_from_slice(piece);
                Ok(())
            });
            drained.unwrap();
            assert!(read == bytes);
        });
        let (filler, drainer) = pipe();
        drop(drainer);
        assert!(filler.send(vec![0], 1).is_none());
        let (filler, drainer) = pipe();
        drop(filler);
        drainer.drain(|_| unreachable!()).unwrap();
    }
}
