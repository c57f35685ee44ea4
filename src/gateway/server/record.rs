//! The log line and the metrics of a request.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::{StatusCode, Version};

use super::shared::one_line;
use super::state::ConnectionState;
use crate::gateway::log::{LoggedRequest, instant};
use crate::gateway::message::Request;
use crate::gateway::metrics::GaugeGuard;
use crate::store;

/// The reason why a response body was aborted.
#[derive(Debug, thiserror::Error)]
pub(super) enum AbortReason {
    #[error(transparent)]
    Source(store::Error),
    #[error("the body ended {missing} bytes before its Content-Length")]
    Short { missing: u64 },
    #[error("the body is longer than its Content-Length")]
    Long,
    #[error("the client stopped reading")]
    Slow,
    #[error("the task that produces the body panicked")]
    Lost,
}

impl AbortReason {
    /// Returns the failure's label in the metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Source(error) => error.kind().word(),
            Self::Short { .. } | Self::Long => "length",
            Self::Slow => "slow",
            Self::Lost => "other",
        }
    }
}

/// A request from its head to the last byte of its response. Dropping it logs and counts the request.
pub(super) struct RequestRecord {
    pub(super) state: Arc<ConnectionState>,
    kind: &'static str,
    logged: LoggedRequest,
    /// HTTP/2 resets the stream of an aborted response. HTTP/1 can only reset the connection.
    is_http_1: bool,
    begun: Instant,
    status: Option<StatusCode>,
    sent: u64,
    is_complete: bool,
    /// Whether the reason of the abort is already counted.
    is_counted: bool,
    _under_way: GaugeGuard,
}

impl RequestRecord {
    /// Begins the record. Adds the words for the request to it, for the log lines of its handler.
    pub(super) fn new(state: &Arc<ConnectionState>, request: &mut Request) -> Self {
        state.request_started();
        let logged = LoggedRequest::new(Some(state.peer), request);
        request.extensions.insert(logged.clone());
        Self {
            state: Arc::clone(state),
            kind: kind(request.uri.path()),
            logged,
            is_http_1: request.version < Version::HTTP_2,
            begun: Instant::now(),
            status: None,
            sent: 0,
            is_complete: false,
            is_counted: false,
            _under_way: state.shared.settings.metrics.count_in_flight(),
        }
    }

    pub(super) fn set_status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Records that the connection took this many bytes of the body, and whether they were the last.
    pub(super) fn add_sent(&mut self, bytes: u64, is_last: bool) {
        self.sent += bytes;
        self.state.shared.settings.metrics.sent_bytes.inc_by(bytes);
        self.is_complete |= is_last;
    }

    /// Logs and counts a failure of the request.
    pub(super) fn log_failure(&self, kind: &'static str, what: &str) {
        let shared = &self.state.shared;
        shared.record_failure(kind, Some(&self.logged), what);
    }

    /// Logs and counts that the response was aborted.
    pub(super) fn mark_aborted(mut self, why: &AbortReason) {
        self.is_counted = true;
        let what = format!("aborted after {} bytes: {}", self.sent, one_line(why));
        self.log_failure(why.kind(), &what);
    }
}

/// Ends a connection and all its requests, because the client reads nothing of a response. Otherwise the connection
/// would hold the rest for ever.
pub(super) fn abort_slow_connection(connection: &ConnectionState, record: Option<RequestRecord>) {
    match record.filter(|record| !record.is_complete) {
        Some(record) => record.mark_aborted(&AbortReason::Slow),
        None => {
            let what = format!(
                "{} stopped reading before the end of a response",
                connection.peer
            );
            let kind = AbortReason::Slow.kind();
            connection.shared.record_failure(kind, None, &what);
        }
    }
    connection.abort();
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let (settings, took) = (&self.state.shared.settings, self.begun.elapsed());
        let status = self.status.map_or(0, |status| status.as_u16());
        settings.metrics.count_request(self.kind, status, took);
        let line = settings.access_log.then(|| {
            let status = self.status.as_ref().map_or("-", StatusCode::as_str);
            format!(
                "{} {} {status} {} {}ms",
                instant(SystemTime::now()),
                self.logged,
                self.sent,
                took.as_millis(),
            )
        });
        let shared = Arc::clone(&self.state.shared);
        // The reason of an abort that is already counted stays the only one.
        let reason = match self.state.is_slow() {
            _ if self.is_counted => None,
            true => Some("slow"),
            false => Some("aborted"),
        };
        let record = move |is_whole: bool| {
            if !is_whole && let Some(reason) = reason {
                shared.settings.metrics.count_failure(reason);
            }
            if let Some(line) = line {
                let end = if is_whole { "" } else { " aborted" };
                (shared.settings.log)(&format!("{line}{end}"));
            }
        };
        if self.is_complete {
            self.state.record_delivery(Box::new(record));
        } else {
            if self.is_http_1 {
                self.state.mark_aborted();
            }
            record(false);
        }
        self.state.request_ended();
    }
}

/// Returns the kind of a request: one of [`crate::gateway::metrics::REQUESTS`].
fn kind(path: &str) -> &'static str {
    match path {
        "/healthz" => return "health",
        "/readyz" => return "ready",
        "/metrics" => return "metrics",
        "/v2" | "/v2/" => return "base",
        "/v2/_catalog" => return "catalog",
        _ => {}
    }
    let Some(rest) = path.strip_prefix("/v2/") else {
        return "page";
    };
    // The repository name comes first, and may contain slashes and these words.
    let mut parts = rest.rsplit('/');
    let (name, of) = (parts.next(), parts.next());
    match (of, name) {
        (Some("manifests"), _) => "manifest",
        (Some("blobs"), _) => "blob",
        (Some("referrers"), _) => "referrers",
        (Some("tags"), Some("list")) => "tags",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_of_a_kind() {
        for (path, expected) in [
            ("/v2/", "base"),
            ("/v2/_catalog", "catalog"),
            ("/v2/a/manifests/1.0", "manifest"),
            ("/v2/a/blobs/b/manifests/1.0", "manifest"),
            ("/v2/a/b/blobs/sha256:00", "blob"),
            ("/v2/a/tags/list", "tags"),
            ("/v2/a/tags/more", "other"),
            ("/v2/a/referrers/sha256:00", "referrers"),
            ("/v2/a", "other"),
            ("/", "page"),
            ("/demo/calc", "page"),
            ("/healthz", "health"),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
