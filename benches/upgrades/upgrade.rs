//! One upgrade through a registry: NEW is published after OLD, and a client that has OLD downloads NEW.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files::{FileTool, Made};
use crate::inputs;
use crate::measure::{self, Usage, Workspace};
use crate::pairs::Pair;
use crate::proxy::{Proxy, Traffic};
use crate::tools::{Commands, Tool};

/// The tools that make a file from the pair, in the order of the columns.
pub(crate) const TOOLS: [FileTool; 5] = [
    FileTool::Zstd9,
    FileTool::Zstd19,
    FileTool::PatchFrom,
    FileTool::Bsdiff,
    FileTool::Best,
];

/// How a client downloads NEW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// wharf, with a delta from OLD in the registry.
    Delta,
    /// wharf, without a delta.
    Layers,
    /// The whole file.
    Wkg,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Delta, Self::Layers, Self::Wkg];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Layers => "layers",
            Self::Wkg => "wkg",
        }
    }
}

/// The cost of a download of NEW.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) traffic: Traffic,
    pub(crate) usage: Usage,
}

/// The measurements of one pair.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// The decompressed size of the layers that OLD lacks.
    changed_bytes: u64,
    /// The bytes of delta files in the download by delta; 0 if the client used none.
    pub(crate) delta_bytes: u64,
    /// Of publishing NEW with a delta.
    pub(crate) publish_delta: Usage,
    /// Of publishing NEW without one.
    pub(crate) publish_layers: Usage,
    downloads: Vec<Download>,
    files: Vec<(FileTool, Option<Made>)>,
}

impl Upgrade {
    pub(crate) fn download(&self, way: Way) -> Option<&Download> {
        self.downloads.get(way as usize)
    }

    pub(crate) fn changed_megabytes(&self) -> f64 {
        self.changed_bytes as f64 / 1e6
    }

    /// Returns the seconds that the delta adds to publishing.
    pub(crate) fn added(&self) -> f64 {
        self.publish_delta.wall - self.publish_layers.wall
    }

    /// Returns the most seconds that it should add.
    pub(crate) fn added_limit(&self) -> f64 {
        0.5 + 0.3 * self.changed_megabytes()
    }

    pub(crate) fn file(&self, tool: FileTool) -> Option<&Made> {
        let mut files = self.files.iter();
        let (_, made) = files.find(|(used, _)| *used == tool)?;
        made.as_ref()
    }
}

/// A registry, a proxy in front of it, and the tools.
pub(crate) struct Bench {
    pub(crate) host: String,
    pub(crate) proxy: Proxy,
    pub(crate) commands: Commands,
    pub(crate) workspace: Workspace,
    /// Without `Wkg` if wkg is not installed.
    pub(crate) ways: &'static [Way],
    pub(crate) files: Vec<FileTool>,
    pub(crate) runs: u16,
}

impl Bench {
    pub(crate) fn measure(&self, index: usize, pair: &Pair) -> Upgrade {
        let [publish_delta, publish_layers] = self.publish(index, pair);
        let cache = self.workspace.fresh("cache");
        if self.ways.contains(&Way::Wkg) {
            let repository = repository(index);
            let place = (self.host.as_str(), repository.as_str());
            measure::run(&self.commands.push(Tool::Wkg, &pair.new, place, &cache));
        }
        let (downloads, delta_bytes) = self.download(index, pair);
        let files = self.files.iter();
        Upgrade {
            name: pair.name.clone(),
            bytes: pair.bytes(),
            changed_bytes: pair.changed_bytes(),
            delta_bytes,
            publish_delta,
            publish_layers,
            downloads,
            files: files
                .map(|tool| (*tool, tool.run(pair, &self.workspace)))
                .collect(),
        }
    }

    /// Publishes NEW after OLD, with a delta and without one. Every run has packages of its own, because a repository
    /// that has the blobs receives none.
    fn publish(&self, index: usize, pair: &Pair) -> [Usage; 2] {
        let mut usages = [Vec::new(), Vec::new()];
        for run in 0..self.runs {
            for (way, usages) in [Way::Delta, Way::Layers].into_iter().zip(&mut usages) {
                let package = package(index, run, way);
                let publish = |file: &Path, version: &str| {
                    // The caches of most publishers are empty: they are jobs of a CI system.
                    let cache = self.workspace.fresh("cache");
                    let package = format!("{package}@{version}");
                    let place = (self.host.as_str(), package.as_str());
                    let mut command = self.commands.publish(file, place, &cache);
                    if way == Way::Layers {
                        command.arg("--no-delta");
                    }
                    measure::run(&command).0
                };
                publish(&pair.old, OLD);
                usages.push(publish(&pair.new, NEW));
            }
        }
        usages.map(|usages| Usage::median(&usages))
    }

    /// Returns the downloads in the order of the ways, and the bytes of delta files.
    fn download(&self, index: usize, pair: &Pair) -> (Vec<Download>, u64) {
        let mut delta_bytes = 0;
        let counted: Vec<Traffic> = self
            .ways
            .iter()
            .map(|&way| {
                let (command, output) = self.prepare(index, way, &self.proxy.host);
                self.proxy.take();
                let (_, report) = measure::run(&command);
                let traffic = self.proxy.take();
                let is_whole = measure::same(&pair.new, &output);
                assert!(is_whole, "{} damages {}", way.name(), pair.name);
                if way == Way::Delta {
                    delta_bytes = measure::member(&report, "delta_bytes");
                }
                traffic
            })
            .collect();
        let mut usages = vec![Vec::new(); self.ways.len()];
        for _ in 0..self.runs {
            // The ways take turns, so that other work on the machine slows all of them.
            for (&way, usages) in self.ways.iter().zip(&mut usages) {
                let (command, _) = self.prepare(index, way, &self.host);
                usages.push(measure::run(&command).0);
            }
        }
        let downloads = counted.into_iter().zip(usages);
        let downloads = downloads.map(|(traffic, usages)| Download {
            traffic,
            usage: Usage::median(&usages),
        });
        (downloads.collect(), delta_bytes)
    }

    /// Fills an empty cache with OLD. Returns the command that downloads NEW, and the path of its output.
    fn prepare(&self, index: usize, way: Way, host: &str) -> (Command, PathBuf) {
        let output = self.workspace.fresh("new.wasm");
        let cache = self.workspace.fresh("cache");
        let command = match way {
            Way::Wkg => {
                let repository = repository(index);
                let place = (host, repository.as_str());
                self.commands.pull(Tool::Wkg, place, &output, &cache)
            }
            Way::Delta | Way::Layers => {
                let [old, new] = [OLD, NEW].map(|v| format!("{}@{v}", package(index, 0, way)));
                let before = self.workspace.fresh("old.wasm");
                measure::run(&self.commands.get((host, &old), &before, &cache));
                self.commands.get((host, &new), &output, &cache)
            }
        };
        (command, output)
    }

    /// Returns the bytes of a cold pull of a module with so many exports, as a ratio to `zstd -9` of the module.
    pub(crate) fn exports_ratio(&self, exports: u64) -> Option<f64> {
        self.files.iter().find(|tool| **tool == FileTool::Zstd9)?;
        let file = self.workspace.path("exports.wasm");
        fs::write(&file, inputs::exports(exports)).expect("space for an input");
        let repository = "upgrades/exports";
        let (cache, place) = (
            self.workspace.fresh("cache"),
            (self.host.as_str(), repository),
        );
        measure::run(&self.commands.push(Tool::Wharf, &file, place, &cache));
        let cache = self.workspace.fresh("cache");
        let output = self.workspace.fresh("pulled.wasm");
        let place = (self.proxy.host.as_str(), repository);
        self.proxy.take();
        measure::run(&self.commands.pull(Tool::Wharf, place, &output, &cache));
        let pulled = self.proxy.take().received;
        let pair = Pair {
            name: "exports".to_owned(),
            old: file.clone(),
            new: file,
        };
        let made = FileTool::Zstd9.run(&pair, &self.workspace)?;
        Some(pulled as f64 / made.bytes as f64)
    }
}

const OLD: &str = "1.0.0";
const NEW: &str = "1.0.1";

fn package(index: usize, run: u16, way: Way) -> String {
    format!("upgrades:pair{index}-run{run}-{}", way.name())
}

fn repository(index: usize) -> String {
    format!("upgrades/pair{index}-wkg")
}
