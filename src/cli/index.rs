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

pub(crate) use self::watch::{Failed, correction, watch};
use super::failure::Failure;
use super::settings::Context;
use super::{arguments, hints, output, text};

/// Keep an index of components, for `wharf search`
///
/// The index is in the cache of this machine. It is filled from what is added to it, and knows no more than it
/// saw when it was last updated.
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
    /// Add a registry, a layout, a package, an artifact or a shared index, and read it
    Add {
        /// HOST[/PREFIX], oci:DIR, NAMESPACE:NAME, a reference with a tag or digest, or a file that lists such, one a line
        #[arg(value_name = "WHAT", required = true)]
        what: Vec<String>,
    },
    /// Read what was added again; only what is new is fetched
    Update {
        /// Fetch what is known too, and notice split forms that were added to flat artifacts
        #[arg(long)]
        all: bool,
    },
    /// Show what was added, how much it has, and when it was read
    Ls,
    /// Forget what was added
    Remove {
        /// As `wharf index ls` shows it
        #[arg(value_name = "SOURCE", required = true)]
        what: Vec<String>,
    },
    /// Store the index in a registry, where others can add it with one fetch
    Publish(Publish),
}

#[derive(Debug, Args)]
struct Publish {
    /// Where: HOST/REPOSITORY:TAG or oci:DIR:TAG
    #[arg(value_name = "REF")]
    reference: String,
    /// Only the packages of a namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only what is in this place: HOST[/PREFIX]
    #[arg(long, value_name = "PLACE")]
    place: Option<String>,
    /// All that this machine read in any registry, also where others are not let in
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
    /// Seconds since it was read.
    age: Option<i64>,
}

#[derive(Serialize)]
struct Report {
    sources: Vec<SourceRow>,
    failures: Vec<Failed>,
}

#[derive(Serialize)]
struct SourceRow {
    source: String,
    packages: usize,
    versions: usize,
    /// Manifests that were not known.
    news: usize,
}

#[derive(Serialize)]
struct PublishReport {
    reference: String,
    digest: Digest,
    packages: usize,
    versions: usize,
    stubs: usize,
    /// The size of the layer.
    bytes: u64,
    /// Versions that are not for others: in layouts here, and what other indexes claim.
    left_out: usize,
}

impl IndexCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let watch = watch(context);
        let mut index = CheckedIndex::open(context.cache()?.as_ref(), &watch)?;
        let locator = || context.locator();
        match self.verb {
            Verb::Add { what } => {
                let sources = sources::named(context, &what)?;
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
            Verb::Remove { what } => remove(&what, &mut index),
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
        eprintln!("nothing was added yet: `wharf index add`");
    }
    let report = BTreeMap::from([("sources", &sources)]);
    output::print(context, &report, || table(&sources))
}

fn remove(what: &[String], index: &mut CheckedIndex<'_>) -> Result<(), Failure> {
    let statuses = index.run(|index| index.sources())?;
    for what in what {
        let known = statuses.iter().map(|status| &status.source);
        let named: Vec<&IndexSource> = known.filter(|source| source.to_string() == *what).collect();
        if named.is_empty() {
            let failure = Failure::new(Kind::NotFound, format!("`{what}` was not added"));
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
        let reference = arguments::target(&self.reference)?;
        if !self.everything && self.namespace.is_none() && self.place.is_none() {
            let message = "what is published everybody can read who reads there: say what";
            return Err(Failure::usage(message).hint(hints::SELECTION));
        }
        let selection = Selection {
            namespace: self.namespace,
            place: self.place.as_deref().map(sources::place_of).transpose()?,
        };
        let (mut shared, left) = index.run(|index| index.extract(&selection))?;
        print_left_out(left);
        if shared.entries.is_empty() {
            let failure = Failure::new(Kind::NotFound, "there is nothing to publish");
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
        let report = PublishReport {
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

/// Prints how much is not published.
fn print_left_out(OmittedCounts { layouts, claimed }: OmittedCounts) {
    if layouts > 0 {
        let count = text::count(layouts as u64, "version");
        eprintln!("{count} in layouts of this machine left out");
    }
    if claimed > 0 {
        let count = text::count(claimed as u64, "version");
        eprintln!("{count} left out that only other indexes claim");
    }
}

fn table(sources: &[Row]) -> String {
    let row = |row: &Row| {
        let failures = match row.failures {
            0 => String::new(),
            failures => format!("{failures} not read"),
        };
        vec![
            text::printable(&row.source),
            row.kind.to_owned(),
            text::count(u64::from(row.packages), "package"),
            text::count(u64::from(row.versions), "version"),
            row.age.map_or_else(|| "not read".to_owned(), age),
            failures,
        ]
    };
    text::words(sources.iter().map(row))
}

/// Says how long ago something was.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86400),
    }
}

/// Prints what was read. Fails if something could not be read.
fn print(context: &Context, report: UpdateReport) -> Result<(), Failure> {
    context.finish();
    let row = |read: &SourceReport| SourceRow {
        source: read.source.to_string(),
        packages: read.packages,
        versions: read.versions,
        news: read.new,
    };
    let report = Report {
        sources: report.sources.iter().map(row).collect(),
        failures: report.unread.iter().map(Failed::of).collect(),
    };
    output::print(context, &report, || {
        let row = |row: &SourceRow| {
            vec![
                text::printable(&row.source),
                text::count(row.packages as u64, "package"),
                text::count(row.versions as u64, "version"),
                format!("{} new", row.news),
            ]
        };
        text::words(report.sources.iter().map(row))
    })?;
    match report.failures.len() as u64 {
        0 => Ok(()),
        _ if context.flags.json => Err(Failure::answered(Kind::Other)),
        count => {
            let message = format!("{} could not be read", text::count(count, "artifact"));
            Err(Failure::new(Kind::Other, message).hint(hints::REST_INDEXED))
        }
    }
}
