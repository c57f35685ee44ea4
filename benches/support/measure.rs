//! What a command costs, and tables of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Debian's package `time`; the shell's word of that name knows no memory.
const TIME: &str = "/usr/bin/time";

/// What one run of a command took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds from start to end.
    pub wall: f64,
    /// Seconds of processor time, user and system, in steps of 10 ms.
    pub cpu: f64,
    /// Peak resident memory in MiB.
    pub peak: f64,
}

impl Usage {
    /// Returns the median of each number on its own.
    pub fn median(runs: &[Self]) -> Self {
        let of = |number: fn(&Self) -> f64| median(runs.iter().map(number));
        Self {
            wall: of(|run| run.wall),
            cpu: of(|run| run.cpu),
            peak: of(|run| run.peak),
        }
    }
}

/// Returns the number in the middle.
pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Runs a command and returns what it took and what it printed.
///
/// # Panics
///
/// If it fails, or cannot be measured.
pub fn run(command: &Command) -> (Usage, String) {
    assert!(
        Path::new(TIME).exists(),
        "{TIME} is missing: apt-get install time"
    );
    let report = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut timed = Command::new(TIME);
    timed
        .args(["-q", "-f", "%U %S %M", "-o"])
        .arg(report.path())
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        timed.env(name, value.unwrap_or_default());
    }
    let begin = Instant::now();
    let output = timed.output().expect("a command that starts");
    let wall = begin.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    let report = fs::read_to_string(report.path()).expect("what was measured");
    let numbers: Vec<f64> = report
        .split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect();
    let usage = Usage {
        wall,
        cpu: numbers[0] + numbers[1],
        peak: numbers[2] / 1024.0,
    };
    (usage, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command this many times, and returns what one run took. This sees less than the steps of the processor time.
///
/// # Panics
///
/// If a run fails, or cannot be measured.
pub fn run_times(command: &Command, times: u64) -> Usage {
    let mut repeated = Command::new("sh");
    repeated
        .args([
            "-c",
            "times=$1; shift; for run in $(seq $times); do \"$@\" || exit; done",
        ])
        .args(["sh", &times.to_string()])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let (usage, _) = run(&repeated);
    Usage {
        wall: usage.wall / times as f64,
        cpu: usage.cpu / times as f64,
        peak: usage.peak,
    }
}

/// Returns the processor time of a wharf process that does nothing, in seconds.
pub fn start(cache: &Path) -> f64 {
    let mut command = wharf(cache);
    command.arg("--version");
    run_times(&command, 50).cpu
}

/// Returns a number of a report in JSON.
///
/// # Panics
///
/// If the report lacks it.
pub fn member(report: &str, name: &str) -> u64 {
    let report: serde_json::Value = serde_json::from_str(report).expect("a report in JSON");
    let number = report[name].as_u64();
    number.unwrap_or_else(|| panic!("no number {name} in {report}"))
}

/// Returns whether two files have the same bytes.
pub fn same(one: &Path, other: &Path) -> bool {
    let digest = |path: &Path| {
        let mut hasher = wharf::digest::Hasher::new();
        let mut file = fs::File::open(path).expect("a file to compare");
        std::io::copy(&mut file, &mut hasher).expect("a file that can be read");
        hasher.identity()
    };
    digest(one) == digest(other)
}

/// The release build of wharf, with a cache of its own and nothing of the user's settings.
pub fn wharf(cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(["--json", "--cache"]).arg(cache);
    command
}

/// Says where and when it was measured.
pub fn machine(date: Option<&str>) -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let date = match date {
        Some(date) => date.to_owned(),
        None => today(),
    };
    format!("{date}, {processors} processors, {model}")
}

fn today() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let date = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    date.unwrap_or_else(|_| "no date".to_owned())
}

/// Returns a Markdown table, its columns aligned: the first to the left, the others to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[String]| {
        let mut line = String::from("|");
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            line += &match column {
                0 => format!(" {cell:<width$} |"),
                _ => format!(" {cell:>width$} |"),
            };
        }
        line + "\n"
    };
    let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
    let rule = widths.iter().enumerate().map(|(column, &width)| {
        let dashes = "-".repeat(width - usize::from(column > 0));
        if column > 0 { dashes + ":" } else { dashes }
    });
    let mut table = line(&header) + &line(&rule.collect::<Vec<_>>());
    for row in rows {
        table += &line(row);
    }
    table
}

/// Returns a header with a column for each number of each name.
pub fn columns<const NAMES: usize, const NUMBERS: usize>(
    first: &str,
    names: [&str; NAMES],
    numbers: [&str; NUMBERS],
) -> Vec<String> {
    let columns = numbers
        .iter()
        .flat_map(|number| names.map(|name| format!("{name} {number}")));
    [first.to_owned()].into_iter().chain(columns).collect()
}

/// Returns cells of the seconds, the processor time and the memory.
pub fn costs(usages: &[Option<Usage>]) -> impl Iterator<Item = String> {
    type Column = (fn(Usage) -> f64, usize);
    let numbers: [Column; 3] = [
        (|usage| usage.wall, 3),
        (|usage| usage.cpu, 2),
        (|usage| usage.peak, 1),
    ];
    numbers.into_iter().flat_map(move |(number, digits)| {
        usages
            .iter()
            .map(move |usage| cell(usage.map(number), digits))
    })
}

/// Returns a number with this many digits after the point, or an empty cell.
pub fn cell(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(String::new, |number| format!("{number:.digits$}"))
}

/// A directory that the bench deletes, and the file names in it.
#[derive(Debug)]
pub struct Workspace(tempfile::TempDir);

impl Default for Workspace {
    fn default() -> Self {
        let builder = tempfile::Builder::new().prefix("wharf-bench-").tempdir();
        Self(builder.expect("a temporary directory"))
    }
}

impl Workspace {
    /// Returns the path of a name in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the path of a name at which nothing is any more.
    pub fn fresh(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).expect("a directory that can go");
        } else if path.exists() {
            fs::remove_file(&path).expect("a file that can go");
        }
        path
    }
}
