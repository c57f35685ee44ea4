//! `wharf index`

mod sources;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use serde::Serialize;
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::index::{
    self, CheckedIndex, IndexSource, OmittedCounts, Selection, SourceReport, SourceStatus,
    UpdateReport, Updater, exchange,
};
use wharf::package::RegistrySettings;

pub(crate) use self::watch::{FailureRow, correction, watch};
use super::failure::Failure;
use super::settings::Context;
use super::{arguments, hints, output, text};

/// Manage the local search index
///
/// `wharf search` reads this index, which is in the cache directory. The index shows its sources as they were at the
/// last update.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf index add localhost:5000
  wharf index add ghcr.io/acme/index:latest
  wharf index update
  wharf index publish ghcr.io/acme/index:latest --place ghcr.io/acme")]
pub(crate) struct IndexCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add registries, layouts, packages, artifacts or shared indexes
    Add {
        /// HOST[/PREFIX], oci:DIR, NAMESPACE:NAME, a reference with a tag or digest, or a file with one of these per line
        #[arg(value_name = "SOURCE", required = true)]
        sources: Vec<String>,
    },
    /// Read all sources again, fetching only new manifests
    Update {
        /// Also fetch known manifests again, to find split forms added to single-layer artifacts
        #[arg(long)]
        all: bool,
    },
    /// List the sources, with their counts and last update
    Ls,
    /// Remove sources from the index
    Remove {
        /// The source, as `wharf index ls` shows it
        #[arg(value_name = "SOURCE", required = true)]
        sources: Vec<String>,
    },
    /// Store the index in a registry, so that others can add it
    Publish(Publish),
}

#[derive(Debug, Args)]
struct Publish {
    /// Destination: HOST/REPOSITORY:TAG or oci:DIR:TAG
    #[arg(value_name = "REF")]
    reference: String,
    /// Include only the packages of this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Include only the packages in this registry: HOST[/PREFIX]
    #[arg(long, value_name = "PLACE")]
    place: Option<String>,
    /// Include everything that this machine read from registries, even from private ones
    #[arg(long, conflicts_with_all = ["namespace", "place"])]
    everything: bool,
}

#[derive(Serialize)]
struct Row {
    source: String,
    kind: &'static str,
    packages: u32,
    versions: u32,
    failures: u32,
    /// Seconds since the last update.
    age: Option<i64>,
}

#[derive(Serialize)]
struct IndexReport {
    sources: Vec<SourceRow>,
    failures: Vec<FailureRow>,
}

#[derive(Serialize)]
struct SourceRow {
    source: String,
    packages: usize,
    versions: usize,
    /// Manifests that were not in the index before.
    new: usize,
}

#[derive(Serialize)]
struct IndexPublishReport {
    reference: String,
    digest: Digest,
    packages: usize,
    versions: usize,
    stubs: usize,
    /// The size of the layer.
    bytes: u64,
    /// Versions in local layouts, and claims of other indexes.
    left_out: usize,
}

impl IndexCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let watch = watch(context);
        let mut index = CheckedIndex::open(context.cache()?.as_ref(), &watch)?;
        let locator = || context.locator();
        match self.verb {
            Verb::Add { sources } => {
                let sources = sources::parse_sources(context, &sources)?;
                let locator = locator()?;
                let updater = Updater::new(&locator, &watch);
                print(context, updater.add(&mut index, &sources).await?)
            }
            Verb::Update { all } => {
                let locator = locator()?;
                let updater = Updater::new(&locator, &watch);
                print(context, updater.update(&mut index, all).await?)
            }
            Verb::Ls => ls(context, &mut index),
            Verb::Remove { sources } => remove(&sources, &mut index),
            Verb::Publish(publish) => publish.run(context, &mut index).await,
        }
    }
}

fn ls(context: &Context, index: &mut CheckedIndex<'_>) -> Result<(), Failure> {
    let statuses = index.run(|index| index.sources())?;
    let row = |status: &SourceStatus| Row {
        source: status.source.to_string(),
        kind: status.source.kind(),
        packages: status.packages,
        versions: status.entries,
        failures: status.failures,
        age: status.age(),
    };
    let sources: Vec<Row> = statuses.iter().map(row).collect();
    if sources.is_empty() {
        eprintln!("the index has no sources; add one with `wharf index add SOURCE`");
    }
    let report = BTreeMap::from([("sources", &sources)]);
    output::print(context, &report, || table(&sources))
}

fn remove(sources: &[String], index: &mut CheckedIndex<'_>) -> Result<(), Failure> {
    let statuses = index.run(|index| index.sources())?;
    for text in sources {
        let known = statuses.iter().map(|status| &status.source);
        let named: Vec<&IndexSource> = known.filter(|source| source.to_string() == *text).collect();
        if named.is_empty() {
            let failure = Failure::new(
                Kind::NotFound,
                format!("`{text}` is not a source of the index"),
            );
            return Err(failure.hint(hints::SOURCES));
        }
        for source in named {
            index.run(|index| index.remove_source(source))?;
        }
    }
    Ok(())
}

impl Publish {
    async fn run(self, context: &Context, index: &mut CheckedIndex<'_>) -> Result<(), Failure> {
        let reference = arguments::parse_target(&self.reference)?;
        if !self.everything && self.namespace.is_none() && self.place.is_none() {
            let message = "everyone who can read the repository can read the published index, so its contents must be selected";
            return Err(Failure::usage(message).hint(hints::SELECTION));
        }
        let selection = Selection {
            namespace: self.namespace,
            place: self
                .place
                .as_deref()
                .map(sources::parse_place)
                .transpose()?,
        };
        let (mut shared, left) = index.run(|index| index.extract(&selection))?;
        print_left_out(left);
        if shared.entries.is_empty() {
            let failure = Failure::new(Kind::NotFound, "no version in the index can be published");
            return Err(failure.hint(hints::INDEX_CONTENTS));
        }
        let connector = context.connector()?;
        let settings = RegistrySettings::default();
        let store = connector
            .write(&reference.location, &settings, None)
            .await?;
        let watch = watch(context);
        index::complete(&mut shared, index, connector, &watch).await?;
        let names = shared.entries.iter().map(|entry| &entry.name);
        let packages = names.collect::<BTreeSet<_>>().len();
        let (versions, stubs) = (shared.entries.len(), shared.stubs.len());
        let tag = Some(reference.tag_or_default());
        let stored = exchange::publish(store.as_ref(), tag, shared, context.session()?).await?;
        let report = IndexPublishReport {
            reference: reference.at(stored.digest).to_string(),
            digest: stored.digest,
            packages,
            versions,
            stubs,
            bytes: stored.layer.size,
            left_out: left.layouts + left.claimed,
        };
        output::print(context, &report, || {
            format!(
                "{}\n{}, {} in {}\n",
                report.reference,
                text::count(report.packages as u64, "package"),
                text::count(report.versions as u64, "version"),
                text::size(report.bytes)
            )
        })
    }
}

/// Prints how many versions are not published.
fn print_left_out(OmittedCounts { layouts, claimed }: OmittedCounts) {
    if layouts > 0 {
        let count = text::count(layouts as u64, "version");
        eprintln!("note: {count} in local layouts left out");
    }
    if claimed > 0 {
        let count = text::count(claimed as u64, "version");
        eprintln!("note: {count} left out, because only other indexes claim them");
    }
}

fn table(sources: &[Row]) -> String {
    let row = |row: &Row| {
        let failures = match row.failures {
            0 => String::new(),
            failures => text::count(u64::from(failures), "failure"),
        };
        vec![
            text::printable(&row.source),
            row.kind.to_owned(),
            text::count(u64::from(row.packages), "package"),
            text::count(u64::from(row.versions), "version"),
            row.age.map_or_else(|| "never read".to_owned(), age),
            failures,
        ]
    };
    text::words(sources.iter().map(row))
}

/// Returns an age in words.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86400),
    }
}

/// Prints an update. Fails if something could not be read.
fn print(context: &Context, report: UpdateReport) -> Result<(), Failure> {
    context.finish();
    let row = |read: &SourceReport| SourceRow {
        source: read.source.to_string(),
        packages: read.packages,
        versions: read.versions,
        new: read.new,
    };
    let report = IndexReport {
        sources: report.sources.iter().map(row).collect(),
        failures: report.unread.iter().map(FailureRow::of).collect(),
    };
    output::print(context, &report, || {
        let row = |row: &SourceRow| {
            vec![
                text::printable(&row.source),
                text::count(row.packages as u64, "package"),
                text::count(row.versions as u64, "version"),
                format!("{} new", row.new),
            ]
        };
        text::words(report.sources.iter().map(row))
    })?;
    match report.failures.len() as u64 {
        0 => Ok(()),
        _ if context.flags.json => Err(Failure::already_reported(Kind::Other)),
        count => {
            let count = text::count(count, "artifact");
            let message = format!("{count} could not be read; the index has all others");
            Err(Failure::new(Kind::Other, message).hint(hints::REST_INDEXED))
        }
    }
}
