//! The files that all tools make from one pair.

use crate::figures::Figures;
use crate::files::{FileTool, Made};
use crate::measure::Workspace;
use crate::pairs::Pair;
use crate::parts::Parts;

/// The efforts of wharf.
pub(crate) const EFFORTS: [FileTool; 3] = [FileTool::Prefix, FileTool::Fast, FileTool::Best];

/// All tools in the order of the columns.
pub(crate) const TOOLS: [FileTool; 7] = [
    FileTool::Prefix,
    FileTool::Fast,
    FileTool::Best,
    FileTool::Bsdiff,
    FileTool::PatchFrom,
    FileTool::Xdelta,
    FileTool::Hdiff,
];

/// The measurements of one pair.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    /// The size of NEW.
    pub(crate) bytes: u64,
    /// The decompressed size of the layers that OLD lacks.
    pub(crate) changed_bytes: u64,
    files: Vec<(FileTool, Option<Made>)>,
}

impl Comparison {
    pub(crate) fn file(&self, tool: FileTool) -> Option<&Made> {
        let mut files = self.files.iter();
        let (_, made) = files.find(|(used, _)| *used == tool)?;
        made.as_ref()
    }

    /// Returns the size of a tool's file.
    pub(crate) fn size(&self, tool: FileTool) -> Option<f64> {
        Some(self.file(tool)?.bytes as f64)
    }

    /// Returns the parts of a file that wharf made.
    pub(crate) fn parts(&self, effort: FileTool) -> Option<Parts> {
        Some(Parts::read(self.file(effort)?))
    }

    /// Returns the bytes that `wharf patch` makes in a second of processor time from a file of effort best. The start of
    /// the process does not count.
    pub(crate) fn speed(&self, bytes: u64, start: f64) -> Option<f64> {
        let cpu = self.file(FileTool::Best)?.applying.cpu - start;
        Some(bytes as f64 / cpu.max(0.000_1))
    }
}

/// The tools of this machine.
pub(crate) struct Bench {
    pub(crate) workspace: Workspace,
    pub(crate) tools: Vec<FileTool>,
    pub(crate) figures: Figures,
}

impl Bench {
    /// Runs every tool, and says on standard error what each made.
    pub(crate) fn compare(&self, pair: &Pair) -> Comparison {
        let mut files = Vec::new();
        for &tool in &self.tools {
            let made = self.figures.take_or_run(tool, pair, &self.workspace);
            if let Some(made) = &made {
                let (bytes, usage) = (made.bytes, made.making);
                eprintln!(
                    "{} {}: {bytes} bytes, {:.2} CPU s",
                    pair.name,
                    tool.name(),
                    usage.cpu
                );
            }
            files.push((tool, made));
        }
        Comparison {
            name: pair.name.clone(),
            bytes: pair.bytes(),
            changed_bytes: pair.changed_bytes(),
            files,
        }
    }
}
