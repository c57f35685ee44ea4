//! What a question to an index of many packages costs above the start of the process.
//!
//! `cargo bench --bench search -- [--packages 100000] [--rounds 5] [--runs 100]`

#[path = "support/measure.rs"]
pub mod measure;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;
use wharf::digest::{Digest, Identity};
use wharf::index::{self, Entry, Externs, Index, IndexSource, Record, RecordLayer, SourceContents};
use wharf::store::cache::Cache;

/// What no question may pass, in milliseconds of process time.
const LIMIT_MS: f64 = 10.0;

/// `/proc/self/stat` counts in these, user and system each rounded down:
/// <https://www.man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug, Parser)]
struct Arguments {
    /// How many packages the index has
    #[arg(long, default_value_t = 100_000)]
    packages: usize,
    /// How often all questions are gone through; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How often each question is asked in a round; the clock's steps are 10 ms by this
    #[arg(long, default_value_t = 100)]
    runs: u32,
    /// Cargo says this
    #[arg(long, hide = true)]
    bench: bool,
}

const QUESTIONS: [(&str, &[&str]); 8] = [
    ("no condition", &[]),
    ("export, few", &["--exports", "bench:area7/face2@0.2"]),
    ("export, half", &["--exports", "bench:http/handler@0.2"]),
    (
        "export and import",
        &[
            "--exports",
            "bench:http/handler@0.2",
            "--imports",
            "bench:area7/face2",
        ],
    ),
    (
        "only imports",
        &[
            "--only-imports",
            "bench:io/streams@0.2",
            "--only-imports",
            "bench:area1/face1",
        ],
    ),
    ("words", &["tool", "n123"]),
    ("a letter of many words", &["n"]),
    ("every version", &["tool", "--all-versions"]),
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        println!("nothing is measured without --bench, which `cargo bench` passes");
        return ExitCode::SUCCESS;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let begin = Instant::now();
    let files = fill(directory.path(), arguments.packages);
    let filled = begin.elapsed().as_secs_f64();
    let size = size(&files);
    let mut starts = Vec::new();
    let mut above = vec![Vec::new(); QUESTIONS.len()];
    for _ in 0..arguments.rounds {
        let start = milliseconds(directory.path(), &["--version"], arguments.runs);
        starts.push(start);
        for ((_, flags), above) in QUESTIONS.iter().zip(&mut above) {
            let all = [&["search"], *flags].concat();
            above.push(milliseconds(directory.path(), &all, arguments.runs) - start);
        }
    }
    let worst = report(&above);
    println!(
        "{} packages, filled in {filled:.1} s, {:.1} MB; `wharf --version` takes {:.1} ms; \
         medians of {} rounds of {} runs",
        arguments.packages,
        size as f64 / 1e6,
        measure::median(starts.into_iter()),
        arguments.rounds,
        arguments.runs
    );
    println!("at most {worst:.1} ms; the limit is {LIMIT_MS} ms");
    match worst <= LIMIT_MS {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Prints what each question took and returns the most.
fn report(above: &[Vec<f64>]) -> f64 {
    let mut worst: f64 = 0.0;
    let mut rows = Vec::new();
    for ((name, flags), above) in QUESTIONS.iter().zip(above) {
        let median = measure::median(above.iter().copied());
        let most = above.iter().copied().fold(f64::MIN, f64::max);
        worst = worst.max(median);
        rows.push(vec![
            (*name).to_owned(),
            format!("{median:.1}"),
            format!("{most:.1}"),
            format!("`wharf search {}`", flags.join(" ")),
        ]);
    }
    let header = ["question", "ms above start", "worst round", "command"];
    println!("{}\n", measure::machine(None));
    println!("{}", measure::table(&header, &rows));
    worst
}

/// Writes an index: every package has one version, two exports, and eight imports of a thousand.
fn fill(directory: &Path, packages: usize) -> PathBuf {
    let cache = Cache::open(directory).expect("a cache");
    let mut index = Index::open(&index::path(&cache)).expect("an index");
    let mut filled = SourceContents::default();
    for number in 0..packages {
        let content = Identity::of(format!("content {number}").as_bytes());
        let digest = Digest::of(format!("manifest {number}").as_bytes());
        let of = |step: usize| {
            let mix = number * 31 + step * step * 17 + number / 97;
            format!("bench:area{}/face{}@0.2.{}", mix % 40, mix % 25, mix % 3)
        };
        let mut imports: Vec<String> = (1..8).map(of).collect();
        if number % 9 == 0 {
            imports.clear();
        }
        imports.push("bench:io/streams@0.2.3".to_owned());
        filled.records.push(Record {
            digest,
            split: true,
            content,
            externs: Some(Externs {
                imports,
                exports: vec![of(0), format!("bench:http/handler@0.{}.0", number % 2 + 1)],
                ..Externs::default()
            }),
            description: Some(format!("A tool of kind n{}", number % 977)),
            licenses: None,
            layers: (0..8)
                .map(|layer| {
                    let blob =
                        Identity::of(format!("layer {}", number % (layer * 1000 + 1)).as_bytes());
                    RecordLayer {
                        content: blob,
                        blob,
                    }
                })
                .collect(),
            wit: false,
        });
        filled.entries.push(Entry {
            name: format!("bench:tool-n{number}"),
            location: format!("registry.example/bench/tool-n{number}"),
            tag: "1.0.0".to_owned(),
            version: "1.0.0".parse().ok(),
            digest,
            yanked: false,
            mark: None,
        });
    }
    let place = "registry.example".to_owned();
    let source = IndexSource::Place { place };
    index.add_source(&source).expect("a source");
    index.import(&source, &filled).expect("a filled index");
    index::path(&cache)
}

/// Returns the size of the index at a path. The names of its files have the version of its tables.
fn size(base: &Path) -> u64 {
    let entries = fs::read_dir(base.parent().expect("a directory")).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.filter(|path| path.extension() == base.extension());
    files
        .map(|file| fs::metadata(file).expect("a file").len())
        .sum()
}

/// Returns the process time of one run, user and system. Many runs are summed up, as the clock is coarse.
fn milliseconds(cache: &Path, arguments: &[&str], runs: u32) -> f64 {
    let before = children();
    for _ in 0..runs {
        let status = Command::new(env!("CARGO_BIN_EXE_wharf"))
            .arg("--cache")
            .arg(cache)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("wharf starts");
        assert!(status.success(), "{arguments:?}");
    }
    (children() - before) * 1000.0 / f64::from(runs)
}

/// Returns the process time of all children that ended, in seconds.
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
    // The name in brackets may hold anything.
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<f64> = rest
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap_or_default())
        .collect();
    // cutime and cstime are fields 16 and 17, and this begins with the fourth.
    (fields[12] + fields[13]) / TICKS_PER_SECOND
}
