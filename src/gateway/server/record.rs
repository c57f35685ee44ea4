//! The log line and the metrics of a request.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::{StatusCode, Uri, Version};

use super::shared::one_line;
use super::state::ConnectionState;
use crate::gateway::message::Request;
use crate::gateway::metrics::GaugeGuard;
use crate::store;

/// The query parameters in the log. Other parameters are left out, including their names, because a parameter without a
/// name may be a secret.
const LOGGED_PARAMETERS: [&str; 6] = ["ns", "n", "last", "digest", "artifactType", "form"];

/// The maximum length of a method, and of a path with its query, in the log, in characters.
const MAX_METHOD: usize = 16;
const MAX_TARGET: usize = 1024;

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
    /// The method and the path.
    what: String,
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
    pub(super) fn new(state: &Arc<ConnectionState>, request: &Request) -> Self {
        state.request_started();
        let method: String = request.method.as_str().chars().take(MAX_METHOD).collect();
        Self {
            state: Arc::clone(state),
            kind: kind(request.uri.path()),
            what: format!("{method} {}", target(&request.uri)),
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

    /// Logs and counts that the response was aborted.
    pub(super) fn mark_aborted(mut self, why: &AbortReason) {
        self.is_counted = true;
        let line = format!(
            "error: {} aborted after {} bytes: {}",
            self.what,
            self.sent,
            one_line(why)
        );
        self.state.shared.record_failure(why.kind(), &line);
    }
}

/// Ends a connection and all its requests, because the client reads nothing of a response. Otherwise the connection
/// would hold the rest for ever.
pub(super) fn abort_slow_connection(connection: &ConnectionState, record: Option<RequestRecord>) {
    match record.filter(|record| !record.is_complete) {
        Some(record) => record.mark_aborted(&AbortReason::Slow),
        None => {
            let line = format!(
                "error: {} stopped reading before the end of a response",
                connection.peer
            );
            connection
                .shared
                .record_failure(AbortReason::Slow.kind(), &line);
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
                "{} {} {} {status} {} {}ms",
                instant(SystemTime::now()),
                self.state.peer,
                self.what,
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

/// Returns the path, with the query parameters in [`LOGGED_PARAMETERS`].
fn target(uri: &Uri) -> String {
    let is_shown = |pair: &&str| {
        let name = pair.split('=').next();
        name.is_some_and(|name| LOGGED_PARAMETERS.contains(&name))
    };
    let pairs = uri.query().unwrap_or_default().split('&').filter(is_shown);
    let query = pairs.collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    let text = format!("{}{mark}{query}", uri.path());
    let plain = |char: char| match char.is_ascii_graphic() {
        true => char,
        false => '\u{fffd}',
    };
    text.chars().map(plain).take(MAX_TARGET).collect()
}

/// Formats a time as RFC 3339, in UTC, to the second.
fn instant(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    // If years begin in March, the leap day is the last day of a year. All periods of 400 years have the same number of
    // days.
    let from_march = days + 719_468;
    let (era, of_era) = (from_march / 146_097, from_march % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (1_795_386_245, "2026-11-22T22:24:05Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let moment = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(instant(moment), expected);
        }
    }

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

    #[test]
    fn unknown_query_parameters_are_not_logged() {
        for (uri, expected) in [
            ("/v2/", "/v2/"),
            (
                "/v2/a/tags/list?n=5&last=1.0",
                "/v2/a/tags/list?n=5&last=1.0",
            ),
            (
                "/v2/a/manifests/1?token=s3cret&ns=docker.io",
                "/v2/a/manifests/1?ns=docker.io",
            ),
            ("/v2/?s3cret&N=1&n&&=s3cret", "/v2/?n"),
            ("http://user:s3cret@host/v2/?form=split", "/v2/?form=split"),
        ] {
            assert_eq!(target(&uri.parse().unwrap()), expected);
        }
        let long = format!("/{}", "a".repeat(5000));
        assert_eq!(target(&long.parse().unwrap()).len(), MAX_TARGET);
    }
}
