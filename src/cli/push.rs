//! `wharf push`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wharf::delta::Effort;
use wharf::digest::Digest;
use wharf::manifest::Annotations;
use wharf::package::RegistrySettings;
use wharf::pull::{self, OpenArtifact};
use wharf::push::{self, PushOptions};
use wharf::reference::package::PackageSpec;
use wharf::reference::{Name, Reference};
use wharf::store::WritableStore;

use super::delta::MethodFlags;
use super::delta::attach::{DeltaAttacher, OldArtifacts, deltas_or_warning};
use super::delta::rows::{self, DeltaRow};
use super::failure::Failure;
use super::input::Input;
use super::settings::{Context, SplitFlags};
use super::transfer_summary::{RemoteBlobs, SentBlobs};
use super::{arguments, hints, output, text};

/// Store a component under any reference
///
/// Splits the component into layers and sends only the blobs that the registry or layout lacks. Prints the
/// reference with the manifest digest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf push calc.wasm oci:store:calc
  wharf push calc.wasm localhost:5000/demo/calc:1.0
  wharf push calc.wasm localhost:5000/demo/calc:dev --delta
  wharf push --level 19 --no-reuse calc.wasm ghcr.io/me/calc:1.0")]
pub(crate) struct Push {
    /// The component or core module
    file: PathBuf,
    /// Destination: oci:DIR:TAG or HOST[:PORT]/REPOSITORY:TAG
    #[arg(value_name = "REF")]
    reference: String,
    #[command(flatten)]
    split: SplitFlags,
    /// Directory with the remote files that the component lists, as given to `wharf assets`; may be repeated
    #[arg(long, value_name = "DIR")]
    remote_files: Vec<PathBuf>,
    /// Compress every layer again [default: reuse cached layers of any compression level]
    #[arg(long)]
    no_reuse: bool,
    #[command(flatten)]
    delta: DeltaFlags,
}

/// Flags for the deltas to an artifact.
#[derive(Debug, Args)]
#[command(next_help_heading = "Delta options")]
struct DeltaFlags {
    /// Make a delta from the artifact that the tag named before
    #[arg(long)]
    delta: bool,
    /// Make a delta from this reference or package; may be repeated
    #[arg(long, value_name = "REF")]
    delta_from: Vec<String>,
    #[command(flatten)]
    methods: MethodFlags,
}

#[derive(Serialize)]
struct PushReport {
    reference: String,
    digest: Digest,
    split_digest: Digest,
    flat_digest: Digest,
    content_digest: Digest,
    content_size: u64,
    layers: usize,
    #[serde(flatten)]
    sent: SentBlobs,
    /// The blobs of remote files, also among those sent or skipped.
    #[serde(flatten)]
    remote: RemoteBlobs,
    /// The deltas that were made.
    deltas: Vec<DeltaRow>,
}

impl Push {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let reference = arguments::parse_target(&self.reference).map_err(|failure| {
            match self.reference.parse::<PackageSpec>() {
                Ok(package) => failure.hint(hints::publish_instead(&self.file, &package)),
                Err(_) => failure,
            }
        })?;
        if reference.digest.is_some() {
            return Err(Failure::usage("`wharf push` takes a tag, not a digest"));
        }
        let input = Input::read(&self.file, self.split.cut.policy()).await?;
        input.warn(&self.file);
        let location = &reference.location;
        let connector = context.connector()?;
        let store = connector
            .write(location, &RegistrySettings::default(), None)
            .await?;
        let options = PushOptions {
            level: self.split.level,
            reuse: !self.no_reuse,
            metadata: Annotations::new(),
            compat: false,
            remote_files: self.remote_files,
        };
        input.check_unchanged(&self.file)?;
        let old = OldArtifacts::parse(context, &self.delta.delta_from, location).await?;
        let (tag, store) = (reference.tag_or_default(), store.as_ref());
        let session = context.session()?;
        let before = match self.delta.delta {
            true => Some(pull::open(store, &Name::Tag(tag.to_owned()), session).await),
            false => None,
        };
        let pushed = push::push(input.component, store, Some(tag), session, &options).await?;
        context.remember(&reference, pushed.blobs.iter().copied(), true)?;
        let mut sent = SentBlobs::default();
        sent.add(pushed.sent, pushed.skipped);
        let deltas = match before.is_some() || !old.is_empty() {
            true => {
                let manifest = &pushed.digest;
                let deltas = self
                    .delta
                    .attach(context, store, manifest, &reference, before, old);
                deltas_or_warning(context, deltas.await)
            }
            false => Vec::new(),
        };
        let report = PushReport {
            reference: reference.at(pushed.digest).to_string(),
            digest: pushed.digest,
            split_digest: pushed.split_digest,
            flat_digest: pushed.flat_digest,
            content_digest: pushed.content.digest,
            content_size: pushed.content.size,
            layers: pushed.layers,
            sent,
            remote: pushed.remote.into(),
            deltas,
        };
        output::print(context, &report, || report.text())
    }
}

impl DeltaFlags {
    /// Makes the deltas to the pushed artifact, and returns them. `before` is the artifact that the tag named.
    async fn attach(
        &self,
        context: &Context,
        store: &dyn WritableStore,
        manifest: &Digest,
        reference: &Reference,
        before: Option<Result<OpenArtifact, wharf::error::Error>>,
        old: OldArtifacts,
    ) -> Result<Vec<DeltaRow>, Failure> {
        let options = self.methods.options(Effort::Fast);
        let Some(mut attacher) = DeltaAttacher::open(context, store, manifest, options).await?
        else {
            return Ok(Vec::new());
        };
        if let Some(before) = before {
            let name = reference.to_string();
            attacher.attach_previous(&name, store, before).await;
        }
        attacher.attach_named(old).await;
        Ok(attacher.finish(reference)?.0)
    }
}

impl PushReport {
    fn text(&self) -> String {
        // Remote files are no part of the content.
        let sent = self.sent.sent_bytes - self.remote.sent_bytes;
        let saved = self.content_size.saturating_sub(sent);
        let percent = (saved * 100).checked_div(self.content_size).unwrap_or(0);
        format!(
            "{}\n  content  {} in {}\n{}{}\n  saved    {} ({percent} %){}",
            self.reference,
            text::size(self.content_size),
            text::count(self.layers as u64, "layer"),
            self.sent.text(""),
            self.remote.text(),
            text::size(saved),
            rows::lines(&self.deltas),
        )
    }
}
