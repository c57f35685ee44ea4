//! `wharf index`

mod reading;
mod sound;
mod sources;
pub(crate) mod types;

use std::sync::Arc;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use serde::Serialize;
use wharf::digest::Digest;
use wharf::index::{self, Entry, Imported, LeftOut, Source, exchange};
use wharf::package::RegistrySettings;
use wharf::reference::Reference;
use wharf::store::cache::Cache;

pub(crate) use self::reading::Failed;
use self::reading::Outcome;
pub(crate) use self::sound::Sound;
use super::failure::{Exit, Failure};
use super::settings::Context;
use super::{arguments, output, text};

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
    /// Versions that are not for others: in layouts here, and what other indexes claim.
    left_out: usize,
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

/// How often a source is read before an index that keeps losing what it knew is given up.
const ATTEMPTS: u32 = 3;

impl Add {
    async fn run(self, context: &Context, cache: &Arc<Cache>) -> Result<(), Failure> {
        let mut index = Sound::open(cache)?;
        let sources = sources::named(context, &self.what)?;
        let new = New {
            all: false,
            add: true,
        };
        let report = refresh(context, &mut index, cache, new, |_| Ok(sources.clone())).await?;
        report.finish(context)
    }
}

impl Update {
    async fn run(self, context: &Context, cache: &Arc<Cache>) -> Result<(), Failure> {
        let mut index = Sound::open(cache)?;
        index.ask(|index| index.check())?;
        let known = |index: &mut Sound| {
            let statuses = index.ask(|index| index.sources())?;
            match statuses.is_empty() {
                true => Err(index::Error::Empty.into()),
                false => Ok(statuses.into_iter().map(|status| status.source).collect()),
            }
        };
        let new = New {
            all: self.all,
            add: false,
        };
        let report = refresh(context, &mut index, cache, new, known).await?;
        report.finish(context)
    }
}

/// What of sources is new.
#[derive(Clone, Copy)]
struct New {
    /// What is known is fetched too.
    all: bool,
    /// They are added, so what cannot be read is a mistake.
    add: bool,
}

/// Reads sources and writes what they have; all of them again, if the index was begun anew meanwhile.
async fn refresh(
    context: &Context,
    index: &mut Sound,
    cache: &Arc<Cache>,
    new: New,
    sources: impl Fn(&mut Sound) -> Result<Vec<Source>, Failure>,
) -> Result<Report, Failure> {
    for _attempt in 0..ATTEMPTS {
        let wanted = sources(index)?;
        let renewals = index.renewals();
        let mut report = Report::new();
        for source in &wanted {
            match fill(context, source, index, cache, new).await {
                Ok(Some((source, read))) => report.add(context, &source, read),
                Ok(None) => report.removed(context, source),
                Err(failure) if new.add && wanted.len() == 1 => return Err(failure),
                Err(failure) => report.fail(context, source, &failure),
            }
        }
        if index.renewals() == renewals {
            return Ok(report);
        }
    }
    Err(unstable())
}

/// Reads a source and writes what it has; again, if the index forgot meanwhile what was not read for it. Returns nothing
/// where the source was removed meanwhile.
async fn fill(
    context: &Context,
    source: &Source,
    index: &mut Sound,
    cache: &Arc<Cache>,
    new: New,
) -> Result<Option<(Source, reading::Read)>, Failure> {
    for attempt in 0..ATTEMPTS {
        let all = new.all || attempt > 0;
        let (source, read) = match new.add {
            true => {
                let (source, read) = reading::added(context, source, index, cache, all).await?;
                // What nothing can be read of is a mistake, and not added.
                (source, read.sound()?)
            }
            false => {
                let read = reading::read(context, source, index, cache, all).await?;
                (source.clone(), read)
            }
        };
        let filling = index.ask(|index| {
            if new.add {
                index.add_source(&source)?;
            }
            index.import(&source, &read.filled)
        })?;
        match filling {
            Imported::Done => return Ok(Some((source, read))),
            Imported::Removed => return Ok(None),
            Imported::Unknown => {}
        }
    }
    Err(unstable())
}

fn unstable() -> Failure {
    let message = "the index lost what was read, again and again";
    Failure::new(Exit::Other, message).hint("another process may be at work on it; try again later")
}

fn ls(context: &Context, cache: &Cache) -> Result<(), Failure> {
    let statuses = Sound::open(cache)?.ask(|index| index.sources())?;
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
        let mut index = Sound::open(cache)?;
        let statuses = index.ask(|index| index.sources())?;
        for what in &self.what {
            let known = statuses.iter().map(|status| &status.source);
            let meant: Vec<&Source> = known.filter(|source| source.to_string() == *what).collect();
            if meant.is_empty() {
                let failure = Failure::new(Exit::NotFound, format!("`{what}` was not added"));
                return Err(failure.hint("`wharf index ls` shows what was"));
            }
            for source in meant {
                index.ask(|index| index.remove_source(source))?;
            }
        }
        Ok(())
    }
}

impl Publish {
    async fn run(self, context: &Context, cache: &Arc<Cache>) -> Result<(), Failure> {
        let reference: Reference = arguments::target(&self.reference)?;
        if !self.everything && self.namespace.is_none() && self.place.is_none() {
            let message = "what is published everybody can read who reads there: say what";
            return Err(Failure::usage(message).hint(
                "--place HOST[/PREFIX] or --namespace NAME, or --everything for all that was read in registries",
            ));
        }
        let mut index = Sound::open(cache)?;
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
        let (mut shared, left) = index.ask(|index| index.extract(wanted))?;
        say_left_out(left);
        if shared.entries.is_empty() {
            let failure = Failure::new(Exit::NotFound, "there is nothing to publish");
            return Err(failure.hint("`wharf index add` and `wharf search` show what there is"));
        }
        let store = context
            .connector()?
            .write(&reference.location, &RegistrySettings::default(), None)
            .await?;
        types::complete(context, &mut index, &mut shared).await?;
        let names = shared.entries.iter().map(|entry| &entry.name);
        let packages = names.collect::<std::collections::BTreeSet<_>>().len();
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

/// Says what others are not told.
fn say_left_out(LeftOut { layouts, claimed }: LeftOut) {
    if layouts > 0 {
        let count = text::count(layouts as u64, "version");
        eprintln!("{count} in layouts of this machine left out");
    }
    if claimed > 0 {
        let count = text::count(claimed as u64, "version");
        eprintln!("{count} left out that only other indexes claim");
    }
}

/// Whether a repository is in a place.
fn is_in(location: &str, place: &str) -> bool {
    let rest = location.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
        for line in &read.corrections {
            context
                .progress
                .say(&format!("warning: {}", text::printable(line)));
        }
        for failed in &read.failures {
            let line = format!("{}: {}", failed.what, failed.message);
            context
                .progress
                .say(&format!("warning: {}", text::printable(&line)));
        }
        self.sources.push(read.outcome(source));
        self.failures.extend(read.failures);
    }

    fn removed(&mut self, context: &Context, source: &Source) {
        let line = format!("{source} was removed meanwhile");
        context.progress.say(&text::printable(&line));
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
