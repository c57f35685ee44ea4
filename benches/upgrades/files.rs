//! Tools that make a small file from a pair of files, without a registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::measure::{self, Usage, Workspace};
use crate::pairs::Pair;

/// bsdiff needs many minutes and about 17 times the size of the old file in memory.
const BSDIFF_LIMIT: u64 = 32 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileTool {
    Zstd9,
    Zstd19,
    PatchFrom,
    Bsdiff,
    Wharf,
}

/// The result of a tool, which the bench has decoded and compared.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) bytes: u64,
    /// Of making it.
    pub(crate) usage: Usage,
}

impl FileTool {
    pub(crate) const ALL: [Self; 5] = [
        Self::Zstd9,
        Self::Zstd19,
        Self::PatchFrom,
        Self::Bsdiff,
        Self::Wharf,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zstd9 => "zstd -9",
            Self::Zstd19 => "zstd -19",
            Self::PatchFrom => "--patch-from",
            Self::Bsdiff => "bsdiff",
            Self::Wharf => "wharf delta",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Zstd9 | Self::Zstd19 | Self::PatchFrom => "zstd",
            Self::Bsdiff => "bsdiff",
            Self::Wharf => env!("CARGO_BIN_EXE_wharf"),
        }
    }

    pub(crate) fn is_slow(self) -> bool {
        matches!(self, Self::Zstd19 | Self::PatchFrom | Self::Bsdiff)
    }

    /// Returns whether the program of this tool starts.
    pub(crate) fn is_installed(self) -> bool {
        Command::new(self.program())
            .arg("--version")
            .output()
            .is_ok()
    }

    /// Runs the tool, rebuilds the new file and compares it. Returns `None` if the pair is too large for the tool.
    pub(crate) fn run(self, pair: &Pair, workspace: &Workspace) -> Option<Made> {
        if self == Self::Bsdiff && pair.bytes() > BSDIFF_LIMIT {
            return None;
        }
        let made = workspace.fresh("made");
        let (usage, _) = measure::run(&self.make(pair, &made, workspace));
        let rebuilt = workspace.fresh("rebuilt.wasm");
        measure::run(&self.rebuild(pair, &made, &rebuilt, workspace));
        assert!(
            measure::same(&pair.new, &rebuilt),
            "{} damages {}",
            self.name(),
            pair.name
        );
        Some(Made {
            bytes: fs::metadata(&made).expect("a result").len(),
            usage,
        })
    }

    fn make(self, pair: &Pair, made: &Path, workspace: &Workspace) -> Command {
        let (old, new) = (&pair.old, &pair.new);
        match self {
            Self::Zstd9 => zstd(&["-9"], new, made),
            Self::Zstd19 => zstd(&["-19"], new, made),
            Self::PatchFrom => zstd(&["-19", "--long=27", &patch_from(old)], new, made),
            Self::Bsdiff => command("bsdiff", [old, new, made]),
            Self::Wharf => {
                let mut command = measure::wharf(&workspace.fresh("cache"));
                command.arg("delta").args([old, new]).arg("-o").arg(made);
                command
            }
        }
    }

    fn rebuild(self, pair: &Pair, made: &Path, rebuilt: &Path, workspace: &Workspace) -> Command {
        let old = &pair.old;
        match self {
            Self::Zstd9 | Self::Zstd19 => zstd(&["-d"], made, rebuilt),
            Self::PatchFrom => zstd(&["-d", "--long=27", &patch_from(old)], made, rebuilt),
            Self::Bsdiff => command("bspatch", [old, rebuilt, made]),
            Self::Wharf => {
                let mut command = measure::wharf(&workspace.fresh("cache"));
                command.arg("patch").args([old.as_path(), made]);
                command.arg("-o").arg(rebuilt);
                command
            }
        }
    }
}

fn command(program: &str, arguments: [&Path; 3]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
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
