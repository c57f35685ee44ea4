//! `wharf completions` and `wharf man`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;
use serde_json::json;

use super::failure::Failure;
use super::output;
use super::settings::Context;

/// Print shell completions
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf completions bash > /etc/bash_completion.d/wharf
  wharf completions zsh > ~/.zfunc/_wharf
  wharf completions fish > ~/.config/fish/completions/wharf.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, context: &Context, mut command: Command) -> Result<(), Failure> {
        if context.flags.json {
            return Err(Failure::usage("`wharf completions` has no JSON output"));
        }
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "wharf", &mut script);
        let script = String::from_utf8_lossy(&script);
        output::line(script.trim_end())
    }
}

/// Write man pages, one per command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Output directory, created if missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(self, context: &Context, command: Command) -> Result<(), Failure> {
        let directory = &self.directory;
        let failed = || format!("cannot write man pages to {}", directory.display());
        fs::create_dir_all(directory).with_context(failed)?;
        clap_mangen::generate_to(command, directory).with_context(failed)?;
        let pages = pages(directory).with_context(failed)?;
        output::print(context, &json!({ "pages": pages }), || {
            let names = pages.iter().map(|page| page.display().to_string());
            names.collect::<Vec<_>>().join("\n")
        })
    }
}

/// Returns wharf's pages in a directory, sorted.
fn pages(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let is_ours = |page: &PathBuf| {
        let name = page.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("wharf"))
    };
    let entries = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path()));
    let mut pages: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    pages.retain(is_ours);
    pages.sort();
    Ok(pages)
}
