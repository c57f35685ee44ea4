//! Peak memory of push and pull at the default level, by size and by number of layers.
//!
//! `cargo bench --bench memory -- [--registry NAME] [--mib 1,64,512,1024]`

#[path = "support/inputs.rs"]
pub mod inputs;
#[path = "support/measure.rs"]
pub mod measure;
#[path = "../tests/support/mod.rs"]
#[doc(hidden)]
pub mod support;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use self::measure::Workspace;
use self::support::registries::registries;

/// What no push and no pull may pass.
const LIMIT_MIB: f64 = 64.0;

/// The component of many layers has so many sections.
const MANY: u64 = 250;

#[derive(Debug, Parser)]
struct Arguments {
    /// Sizes of the components with a single section
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 512, 1024])]
    mib: Vec<u64>,
    /// The size of the component with 250 sections
    #[arg(long, default_value_t = 500)]
    many_mib: u64,
    /// distribution-2.8, distribution-3.1 or zot
    #[arg(long, default_value = "distribution-3.1")]
    registry: String,
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
    let single = arguments.mib.iter().map(|&mib| (1, mib));
    let shapes = single.chain([(MANY, arguments.many_mib)]);
    let mut worst: f64 = 0.0;
    let mut rows = Vec::new();
    for (sections, mib) in shapes {
        let peaks = peaks(sections, mib, &registry.host);
        worst = peaks.iter().copied().fold(worst, f64::max);
        let mut row = vec![format!("{mib} MiB in {sections}")];
        row.extend(peaks.map(|peak| format!("{peak:.1}")));
        rows.push(row);
    }
    let header = [
        "size and sections",
        "push, layout",
        "pull, layout",
        "push, registry",
        "pull, registry",
    ];
    println!("{}", measure::machine(arguments.date.as_deref()));
    println!("peak resident memory in MiB, registry {name}\n");
    println!("{}", measure::table(&header, &rows));
    println!("at most {worst:.1} MiB; the limit is {LIMIT_MIB} MiB");
    match worst <= LIMIT_MIB {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Returns the peaks of push and pull, first through a layout, then through a registry.
fn peaks(sections: u64, mib: u64, host: &str) -> [f64; 4] {
    let workspace = Workspace::default();
    let file = workspace.path("component.wasm");
    let mut output = BufWriter::new(File::create(&file).expect("an input"));
    let size = (mib << 20) / sections;
    inputs::write_large(&mut output, sections, size).expect("space for an input");
    drop(output);
    let layout = format!("oci:{}:1", workspace.path("layout").display());
    let registry = format!("{host}/memory/{mib}-in-{sections}:1");
    let [push, pull] = push_and_pull(&workspace, &file, &layout);
    workspace.fresh("layout");
    let [remote_push, remote_pull] = push_and_pull(&workspace, &file, &registry);
    [push, pull, remote_push, remote_pull]
}

fn push_and_pull(workspace: &Workspace, file: &Path, reference: &str) -> [f64; 2] {
    let mut push = measure::wharf(&workspace.fresh("cache"));
    let (push, _) = measure::run(push.arg("push").arg(file).arg(reference));
    let output = workspace.fresh("pulled.wasm");
    let mut pull = measure::wharf(&workspace.fresh("cache"));
    let (pull, _) = measure::run(pull.args(["pull", reference, "-o"]).arg(output));
    [push.peak, pull.peak]
}
