//! Memory for pieces: bounded, and used again. Else the system would have to be asked for it, a page at a time, for each
//! piece.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::content::permit;
use crate::store::Error;

/// How many buffers wait for the next piece, each as large as one; further ones are given back to the system.
const MAX_WAITING: usize = 32;

/// How many buffers there are at once, for all bodies together: 128 MiB.
const MAX_BUFFERS: usize = 512;

/// Buffers, and those that nobody uses now.
#[derive(Debug)]
pub(super) struct Buffers {
    waiting: Mutex<Vec<Vec<u8>>>,
    /// One permit a buffer that is used.
    used: Arc<Semaphore>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            used: Arc::new(Semaphore::new(MAX_BUFFERS)),
        }
    }
}

impl Buffers {
    fn waiting(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an empty one, as soon as there may be one more.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Buffer, Error> {
        let used = permit(&self.used).await?;
        Ok(Buffer {
            bytes: self.waiting().pop().unwrap_or_default(),
            home: Arc::clone(self),
            _used: used,
        })
    }
}

/// A buffer that comes back when the last of its bytes is sent, or is not wanted.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    home: Arc<Buffers>,
    _used: OwnedSemaphorePermit,
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
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_buffer_is_used_again_when_nothing_of_it_is_left() {
        let buffers = Arc::<Buffers>::default();
        let mut first = buffers.take().await.unwrap();
        first.bytes.extend([1; 100]);
        let mut piece = Bytes::from(first);
        let rest = piece.split_off(10);
        drop(piece);
        assert_eq!(buffers.waiting().len(), 0);
        assert_eq!(rest, [1; 90][..]);
        drop(rest);
        let second = buffers.take().await.unwrap();
        assert!(second.bytes.is_empty() && second.bytes.capacity() >= 100);
        drop(second);
        let mut all = Vec::new();
        for _ in 0..MAX_BUFFERS {
            all.push(buffers.take().await.unwrap());
        }
        let mut further = pin!(buffers.take());
        assert!(further.as_mut().now_or_never().is_none());
        all.pop();
        assert!(further.now_or_never().is_some());
        drop(all);
        assert_eq!(buffers.waiting().len(), MAX_WAITING);
    }
}
