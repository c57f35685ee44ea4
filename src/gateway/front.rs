//! Connections: who may have one, for how long, and what is noted of each request.
//!
//! Knows nothing of registries: what is asked goes to an [`Answer`], and its body goes out as it comes. A body that fails
//! is never ended as if it were whole.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc9112> and <https://www.rfc-editor.org/rfc/rfc9113>.

mod admin;
mod body;
mod budget;
mod connection;
mod exchange;
mod record;
mod socket;
mod tls;

use std::error;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use self::budget::Budget;
pub use self::tls::Tls;
use super::message::Answer;
use super::metrics::Metrics;

/// How connections are dealt with.
#[derive(Clone)]
pub struct Settings {
    /// What clients are shown; without it they speak plain http.
    pub tls: Option<Tls>,
    /// How many connections there are at once. Further ones are not refused: they wait, in the system's queue, until
    /// another one ends.
    pub max_connections: usize,
    /// How many requests an HTTP/2 connection may have under way at once.
    pub max_streams: u32,
    /// How long a connection may be without a request: from its beginning, or from the end of the last answer, to the
    /// end of the next request's head. Whoever takes longer is cut off.
    pub idle_timeout: Duration,
    /// How many bytes of all answers may be on their way at once, from when a source gives them until the connection
    /// has sent them; further ones wait. What waits in the system's own buffers does not count, nor what is longer than
    /// 256 KiB and made at once.
    pub max_body_bytes: usize,
    /// How long a client may take nothing of what is there for it; then it is cut off.
    pub write_timeout: Duration,
    /// How long answers that are under way may take to end once all is to stop.
    pub grace: Duration,
    /// What is counted; `/metrics` shows it.
    pub metrics: Arc<Metrics>,
    /// Whether each request is a line in the log; failures always are.
    pub access_log: bool,
    /// Who is told: a line at a time, without secrets and control characters.
    pub log: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 1024,
            max_streams: 32,
            max_body_bytes: 128 * 1024 * 1024,
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(100),
            metrics: Arc::default(),
            access_log: true,
            log: Arc::new(|_| ()),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// Why connections cannot be served, or were not to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The files for TLS.
    #[error("{what}")]
    Tls {
        /// What is wrong with which of them.
        what: &'static str,
        /// Why.
        source: Option<Box<dyn error::Error + Send + Sync>>,
    },
    /// Not everything ended in the time that there was.
    #[error("{connections} connections were cut off: their answers did not end in time")]
    Cut {
        /// How many.
        connections: usize,
    },
}

/// How long nothing is accepted after the system could not give us a connection.
const PAUSE: Duration = Duration::from_secs(1);

/// What all connections have in common.
struct Shared {
    answer: Arc<dyn Answer>,
    /// For the bodies of all connections.
    budget: Budget,
    settings: Settings,
    stopping: watch::Sender<bool>,
}

impl Shared {
    fn new(answer: Arc<dyn Answer>, settings: Settings) -> Self {
        Self {
            answer,
            budget: Budget::new(settings.max_body_bytes),
            settings,
            stopping: watch::Sender::new(false),
        }
    }

    /// Returns whether requests can be answered now, or why not.
    async fn ready(&self) -> Result<(), String> {
        let ready = self.answer.ready().await;
        // All may have been told to stop while that was found out.
        match self.is_stopping() {
            true => Err("stopping".to_owned()),
            false => ready,
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until no further request is wanted.
    async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The other end is in `self`, so there is one.
        let _there = stopping.wait_for(|stopping| *stopping).await;
    }

    fn log(&self, line: &str) {
        (self.settings.log)(line);
    }

    fn failed(&self, kind: &'static str, line: &str) {
        self.settings.metrics.failed(kind);
        self.log(line);
    }
}

/// Answers everybody who connects until `stop` is done. Then nobody can connect any more, connections without a request
/// are closed, and what is under way ends, for which there is [`Settings::grace`].
///
/// HTTP/1.1 and HTTP/2, by TLS and without. `/healthz`, `/readyz` and `/metrics` are answered here. Only GET and HEAD
/// without a body reach `answer`; every other method is 405, a body 413, and is not read.
pub async fn serve(
    listener: TcpListener,
    answer: Arc<dyn Answer>,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let shared = Arc::new(Shared::new(answer, settings));
    run(listener, &shared, stop).await
}

/// As [`serve`], and answers `/healthz`, `/readyz` and `/metrics`, and nothing else, to those who connect to `admin`, by
/// plain http. They have connections of their own, which do not wait for others, until all else has ended.
pub async fn serve_with_admin(
    listener: TcpListener,
    admin: TcpListener,
    answer: Arc<dyn Answer>,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let shared = Arc::new(Shared::new(answer, settings));
    let beside = Arc::new(admin::beside(&shared));
    let end = Notify::new();
    let served = async {
        let served = run(listener, &shared, stop).await;
        end.notify_one();
        served
    };
    // Whoever probes too late has nothing to lose.
    let (served, _late) = tokio::join!(served, run(admin, &beside, end.notified()));
    served
}

async fn run(
    listener: TcpListener,
    shared: &Arc<Shared>,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let places = shared.settings.max_connections.min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(places));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, place) = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => {
                note(shared, ended);
                continue;
            }
            accepted = accept(shared, &listener, &places) => accepted,
        };
        let shared = Arc::clone(shared);
        connections.spawn(async move {
            connection::run(shared, stream, peer).await;
            drop(place);
        });
    }
    drop(listener);
    shared.stopping.send_replace(true);
    let all_end = async {
        while let Some(ended) = connections.join_next().await {
            note(shared, ended);
        }
    };
    if timeout(shared.settings.grace, all_end).await.is_ok() {
        return Ok(());
    }
    let left = connections.len();
    connections.shutdown().await;
    Err(Error::Cut { connections: left })
}

/// Waits until there is a place for another connection, and then for the connection.
async fn accept(
    shared: &Shared,
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // Never closed, so there is always a place in the end.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                // For want of file handles, mostly: some will be free soon.
                shared.failed("accept", &format!("error: no connection: {error}"));
                sleep(PAUSE).await;
            }
        }
    }
}

/// A connection whose answer panicked is gone, and no reason to leave the others.
fn note(shared: &Shared, ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        shared.failed(
            "other",
            "error: a connection broke off: its answer panicked",
        );
    }
}

/// Returns an error and its causes in a line, without control characters.
fn chain(error: &(dyn error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    printable(&causes.join(": "))
}

/// Returns a text from elsewhere as one that neither ends a line nor repaints a terminal.
fn printable(text: &str) -> String {
    let plain = |char: char| match char.is_control() {
        true => '\u{fffd}',
        false => char,
    };
    text.chars().map(plain).collect()
}
