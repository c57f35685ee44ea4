//! A pipe between two threads: one fills buffers, and the other one empties them.

use std::io::{self, Read, Write};
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

    /// Fills buffers from a reader until it ends or the other side was dropped.
    pub(crate) fn fill_from(&self, source: &mut impl Read) -> io::Result<()> {
        while let Some(mut buffer) = self.buffer() {
            let length = loop {
                match source.read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            if length == 0 || self.send(buffer, length).is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// A write fills one buffer. The other side empties it in parallel.
impl Write for Filler {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut buffer = self.buffer().ok_or_else(gone)?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.send(buffer, length).ok_or_else(gone)?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

    /// Returns a reader of all buffers as one stream.
    pub(crate) fn reader(self) -> DrainReader {
        DrainReader {
            drainer: self,
            current: None,
        }
    }
}

pub(crate) struct DrainReader {
    drainer: Drainer,
    /// A buffer, its number of bytes, and how many of them were read.
    current: Option<(Vec<u8>, usize, usize)>,
}

impl Read for DrainReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (buffer, length, at) = match &mut self.current {
            Some(current) => current,
            None => match self.drainer.filled.recv() {
                Ok((buffer, length)) => self.current.insert((buffer, length, 0)),
                Err(_) => return Ok(0),
            },
        };
        let read = into.len().min(*length - *at);
        into[..read].copy_from_slice(&buffer[*at..*at + read]);
        *at += read;
        if at == length
            && let Some((buffer, ..)) = self.current.take()
        {
            let _may_be_gone = self.drainer.empty.try_send(buffer);
        }
        Ok(read)
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
                filler.fill_from(&mut bytes.as_slice()).unwrap();
            });
            let mut read = Vec::new();
            drainer.reader().read_to_end(&mut read).unwrap();
            assert!(read == bytes);
        });
        let (mut filler, drainer) = pipe();
        drop(drainer);
        assert_eq!(
            filler.write(b"x").unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        let (filler, drainer) = pipe();
        drop(filler);
        assert_eq!(drainer.reader().read(&mut [0; 9]).unwrap(), 0);
    }
}
