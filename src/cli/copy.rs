//! `wharf copy`

use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use wharf::copy::{self, Copied, Options};
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::package::{self, Place, RegistrySettings, YANK_SUFFIX};
use wharf::reference::package::{PackageSpec, tag_version};
use wharf::reference::{Name, Reference};
use wharf::store::{Session, Store};

use super::arguments::{self, Named};
use super::failure::{Exit, Failure};
use super::moved::Sent;
use super::settings::Context;
use super::{hints, output, text};

/// Copy an artifact or a package to another registry or layout, byte for byte
///
/// Of a reference DST is a reference; of a package it is where packages are, as with --registry. What is
/// there is not sent again. Marks of yanked versions and the split form behind a --compat version go along.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf copy ghcr.io/me/calc:1.0 oci:store:calc
  wharf copy ghcr.io/me/calc:1.0 localhost:5000/me/calc      the same tag
  wharf copy demo:calc@^1 localhost:5000                     one version
  wharf copy demo:calc oci:store --all-tags --referrers      all of it")]
pub(crate) struct Copy {
    /// A reference, or a package: NAMESPACE:NAME, perhaps with @VERSION or @REQUIREMENT
    #[arg(value_name = "SRC")]
    source: String,
    /// A reference; for a package HOST[:PORT][/PREFIX] or oci:DIR
    #[arg(value_name = "DST")]
    target: String,
    /// Copy every tag of the repository
    #[arg(long)]
    all_tags: bool,
    /// Copy what refers to it, too: signatures, SBOMs
    #[arg(long)]
    referrers: bool,
    /// Replace a version of the package that exists in DST and is another
    #[arg(long)]
    force: bool,
}

/// What moved.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Sum {
    manifests: usize,
    #[serde(flatten)]
    moved: Sent,
}

#[derive(Serialize)]
struct Row {
    reference: String,
    digest: Digest,
    /// Whether anything had to be written.
    news: bool,
}

#[derive(Serialize)]
struct Report {
    copied: Vec<Row>,
    #[serde(flatten)]
    sum: Sum,
}

/// Copies artifacts, all in the same way.
pub(crate) struct Copier {
    options: Options,
    session: Session,
}

impl Copier {
    pub(crate) fn new(session: &Session, referrers: bool) -> Self {
        let split_form = wharf::artifact::SPLIT_SUFFIX;
        let companions = [YANK_SUFFIX, split_form].map(|suffix| suffix[1..].to_owned());
        Self {
            options: Options {
                referrers,
                companions: companions.to_vec(),
                fixed_tags: |_| false,
            },
            session: session.clone(),
        }
    }

    /// Lets it replace no version.
    pub(crate) fn of_versions(mut self) -> Self {
        self.options.fixed_tags = |tag| tag_version(tag).is_some();
        self
    }

    /// Copies several artifacts between the same two stores.
    pub(crate) fn several<'a>(
        &'a self,
        source: &'a dyn Store,
        target: &'a dyn Store,
    ) -> copy::Several<'a> {
        copy::Several::new(source, target, &self.options, &self.session)
    }

    async fn copy(
        &self,
        source: &dyn Store,
        target: &dyn Store,
        name: &Name,
        tag: Option<&str>,
    ) -> Result<Copied, Failure> {
        Ok(copy::artifact(source, target, name, tag, &self.options, &self.session).await?)
    }
}

/// Returns whether a version is in the target; fails if it is another there than in the source.
pub(crate) async fn check_version(
    source: &dyn Store,
    target: &dyn Store,
    version: &str,
    tag: &str,
) -> Result<bool, Failure> {
    let name = Name::Tag(tag.to_owned());
    let there = match target.manifest(&name).await {
        Ok(manifest) => manifest.digest,
        Err(error) if error.kind() == Kind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let here = source.manifest(&name).await?.digest;
    if here == there {
        return Ok(true);
    }
    let message = format!(
        "{version} is {here} in {} and {there} in {}",
        source.location(),
        target.location()
    );
    Err(Failure::new(Exit::Conflict, message).hint(hints::DIFFERENT))
}

/// From where, to where.
struct Route {
    source: Arc<dyn Store>,
    target: Arc<dyn Store>,
}

impl Copy {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let report = match arguments::named(&self.source)? {
            Named::Package(spec) => self.package(context, &spec).await?,
            Named::Reference(reference) => self.reference(context, &reference).await?,
        };
        output::print(context, &report, || report.text())
    }

    async fn package(&self, context: &Context, spec: &PackageSpec) -> Result<Report, Failure> {
        let place: Place = self.target.parse().map_err(|error| {
            let keeps = "a package keeps its name: DST says only where packages are";
            let hint = hints::place(&self.target);
            Failure::usage(error).hint(hint.unwrap_or_else(|| keeps.to_owned()))
        })?;
        let (connector, locator) = (context.connector()?, context.locator()?);
        let from = locator.registry(&spec.name).await?;
        let to = locator.registry_at(&place, &spec.name).await?;
        let location = from.repository(&spec.name)?;
        let there = to.repository(&spec.name)?;
        if location == there {
            let message = format!(
                "{} is in {there} already: SRC and DST are one place",
                spec.name
            );
            return Err(Failure::usage(message)
                .hint("a host alone may have a prefix in the configuration: see `wharf config`"));
        }
        connector.check_credentials(&location, &there)?;
        let source = from.read(connector, &spec.name).await?;
        let copier = Copier::new(context.session()?, self.referrers);
        let copier = match self.force {
            true => copier,
            false => copier.of_versions(),
        };
        // What is not there makes no layout.
        let tags = match self.all_tags {
            true => {
                let tags = package::tags(source.as_ref(), &spec.name).await?;
                if let Some((_, newest)) = tags.versions.last_key_value() {
                    let (source, newest) = (source.as_ref(), Name::Tag(newest.clone()));
                    let digest = source.manifest(&newest).await?.digest;
                    connector.check_owner(source, &spec.name, digest).await?;
                }
                let version = |(version, tag): (&_, &String)| (format!("{version}"), tag.clone());
                tags.versions.iter().map(version).collect()
            }
            false => {
                let resolved = package::resolve(source.as_ref(), spec).await?;
                let (source, digest) = (source.as_ref(), resolved.digest);
                connector.check_owner(source, &spec.name, digest).await?;
                vec![(resolved.version.to_string(), resolved.tag)]
            }
        };
        let target = to.write(connector, &spec.name, Some(&location)).await?;
        for (version, tag) in &tags {
            let name = format!("{}@{version}", spec.name);
            match check_version(source.as_ref(), target.as_ref(), &name, tag).await {
                Err(failure) if self.force && failure.is_conflict() => eprintln!(
                    "WARNING: {name} in {} is replaced; who has it locked will not get it any more",
                    target.location()
                ),
                checked => {
                    checked?;
                }
            }
        }
        let route = Route { source, target };
        match self.all_tags {
            true => self.all_tags(&copier, &route).await,
            false => {
                let (_, tag) = &tags[0];
                let name = Name::Tag(tag.clone());
                self.one(&copier, &route, &name, Some(tag)).await
            }
        }
    }

    async fn reference(&self, context: &Context, from: &Reference) -> Result<Report, Failure> {
        let to = arguments::target(&self.target)?;
        if to.digest.is_some() {
            return Err(Failure::usage(
                "a copy goes under a tag; its digest is that of the source",
            ));
        }
        if self.all_tags && (from.tag.is_some() || from.digest.is_some() || to.tag.is_some()) {
            return Err(Failure::usage(
                "with --all-tags SRC and DST are repositories, without a tag",
            ));
        }
        let (connector, settings) = (context.connector()?, RegistrySettings::default());
        connector.check_credentials(&from.location, &to.location)?;
        let source = connector.read(&from.location, &settings).await?;
        let copier = Copier::new(context.session()?, self.referrers);
        if !self.all_tags {
            // What is not there makes no layout.
            source.manifest(&from.name()).await?;
        }
        let target = connector
            .write(&to.location, &settings, Some(&from.location))
            .await?;
        let route = Route { source, target };
        if self.all_tags {
            return self.all_tags(&copier, &route).await;
        }
        let own_tag = match from.digest {
            Some(_) => from.tag.as_deref(),
            None => Some(from.tag_or_default()),
        };
        let tag = to.tag.as_deref().or(own_tag);
        self.one(&copier, &route, &from.name(), tag).await
    }

    async fn one(
        &self,
        copier: &Copier,
        route: &Route,
        name: &Name,
        tag: Option<&str>,
    ) -> Result<Report, Failure> {
        let (source, target) = (route.source.as_ref(), route.target.as_ref());
        let copied = copier.copy(source, target, name, tag).await?;
        let tag = tag.map(str::to_owned);
        Ok(Report::new(target, [(tag, copied)]))
    }

    async fn all_tags(&self, copier: &Copier, route: &Route) -> Result<Report, Failure> {
        let (source, target) = (route.source.as_ref(), route.target.as_ref());
        let copied = copy::all_tags(source, target, &copier.options, &copier.session).await?;
        let copied = copied.into_iter().map(|(tag, copied)| (Some(tag), copied));
        Ok(Report::new(target, copied))
    }
}

impl Sum {
    pub(crate) fn add(&mut self, copied: &Copied) {
        self.manifests += copied.manifests;
        self.moved.add(copied.outcome);
    }

    pub(crate) fn text(&self) -> String {
        let manifests = text::count(self.manifests as u64, "manifest");
        self.moved.text(&format!(", and {manifests}"))
    }
}

impl Report {
    fn new(target: &dyn Store, copied: impl IntoIterator<Item = (Option<String>, Copied)>) -> Self {
        let mut report = Self {
            copied: Vec::new(),
            sum: Sum::default(),
        };
        for (tag, copied) in copied {
            report.sum.add(&copied);
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            report.copied.push(Row {
                reference: format!("{}{tag}@{}", target.location(), copied.digest),
                digest: copied.digest,
                news: copied.news,
            });
        }
        report
    }

    fn text(&self) -> String {
        let rows = self.copied.iter().map(|row| {
            let state = if row.news { "" } else { "is there" };
            vec![row.reference.clone(), state.to_owned()]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        format!("{}{}", text::words(&rows), self.sum.text())
    }
}
