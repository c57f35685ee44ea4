//! `wharf patch`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use wharf::delta::{self, DeltaFile};
use wharf::digest::Digest;
use wharf::store::spool::Spool;

use super::component_input::{ComponentInput, spool_stdin};
use super::failure::{Failure, blocking};
use super::input;
use super::output::{self, BinaryOutput};
use super::settings::Context;
use super::text::{self, unwritable};

/// Rebuild a component from an older one and a delta file
///
/// Every byte of the result is verified. Fails if the old component is not the one that the delta file was
/// made from.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf patch calc-1.0.wasm calc.delta -o calc-1.1.wasm
  curl -s https://example.com/calc.delta | wharf patch calc-1.0.wasm - -o calc-1.1.wasm")]
pub(crate) struct Patch {
    /// The old component: a file, a reference or a package; `-` for standard input
    old: String,
    /// The delta file; `-` for standard input
    #[arg(value_name = "FILE")]
    delta: PathBuf,
    /// Output file, or `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Serialize)]
struct PatchReport {
    content_digest: Digest,
    content_size: u64,
}

impl Patch {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if self.old == "-" && self.delta == Path::new("-") {
            return Err(Failure::usage("only one of OLD and FILE can be `-`"));
        }
        let (name, delta) = match self.delta == Path::new("-") {
            true => ("standard input".to_owned(), spool_stdin(context).await?),
            false => (
                self.delta.display().to_string(),
                input::open_file(&self.delta)?,
            ),
        };
        let delta = DeltaFile::open(delta).with_context(|| format!("cannot read {name}"))?;
        let policy = delta.header.policy.ok_or_else(|| {
            let error = delta::Error::NotStandalone("split policy");
            Failure::from(anyhow::Error::from(error).context(format!("cannot use {name}")))
        })?;
        let old = ComponentInput::open(context, &self.old).await?;
        let out = BinaryOutput::open(&self.output, context.flags.json)?;
        let scratch = context.cache()?.ingest().to_owned();
        let patch = move || {
            let mut out = out;
            let old = old.read(&policy)?;
            let mut decoded = Spool::new_in(&scratch).with_context(|| unwritable(&scratch))?;
            let content = delta::patch(&old, &delta, decoded.file(), &mut out)
                .with_context(|| format!("cannot apply {name}"))?;
            out.finish()?;
            Ok::<_, Failure>(content)
        };
        let content = blocking(patch).await?;
        if self.output.as_os_str() == "-" {
            return Ok(());
        }
        let report = PatchReport {
            content_digest: content.digest,
            content_size: content.size,
        };
        output::print(context, &report, || {
            let (path, size) = (self.output.display(), text::size(content.size));
            format!("{path}  {size}, {}", content.digest)
        })
    }
}
