//! Reads repositories for the index: first the tags, then only manifests that the index does not have.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use super::event::ReadFailure;
use super::import::SourceContents;
use super::record::{Entry, Externs, Record, RecordLayer};
use super::status::KnownManifests;
use crate::artifact::FlatDescription;
use crate::digest::Digest;
use crate::error;
use crate::package::{self, Tags, yank_tag};
use crate::pull::{self, Artifact, OpenArtifact};
use crate::reference::Name;
use crate::reference::package::tag_version;
use crate::store::{self, Session, Store};
use crate::world;

/// The annotations with the description and the licences.
const DESCRIPTION: &str = "org.opencontainers.image.description";
const LICENSES: &str = "org.opencontainers.image.licenses";

/// The maximum number of tags of one repository that are read at once, if there are enough slots.
const TAGS_AT_ONCE: usize = 16;

pub(super) struct Repository {
    /// The name of its entries: the package, or the repository itself.
    pub(super) name: String,
    /// The repository as it stands in a reference.
    pub(super) location: String,
    pub(super) store: Arc<dyn Store>,
    /// The only tag or digest to read. If there is none, all versions are read, or all other tags if it has no
    /// versions.
    pub(super) only: Option<Name>,
}

/// The entries and records that were read from a source or from a part of it.
#[derive(Default)]
pub(super) struct SourceReading {
    pub(super) contents: SourceContents,
    pub(super) unread: Vec<ReadFailure>,
    /// Manifests that list other imports or exports than their roots have.
    pub(super) corrected: Vec<Digest>,
}

impl SourceReading {
    pub(super) fn add(&mut self, part: Self) {
        let contents = &mut self.contents;
        contents.entries.extend(part.contents.entries);
        contents.records.extend(part.contents.records);
        contents.others.extend(part.contents.others);
        contents.stubs.extend(part.contents.stubs);
        contents.unread.extend(part.contents.unread);
        self.unread.extend(part.unread);
        self.corrected.extend(part.corrected);
    }

    /// Adds a repository, or a tag of it, that could not be read. If it was not found, the index drops its entries.
    fn fail(&mut self, location: &str, tag: Option<String>, error: package::Error) {
        let what = match &tag {
            Some(tag) => format!("{location}:{tag}"),
            None => location.to_owned(),
        };
        if error.kind() != error::Kind::NotFound {
            let unread = (location.to_owned(), tag);
            self.contents.unread.push(unread);
        }
        let error = error.into();
        self.unread.push(ReadFailure { what, error });
    }
}

pub(super) struct RepositoryReader<'a> {
    /// The manifests and marks that are in the index already.
    pub(super) known: &'a KnownManifests,
    pub(super) session: &'a Session,
    /// The limit for requests in flight, over all repositories.
    pub(super) slots: &'a Semaphore,
}

impl RepositoryReader<'_> {
    /// Reads one repository. Errors are collected and do not end the reading.
    pub(super) async fn read(&self, repository: &Repository) -> SourceReading {
        let mut read = SourceReading::default();
        let (names, marked) = match self.names(repository).await {
            Ok(named) => named,
            // Registries list a repository for some time after its last tag was deleted.
            Err(package::Error::Store(store::Error::NotFound { .. }))
                if repository.only.is_none() =>
            {
                return read;
            }
            Err(error) => {
                read.fail(&repository.location, None, error);
                return read;
            }
        };
        let mut names = names.into_iter();
        // Other images have versions too. If the newest version is not a component, the older ones are skipped.
        if let Some(newest) = names.next()
            && !self.tag(repository, newest, &marked, &mut read).await
        {
            return read;
        }
        let rest = stream::iter(names).map(|name| {
            let marked = &marked;
            async move {
                let mut part = SourceReading::default();
                self.tag(repository, name, marked, &mut part).await;
                part
            }
        });
        let parts: Vec<SourceReading> = rest.buffered(TAGS_AT_ONCE).collect().await;
        parts.into_iter().for_each(|part| read.add(part));
        read
    }

    /// Returns the wanted tags, the newest first. If the tags were listed, this also returns the manifests with a
    /// yank mark.
    async fn names(
        &self,
        repository: &Repository,
    ) -> Result<(Vec<Name>, Option<HashSet<Digest>>), package::Error> {
        if let Some(name) = &repository.only {
            return Ok((vec![name.clone()], None));
        }
        let _slot = self.slot().await?;
        let tags = Tags::read(repository.store.tags().await?);
        let names: Vec<String> = match tags.versions.is_empty() {
            false => tags.versions.into_values().rev().collect(),
            true => tags.others,
        };
        let names = names.into_iter().map(Name::Tag).collect();
        Ok((names, Some(tags.marked)))
    }

    async fn slot(&self) -> Result<tokio::sync::SemaphorePermit<'_>, store::Error> {
        let slot = self.slots.acquire().await;
        slot.map_err(|_| store::Error::Interrupted)
    }

    /// Reads a tag. Returns whether it may name a component.
    async fn tag(
        &self,
        repository: &Repository,
        name: Name,
        marked: &Option<HashSet<Digest>>,
        read: &mut SourceReading,
    ) -> bool {
        match self.read_tag(repository, &name, marked, read).await {
            Ok(is_component) => is_component,
            Err(error) => {
                read.fail(&repository.location, Some(name.to_string()), error);
                true
            }
        }
    }

    async fn read_tag(
        &self,
        repository: &Repository,
        name: &Name,
        marked: &Option<HashSet<Digest>>,
        read: &mut SourceReading,
    ) -> Result<bool, package::Error> {
        let _slot = self.slot().await?;
        let store = repository.store.as_ref();
        let digest = store.resolve(name).await?;
        let is_other = self.known.others.contains(&digest)
            || !self.known.records.contains(&digest)
                && !self.read_manifest(store, digest, read).await?;
        if is_other {
            read.contents.others.push(digest);
            return Ok(false);
        }
        let tag = name.to_string();
        let may_be_marked = marked
            .as_ref()
            .is_none_or(|marked| marked.contains(&digest));
        let mark = match may_be_marked {
            true => match self.mark(repository, &tag, &digest).await {
                // Without a list of tags, the mark may not exist.
                Err(package::Error::Store(store::Error::NotFound { .. })) if marked.is_none() => {
                    None
                }
                mark => Some(mark?),
            },
            false => None,
        };
        read.contents.entries.push(Entry {
            name: repository.name.clone(),
            location: repository.location.clone(),
            version: tag_version(&tag),
            tag,
            digest,
            yanked: mark.is_some_and(|(_, yanked)| yanked),
            mark: mark.map(|(mark, _)| mark),
        });
        Ok(true)
    }

    /// Reads a manifest that the index does not have. Returns whether it is a component's.
    async fn read_manifest(
        &self,
        store: &dyn Store,
        digest: Digest,
        read: &mut SourceReading,
    ) -> Result<bool, error::Error> {
        let opened = match pull::open(store, &Name::Digest(digest), self.session).await {
            Err(error::Error::Foreign { .. }) => return Ok(false),
            opened => opened?,
        };
        let mut record = record_of(store, &opened, self.session).await?;
        if may_be_wit_package(&opened, &record) {
            match pull::stub_of(store, &opened, self.session).await {
                // An artifact without a stub keeps the names that its manifest lists.
                Err(error::Error::Stub(_)) => {}
                stub => {
                    let (stub, _) = stub?;
                    if let Ok(corrected) = record.correct(&stub) {
                        read.corrected.extend(corrected.then_some(digest));
                        read.contents.stubs.insert(digest, stub);
                    }
                }
            }
        }
        read.contents.records.push(record);
        Ok(true)
    }

    /// Returns the digest of a manifest's yank mark, and whether it says "yanked".
    async fn mark(
        &self,
        repository: &Repository,
        tag: &str,
        digest: &Digest,
    ) -> Result<(Digest, bool), package::Error> {
        let store = repository.store.as_ref();
        let mark = store.resolve(&Name::Tag(yank_tag(digest))).await?;
        let key = (repository.location.clone(), tag.to_owned());
        match self.known.marks.get(&key) {
            Some((known, yanked)) if *known == mark => Ok((mark, *yanked)),
            _ => Ok((mark, package::is_yanked(store, digest).await?)),
        }
    }
}

/// Returns the record of an opened manifest. The names of imports and exports are a claim of the manifest, until
/// they are [corrected](Record::correct) from the root.
pub(super) async fn record_of(
    store: &dyn Store,
    opened: &OpenArtifact,
    session: &Session,
) -> Result<Record, error::Error> {
    let externs = match &opened.artifact {
        Artifact::Split(split) => Some(Externs::from(&split.config)),
        Artifact::Flat(flat) => {
            let described = pull::describe(store, flat, session).await?;
            let is_stated = described.states_names();
            let FlatDescription {
                imports,
                exports,
                names,
                ..
            } = described;
            is_stated.then_some(Externs {
                imports,
                exports,
                names,
            })
        }
    };
    let layers = opened.layers().map(|layer| RecordLayer {
        content: layer.content,
        blob: layer.blob,
    });
    let text = |key: &str| {
        opened
            .annotations()
            .get(key)
            .filter(|text| !text.is_empty())
    };
    Ok(Record {
        digest: opened.digest,
        split: opened.split().is_some(),
        content: opened.content(),
        externs,
        description: text(DESCRIPTION).cloned(),
        licenses: text(LICENSES).cloned(),
        layers: layers.collect(),
        wit: false,
    })
}

/// The largest root that is fetched to detect a WIT package, in bytes as stored.
const MAX_WIT_BYTES: u64 = 256 * 1024;

/// Returns whether the names fit a WIT package and the root is small enough to fetch. A WIT package has no other
/// layer than its root.
fn may_be_wit_package(opened: &OpenArtifact, record: &Record) -> bool {
    let mut layers = opened.layers();
    let is_small = layers
        .next()
        .is_some_and(|root| root.blob.size <= MAX_WIT_BYTES);
    let may_be = |externs: &Externs| {
        let Externs {
            imports,
            exports,
            names,
        } = externs;
        if names.omits_list() {
            // A WIT package has no imports, and may have any number of exports.
            return !names.imports.omitted && imports.is_empty();
        }
        world::may_name_wit_package(imports, exports)
            || opened.split().is_none() && world::may_list_wit_package(imports, exports)
    };
    is_small && layers.next().is_none() && record.externs.as_ref().is_some_and(may_be)
}
