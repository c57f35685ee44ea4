//! The publication of a component as a package version.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use wharf::component::Component;
use wharf::delta::Effort;
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::manifest::annotation;
use wharf::metadata;
use wharf::package::{
    DeltaSources, Publication, PublishSummary, Publisher, UncomparedVersion, VersionState,
};
use wharf::push::{self, PushOptions, RemoteFileSources};
use wharf::reference::package::{PackageName, Version};
use wharf::reference::{Location, Reference};
use wharf::source::Source;
use wharf::store::{Store, WritableStore};

use super::delta::MethodFlags;
use super::delta::attach::{DeltaAttacher, OldArtifacts, deltas_or_warning};
use super::delta::rows::{self, DeltaRow};
use super::failure::Failure;
use super::settings::{Context, SplitFlags};
use super::text;
use super::transfer_summary::{RemoteBlobs, SentBlobs};

/// Flags of commands that publish a component.
#[derive(Debug, Args)]
pub(crate) struct PublishFlags {
    /// Also store the single-layer form, for clients such as wkg, oras and containerd
    #[arg(long)]
    compat: bool,
    /// Set a manifest annotation; overrides the component's own metadata
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_annotation)]
    annotation: Vec<(String, String)>,
    /// Do everything except the upload
    #[arg(long)]
    dry_run: bool,
    /// Replace an existing version; lock files that pin it will no longer resolve
    #[arg(long)]
    force: bool,
    /// Do not check the imports and exports against the nearest compatible versions
    #[arg(long)]
    no_compat_check: bool,
    /// Directory with the remote files that the component lists, as given to `wharf assets`; may be repeated
    #[arg(long, value_name = "DIR")]
    remote_files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) split: SplitFlags,
    /// Compress every layer again [default: reuse cached layers of any compression level]
    #[arg(long)]
    no_reuse: bool,
    #[command(flatten)]
    delta: DeltaFlags,
}

/// Flags for the deltas to a version.
#[derive(Debug, Args)]
#[command(next_help_heading = "Delta options")]
struct DeltaFlags {
    /// Make a delta from this reference or package; may be repeated [default: from the highest lower
    /// version, and from the highest one with a lower minor number]
    #[arg(long, value_name = "REF")]
    delta_from: Vec<String>,
    /// Make no deltas
    #[arg(long, conflicts_with = "delta_from")]
    no_delta: bool,
    #[command(flatten)]
    methods: MethodFlags,
}

fn parse_annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("an annotation is KEY=VALUE".to_owned())?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Serialize)]
pub(crate) struct PublishReport {
    package: PackageName,
    version: Version,
    reference: String,
    /// The manifest that the version's tag names. `None` after a dry run of a new version.
    digest: Option<Digest>,
    split_digest: Digest,
    flat_digest: Digest,
    /// `None` if nothing was sent.
    split_manifest_digest: Option<Digest>,
    content_digest: Digest,
    content_size: u64,
    layers: usize,
    #[serde(flatten)]
    sent: SentBlobs,
    /// The blobs of remote files, also among those sent or skipped.
    #[serde(flatten)]
    remote: RemoteBlobs,
    /// Whether anything was sent.
    published: bool,
    /// The deltas that were made.
    deltas: Vec<DeltaRow>,
    dry_run: bool,
}

impl PublishFlags {
    /// Publishes a component. Returns the result with the deltas that were made.
    pub(crate) async fn publish<S: Source + Send + 'static>(
        &self,
        context: &Context,
        component: &Arc<Component<S>>,
        publication: Publication,
    ) -> Result<PublishReport, Failure> {
        let options = self.options(component, &publication)?;
        let (connector, package) = (context.connector()?, &publication.package);
        let registry = context.locator()?.registry(package).await?;
        let reference = Reference {
            location: registry.repository(package)?,
            tag: Some(publication.tag()?),
            digest: None,
        };
        let (from, location) = (&self.delta.delta_from, &reference.location);
        let old = OldArtifacts::parse(context, from, location).await?;
        // A dry run creates no layout.
        let writable = match self.dry_run {
            false => Some(registry.write(connector, package, None).await?),
            true => None,
        };
        let store: Option<Arc<dyn Store>> = match &writable {
            Some(writable) => Some(Arc::clone(writable) as Arc<dyn Store>),
            None => match registry.read(connector, package).await {
                Err(error) if error.kind() == Kind::NotFound => None,
                store => Some(store?),
            },
        };
        if self.dry_run {
            let session = context.session()?;
            let sources = RemoteFileSources {
                store: store.as_deref(),
                may_mount: &|blob| match &reference.location {
                    Location::Repository(repository) => {
                        let registry = repository.registry.as_str();
                        session.cache.source(&blob.digest, registry).is_some()
                    }
                    _ => false,
                },
                location: &reference.location.to_string(),
                directories: &self.remote_files,
                session,
            };
            sources.find(component).await?;
        }
        let published = match &store {
            Some(store) => {
                let publisher = Publisher {
                    component,
                    publication: &publication,
                    store: store.as_ref(),
                    session: context.session()?,
                    is_forced: self.force,
                };
                self.write(&publisher, writable.as_deref(), &options)
                    .await?
            }
            None => None,
        };
        let (digest, pushed) = match published {
            Some(PublishSummary { digest, pushed }) => (Some(digest), pushed),
            None => (None, None),
        };
        let mut sent = SentBlobs::default();
        if let Some(pushed) = &pushed {
            sent.add(pushed.sent, pushed.skipped);
            context.remember(&reference, pushed.blobs.iter().copied(), true)?;
        }
        let deltas = match (digest, &writable) {
            (Some(digest), Some(store)) if !self.delta.no_delta => {
                context.explain_interruption(format!(
                    "{publication} is published, but its deltas may be missing"
                ));
                let published = (&publication.version, &digest);
                let store = store.as_ref();
                let deltas = self
                    .delta
                    .attach(context, store, published, &reference, old);
                deltas_or_warning(context, deltas.await)
            }
            _ => Vec::new(),
        };
        let remote = pushed
            .as_ref()
            .map(|pushed| RemoteBlobs::from(pushed.remote));
        let (split_digest, flat_digest) = push::identities(component, &options.metadata);
        let content = component.config.content;
        Ok(PublishReport {
            package: publication.package,
            version: publication.version,
            reference: match digest {
                Some(digest) => reference.at(digest).to_string(),
                None => reference.to_string(),
            },
            digest,
            split_digest,
            flat_digest,
            split_manifest_digest: pushed.as_ref().map(|pushed| pushed.split_manifest_digest),
            content_digest: content.digest,
            content_size: content.size,
            layers: component.config.layers.len() + 1,
            published: pushed.is_some(),
            sent,
            remote: remote.unwrap_or_default(),
            deltas,
            dry_run: self.dry_run,
        })
    }

    fn options<S>(
        &self,
        component: &Component<S>,
        publication: &Publication,
    ) -> Result<PushOptions, Failure> {
        let mut metadata = metadata::described(&component.map);
        metadata.extend(metadata::check_annotations(&self.annotation).map_err(Failure::usage)?);
        let (package, version) = (&publication.package, &publication.version);
        metadata.insert(annotation::PACKAGE.to_owned(), package.to_string());
        metadata.insert(annotation::VERSION.to_owned(), version.to_string());
        Ok(PushOptions {
            level: self.split.level,
            reuse: !self.no_reuse,
            metadata,
            compat: self.compat,
            remote_files: self.remote_files.clone(),
        })
    }

    /// Publishes the version, or only checks it if `writable` is `None`.
    async fn write<S: Source + Send + 'static>(
        &self,
        publisher: &Publisher<'_, S>,
        writable: Option<&dyn WritableStore>,
        options: &PushOptions,
    ) -> Result<Option<PublishSummary>, Failure> {
        let name = publisher.publication;
        let (before, uncompared) = publisher.prepare(!self.no_compat_check).await?;
        for UncomparedVersion { neighbour, reason } in uncompared {
            let reason = text::printable(&reason);
            eprintln!("note: {name} is not compared with {neighbour}: {reason}");
        }
        let Some(writable) = writable else {
            return Ok(match before {
                VersionState::Same(digest) => Some(PublishSummary {
                    pushed: None,
                    digest,
                }),
                _ => None,
            });
        };
        let published = publisher.publish(writable, options, before).await?;
        let (_, flat) = push::identities(publisher.component, &options.metadata);
        match before {
            VersionState::Other(existing) => eprintln!(
                "warning: replaced {name}, which was {existing}; lock files that pin the old version no longer resolve"
            ),
            VersionState::Same(there)
                if self.compat && published.pushed.is_none() && there != flat =>
            {
                eprintln!(
                    "warning: {name} already exists in another form; add --force to publish it again"
                );
            }
            VersionState::Same(there) if there != published.digest => eprintln!(
                "warning: replaced {name} with another form; lock files that pin the old form no longer resolve"
            ),
            _ => {}
        }
        if published.pushed.is_none() && !self.annotation.is_empty() {
            eprintln!("warning: {name} already exists; its annotations were not changed");
        }
        Ok(Some(published))
    }
}

impl DeltaFlags {
    /// Makes the deltas to the published version, and returns them.
    async fn attach(
        &self,
        context: &Context,
        store: &dyn WritableStore,
        published: (&Version, &Digest),
        reference: &Reference,
        old: OldArtifacts,
    ) -> Result<Vec<DeltaRow>, Failure> {
        let (version, manifest) = published;
        let options = self.methods.options(Effort::Best);
        let Some(mut attacher) = DeltaAttacher::open(context, store, manifest, options).await?
        else {
            return Ok(Vec::new());
        };
        match old.is_empty() {
            true => {
                let sources = DeltaSources::Nearest;
                attacher.attach_versions(version, sources).await;
            }
            false => attacher.attach_named(old).await,
        }
        Ok(attacher.finish(reference)?.0)
    }
}

impl PublishReport {
    /// Returns the text.
    pub(crate) fn text(&self) -> String {
        let content = format!(
            "{} in {}, {}",
            text::size(self.content_size),
            text::count(self.layers as u64, "layer"),
            self.content_digest
        );
        let head = format!("{}@{}", self.package, self.version);
        let state = match (self.published, self.digest) {
            (true, _) => "",
            (false, Some(_)) => " already exists",
            (false, None) => " would be published",
        };
        let sent = match self.published {
            true => format!("\n{}{}", self.sent.text(""), self.remote.text()),
            false => String::new(),
        };
        let deltas = rows::lines(&self.deltas);
        let reference = &self.reference;
        format!("{head}{state}  {reference}\n  content  {content}{sent}{deltas}")
    }
}
