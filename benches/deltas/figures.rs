//! A file of figures, with which a run can continue.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wharf::digest::Digest;

use crate::comparison::EFFORTS;
use crate::files::{FileTool, Made};
use crate::measure::Workspace;
use crate::pairs::Pair;

/// A line of the file, in JSON.
#[derive(Serialize, Deserialize)]
struct Figure {
    /// The digest of NEW.
    new: String,
    tool: String,
    /// The digest of wharf's program. Figures of another build are not used.
    #[serde(default)]
    build: String,
    #[serde(flatten)]
    made: Made,
}

/// Figures of earlier runs, and the file in which they are.
pub(crate) struct Figures {
    file: Option<PathBuf>,
    known: Vec<Figure>,
    /// The digest of wharf's program.
    build: String,
}

impl Figures {
    /// Reads the file, if there is one.
    ///
    /// # Panics
    ///
    /// If a line of it has another form.
    pub(crate) fn open(file: Option<PathBuf>) -> Self {
        let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let text = text.unwrap_or_default();
        let known = text.lines().map(|line| {
            let figure = serde_json::from_str(line);
            figure.unwrap_or_else(|error| panic!("{line} has no figures: {error}"))
        });
        Self {
            known: known.collect(),
            build: digest(Path::new(env!("CARGO_BIN_EXE_wharf"))),
            file,
        }
    }

    /// Returns the figures of a tool, and measures those that the file lacks.
    pub(crate) fn take_or_run(
        &self,
        tool: FileTool,
        pair: &Pair,
        workspace: &Workspace,
    ) -> Option<Made> {
        let new = digest(&pair.new);
        let build = match EFFORTS.contains(&tool) {
            true => self.build.as_str(),
            false => "",
        };
        let name = tool.name();
        let mut known = self.known.iter();
        let is_same =
            |known: &&Figure| (&*known.new, &*known.tool, &*known.build) == (&*new, name, build);
        if let Some(known) = known.find(is_same) {
            return Some(known.made.clone());
        }
        let made = tool.run(pair, workspace)?;
        if let Some(file) = &self.file {
            let figure = Figure {
                new,
                tool: name.to_owned(),
                build: build.to_owned(),
                made: made.clone(),
            };
            let line = serde_json::to_string(&figure).expect("figures in JSON") + "\n";
            let file = OpenOptions::new().create(true).append(true).open(file);
            let mut file = file.expect("a file of figures");
            file.write_all(line.as_bytes()).expect("space for a line");
        }
        Some(made)
    }
}

fn digest(file: &Path) -> String {
    Digest::of(&fs::read(file).expect("a file to identify")).to_string()
}
