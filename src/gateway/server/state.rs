//! The state that a connection and its requests share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::shared::Shared;

pub(super) struct ConnectionState {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: SocketAddr,
    in_flight: watch::Sender<usize>,
    is_slow: AtomicBool,
    is_broken: AtomicBool,
    /// Notified when the connection must end now.
    pub(super) end: Notify,
}

impl ConnectionState {
    pub(super) fn new(shared: Arc<Shared>, peer: SocketAddr) -> Self {
        Self {
            shared,
            peer,
            in_flight: watch::Sender::new(0),
            is_slow: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            end: Notify::new(),
        }
    }

    pub(super) fn begins(&self) {
        self.in_flight.send_modify(|requests| *requests += 1);
    }

    pub(super) fn ends(&self) {
        self.in_flight.send_modify(|requests| *requests -= 1);
    }

    /// Records that the client reads nothing.
    pub(super) fn stalls(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    /// Ends the connection, because the client reads nothing of a response. HTTP/2 has no other way to free the memory
    /// of that response.
    pub(super) fn cut(&self) {
        self.stalls();
        self.breaks();
        self.end.notify_one();
    }

    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// Records that a response was aborted.
    pub(super) fn breaks(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
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
