//! The gateway's HTTP server: connections, their limits, and the log line and metrics of each request.
//!
//! The server knows nothing about registries. A [`Handler`] answers requests, and the server streams the response
//! bodies. A failed body never looks complete to the client.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc9112> and <https://www.rfc-editor.org/rfc/rfc9113>.

mod admin;
mod body;
mod budget;
mod connection;
mod error;
mod exchange;
mod origin;
mod places;
mod record;
mod settings;
mod shared;
mod socket;
mod state;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

pub use self::error::Error;
use self::places::Places;
pub use self::settings::ServerSettings;
use self::shared::SharedState;
use self::state::ConnectionState;
pub use self::tls::Tls;
use super::message::Handler;

/// The wait after a failed accept of a connection.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Serves connections until `stop` is done. Then the server closes the listener and the idle connections. Requests in
/// flight have [`ServerSettings::grace`] to end.
///
/// Speaks HTTP/1.1 and HTTP/2, with and without TLS. The server itself answers `/healthz`, `/readyz` and `/metrics`.
/// Only GET and HEAD without a body reach `handler`. Every other method gets a 405, and a body, which is not read, a
/// 413.
///
/// Also answers `/healthz`, `/readyz` and `/metrics` on `admin`, over plain HTTP and with connections of its own, until
/// everything else has ended.
pub async fn serve(
    listener: TcpListener,
    admin: Option<TcpListener>,
    handler: Arc<dyn Handler>,
    settings: ServerSettings,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let shared = SharedState::new(handler, settings, is_loopback(&listener));
    let shared = Arc::new(shared);
    let Some(admin) = admin else {
        return run(listener, &shared, stop).await;
    };
    let admin_shared = Arc::new(admin::shared(&shared, is_loopback(&admin)));
    let end = Notify::new();
    let served = async {
        let served = run(listener, &shared, stop).await;
        end.notify_one();
        served
    };
    // The outcome of the admin listener does not matter.
    let (served, _admin) = tokio::join!(served, run(admin, &admin_shared, end.notified()));
    served
}

/// Returns whether only clients on this machine can connect.
fn is_loopback(listener: &TcpListener) -> bool {
    let address = listener.local_addr();
    address.is_ok_and(|address| address.ip().to_canonical().is_loopback())
}

async fn run(
    listener: TcpListener,
    shared: &Arc<SharedState>,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let places = Places::new(shared.settings.max_connections);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    // The connection that waits for a place. Others wait in the system's queue.
    let mut waiting: Option<(TcpStream, SocketAddr)> = None;
    loop {
        let place = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => {
                log_panic(shared, ended);
                continue;
            }
            accepted = accept(shared, &listener), if waiting.is_none() => {
                waiting = Some(accepted);
                continue;
            }
            place = places.take(), if waiting.is_some() => place,
        };
        if let Some((stream, peer)) = waiting.take() {
            let state = Arc::new(ConnectionState::new(Arc::clone(shared), peer));
            places.add(&state);
            connections.spawn(async move {
                connection::run(state, stream).await;
                drop(place);
            });
        }
    }
    drop((listener, waiting));
    shared.stop();
    let all_end = async {
        while let Some(ended) = connections.join_next().await {
            log_panic(shared, ended);
        }
    };
    if timeout(shared.settings.grace, all_end).await.is_ok() {
        return Ok(());
    }
    let left = connections.len();
    connections.shutdown().await;
    Err(Error::Cut { connections: left })
}

/// Waits for a connection.
async fn accept(shared: &SharedState, listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                // Usually the process has no file handles left. Some become free soon.
                shared.record_failure(
                    "accept",
                    None,
                    &format!("a connection could not be accepted: {error}"),
                );
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Logs a connection that ended in a panic. Other connections continue.
fn log_panic(shared: &SharedState, ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        let what = "connection aborted: its task panicked";
        shared.record_failure("other", None, what);
    }
}
