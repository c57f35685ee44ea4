//! Response bodies on their way to the connection.

use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;

use super::budget::Budget;
use super::record::{Aborted, Record, cut_off};
use crate::store::{self, ByteStream};

/// The largest piece that is passed on at once, in bytes.
const PIECE: usize = 64 * 1024;

/// How many pieces wait for a client, beside those in the connection and the one that waits for its place here.
const PIECES: usize = 1;

/// What comes to the connection. Where nothing more comes and no end did, something is missing.
enum Step {
    Piece(Bytes),
    End,
    Abort(Aborted),
}

/// What is noted of the request, until it is over for one side.
type Noted = Arc<Mutex<Option<Record>>>;

fn noted(record: &Noted) -> MutexGuard<'_, Option<Record>> {
    // A record is whole after every step.
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body as the connection takes it.
pub(super) struct ResponseBody {
    /// Nothing after the end.
    steps: Option<mpsc::Receiver<Step>>,
    left: Option<u64>,
    record: Noted,
}

impl ResponseBody {
    /// No body at all. The answer is over with its head.
    pub(super) fn none(mut record: Record) -> Self {
        record.completes();
        Self {
            steps: None,
            left: Some(0),
            record: Arc::new(Mutex::new(Some(record))),
        }
    }

    /// Begins to carry a body. Where `patience` is given, a client that takes no piece for so long is cut off.
    pub(super) fn new(
        source: ByteStream,
        length: Option<u64>,
        record: Record,
        budget: Budget,
        patience: Option<Duration>,
    ) -> Self {
        if length == Some(0) {
            return Self::none(record);
        }
        let connection = record.connection();
        let record = Arc::new(Mutex::new(Some(record)));
        let (out, steps) = mpsc::channel(PIECES);
        let (under_way, pieces) = (Arc::clone(&record), Pieces::new(source, budget));
        tokio::spawn(async move {
            if let Err(Stalled) = carry(pieces, length, out, patience).await {
                let record = noted(&under_way).take();
                cut_off(&connection, record);
            }
        });
        Self {
            steps: Some(steps),
            left: length,
            record,
        }
    }

    fn breaks(&mut self, broken: Aborted) -> Aborted {
        self.steps = None;
        if let Some(record) = noted(&self.record).take() {
            record.breaks(&broken);
        }
        broken
    }

    fn takes(&mut self, piece: &Bytes) {
        let taken = piece.len() as u64;
        self.left = self.left.map(|left| left.saturating_sub(taken));
        let is_last = self.left == Some(0);
        if let Some(record) = noted(&self.record).as_mut() {
            record.sends(taken);
            if is_last {
                record.completes();
            }
        }
        if is_last {
            self.steps = None;
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let Some(steps) = &mut self.steps else {
            return Poll::Ready(None);
        };
        let broken = match ready!(steps.poll_recv(cx)) {
            Some(Step::Piece(piece)) => {
                self.takes(&piece);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            Some(Step::End) => {
                self.steps = None;
                if let Some(record) = noted(&self.record).as_mut() {
                    record.completes();
                }
                return Poll::Ready(None);
            }
            Some(Step::Abort(broken)) => broken,
            // It was given up, and that is noted; or else nobody could note anything.
            None if noted(&self.record).is_none() => Aborted::Slow,
            None => Aborted::Lost,
        };
        Poll::Ready(Some(Err(self.breaks(broken))))
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The bytes of a body in pieces that are soon taken by whoever takes anything.
struct Pieces {
    source: ByteStream,
    budget: Budget,
    /// What came and was not given out yet.
    rest: Option<(Bytes, Option<Arc<OwnedSemaphorePermit>>)>,
    /// How many pieces are still somewhere.
    held: Arc<watch::Sender<usize>>,
}

impl Pieces {
    fn new(source: ByteStream, budget: Budget) -> Self {
        Self {
            source,
            budget,
            rest: None,
            held: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Returns the next piece. Whoever expects the end alone needs no room, and must not wait for it with a piece in
    /// hand.
    async fn next(&mut self, is_end: bool) -> Option<Result<Bytes, store::Error>> {
        let (mut rest, room) = match self.rest.take() {
            Some(rest) => rest,
            None if is_end => match self.source.next().await? {
                Ok(bytes) => (bytes, None),
                Err(error) => return Some(Err(error)),
            },
            None => match self.budget.next(&mut self.source).await? {
                Ok((bytes, room)) => (bytes, Some(Arc::new(room))),
                Err(error) => return Some(Err(error)),
            },
        };
        let bytes = rest.split_to(rest.len().min(PIECE));
        self.held.send_modify(|held| *held += 1);
        let piece = Piece {
            bytes,
            held: Arc::clone(&self.held),
            _room: room.clone(),
        };
        if !rest.is_empty() {
            self.rest = Some((rest, room));
        }
        Some(Ok(Bytes::from_owner(piece)))
    }
}

/// Bytes that take room until the connection has sent them, or has ended.
struct Piece {
    bytes: Bytes,
    held: Arc<watch::Sender<usize>>,
    _room: Option<Arc<OwnedSemaphorePermit>>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.held.send_modify(|held| *held -= 1);
    }
}

/// Nothing was taken for too long.
struct Stalled;

/// Waits until nobody holds a piece.
async fn taken(held: &watch::Sender<usize>) {
    let mut held = held.subscribe();
    // The other end is here, so there is one.
    let _there = held.wait_for(|held| *held == 0).await;
}

/// Waits until somebody else has held pieces for so long, and has taken none.
async fn stall(held: &watch::Sender<usize>, own: usize, patience: Option<Duration>) {
    let Some(patience) = patience else {
        return pending().await;
    };
    let mut held = held.subscribe();
    loop {
        let is_held = *held.borrow_and_update() > own;
        // The other end is here, so a change is all that can be reported.
        let change = held.changed();
        if !is_held {
            let _change = change.await;
        } else if timeout(patience, change).await.is_err() {
            return;
        }
    }
}

/// Takes a body from its source piece by piece, and gives it up if none is taken for too long: HTTP/2 asks for nothing
/// while its client leaves no room, however long that is, and keeps what it has.
async fn carry(
    mut pieces: Pieces,
    length: Option<u64>,
    out: mpsc::Sender<Step>,
    patience: Option<Duration>,
) -> Result<(), Stalled> {
    let held = Arc::clone(&pieces.held);
    let mut left = length;
    // The last piece makes a body whole, so it goes only when its source says that all is well.
    let mut last = None;
    loop {
        // Before there is anything for it: who waits for room holds nothing but what the connection has.
        let place = match patience {
            None => Ok(out.reserve().await),
            Some(patience) => timeout(patience, out.reserve()).await,
        };
        let Ok(place) = place.map_err(|_elapsed| Stalled)? else {
            return Ok(());
        };
        let step = loop {
            let piece = tokio::select! {
                biased;
                () = out.closed() => return Ok(()),
                () = stall(&held, usize::from(last.is_some()), patience) => return Err(Stalled),
                piece = pieces.next(last.is_some()) => piece,
            };
            match (piece, &mut left) {
                (Some(Ok(piece)), _) if piece.is_empty() => {}
                (Some(Ok(piece)), None) => break Step::Piece(piece),
                (Some(Ok(piece)), Some(left)) => match left.checked_sub(piece.len() as u64) {
                    None => break Step::Abort(Aborted::Long),
                    Some(0) => (*left, last) = (0, Some(piece)),
                    Some(rest) => {
                        *left = rest;
                        break Step::Piece(piece);
                    }
                },
                (Some(Err(error)), _) => break Step::Abort(Aborted::Source(error)),
                (None, Some(missing @ 1..)) => {
                    break Step::Abort(Aborted::Short { missing: *missing });
                }
                (None, _) => break last.take().map_or(Step::End, Step::Piece),
            }
        };
        let is_last = left == Some(0) || !matches!(step, Step::Piece(_));
        place.send(step);
        if is_last {
            break;
        }
    }
    drop((pieces, out));
    // What is left of it in the connection takes room too.
    tokio::select! {
        () = taken(&held) => Ok(()),
        () = stall(&held, 0, patience) => Err(Stalled),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn pieces_are_cut_and_nothing_is_lost() {
        let whole: Vec<u8> = (0..3 * PIECE + 1).map(|at| (at / 7) as u8).collect();
        let source = stream::iter([Ok(Bytes::from(whole.clone())), Ok(Bytes::new())]).boxed();
        let mut pieces = Pieces::new(source, Budget::new(1));
        let (mut lengths, mut got) = (Vec::new(), Vec::new());
        while let Some(piece) = pieces.next(false).await {
            let piece = piece.unwrap();
            assert_eq!(*pieces.held.borrow(), 1);
            lengths.push(piece.len());
            got.extend(piece);
        }
        assert_eq!(lengths, [PIECE, PIECE, PIECE, 1, 0]);
        assert!(got == whole);
        taken(&pieces.held).await;
    }
}
