//! Many clients at once, of an upstream that takes its time.

use crate::support::binary;
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;

use super::http::{Answering, WholeAnswer, ask};
use super::*;
use crate::support::fault::{Fault, Registry};

/// Keeps back whoever comes to it until it is open.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Withholds what a path names until the gate is open.
fn withhold(registry: &Registry, path: &str) -> Arc<Gate> {
    let gate = Arc::<Gate>::default();
    let before = Arc::clone(&gate);
    let wait = Fault::Then(Arc::new(move || before.pass()));
    registry.on("GET", path, usize::MAX, wait);
    gate
}

/// How often each layer was fetched.
pub(super) fn fetches(registry: &Registry, stored: &StoredComponent) -> Vec<usize> {
    let lines = registry.lines();
    let of = |layer: &Digest| {
        let line = format!("GET {}", stored.blob(layer));
        lines.iter().filter(|other| **other == line).count()
    };
    stored.layers.iter().map(of).collect()
}

#[test]
fn sixty_four_clients_cost_upstream_as_much_as_one() {
    const CLIENTS: usize = 64;
    /// More than any socket or header, less than all before the last layer.
    const FIRST: usize = 200_000;
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let stored = StoredComponent::push(&workspace, &registry.address(), "demo/app", &component(4));
    let own = Workspace::new();
    let gateway = stored.serve(&own);
    registry.forget_requests();
    let last = stored.layers.last().unwrap();
    let gate = withhold(&registry, &stored.blob(last));
    let (host, path) = (gateway.host(), stored.whole());
    // Every one of them has its first bytes while the last layer is not even sent.
    let begin = || -> (Answering, Vec<u8>) {
        let mut answering = ask(&host, "GET", &path, &[("Accept", "*/*")]);
        assert_eq!(answering.status, 200);
        let first = answering.next(FIRST);
        (answering, first)
    };
    let begun: Vec<(Answering, Vec<u8>)> = thread::scope(|scope| {
        let clients = [(); CLIENTS].map(|()| scope.spawn(begin));
        clients.map(|client| client.join().unwrap()).into()
    });
    gate.open();
    let end = |(answering, first): (Answering, Vec<u8>)| -> (Vec<u8>, WholeAnswer) {
        (first, answering.rest(FIRST as u64))
    };
    thread::scope(|scope| {
        let clients = begun.into_iter().map(|begun| scope.spawn(|| end(begun)));
        let clients: Vec<_> = clients.collect();
        for client in clients {
            let (first, rest) = client.join().unwrap();
            assert!(rest.whole && [first, rest.body].concat() == stored.bytes);
        }
    });
    assert_eq!(fetches(&registry, &stored), vec![1; stored.layers.len()]);
    // Whether the repository has the layers is asked once for all of them.
    let is_lookup = |line: &&String| line.starts_with("HEAD /v2/demo/app/blobs/");
    let lookups = registry.lines().iter().filter(is_lookup).count();
    assert_eq!(lookups, stored.layers.len());
    // Nor does whoever comes later cost anything.
    http::get(&host, &path).is_all_of(&stored.bytes);
    assert_eq!(fetches(&registry, &stored), vec![1; stored.layers.len()]);
}

/// Clients that all have begun and none has ended are those that take most.
#[cfg(target_os = "linux")]
#[test]
fn sixty_four_clients_take_little_memory() {
    const CLIENTS: usize = 64;
    const FIRST: usize = 1_000_000;
    const MOST: u64 = 200 << 20;
    let large = |seed| binary::custom("large", &binary::noise(seed, 2_000_000));
    let content = [component(5), (0..9).flat_map(large).collect()].concat();
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let stored = StoredComponent::push(&workspace, &registry.address(), "demo/large", &content);
    let own = Workspace::new();
    let gateway = stored.serve(&own);
    let (host, path) = (gateway.host(), stored.whole());
    let all_begun = Barrier::new(CLIENTS);
    let get = || {
        let mut answering = ask(&host, "GET", &path, &[("Accept", "*/*")]);
        let first = answering.next(FIRST);
        all_begun.wait();
        let rest = answering.rest(FIRST as u64);
        assert!(rest.whole && [first, rest.body].concat() == content);
    };
    thread::scope(|scope| {
        for client in [(); CLIENTS].map(|()| scope.spawn(get)) {
            client.join().unwrap();
        }
    });
    let peak = gateway.peak();
    assert!(peak < MOST, "{} MiB", peak >> 20);
}

#[test]
fn clients_before_the_first_layer_share_one_fetch() {
    const CLIENTS: usize = 64;
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let stored = StoredComponent::push(&workspace, &registry.address(), "demo/app", &component(4));
    let own = Workspace::new();
    let gateway = stored.serve(&own);
    registry.forget_requests();
    let gate = withhold(&registry, &stored.blob(&stored.layers[0]));
    let (host, path) = (gateway.host(), stored.whole());
    let text = |path: &str| String::from_utf8(http::get(&host, path).is(200).body).unwrap();
    let in_flight = || {
        let metrics = text("/metrics");
        let mut lines = metrics.lines();
        let gauge = lines.find_map(|line| line.strip_prefix("wharf_gateway_requests_in_flight "));
        gauge.unwrap().parse::<usize>().unwrap()
    };
    thread::scope(|scope| {
        let clients = [(); CLIENTS].map(|()| scope.spawn(|| http::get(&host, &path)));
        while in_flight() < CLIENTS {
            thread::yield_now();
        }
        gate.open();
        for client in clients {
            client.join().unwrap().is_all_of(&stored.bytes);
        }
    });
    assert_eq!(fetches(&registry, &stored), vec![1; stored.layers.len()]);
}

/// A gateway that could open only a few files at first.
#[cfg(target_os = "linux")]
#[test]
fn a_low_soft_limit_of_open_files_is_raised() {
    const CLIENTS: usize = 64;
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let stored = StoredComponent::push(&workspace, &registry.address(), "demo/app", &component(6));
    let own = Workspace::new();
    let gateway = RunningServer::after("ulimit -S -n 40", &own, &["--upstream", &stored.upstream]);
    let (host, path) = (gateway.host(), stored.whole());
    let all_begun = Barrier::new(CLIENTS);
    let get = || {
        let mut answering = ask(&host, "GET", &path, &[("Accept", "*/*")]);
        let first = answering.next(1000);
        all_begun.wait();
        let rest = answering.rest(1000);
        assert!(rest.whole && [first, rest.body].concat() == stored.bytes);
    };
    thread::scope(|scope| {
        for client in [(); CLIENTS].map(|()| scope.spawn(get)) {
            client.join().unwrap();
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_low_hard_limit_of_open_files_is_reported() {
    let own = Workspace::new();
    own.fixture("calc");
    own.json(&["push", "calc.wasm", "oci:store:1"]);
    let more = ["--upstream", "oci:store", "--max-connections", "500"];
    let gateway = RunningServer::after("ulimit -n 200", &own, &more);
    let (status, log) = gateway.signalled("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    let warning =
        "warning: this process may open 200 files, but --max-connections 500 may need 1628";
    assert!(log.contains(warning), "{log}");
}
