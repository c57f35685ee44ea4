//! When and how long to wait before something is tried again.

use std::time::Duration;

/// The longest wait that a server's `Retry-After` may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// Exponential backoff with full jitter: before attempt `n + 1` a random wait in
/// `0..=min(first * 2^(n-1), longest)`, or what the server asked for.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// How often at most something is tried.
    pub attempts: u32,
    /// The upper bound of the first wait.
    pub first: Duration,
    /// The upper bound of every wait.
    pub longest: Duration,
}

impl Retry {
    /// One attempt.
    pub const NEVER: Self = Self {
        attempts: 1,
        first: Duration::ZERO,
        longest: Duration::ZERO,
    };

    /// For registries over a network.
    pub const NETWORK: Self = Self {
        attempts: 6,
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
    };

    /// Returns how long to wait after `failed` attempts, or nothing when it is time to give up.
    pub fn wait(&self, failed: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        if let Some(asked) = retry_after {
            return Some(asked.min(MAX_RETRY_AFTER));
        }
        let doublings = failed.saturating_sub(1).min(16);
        let bound = self.first.saturating_mul(1 << doublings).min(self.longest);
        Some(bound.mul_f64(fastrand::f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_end() {
        let retry = Retry::NETWORK;
        for failed in 1..retry.attempts {
            let wait = retry.wait(failed, None).unwrap();
            assert!(wait <= retry.first * 2u32.pow(failed - 1) && wait <= retry.longest);
        }
        assert_eq!(retry.wait(retry.attempts, None), None);
        assert_eq!(Retry::NEVER.wait(1, Some(Duration::ZERO)), None);
    }

    #[test]
    fn a_server_may_say_how_long_within_reason() {
        let asked = |seconds| Retry::NETWORK.wait(1, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(7), Some(Duration::from_secs(7)));
        assert_eq!(asked(86_400), Some(MAX_RETRY_AFTER));
    }
}
