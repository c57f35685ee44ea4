//! How much of all bodies is held at once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::{self, ByteStream};

/// What a permit stands for, in bytes.
const UNIT: usize = 1024;

/// The most that sources give at once, in bytes. What is longer (a manifest, a page) was made before room is asked for.
const MOST: usize = 256 * 1024;

/// Room for bytes that are on their way, for many bodies together.
#[derive(Clone)]
pub(super) struct Budget {
    permits: Arc<Semaphore>,
    /// How many of them the next bytes of a source may need.
    most: usize,
}

/// Room that is taken until this is dropped.
pub(super) struct Room(OwnedSemaphorePermit);

impl Budget {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let permits = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            most: permits.min(MOST / UNIT),
        }
    }

    /// Asks a source for its next bytes once there is room for as many as they may be; what they do not need is given
    /// back. Whoever waits for the source has no room meanwhile.
    pub(super) async fn next(
        &self,
        source: &mut ByteStream,
    ) -> Option<Result<(Bytes, Room), store::Error>> {
        let most = u32::try_from(self.most).unwrap_or(u32::MAX);
        loop {
            let room = Arc::clone(&self.permits).acquire_many_owned(most).await;
            // Never closed, so there is always room in the end.
            let mut room = Some(Room(room.ok()?));
            let mut asked = None;
            poll_fn(|context| {
                if room.is_none() {
                    // The source has said that there may be something now.
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
            if let (Some(item), Some(room)) = (asked, room) {
                return item.map(|bytes| bytes.map(|bytes| room.around(bytes)));
            }
        }
    }
}

impl Room {
    /// Gives back what these do not need.
    fn around(mut self, bytes: Bytes) -> (Bytes, Self) {
        let needed = bytes.len().div_ceil(UNIT);
        drop(self.0.split(self.0.num_permits().saturating_sub(needed)));
        (bytes, self)
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
    async fn bytes_have_room_for_as_long_as_they_are() {
        let budget = Budget::new(2 * MOST);
        let left = || budget.permits.available_permits();
        let all = left();
        let mut source = items(&[1, UNIT + 1, 2 * MOST]);
        for used in [1, 2, MOST / UNIT] {
            let (_bytes, room) = budget.next(&mut source).await.unwrap().unwrap();
            assert_eq!(left(), all - used);
            drop(room);
            assert_eq!(left(), all);
        }
        assert!(budget.next(&mut source).await.is_none());
        assert_eq!(left(), all);
    }

    #[tokio::test]
    async fn who_waits_for_a_source_has_no_room() {
        let budget = Budget::new(1);
        let (send, receive) = oneshot::channel();
        let come = receive.map(|come| Ok(come.unwrap()));
        let mut slow = stream::once(come).boxed();
        let mut waiting = pin!(budget.next(&mut slow));
        assert!(waiting.as_mut().now_or_never().is_none());
        let (_bytes, room) = budget.next(&mut items(&[1])).await.unwrap().unwrap();
        // Now it waits for room.
        send.send(Bytes::from_static(b"x")).unwrap();
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(room);
        let (bytes, _room) = waiting.await.unwrap().unwrap();
        assert_eq!(bytes, "x");
    }
}
