//! A TCP socket that ends if its client reads nothing for too long, and that closes only after its client has read
//! everything.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::state::ConnectionState;

/// How long a client may be silent after it should have read everything. Then the server closes the connection.
const LINGER: Duration = Duration::from_secs(3);

/// A TCP connection with a time-out for writes.
pub(super) struct Socket {
    stream: TcpStream,
    state: Arc<ConnectionState>,
    patience: Duration,
    /// Runs while a write waits for the client, and while a shutdown does.
    timer: Pin<Box<Sleep>>,
    is_waiting: bool,
    /// The time when an orderly shutdown ends at the latest. It is set when such a shutdown begins.
    shutdown_deadline: Option<Instant>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, state: Arc<ConnectionState>, patience: Duration) -> Self {
        Self {
            stream,
            state,
            patience,
            timer: Box::pin(sleep(patience)),
            is_waiting: false,
            shutdown_deadline: None,
        }
    }

    /// Returns the time until when a client may be silent, because it still reads.
    fn silent_until(&self) -> Instant {
        Instant::now() + LINGER + self.state.backlog_time()
    }

    /// Reads and discards bytes until the client closes the connection. If the server closed it with unread bytes, such
    /// as a window update, the system would send a reset. It would also drop all bytes that the client has not read.
    fn poll_closed(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let mut discarded = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                    self.state.confirm_delivery();
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) => {
                    let silent_until = self.silent_until();
                    self.timer.as_mut().reset(silent_until.min(deadline));
                }
                Poll::Ready(Err(_reset)) => return Poll::Ready(()),
                Poll::Pending => return self.timer.as_mut().poll(cx),
            }
        }
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &outcome {
            self.state.add_written(*bytes);
        }
        if outcome.is_ready() {
            self.is_waiting = false;
            return outcome;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.patience);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.state.mark_stalled();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.state.is_cut(self.shutdown_deadline.is_some()) {
            // Send a reset: a client may mistake the end of the connection for the end of a body.
            let _gone_already = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let deadline = match self.shutdown_deadline {
            Some(deadline) => deadline,
            None => {
                let deadline = Instant::now() + self.patience;
                self.shutdown_deadline = Some(deadline);
                let silent_until = self.silent_until();
                self.timer.as_mut().reset(silent_until.min(deadline));
                deadline
            }
        };
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if self.state.is_cut(true) {
            return Poll::Ready(Ok(()));
        }
        self.poll_closed(cx, deadline).map(Ok)
    }
}
