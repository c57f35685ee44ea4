//! When and how long to wait before another attempt.

use std::time::Duration;

/// Exponential backoff with jitter: the wait before attempt `n + 1` is random, between half of `min(first * 2^(n-1),
/// longest)` and all of it. A server may ask for a longer wait, never for a shorter one.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// The maximum number of attempts.
    pub attempts: u32,
    /// The upper bound of the first wait.
    pub first: Duration,
    /// The upper bound of every wait.
    pub longest: Duration,
    /// The longest time that one request waits between its attempts, even if its server asks for more.
    pub max_waits: Duration,
}

/// The failed attempts of one request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts {
    /// The number of failed attempts.
    pub failed: u32,
    /// The sum of the waits between them.
    waited: Duration,
}

impl Retry {
    /// One attempt.
    pub const NEVER: Self = Self {
        attempts: 1,
        first: Duration::ZERO,
        longest: Duration::ZERO,
        max_waits: Duration::ZERO,
    };

    /// For registries over a network.
    pub const NETWORK: Self = Self {
        attempts: 6,
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
        max_waits: Duration::from_secs(120),
    };

    /// Counts a failed attempt. Returns how long to wait before the next one, or nothing when it is time to give up:
    /// after the last attempt, or before a wait that exceeds the limit on all waits of a request.
    pub fn wait(&self, attempts: &mut Attempts, retry_after: Option<Duration>) -> Option<Duration> {
        attempts.failed += 1;
        if attempts.failed >= self.attempts {
            return None;
        }
        let wait = self
            .backoff(attempts.failed)
            .max(retry_after.unwrap_or_default());
        attempts.waited = attempts.waited.saturating_add(wait);
        (attempts.waited <= self.max_waits).then_some(wait)
    }

    fn backoff(&self, failed: u32) -> Duration {
        let doublings = failed.saturating_sub(1).min(16);
        let bound = self.first.saturating_mul(1 << doublings).min(self.longest);
        bound.mul_f64((1.0 + fastrand::f64()) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the waits of a request whose server asks for the same each time.
    fn waits(retry: Retry, asked: Option<Duration>) -> Vec<Duration> {
        let mut attempts = Attempts::default();
        std::iter::from_fn(|| retry.wait(&mut attempts, asked)).collect()
    }

    #[test]
    fn waits_grow_to_a_bound_and_end() {
        let retry = Retry::NETWORK;
        let waits_of_one = waits(retry, None);
        assert_eq!(waits_of_one.len(), 5);
        for (doublings, wait) in waits_of_one.into_iter().enumerate() {
            let bound = retry.first * (1 << doublings);
            assert!(wait <= bound && wait <= retry.longest && wait >= bound / 2);
        }
        assert!(waits(Retry::NEVER, Some(Duration::ZERO)).is_empty());
    }

    #[test]
    fn a_server_may_only_lengthen_the_wait() {
        let asked = |wait| waits(Retry::NETWORK, Some(wait));
        assert_eq!(asked(Duration::from_secs(9)), [Duration::from_secs(9); 5]);
        for short in [Duration::ZERO, Duration::from_millis(1)] {
            let waits = asked(short);
            assert_eq!(waits.len(), 5);
            assert!(waits.iter().sum::<Duration>() >= Duration::from_secs(7));
        }
    }

    #[test]
    fn all_waits_of_a_request_have_a_limit() {
        let asked = |seconds| waits(Retry::NETWORK, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(50), [Duration::from_secs(50); 2]);
        assert_eq!(asked(120), [Duration::from_secs(120)]);
        assert!(asked(121).is_empty());
        assert!(asked(u64::MAX).is_empty());
    }
}
