//! `wharf serve` before a registry, for as long as it is measured.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::measure;

/// A gateway that is up; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    child: Child,
    _stdout: BufReader<ChildStdout>,
}

impl Gateway {
    /// Starts one on a port that is free.
    pub(crate) fn start(upstream: &str, cache: &Path) -> Self {
        let mut command = measure::wharf(cache);
        command
            .args(["serve", "--quiet", "--listen", "127.0.0.1:0", "--upstream"])
            .arg(upstream)
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("wharf starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut text = String::new();
        while !text.ends_with("}\n") {
            let read = stdout.read_line(&mut text).expect("its output");
            assert_ne!(read, 0, "the gateway ended: {text}");
        }
        let report: Value = serde_json::from_str(&text).expect("a report");
        let host = report["listening"].as_str().expect("an address");
        Self {
            host: host.trim_start_matches("http://").to_owned(),
            child,
            _stdout: stdout,
        }
    }

    /// Returns its peak resident memory so far, in MiB.
    pub(crate) fn peak(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a process that lives");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let peak: f64 = peak.expect("a peak").parse().expect("a number");
        peak / 1024.0
    }

    /// Returns the processor time it has taken so far, user and system, in seconds, in steps of 10 ms.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("a process that lives");
        // The name may have spaces in it; the times are fields 14 and 15 of all.
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u32 = ticks
            .map(|field| field.parse::<u32>().expect("ticks"))
            .sum();
        f64::from(ticks) / 100.0
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself, which somebody else has noticed.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
