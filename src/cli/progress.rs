//! The progress bar of long commands, and the requests that `-v` prints.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wharf::store::Observer;

use super::text::printable;

/// The time after which the bar appears.
const PATIENCE: Duration = Duration::from_secs(1);

/// Watches all transfers of one run.
pub(crate) struct Progress {
    begun: Instant,
    planned: AtomicU64,
    moved: AtomicU64,
    requests: AtomicU64,
    warnings: Mutex<HashSet<String>>,
    bar: OnceLock<ProgressBar>,
    shows_bar: bool,
    shows_requests: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool, verbose: bool) -> Self {
        Self {
            begun: Instant::now(),
            planned: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            warnings: Mutex::default(),
            bar: OnceLock::new(),
            shows_bar: !quiet,
            shows_requests: verbose,
        }
    }

    /// Returns the number of requests, whether answered or failed.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Clears the bar.
    pub(crate) fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    /// Shows progress in things instead of bytes.
    pub(crate) fn report_count(&self, done: usize, of: usize, things: &str) {
        if let Some(bar) = self.bar("{bar:32} {pos} of {len} {msg}") {
            bar.set_message(things.to_owned());
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        }
    }

    /// Prints a line without disturbing the bar.
    pub(crate) fn say(&self, line: &str) {
        match self.bar.get() {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Returns the bar, after [`PATIENCE`].
    fn bar(&self, template: &str) -> Option<&ProgressBar> {
        if !self.shows_bar || self.begun.elapsed() < PATIENCE {
            return None;
        }
        Some(self.bar.get_or_init(|| {
            // Drawn on standard error, and only if that is a terminal.
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        }))
    }
}

impl Observer for Progress {
    fn planned(&self, bytes: u64) {
        self.planned.fetch_add(bytes, Ordering::Relaxed);
    }

    fn moved(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
        if let Some(bar) = self.bar("{bar:32} {binary_bytes} of {binary_total_bytes}") {
            bar.set_length(self.planned.load(Ordering::Relaxed));
            bar.set_position(self.moved.load(Ordering::Relaxed));
        }
    }

    fn waiting(&self, reason: &str, wait: Duration) {
        if self.shows_bar {
            let reason = printable(reason);
            self.say(&format!(
                "note: {reason}; the next attempt is in {} s",
                wait.as_secs()
            ));
        }
    }

    fn warned(&self, warning: &str) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.insert(warning.to_owned()) {
            self.say(&format!("warning: {}", printable(warning)));
        }
    }

    fn requested(&self, method: &str, url: &str, outcome: &str) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.shows_requests {
            self.say(&format!("> {method} {url} {outcome}"));
        }
    }
}
