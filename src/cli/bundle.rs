//! `wharf bundle`

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, Args};
use serde::Serialize;
use wharf::bundle::{self, Composition, Connection};
use wharf::component::Component;
use wharf::digest::{Digest, Identity};
use wharf::package::{LocatedArtifact, Publication};
use wharf::push;
use wharf::reference::package::Requirement;
use wharf::source::Source;

use super::arguments::{self, ArtifactName, FileOrArtifact};
use super::component_input::fetch_to_file;
use super::failure::{Failure, blocking};
use super::input::{open_file, printable_path};
use super::output::{self, BinaryOutput};
use super::publication::{PublishFlags, PublishReport};
use super::settings::Context;
use super::transfer_summary::FetchedBlobs;
use super::worlds::Stub;
use super::{hints, text};

/// Compose an application and the components that it uses
///
/// The bundle contains every component byte for byte, so its layers are their layers. Each import of a component is
/// filled by the first component after it that exports it. Other imports remain imports of the bundle. The exports
/// and the metadata of the bundle are those of the application.
///
/// Types are checked before code and data are fetched. With --publish, layers that the registry already has
/// are not sent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf bundle app.wasm assets.wasm -o bundle.wasm
  wharf bundle app.wasm demo:cache@^1 demo:store@2.1.0 -o bundle.wasm   cache may use store
  wharf bundle ghcr.io/me/app:1.0 assets.wasm --publish demo:site@1.0.0")]
#[command(mut_arg("level", |level| level.default_value("9")))]
#[command(mut_args(require_publish))]
pub(crate) struct Bundle {
    /// The application: a file, a reference or a package
    #[arg(value_name = "APP")]
    application: String,
    /// Components whose exports fill imports of those before them
    #[arg(value_name = "PLUG", required = true)]
    plugs: Vec<String>,
    /// Output file, or `-` for standard output
    #[arg(short, long, value_name = "FILE", required_unless_present = "publish")]
    output: Option<PathBuf>,
    /// Publish the bundle as this package version, NAMESPACE:NAME@VERSION
    #[arg(long, value_name = "PACKAGE")]
    publish: Option<String>,
    #[command(flatten)]
    flags: PublishFlags,
}

/// Makes the flags that change nothing without a publication depend on `--publish`.
fn require_publish(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "compat" | "annotation" | "dry_run" | "force" | "no_compat_check" | "no_reuse"
        | "delta_from" | "no_delta" | "remote_files" => arg.requires("publish"),
        _ => arg,
    }
}

#[derive(Serialize)]
struct PartRow {
    /// The file, or the reference with the manifest digest.
    name: String,
    content_digest: Digest,
    content_size: u64,
}

#[derive(Default, Serialize)]
struct LayerTally {
    layers: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct BundleReport {
    output: Option<PathBuf>,
    content_digest: Digest,
    content_size: u64,
    parts: Vec<PartRow>,
    connections: Vec<Connection>,
    /// The imports that no part fills.
    imports: Vec<String>,
    exports: Vec<String>,
    /// The layers that parts have too.
    shared: LayerTally,
    new: LayerTally,
    #[serde(flatten)]
    fetched: FetchedBlobs,
    published: Option<PublishReport>,
}

/// A part before its code and data are fetched.
enum PartSource {
    File(PathBuf),
    Stored(Box<LocatedArtifact>),
}

/// A whole part.
struct WholePart {
    file: File,
    component: Component<File>,
    /// The contents of its layers, as stored or as its file is split.
    layers: Vec<Digest>,
}

impl Bundle {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let publication = self.publish.as_deref().map(parse_publication).transpose()?;
        let sources = self.locate(context).await?;
        let mut parts = Vec::new();
        for source in &sources {
            let Stub { name, bytes: stub } = source.stub(context).await?;
            parts.push(bundle::Part { name, stub });
        }
        let (composition, parts) = blocking(move || {
            let composition = Composition::new(&parts)?;
            Ok::<_, bundle::Error>((composition, parts))
        })
        .await?;
        let output = self.output.as_deref();
        let output = output.map(|path| BinaryOutput::open(path, context.flags.json));
        let output = output.transpose()?;
        let mut fetched = FetchedBlobs::default();
        let mut whole = Vec::new();
        for (source, part) in sources.iter().zip(&parts) {
            whole.push(self.read(context, source, &part.name, &mut fetched).await?);
        }
        let (rows, shared) = rows(&parts, &whole);
        let policy = self.flags.split.cut.policy();
        let connections = composition.connections.clone();
        let component = blocking(move || {
            let (files, components): (Vec<_>, Vec<_>) = whole
                .into_iter()
                .map(|part| (part.file, part.component))
                .unzip();
            let Some(application) = components.first() else {
                return Err(Failure::usage("there is no application"));
            };
            let bundle = composition.bundle(files, &application.map)?;
            Ok(Arc::new(Component::read(bundle, &policy)?))
        })
        .await?;
        if let Some(mut output) = output {
            let component = Arc::clone(&component);
            let write = move || {
                component.copy_to(&mut output, &|_| {})?;
                output.finish()
            };
            blocking(write).await?;
        }
        let published = match publication {
            Some(publication) => {
                let published = self.flags.publish(context, &component, publication);
                Some(published.await?)
            }
            None => None,
        };
        let is_stdout = |path: &PathBuf| path.as_os_str() == "-";
        if self.output.as_ref().is_some_and(is_stdout) {
            return Ok(());
        }
        let (shared, new) = count_layers(&component, &shared);
        let report = BundleReport {
            output: self.output,
            content_digest: component.config.content.digest,
            content_size: component.config.content.size,
            parts: rows,
            connections,
            imports: component.map.imports.clone(),
            exports: component.map.exports.clone(),
            shared,
            new,
            fetched,
            published,
        };
        output::print(context, &report, || report.text())
    }

    /// Opens the artifacts among the parts, and finds the files.
    async fn locate(&self, context: &Context) -> Result<Vec<PartSource>, Failure> {
        let texts = std::iter::once(&self.application).chain(&self.plugs);
        let parsed = texts.map(|text| arguments::parse_file_or_artifact(text));
        let parsed: Vec<FileOrArtifact> = parsed.collect::<Result<_, _>>()?;
        let target = self.publish.as_deref().map(arguments::parse_spec);
        let target = target.transpose()?.map(ArtifactName::Package);
        let artifacts = parsed.iter().filter_map(FileOrArtifact::artifact);
        let artifacts: Vec<&ArtifactName> = artifacts.chain(&target).collect();
        arguments::check_credentials(context, &artifacts)?;
        let mut sources = Vec::new();
        for part in parsed {
            sources.push(match part {
                FileOrArtifact::File(path) => PartSource::File(path),
                FileOrArtifact::Artifact(name) => {
                    let located = arguments::open(context, name).await?;
                    PartSource::Stored(Box::new(located))
                }
            });
        }
        Ok(sources)
    }

    /// Opens the file of a part, or fetches it, and reads it.
    async fn read(
        &self,
        context: &Context,
        source: &PartSource,
        name: &str,
        fetched: &mut FetchedBlobs,
    ) -> Result<WholePart, Failure> {
        let (file, stored) = match source {
            PartSource::File(path) => (open_file(path)?, None),
            PartSource::Stored(located) => {
                let (file, pulled) = fetch_to_file(context, located).await?;
                fetched.add(pulled.fetched, pulled.cached);
                let layers = located.opened.layers();
                let layers = layers.map(|layer| layer.content.digest);
                (file, Some(layers.collect()))
            }
        };
        let policy = self.flags.split.cut.policy();
        let is_published = self.publish.is_some();
        let what = format!("cannot read {name}");
        let read = blocking(move || {
            let component = Component::read(file.try_clone()?, &policy)?;
            let own = || component.contents().map(|content| content.digest);
            let layers = stored.unwrap_or_else(|| own().collect());
            let remote = match is_published {
                // Publishing warns of lists that cannot be read.
                true => push::remote_files(&component)?.files,
                false => Vec::new(),
            };
            let part = WholePart {
                file,
                component,
                layers,
            };
            Ok::<_, anyhow::Error>((part, remote))
        });
        let read = read.await.map_err(|failure| failure.context(what));
        let (part, remote) = read?;
        if let PartSource::Stored(located) = source {
            // The repository of the bundle can then mount them.
            let blobs = remote.iter().map(|file| file.blob.digest);
            context.remember(&located.reference, blobs, false)?;
        }
        Ok(part)
    }
}

impl PartSource {
    async fn stub(&self, context: &Context) -> Result<Stub, Failure> {
        match self {
            Self::File(path) => Stub::of_file(path).await,
            Self::Stored(located) => Stub::of_stored(context, located).await,
        }
    }
}

fn parse_publication(text: &str) -> Result<Publication, Failure> {
    let spec = arguments::parse_spec(text)?;
    match spec.requirement {
        Requirement::Exact(version) => Ok(Publication {
            package: spec.name,
            version,
        }),
        _ => {
            let message = format!("`{text}` has no version to publish");
            Err(Failure::usage(message).hint(hints::WHOLE_VERSION))
        }
    }
}

/// Returns the rows of the parts, and the contents of all their layers.
fn rows(parts: &[bundle::Part], whole: &[WholePart]) -> (Vec<PartRow>, HashSet<Digest>) {
    let row = |(part, whole): (&bundle::Part, &WholePart)| {
        let Identity { digest, size } = whole.component.config.content;
        PartRow {
            name: part.name.clone(),
            content_digest: digest,
            content_size: size,
        }
    };
    let rows = parts.iter().zip(whole).map(row).collect();
    let layers = whole.iter().flat_map(|part| &part.layers);
    (rows, layers.copied().collect())
}

/// Counts the layers of a bundle that its parts have, and the others.
fn count_layers<S: Source>(
    component: &Component<S>,
    of_parts: &HashSet<Digest>,
) -> (LayerTally, LayerTally) {
    let (mut shared, mut new) = (LayerTally::default(), LayerTally::default());
    for content in component.contents() {
        let tally = match of_parts.contains(&content.digest) {
            true => &mut shared,
            false => &mut new,
        };
        tally.layers += 1;
        tally.bytes += content.size;
    }
    (shared, new)
}

impl BundleReport {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let size = text::size(self.content_size);
        match &self.output {
            Some(path) => {
                let path = printable_path(path);
                lines.push(format!("{path}  {size}, {}", self.content_digest));
            }
            None => lines.push(format!("bundle  {size}, {}", self.content_digest)),
        }
        for part in &self.parts {
            let (name, size) = (text::printable(&part.name), text::size(part.content_size));
            lines.push(format!(
                "  part     {name}  {size}, {}",
                part.content_digest
            ));
        }
        for connection in &self.connections {
            let [importer, import, exporter] = [
                &connection.importer,
                &connection.import,
                &connection.exporter,
            ]
            .map(|name| text::printable(name));
            lines.push(format!("  filled   {import} of {importer} by {exporter}"));
        }
        for import in &self.imports {
            lines.push(format!("  import   {}", text::printable(import)));
        }
        for (label, tally) in [("shared", &self.shared), ("new   ", &self.new)] {
            let layers = text::count(tally.layers, "layer");
            lines.push(format!(
                "  {label}   {} in {layers}",
                text::size(tally.bytes)
            ));
        }
        lines.extend(self.published.as_ref().map(PublishReport::text));
        lines.join("\n")
    }
}
