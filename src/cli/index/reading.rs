//! Reading a source of the index.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::Semaphore;
use wharf::index::{
    Entry, Known, Reader, Reading, Repository, Source, SourceContents, Which, exchange,
};
use wharf::package::{Error, Place, Registry, RegistrySettings};
use wharf::reference::package::PackageName;
use wharf::reference::{Location, Name, Repository as RepositoryName};
use wharf::store::cache::Cache;
use wharf::store::{self, Session, Store};

use super::{Sound, now, types};
use crate::cli::arguments;
use crate::cli::failure::Failure;
use crate::cli::settings::Context;

const NO_CATALOG: &str = "name packages or references instead: `wharf index add NAMESPACE:NAME…`, a file that lists \
     them, or an index that somebody published there";

/// What was read of a source.
pub(super) struct Read {
    pub(super) filled: SourceContents,
    pub(super) failures: Vec<Failed>,
    /// What manifests say that their roots do not.
    pub(super) corrections: Vec<String>,
    /// Why there is nothing at all, where there is nothing.
    first: Option<Failure>,
}

/// Something that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    #[serde(rename = "reference")]
    pub(crate) what: String,
    pub(crate) message: String,
}

/// How much of a source was read.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) source: String,
    pub(super) packages: usize,
    pub(super) versions: usize,
    /// Manifests that were not known.
    pub(super) news: usize,
}

impl Read {
    /// Fails where nothing could be read.
    pub(super) fn sound(self) -> Result<Self, Failure> {
        match self.first {
            Some(failure) if self.filled.entries.is_empty() => Err(failure),
            first => Ok(Self { first, ..self }),
        }
    }

    pub(super) fn outcome(&self, source: &Source) -> Outcome {
        let entries = self.filled.entries.iter();
        let names: BTreeSet<&str> = entries.map(|entry| entry.name.as_str()).collect();
        Outcome {
            source: source.to_string(),
            packages: names.len(),
            versions: self.filled.entries.len(),
            news: self.filled.records.len(),
        }
    }
}

/// Reads what is added. A reference may be of a shared index, which is told by its manifest; then that source is returned.
pub(super) async fn added(
    context: &Context,
    source: &Source,
    index: &mut Sound,
    cache: &Arc<Cache>,
    all: bool,
) -> Result<(Source, Read), Failure> {
    if let Source::Reference { reference } = source {
        let parsed = arguments::reference(reference)?;
        let store = read_store(context, &parsed.location).await?;
        if let Some(read) = published(context, store.as_ref(), &parsed.name()).await? {
            let reference = reference.clone();
            return Ok((Source::Shared { reference }, read));
        }
    }
    let read = read(context, source, index, cache, all).await?;
    Ok((source.clone(), read))
}

/// Reads a source: what the index knows is not fetched, unless all is wanted.
pub(super) async fn read(
    context: &Context,
    source: &Source,
    index: &mut Sound,
    cache: &Arc<Cache>,
    all: bool,
) -> Result<Read, Failure> {
    let known = match all {
        true => Known::default(),
        false => index.ask(|index| index.known())?,
    };
    let repositories = match source {
        Source::Shared { reference } => {
            return shared(context, reference, (source, all), index).await;
        }
        Source::Reference { reference } => {
            let reference = arguments::reference(reference)?;
            let store = read_store(context, &reference.location).await?;
            let which = Which::One(reference.name());
            vec![repository(&reference.location, store, which)]
        }
        Source::Package { package, place } => {
            let name = arguments::name(package)?;
            let home = match place {
                Some(place) => {
                    let locator = context.locator()?;
                    locator.registry_at(&read_place(place)?, &name).await?
                }
                None => context.locator()?.registry(&name).await?,
            };
            let location = home.repository(&name)?;
            let store = home.read(context.connector()?, &name).await?;
            // A package that is not there is a mistake; a repository of a catalog may be about to go.
            wharf::package::tags(store.as_ref(), &name).await?;
            vec![Repository {
                name: name.to_string(),
                location: location.to_string(),
                store,
                which: Which::All,
            }]
        }
        Source::Place { place } => of_place(context, &read_place(place)?).await?,
    };
    Ok(collect(context, repositories, &known, cache).await)
}

async fn read_store(context: &Context, location: &Location) -> Result<Arc<dyn Store>, Failure> {
    let connector = context.connector()?;
    Ok(connector
        .read(location, &RegistrySettings::default())
        .await?)
}

fn read_place(place: &str) -> Result<Place, Failure> {
    place.parse().map_err(Failure::usage)
}

/// Names a repository: by its package where its name is one's.
fn repository(location: &Location, store: Arc<dyn Store>, which: Which) -> Repository {
    let package = match location {
        Location::Layout {
            directory,
            repository: Some(path),
        } => Place::Layout(directory.clone()).package(path),
        Location::Layout { .. } | Location::Blobs { .. } => None,
        Location::Repository(RepositoryName { registry, path }) => {
            let host = registry.clone();
            let prefix = String::new();
            Place::Registry { host, prefix }.package(path)
        }
    };
    let location = location.to_string();
    Repository {
        name: package.map_or_else(|| location.clone(), |package| package.to_string()),
        location,
        store,
        which,
    }
}

/// Returns the repositories of a registry or of a layout.
async fn of_place(context: &Context, place: &Place) -> Result<Vec<Repository>, Failure> {
    // Which package it is makes no difference: the place is known.
    let any: PackageName = "any:any".parse().map_err(Failure::usage)?;
    let home = context.locator()?.registry_at(place, &any).await?;
    let mut found = Vec::new();
    if let Place::Layout(directory) = &home.place {
        let location = Location::Layout {
            directory: directory.clone(),
            repository: None,
        };
        found.push(opened(context, &home, location, None).await?);
    }
    let paths = home.repositories(context.connector()?).await;
    let paths = paths.map_err(|error| match error {
        Error::Store(store::Error::NoCatalog { .. }) => Failure::from(error).hint(NO_CATALOG),
        error => error.into(),
    })?;
    for path in paths {
        let package = home.place.package(&path);
        let location = match (&home.place, &package) {
            (_, Some(package)) => home.repository(package)?,
            (Place::Layout(directory), None) => Location::Layout {
                directory: directory.clone(),
                repository: Some(path),
            },
            (Place::Registry { host, prefix }, None) if path.starts_with(prefix.as_str()) => {
                Location::Repository(RepositoryName {
                    registry: host.clone(),
                    path,
                })
            }
            _ => continue,
        };
        found.push(opened(context, &home, location, package).await?);
    }
    Ok(found)
}

async fn opened(
    context: &Context,
    home: &Registry,
    location: Location,
    package: Option<PackageName>,
) -> Result<Repository, Failure> {
    let store = context.connector()?.read(&location, &home.settings).await?;
    let location = location.to_string();
    Ok(Repository {
        name: package.map_or_else(|| location.clone(), |package| package.to_string()),
        location,
        store,
        which: Which::All,
    })
}

async fn collect(
    context: &Context,
    repositories: Vec<Repository>,
    known: &Known,
    cache: &Arc<Cache>,
) -> Read {
    let slots = Semaphore::new(context.concurrency.max(1));
    let reader = Reader {
        known,
        // Bytes are not what this is measured by.
        session: &Session::unobserved(Arc::clone(cache), context.concurrency),
        slots: &slots,
    };
    let count = repositories.len();
    let mut readings = stream::iter(&repositories)
        .map(|repository| reader.read(repository))
        .buffer_unordered(context.concurrency.max(1));
    let mut all = Reading::default();
    let mut done = 0;
    while let Some(reading) = readings.next().await {
        done += 1;
        context.progress.counted(done, count, "repositories");
        all.add(reading);
    }
    told(all)
}

/// Says what failed in words.
fn told(reading: Reading) -> Read {
    let corrected = |entry: &&Entry| reading.corrected.contains(&entry.digest);
    let corrections = reading.entries.iter().filter(corrected);
    let corrections = corrections.map(|entry| types::correction(&entry.reference()));
    let mut read = Read {
        corrections: corrections.collect(),
        filled: SourceContents {
            entries: reading.entries,
            records: reading.records,
            others: reading.others,
            stubs: reading.stubs,
            failures: reading.failures.len() as u32,
            now: now(),
            ..SourceContents::default()
        },
        failures: Vec::new(),
        first: None,
    };
    let mut failures = reading.failures;
    // The order in which they came is no order.
    failures.sort_by(|a, b| (&a.location, &a.tag).cmp(&(&b.location, &b.tag)));
    for failed in failures {
        if failed.may_hold() {
            let kept = (failed.location.clone(), failed.tag.clone());
            read.filled.unread.push(kept);
        }
        let what = match &failed.tag {
            Some(tag) => format!("{}:{tag}", failed.location),
            None => failed.location,
        };
        let failure = Failure::from(failed.error);
        let message = failure.message();
        read.failures.push(Failed { what, message });
        read.first.get_or_insert(failure);
    }
    read
}

/// Reads an index that somebody published, unless it is the one that was read before.
async fn shared(
    context: &Context,
    reference: &str,
    (source, all): (&Source, bool),
    index: &mut Sound,
) -> Result<Read, Failure> {
    let reference = arguments::reference(reference)?;
    let store = read_store(context, &reference.location).await?;
    // One state of the index: what it has is what was read then.
    let (status, entries) = index.ask(|index| {
        let mut statuses = index.sources()?.into_iter();
        let status = statuses.find(|status| status.source == *source);
        Ok((status, index.entries_of(source)?))
    })?;
    let before = status.and_then(|status| status.state).filter(|_| !all);
    let name = reference.name();
    if before.is_some() && before == Some(store.resolve(&name).await?) {
        return Ok(Read {
            filled: SourceContents {
                entries,
                state: before,
                now: now(),
                ..SourceContents::default()
            },
            failures: Vec::new(),
            corrections: Vec::new(),
            first: None,
        });
    }
    let read = published(context, store.as_ref(), &name).await?;
    read.ok_or_else(|| {
        let message = format!("{reference} is no index any more");
        Failure::new(crate::cli::failure::Exit::Integrity, message)
    })
}

/// Reads the index that a name stands for; nothing where that is another artifact.
async fn published(
    context: &Context,
    store: &dyn Store,
    name: &Name,
) -> Result<Option<Read>, Failure> {
    let read = exchange::read(store, name, context.session()?).await?;
    Ok(read.map(|(digest, shared)| Read {
        filled: SourceContents {
            entries: shared.entries,
            records: shared.records,
            stubs: shared.stubs,
            state: Some(digest),
            now: now(),
            ..SourceContents::default()
        },
        failures: Vec::new(),
        corrections: Vec::new(),
        first: None,
    }))
}
