//! Tools that make a small file from a pair of files, without a registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::measure::{self, Usage, Workspace};
use crate::pairs::Pair;

/// bsdiff needs many minutes and about 17 times the size of the old file in memory.
const BSDIFF_LIMIT: u64 = 32 << 20;

/// Small files are rebuilt several times, together about this many bytes, so that the time of one can be measured.
const REBUILT_BYTES: u64 = 32_000_000;

/// A tool with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileTool {
    /// Without the old file.
    Zstd9,
    /// Without the old file.
    Zstd19,
    /// `zstd -19` with the old file as its dictionary.
    PatchFrom,
    /// Suffix arrays and differences of bytes.
    Bsdiff,
    /// VCDIFF with a secondary compressor.
    Xdelta,
    /// HDiffPatch with zstd.
    Hdiff,
    /// wharf, with the method prefix only.
    Prefix,
    /// wharf, with the default methods of `push --delta`.
    Fast,
    /// wharf, with all methods.
    Best,
}

/// The result of a tool, which the bench has decoded and compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Made {
    /// The size of the file.
    pub bytes: u64,
    /// Of making it.
    pub making: Usage,
    /// Of rebuilding NEW from it.
    pub applying: Usage,
    /// The standard output of the tool.
    #[serde(default)]
    pub report: String,
}

impl FileTool {
    /// Returns the name of its column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd9 => "zstd -9",
            Self::Zstd19 => "zstd -19",
            Self::PatchFrom => "--patch-from",
            Self::Bsdiff => "bsdiff",
            Self::Xdelta => "xdelta3",
            Self::Hdiff => "hdiffz",
            Self::Prefix => "wharf prefix",
            Self::Fast => "wharf fast",
            Self::Best => "wharf best",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Zstd9 | Self::Zstd19 | Self::PatchFrom => "zstd",
            Self::Bsdiff => "bsdiff",
            Self::Xdelta => "xdelta3",
            Self::Hdiff => "hdiffz",
            Self::Prefix | Self::Fast | Self::Best => env!("CARGO_BIN_EXE_wharf"),
        }
    }

    /// Returns whether it needs minutes for some pairs.
    pub fn is_slow(self) -> bool {
        matches!(self, Self::Zstd19 | Self::PatchFrom | Self::Bsdiff)
    }

    /// Returns whether the program of this tool starts.
    pub fn is_installed(self) -> bool {
        Command::new(self.program())
            .arg("--version")
            .output()
            .is_ok()
    }

    /// Runs the tool, rebuilds the new file and compares it. Returns `None` if the pair is too large for the tool.
    pub fn run(self, pair: &Pair, workspace: &Workspace) -> Option<Made> {
        if self == Self::Bsdiff && pair.bytes() > BSDIFF_LIMIT {
            return None;
        }
        let made = workspace.fresh("made");
        let (making, report) = measure::run(&self.make(pair, &made, workspace));
        let rebuilt = workspace.fresh("rebuilt.wasm");
        let rebuild = self.rebuild(pair, &made, &rebuilt, workspace);
        let times = (REBUILT_BYTES / pair.bytes()).clamp(1, 20);
        let applying = measure::run_times(&rebuild, times);
        assert!(
            measure::same(&pair.new, &rebuilt),
            "{} damages {}",
            self.name(),
            pair.name
        );
        Some(Made {
            bytes: fs::metadata(&made).expect("a result").len(),
            making,
            applying,
            report,
        })
    }

    fn make(self, pair: &Pair, made: &Path, workspace: &Workspace) -> Command {
        let (old, new) = (&pair.old, &pair.new);
        match self {
            Self::Zstd9 => zstd(&["-9"], new, made),
            Self::Zstd19 => zstd(&["-19"], new, made),
            Self::PatchFrom => zstd(&["-19", "--long=27", &patch_from(old)], new, made),
            Self::Bsdiff => command("bsdiff", &[], [old, new, made]),
            Self::Xdelta => {
                let window = xdelta_window(pair);
                let options = ["-q", "-f", "-e", "-9", "-S", "djw", "-B", &window, "-s"];
                command("xdelta3", &options, [old, new, made])
            }
            Self::Hdiff => {
                let options = ["-f", "-m-6", "-SD", "-c-zstd-21-24", "-p-1"];
                command("hdiffz", &options, [old, new, made])
            }
            // Without memory for the other methods, only prefix is left.
            Self::Prefix => {
                let options = ["--delta-effort", "fast", "--delta-memory", "0"];
                delta(&options, pair, made, workspace)
            }
            Self::Fast => delta(&["--delta-effort", "fast"], pair, made, workspace),
            Self::Best => delta(&["--delta-effort", "best"], pair, made, workspace),
        }
    }

    fn rebuild(self, pair: &Pair, made: &Path, rebuilt: &Path, workspace: &Workspace) -> Command {
        let old = &pair.old;
        match self {
            Self::Zstd9 | Self::Zstd19 => zstd(&["-d"], made, rebuilt),
            Self::PatchFrom => zstd(&["-d", "--long=27", &patch_from(old)], made, rebuilt),
            Self::Bsdiff => command("bspatch", &[], [old, rebuilt, made]),
            Self::Xdelta => {
                let window = xdelta_window(pair);
                let options = ["-q", "-f", "-d", "-B", &window, "-s"];
                command("xdelta3", &options, [old, made, rebuilt])
            }
            Self::Hdiff => command("hpatchz", &["-f"], [old, made, rebuilt]),
            Self::Prefix | Self::Fast | Self::Best => {
                let mut command = measure::wharf(&workspace.fresh("cache"));
                command.arg("patch").args([old.as_path(), made]);
                command.arg("-o").arg(rebuilt);
                command
            }
        }
    }
}

fn command(program: &str, options: &[&str], files: [&Path; 3]) -> Command {
    let mut command = Command::new(program);
    command.args(options).args(files);
    command
}

fn zstd(flags: &[&str], from: &Path, to: &Path) -> Command {
    let mut command = Command::new("zstd");
    command.args(["-q", "-f"]).args(flags);
    command.arg(from).arg("-o").arg(to);
    command
}

fn patch_from(old: &Path) -> String {
    format!("--patch-from={}", old.display())
}

/// Returns a window for the whole old file. xdelta3 refuses small ones.
fn xdelta_window(pair: &Pair) -> String {
    let old = fs::metadata(&pair.old).expect("an old file").len();
    old.max(1 << 20).to_string()
}

fn delta(options: &[&str], pair: &Pair, made: &Path, workspace: &Workspace) -> Command {
    let mut command = measure::wharf(&workspace.fresh("cache"));
    command.arg("delta").args(options);
    command.args([&pair.old, &pair.new]).arg("-o").arg(made);
    command
}
