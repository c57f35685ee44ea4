//! Servers that end with the test, or the process, that started them, however that ends.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Bounds every wait for a server: so many looks, so far apart (20 seconds).
pub(super) const LOOKS: u32 = 400;
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Runs a server until it ends or the test process does, however that ends: then the pipe on standard input is closed.
/// `$1` is the directory to remove at the end, the rest the server's command line.
const KEEPER: &str = r#"
directory=$1
shift
exec 3<&0
"$@" >"$directory/log" 2>&1 </dev/null 3<&- &
server=$!
(read -r _ <&3; : >"$directory/over"; kill -KILL "$server") &
watcher=$!
wait "$server" 2>/dev/null
if [ ! -e "$directory/over" ]; then
    kill "$watcher"
    tail -n 5 "$directory/log" >&2
fi
rm -rf "$directory"
"#;

/// Runs a server and removes its directory after it; both ends when this is dropped.
pub(super) struct Keeper {
    shell: Child,
    lifeline: Option<ChildStdin>,
}

impl Keeper {
    /// Returns a command line that ends with the server's program, whose directory this is.
    pub(super) fn command(directory: &Path, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", KEEPER, "sh"])
            .arg(directory)
            .arg(program);
        command
    }

    /// Runs [a command line](Self::command), and waits until its log says what `announced` looks for.
    pub(super) fn start<T>(
        directory: tempfile::TempDir,
        mut command: Command,
        announced: impl Fn(&str) -> Option<T>,
    ) -> io::Result<(Self, T)> {
        // A group of its own: an interrupt from the terminal must reach the tests alone, the keeper hears of it by
        // their end.
        let mut shell = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let log = directory.keep().join("log");
        let lifeline = shell.stdin.take();
        let mut keeper = Self { shell, lifeline };
        for _ in 0..LOOKS {
            if let Some(found) = fs::read_to_string(&log)
                .ok()
                .as_deref()
                .and_then(&announced)
            {
                return Ok((keeper, found));
            }
            if keeper.shell.try_wait()?.is_some() {
                let message = "it ended at once; its last words are above";
                return Err(io::Error::other(message));
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Err(io::Error::other("its log does not say that it is up"))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // Its directory is gone when this returns.
        let _ended = self.shell.wait();
    }
}
