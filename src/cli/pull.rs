//! `wharf pull`

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::package::LocatedArtifact;
use wharf::pull::{self, DeltaTally, PullSummary};
use wharf::reference::package::{PackageName, Version};
use wharf::split::SplitPolicy;

use super::failure::Failure;
use super::input::Input;
use super::output::BinaryOutput;
use super::settings::Context;
use super::transfer_summary::FetchedBlobs;
use super::{arguments, output, text};

/// Download a component from a registry, layout or blob directory
///
/// Verifies every blob, every layer and the whole component. Fetches only the blobs that the cache lacks, or the
/// changes since a version in the cache if they are smaller. The output file appears only when it is complete.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf pull oci:store:calc
  wharf pull ghcr.io/me/calc:1.0 -o app.wasm
  wharf pull ghcr.io/me/calc:1.1 -o new.wasm --base app.wasm
  wharf pull localhost:5000/demo/calc@sha256:… -o - | wasmtime run -
  wharf pull blobs:/var/lib/containerd/io.containerd.content.v1.content/blobs@sha256:… -o app.wasm")]
pub(crate) struct Pull {
    /// oci:DIR:TAG or HOST[:PORT]/REPOSITORY:TAG, optionally with @sha256:…; blobs:DIR@sha256:…; or a package
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Output file, or `-` for standard output [default: the last part of the repository, a layout's tag, or `component`,
    /// with .wasm]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) base: Base,
}

/// The component that deltas may be based on.
#[derive(Debug, Args)]
pub(crate) struct Base {
    /// Component on disk whose sections are not fetched again, such as an older version
    #[arg(long = "base", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Base {
    /// Adds the component to the cache.
    pub(crate) async fn add(&self, context: &Context) -> Result<(), Failure> {
        if let Some(file) = &self.file {
            let input = Input::read(file, SplitPolicy::DEFAULT).await?;
            let cache = context.cache()?;
            pull::add_base(input.component, cache).await?;
        }
        Ok(())
    }
}

/// The report of `pull` and `get`.
#[derive(Serialize)]
pub(crate) struct PullReport {
    /// Only in the report of `get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<PackageName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    reference: String,
    digest: Digest,
    split_manifest_digest: Option<Digest>,
    content_digest: Digest,
    content_size: u64,
    #[serde(flatten)]
    fetched: FetchedBlobs,
    /// The bytes of the delta files among the fetched ones.
    delta_bytes: u64,
    requests: u64,
    #[serde(skip)]
    by_delta: DeltaTally,
    #[serde(skip)]
    path: Option<PathBuf>,
    #[serde(skip)]
    existed: bool,
}

impl Pull {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        // An output that cannot be written fails before any request.
        let out = open_output(context, self.output.as_deref())?;
        let named = arguments::parse_artifact_name(&self.reference)?;
        self.base.add(context).await?;
        let located = arguments::open(context, named).await?;
        let stem = located.reference.stem();
        let report = receive(context, located, self.output, &stem, out).await?;
        report.print(context)
    }
}

/// Opens the output that `-o` names, if it is given.
pub(crate) fn open_output(
    context: &Context,
    output: Option<&Path>,
) -> Result<Option<BinaryOutput>, Failure> {
    let open = |path| BinaryOutput::open(path, context.flags.json);
    output.map(open).transpose()
}

/// Writes a component to `output`, opened as `out`. Without `output` the file is `stem` with `.wasm`, and an existing
/// file with other content is not overwritten.
pub(crate) async fn receive(
    context: &Context,
    located: LocatedArtifact,
    output: Option<PathBuf>,
    stem: &str,
    out: Option<BinaryOutput>,
) -> Result<PullReport, Failure> {
    let LocatedArtifact {
        reference,
        store,
        opened,
    } = located;
    let is_default = output.is_none();
    let path = output.unwrap_or_else(|| PathBuf::from(format!("{stem}.wasm")));
    let content = opened.content();
    let existed = is_default && output::already_holds(&path, content).await?;
    let mut pulled = PullSummary::before_layers(&opened);
    if !existed {
        let out = match out {
            Some(out) => out,
            None => BinaryOutput::open(&path, context.flags.json)?,
        };
        let (out, got) = pull::pull(&store, &opened, context.session()?, out).await?;
        out.finish()?;
        pulled = got;
        let blobs = opened.layers().map(|layer| layer.blob.digest);
        context.remember(&reference, blobs, pulled.fetched.blobs > 0)?;
    }
    let mut fetched = FetchedBlobs::default();
    fetched.add(pulled.fetched, pulled.cached);
    Ok(PullReport {
        package: None,
        version: None,
        reference: reference.at(pulled.digest).to_string(),
        digest: pulled.digest,
        split_manifest_digest: opened.split().map(|split| split.digest),
        content_digest: content.digest,
        content_size: content.size,
        fetched,
        delta_bytes: pulled.by_delta.fetched.bytes,
        by_delta: pulled.by_delta,
        requests: context.progress.requests(),
        path: (path != Path::new("-")).then_some(path),
        existed,
    })
}

impl PullReport {
    /// Adds the package and version.
    pub(crate) fn of_package(&mut self, package: PackageName, version: Version) {
        self.package = Some(package);
        self.version = Some(version);
    }

    /// Prints the report, unless the component itself went to standard output.
    pub(crate) fn print(&self, context: &Context) -> Result<(), Failure> {
        match self.path {
            Some(_) => output::print(context, self, || self.text()),
            None => Ok(()),
        }
    }

    fn text(&self) -> String {
        let path = self.path.as_deref().unwrap_or(Path::new("-")).display();
        let size = text::size(self.content_size);
        let package = match (&self.package, &self.version) {
            (Some(package), Some(version)) => format!("{package}@{version}  "),
            _ => String::new(),
        };
        if self.existed {
            return format!(
                "{package}{path} already exists, {size}, {}",
                self.content_digest
            );
        }
        let by_delta = match self.by_delta.replaced.bytes {
            0 => String::new(),
            replaced => format!(
                "\n  by delta {} instead of {}",
                text::size(self.delta_bytes),
                text::size(replaced)
            ),
        };
        format!(
            "{package}{path}  {size}, {}\n{}{by_delta}",
            self.content_digest,
            self.fetched.text(),
        )
    }
}
