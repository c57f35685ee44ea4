//! Buffers that go round between two threads: one fills them, the other empties them.

use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};

/// How many bytes a buffer has.
pub(crate) const BUFFER_BYTES: usize = 128 * 1024;

/// How many buffers there are between the two threads.
pub(crate) const BUFFERS: usize = 8;

/// The side that fills buffers. The other side sees the end when this is dropped.
pub(crate) struct Filler {
    full: SyncSender<(Vec<u8>, usize)>,
    emptied: Receiver<Vec<u8>>,
}

/// The side that empties them, in order.
pub(crate) struct Drainer {
    filled: Receiver<(Vec<u8>, usize)>,
    empty: SyncSender<Vec<u8>>,
}

/// Returns both sides. Buffers get their memory when they are first used.
pub(crate) fn pipe() -> (Filler, Drainer) {
    let (full, filled) = mpsc::sync_channel(BUFFERS);
    let (empty, emptied) = mpsc::sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        // Both ends are still here, and there is room for all.
        let _room_for_all = empty.send(Vec::new());
    }
    (Filler { full, emptied }, Drainer { filled, empty })
}

impl Filler {
    /// Waits for an empty buffer; nothing if the other side has gone.
    pub(crate) fn buffer(&self) -> Option<Vec<u8>> {
        let mut buffer = self.emptied.recv().ok()?;
        buffer.resize(BUFFER_BYTES, 0);
        Some(buffer)
    }

    /// Hands over the first `length` bytes of a buffer; nothing if the other side has gone.
    pub(crate) fn send(&self, buffer: Vec<u8>, length: usize) -> Option<()> {
        self.full.send((buffer, length)).ok()
    }

    /// Fills buffers from a reader until it ends, or the other side has gone.
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

/// Writing takes a buffer a call; the other side hashes or stores it meanwhile.
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
    /// Calls `each` with what every buffer holds, until the other side has its end.
    pub(crate) fn drain(&self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        for (buffer, length) in &self.filled {
            each(&buffer[..length])?;
            // The other side may be done and gone.
            let _may_be_gone = self.empty.try_send(buffer);
        }
        Ok(())
    }

    /// Reads what the buffers hold as one stream.
    pub(crate) fn reader(self) -> DrainReader {
        DrainReader {
            drainer: self,
            current: None,
        }
    }
}

/// Reads what the buffers hold.
pub(crate) struct DrainReader {
    drainer: Drainer,
    /// A buffer, how much it holds, how much of that was read.
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
    fn bytes_go_through_in_order_and_both_sides_may_leave() {
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
