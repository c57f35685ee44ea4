//! The server's settings.

use std::sync::Arc;
use std::time::Duration;

use super::tls::Tls;
use crate::gateway::metrics::Metrics;

/// Limits and observers of a server.
#[derive(Clone)]
pub struct ServerSettings {
    /// The certificate that clients see; without it the server speaks plain HTTP.
    pub tls: Option<Tls>,
    /// The maximum number of connections at once. Further connections wait in the system's queue.
    pub max_connections: usize,
    /// The maximum number of requests in flight on one HTTP/2 connection.
    pub max_streams: u32,
    /// How long a connection may be idle: from its start, or the end of the last response, to the end of the next
    /// request's head. Then the server closes it.
    pub idle_timeout: Duration,
    /// The maximum size of all response bodies in memory, from the time that their source returns them until the
    /// connection has sent them. Further bodies wait. Socket buffers of the system do not count. A body made in one
    /// piece counts as at most 256 KiB.
    pub max_body_bytes: usize,
    /// How long a client may read nothing of a response before the server closes the connection.
    pub write_timeout: Duration,
    /// How long responses in flight may take after the server was told to stop.
    pub grace: Duration,
    /// The names in `Host` that a loopback listener allows, beside `localhost` and addresses.
    pub hosts: Vec<String>,
    /// The counters that `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// Whether the log has a line for each request. Failures are always logged.
    pub access_log: bool,
    /// The log. It gets one line at a time, without secrets or control characters, and must not block.
    pub log: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 1024,
            max_streams: 32,
            max_body_bytes: 128 * 1024 * 1024,
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(100),
            hosts: Vec::new(),
            metrics: Arc::default(),
            access_log: true,
            log: Arc::new(|_| ()),
        }
    }
}
