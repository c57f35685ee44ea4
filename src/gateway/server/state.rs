//! The state that a connection and its requests share.

use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::shared::SharedState;

/// Records a request. The argument is whether the client closed the connection in order after the response.
type Recorder = Box<dyn FnOnce(bool) + Send>;

/// The responses that a stopping server has sent on a connection.
enum Deliveries {
    /// The client may lack a part of these, because the connection is open.
    Open(Vec<Recorder>),
    /// The connection has ended.
    Ended,
}

/// The slowest client that the server waits for at the end of a connection, in bytes per second.
const SLOWEST_CLIENT: u64 = 128 * 1024;

/// The maximum number of bytes that the buffers of the two systems hold, as an estimate.
const MAX_BACKLOG: u64 = 8 * 1024 * 1024;

/// An estimate of the bytes that a slow client may have left in the buffers of the two systems.
struct Backlog {
    bytes: u64,
    /// The time of the estimate.
    at: Instant,
}

impl Backlog {
    fn new() -> Self {
        let at = Instant::now();
        Self { bytes: 0, at }
    }

    fn add(&mut self, bytes: usize) {
        let taken = self.at.elapsed().as_secs_f64() * SLOWEST_CLIENT as f64;
        let left = self.bytes.saturating_sub(taken as u64) + bytes as u64;
        self.bytes = left.min(MAX_BACKLOG);
        self.at = Instant::now();
    }
}

pub(super) struct ConnectionState {
    pub(super) shared: Arc<SharedState>,
    pub(super) peer: SocketAddr,
    in_flight: watch::Sender<usize>,
    /// The start of the connection, or the end of the last request.
    quiet_since: Mutex<Instant>,
    is_slow: AtomicBool,
    is_broken: AtomicBool,
    is_delivery_confirmed: AtomicBool,
    deliveries: Mutex<Deliveries>,
    backlog: Mutex<Backlog>,
    /// Notified when the connection must end now.
    pub(super) end: Notify,
}

impl ConnectionState {
    pub(super) fn new(shared: Arc<SharedState>, peer: SocketAddr) -> Self {
        Self {
            shared,
            peer,
            in_flight: watch::Sender::new(0),
            quiet_since: Mutex::new(Instant::now()),
            is_slow: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            is_delivery_confirmed: AtomicBool::new(false),
            deliveries: Mutex::new(Deliveries::Open(Vec::new())),
            backlog: Mutex::new(Backlog::new()),
            end: Notify::new(),
        }
    }

    pub(super) fn request_started(&self) {
        self.in_flight.send_modify(|requests| {
            if *requests == 0 {
                // A client takes its responses before it sends the next request.
                *self.lock_backlog() = Backlog::new();
            }
            *requests += 1;
        });
    }

    /// Records that the system took bytes for the client.
    pub(super) fn add_written(&self, bytes: usize) {
        self.lock_backlog().add(bytes);
    }

    /// Returns how long a slow client may need for the bytes in the buffers.
    pub(super) fn backlog_time(&self) -> Duration {
        let mut backlog = self.lock_backlog();
        backlog.add(0);
        Duration::from_secs(backlog.bytes / SLOWEST_CLIENT)
    }

    fn lock_backlog(&self) -> MutexGuard<'_, Backlog> {
        // A panic cannot leave the estimate half changed.
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn request_ended(&self) {
        *self.quiet_since() = Instant::now();
        self.in_flight.send_modify(|requests| *requests -= 1);
    }

    fn quiet_since(&self) -> MutexGuard<'_, Instant> {
        self.quiet_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how long no request was in flight. Returns nothing if one is, or if the client may still read a response:
    /// the end of the connection could cut that off.
    pub(super) fn idle_time(&self) -> Option<Duration> {
        let is_idle = *self.in_flight.borrow() == 0 && self.backlog_time().is_zero();
        is_idle.then(|| self.quiet_since().elapsed())
    }

    /// Records that the client reads nothing.
    pub(super) fn mark_stalled(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    /// Ends the connection, because the client reads nothing of a response. HTTP/2 has no other way to free the memory
    /// of that response.
    pub(super) fn abort(&self) {
        self.mark_stalled();
        self.mark_aborted();
        self.end.notify_one();
    }

    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// Records that a response was aborted.
    pub(super) fn mark_aborted(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    /// Records that the client closed the connection after the last byte for it.
    pub(super) fn confirm_delivery(&self) {
        self.is_delivery_confirmed.store(true, Ordering::Relaxed);
    }

    /// Records a request whose response the connection took. While the server runs, the system delivers these bytes.
    /// If the server stops, they may be lost, so the end of the connection decides.
    pub(super) fn record_delivery(&self, record: Recorder) {
        if !self.shared.is_stopping() {
            return record(true);
        }
        let mut deliveries = self
            .deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &mut *deliveries {
            Deliveries::Open(open) => open.push(record),
            Deliveries::Ended => {
                drop(deliveries);
                record(self.is_delivery_confirmed.load(Ordering::Relaxed));
            }
        }
    }

    /// Records the requests that wait for the end of the connection.
    pub(super) fn end_deliveries(&self) {
        let mut deliveries = self
            .deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ended = mem::replace(&mut *deliveries, Deliveries::Ended);
        drop(deliveries);
        if let Deliveries::Open(open) = ended {
            let is_confirmed = self.is_delivery_confirmed.load(Ordering::Relaxed);
            for record in open {
                record(is_confirmed);
            }
        }
    }

    /// Returns whether a response is incomplete. After an orderly shutdown the connection got every response in full,
    /// even if the records do not show it yet.
    pub(super) fn is_cut(&self, is_shut: bool) -> bool {
        self.is_broken.load(Ordering::Relaxed) || (!is_shut && *self.in_flight.borrow() > 0)
    }

    /// Waits until no request was in flight for `patience`.
    pub(super) async fn idle(&self, patience: Duration) {
        let mut in_flight = self.in_flight.subscribe();
        loop {
            let is_idle = *in_flight.borrow_and_update() == 0;
            // `self` owns the sender, so this cannot fail.
            let change = in_flight.changed();
            if !is_idle {
                let _change = change.await;
            } else if timeout(patience, change).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use http::StatusCode;

    use super::*;
    use crate::gateway::message::{Handler, Request, Response};
    use crate::gateway::server::settings::ServerSettings;

    struct Nothing;

    #[async_trait]
    impl Handler for Nothing {
        async fn handle(&self, _request: Request) -> Response {
            Response::new(StatusCode::NOT_FOUND, "")
        }

        async fn ready(&self) -> Result<(), String> {
            Ok(())
        }
    }

    #[test]
    fn a_connection_is_idle_after_its_client_took_the_response() {
        let shared = SharedState::new(Arc::new(Nothing), ServerSettings::default(), true);
        let peer = ([127, 0, 0, 1], 80).into();
        let connection = ConnectionState::new(Arc::new(shared), peer);
        assert!(connection.idle_time().is_some());
        connection.request_started();
        assert!(connection.idle_time().is_none());
        connection.add_written(100 * SLOWEST_CLIENT as usize);
        connection.request_ended();
        assert!(connection.idle_time().is_none());
        // The client sends the next request, so it has the response.
        connection.request_started();
        connection.request_ended();
        assert!(connection.idle_time().is_some());
    }
}
