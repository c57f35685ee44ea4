//! Response bodies in flight to the connection.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;

use super::budget::Budget;
use super::record::{AbortReason, RequestRecord, abort_slow_connection};
use crate::store::{self, ByteStream};

/// The largest piece sent at once, in bytes.
const PIECE: usize = 64 * 1024;

/// The maximum number of pieces in the channel to the connection. The connection itself may hold more.
const PIECES: usize = 1;

/// A piece for the connection, or nothing at the end. If the channel closes before the end, the client was disconnected
/// or the source panicked.
type BodyChunk = Result<Option<Bytes>, AbortReason>;

/// The record of the request, until the response ends or is aborted.
type SharedRecord = Arc<Mutex<Option<RequestRecord>>>;

fn lock_record(record: &SharedRecord) -> MutexGuard<'_, Option<RequestRecord>> {
    // A panic cannot leave a record half changed.
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A response body for the connection.
pub(super) struct ResponseBody {
    /// The pieces to come; nothing after the end.
    steps: Option<mpsc::Receiver<BodyChunk>>,
    left: Option<u64>,
    record: SharedRecord,
}

impl ResponseBody {
    /// Returns an empty body. The response ends with its head.
    pub(super) fn none(mut record: RequestRecord) -> Self {
        record.add_sent(0, true);
        Self {
            steps: None,
            left: Some(0),
            record: Arc::new(Mutex::new(Some(record))),
        }
    }

    /// Starts to send a body. A client that takes no piece for `patience` is disconnected.
    pub(super) fn new(
        source: ByteStream,
        length: Option<u64>,
        record: RequestRecord,
        budget: Budget,
        patience: Duration,
    ) -> Self {
        if length == Some(0) {
            return Self::none(record);
        }
        let connection = Arc::clone(&record.state);
        let record = Arc::new(Mutex::new(Some(record)));
        let (out, steps) = mpsc::channel(PIECES);
        let (under_way, pieces) = (Arc::clone(&record), Pieces::new(source, budget));
        tokio::spawn(async move {
            if let Err(StalledClient) = send_body(pieces, length, out, patience).await {
                let record = lock_record(&under_way).take();
                abort_slow_connection(&connection, record);
            }
        });
        Self {
            steps: Some(steps),
            left: length,
            record,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = AbortReason;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AbortReason>>> {
        let body = &mut *self;
        let Some(steps) = &mut body.steps else {
            return Poll::Ready(None);
        };
        let step = ready!(steps.poll_recv(cx));
        let mut record = lock_record(&body.record);
        let step = step.unwrap_or_else(|| match record.is_none() {
            // The client was disconnected, which is already recorded.
            true => Err(AbortReason::Slow),
            false => Err(AbortReason::Lost),
        });
        let mut is_last = !matches!(step, Ok(Some(_)));
        match &step {
            Ok(piece) => {
                let taken = piece.as_ref().map_or(0, Bytes::len) as u64;
                body.left = body.left.map(|left| left.saturating_sub(taken));
                is_last |= body.left == Some(0);
                if let Some(record) = record.as_mut() {
                    record.add_sent(taken, is_last);
                }
            }
            Err(why) => {
                if let Some(record) = record.take() {
                    record.mark_aborted(why);
                }
            }
        }
        if is_last {
            body.steps = None;
        }
        Poll::Ready(step.map(|piece| piece.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Divides a body into pieces so small that a reading client takes each one soon.
struct Pieces {
    source: ByteStream,
    budget: Budget,
    /// Bytes that have arrived but were not returned yet.
    rest: Option<(Bytes, Option<Arc<OwnedSemaphorePermit>>)>,
    /// The number of pieces in memory.
    unsent: Arc<watch::Sender<usize>>,
}

impl Pieces {
    fn new(source: ByteStream, budget: Budget) -> Self {
        Self {
            source,
            budget,
            rest: None,
            unsent: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Returns the next piece. At the expected end it reserves no budget, because it must not wait for budget while it
    /// holds the last piece.
    async fn next(&mut self, is_end: bool) -> Result<Option<Bytes>, store::Error> {
        let next = match self.rest.take() {
            Some(rest) => Some(rest),
            None if is_end => self.source.try_next().await?.map(|bytes| (bytes, None)),
            None => {
                let next = self.budget.next(&mut self.source).await?;
                next.map(|(bytes, room)| (bytes, Some(Arc::new(room))))
            }
        };
        let Some((mut rest, room)) = next else {
            return Ok(None);
        };
        let bytes = rest.split_to(rest.len().min(PIECE));
        self.unsent.send_modify(|unsent| *unsent += 1);
        let piece = Piece {
            bytes,
            unsent: Arc::clone(&self.unsent),
            _room: room.clone(),
        };
        if !rest.is_empty() {
            self.rest = Some((rest, room));
        }
        Ok(Some(Bytes::from_owner(piece)))
    }
}

/// A piece with its share of the budget. The share is freed when the connection has sent the piece or ended.
struct Piece {
    bytes: Bytes,
    unsent: Arc<watch::Sender<usize>>,
    _room: Option<Arc<OwnedSemaphorePermit>>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.unsent.send_modify(|unsent| *unsent -= 1);
    }
}

/// The client took nothing for too long.
struct StalledClient;

/// Waits until no piece is in memory.
async fn wait_until_sent(unsent: &watch::Sender<usize>) {
    let mut unsent = unsent.subscribe();
    // This function borrows the sender, so the channel is open.
    let _there = unsent.wait_for(|unsent| *unsent == 0).await;
}

/// Waits until more than `own` pieces are in memory, and none is taken for `patience`.
async fn stall(unsent: &watch::Sender<usize>, own: usize, patience: Duration) {
    let mut unsent = unsent.subscribe();
    loop {
        let is_waiting = *unsent.borrow_and_update() > own;
        // This function borrows the sender, so this cannot fail.
        let change = unsent.changed();
        if !is_waiting {
            let _change = change.await;
        } else if timeout(patience, change).await.is_err() {
            return;
        }
    }
}

/// Moves a body piece by piece from its source to the connection, and stops if no piece is taken for too long. While
/// its client grants no window, an HTTP/2 connection requests no pieces, and keeps those it has for any length of time.
async fn send_body(
    mut pieces: Pieces,
    length: Option<u64>,
    out: mpsc::Sender<BodyChunk>,
    patience: Duration,
) -> Result<(), StalledClient> {
    let unsent = Arc::clone(&pieces.unsent);
    let mut left = length;
    // The last piece completes the body, so it is sent only after the source has ended without an error.
    let mut last = None;
    loop {
        // Wait for the place before the piece exists, so that a waiting body holds only the bytes in its connection.
        let place = timeout(patience, out.reserve()).await;
        let Ok(place) = place.map_err(|_elapsed| StalledClient)? else {
            return Ok(());
        };
        let step = loop {
            let piece = tokio::select! {
                biased;
                () = out.closed() => return Ok(()),
                () = stall(&unsent, usize::from(last.is_some()), patience) => return Err(StalledClient),
                piece = pieces.next(last.is_some()) => piece,
            };
            match (piece, &mut left) {
                (Ok(Some(piece)), _) if piece.is_empty() => {}
                (Ok(Some(piece)), None) => break Ok(Some(piece)),
                (Ok(Some(piece)), Some(left)) => match left.checked_sub(piece.len() as u64) {
                    None => break Err(AbortReason::Long),
                    Some(0) => (*left, last) = (0, Some(piece)),
                    Some(rest) => {
                        *left = rest;
                        break Ok(Some(piece));
                    }
                },
                (Err(error), _) => break Err(AbortReason::Source(error)),
                (Ok(None), Some(missing @ 1..)) => {
                    break Err(AbortReason::Short { missing: *missing });
                }
                (Ok(None), _) => break Ok(last.take()),
            }
        };
        let is_last = left == Some(0) || !matches!(step, Ok(Some(_)));
        place.send(step);
        if is_last {
            break;
        }
    }
    drop((pieces, out));
    // Pieces in the connection use the budget too.
    tokio::select! {
        () = wait_until_sent(&unsent) => Ok(()),
        () = stall(&unsent, 0, patience) => Err(StalledClient),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn pieces_are_cut_and_nothing_is_lost() {
        let whole: Vec<u8> = (0..3 * PIECE + 1).map(|at| (at / 7) as u8).collect();
        let source = stream::iter([Ok(Bytes::from(whole.clone())), Ok(Bytes::new())]).boxed();
        let mut pieces = Pieces::new(source, Budget::new(1));
        let (mut lengths, mut got) = (Vec::new(), Vec::new());
        while let Some(piece) = pieces.next(false).await.unwrap() {
            assert_eq!(*pieces.unsent.borrow(), 1);
            lengths.push(piece.len());
            got.extend(piece);
        }
        assert_eq!(lengths, [PIECE, PIECE, PIECE, 1, 0]);
        assert!(got == whole);
        wait_until_sent(&pieces.unsent).await;
    }
}
