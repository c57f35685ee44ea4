//! Upgrades from an old file to a new one: wharf with and without a delta, wkg, and tools that work on files.
//!
//! `cargo bench --bench upgrades -- [--registry NAME] [--runs N] [--skip-slow] [LIST]`

#[path = "../support/aim.rs"]
pub mod aim;
mod aims;
#[path = "../support/files.rs"]
pub mod files;
#[path = "../support/inputs.rs"]
pub mod inputs;
#[path = "../support/measure.rs"]
pub mod measure;
#[path = "../support/pairs.rs"]
pub mod pairs;
#[path = "../support/proxy.rs"]
pub mod proxy;
#[path = "../../tests/support/mod.rs"]
#[doc(hidden)]
pub mod support;
mod tables;
#[path = "../support/tools.rs"]
pub mod tools;
mod upgrade;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use self::aims::EXPORTS;
use self::measure::Workspace;
use self::proxy::Proxy;
use self::support::registries::registries;
use self::tools::Commands;
use self::upgrade::{Bench, TOOLS, Upgrade, Way};

#[derive(Debug, Parser)]
struct Arguments {
    /// A file with lines of NAME OLD NEW; a generated pair if none is given
    list: Option<PathBuf>,
    /// distribution-2.8, distribution-3.1 or zot
    #[arg(long, default_value = "distribution-3.1")]
    registry: String,
    /// Show medians of this many runs; tools that work on files run once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Leave out zstd -19, zstd -19 --patch-from and bsdiff
    #[arg(long)]
    skip_slow: bool,
    /// Today, where the clock cannot be trusted
    #[arg(long)]
    date: Option<String>,
    /// Cargo says this
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        println!("nothing is measured without --bench, which `cargo bench` passes");
        return ExitCode::SUCCESS;
    }
    let name = &arguments.registry;
    let Some(registry) = registries().iter().find(|known| known.name == name) else {
        println!("the registry {name} is not here");
        return ExitCode::FAILURE;
    };
    println!("{}", measure::machine(arguments.date.as_deref()));
    let bench = bench(&arguments, &registry.host);
    let pairs = match &arguments.list {
        Some(list) => pairs::read(list),
        None => vec![pairs::generated(&bench.workspace)],
    };
    println!("{name}, medians of {}; KB are 1000 bytes\n", arguments.runs);
    let upgrades: Vec<Upgrade> = pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| {
            eprintln!("{}", pair.name);
            bench.measure(index, pair)
        })
        .collect();
    for table in [
        tables::bytes(&upgrades),
        tables::downloads(&upgrades),
        tables::publications(&upgrades),
        tables::files(&upgrades),
        aims::table(&upgrades, bench.exports_ratio(EXPORTS)),
    ] {
        println!("{table}");
    }
    ExitCode::SUCCESS
}

/// Finds the tools of this machine. A missing one leaves its columns empty.
fn bench(arguments: &Arguments, host: &str) -> Bench {
    let workspace = Workspace::default();
    let configuration = workspace.path("configuration");
    fs::create_dir(&configuration).expect("an empty configuration");
    let ways: &'static [Way] = match tools::wkg_version() {
        Ok(_) => &Way::ALL,
        Err(problem) => {
            println!("{problem}");
            &[Way::Delta, Way::Layers]
        }
    };
    let files = TOOLS.into_iter();
    let files = files.filter(|tool| !arguments.skip_slow || !tool.is_slow());
    Bench {
        host: host.to_owned(),
        proxy: Proxy::start(host).expect("a proxy on loopback"),
        commands: Commands { configuration },
        workspace,
        ways,
        files: files.filter(|tool| tool.is_installed()).collect(),
        runs: arguments.runs,
    }
}
