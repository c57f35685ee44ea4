//! Reading out of the index: what is shared with others, and the worlds of components.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::fill::{ENTRY, entry_of};
use super::postings;
use super::query::{identity, layer_of};
use super::record::{Entry, Externs, Record};
use super::shared::Shared;
use super::{Error, Index};
use crate::digest::Digest;

impl Index {
    /// Returns the entries that are wanted, with all that is known of what they name.
    pub fn extract(&self, wanted: impl Fn(&Entry) -> bool) -> Result<Shared, Error> {
        let read = || {
            let snapshot = self.connection.unchecked_transaction()?;
            let mut shared = Shared::default();
            let mut statement = snapshot.prepare(&format!(
                "SELECT {ENTRY} FROM entry JOIN artifact ON artifact.id = entry.artifact
                 WHERE entry.row IS NOT NULL ORDER BY entry.row"
            ))?;
            let mut seen = HashSet::new();
            for entry in statement.query_map([], |row| entry_of(row, 0))? {
                let entry = entry?;
                if !wanted(&entry) {
                    continue;
                }
                if seen.insert(entry.digest) {
                    let record = record(&snapshot, &entry.digest)?;
                    let content = record.content.digest;
                    if let Some(world) = world(&snapshot, &content)? {
                        shared.worlds.insert(content, world);
                    }
                    shared.records.push(record);
                }
                shared.entries.push(entry);
            }
            Ok(shared)
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Returns the encoded world of a component, if it is known.
    pub fn world(&self, content: &Digest) -> Result<Option<Vec<u8>>, Error> {
        world(&self.connection, content).map_err(Error::sqlite(&self.path))
    }

    /// Keeps encoded worlds, by content digest, where there are none yet.
    pub fn keep_worlds(&mut self, worlds: &BTreeMap<Digest, Vec<u8>>) -> Result<(), Error> {
        let mut write = || {
            let transaction = self.connection.transaction()?;
            let mut insert = transaction
                .prepare("INSERT OR IGNORE INTO world (content, encoded) VALUES (?1, ?2)")?;
            for (content, encoded) in worlds {
                insert.execute(params![content.bytes(), encoded])?;
            }
            drop(insert);
            transaction.commit()
        };
        write().map_err(Error::sqlite(&self.path))
    }
}

fn world(connection: &Connection, content: &Digest) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT encoded FROM world WHERE content = ?1")?
        .query_row([content.bytes()], |row| row.get(0))
        .optional()
}

/// Lists of ids, as an artifact has them.
struct Ids {
    imports: Option<Vec<u8>>,
    exports: Option<Vec<u8>>,
    layers: Vec<u8>,
}

fn record(connection: &Connection, digest: &Digest) -> rusqlite::Result<Record> {
    let mut statement = connection.prepare_cached(
        "SELECT content, content_size, split, description, licenses, imports, exports, layers
         FROM artifact WHERE digest = ?1",
    )?;
    let (mut record, ids) = statement.query_row([digest.bytes()], |row| {
        let record = Record {
            digest: *digest,
            split: row.get(2)?,
            content: identity(row, 0)?,
            externs: None,
            description: row.get(3)?,
            licenses: row.get(4)?,
            layers: Vec::new(),
        };
        let ids = Ids {
            imports: row.get(5)?,
            exports: row.get(6)?,
            layers: row.get(7)?,
        };
        Ok((record, ids))
    })?;
    if let (Some(imports), Some(exports)) = (&ids.imports, &ids.exports) {
        record.externs = Some(Externs {
            imports: names(connection, imports)?,
            exports: names(connection, exports)?,
        });
    }
    for layer in postings::numbers(&ids.layers) {
        record.layers.push(layer_of(connection, layer)?);
    }
    Ok(record)
}

fn names(connection: &Connection, ids: &[u8]) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM interface WHERE id = ?1")?;
    let names = postings::numbers(ids).map(|id| statement.query_row([id], |row| row.get(0)));
    names.collect()
}
