//! Delta files from OLD to NEW: the efforts and methods of wharf, and tools that know nothing of Wasm.
//!
//! `cargo bench --bench deltas -- [--skip-slow] [--figures FILE] [--plot DIR] [LIST]`

#[path = "../support/aim.rs"]
pub mod aim;
mod aims;
mod comparison;
mod figures;
#[path = "../support/files.rs"]
pub mod files;
#[path = "../support/inputs.rs"]
pub mod inputs;
#[path = "../support/measure.rs"]
pub mod measure;
#[path = "../support/pairs.rs"]
pub mod pairs;
mod parts;
mod plot;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use self::comparison::{Bench, Comparison, TOOLS};
use self::figures::Figures;
use self::measure::Workspace;

#[derive(Debug, Parser)]
struct Arguments {
    /// A file with lines of NAME OLD NEW; a generated pair if none is given
    list: Option<PathBuf>,
    /// Leave out bsdiff and zstd -19 --patch-from
    #[arg(long)]
    skip_slow: bool,
    /// Continue a run: take the figures from this file, and append new ones
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
    /// Write the plot to this directory, as deltas-light.svg and deltas-dark.svg
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
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
    println!("{}", measure::machine(arguments.date.as_deref()));
    let workspace = Workspace::default();
    let pairs = match &arguments.list {
        Some(list) => pairs::read(list),
        None => vec![pairs::generated(&workspace)],
    };
    let start = measure::start(&workspace.path("cache"));
    println!(
        "KB are 1000 bytes; the start of wharf takes {:.1} ms of processor time\n",
        start * 1e3
    );
    let tools = TOOLS.into_iter();
    let tools = tools.filter(|tool| !arguments.skip_slow || !tool.is_slow());
    let bench = Bench {
        workspace,
        tools: tools.filter(|tool| tool.is_installed()).collect(),
        figures: Figures::open(arguments.figures),
    };
    let comparisons: Vec<Comparison> = pairs.iter().map(|pair| bench.compare(pair)).collect();
    for table in [
        tables::bytes(&comparisons),
        tables::kinds(&comparisons),
        tables::methods(&comparisons),
        tables::classes(&comparisons),
        tables::making(&comparisons),
        tables::applying(&comparisons),
        tables::speeds(&comparisons, start),
        aims::table(&comparisons, start),
    ] {
        println!("{table}");
    }
    if let Some(directory) = &arguments.plot {
        plot::write(&comparisons, directory);
    }
    ExitCode::SUCCESS
}
