//! What each compression level costs and saves: the figures behind the default.
//!
//! `cargo bench --bench levels -- [--levels auto,3,9] [--runs N] [FILE...]`

#[path = "support/inputs.rs"]
pub mod inputs;
#[path = "support/measure.rs"]
pub mod measure;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use self::inputs::App;
use self::measure::{Usage, Workspace};

#[derive(Debug, Parser)]
struct Arguments {
    /// Components; a generated one if none is given
    files: Vec<PathBuf>,
    /// Which levels
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "auto,1,2,3,4,5,6,7,8,9,12,19"
    )]
    levels: Vec<String>,
    /// The median of so many runs is shown
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Today, where the clock cannot be trusted
    #[arg(long)]
    date: Option<String>,
    /// Cargo says this
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    if !arguments.bench {
        println!("nothing is measured without --bench, which `cargo bench` passes");
        return;
    }
    let workspace = Workspace::default();
    let mut files = arguments.files.clone();
    if files.is_empty() {
        let generated = workspace.path("app-a.wasm");
        fs::write(&generated, App::full(0).component()).expect("space for an input");
        files.push(generated);
    }
    println!("{}", measure::machine(arguments.date.as_deref()));
    println!(
        "push into a layout and pull from it, median of {}\n",
        arguments.runs
    );
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let header = [
            name.as_ref(),
            "stored bytes",
            "of the file",
            "push s",
            "push CPU s",
            "push MiB",
            "pull s",
            "pull CPU s",
            "pull MiB",
        ];
        let rows = arguments.levels.iter();
        let rows: Vec<Vec<String>> = rows
            .map(|level| row(&workspace, file, level, arguments.runs))
            .collect();
        println!("{}", measure::table(&header, &rows));
    }
}

fn row(workspace: &Workspace, file: &Path, level: &str, runs: u16) -> Vec<String> {
    let mut stored = 0;
    let (mut pushes, mut pulls) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let reference = format!("oci:{}:1", workspace.fresh("layout").display());
        let mut push = measure::wharf(&workspace.fresh("cache"));
        push.args(["push", "--level", level]).arg(file);
        let (usage, report) = measure::run(push.arg(&reference));
        pushes.push(usage);
        stored = measure::member(&report, "sent_bytes");
        let mut pull = measure::wharf(&workspace.fresh("cache"));
        pull.args(["pull", &reference, "-o"]);
        let output = workspace.fresh("pulled.wasm");
        pulls.push(measure::run(pull.arg(output)).0);
    }
    let size = fs::metadata(file).expect("a file to push").len();
    let mut row = vec![
        level.to_owned(),
        stored.to_string(),
        format!("{:.2} %", stored as f64 * 100.0 / size as f64),
    ];
    for usage in [Usage::median(&pushes), Usage::median(&pulls)] {
        row.push(format!("{:.3}", usage.wall));
        row.push(format!("{:.2}", usage.cpu));
        row.push(format!("{:.1}", usage.peak));
    }
    row
}
