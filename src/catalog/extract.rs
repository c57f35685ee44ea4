//! Reading out of the index: what is shared with others, and the stubs of components.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use rusqlite::{Connection, OptionalExtension, params};

use super::fill::{ENTRY, entry_of};
use super::postings;
use super::query::{Layers, identity};
use super::record::{Entry, Externs, Record};
use super::shared::Shared;
use super::{Error, Index};
use crate::digest::Digest;
use crate::encoding::{Decoder, Encoding, compress};

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
            let mut layers = Layers::new(&snapshot)?;
            for entry in statement.query_map([], |row| entry_of(row, 0))? {
                let entry = entry?;
                if !wanted(&entry) {
                    continue;
                }
                if seen.insert(entry.digest) {
                    let record = record(&snapshot, &entry.digest, &mut layers)?;
                    let content = record.content.digest;
                    if let Some(stub) = stub(&snapshot, &content)? {
                        shared.stubs.insert(content, stub);
                    }
                    shared.records.push(record);
                }
                shared.entries.push(entry);
            }
            Ok(shared)
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Returns the stub of a component, if it is known.
    pub fn stub(&self, content: &Digest) -> Result<Option<Vec<u8>>, Error> {
        stub(&self.connection, content).map_err(Error::sqlite(&self.path))
    }

    /// Keeps stubs, by content digest, where there are none yet.
    pub fn keep_stubs(&mut self, stubs: &BTreeMap<Digest, Vec<u8>>) -> Result<(), Error> {
        let mut write = || {
            let transaction = self.connection.transaction()?;
            let mut insert = transaction
                .prepare("INSERT OR IGNORE INTO stub (content, size, frame) VALUES (?1, ?2, ?3)")?;
            for (content, stub) in stubs {
                let mut frame = Vec::new();
                let size = stub.len() as u64;
                // One that does not get smaller is kept as it is, and has then its own size.
                let saves = compress(&mut stub.as_slice(), size, LEVEL, &mut frame);
                if !saves.map_err(unwritable)? {
                    frame.clone_from(stub);
                }
                insert.execute(params![content.bytes(), size as i64, frame])?;
            }
            drop(insert);
            transaction.commit()
        };
        write().map_err(Error::sqlite(&self.path))
    }
}

/// zstd's level for stubs, which are small.
const LEVEL: u8 = 9;

fn unwritable(error: std::io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

fn stub(connection: &Connection, content: &Digest) -> rusqlite::Result<Option<Vec<u8>>> {
    let kept = connection
        .prepare_cached("SELECT size, frame FROM stub WHERE content = ?1")?
        .query_row([content.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((size, frame)): Option<(i64, Vec<u8>)> = kept else {
        return Ok(None);
    };
    let size = size as u64;
    if frame.len() as u64 == size {
        return Ok(Some(frame));
    }
    let read = || {
        let mut stub = Vec::new();
        Decoder::new(frame.as_slice(), Encoding::Zstd, size)?.read_to_end(&mut stub)?;
        Ok::<_, std::io::Error>(stub)
    };
    read().map(Some).map_err(|error| {
        let kind = rusqlite::types::Type::Blob;
        rusqlite::Error::FromSqlConversionFailure(1, kind, Box::new(error))
    })
}

/// Lists of ids, as an artifact has them.
struct Ids {
    imports: Option<Vec<u8>>,
    exports: Option<Vec<u8>>,
    layers: Vec<u8>,
}

fn record(
    connection: &Connection,
    digest: &Digest,
    layers: &mut Layers<'_>,
) -> rusqlite::Result<Record> {
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
        record.layers.push(layers.get(layer)?);
    }
    Ok(record)
}

fn names(connection: &Connection, ids: &[u8]) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM interface WHERE id = ?1")?;
    let names = postings::numbers(ids).map(|id| statement.query_row([id], |row| row.get(0)));
    names.collect()
}
