//! `wharf index`

mod reading;
mod sources;
pub(crate) mod types;

use std::sync::Arc;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use serde::Serialize;
use wharf::catalog::{self, Entry, Index, Source, exchange};
use wharf::digest::Digest;
use wharf::reference::Reference;
use wharf::store::cache::Cache;
use wharf::store::remote::Access;

use self::reading::{Failed, Outcome};
use super::failure::{Exit, Failure};
use super::settings::Context;
use super::{connect, output, text};

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
  wharf index publish ghcr.io/acme/index:latest --namespace acme")]
pub(crate) struct IndexCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a registry, a layout, a package, an artifact or a shared index, and read it
    Add(Add),
    /// Read what was added again; only what is new is fetched
    Update(Update),
    /// Show what was added, how much it has, and when it was read
    Ls,
    /// Forget what was added
    Remove(Remove),
    /// Store the index in a registry, where others can add it with one fetch
    Publish(Publish),
}

#[derive(Debug, Args)]
struct Add {
    /// HOST[/PREFIX], oci:DIR, NAMESPACE:NAME, a reference with a tag or digest, or a file that lists such, one a line
    #[arg(value_name = "WHAT", required = true)]
    what: Vec<String>,
}

#[derive(Debug, Args)]
struct Update {
    /// Fetch what is known too, and notice split forms that were added to flat artifacts
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// As `wharf index ls` shows it
    #[arg(value_name = "SOURCE", required = true)]
    what: Vec<String>,
}

#[derive(Debug, Args)]
struct Publish {
    /// Where: HOST/REPOSITORY:TAG or oci:DIR:TAG
    #[arg(value_name = "REF")]
    reference: String,
    /// Only the packages of a namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only what is in this place: HOST[/PREFIX] or oci:DIR
    #[arg(long, value_name = "PLACE")]
    place: Option<String>,
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
struct Listing {
    sources: Vec<Row>,
}

#[derive(Serialize)]
struct Report {
    sources: Vec<Outcome>,
    failures: Vec<Failed>,
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
}

/// Opens the index, and says so where it had to be begun anew.
pub(crate) fn open(cache: &Cache) -> Result<Index, Failure> {
    let index = Index::open(&cache.index())?;
    warn(&index);
    Ok(index)
}

fn warn(index: &Index) {
    if let Some(reason) = index.rebuilt() {
        let reason = text::printable(reason);
        eprintln!(
            "warning: the index could not be used ({reason}) and was begun anew; `wharf index update` fills it"
        );
    }
}

/// Does something with the index; where that finds it damaged, once again with one that was begun anew.
pub(crate) fn sound<T>(
    index: Index,
    work: impl Fn(&mut Index) -> Result<T, catalog::Error>,
) -> Result<(Index, T), Failure> {
    let mut index = index;
    match work(&mut index) {
        Err(error) if error.is_damage() => {
            let mut index = index.discard(&error)?;
            warn(&index);
            let done = work(&mut index)?;
            Ok((index, done))
        }
        done => Ok((index, done?)),
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

impl IndexCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let cache = context.cache()?;
        match self.verb {
            Verb::Add(add) => add.run(context, &cache).await,
            Verb::Update(update) => update.run(context, &cache).await,
            Verb::Ls => ls(context, &cache),
            Verb::Remove(remove) => remove.run(&cache),
            Verb::Publish(publish) => publish.run(context, &cache).await,
        }
    }
}

impl Add {
    async fn run(self, context: &Context, cache: &Arc<Cache>) -> Result<(), Failure> {
        let mut index = open(cache)?;
        let mut report = Report::new();
        for what in sources::named(context, &self.what)? {
            let (source, read) = reading::added(context, what, &index, cache).await?;
            // What nothing can be read of is a mistake, and not added.
            let read = read.sound()?;
            index.add_source(&source)?;
            (index, _) = sound(index, |index| {
                index.keep_stubs(&read.stubs)?;
                index.fill(&source, &read.filled)
            })?;
            report.add(context, &source, read);
        }
        report.finish(context)
    }
}

impl Update {
    async fn run(self, context: &Context, cache: &Arc<Cache>) -> Result<(), Failure> {
        let (mut index, statuses) = sound(open(cache)?, |index| index.sources())?;
        if statuses.is_empty() {
            return Err(catalog::Error::Empty.into());
        }
        let mut report = Report::new();
        for status in statuses {
            let source = status.source;
            match reading::read(context, &source, &index, cache, self.all).await {
                Ok(read) => {
                    (index, _) = sound(index, |index| {
                        index.keep_stubs(&read.stubs)?;
                        index.fill(&source, &read.filled)
                    })?;
                    report.add(context, &source, read);
                }
                Err(failure) => report.fail(context, &source, &failure),
            }
        }
        report.finish(context)
    }
}

fn ls(context: &Context, cache: &Cache) -> Result<(), Failure> {
    let (_, statuses) = sound(open(cache)?, |index| index.sources())?;
    let now = now();
    let rows = statuses.iter().map(|status| Row {
        source: status.source.to_string(),
        kind: status.source.kind(),
        packages: status.packages,
        versions: status.entries,
        failures: status.failures,
        age: status.updated.map(|updated| (now - updated).max(0)),
    });
    let listing = Listing {
        sources: rows.collect(),
    };
    if listing.sources.is_empty() {
        eprintln!("nothing was added yet: `wharf index add`");
    }
    output::print(context, &listing, || listing.text())
}

impl Remove {
    fn run(self, cache: &Cache) -> Result<(), Failure> {
        let (mut index, statuses) = sound(open(cache)?, |index| index.sources())?;
        for what in &self.what {
            let known = statuses.iter().map(|status| &status.source);
            let meant: Vec<&Source> = known.filter(|source| source.to_string() == *what).collect();
            if meant.is_empty() {
                let failure = Failure::new(Exit::NotFound, format!("`{what}` was not added"));
                return Err(failure.hint("`wharf index ls` shows what was"));
            }
            for source in meant {
                index.remove_source(source)?;
            }
        }
        Ok(())
    }
}

impl Publish {
    async fn run(self, context: &Context, cache: &Arc<Cache>) -> Result<(), Failure> {
        let reference: Reference = connect::target(&self.reference)?;
        let index = open(cache)?;
        let place = self.place.as_deref().map(sources::place_of).transpose()?;
        let wanted = |entry: &Entry| {
            let namespace = entry.name.split_once(':').map(|(namespace, _)| namespace);
            self.namespace
                .as_deref()
                .is_none_or(|wanted| namespace == Some(wanted))
                && place
                    .as_deref()
                    .is_none_or(|place| is_in(&entry.location, place))
        };
        let (mut index, mut shared) = sound(index, |index| index.extract(wanted))?;
        if shared.entries.is_empty() {
            let failure = Failure::new(Exit::NotFound, "there is nothing to publish");
            return Err(failure.hint("`wharf index add` and `wharf search` show what there is"));
        }
        let store = connect::store(context, &reference, Access::Push, cache).await?;
        types::complete(context, &mut index, &mut shared, cache).await?;
        let names = shared.entries.iter().map(|entry| &entry.name);
        let packages = names.collect::<std::collections::BTreeSet<_>>().len();
        let (versions, stubs) = (shared.entries.len(), shared.stubs.len());
        let tag = Some(reference.tag_or_default());
        let observer = context.observer();
        let stored =
            exchange::publish(store.as_ref(), tag, shared, cache, observer.as_ref()).await?;
        let report = PublishReport {
            reference: reference.at(stored.digest).to_string(),
            digest: stored.digest,
            packages,
            versions,
            stubs,
            bytes: stored.layer.size,
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

/// Whether a repository is in a place.
fn is_in(location: &str, place: &str) -> bool {
    let rest = location.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
}

impl Listing {
    fn text(&self) -> String {
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
        text::words(&self.sources.iter().map(row).collect::<Vec<_>>())
    }
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

impl Report {
    fn new() -> Self {
        Self {
            sources: Vec::new(),
            failures: Vec::new(),
        }
    }

    fn add(&mut self, context: &Context, source: &Source, read: reading::Read) {
        for failed in &read.failures {
            let line = format!("{}: {}", failed.what, failed.message);
            context
                .progress
                .say(&format!("warning: {}", text::printable(&line)));
        }
        self.sources.push(read.outcome(source));
        self.failures.extend(read.failures);
    }

    fn fail(&mut self, context: &Context, source: &Source, failure: &Failure) {
        let failed = Failed {
            what: source.to_string(),
            message: failure.message(),
        };
        let line = format!("{}: {}", failed.what, failed.message);
        context
            .progress
            .say(&format!("warning: {}", text::printable(&line)));
        self.failures.push(failed);
    }

    /// Prints what was read; fails where something was not.
    fn finish(self, context: &Context) -> Result<(), Failure> {
        context.finish();
        output::print(context, &self, || {
            let row = |outcome: &Outcome| {
                vec![
                    text::printable(&outcome.source),
                    text::count(outcome.packages as u64, "package"),
                    text::count(outcome.versions as u64, "version"),
                    format!("{} new", outcome.news),
                ]
            };
            text::words(&self.sources.iter().map(row).collect::<Vec<_>>())
        })?;
        match self.failures.len() as u64 {
            0 => Ok(()),
            count => {
                let message = format!("{} could not be read", text::count(count, "artifact"));
                Err(match context.json {
                    true => Failure::answered(Exit::Other),
                    false => {
                        let failure = Failure::new(Exit::Other, message);
                        failure.hint("everything else is in the index")
                    }
                })
            }
        }
    }
}
