//! Reading repositories for the index: tags first, then only manifests that are not known yet.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use super::record::{Entry, Externs, Record, RecordLayer};
use super::status::Known;
use crate::artifact::FlatDescription;
use crate::digest::Digest;
use crate::error;
use crate::package::{self, Tags, yank_tag};
use crate::pull::{self, Artifact, Opened};
use crate::reference::Name;
use crate::reference::package::tag_version;
use crate::store::{self, Session, Store};
use crate::world;

/// How many tags of one repository are asked for at once, as far as there are slots.
const TAGS_AT_ONCE: usize = 16;

/// A repository to read.
pub(super) struct Repository {
    /// What its entries are called: the package, or the repository itself.
    pub(super) name: String,
    /// Where it is, as a reference has it.
    pub(super) location: String,
    /// The store.
    pub(super) store: Arc<dyn Store>,
    /// What of it is wanted.
    pub(super) which: Which,
}

/// What of a repository is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    /// Its versions; where it has none, its other tags.
    All,
    /// What one name stands for.
    One(Name),
}

/// What was read of a repository.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Its tags.
    pub(super) entries: Vec<Entry>,
    /// Manifests that were not known.
    pub(super) records: Vec<Record>,
    /// Manifests that are no components.
    pub(super) others: Vec<Digest>,
    /// Stubs that were made, by manifest.
    pub(super) stubs: BTreeMap<Digest, Vec<u8>>,
    /// Manifests that name other imports or exports than their roots have.
    pub(super) corrected: Vec<Digest>,
    /// What could not be read.
    pub(super) failures: Vec<Failed>,
}

impl Reading {
    /// Takes in what was read elsewhere.
    pub(super) fn add(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.records.extend(other.records);
        self.others.extend(other.others);
        self.stubs.extend(other.stubs);
        self.corrected.extend(other.corrected);
        self.failures.extend(other.failures);
    }
}

/// A repository, or a tag of it, that could not be read.
#[derive(Debug)]
pub(super) struct Failed {
    /// The repository.
    pub(super) location: String,
    /// The tag; all of them where there is none.
    pub(super) tag: Option<String>,
    /// Why.
    pub(super) error: package::Error,
}

impl Failed {
    /// Returns whether what was known before may still hold, as nobody says that it is gone.
    pub(super) fn may_hold(&self) -> bool {
        self.error.kind() != error::Kind::NotFound
    }
}

/// How repositories are read.
pub(super) struct Reader<'a> {
    /// What need not be read again.
    pub(super) known: &'a Known,
    /// The session.
    pub(super) session: &'a Session,
    /// How many requests are under way, of all repositories together.
    pub(super) slots: &'a Semaphore,
}

impl Reader<'_> {
    /// Reads one repository. What fails is noted, and the rest goes on.
    pub(super) async fn read(&self, repository: &Repository) -> Reading {
        let mut reading = Reading::default();
        let (names, marked) = match self.names(repository).await {
            Ok(named) => named,
            // A repository whose last tag went away is listed for some time.
            Err(package::Error::Store(store::Error::NotFound { .. }))
                if repository.which == Which::All =>
            {
                return reading;
            }
            Err(error) => {
                reading.failures.push(Failed {
                    location: repository.location.clone(),
                    tag: None,
                    error,
                });
                return reading;
            }
        };
        let mut names = names.into_iter();
        // Other images have versions too: where the newest is one, the older ones are not looked at.
        if let Some(newest) = names.next() {
            let found = self.tag(repository, newest, &marked, &mut reading).await;
            if found == Some(Form::Other) {
                return reading;
            }
        }
        let rest = stream::iter(names).map(|name| {
            let marked = &marked;
            async move {
                let mut part = Reading::default();
                self.tag(repository, name, marked, &mut part).await;
                part
            }
        });
        let parts: Vec<Reading> = rest.buffered(TAGS_AT_ONCE).collect().await;
        for part in parts {
            reading.add(part);
        }
        reading
    }

    /// Returns the tags that are wanted, the newest first, and the manifests that have a yank mark, where tags were
    /// listed.
    async fn names(
        &self,
        repository: &Repository,
    ) -> Result<(Vec<Name>, Option<HashSet<Digest>>), package::Error> {
        if let Which::One(name) = &repository.which {
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

    async fn tag(
        &self,
        repository: &Repository,
        name: Name,
        marked: &Option<HashSet<Digest>>,
        reading: &mut Reading,
    ) -> Option<Form> {
        match self.read_tag(repository, &name, marked, reading).await {
            Ok(form) => Some(form),
            Err(error) => {
                reading.failures.push(Failed {
                    location: repository.location.clone(),
                    tag: Some(name.to_string()),
                    error,
                });
                None
            }
        }
    }

    async fn read_tag(
        &self,
        repository: &Repository,
        name: &Name,
        marked: &Option<HashSet<Digest>>,
        reading: &mut Reading,
    ) -> Result<Form, package::Error> {
        let _slot = self.slot().await?;
        let store = repository.store.as_ref();
        let digest = store.resolve(name).await?;
        if self.known.others.contains(&digest) {
            reading.others.push(digest);
            return Ok(Form::Other);
        }
        if !self.known.records.contains(&digest) {
            let opened = pull::open(store, &Name::Digest(digest), self.session).await;
            match opened {
                Ok(opened) => {
                    let mut record = record_of(store, &opened, self.session).await?;
                    if may_be_wit_package(&opened, &record) {
                        let stub = pull::stub_of(store, &opened, self.session);
                        match stub.await {
                            // What has no stub stays what its manifest says.
                            Err(error::Error::Stub(_)) => {}
                            stub => {
                                let (stub, _) = stub?;
                                if let Ok(corrected) = record.correct(&stub) {
                                    reading.corrected.extend(corrected.then_some(digest));
                                    reading.stubs.insert(digest, stub);
                                }
                            }
                        }
                    }
                    reading.records.push(record);
                }
                Err(error::Error::Foreign { .. }) => {
                    reading.others.push(digest);
                    return Ok(Form::Other);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let tag = name.to_string();
        let may_be_marked = marked
            .as_ref()
            .is_none_or(|marked| marked.contains(&digest));
        let mark = match may_be_marked {
            true => match self.mark(repository, &tag, &digest).await {
                // Whose tags were not listed, may have none.
                Err(package::Error::Store(store::Error::NotFound { .. })) if marked.is_none() => {
                    None
                }
                mark => Some(mark?),
            },
            false => None,
        };
        reading.entries.push(Entry {
            name: repository.name.clone(),
            location: repository.location.clone(),
            version: tag_version(&tag),
            tag,
            digest,
            yanked: mark.is_some_and(|(_, yanked)| yanked),
            mark: mark.map(|(mark, _)| mark),
        });
        Ok(Form::Component)
    }

    /// Returns the mark of a manifest and whether it says that it is yanked.
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

/// Returns what a manifest that was opened says of its component. Names of imports and exports are its claim, until
/// its root [says them](Record::correct).
pub(super) async fn record_of(
    store: &dyn Store,
    opened: &Opened,
    session: &Session,
) -> Result<Record, error::Error> {
    let externs = match &opened.artifact {
        Artifact::Split(split) => Some(Externs {
            imports: split.config.imports.clone(),
            exports: split.config.exports.clone(),
        }),
        Artifact::Flat(flat) => {
            let described = pull::describe(store, flat, session).await?;
            let FlatDescription {
                os,
                imports,
                exports,
            } = described;
            let says = os.is_some() || !imports.is_empty() || !exports.is_empty();
            says.then_some(Externs { imports, exports })
        }
    };
    let layers = opened.layers().map(|layer| RecordLayer {
        content: layer.content,
        blob: layer.blob,
    });
    let record = Record {
        digest: opened.digest,
        split: opened.split().is_some(),
        content: opened.content(),
        externs,
        description: None,
        licenses: None,
        layers: layers.collect(),
        wit: false,
    };
    Ok(record.described(opened.annotations()))
}

/// The largest root that is fetched to see whether it is that of a WIT package, in bytes as stored.
const MAX_WIT_BYTES: u64 = 256 * 1024;

/// Whether names do not tell, and little has to be fetched that does. Nothing of a WIT package leaves the root.
fn may_be_wit_package(opened: &Opened, record: &Record) -> bool {
    let mut layers = opened.layers();
    let is_small = layers
        .next()
        .is_some_and(|root| root.blob.size <= MAX_WIT_BYTES);
    let may_be = |Externs { imports, exports }: &Externs| {
        world::may_name_wit_package(imports, exports)
            || opened.split().is_none() && world::may_list_wit_package(imports, exports)
    };
    is_small && layers.next().is_none() && record.externs.as_ref().is_some_and(may_be)
}

/// What a manifest turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Component,
    Other,
}
