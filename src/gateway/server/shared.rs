//! The state that all connections share.

use std::error;
use std::sync::Arc;

use tokio::sync::watch;

use super::budget::Budget;
use super::settings::ServerSettings;
use crate::gateway::log::{self, LoggedRequest};
use crate::gateway::message::Handler;
use crate::store::chain;
use crate::text::printable;

pub(super) struct SharedState {
    pub(super) handler: Arc<dyn Handler>,
    /// The budget for the bodies of all connections.
    pub(super) budget: Budget,
    pub(super) settings: ServerSettings,
    is_loopback: bool,
    stopping: watch::Sender<bool>,
}

impl SharedState {
    pub(super) fn new(
        handler: Arc<dyn Handler>,
        settings: ServerSettings,
        is_loopback: bool,
    ) -> Self {
        Self {
            handler,
            budget: Budget::new(settings.max_body_bytes),
            settings,
            is_loopback,
            stopping: watch::Sender::new(false),
        }
    }

    /// Tells all connections to stop.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Checks whether requests can be handled now; the error is the reason why not.
    pub(super) async fn ready(&self) -> Result<(), String> {
        let ready = self.handler.ready().await;
        // The server may have been told to stop meanwhile.
        match self.is_stopping() {
            true => Err("stopping".to_owned()),
            false => ready,
        }
    }

    /// Returns the names of a loopback listener, which other names must not reach.
    pub(super) fn own_names(&self) -> Option<&[String]> {
        self.is_loopback.then_some(&self.settings.hosts)
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the server is told to stop.
    pub(super) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // `self` owns the sender, so this cannot fail.
        let _there = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Counts and logs a failure. Failures outside requests have no request.
    pub(super) fn record_failure(
        &self,
        kind: &'static str,
        request: Option<&LoggedRequest>,
        what: &str,
    ) {
        self.settings.metrics.count_failure(kind);
        (self.settings.log)(&log::line("error", request, what));
    }
}

/// Returns an error and its causes on one line, without control characters.
pub(super) fn one_line(error: &(dyn error::Error + 'static)) -> String {
    printable(&chain(error))
}
