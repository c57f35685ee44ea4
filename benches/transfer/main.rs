//! wharf against `wkg oci` on the same registry, with the same files, in one run.
//!
//! `cargo bench --bench transfer -- [--registry NAME] [--runs N] [FILE [SIBLING]]`

#[path = "../support/inputs.rs"]
pub mod inputs;
#[path = "../support/measure.rs"]
pub mod measure;
#[path = "../support/proxy.rs"]
pub mod proxy;
#[path = "../../tests/support/mod.rs"]
#[doc(hidden)]
pub mod support;
#[path = "../support/tools.rs"]
pub mod tools;

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

use self::inputs::App;
use self::measure::{Usage, Workspace};
use self::proxy::Proxy;
use self::support::registries::registries;
use self::tools::{Commands, Tool};

#[derive(Debug, Parser)]
struct Arguments {
    /// A component, and a sibling of it; generated ones if none is given
    #[arg(num_args = 0..=2)]
    files: Vec<PathBuf>,
    /// distribution-2.8, distribution-3.1 or zot
    #[arg(long, default_value = "distribution-3.1")]
    registry: String,
    /// The median of so many runs is shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// The size of the generated component with a single section, in MiB; 0 leaves it out
    #[arg(long, default_value_t = 256)]
    single: u64,
    /// Today, where the clock cannot be trusted
    #[arg(long)]
    date: Option<String>,
    /// Cargo says this
    #[arg(long, hide = true)]
    bench: bool,
}

/// A component, and another one on the same runtime.
struct Input {
    name: String,
    file: PathBuf,
    sibling: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    ColdPush,
    PushAgain,
    PushAgainElsewhere,
    ColdPull,
    SiblingPull,
}

impl Row {
    const ALL: [Self; 5] = [
        Self::ColdPush,
        Self::PushAgain,
        Self::PushAgainElsewhere,
        Self::ColdPull,
        Self::SiblingPull,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ColdPush => "cold push",
            Self::PushAgain => "push again",
            Self::PushAgainElsewhere => "push again, empty cache",
            Self::ColdPull => "cold pull",
            Self::SiblingPull => "pull of the sibling",
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        println!("nothing is measured without --bench, which `cargo bench` passes");
        return ExitCode::SUCCESS;
    }
    let version = match tools::wkg_version() {
        Ok(version) => version,
        Err(problem) => {
            println!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let name = &arguments.registry;
    let Some(registry) = registries().iter().find(|known| known.name == name) else {
        println!("the registry {name} is not here");
        return ExitCode::FAILURE;
    };
    println!("{}", measure::machine(arguments.date.as_deref()));
    println!(
        "{version} on {name}, median of {}; a ratio is wharf/wkg; bytes are those on the wire\n",
        arguments.runs
    );
    let inputs = Workspace::default();
    for (index, input) in make_inputs(&arguments, &inputs).into_iter().enumerate() {
        let comparison = Comparison::new(index, input, &registry.host);
        println!("{}", comparison.table(arguments.runs));
    }
    println!("again: {}", repetition(&arguments));
    ExitCode::SUCCESS
}

fn repetition(arguments: &Arguments) -> String {
    let files = arguments.files.iter();
    let files: String = files.map(|file| format!(" {}", file.display())).collect();
    format!(
        "cargo bench --bench transfer -- --registry {} --runs {} --single {}{files}",
        arguments.registry, arguments.runs, arguments.single
    )
}

fn make_inputs(arguments: &Arguments, workspace: &Workspace) -> Vec<Input> {
    if let Some(file) = arguments.files.first() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        return vec![Input {
            name: name.into_owned(),
            file: file.clone(),
            sibling: arguments.files.get(1).cloned(),
        }];
    }
    let app = |variant: u64, name: &str| {
        let path = workspace.path(name);
        fs::write(&path, App::full(variant).component()).expect("space for an input");
        path
    };
    let mut inputs = vec![Input {
        name: "app-a, sibling app-b".to_owned(),
        file: app(0, "app-a.wasm"),
        sibling: Some(app(1, "app-b.wasm")),
    }];
    if arguments.single > 0 {
        let file = workspace.path("single.wasm");
        let mut output = BufWriter::new(fs::File::create(&file).expect("an input"));
        inputs::write_large(&mut output, 1, arguments.single << 20).expect("space for an input");
        inputs.push(Input {
            name: format!("single section of {} MiB", arguments.single),
            file,
            sibling: None,
        });
    }
    inputs
}

/// Everything that the runs on one input share.
struct Comparison {
    index: usize,
    input: Input,
    workspace: Workspace,
    commands: Commands,
    host: String,
    proxy: Proxy,
}

impl Comparison {
    /// Pushes the input and its sibling with both tools.
    fn new(index: usize, input: Input, host: &str) -> Self {
        let workspace = Workspace::default();
        let configuration = workspace.path("configuration");
        fs::create_dir(&configuration).expect("an empty configuration");
        let comparison = Self {
            index,
            input,
            commands: Commands { configuration },
            host: host.to_owned(),
            proxy: Proxy::start(host).expect("a proxy on loopback"),
            workspace,
        };
        for tool in Tool::BOTH {
            let cache = comparison.workspace.path("pushed");
            let file = &comparison.input.file;
            comparison.push(tool, file, "first", &cache);
            if let Some(sibling) = &comparison.input.sibling {
                let cache = comparison.workspace.fresh("cache");
                comparison.push(tool, sibling, "second", &cache);
            }
        }
        comparison
    }

    fn push(&self, tool: Tool, file: &Path, what: &str, cache: &Path) {
        let repository = self.repository(tool, what);
        let place = (self.host.as_str(), repository.as_str());
        measure::run(&self.commands.push(tool, file, place, cache));
    }

    fn repository(&self, tool: Tool, what: &str) -> String {
        // Every input has repositories of its own: one that has the blobs is not cold.
        format!("bench-{}/{}/{what}", self.index, tool.name())
    }

    /// Makes everything ready for a run, and returns the command.
    fn prepare(&self, row: Row, tool: Tool, host: &str, run: &str) -> Command {
        let output = self.workspace.fresh("pulled.wasm");
        let cache = self.workspace.fresh("cache");
        let first = self.repository(tool, "first");
        let first = (host, first.as_str());
        match row {
            Row::ColdPush => {
                let repository = self.repository(tool, run);
                let place = (host, repository.as_str());
                self.commands.push(tool, &self.input.file, place, &cache)
            }
            Row::PushAgain => {
                let cache = self.workspace.path("pushed");
                self.commands.push(tool, &self.input.file, first, &cache)
            }
            Row::PushAgainElsewhere => self.commands.push(tool, &self.input.file, first, &cache),
            Row::ColdPull => self.commands.pull(tool, first, &output, &cache),
            Row::SiblingPull => {
                let before = self.workspace.fresh("before.wasm");
                measure::run(&self.commands.pull(tool, first, &before, &cache));
                let second = self.repository(tool, "second");
                let second = (host, second.as_str());
                self.commands.pull(tool, second, &output, &cache)
            }
        }
    }

    /// Returns how many bytes go over the wire, in the direction that the row is about.
    fn wire_bytes(&self, row: Row, tool: Tool) -> u64 {
        let command = self.prepare(row, tool, &self.proxy.host, "counted");
        self.proxy.take();
        measure::run(&command);
        let traffic = self.proxy.take();
        let original = match row {
            Row::ColdPull => &self.input.file,
            Row::SiblingPull => self.input.sibling.as_ref().expect("a sibling"),
            _ => return traffic.sent,
        };
        let pulled = self.workspace.path("pulled.wasm");
        assert!(
            measure::same(original, &pulled),
            "{} damages {row:?}",
            tool.name()
        );
        traffic.received
    }

    fn table(&self, runs: u16) -> String {
        let header = [
            self.input.name.as_str(),
            "wharf MB",
            "wkg MB",
            "ratio",
            "wharf s",
            "wkg s",
            "ratio",
            "wharf CPU s",
            "wkg CPU s",
            "ratio",
            "wharf MiB",
            "wkg MiB",
            "ratio",
        ];
        let rows = Row::ALL
            .into_iter()
            .filter(|row| *row != Row::SiblingPull || self.input.sibling.is_some());
        let rows: Vec<Vec<String>> = rows.map(|row| self.row(row, runs)).collect();
        measure::table(&header, &rows)
    }

    fn row(&self, row: Row, runs: u16) -> Vec<String> {
        let [wharf_bytes, wkg_bytes] =
            Tool::BOTH.map(|tool| self.wire_bytes(row, tool) as f64 / 1e6);
        let mut usages = [Vec::new(), Vec::new()];
        for run in 0..runs {
            // Turn by turn, so that what else the machine does meets both.
            for (tool, usages) in Tool::BOTH.into_iter().zip(&mut usages) {
                let command = self.prepare(row, tool, &self.host, &format!("run-{run}"));
                usages.push(measure::run(&command).0);
            }
        }
        let [wharf, wkg] = usages.map(|usages| Usage::median(&usages));
        let mut cells = vec![row.name().to_owned()];
        for (wharf, wkg, digits) in [
            (wharf_bytes, wkg_bytes, 3),
            (wharf.wall, wkg.wall, 3),
            (wharf.cpu, wkg.cpu, 2),
            (wharf.peak, wkg.peak, 1),
        ] {
            cells.push(format!("{wharf:.digits$}"));
            cells.push(format!("{wkg:.digits$}"));
            // A hundredth of a second is all that can be told of processor time.
            cells.push(format!("{:.2}", wharf / wkg.max(1e-9)));
        }
        cells
    }
}
