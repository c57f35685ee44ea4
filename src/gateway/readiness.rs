//! Readiness: checks whether an upstream answers.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::passthrough::chain;
use super::upstream::{OpenUpstream, Upstreams};

/// How long an upstream may take to answer this check. Kubernetes probes wait one second by default.
const PROBE_TIMEOUT: Duration = Duration::from_millis(800);

/// How long a success is cached, so that frequent checks cost little.
const SUCCESS_LIFETIME: Duration = Duration::from_secs(2);

/// The last result.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), String>)>>);

impl Readiness {
    /// Succeeds if any upstream answers. The others may be mirrors that are down.
    pub(super) async fn check(&self, upstreams: &Upstreams) -> Result<(), String> {
        let came = Instant::now();
        let mut last = self.0.lock().await;
        // Checks that waited for this one take its result. Otherwise failures are not cached, so recovery shows
        // immediately.
        if let Some((found, answer)) = &*last
            && (*found >= came || (answer.is_ok() && found.elapsed() < SUCCESS_LIFETIME))
        {
            return answer.clone();
        }
        let answer = check_all(upstreams).await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// Asks all upstreams at once, and returns the first success or all failures.
async fn check_all(upstreams: &Upstreams) -> Result<(), String> {
    let known = upstreams.listed.iter();
    let mut checks: FuturesUnordered<_> = known.map(check_upstream).collect();
    let mut reasons = Vec::new();
    while let Some(answer) = checks.next().await {
        match answer {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(reason),
        }
    }
    // Answers arrive in any order.
    reasons.sort();
    match reasons.is_empty() {
        true => Err("the gateway has no upstream".to_owned()),
        false => Err(reasons.join("; ")),
    }
}

async fn check_upstream(known: &OpenUpstream) -> Result<(), String> {
    match timeout(PROBE_TIMEOUT, known.check()).await {
        Ok(answer) => answer.map_err(|error| chain(&error)),
        Err(_elapsed) => {
            let name = known.host.as_deref().unwrap_or("the layout");
            Err(format!("{name} does not answer"))
        }
    }
}
