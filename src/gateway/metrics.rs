//! The gateway's metrics, in Prometheus's text format:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.
//!
//! All label values come from lists in this file, so that clients cannot make the text longer.

use std::time::Duration;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The kinds of requests. Any other name counts as `other`.
pub const REQUESTS: [&str; 11] = [
    "base",
    "manifest",
    "blob",
    "tags",
    "referrers",
    "catalog",
    "page",
    "health",
    "ready",
    "metrics",
    OTHER,
];

/// The kinds of failures. The first five are words of [`crate::error::Kind`]. The others are:
/// - `length`: a body of the wrong length
/// - `held`: an unusable blob in a shared directory
/// - `slow`, `aborted`: a client that reads nothing, or disconnects
/// - `tls`, `http`: a failed TLS handshake, or a malformed request
/// - `accept`: a connection that could not be accepted
///
/// Any other name counts as `other`.
pub const FAILURES: [&str; 13] = [
    "not_found",
    "refused",
    "integrity",
    "unreachable",
    "conflict",
    "length",
    "held",
    "slow",
    "aborted",
    "tls",
    "http",
    "accept",
    OTHER,
];

/// The label for every name outside the lists.
const OTHER: &str = "other";

/// The status classes, and the label of requests without a response.
const STATUSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", NO_STATUS];
const NO_STATUS: &str = "none";

/// The upper bounds of the latency histogram, in seconds. They range from a manifest in memory to a large component
/// from a slow upstream.
const LATENCIES: [f64; 12] = [
    0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0,
];

const PREFIX: &str = "wharf_gateway";

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The counters, gauges and the latency histogram. All start at 0.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels<2>, Counter>,
    latencies: Family<Labels<1>, Histogram, fn() -> Histogram>,
    failures: Family<Labels<1>, Counter>,
    /// Bytes of blobs and manifests fetched from upstream.
    pub(super) upstream_bytes: Counter,
    /// Bytes of delta files among them.
    pub(super) delta_bytes: Counter,
    /// Bytes of blobs and layers read from the gateway's cache.
    pub(super) cache_bytes: Counter,
    /// Bytes of blobs read from blob directories on this machine.
    pub(super) directory_bytes: Counter,
    /// Bytes of bodies sent to clients.
    pub(super) sent_bytes: Counter,
    /// Components that the gateway started to splice.
    pub(super) splices: Counter,
    dropped_log_lines: Counter,
    connections: Gauge,
    in_flight: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            requests: Family::default(),
            latencies: Family::new_with_constructor(|| Histogram::new(LATENCIES)),
            failures: Family::default(),
            upstream_bytes: Counter::default(),
            delta_bytes: Counter::default(),
            cache_bytes: Counter::default(),
            directory_bytes: Counter::default(),
            sent_bytes: Counter::default(),
            splices: Counter::default(),
            dropped_log_lines: Counter::default(),
            connections: Gauge::default(),
            in_flight: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        // All label sets exist from the start, so that rates are right from the first event on.
        for kind in REQUESTS {
            for status in STATUSES {
                drop(
                    self.requests
                        .get_or_create(&[("kind", kind), ("status", status)]),
                );
            }
            drop(self.latencies.get_or_create(&[("kind", kind)]));
        }
        for kind in FAILURES {
            drop(self.failures.get_or_create(&[("kind", kind)]));
        }
        let help = "Requests by kind and status class; none if the client disconnected before the response";
        self.registry
            .register("requests", help, self.requests.clone());
        self.registry
            .register("errors", "Failures by kind", self.failures.clone());
        for (name, help, counter) in [
            (
                "upstream_bytes",
                "Bytes fetched from upstreams",
                &self.upstream_bytes,
            ),
            (
                "delta_bytes",
                "Bytes of delta files fetched from upstreams",
                &self.delta_bytes,
            ),
            (
                "cache_bytes",
                "Bytes read from the gateway's cache",
                &self.cache_bytes,
            ),
            (
                "held_bytes",
                "Bytes read from blob directories of this machine",
                &self.directory_bytes,
            ),
            (
                "sent_bytes",
                "Bytes of response bodies sent to clients",
                &self.sent_bytes,
            ),
            (
                "splices",
                "Components that the gateway began to splice",
                &self.splices,
            ),
            (
                "dropped_log_lines",
                "Log lines dropped because standard error was not read",
                &self.dropped_log_lines,
            ),
        ] {
            self.registry.register(name, help, counter.clone());
        }
        let help =
            "Seconds from the head of a request until its response was sent or aborted, by kind";
        self.registry
            .register("request_duration_seconds", help, self.latencies.clone());
        for (name, help, gauge) in [
            ("connections", "Open connections", &self.connections),
            ("requests_in_flight", "Requests in flight", &self.in_flight),
        ] {
            self.registry.register(name, help, gauge.clone());
        }
    }

    /// Counts a failure; the kind is one of [`FAILURES`].
    pub fn count_failure(&self, kind: &'static str) {
        self.failures
            .get_or_create(&[("kind", known_or_other(&FAILURES, kind))])
            .inc();
    }

    /// Counts a request that ended after `duration`. The kind is one of [`REQUESTS`]. Status 0 means that there was no
    /// response. Only the server calls this, once per request.
    pub fn count_request(&self, kind: &'static str, status: u16, duration: Duration) {
        let class = match status {
            100..=599 => STATUSES[usize::from(status / 100) - 1],
            _ => NO_STATUS,
        };
        let kind = known_or_other(&REQUESTS, kind);
        self.requests
            .get_or_create(&[("kind", kind), ("status", class)])
            .inc();
        self.latencies
            .get_or_create(&[("kind", kind)])
            .observe(duration.as_secs_f64());
    }

    /// Counts a line that the log dropped.
    pub fn count_dropped_line(&self) {
        self.dropped_log_lines.inc();
    }

    /// Counts a connection until the returned value is dropped.
    pub(crate) fn count_connection(&self) -> GaugeGuard {
        GaugeGuard::new(&self.connections)
    }

    /// Counts a request in flight until the returned value is dropped.
    pub(crate) fn count_in_flight(&self) -> GaugeGuard {
        GaugeGuard::new(&self.in_flight)
    }

    /// Returns all metrics as text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _always = encode_registry(&mut text, &self.registry);
        // The library writes OpenMetrics, where the comments name a counter without the suffix `_total`. In the text
        // format both names are the same.
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let counters = types.filter_map(|line| line.strip_suffix(" counter"));
        let counters: Vec<String> = counters.map(str::to_owned).collect();
        for name in counters {
            text = text.replace(&format!(" {name} "), &format!(" {name}_total "));
        }
        text
    }
}

/// Returns a name if the list has it, and otherwise [`OTHER`].
fn known_or_other(list: &[&'static str], name: &'static str) -> &'static str {
    if list.contains(&name) { name } else { OTHER }
}

/// A connection or request that the gauge counts until it is dropped.
#[derive(Debug)]
pub(crate) struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_durations_are_shown() {
        let metrics = Metrics::default();
        let requested =
            |kind, status| metrics.count_request(kind, status, Duration::from_millis(300));
        requested("blob", 206);
        requested("blob", 200);
        requested("manifest", 0);
        requested("/v2/made/up", 777);
        metrics.count_failure("integrity");
        metrics.count_failure("made up");
        metrics.upstream_bytes.inc_by(3);
        metrics.delta_bytes.inc_by(2);
        metrics.cache_bytes.inc_by(4);
        metrics.directory_bytes.inc_by(6);
        metrics.sent_bytes.inc_by(5);
        metrics.splices.inc();
        let open = [metrics.count_connection(), metrics.count_connection()];
        let request = metrics.count_in_flight();
        let text = metrics.render();
        for line in [
            "# TYPE wharf_gateway_requests_total counter",
            "wharf_gateway_requests_total{kind=\"blob\",status=\"2xx\"} 2",
            "wharf_gateway_requests_total{kind=\"manifest\",status=\"none\"} 1",
            "wharf_gateway_requests_total{kind=\"other\",status=\"none\"} 1",
            "wharf_gateway_errors_total{kind=\"integrity\"} 1",
            "wharf_gateway_errors_total{kind=\"other\"} 1",
            "# TYPE wharf_gateway_upstream_bytes_total counter",
            "wharf_gateway_upstream_bytes_total 3",
            "wharf_gateway_delta_bytes_total 2",
            "wharf_gateway_cache_bytes_total 4",
            "wharf_gateway_held_bytes_total 6",
            "wharf_gateway_sent_bytes_total 5",
            "wharf_gateway_splices_total 1",
            "# TYPE wharf_gateway_request_duration_seconds histogram",
            "wharf_gateway_request_duration_seconds_bucket{le=\"0.25\",kind=\"blob\"} 0",
            "wharf_gateway_request_duration_seconds_bucket{le=\"0.5\",kind=\"blob\"} 2",
            "wharf_gateway_request_duration_seconds_bucket{le=\"+Inf\",kind=\"blob\"} 2",
            "wharf_gateway_request_duration_seconds_count{kind=\"blob\"} 2",
            "wharf_gateway_request_duration_seconds_count{kind=\"page\"} 0",
            "# TYPE wharf_gateway_connections gauge",
            "wharf_gateway_connections 2",
            "wharf_gateway_requests_in_flight 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
        drop((open, request));
        let text = metrics.render();
        assert!(text.contains("wharf_gateway_connections 0\n"), "{text}");
        assert!(
            text.ends_with("wharf_gateway_requests_in_flight 0\n"),
            "{text}"
        );
    }

    #[test]
    fn unknown_names_add_no_lines() {
        let (idle, busy) = (Metrics::default(), Metrics::default());
        for status in [0, 99, 100, 200, 599, 600, u16::MAX] {
            busy.count_request("never heard of", status, Duration::ZERO);
        }
        busy.count_failure("never heard of");
        assert_eq!(idle.render().lines().count(), busy.render().lines().count());
    }
}
