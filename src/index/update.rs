//! Updates: sources are read, and their contents are imported.

use std::collections::BTreeSet;

use super::checked::CheckedIndex;
use super::error::Error;
use super::event::{Event, EventHandler, ReadFailure};
use super::import::ImportOutcome;
use super::reader::SourceReading;
use super::sources::IndexSource;
use crate::package::Locator;

/// How often a source is read if the index keeps losing data, before the update fails.
const ATTEMPTS: u32 = 3;

/// Reads sources into the index.
pub struct Updater<'a> {
    pub(super) locator: &'a Locator<'a>,
    pub(super) watch: EventHandler<'a>,
}

/// The result of an update.
#[derive(Debug, Default)]
pub struct UpdateReport {
    /// The sources that were read.
    pub sources: Vec<SourceReport>,
    /// The sources, repositories and artifacts that could not be read.
    pub unread: Vec<ReadFailure>,
}

/// The result for one source.
#[derive(Debug)]
pub struct SourceReport {
    /// The source.
    pub source: IndexSource,
    /// The number of its packages.
    pub packages: usize,
    /// The number of its versions.
    pub versions: usize,
    /// The number of manifests that the index did not have.
    pub new: usize,
}

impl<'a> Updater<'a> {
    /// Returns an updater.
    pub fn new(locator: &'a Locator<'a>, watch: EventHandler<'a>) -> Self {
        Self { locator, watch }
    }

    /// Reads sources and adds them. A source without anything readable is not added; if it is the only one, this
    /// fails.
    pub async fn add(
        &self,
        index: &mut CheckedIndex<'_>,
        sources: &[IndexSource],
    ) -> Result<UpdateReport, Error> {
        self.refresh(index, true, false, |_| Ok(sources.to_vec()))
            .await
    }

    /// Reads all sources of the index again. Manifests in the index are fetched only if `all` is set.
    pub async fn update(
        &self,
        index: &mut CheckedIndex<'_>,
        all: bool,
    ) -> Result<UpdateReport, Error> {
        index.run(|index| index.check())?;
        let known = |index: &mut CheckedIndex<'_>| {
            let statuses = index.run(|index| index.sources())?;
            match statuses.is_empty() {
                true => Err(Error::Empty),
                false => Ok(statuses.into_iter().map(|status| status.source).collect()),
            }
        };
        self.refresh(index, false, all, known).await
    }

    /// Reads sources and imports them. If the index was rebuilt meanwhile, all are read again. Fails if nothing of
    /// a single new source can be read.
    async fn refresh(
        &self,
        index: &mut CheckedIndex<'_>,
        is_new: bool,
        all: bool,
        sources: impl Fn(&mut CheckedIndex<'_>) -> Result<Vec<IndexSource>, Error>,
    ) -> Result<UpdateReport, Error> {
        for _attempt in 0..ATTEMPTS {
            let wanted = sources(index)?;
            let rebuilds = index.rebuilds();
            let mut report = UpdateReport::default();
            for source in &wanted {
                match self.import(source, index, is_new, all).await {
                    Ok(Some((source, read))) => report.add(source, read, self.watch),
                    Ok(None) => (self.watch)(Event::Removed(source)),
                    Err(error) if is_new && wanted.len() == 1 => return Err(error),
                    Err(error) => {
                        let what = source.to_string();
                        report.fail(ReadFailure { what, error }, self.watch);
                    }
                }
            }
            if index.rebuilds() == rebuilds {
                return Ok(report);
            }
        }
        Err(Error::Unstable)
    }

    /// Reads a source and imports it. If the index lost records that were therefore not read, the source is read
    /// again. Returns nothing if the source was removed meanwhile.
    async fn import(
        &self,
        source: &IndexSource,
        index: &mut CheckedIndex<'_>,
        is_new: bool,
        all: bool,
    ) -> Result<Option<(IndexSource, SourceReading)>, Error> {
        for attempt in 0..ATTEMPTS {
            let all = all || attempt > 0;
            let (source, read) = match is_new {
                true => {
                    let (source, read) = self.new_source(source, index, all).await?;
                    (source, read.ensure_read()?)
                }
                false => (source.clone(), self.read(source, index, all).await?),
            };
            let imported = index.run(|index| {
                if is_new {
                    index.add_source(&source)?;
                }
                index.import(&source, &read.contents)
            })?;
            match imported {
                ImportOutcome::Done => return Ok(Some((source, read))),
                ImportOutcome::Removed => return Ok(None),
                ImportOutcome::Unknown => {}
            }
        }
        Err(Error::Unstable)
    }
}

impl UpdateReport {
    fn add(&mut self, source: IndexSource, read: SourceReading, watch: EventHandler<'_>) {
        let mut packages = BTreeSet::new();
        for entry in &read.contents.entries {
            packages.insert(&entry.name);
            if read.corrected.contains(&entry.digest) {
                let reference = &entry.reference();
                watch(Event::Corrected { reference });
            }
        }
        self.sources.push(SourceReport {
            source,
            packages: packages.len(),
            versions: read.contents.entries.len(),
            new: read.contents.records.len(),
        });
        for unread in read.unread {
            self.fail(unread, watch);
        }
    }

    fn fail(&mut self, unread: ReadFailure, watch: EventHandler<'_>) {
        watch(Event::Unread(&unread));
        self.unread.push(unread);
    }
}
