//! What the gateway counts.
//!
//! Shown as text: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>. All labels are from
//! lists in this file, so that nothing a client sends makes the text longer.

use std::array;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The kinds of requests. What is counted under another name is `other`.
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

/// The kinds of failures: first those of [`crate::error::Kind`], then a body that has not the length it should have,
/// a blob that others keep on this machine and nobody can use, a client that takes nothing, one that went away, and what is no TLS, no HTTP, or no connection at all.
/// What is counted under another name is `other`.
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

/// What is in no list.
const OTHER: &str = "other";

/// The classes of a status, and what was not answered.
const STATUSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// Counters; all start at 0 and none goes back, but those of what is open.
#[derive(Debug)]
pub struct Metrics {
    requests: [[AtomicU64; STATUSES.len()]; REQUESTS.len()],
    failures: [AtomicU64; FAILURES.len()],
    upstream: AtomicU64,
    cache: AtomicU64,
    held: AtomicU64,
    sent: AtomicU64,
    splices: AtomicU64,
    connections: AtomicU64,
    in_flight: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: array::from_fn(|_| array::from_fn(|_| AtomicU64::default())),
            failures: array::from_fn(|_| AtomicU64::default()),
            upstream: AtomicU64::default(),
            cache: AtomicU64::default(),
            held: AtomicU64::default(),
            sent: AtomicU64::default(),
            splices: AtomicU64::default(),
            connections: AtomicU64::default(),
            in_flight: AtomicU64::default(),
        }
    }
}

impl Metrics {
    /// So many bytes of blobs and manifests came from upstream.
    pub fn from_upstream(&self, bytes: u64) {
        self.upstream.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes of blobs and layers were read that were here already.
    pub fn from_cache(&self, bytes: u64) {
        self.cache.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes of blobs were read that others keep on this machine.
    pub fn from_held(&self, bytes: u64) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes of bodies went to clients.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A component began to be spliced.
    pub fn spliced(&self) {
        self.splices.fetch_add(1, Ordering::Relaxed);
    }

    /// Something failed; the kind is one of [`FAILURES`].
    pub fn failed(&self, kind: &'static str) {
        self.failures[index(&FAILURES, kind)].fetch_add(1, Ordering::Relaxed);
    }

    /// A request of one of [`REQUESTS`] is over; status 0 stands for none. Only the front counts these, each once.
    pub fn requested(&self, kind: &'static str, status: u16) {
        let class = match status {
            100..=599 => usize::from(status / 100) - 1,
            _ => STATUSES.len() - 1,
        };
        self.requests[index(&REQUESTS, kind)][class].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection for as long as what is returned lives.
    pub(crate) fn connected(self: &Arc<Self>) -> Open {
        Open::new(self, |metrics| &metrics.connections)
    }

    /// Counts a request that is under way for as long as what is returned lives.
    pub(crate) fn under_way(self: &Arc<Self>) -> Open {
        Open::new(self, |metrics| &metrics.in_flight)
    }

    /// Returns all of it as text.
    pub fn render(&self) -> String {
        let mut out = Page::default();
        out.family(
            "requests_total",
            "counter",
            "Requests by kind and status class; none: the client went before there was one.",
        );
        for (kind, counts) in REQUESTS.iter().zip(&self.requests) {
            for (status, count) in STATUSES.iter().zip(counts) {
                out.sample(&format!("{{kind=\"{kind}\",status=\"{status}\"}}"), count);
            }
        }
        out.family("errors_total", "counter", "Failures by kind.");
        for (kind, count) in FAILURES.iter().zip(&self.failures) {
            out.sample(&format!("{{kind=\"{kind}\"}}"), count);
        }
        let singles = [
            (
                "upstream_bytes_total",
                &self.upstream,
                "Bytes that came from upstream.",
            ),
            (
                "cache_bytes_total",
                &self.cache,
                "Bytes that were here already.",
            ),
            (
                "held_bytes_total",
                &self.held,
                "Bytes that others on this machine had.",
            ),
            (
                "sent_bytes_total",
                &self.sent,
                "Bytes of bodies that went to clients.",
            ),
            (
                "splices_total",
                &self.splices,
                "Components that were spliced.",
            ),
        ];
        for (name, count, help) in singles {
            out.family(name, "counter", help);
            out.sample("", count);
        }
        out.family("connections", "gauge", "Connections that are open.");
        out.sample("", &self.connections);
        out.family(
            "requests_in_flight",
            "gauge",
            "Requests that are under way.",
        );
        out.sample("", &self.in_flight);
        out.text
    }
}

fn index(list: &[&str], name: &str) -> usize {
    let found = list.iter().position(|known| *known == name);
    found.unwrap_or(list.len() - 1)
}

/// The text, and the family that samples belong to.
#[derive(Default)]
struct Page {
    text: String,
    name: String,
}

impl Page {
    fn family(&mut self, name: &str, of: &str, help: &str) {
        self.name = format!("wharf_gateway_{name}");
        let name = &self.name;
        // Writing to a text cannot fail.
        let _always = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {of}");
    }

    fn sample(&mut self, labels: &str, count: &AtomicU64) {
        let count = count.load(Ordering::Relaxed);
        let _always = writeln!(self.text, "{}{labels} {count}", self.name);
    }
}

/// One of something that is open now.
#[derive(Debug)]
pub(crate) struct Open {
    metrics: Arc<Metrics>,
    of: fn(&Metrics) -> &AtomicU64,
}

impl Open {
    fn new(metrics: &Arc<Metrics>, of: fn(&Metrics) -> &AtomicU64) -> Self {
        of(metrics).fetch_add(1, Ordering::Relaxed);
        let metrics = Arc::clone(metrics);
        Self { metrics, of }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.of)(&self.metrics).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Arc::new(Metrics::default());
        metrics.requested("blob", 206);
        metrics.requested("blob", 200);
        metrics.requested("manifest", 0);
        metrics.requested("/v2/made/up", 777);
        metrics.failed("integrity");
        metrics.failed("made up");
        metrics.from_upstream(3);
        metrics.from_cache(4);
        metrics.from_held(6);
        metrics.sent(5);
        metrics.spliced();
        let open = [metrics.connected(), metrics.connected()];
        let request = metrics.under_way();
        let text = metrics.render();
        for line in [
            "wharf_gateway_requests_total{kind=\"blob\",status=\"2xx\"} 2",
            "wharf_gateway_requests_total{kind=\"manifest\",status=\"none\"} 1",
            "wharf_gateway_requests_total{kind=\"other\",status=\"none\"} 1",
            "wharf_gateway_errors_total{kind=\"integrity\"} 1",
            "wharf_gateway_errors_total{kind=\"other\"} 1",
            "# TYPE wharf_gateway_upstream_bytes_total counter",
            "wharf_gateway_upstream_bytes_total 3",
            "wharf_gateway_cache_bytes_total 4",
            "wharf_gateway_held_bytes_total 6",
            "wharf_gateway_sent_bytes_total 5",
            "wharf_gateway_splices_total 1",
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
    fn no_name_makes_the_text_longer() {
        let (idle, busy) = (Metrics::default(), Metrics::default());
        for status in [0, 99, 100, 200, 599, 600, u16::MAX] {
            busy.requested("never heard of", status);
        }
        busy.failed("never heard of");
        assert_eq!(idle.render().lines().count(), busy.render().lines().count());
    }
}
