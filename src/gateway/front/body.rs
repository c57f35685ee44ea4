//! The body of an answer on its way out.

use std::iter;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::record::Record;
use crate::store::{self, ByteStream};

/// The largest piece that is passed on at once, in bytes.
const PIECE: usize = 64 * 1024;

/// How many pieces wait for a client, beside those in the connection and the one that waits for its place here.
const PIECES: usize = 1;

/// Why a body is not what was promised.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Source(store::Error),
    #[error("{missing} bytes are missing at its end")]
    Short { missing: u64 },
    #[error("there is more of it than its length says")]
    Long,
    #[error("the client takes nothing")]
    Slow,
    #[error("what makes it panicked")]
    Lost,
}

impl Broken {
    /// Returns the word that it is counted under.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Source(error) => error.kind().word(),
            Self::Short { .. } | Self::Long => "length",
            Self::Slow => "slow",
            Self::Lost => "other",
        }
    }
}

/// What comes to the connection. Where nothing more comes and no end did, something is missing.
enum Step {
    Piece(Bytes),
    End,
    Broken(Broken),
}

/// What is noted of the request, until it is over for one side.
type Noted = Arc<Mutex<Option<Record>>>;

fn noted(record: &Noted) -> MutexGuard<'_, Option<Record>> {
    // A record is whole after every step.
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body as the connection takes it.
pub(super) struct Outgoing {
    /// Nothing after the end.
    steps: Option<mpsc::Receiver<Step>>,
    left: Option<u64>,
    record: Noted,
}

impl Outgoing {
    /// No body at all. The answer is over with its head.
    pub(super) fn none(mut record: Record) -> Self {
        record.completes();
        Self {
            steps: None,
            left: Some(0),
            record: Arc::new(Mutex::new(Some(record))),
        }
    }

    /// Begins to carry a body. Where `patience` is given, a client that takes no piece for so long gets no more.
    pub(super) fn new(
        source: ByteStream,
        length: Option<u64>,
        record: Record,
        patience: Option<Duration>,
    ) -> Self {
        if length == Some(0) {
            return Self::none(record);
        }
        let record = Arc::new(Mutex::new(Some(record)));
        let (out, steps) = mpsc::channel(PIECES);
        tokio::spawn(carry(source, length, out, patience, Arc::clone(&record)));
        Self {
            steps: Some(steps),
            left: length,
            record,
        }
    }

    fn breaks(&mut self, broken: Broken) -> Broken {
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

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
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
            Some(Step::Broken(broken)) => broken,
            // It was given up, and that is noted; or else nobody could note anything.
            None if noted(&self.record).is_none() => Broken::Slow,
            None => Broken::Lost,
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

/// Takes a body from its source piece by piece, and gives it up if none is taken from here for too long: HTTP/2 asks for
/// nothing while its client leaves no room, however long that is.
async fn carry(
    source: ByteStream,
    length: Option<u64>,
    out: mpsc::Sender<Step>,
    patience: Option<Duration>,
    record: Noted,
) {
    let mut source = cut(source);
    let mut left = length;
    // The last piece makes a body whole, so it goes only when its source says that all is well.
    let mut last = None;
    loop {
        let piece = tokio::select! {
            biased;
            () = out.closed() => return,
            piece = source.next() => piece,
        };
        let step = match (piece, &mut left) {
            (Some(Ok(piece)), _) if piece.is_empty() => continue,
            (Some(Ok(piece)), None) => Step::Piece(piece),
            (Some(Ok(piece)), Some(left)) => match left.checked_sub(piece.len() as u64) {
                None => Step::Broken(Broken::Long),
                Some(0) => {
                    (*left, last) = (0, Some(piece));
                    continue;
                }
                Some(rest) => {
                    *left = rest;
                    Step::Piece(piece)
                }
            },
            (Some(Err(error)), _) => Step::Broken(Broken::Source(error)),
            (None, Some(missing @ 1..)) => Step::Broken(Broken::Short { missing: *missing }),
            (None, _) => last.take().map_or(Step::End, Step::Piece),
        };
        let is_last = left == Some(0) || !matches!(step, Step::Piece(_));
        let place = match patience {
            None => Ok(out.reserve().await),
            Some(patience) => timeout(patience, out.reserve()).await,
        };
        match place {
            Ok(Ok(place)) => place.send(step),
            Ok(Err(_gone)) => return,
            Err(_elapsed) => {
                // What the connection still holds of it is not worth the source.
                if let Some(record) = noted(&record).take() {
                    record.breaks(&Broken::Slow);
                }
                return;
            }
        }
        if is_last {
            return;
        }
    }
}

/// Cuts what is longer than a piece, so that each is soon taken by whoever takes anything.
fn cut(source: ByteStream) -> impl Stream<Item = Result<Bytes, store::Error>> + Unpin {
    source.flat_map(|item| {
        let mut item = Some(item);
        stream::iter(iter::from_fn(move || match item.take()? {
            Ok(mut whole) if whole.len() > PIECE => {
                let piece = whole.split_to(PIECE);
                item = Some(Ok(whole));
                Some(Ok(piece))
            }
            one => Some(one),
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_are_cut_and_nothing_is_lost() {
        let whole: Vec<u8> = (0..3 * PIECE + 1).map(|at| (at / 7) as u8).collect();
        let source = stream::iter([Ok(Bytes::from(whole.clone())), Ok(Bytes::new())]).boxed();
        let pieces: Vec<Bytes> = cut(source).map(Result::unwrap).collect().await;
        let lengths: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [PIECE, PIECE, PIECE, 1, 0]);
        assert_eq!(pieces.concat(), whole);
    }
}
