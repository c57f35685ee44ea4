//! `wharf splice`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::exploded::ExplodedComponent;
use wharf::split::{SpliceError, splice};

use super::failure::{Failure, blocking};
use super::output::{self, Target};
use super::settings::Context;
use super::{hints, text};

/// Put an exploded component together again
///
/// The directory is what `wharf split` or `oras pull` wrote, or what a container engine mounted. The
/// result is checked against the digest in the root's name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf splice parts -o calc.wasm
  oras pull --output parts ghcr.io/me/calc:1.0 && wharf splice parts -o - | wasmtime run -")]
pub(crate) struct Splice {
    /// The directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Which component, where the directory holds several: its root's file name, or the beginning of it
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    /// Where to, `-` for standard output [default: the directory's name and .wasm]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    root: String,
    content_digest: Digest,
    content_size: u64,
    layers: usize,
}

impl Splice {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let exploded = ExplodedComponent::open(&self.directory, self.root.as_deref())?;
        let content = exploded.recipe.content;
        let (path, there) = match &self.output {
            Some(path) => (path.clone(), false),
            None => {
                let path = self.default_output()?;
                let there = output::is_there(&path, content).await?;
                (path, there)
            }
        };
        let report = Report {
            root: exploded.root.clone(),
            content_digest: content.digest,
            content_size: content.size,
            layers: exploded.recipe.layers.len() + 1,
        };
        if !there {
            let target = Target::open(&path, context.flags.json)?;
            blocking(move || write(&exploded, target)).await?;
        }
        if path.as_os_str() == "-" {
            return Ok(());
        }
        let (path, size) = (path.display(), text::size(content.size));
        output::print(context, &report, || match there {
            true => format!("{path} is there already, {size}, {}", content.digest),
            false => format!("{path}  {size}, {}", content.digest),
        })
    }

    fn default_output(&self) -> Result<PathBuf, Failure> {
        let full = self.directory.canonicalize().map_err(anyhow::Error::from)?;
        let name = full
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| "component".to_owned());
        Ok(PathBuf::from(format!("{name}.wasm")))
    }
}

fn write(exploded: &ExplodedComponent, mut target: Target) -> Result<(), Failure> {
    let spliced = splice(&exploded.recipe, |layer| exploded.layer(layer), &mut target);
    spliced.map_err(|error| named(exploded, error))?;
    target.finish()
}

/// Adds the file's name to what is wrong with a layer.
fn named(exploded: &ExplodedComponent, error: SpliceError) -> Failure {
    let failure = |error| Failure::from(wharf::error::Error::from(error));
    match error {
        SpliceError::Layer { layer, .. } | SpliceError::Content { layer, .. } => {
            failure(error).context(exploded.title(layer).to_owned())
        }
        SpliceError::Tiling(_) => failure(error).hint(hints::INCOMPLETE_LAYERS),
        error => failure(error),
    }
}
