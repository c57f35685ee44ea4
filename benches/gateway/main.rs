//! `wharf serve` before a registry, against that registry with the same component in one piece, in one run.
//!
//! `cargo bench --bench gateway -- [--registry NAME] [--runs N] [--clients N] [FILE]`

mod client;
#[path = "../support/inputs.rs"]
pub mod inputs;
#[path = "../support/measure.rs"]
pub mod measure;
mod server;
#[path = "../../tests/support/mod.rs"]
#[doc(hidden)]
pub mod support;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use wharf::digest::Digest;

use self::client::{BlobForm, TransferTimes};
use self::inputs::App;
use self::measure::{Workspace, median};
use self::server::Gateway;
use self::support::registries::registries;

#[derive(Debug, Parser)]
struct Arguments {
    /// A component; a generated one of 18 MB if none is given
    file: Option<PathBuf>,
    /// distribution-2.8, distribution-3.1 or zot
    #[arg(long, default_value = "distribution-3.1")]
    registry: String,
    /// The median of so many runs is shown
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// What a client takes at most in the second table, in MB/s: the link of a node
    #[arg(long, default_value_t = 125.0)]
    link: f64,
    /// So many clients pull at once where memory is measured
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// Today, where the clock cannot be trusted
    #[arg(long)]
    date: Option<String>,
    /// Cargo says this
    #[arg(long, hide = true)]
    bench: bool,
}

/// Who sends the component, in the order of a run: the first time makes a cache warm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Registry,
    Cold,
    Warm,
    Zstd,
    Decoded,
}

impl Row {
    const ALL: [Self; 5] = [
        Self::Registry,
        Self::Cold,
        Self::Warm,
        Self::Zstd,
        Self::Decoded,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry, in one piece",
            Self::Cold => "gateway, empty cache",
            Self::Warm => "gateway, warm",
            Self::Zstd => "gateway, warm, zstd",
            Self::Decoded => "gateway, warm, zstd, decoded",
        }
    }

    fn aim(self, link: Option<f64>) -> &'static str {
        match self {
            Self::Registry | Self::Cold => "",
            Self::Warm => "≥ 0.8",
            Self::Zstd => "> 1",
            // Memory is faster than any decoder; a network is not.
            Self::Decoded => link.map_or("", |_| "> 1"),
        }
    }

    fn wanted(self) -> BlobForm {
        match self {
            Self::Registry | Self::Cold | Self::Warm => BlobForm::Plain,
            Self::Zstd => BlobForm::Zstd,
            Self::Decoded => BlobForm::Decoded,
        }
    }
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
    let mut input = Input::new(arguments.file.as_ref(), &registry.host);
    println!("{}", measure::machine(arguments.date.as_deref()));
    println!("{name}, median of {} runs\n", arguments.runs);
    for link in [None, Some(arguments.link)] {
        println!("{}", input.throughput(arguments.runs, link));
    }
    println!("{}", input.memory(arguments.clients));
    match input.wrong {
        0 => ExitCode::SUCCESS,
        wrong => {
            println!("{wrong} times other bytes came");
            ExitCode::FAILURE
        }
    }
}

/// A component that the registry has by section in one repository and in one piece in another.
struct Input {
    name: String,
    bytes: Vec<u8>,
    /// Of the blob in one piece.
    digest: Digest,
    registry: String,
    workspace: Workspace,
    /// How often something else came.
    wrong: u32,
}

impl Input {
    const SPLIT: &str = "bench/split";
    const FLAT: &str = "bench/flat";

    fn new(file: Option<&PathBuf>, registry: &str) -> Self {
        let workspace = Workspace::default();
        let (name, bytes) = match file {
            Some(file) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                (name.into_owned(), fs::read(file).expect("a component"))
            }
            None => ("generated".to_owned(), generated()),
        };
        let file = workspace.path("component.wasm");
        fs::write(&file, &bytes).expect("space for an input");
        let digest = Digest::of(&bytes);
        let input = Self {
            name: format!("{name}, {:.1} MB", bytes.len() as f64 / 1e6),
            bytes,
            digest,
            registry: registry.to_owned(),
            workspace,
            wrong: 0,
        };
        let cache = input.workspace.path("pushed");
        let mut push = measure::wharf(&cache);
        let reference = format!("{registry}/{}:1", Self::SPLIT);
        measure::run(push.arg("push").arg(&file).arg(reference));
        let mut publish = measure::wharf(&cache);
        publish.args(["publish", "--compat", "--registry", registry]);
        let package = Self::FLAT.replace('/', ":") + "@1.0.0";
        measure::run(publish.arg(&file).arg(package));
        input
    }

    /// Starts a gateway that knows of the component what each client asks first: its manifest.
    fn gateway(&self) -> Gateway {
        let cache = self.workspace.fresh("cache");
        let gateway = Gateway::start(&self.registry, &cache);
        let path = format!("/v2/{}/manifests/1", Self::SPLIT);
        let manifest = client::text(&gateway.host, &path, "").expect("a manifest");
        let shows = manifest.contains(&self.digest.to_string());
        assert!(shows, "not in one piece: {manifest}");
        gateway
    }

    fn path(&self, repository: &str) -> String {
        format!("/v2/{repository}/blobs/{}", self.digest)
    }

    fn throughput(&mut self, runs: u16, link: Option<f64>) -> String {
        let mut taken: [Vec<(TransferTimes, f64)>; 5] = Default::default();
        let mut memory = Vec::new();
        for _ in 0..runs {
            let gateway = self.gateway();
            // Turn by turn, so that what else the machine does meets all.
            for (row, taken) in Row::ALL.into_iter().zip(&mut taken) {
                let (host, repository) = match row {
                    Row::Registry => (&self.registry, Self::FLAT),
                    _ => (&gateway.host, Self::SPLIT),
                };
                let path = self.path(repository);
                let before = gateway.cpu();
                let got = client::blob(
                    (host, &path),
                    (row.wanted(), link),
                    &self.bytes,
                    &mut memory,
                );
                let (took, is_right) = got.expect("a blob");
                self.wrong += u32::from(!is_right);
                taken.push((took, gateway.cpu() - before));
            }
        }
        let size = self.bytes.len() as f64 / 1e6;
        let of = |taken: &[(TransferTimes, f64)], number: fn(&TransferTimes) -> f64| {
            median(taken.iter().map(|(took, _)| number(took)))
        };
        let registry = of(&taken[0], |took| took.last);
        let rows = Row::ALL.into_iter().zip(&taken).map(|(row, taken)| {
            let last = of(taken, |took| took.last);
            let cpu: f64 = taken.iter().map(|(_, cpu)| cpu).sum();
            vec![
                row.name().to_owned(),
                format!("{:.0}", size / last),
                format!("{:.2}", registry / last),
                row.aim(link).to_owned(),
                format!("{:.1}", of(taken, |took| took.first) * 1e3),
                format!("{:.1}", of(taken, |took| took.sent as f64) / 1e6),
                match row {
                    Row::Registry => String::new(),
                    // The clock counts in steps that are longer than most runs, so the mean says more.
                    _ => format!("{:.0}", cpu / taken.len() as f64 * 1e3),
                },
            ]
        });
        let name = match link {
            None => self.name.clone(),
            Some(link) => format!("the same, a client that takes {link} MB/s"),
        };
        let header = [
            name.as_str(),
            "MB/s",
            "of the registry",
            "aim",
            "first byte ms",
            "MB sent",
            "gateway CPU ms",
        ];
        measure::table(&header, &rows.collect::<Vec<_>>())
    }

    fn memory(&mut self, clients: u16) -> String {
        let mut rows = Vec::new();
        for (name, wanted) in [
            ("in one piece", BlobForm::Plain),
            ("zstd", BlobForm::Decoded),
        ] {
            let gateway = self.gateway();
            let mut row = vec![name.to_owned()];
            for _ in ["empty cache", "warm"] {
                self.crowd(&gateway, clients, wanted);
                row.push(format!("{:.1}", gateway.peak()));
            }
            row.push("< 200".to_owned());
            rows.push(row);
        }
        let clients = format!("{clients} clients at once");
        let header = [&clients, "peak MiB, empty cache", "and then warm", "aim"];
        measure::table(&header, &rows)
    }

    /// Has many clients get the component at the same time.
    fn crowd(&mut self, gateway: &Gateway, clients: u16, wanted: BlobForm) {
        let path = self.path(Self::SPLIT);
        let wanted = (wanted, None);
        let wrong = thread::scope(|scope| {
            let get = || client::blob((&gateway.host, &path), wanted, &self.bytes, &mut Vec::new());
            let started: Vec<_> = (0..clients).map(|_| scope.spawn(get)).collect();
            let got = started.into_iter().map(|client| {
                let got = client.join().expect("a client that ends");
                got.expect("a blob")
            });
            got.filter(|(_, is_right)| !is_right).count()
        });
        self.wrong += wrong as u32;
    }
}

/// Returns an application half as large again as those of the other benches: as large as what componentize-py makes.
fn generated() -> Vec<u8> {
    let App { code, data, .. } = App::full(0);
    let app = App {
        code: code * 3 / 2,
        data: data * 3 / 2,
        variant: 0,
    };
    app.component()
}
