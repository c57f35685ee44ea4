//! The gateway's log on standard error. Its reader may stall, so requests never wait for the log.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wharf::gateway::metrics::Metrics;

use crate::cli::text::printable;

/// The maximum size of all lines in the queue, in bytes.
const MAX_QUEUED: usize = 1024 * 1024;

/// How long the end of the gateway waits until standard error took the queue.
const END: Duration = Duration::from_secs(1);

/// A bounded queue of lines, and the thread that writes them.
pub(super) struct LogQueue {
    state: Mutex<State>,
    changed: Condvar,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    /// The size of the lines, in bytes.
    queued: usize,
    /// The number of lines that were dropped since the last note about dropped lines.
    dropped: u64,
    /// Whether no more lines come.
    is_closed: bool,
    /// Whether the thread has written all lines.
    is_written: bool,
}

impl LogQueue {
    /// Starts the thread, which writes to `output`.
    pub(super) fn start(
        metrics: Arc<Metrics>,
        output: impl Write + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            metrics,
        });
        let writer = Arc::clone(&queue);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_all(output))?;
        Ok(queue)
    }

    /// Adds a line. A full queue drops and counts it.
    pub(super) fn push(&self, line: &str) {
        let line = format!("{}\n", printable(line));
        let mut state = self.lock();
        if state.queued + line.len() > MAX_QUEUED {
            state.dropped += 1;
            self.metrics.count_dropped_line();
        } else {
            state.queued += line.len();
            state.lines.push_back(line);
            self.changed.notify_all();
        }
    }

    /// Waits until all lines are written, at most [`END`].
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.changed.notify_all();
        let is_unwritten = |state: &mut State| !state.is_written;
        let _however = self.changed.wait_timeout_while(state, END, is_unwritten);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines until the queue is closed and empty.
    fn write_all(&self, mut output: impl Write) {
        while let Some(line) = self.next() {
            // A closed standard error does not stop the gateway.
            let _reader_gone = output.write_all(line.as_bytes());
        }
        self.lock().is_written = true;
        self.changed.notify_all();
    }

    /// Waits for the next line. A note about dropped lines comes first.
    fn next(&self) -> Option<String> {
        let is_waiting = |state: &mut State| state.lines.is_empty() && !state.is_closed;
        let waited = self.changed.wait_while(self.lock(), is_waiting);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        match state.dropped {
            0 => {
                let line = state.lines.pop_front()?;
                state.queued -= line.len();
                Some(line)
            }
            dropped => {
                state.dropped = 0;
                Some(format!(
                    "warning: {dropped} log lines were dropped, because standard error was not read\n"
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes a write only when the test receives it.
    struct Reader(mpsc::SyncSender<String>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.0.send(text).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_queue_drops_lines_and_says_how_many() {
        let metrics = Arc::new(Metrics::default());
        let (send, written) = mpsc::sync_channel(0);
        let queue = LogQueue::start(Arc::clone(&metrics), Reader(send)).unwrap();
        let long = "x".repeat(MAX_QUEUED / 4 - 1);
        queue.push("first");
        assert_eq!(written.recv().unwrap(), "first\n");
        // The writer waits with one line, and the queue has room for four.
        queue.push("second");
        while !queue.lock().lines.is_empty() {
            thread::yield_now();
        }
        for _ in 0..7 {
            queue.push(&long);
        }
        assert_eq!(written.recv().unwrap(), "second\n");
        let note = written.recv().unwrap();
        assert!(
            note.starts_with("warning: 3 log lines were dropped"),
            "{note}"
        );
        for _ in 0..4 {
            assert_eq!(written.recv().unwrap().len(), long.len() + 1);
        }
        let dropped = "wharf_gateway_dropped_log_lines_total 3\n";
        assert!(metrics.render().contains(dropped));
        queue.push("last");
        let ending = thread::spawn(move || queue.end());
        assert_eq!(written.recv().unwrap(), "last\n");
        ending.join().unwrap();
    }
}
