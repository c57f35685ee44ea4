//! Whether it can be asked.

use std::net::TcpListener;

use super::*;
use crate::support::fault::{Fault, Registry};

/// A registry that takes connections and says nothing.
fn silent() -> (TcpListener, Upstream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = registry(&listener.local_addr().unwrap().to_string());
    (listener, upstream)
}

#[tokio::test]
async fn one_upstream_that_answers_is_enough() {
    let (_listener, silent) = silent();
    let healthy = Registry::start();
    let front = TestGateway::new(vec![silent, registry(&healthy.address())]);
    front.gateway.ready().await.unwrap();
}

#[tokio::test]
async fn upstreams_that_do_not_answer_are_named() {
    let (listener, silent) = silent();
    let broken = Registry::start();
    broken.on("GET", "/v2/", usize::MAX, Fault::Status(500, Vec::new()));
    let front = TestGateway::new(vec![silent, registry(&broken.address())]);
    let reason = front.gateway.ready().await.unwrap_err();
    for address in [listener.local_addr().unwrap().to_string(), broken.address()] {
        assert!(reason.contains(&address), "{reason}");
    }
}

#[tokio::test]
async fn health_checks_share_upstream_requests() {
    let upstream = Registry::start();
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let probes = (0..10).map(|_| front.gateway.ready());
    for answer in futures_util::future::join_all(probes).await {
        answer.unwrap();
    }
    assert_eq!(upstream.lines(), ["GET /v2/"]);
}
