//! `wharf delta`

pub(crate) mod attach;
mod explain;
pub(crate) mod rows;
mod stored;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap::builder::RangedI64ValueParser;
use serde::Serialize;
use wharf::component::Component;
use wharf::delta::{self, Effort, Options};
use wharf::digest::Digest;
use wharf::store::spool::Spool;
use wharf::text::printable;

use self::explain::PartRow;
use super::component_input::ComponentInput;
use super::failure::{Failure, blocking};
use super::hints;
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
  wharf delta old.wasm new.wasm -o new.delta --explain           show what a build changes
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
    /// Show the bytes of each section by method and class; without -o, write no file
    #[arg(long, conflicts_with = "all_versions")]
    explain: bool,
    /// Attach the changes from every lower version of the package that is not yanked
    #[arg(long, conflicts_with = "output")]
    all_versions: bool,
    #[command(flatten)]
    methods: MethodFlags,
    #[command(flatten)]
    split: PolicyFlags,
}

/// The methods and the compression level of delta files.
#[derive(Debug, Args)]
pub(crate) struct MethodFlags {
    /// Methods to try: fast, or best (smaller, but seconds for each changed MB) [default: best, or fast for push]
    #[arg(long, value_name = "WORD", value_parser = parse_effort)]
    delta_effort: Option<Effort>,
    /// Memory for making a delta file; sections that need more become larger parts
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = text::parse_size)]
    delta_memory: u64,
    /// Compression level of delta files, 9 (fast) to 19 (small)
    #[arg(long, value_name = "LEVEL", default_value_t = delta::DEFAULT_LEVEL, value_parser = RangedI64ValueParser::<u8>::new().range(9..=19))]
    delta_level: u8,
}

fn parse_effort(text: &str) -> Result<Effort, String> {
    match text {
        "fast" => Ok(Effort::Fast),
        "best" => Ok(Effort::Best),
        _ => Err("the effort is fast or best".to_owned()),
    }
}

impl MethodFlags {
    /// Returns the options, with the default effort of the command.
    pub(crate) fn options(&self, effort: Effort) -> Options {
        Options {
            level: self.delta_level,
            effort: self.delta_effort.unwrap_or(effort),
            memory: self.delta_memory,
        }
    }
}

#[derive(Serialize)]
struct DeltaReport {
    source: Digest,
    target: Digest,
    old_size: u64,
    new_size: u64,
    size: u64,
    #[serde(skip)]
    is_limited: bool,
    parts: Vec<PartRow>,
}

/// The note of a delta that took more memory than it may.
const LIMITED: &str =
    "note: --delta-memory is too small to try every method; the delta could be smaller";

impl Delta {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let options = self.methods.options(Effort::Best);
        match (&self.old, &self.output) {
            (Some(old), Some(output)) => self.write(context, old, Some(output)).await,
            (Some(old), None) if self.explain => self.write(context, old, None).await,
            (old, _) => stored::attach(context, old.as_deref(), &self.new, options).await,
        }
    }

    async fn write(
        &self,
        context: &Context,
        old: &str,
        output: Option<&Path>,
    ) -> Result<(), Failure> {
        if old == "-" && self.new == "-" {
            return Err(Failure::usage("only one of OLD and NEW can be `-`"));
        }
        check_output(output, [old, &self.new])?;
        let policy = self.split.policy();
        let old = ComponentInput::open(context, old).await?;
        let new = ComponentInput::open(context, &self.new).await?;
        let out = match output {
            Some(output) => Some(BinaryOutput::open(output, context.flags.json)?),
            None => None,
        };
        let scratch = context.cache()?.ingest().to_owned();
        let observer = context.observer();
        let options = self.methods.options(Effort::Best);
        let make = move || {
            let old = old.read_with_warning(&policy)?;
            let new = new.read_with_warning(&policy)?;
            observer.planned(changed_bytes(&old, &new));
            let mut out = out;
            let mut parts = Spool::new_in(&scratch).with_context(|| unwritable(&scratch))?;
            let moved = |bytes| observer.moved(bytes);
            let parts = parts.file();
            let file: &mut dyn io::Write = match &mut out {
                Some(out) => out,
                None => &mut io::sink(),
            };
            let made = delta::make(&old, &new, &policy, options, parts, file, &moved)?;
            if let Some(out) = out {
                out.finish()?;
            }
            Ok::<_, Failure>(DeltaReport {
                is_limited: made.is_limited,
                parts: explain::rows(&made.parts, &new.config),
                source: Digest::of(&old.config.to_bytes()),
                target: Digest::of(&new.config.to_bytes()),
                old_size: old.config.content.size,
                new_size: new.config.content.size,
                size: made.size,
            })
        };
        let report = blocking(make).await?;
        if report.is_limited {
            context.progress.say(LIMITED);
        }
        report.print(context, output, self.explain)
    }
}

/// Fails if the output is one of the components, which it would replace.
fn check_output(output: Option<&Path>, inputs: [&str; 2]) -> Result<(), Failure> {
    let Some(Ok(target)) = output.map(Path::canonicalize) else {
        return Ok(());
    };
    let is_target = |input: &str| {
        Path::new(input)
            .canonicalize()
            .is_ok_and(|input| input == target)
    };
    match inputs.into_iter().find(|input| is_target(input)) {
        Some(input) => Err(Failure::usage(format!(
            "the delta file would replace {}",
            printable(input)
        ))
        .hint(hints::OUTPUT_BESIDE)),
        None => Ok(()),
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
    fn print(
        &self,
        context: &Context,
        path: Option<&Path>,
        is_explained: bool,
    ) -> Result<(), Failure> {
        if path.is_some_and(|path| path.as_os_str() == "-") {
            if is_explained {
                context
                    .progress
                    .say(explain::table(&self.parts).trim_start());
            }
            return Ok(());
        }
        output::print(context, self, || {
            let (size, new_size) = (text::size(self.size), text::size(self.new_size));
            let parts = match is_explained {
                true => explain::table(&self.parts),
                false => String::new(),
            };
            let name = path.map_or("delta".into(), Path::to_string_lossy);
            format!("{name}  {size} for {new_size}{parts}")
        })
    }
}
