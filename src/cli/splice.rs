//! `wharf splice`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::exploded::ExplodedComponent;
use wharf::split::{SpliceError, splice};

use super::failure::{Failure, blocking};
use super::output::{self, BinaryOutput};
use super::settings::Context;
use super::{hints, text};

/// Rebuild a component from a directory of layers
///
/// The directory comes from `wharf split` or `oras pull`, or is a mount of a container engine. The result
/// is checked against the digest in the root's file name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf splice parts -o calc.wasm
  oras pull --output parts ghcr.io/me/calc:1.0 && wharf splice parts -o - | wasmtime run -")]
pub(crate) struct Splice {
    /// The directory of layers
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The root's file name, or the beginning of it [default: the only root in the directory]
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    /// Output file, or `-` for standard output [default: the directory's name with .wasm]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct SpliceReport {
    root: String,
    content_digest: Digest,
    content_size: u64,
    layers: usize,
}

impl Splice {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let exploded = ExplodedComponent::open(&self.directory, self.root.as_deref())?;
        let content = exploded.recipe.content;
        let (path, exists) = match &self.output {
            Some(path) => (path.clone(), false),
            None => {
                let path = self.default_output()?;
                let exists = output::already_holds(&path, content).await?;
                (path, exists)
            }
        };
        let report = SpliceReport {
            root: exploded.root.clone(),
            content_digest: content.digest,
            content_size: content.size,
            layers: exploded.recipe.layers.len() + 1,
        };
        if !exists {
            let out = BinaryOutput::open(&path, context.flags.json)?;
            blocking(move || write(&exploded, out)).await?;
        }
        if path.as_os_str() == "-" {
            return Ok(());
        }
        let (path, size) = (path.display(), text::size(content.size));
        output::print(context, &report, || match exists {
            true => format!("{path} already exists, {size}, {}", content.digest),
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

fn write(exploded: &ExplodedComponent, mut out: BinaryOutput) -> Result<(), Failure> {
    let spliced = splice(&exploded.recipe, |layer| exploded.layer(layer), &mut out);
    spliced.map_err(|error| name_layer_file(exploded, error))?;
    out.finish()
}

/// Adds the name of the layer's file to an error.
fn name_layer_file(exploded: &ExplodedComponent, error: SpliceError) -> Failure {
    let failure = |error| Failure::from(wharf::error::Error::from(error));
    match error {
        SpliceError::Layer { layer, .. } | SpliceError::Content { layer, .. } => {
            failure(error).context(format!("cannot use {}", exploded.title(layer)))
        }
        SpliceError::Tiling(_) => failure(error).hint(hints::INCOMPLETE_LAYERS),
        error => failure(error),
    }
}
