//! Writing into the index: sources, what they have, and the lists that answers come from.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::forget::forget;
use super::number::number;
use super::record::{Entry, Record};
use super::sources::{self, Source};
use super::writer::{OWN, Writer};
use super::{Error, Index, Known, extract};
use crate::digest::Digest;
use crate::reference::package::Version;

/// What is known of a source.
#[derive(Debug, Clone)]
pub struct Status {
    /// The source.
    pub source: Source,
    /// When it was last read, in seconds since 1970.
    pub updated: Option<i64>,
    /// How many of its artifacts could not be read then.
    pub failures: u32,
    /// How many packages and other names it has.
    pub packages: u32,
    /// How many versions and other tags.
    pub entries: u32,
    /// The manifest of a shared index that was read.
    pub state: Option<Digest>,
}

/// All that a source has, to take the place of what it had.
#[derive(Debug, Default)]
pub struct Filled {
    /// The tags.
    pub entries: Vec<Entry>,
    /// What is known of manifests that were not known yet.
    pub records: Vec<Record>,
    /// Stubs that a shared index has, by manifest.
    pub stubs: BTreeMap<Digest, Vec<u8>>,
    /// Manifests that are no components.
    pub others: Vec<Digest>,
    /// The manifest of a shared index.
    pub state: Option<Digest>,
    /// How much could not be read.
    pub failures: u32,
    /// Repositories, and tags of them, of which what was known before is kept.
    pub kept: Vec<(String, Option<String>)>,
    /// When it was read, in seconds since 1970.
    pub now: i64,
}

/// What became of what a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// It is in the index.
    Done,
    /// Nothing was written: entries name manifests of which the index knows nothing (any more), so the source has to
    /// be read again.
    Forgotten,
    /// Nothing was written: the source was removed meanwhile.
    Removed,
}

/// Repositories, and tags of them, of which what was known is kept.
struct Kept<'a>(HashSet<(&'a str, Option<&'a str>)>);

impl<'a> Kept<'a> {
    fn of(filled: &'a Filled) -> Self {
        let kept = filled.kept.iter();
        Self(
            kept.map(|(location, tag)| (location.as_str(), tag.as_deref()))
                .collect(),
        )
    }

    fn has(&self, entry: &Entry) -> bool {
        let location = entry.location.as_str();
        self.0.contains(&(location, None)) || self.0.contains(&(location, Some(&entry.tag)))
    }
}

impl Index {
    /// Adds a source, of which nothing is known yet. Returns whether it is new.
    pub fn add_source(&mut self, source: &Source) -> Result<bool, Error> {
        let _locked = self.lock()?;
        let added = add(&self.connection, source).map_err(Error::sqlite(&self.path))?;
        self.keep_sources(None)?;
        Ok(added)
    }

    /// Removes a source and what it has, also what it claims.
    pub fn remove_source(&mut self, source: &Source) -> Result<(), Error> {
        let _locked = self.lock()?;
        let mut remove = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let text = text_of(source);
            transaction.execute(
                "DELETE FROM entry WHERE source = (SELECT id FROM source WHERE source = ?1)",
                [&text],
            )?;
            transaction.execute(
                "DELETE FROM other WHERE source = (SELECT id FROM source WHERE source = ?1)",
                [&text],
            )?;
            transaction.execute("DELETE FROM source WHERE source = ?1", [&text])?;
            forget(&transaction)?;
            number(&transaction)?;
            transaction.commit()
        };
        remove().map_err(Error::sqlite(&self.path))?;
        self.keep_sources(Some(source))
    }

    /// Writes the list of sources, but for one that was removed. What another version of wharf added stays in it.
    fn keep_sources(&self, removed: Option<&Source>) -> Result<(), Error> {
        let file = self.sources_file();
        let mut sources: Vec<Source> = self.sources()?.into_iter().map(|own| own.source).collect();
        for listed in sources::read(&file)? {
            if !sources.contains(&listed) {
                sources.push(listed);
            }
        }
        sources.retain(|source| Some(source) != removed);
        sources::write(&file, sources)
    }

    /// Returns the sources in the order in which they were added.
    pub fn sources(&self) -> Result<Vec<Status>, Error> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT source, updated, failures, state,
                    (SELECT count(DISTINCT name) FROM entry WHERE entry.source = source.id),
                    (SELECT count(*) FROM entry WHERE entry.source = source.id)
                 FROM source ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Status {
                    source: source_of(row, 0)?,
                    updated: row.get(1)?,
                    failures: row.get(2)?,
                    state: row.get::<_, Option<Vec<u8>>>(3)?.and_then(digest_of),
                    packages: row.get(4)?,
                    entries: row.get(5)?,
                })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Returns what need not be read again.
    pub fn known(&self) -> Result<Known, Error> {
        let read = || {
            let mut known = Known::default();
            let mut statement = self
                .connection
                .prepare("SELECT digest FROM artifact WHERE claim = 0")?;
            for digest in statement.query_map([], |row| row.get(0))? {
                known.records.extend(digest_of(digest?));
            }
            let mut statement = self
                .connection
                .prepare("SELECT DISTINCT digest FROM other")?;
            for digest in statement.query_map([], |row| row.get(0))? {
                known.others.extend(digest_of(digest?));
            }
            // What an index claims of a place says nothing of what is read there.
            let mut statement = self.connection.prepare(
                "SELECT location, tag, mark, said FROM entry JOIN source ON source.id = entry.source
                 WHERE mark IS NOT NULL AND NOT shared",
            )?;
            let marks = statement.query_map([], |row| {
                Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))
            })?;
            for mark in marks {
                let (tag, (mark, yanked)) = mark?;
                if let Some(mark) = digest_of(mark) {
                    known.marks.insert(tag, (mark, yanked));
                }
            }
            Ok(known)
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Returns the entries of a source.
    pub fn entries_of(&self, source: &Source) -> Result<Vec<Entry>, Error> {
        let read = || {
            let select = "SELECT id FROM source WHERE source = ?1";
            let id = self
                .connection
                .query_row(select, [text_of(source)], |row| row.get(0))
                .optional()?;
            id.map_or(Ok(Vec::new()), |id| entries_of(&self.connection, id))
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Puts what a source has in the place of what it had. A source that is not there any more is not added again.
    pub fn fill(&mut self, source: &Source, filled: &Filled) -> Result<Filling, Error> {
        let mut write = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let select = "SELECT id FROM source WHERE source = ?1";
            let id = transaction.query_row(select, [text_of(source)], |row| row.get(0));
            let Some(id) = id.optional()? else {
                return Ok(Filling::Removed);
            };
            let before = entries_of(&transaction, id)?;
            let kept = Kept::of(filled);
            let mut after = filled.entries.clone();
            after.extend(before.iter().filter(|entry| kept.has(entry)).cloned());
            after.sort();
            let changed = before != after || !filled.records.is_empty();
            if changed {
                let claim = if source.is_shared() { id } else { OWN };
                let mut writer = Writer::new(&transaction, claim);
                writer.records(&filled.records, &filled.stubs)?;
                if !writer.entries(id, &after)? {
                    return Ok(Filling::Forgotten);
                }
                forget(&transaction)?;
            }
            others(&transaction, id, filled)?;
            let state = filled.state.as_ref().map(Digest::bytes);
            transaction.execute(
                "UPDATE source SET updated = ?2, failures = ?3, state = ?4 WHERE id = ?1",
                params![id, filled.now, filled.failures, state],
            )?;
            // Of two that say different things of a tag, the one that was read last is believed.
            if changed || is_disputed(&transaction, id)? {
                number(&transaction)?;
            }
            transaction.commit()?;
            Ok(Filling::Done)
        };
        write().map_err(Error::sqlite(&self.path))
    }

    /// Takes in what was read of manifests with the stubs made of their roots; claims give way to it.
    pub fn learn(&mut self, learned: &[(Record, Vec<u8>)]) -> Result<(), Error> {
        let mut write = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut changed = false;
            for (record, stub) in learned {
                let known = extract::record(&transaction, &record.digest, OWN)?;
                let mut writer = Writer::new(&transaction, OWN);
                if known.as_ref() != Some(record) {
                    writer.record(record)?;
                    changed = true;
                }
                writer.stub(&record.digest, stub)?;
            }
            if changed {
                prefer_own(&transaction)?;
                forget(&transaction)?;
                number(&transaction)?;
            }
            transaction.commit()
        };
        write().map_err(Error::sqlite(&self.path))
    }
}

/// Notes the manifests of a source that are no components.
fn others(transaction: &Transaction<'_>, source: i64, filled: &Filled) -> rusqlite::Result<()> {
    // What could not be read may still have those of before.
    if filled.kept.is_empty() {
        transaction.execute("DELETE FROM other WHERE source = ?1", [source])?;
    }
    let mut insert =
        transaction.prepare("INSERT OR IGNORE INTO other (source, digest) VALUES (?1, ?2)")?;
    for digest in &filled.others {
        insert.execute(params![source, digest.bytes()])?;
    }
    Ok(())
}

/// Adds a source to the table. Returns whether it is new.
pub(super) fn add(connection: &Connection, source: &Source) -> rusqlite::Result<bool> {
    let insert = "INSERT OR IGNORE INTO source (source, shared) VALUES (?1, ?2)";
    Ok(connection.execute(insert, params![text_of(source), source.is_shared()])? > 0)
}

/// Returns whether another source of the same kind says something else of a tag.
fn is_disputed(connection: &Connection, source: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare(
        "SELECT EXISTS (SELECT 1 FROM source AS mine
            JOIN source AS other ON other.shared = mine.shared AND other.id != mine.id
            JOIN entry AS one ON one.source = mine.id
            JOIN entry AS two ON two.source = other.id AND two.location = one.location AND two.tag = one.tag
            WHERE mine.id = ?1 AND (two.artifact != one.artifact OR two.said != one.said))",
    )?;
    statement.query_row([source], |row| row.get(0))
}

fn text_of(source: &Source) -> String {
    serde_json::to_string(source).unwrap_or_default()
}

pub(super) fn source_of(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Source> {
    let text: String = row.get(at)?;
    serde_json::from_str(&text).map_err(|error| unreadable(at, error))
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let kind = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
}

/// Lets entries name what this machine read, where they name a claim.
pub(super) fn prefer_own(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE entry SET artifact = (SELECT own.id FROM artifact AS claimed
            JOIN artifact AS own ON own.digest = claimed.digest AND own.claim = 0
            WHERE claimed.id = entry.artifact)
         WHERE artifact IN (SELECT claimed.id FROM artifact AS claimed
            JOIN artifact AS own ON own.digest = claimed.digest AND own.claim = 0
            WHERE claimed.claim != 0)",
        [],
    )?;
    Ok(())
}

fn digest_of(bytes: Vec<u8>) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::from_bytes)
}

/// Reads a digest from a column.
pub(super) fn digest_at(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Digest> {
    let bytes = row.get_ref(at)?.as_blob()?.try_into();
    bytes.map(Digest::from_bytes).map_err(|_| {
        let kind = rusqlite::types::Type::Blob;
        rusqlite::Error::InvalidColumnType(at, "digest".to_owned(), kind)
    })
}

/// Reads the columns of [`ENTRY`] from the column `at` on.
pub(super) fn entry_of(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Entry> {
    let version: Option<String> = row.get(at + 3)?;
    let version = version.map(|version| Version::parse(&version)).transpose();
    Ok(Entry {
        name: row.get(at)?,
        location: row.get(at + 1)?,
        tag: row.get(at + 2)?,
        version: version.map_err(|error| unreadable(at + 3, error))?,
        digest: digest_at(row, at + 4)?,
        yanked: row.get(at + 5)?,
        mark: row.get::<_, Option<Vec<u8>>>(at + 6)?.and_then(digest_of),
    })
}

/// The columns of an entry, where its artifact is joined.
pub(super) const ENTRY: &str = "entry.name, entry.location, entry.tag, entry.version, artifact.digest, \
     entry.yanked, entry.mark";

/// The same, as the source says it.
pub(super) const SAID: &str = "entry.name, entry.location, entry.tag, entry.version, artifact.digest, \
     entry.said, entry.mark";

fn entries_of(connection: &Connection, source: i64) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {SAID} FROM entry JOIN artifact ON artifact.id = entry.artifact WHERE source = ?1"
    ))?;
    let entries = statement.query_map([source], |row| entry_of(row, 0))?;
    let mut entries: Vec<Entry> = entries.collect::<rusqlite::Result<_>>()?;
    entries.sort();
    Ok(entries)
}
