//! Limits on slow servers. A limit on silence alone would let a server send one byte a minute.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The maximum time that counts for one pause. The limit on silence ends a dead connection, and the transfer is then
/// resumed. Slowness ends the transfer for good.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The speed limits for bodies. Every response carries them.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The minimum rate of a blob, in bytes per second, averaged over [`Self::window`].
    pub least_rate: u64,
    /// The time that a blob may be behind the minimum rate.
    pub window: Duration,
    /// The time limit for the beginning of an answer to a request without a file, redirects included.
    pub head: Duration,
    /// The time limit for the body of a manifest, a list or a token. The body of an error has a quarter of it.
    pub whole: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            least_rate: 1024,
            window: Duration::from_secs(15),
            head: Duration::from_secs(55),
            whole: Duration::from_secs(20),
        }
    }
}

/// The other side is too slow. Another attempt would be as slow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooSlow {
    /// A blob was transferred below the minimum rate.
    #[error("the transfer was slower than {bytes_per_second} bytes per second for {} s", window.as_secs())]
    Rate {
        /// The minimum rate.
        bytes_per_second: u64,
        /// The averaging time.
        window: Duration,
    },
    /// An answer took too long.
    #[error("the answer took longer than {} s", limit.as_secs())]
    Answer {
        /// The time limit.
        limit: Duration,
    },
}

impl Pace {
    /// Waits for the beginning of an answer.
    pub(super) async fn head<T>(&self, sending: impl Future<Output = T>) -> Result<T, TooSlow> {
        let limit = self.head;
        let begun = tokio::time::timeout(limit, sending).await;
        begun.map_err(|_| TooSlow::Answer { limit })
    }

    /// Waits for the answer to an upload as long as bytes are sent. Fails after both sides were idle for `timeout`. If some
    /// bytes were sent before, the server reads too slowly.
    pub(super) async fn upload<T>(
        &self,
        sending: impl Future<Output = T>,
        (sent, length): (&AtomicU64, u64),
        timeout: Duration,
    ) -> Result<T, Option<TooSlow>> {
        let mut sending = pin!(sending);
        let mut before = 0;
        loop {
            if let Ok(outcome) = tokio::time::timeout(timeout, &mut sending).await {
                return Ok(outcome);
            }
            let now = sent.load(Ordering::Relaxed);
            if now == before {
                return Err(match now {
                    0 => None,
                    now if now >= length => Some(TooSlow::Answer { limit: timeout }),
                    _ => Some(TooSlow::Rate {
                        bytes_per_second: self.least_rate,
                        window: timeout,
                    }),
                });
            }
            before = now;
        }
    }

    /// Waits for a whole answer.
    pub(super) async fn whole<T>(&self, reading: impl Future<Output = T>) -> Result<T, TooSlow> {
        let limit = self.whole;
        let read = tokio::time::timeout(limit, reading).await;
        read.map_err(|_| TooSlow::Answer { limit })
    }

    /// Returns the limits for the body of an error, which is not worth a long wait.
    pub(super) fn for_error(self) -> Self {
        Self {
            whole: self.whole / 4,
            ..self
        }
    }
}

pub(super) struct Meter {
    pace: Pace,
    /// How much longer the sender may take than the minimum rate allows.
    left: Duration,
}

impl Meter {
    pub(super) fn new(pace: Pace) -> Self {
        let left = pace.window;
        Self { pace, left }
    }

    /// Waits for the next part of a body, and measures the wait. Time between calls does not count, so a slow reader is
    /// not mistaken for a slow sender.
    pub(super) async fn next<T: AsRef<[u8]>, E>(
        &mut self,
        piece: impl Future<Output = Option<Result<T, E>>>,
    ) -> Result<Option<Result<T, E>>, TooSlow> {
        let began = Instant::now();
        let piece = piece.await;
        if let Some(Ok(bytes)) = &piece {
            self.count(bytes.as_ref().len(), began.elapsed())?;
        }
        Ok(piece)
    }

    fn count(&mut self, bytes: usize, took: Duration) -> Result<(), TooSlow> {
        let Pace {
            least_rate, window, ..
        } = self.pace;
        let nanoseconds = (bytes as u64).saturating_mul(1_000_000_000) / least_rate.max(1);
        let left = (self.left + Duration::from_nanos(nanoseconds)).min(window);
        let left = left.checked_sub(took.min(MAX_PAUSE));
        self.left = left.ok_or(TooSlow::Rate {
            bytes_per_second: least_rate,
            window,
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns after how many parts of `bytes`, one every `seconds`, a transfer is too slow.
    fn pieces(bytes: usize, seconds: u64, most: usize) -> Option<usize> {
        let mut meter = Meter::new(Pace::default());
        let took = Duration::from_secs(seconds);
        (1..=most).find(|_| meter.count(bytes, took).is_err())
    }

    #[test]
    fn a_trickle_is_too_slow() {
        assert_eq!(pieces(1, 1, 60), Some(16), "one byte a second");
        assert!(
            pieces(1000, 1, 10_000).is_some(),
            "just below the least rate"
        );
        assert_eq!(
            pieces(1, 59, 60),
            Some(4),
            "one byte before silence is too long"
        );
    }

    #[test]
    fn the_limit_on_the_head_decides_before_the_limit_on_silence() {
        let options = super::super::Options::default();
        assert!(options.pace.head < options.read_timeout);
    }

    #[test]
    fn a_slow_line_and_a_short_stall_are_accepted() {
        assert_eq!(pieces(1024, 1, 10_000), None);
        assert_eq!(
            pieces(64 * 1024, 50, 10_000),
            None,
            "large pieces with pauses"
        );
        let mut meter = Meter::new(Pace::default());
        for second in 0..1000 {
            let stalls = second % 10 == 0;
            let (bytes, took) = if stalls { (1, 50) } else { (100_000, 1) };
            meter.count(bytes, Duration::from_secs(took)).unwrap();
        }
    }

    #[test]
    fn no_rate_overflows() {
        let mut meter = Meter::new(Pace {
            least_rate: 0,
            ..Pace::default()
        });
        meter.count(usize::MAX, Duration::MAX).unwrap();
    }
}
