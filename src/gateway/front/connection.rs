//! One connection, from TLS to its end.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::exchange::respond;
use super::socket::Socket;
use super::{Shared, chain};

/// How much of an answer waits in a connection, or in an HTTP/2 stream, beside the piece that passes this; also how
/// long the head of a request may be. In bytes.
const BUFFER: usize = 64 * 1024;

/// How long a connection that is no longer wanted may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What a connection and its requests know of each other.
pub(super) struct Link {
    pub(super) peer: SocketAddr,
    /// How many requests are under way.
    under_way: watch::Sender<usize>,
    is_slow: AtomicBool,
    is_broken: AtomicBool,
    /// It ends now.
    end: Notify,
}

impl Link {
    fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            under_way: watch::Sender::new(0),
            is_slow: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            end: Notify::new(),
        }
    }

    pub(super) fn begins(&self) {
        self.under_way.send_modify(|requests| *requests += 1);
    }

    pub(super) fn ends(&self) {
        self.under_way.send_modify(|requests| *requests -= 1);
    }

    /// The client takes nothing.
    pub(super) fn stalls(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    /// The client takes nothing of one of several answers: there is no other way to get rid of it.
    pub(super) fn cut(&self) {
        self.stalls();
        self.breaks();
        self.end.notify_one();
    }

    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// An answer has not come to its end, and never will.
    pub(super) fn breaks(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    /// Returns whether something is missing of what the client was to get. Where the connection was shut in order, all
    /// answers had ended for it, whether or not those who carried them have seen that.
    pub(super) fn is_cut(&self, is_shut: bool) -> bool {
        self.is_broken.load(Ordering::Relaxed) || (!is_shut && *self.under_way.borrow() > 0)
    }

    /// Waits until there has been no request under way for so long.
    async fn is_idle(&self, patience: Duration) {
        let mut under_way = self.under_way.subscribe();
        loop {
            let is_idle = *under_way.borrow_and_update() == 0;
            // The other end is in `self`, so a change is all that can be reported.
            let change = under_way.changed();
            if !is_idle {
                let _change = change.await;
            } else if timeout(patience, change).await.is_err() {
                return;
            }
        }
    }
}

/// Answers what is asked on a connection until either side has enough.
pub(super) async fn run(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let settings = &shared.settings;
    let _open = settings.metrics.connected();
    // A hint; without it small answers come later, but they come.
    let _as_it_is = stream.set_nodelay(true);
    let link = Arc::new(Link::new(peer));
    let socket = Socket::new(stream, Arc::clone(&link), settings.write_timeout);
    let Some(tls) = &settings.tls else {
        return speak(&shared, &link, socket).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(settings.idle_timeout, tls.0.accept(socket)) => shaken,
        () = shared.stopped() => return,
    };
    match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => speak(&shared, &link, stream).await,
        // Somebody who only looked whether there is something.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => shared.failed("tls", &format!("error: {peer}: no TLS: {}", chain(&error))),
    }
}

async fn speak<S>(shared: &Arc<Shared>, link: &Arc<Link>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| respond(Arc::clone(shared), Arc::clone(link), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Without hyper's own time-out for heads: `is_idle` holds for both versions, and for who says nothing at all.
    builder.http1().max_buf_size(BUFFER);
    builder
        .http2()
        .max_concurrent_streams(shared.settings.max_streams)
        .max_send_buf_size(BUFFER);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut idle = pin!(link.is_idle(shared.settings.idle_timeout));
    let mut stopped = pin!(shared.stopped());
    let mut is_stopping = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = stopped.as_mut(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = link.end.notified() => break Ok(()),
            () = idle.as_mut() => {
                connection.as_mut().graceful_shutdown();
                let ended = timeout(GOODBYE, connection.as_mut()).await;
                break ended.unwrap_or(Ok(()));
            }
        }
    };
    if ended.is_err_and(|error| is_no_http(error.as_ref())) {
        shared.settings.metrics.failed("http");
    }
}

/// Returns whether a client says what cannot be understood. What else ends a connection early is counted with the
/// requests that it ends.
fn is_no_http(error: &(dyn StdError + Send + Sync + 'static)) -> bool {
    let error = error.downcast_ref::<hyper::Error>();
    error.is_some_and(hyper::Error::is_parse)
}
