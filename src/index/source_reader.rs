//! Reads a source: the repositories of a registry or a layout, a package, an artifact, or a shared index.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::checked::CheckedIndex;
use super::error::Error;
use super::event::Event;
use super::exchange;
use super::import::SourceContents;
use super::reader::{Repository, RepositoryReader, SourceReading};
use super::sources::{self, IndexSource};
use super::status::{KnownManifests, now};
use super::update::Updater;
use crate::package::{self, PackagePlace, Registry, RegistrySettings};
use crate::reference::package::PackageName;
use crate::reference::{Location, Name, Reference, Repository as RepositoryName};
use crate::store::{Session, Store};

impl SourceReading {
    fn of_shared(contents: SourceContents) -> Self {
        Self {
            contents: SourceContents {
                now: now(),
                ..contents
            },
            ..Self::default()
        }
    }

    /// Fails if nothing could be read.
    pub(super) fn ensure_read(mut self) -> Result<Self, Error> {
        match self.contents.entries.is_empty() && !self.unread.is_empty() {
            true => Err(self.unread.swap_remove(0).error),
            false => Ok(self),
        }
    }
}

impl Updater<'_> {
    /// Reads a source before it is added. If a reference names a shared index, the returned source is that index.
    pub(super) async fn new_source(
        &self,
        source: &IndexSource,
        index: &mut CheckedIndex<'_>,
        all: bool,
    ) -> Result<(IndexSource, SourceReading), Error> {
        if let IndexSource::Reference { reference } = source {
            let parsed = sources::parsed::<Reference>(reference)?;
            let store = self.store(&parsed.location).await?;
            if let Some(read) = self.read_published(store.as_ref(), &parsed.name()).await? {
                let reference = reference.clone();
                return Ok((IndexSource::Shared { reference }, read));
            }
        }
        let read = self.read(source, index, all).await?;
        Ok((source.clone(), read))
    }

    /// Reads a source. Manifests in the index are fetched again only if `all` is set.
    pub(super) async fn read(
        &self,
        source: &IndexSource,
        index: &mut CheckedIndex<'_>,
        all: bool,
    ) -> Result<SourceReading, Error> {
        let known = match all {
            true => KnownManifests::default(),
            false => index.run(|index| index.known())?,
        };
        let repositories = match source {
            IndexSource::Shared { reference } => {
                let reference = sources::parsed::<Reference>(reference)?;
                return self.read_shared(source, reference, index, all).await;
            }
            IndexSource::Reference { reference } => {
                let reference = sources::parsed::<Reference>(reference)?;
                let store = self.store(&reference.location).await?;
                let package = package_of(&reference.location);
                let only = Some(reference.name());
                vec![repository(package, &reference.location, store, only)]
            }
            IndexSource::Package { package, place } => {
                let name = sources::parsed::<PackageName>(package)?;
                let registry = match place {
                    Some(place) => {
                        let place = sources::parsed::<PackagePlace>(place)?;
                        self.locator.registry_at(&place, &name).await?
                    }
                    None => self.locator.registry(&name).await?,
                };
                let store = registry.read(self.locator.connector, &name).await?;
                // A missing package is an error. A missing repository of a catalog is not, because it may have been
                // deleted just now.
                package::tags(store.as_ref(), &name).await?;
                let location = registry.repository(&name)?;
                vec![repository(Some(name), &location, store, None)]
            }
            IndexSource::Place { place } => {
                self.repositories(&sources::parsed::<PackagePlace>(place)?)
                    .await?
            }
        };
        Ok(self.collect(repositories, &known).await)
    }

    async fn store(&self, location: &Location) -> Result<Arc<dyn Store>, Error> {
        let settings = RegistrySettings::default();
        Ok(self.locator.connector.read(location, &settings).await?)
    }

    async fn repositories(&self, place: &PackagePlace) -> Result<Vec<Repository>, Error> {
        // The location is known, so any package gives the same registry.
        let any = sources::parsed::<PackageName>("any:any")?;
        let registry = self.locator.registry_at(place, &any).await?;
        let mut found = Vec::new();
        if let PackagePlace::Layout(directory) = &registry.place {
            let directory = directory.clone();
            let repository = None;
            let location = Location::Layout {
                directory,
                repository,
            };
            found.push(self.open(&registry, location, None).await?);
        }
        for path in registry.repositories(self.locator.connector).await? {
            let package = registry.place.package(&path);
            let location = match (&registry.place, &package) {
                (_, Some(package)) => registry.repository(package)?,
                (PackagePlace::Layout(directory), None) => Location::Layout {
                    directory: directory.clone(),
                    repository: Some(path),
                },
                (PackagePlace::Registry { host, prefix }, None)
                    if path.starts_with(prefix.as_str()) =>
                {
                    let registry = host.clone();
                    Location::Repository(RepositoryName { registry, path })
                }
                _ => continue,
            };
            found.push(self.open(&registry, location, package).await?);
        }
        Ok(found)
    }

    async fn open(
        &self,
        registry: &Registry,
        location: Location,
        package: Option<PackageName>,
    ) -> Result<Repository, Error> {
        let connector = self.locator.connector;
        let store = connector.read(&location, &registry.settings).await?;
        Ok(repository(package, &location, store, None))
    }

    async fn collect(
        &self,
        repositories: Vec<Repository>,
        known: &KnownManifests,
    ) -> SourceReading {
        let Session {
            cache, concurrency, ..
        } = self.locator.connector.session.clone();
        // Progress counts repositories, not bytes.
        let session = Session::unobserved(cache, concurrency);
        let slots = Semaphore::new(session.transfers());
        let reader = RepositoryReader {
            known,
            session: &session,
            slots: &slots,
        };
        let count = repositories.len();
        let mut readings = stream::iter(&repositories)
            .map(|repository| reader.read(repository))
            .buffer_unordered(session.transfers());
        let mut all = SourceReading::default();
        let mut done = 0;
        while let Some(read) = readings.next().await {
            done += 1;
            (self.watch)(Event::Progress {
                done,
                count,
                things: "repositories",
            });
            all.add(read);
        }
        // Repositories finish in any order.
        all.unread.sort_by(|a, b| a.what.cmp(&b.what));
        all.contents.failures = all.unread.len() as u32;
        all.contents.now = now();
        all
    }

    /// Reads a shared index, unless the index already has its current manifest.
    async fn read_shared(
        &self,
        source: &IndexSource,
        reference: Reference,
        index: &mut CheckedIndex<'_>,
        all: bool,
    ) -> Result<SourceReading, Error> {
        let store = self.store(&reference.location).await?;
        let (status, entries) = index.run(|index| {
            let mut statuses = index.sources()?.into_iter();
            let status = statuses.find(|status| status.source == *source);
            Ok((status, index.entries_of(source)?))
        })?;
        let state = status.and_then(|status| status.state).filter(|_| !all);
        let name = reference.name();
        let resolve = async || store.resolve(&name).await.map_err(package::Error::from);
        if state.is_some() && state == Some(resolve().await?) {
            return Ok(SourceReading::of_shared(SourceContents {
                entries,
                state,
                ..SourceContents::default()
            }));
        }
        let read = self.read_published(store.as_ref(), &name).await?;
        read.ok_or_else(|| Error::NoIndex {
            reference: reference.to_string(),
        })
    }

    /// Reads the shared index that a name stands for. Returns nothing if it is another artifact.
    async fn read_published(
        &self,
        store: &dyn Store,
        name: &Name,
    ) -> Result<Option<SourceReading>, Error> {
        let read = exchange::read(store, name, &self.locator.connector.session).await?;
        Ok(read.map(|(digest, shared)| {
            SourceReading::of_shared(SourceContents {
                entries: shared.entries,
                records: shared.records,
                stubs: shared.stubs,
                state: Some(digest),
                ..SourceContents::default()
            })
        }))
    }
}

/// Returns the package that a repository's path stands for.
fn package_of(location: &Location) -> Option<PackageName> {
    match location {
        Location::Layout {
            directory,
            repository: Some(path),
        } => PackagePlace::Layout(directory.clone()).package(path),
        Location::Repository(RepositoryName { registry, path }) => {
            let host = registry.clone();
            let prefix = String::new();
            PackagePlace::Registry { host, prefix }.package(path)
        }
        _ => None,
    }
}

/// Returns a repository. Its name is that of its package, or its location.
fn repository(
    package: Option<PackageName>,
    location: &Location,
    store: Arc<dyn Store>,
    only: Option<Name>,
) -> Repository {
    let location = location.to_string();
    Repository {
        name: package.map_or_else(|| location.clone(), |package| package.to_string()),
        location,
        store,
        only,
    }
}
