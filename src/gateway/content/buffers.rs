//! Memory for pieces that is used again. Else the system would have to be asked for it, a page at a time, for each piece.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// How many buffers wait for the next piece, each as large as one; further ones are given back to the system.
const MAX_WAITING: usize = 32;

/// Buffers that nobody uses now.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn waiting(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an empty one.
    pub(super) fn take(self: &Arc<Self>) -> Buffer {
        Buffer {
            bytes: self.waiting().pop().unwrap_or_default(),
            home: Arc::clone(self),
        }
    }
}

/// A buffer that comes back when the last of its bytes is sent, or is not wanted.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    home: Arc<Buffers>,
}

impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        Self::from_owner(buffer)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut waiting = self.home.waiting();
        if waiting.len() < MAX_WAITING {
            waiting.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_nothing_of_it_is_left() {
        let buffers = Arc::<Buffers>::default();
        let mut first = buffers.take();
        first.bytes.extend([1; 100]);
        let mut piece = Bytes::from(first);
        let rest = piece.split_off(10);
        drop(piece);
        assert_eq!(buffers.waiting().len(), 0);
        assert_eq!(rest, [1; 90][..]);
        drop(rest);
        let second = buffers.take();
        assert!(second.bytes.is_empty() && second.bytes.capacity() >= 100);
        drop(
            vec![(); 2 * MAX_WAITING]
                .into_iter()
                .map(|()| buffers.take())
                .collect::<Vec<_>>(),
        );
        assert_eq!(buffers.waiting().len(), MAX_WAITING);
    }
}
