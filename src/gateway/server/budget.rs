//! The limit on the bytes of all response bodies in memory.
//!
//! The number of connections does not limit them: 1024 connections of 32 streams could hold 8 GiB in pieces of 256 KiB.
//! A test opened 60 HTTP/2 connections of 32 streams each and read nothing. The gateway peaked at 196 MiB with this
//! limit, and at 660 MiB without it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::{self, ByteStream};

/// The bytes of one permit.
const UNIT: usize = 1024;

/// The maximum number of bytes reserved for a piece. Longer pieces (manifests, pages) are in memory before any budget
/// is reserved for them.
const MAX_PIECE: usize = 256 * 1024;

/// The bytes that all bodies together may hold.
#[derive(Clone)]
pub(super) struct Budget {
    permits: Arc<Semaphore>,
    /// The maximum number of permits for the next piece of a source.
    most: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        let permits = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            most: permits.min(MAX_PIECE / UNIT),
        }
    }

    /// Returns the next piece of a source and its share of the budget. Reserves room for the largest possible piece
    /// before it polls the source, and then releases the unused part. Nothing stays reserved while the source is
    /// pending, so a slow upstream does not delay other bodies.
    pub(super) async fn next(
        &self,
        source: &mut ByteStream,
    ) -> Result<Option<(Bytes, OwnedSemaphorePermit)>, store::Error> {
        let most = u32::try_from(self.most).unwrap_or(u32::MAX);
        loop {
            let room = Arc::clone(&self.permits).acquire_many_owned(most).await;
            // The semaphore is never closed.
            let mut room = Some(room.map_err(|_| store::Error::Interrupted)?);
            let mut asked = None;
            poll_fn(|context| {
                if room.is_none() {
                    // The source woke this task: reserve again, then poll.
                    return Poll::Ready(());
                }
                match source.poll_next_unpin(context) {
                    Poll::Ready(item) => {
                        asked = Some(item);
                        Poll::Ready(())
                    }
                    Poll::Pending => {
                        room = None;
                        Poll::Pending
                    }
                }
            })
            .await;
            if let (Some(item), Some(mut room)) = (asked, room) {
                return item.transpose().map(|bytes| {
                    let bytes = bytes?;
                    let needed = bytes.len().div_ceil(UNIT);
                    drop(room.split(room.num_permits().saturating_sub(needed)));
                    Some((bytes, room))
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::{FutureExt, stream};

    use tokio::sync::oneshot;

    use super::*;

    fn items(lengths: &'static [usize]) -> ByteStream {
        let item = |length: &usize| Ok(Bytes::from(vec![0; *length]));
        stream::iter(lengths.iter().map(item)).boxed()
    }

    #[tokio::test]
    async fn a_piece_reserves_its_length() {
        let budget = Budget::new(2 * MAX_PIECE);
        let left = || budget.permits.available_permits();
        let all = left();
        let mut source = items(&[1, UNIT + 1, 2 * MAX_PIECE]);
        for used in [1, 2, MAX_PIECE / UNIT] {
            let (_bytes, room) = budget.next(&mut source).await.unwrap().unwrap();
            assert_eq!(left(), all - used);
            drop(room);
            assert_eq!(left(), all);
        }
        assert!(budget.next(&mut source).await.unwrap().is_none());
        assert_eq!(left(), all);
    }

    #[tokio::test]
    async fn a_pending_source_reserves_nothing() {
        let budget = Budget::new(1);
        let (send, receive) = oneshot::channel();
        let come = receive.map(|come| Ok(come.unwrap()));
        let mut slow = stream::once(come).boxed();
        let mut waiting = pin!(budget.next(&mut slow));
        assert!(waiting.as_mut().now_or_never().is_none());
        let (_bytes, room) = budget.next(&mut items(&[1])).await.unwrap().unwrap();
        // The first body waits for budget now.
        send.send(Bytes::from_static(b"x")).unwrap();
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(room);
        let (bytes, _room) = waiting.await.unwrap().unwrap();
        assert_eq!(bytes, "x");
    }
}
