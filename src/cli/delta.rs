//! `wharf delta`

pub(crate) mod attach;
pub(crate) mod rows;
mod stored;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap::builder::RangedI64ValueParser;
use serde::Serialize;
use wharf::component::Component;
use wharf::delta;
use wharf::digest::Digest;
use wharf::store::spool::Spool;

use super::component_input::ComponentInput;
use super::failure::{Failure, blocking};
use super::output::{self, BinaryOutput};
use super::settings::{Context, PolicyFlags};
use super::text::{self, unwritable};

/// Write or attach the changes between two components
///
/// With -o, `wharf patch` rebuilds the new component from the old one and the file. The file is small if the new
/// component is a later build of the old one. The same two components always give the same file.
///
/// Without -o, both are references or packages. The changes are stored beside the new one, where clients
/// that have the old one find them. `wharf publish` does this for the nearest lower versions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf delta calc-1.0.wasm calc-1.1.wasm -o calc.delta
  wharf patch calc-1.0.wasm calc.delta -o calc-1.1.wasm
  wharf delta demo:calc@1.0.0 calc.wasm -o - | ssh host wharf patch calc-1.0.wasm - -o calc.wasm
  wharf delta demo:calc@1.0.0 demo:calc@1.2.0                    attach it to 1.2.0
  wharf delta --all-versions demo:calc@1.2.0                     from every lower version")]
#[command(allow_missing_positional = true)]
pub(crate) struct Delta {
    /// The old component: a file, a reference or a package; `-` for standard input
    #[arg(
        required_unless_present = "all_versions",
        conflicts_with = "all_versions"
    )]
    old: Option<String>,
    /// The new component
    new: String,
    /// Output file, or `-` for standard output [default: attach the changes to the new component]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Attach the changes from every lower version of the package that is not yanked
    #[arg(long, conflicts_with = "output")]
    all_versions: bool,
    #[command(flatten)]
    level: DeltaLevel,
    #[command(flatten)]
    split: PolicyFlags,
}

/// The compression level of delta files.
#[derive(Debug, Args)]
pub(crate) struct DeltaLevel {
    /// Compression level of delta files, 9 (fast) to 19 (small)
    #[arg(long, value_name = "LEVEL", default_value_t = delta::DEFAULT_LEVEL, value_parser = RangedI64ValueParser::<u8>::new().range(9..=19))]
    pub(crate) delta_level: u8,
}

#[derive(Serialize)]
struct DeltaReport {
    source: Digest,
    target: Digest,
    old_size: u64,
    new_size: u64,
    size: u64,
}

impl Delta {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let level = self.level.delta_level;
        match (&self.old, &self.output) {
            (Some(old), Some(output)) => self.write(context, old, output).await,
            (old, _) => stored::attach(context, old.as_deref(), &self.new, level).await,
        }
    }

    async fn write(&self, context: &Context, old: &str, output: &Path) -> Result<(), Failure> {
        if old == "-" && self.new == "-" {
            return Err(Failure::usage("only one of OLD and NEW can be `-`"));
        }
        let policy = self.split.policy();
        let old = ComponentInput::open(context, old).await?;
        let new = ComponentInput::open(context, &self.new).await?;
        let out = BinaryOutput::open(output, context.flags.json)?;
        let scratch = context.cache()?.ingest().to_owned();
        let observer = context.observer();
        let level = self.level.delta_level;
        let make = move || {
            let old = old.read_with_warning(&policy)?;
            let new = new.read_with_warning(&policy)?;
            observer.planned(changed_bytes(&old, &new));
            let mut out = out;
            let mut parts = Spool::new_in(&scratch).with_context(|| unwritable(&scratch))?;
            let moved = |bytes| observer.moved(bytes);
            let parts = parts.file();
            let size = delta::make(&old, &new, &policy, level, parts, &mut out, &moved)?;
            out.finish()?;
            Ok::<_, Failure>(DeltaReport {
                source: Digest::of(&old.config.to_bytes()),
                target: Digest::of(&new.config.to_bytes()),
                old_size: old.config.content.size,
                new_size: new.config.content.size,
                size,
            })
        };
        let report = blocking(make).await?;
        report.print(context, output)
    }
}

/// Returns the number of bytes that the delta file is made from.
fn changed_bytes<S, T>(old: &Component<S>, new: &Component<T>) -> u64
where
    S: wharf::source::Source,
    T: wharf::source::Source,
{
    let known: Vec<_> = old.contents().collect();
    let changed = new.contents().filter(|content| !known.contains(content));
    changed.map(|content| content.size).sum()
}

impl DeltaReport {
    fn print(&self, context: &Context, path: &Path) -> Result<(), Failure> {
        if path.as_os_str() == "-" {
            return Ok(());
        }
        output::print(context, self, || {
            format!(
                "{}  {} for {}",
                path.display(),
                text::size(self.size),
                text::size(self.new_size)
            )
        })
    }
}
