//! `wharf serve` as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus};

use serde_json::Value;

use super::workspace::Workspace;
#[cfg(target_os = "linux")]
use super::workspace::high_water;

const ANYWHERE: &str = "127.0.0.1:0";

fn serve<'a>(listen: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["serve", "--listen", listen, "--json"], more].concat()
}

/// A server that listens where it likes, and is gone at the end of its test.
pub struct RunningServer {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    /// Scheme, host and port.
    pub listening: String,
    /// The same of `--admin-listen`.
    pub admin: Option<String>,
}

impl RunningServer {
    pub fn start(workspace: &Workspace, more: &[&str]) -> Self {
        Self::start_on(workspace, ANYWHERE, more)
    }

    /// Starts one that listens there.
    pub fn start_on(workspace: &Workspace, listen: &str, more: &[&str]) -> Self {
        Self::run(workspace.wharf(&serve(listen, more)))
    }

    /// One whose files may be bounded at any time: to it that is as if the disk were full.
    pub fn boundable(workspace: &Workspace, more: &[&str]) -> Self {
        // A write beyond the bound is an error then, and not the end.
        Self::after(r#"trap "" XFSZ"#, workspace, more)
    }

    /// One that a shell starts after a command of its own.
    pub fn after(first: &str, workspace: &Workspace, more: &[&str]) -> Self {
        let script = format!(r#"{first}; exec "$@""#);
        let script = [script.as_str(), "sh", env!("CARGO_BIN_EXE_wharf")];
        let serve = serve(ANYWHERE, more);
        Self::run(workspace.command("sh", &[&["-c"], &script[..], &serve].concat()))
    }

    /// Runs `wharf serve --json` with whatever else it has.
    pub fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.ends_with("}\n") {
            let read = stdout.read_line(&mut text).unwrap();
            assert_ne!(read, 0, "it ended: {text}");
        }
        let report: Value = serde_json::from_str(&text).unwrap();
        Self {
            child,
            _stdout: stdout,
            listening: report["listening"].as_str().unwrap().to_owned(),
            admin: report["admin_listening"].as_str().map(str::to_owned),
        }
    }

    /// Lets no file become larger than so many bytes.
    pub fn bound_files(&self, bytes: Option<u64>) {
        let pid = self.child.id().to_string();
        let bytes = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let bound = format!("--fsize={bytes}:");
        let bounded = Command::new("prlimit")
            .args(["--pid", &pid, &bound])
            .status();
        assert!(bounded.unwrap().success());
    }

    pub fn address(&self) -> SocketAddr {
        let (_scheme, address) = self.listening.split_once("://").unwrap();
        address.parse().unwrap()
    }

    /// Host and port.
    pub fn host(&self) -> String {
        self.address().to_string()
    }

    /// The most memory that it has had so far, in bytes.
    #[cfg(target_os = "linux")]
    pub fn peak(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        high_water(&status).unwrap()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Sends a signal, and returns how the server ended and what it said.
    pub fn signalled(self, signal: &str) -> (ExitStatus, String) {
        self.signal(signal);
        self.ended()
    }

    /// Sends a signal and waits for the end, while nobody reads standard error.
    pub fn signalled_unread(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.child.wait().unwrap()
    }

    pub fn ended(mut self) -> (ExitStatus, String) {
        let mut stderr = String::new();
        let mut output = self.child.stderr.take().unwrap();
        output.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap(), stderr)
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
