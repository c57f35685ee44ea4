//! One connection, from the TLS handshake to its end.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::exchange::respond;
use super::shared::one_line;
use super::socket::Socket;
use super::state::ConnectionState;

/// The maximum size of the part of a response that waits in a connection or HTTP/2 stream, beside one more piece. Also
/// the maximum size of a request's head.
const BUFFER: usize = 64 * 1024;

/// How long an idle connection may take to shut down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves a connection until either side ends it.
pub(super) async fn run(state: Arc<ConnectionState>, stream: TcpStream) {
    let (shared, peer) = (&state.shared, state.peer);
    let settings = &shared.settings;
    let _open = settings.metrics.count_connection();
    // If this fails, small responses are only slower.
    let _as_it_is = stream.set_nodelay(true);
    // Declared before the socket, so that the socket ends first.
    let _end = ConnectionEnd(&state);
    let socket = Socket::new(stream, Arc::clone(&state), settings.write_timeout);
    let Some(tls) = &settings.tls else {
        return serve_http(&state, socket).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(settings.idle_timeout, tls.0.accept(socket)) => shaken,
        () = shared.stopped() => return,
        () = state.end.notified() => return,
    };
    match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => serve_http(&state, stream).await,
        // A port scan or a TCP health check.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => shared.record_failure(
            "tls",
            None,
            &format!("{peer}: the TLS handshake failed: {}", one_line(&error)),
        ),
    }
}

/// Records the last requests of a connection when the connection ends, also if its task is cancelled.
struct ConnectionEnd<'a>(&'a ConnectionState);

impl Drop for ConnectionEnd<'_> {
    fn drop(&mut self) {
        self.0.end_deliveries();
    }
}

async fn serve_http<S>(state: &Arc<ConnectionState>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shared = &state.shared;
    let service = service_fn(|request| respond(Arc::clone(state), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // hyper's own time-out for heads is off. The idle time-out below covers both HTTP versions, and clients that send
    // nothing.
    builder.http1().max_buf_size(BUFFER);
    builder
        .http2()
        .max_concurrent_streams(shared.settings.max_streams)
        .max_send_buf_size(BUFFER);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut idle = pin!(state.idle(shared.settings.idle_timeout));
    let mut stopped = pin!(shared.stopped());
    let mut is_stopping = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = stopped.as_mut(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = state.end.notified() => break Ok(()),
            () = idle.as_mut() => {
                connection.as_mut().graceful_shutdown();
                let ended = timeout(SHUTDOWN_TIMEOUT, connection.as_mut()).await;
                break ended.unwrap_or(Ok(()));
            }
        }
    };
    if ended.is_err_and(|error| is_no_http(error.as_ref())) {
        shared.settings.metrics.count_failure("http");
    }
}

/// Returns whether the client sent malformed HTTP. Other early ends count as aborts of their requests.
fn is_no_http(error: &(dyn StdError + Send + Sync + 'static)) -> bool {
    let error = error.downcast_ref::<hyper::Error>();
    error.is_some_and(hyper::Error::is_parse)
}
