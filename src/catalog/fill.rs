//! Writing into the index: sources, what they have, and the lists that answers come from.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::forget::forget;
use super::number::number;
use super::record::{Entry, Externs, Record, RecordLayer};
use super::sources::{self, Source};
use super::{Error, Index, Known, interface, postings};
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
    /// Manifests that are no components.
    pub others: Vec<Digest>,
    /// The manifest of a shared index. What it says of others is claimed, and gives way to what was read.
    pub state: Option<Digest>,
    /// How much could not be read.
    pub failures: u32,
    /// Repositories, and tags of them, of which what was known before is kept.
    pub kept: Vec<(String, Option<String>)>,
    /// When it was read, in seconds since 1970.
    pub now: i64,
}

impl Filled {
    fn keeps(&self, entry: &Entry) -> bool {
        let kept = |(location, tag): &(String, Option<String>)| {
            *location == entry.location && tag.as_ref().is_none_or(|tag| *tag == entry.tag)
        };
        self.kept.iter().any(kept)
    }
}

impl Index {
    /// Adds a source, of which nothing is known yet. Returns whether it is new.
    pub fn add_source(&mut self, source: &Source) -> Result<bool, Error> {
        let text = text_of(source);
        let insert = "INSERT OR IGNORE INTO source (source) VALUES (?1)";
        let added = self.connection.execute(insert, [text]);
        let added = added.map_err(Error::sqlite(&self.path))? > 0;
        self.keep_sources()?;
        Ok(added)
    }

    /// Removes a source and what it has.
    pub fn remove_source(&mut self, source: &Source) -> Result<(), Error> {
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
        self.keep_sources()
    }

    fn keep_sources(&self) -> Result<(), Error> {
        let statuses = self.sources()?;
        let sources = statuses.into_iter().map(|status| status.source);
        sources::write(&self.sources_file(), sources.collect())
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
                let text: String = row.get(0)?;
                let source = serde_json::from_str(&text).map_err(|error| unreadable(0, error))?;
                Ok(Status {
                    source,
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
                .prepare("SELECT digest FROM artifact WHERE read")?;
            for digest in statement.query_map([], |row| row.get(0))? {
                known.records.extend(digest_of(digest?));
            }
            let mut statement = self
                .connection
                .prepare("SELECT DISTINCT digest FROM other")?;
            for digest in statement.query_map([], |row| row.get(0))? {
                known.others.extend(digest_of(digest?));
            }
            let mut statement = self
                .connection
                .prepare("SELECT location, tag, mark, yanked FROM entry WHERE mark IS NOT NULL")?;
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

    /// Puts what a source has in the place of what it had.
    pub fn fill(&mut self, source: &Source, filled: &Filled) -> Result<(), Error> {
        let text = text_of(source);
        let mut write = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("INSERT OR IGNORE INTO source (source) VALUES (?1)", [&text])?;
            let id: i64 = transaction.query_row(
                "SELECT id FROM source WHERE source = ?1",
                [&text],
                |row| row.get(0),
            )?;
            let before = entries_of(&transaction, id)?;
            let mut after = filled.entries.clone();
            after.extend(before.iter().filter(|entry| filled.keeps(entry)).cloned());
            after.sort();
            let changed = before != after || !filled.records.is_empty();
            if changed {
                Writer::new(&transaction, filled.state.is_none()).write(
                    id,
                    &after,
                    &filled.records,
                )?;
                forget(&transaction)?;
                number(&transaction)?;
            }
            others(&transaction, id, filled)?;
            let state = filled.state.as_ref().map(Digest::bytes);
            transaction.execute(
                "UPDATE source SET updated = ?2, failures = ?3, state = ?4 WHERE id = ?1",
                params![id, filled.now, filled.failures, state],
            )?;
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

fn text_of(source: &Source) -> String {
    serde_json::to_string(source).unwrap_or_default()
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let kind = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
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

fn entries_of(connection: &Connection, source: i64) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {ENTRY} FROM entry JOIN artifact ON artifact.id = entry.artifact WHERE source = ?1"
    ))?;
    let entries = statement.query_map([source], |row| entry_of(row, 0))?;
    let mut entries: Vec<Entry> = entries.collect::<rusqlite::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

/// Writes artifacts and entries.
struct Writer<'a> {
    transaction: &'a Transaction<'a>,
    /// Whether records were read from the manifests themselves.
    read: bool,
    interfaces: HashMap<String, u32>,
    layers: HashMap<RecordLayer, u32>,
}

impl<'a> Writer<'a> {
    fn new(transaction: &'a Transaction<'a>, read: bool) -> Self {
        Self {
            transaction,
            read,
            interfaces: HashMap::new(),
            layers: HashMap::new(),
        }
    }

    fn write(
        &mut self,
        source: i64,
        entries: &[Entry],
        records: &[Record],
    ) -> rusqlite::Result<()> {
        for record in records {
            self.record(record)?;
        }
        let all = "DELETE FROM entry WHERE source = ?1";
        self.transaction.execute(all, [source])?;
        let mut insert = self.transaction.prepare(
            "INSERT OR REPLACE INTO entry (source, artifact, name, location, tag, version, yanked, mark)
             SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8 FROM artifact WHERE digest = ?2",
        )?;
        for entry in entries {
            insert.execute(params![
                source,
                entry.digest.bytes(),
                entry.name,
                entry.location,
                entry.tag,
                entry.version.as_ref().map(Version::to_string),
                entry.yanked,
                entry.mark.as_ref().map(Digest::bytes),
            ])?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> rusqlite::Result<()> {
        let mut lists = [None, None];
        if let Some(Externs { imports, exports }) = &record.externs {
            for (list, names) in lists.iter_mut().zip([imports, exports]) {
                let ids = names.iter().map(|name| self.interface(name));
                let ids: Vec<u32> = ids.collect::<rusqlite::Result<_>>()?;
                *list = Some(postings::write_numbers(ids));
            }
        }
        let layers = record.layers.iter().map(|layer| self.layer(layer));
        let layers: Vec<u32> = layers.collect::<rusqlite::Result<_>>()?;
        let [imports, exports] = lists;
        // One that is read again keeps its id, which entries have.
        self.transaction
            .prepare_cached(
                "INSERT INTO artifact (digest, split, content, content_size, imports, exports,
                    description, licenses, layers, read)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (digest) DO UPDATE SET split = ?2, content = ?3, content_size = ?4,
                    imports = ?5, exports = ?6, description = ?7, licenses = ?8, layers = ?9,
                    read = ?10 WHERE read <= ?10",
            )?
            .execute(params![
                record.digest.bytes(),
                record.split,
                record.content.digest.bytes(),
                record.content.size as i64,
                imports,
                exports,
                record.description,
                record.licenses,
                postings::write_numbers(layers),
                self.read,
            ])?;
        Ok(())
    }

    fn interface(&mut self, name: &str) -> rusqlite::Result<u32> {
        if let Some(id) = self.interfaces.get(name) {
            return Ok(*id);
        }
        let (path, _) = interface::split_version(name);
        self.transaction
            .prepare_cached("INSERT OR IGNORE INTO interface (name, path) VALUES (?1, ?2)")?
            .execute([name, path])?;
        let id = self
            .transaction
            .prepare_cached("SELECT id FROM interface WHERE name = ?1")?
            .query_row([name], |row| row.get(0))?;
        self.interfaces.insert(name.to_owned(), id);
        Ok(id)
    }

    fn layer(&mut self, layer: &RecordLayer) -> rusqlite::Result<u32> {
        if let Some(id) = self.layers.get(layer) {
            return Ok(*id);
        }
        let RecordLayer { content, blob } = layer;
        let select = "SELECT id FROM layer WHERE content = ?1 AND blob = ?2";
        let found = self
            .transaction
            .prepare_cached(select)?
            .query_row(
                params![content.digest.bytes(), blob.digest.bytes()],
                |row| row.get(0),
            )
            .optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                self.transaction
                    .prepare_cached(
                        "INSERT INTO layer (content, content_size, blob, blob_size) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![
                        content.digest.bytes(),
                        content.size as i64,
                        blob.digest.bytes(),
                        blob.size as i64
                    ])?;
                u32::try_from(self.transaction.last_insert_rowid()).unwrap_or(u32::MAX)
            }
        };
        self.layers.insert(*layer, id);
        Ok(id)
    }
}
