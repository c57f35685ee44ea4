//! Rows of one file: sources, artifacts, entries and stubs.

use std::collections::{HashMap, hash_map};
use std::io::Read;

use roaring::RoaringBitmap;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::record::{Entry, Externs, Record, RecordLayer};
use super::schema::damage;
use super::sources::IndexSource;
use crate::digest::{Digest, Identity};
use crate::encoding::{Decoder, Encoding, compress};
use crate::reference::package::Version;
use crate::section::{ListDetails, NameDetails};

/// zstd's level for stubs, which are small.
const LEVEL: u8 = 9;

/// Adds a source. Returns whether it is new.
pub(super) fn add_source(connection: &Connection, source: &IndexSource) -> rusqlite::Result<bool> {
    let insert = "INSERT OR IGNORE INTO source (source) VALUES (?1)";
    Ok(connection.execute(insert, [text_of(source)])? > 0)
}

pub(super) fn source_id(
    connection: &Connection,
    source: &IndexSource,
) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row(
            "SELECT id FROM source WHERE source = ?1",
            [text_of(source)],
            |row| row.get(0),
        )
        .optional()
}

/// Returns the sources of a file with their ids, in the order in which they were added.
pub(super) fn sources(connection: &Connection) -> rusqlite::Result<Vec<(IndexSource, i64)>> {
    let mut statement = connection.prepare("SELECT source, id FROM source ORDER BY id")?;
    let sources = statement.query_map([], |row| {
        let text: String = row.get(0)?;
        let source = serde_json::from_str(&text).map_err(unreadable)?;
        Ok((source, row.get(1)?))
    })?;
    sources.collect()
}

fn text_of(source: &IndexSource) -> String {
    serde_json::to_string(source).unwrap_or_default()
}

fn unreadable(error: impl std::error::Error) -> rusqlite::Error {
    damage(error.to_string())
}

pub(super) fn digest_of(bytes: Vec<u8>) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::from_bytes)
}

pub(super) fn digest_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    let bytes = digest_of(row.get(column)?);
    bytes.ok_or_else(|| damage("a digest has another length".to_owned()))
}

/// Returns an identity as it is stored: the digest, then the size.
fn bytes_of_identity(identity: &Identity) -> Vec<u8> {
    [identity.digest.bytes(), &identity.size.to_be_bytes()].concat()
}

fn identity_of(bytes: &[u8]) -> rusqlite::Result<Identity> {
    let (digest, size) = bytes.split_at_checked(32).unwrap_or_default();
    match (digest_of(digest.to_vec()), size.try_into()) {
        (Some(digest), Ok(size)) => {
            let size = u64::from_be_bytes(size);
            Ok(Identity { digest, size })
        }
        _ => Err(damage("an identity has another length".to_owned())),
    }
}

fn ids(text: &str) -> rusqlite::Result<Vec<u32>> {
    serde_json::from_str(text).map_err(unreadable)
}

/// Reads a posting list.
pub(super) fn rows_at(row: &Row<'_>, column: usize) -> rusqlite::Result<RoaringBitmap> {
    let bytes = row.get_ref(column)?.as_blob()?;
    RoaringBitmap::deserialize_from(bytes).map_err(unreadable)
}

/// Returns a posting list as it is stored.
pub(super) fn bytes_of(rows: &RoaringBitmap) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(rows.serialized_size());
    rows.serialize_into(&mut bytes).map_err(unwritable)?;
    Ok(bytes)
}

fn unwritable(error: std::io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

/// The columns of an entry for [`entry_at`]. The table `artifact` has to be joined.
pub(super) const ENTRY: &str = "entry.name, entry.location, entry.tag, entry.version, artifact.digest, entry.yanked, entry.mark";

/// Reads the columns of [`ENTRY`].
pub(super) fn entry_at(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let version: Option<String> = row.get(3)?;
    let version = version.map(|version| Version::parse(&version)).transpose();
    Ok(Entry {
        name: row.get(0)?,
        location: row.get(1)?,
        tag: row.get(2)?,
        version: version.map_err(unreadable)?,
        digest: digest_at(row, 4)?,
        yanked: row.get(5)?,
        mark: row.get::<_, Option<Vec<u8>>>(6)?.and_then(digest_of),
    })
}

/// Returns an entry, and the id of its manifest's record.
pub(super) fn entry(connection: &Connection, id: i64) -> rusqlite::Result<Option<(Entry, i64)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {ENTRY}, artifact.id FROM entry JOIN artifact ON artifact.id = entry.artifact WHERE entry.id = ?1"
    ))?;
    let entry = statement.query_row([id], |row| Ok((entry_at(row)?, row.get(7)?)));
    entry.optional()
}

/// Returns the entries of a source, sorted.
pub(super) fn entries(connection: &Connection, source: i64) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {ENTRY} FROM entry JOIN artifact ON artifact.id = entry.artifact WHERE source = ?1"
    ))?;
    let entries = statement.query_map([source], entry_at)?;
    let mut entries: Vec<Entry> = entries.collect::<rusqlite::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

/// Replaces the entries of a source. The file must have their manifests.
pub(super) fn write_entries(
    connection: &Connection,
    source: i64,
    entries: &[Entry],
) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM entry WHERE source = ?1", [source])?;
    let mut insert = connection.prepare(
        "INSERT OR REPLACE INTO entry (source, artifact, name, location, tag, version, yanked, mark)
         SELECT ?1, artifact.id, ?3, ?4, ?5, ?6, ?7, ?8 FROM artifact WHERE digest = ?2",
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

pub(super) fn has_record(connection: &Connection, digest: &Digest) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM artifact WHERE digest = ?1")?
        .exists([digest.bytes()])
}

/// Reads the records of a file. A part that many records share is read once.
pub(super) struct RecordReader<'a> {
    ids: CachedStatement<'a>,
    records: CachedStatement<'a>,
    parts: RecordParts<'a>,
}

struct RecordParts<'a> {
    statement: CachedStatement<'a>,
    read: HashMap<u32, Vec<u8>>,
}

impl<'a> RecordReader<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        let select =
            "SELECT content, split, description, licenses, imports, exports, layers, wit, digest
             FROM artifact WHERE id = ?1";
        let parts = RecordParts {
            statement: connection.prepare_cached("SELECT value FROM part WHERE id = ?1")?,
            read: HashMap::new(),
        };
        Ok(Self {
            ids: connection.prepare_cached("SELECT id FROM artifact WHERE digest = ?1")?,
            records: connection.prepare_cached(select)?,
            parts,
        })
    }

    /// Returns the id of a manifest's record, if the file has one.
    pub(super) fn id(&mut self, digest: &Digest) -> rusqlite::Result<Option<i64>> {
        let id = self.ids.query_row([digest.bytes()], |row| row.get(0));
        id.optional()
    }

    /// Returns the record with an id.
    pub(super) fn read(&mut self, id: i64) -> rusqlite::Result<Record> {
        let (mut record, lists) = self.read_without_names(id)?;
        record.externs = lists.map(|lists| self.externs(lists)).transpose()?;
        Ok(record)
    }

    /// Returns a record without its imports and exports, and the ids of these lists if the artifact names them.
    pub(super) fn read_without_names(
        &mut self,
        id: i64,
    ) -> rusqlite::Result<(Record, Option<(u32, u32)>)> {
        let parts = &mut self.parts;
        let read = |row: &Row<'_>| {
            let layers = ids(row.get_ref(6)?.as_str()?)?.into_iter();
            let lists: (Option<u32>, Option<u32>) = (row.get(4)?, row.get(5)?);
            let record = Record {
                digest: digest_at(row, 8)?,
                split: row.get(1)?,
                content: identity_of(row.get_ref(0)?.as_blob()?)?,
                externs: None,
                description: row.get(2)?,
                licenses: row.get(3)?,
                layers: layers
                    .map(|id| parts.layer(id))
                    .collect::<rusqlite::Result<_>>()?,
                wit: row.get(7)?,
            };
            Ok((record, lists.0.zip(lists.1)))
        };
        self.records.query_row([id], read)
    }

    /// Returns the imports and exports with the ids of their lists.
    pub(super) fn externs(&mut self, (imports, exports): (u32, u32)) -> rusqlite::Result<Externs> {
        let (imports, exports) = (self.names(imports)?, self.names(exports)?);
        Ok(Externs {
            imports: imports.0,
            exports: exports.0,
            names: NameDetails {
                imports: imports.1,
                exports: exports.1,
            },
        })
    }

    /// Returns the list of names with an id: imports or exports.
    pub(super) fn names(&mut self, id: u32) -> rusqlite::Result<(Vec<String>, ListDetails)> {
        serde_json::from_slice(self.parts.get(id)?).map_err(unreadable)
    }
}

impl RecordParts<'_> {
    fn layer(&mut self, id: u32) -> rusqlite::Result<RecordLayer> {
        let (content, blob) = self.get(id)?.split_at_checked(40).unwrap_or_default();
        Ok(RecordLayer {
            content: identity_of(content)?,
            blob: identity_of(blob)?,
        })
    }

    fn get(&mut self, id: u32) -> rusqlite::Result<&[u8]> {
        match self.read.entry(id) {
            hash_map::Entry::Occupied(part) => Ok(part.into_mut()),
            hash_map::Entry::Vacant(part) => {
                Ok(part.insert(self.statement.query_row([id], |row| row.get(0))?))
            }
        }
    }
}

/// Writes records. The id of a part that many records share is looked up once.
pub(super) struct RecordWriter<'a> {
    connection: &'a Connection,
    ids: HashMap<Vec<u8>, u32>,
}

impl<'a> RecordWriter<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            ids: HashMap::new(),
        }
    }

    /// Writes a record. If it replaces another one, it keeps that one's id, because entries refer to it.
    pub(super) fn write(&mut self, record: &Record) -> rusqlite::Result<()> {
        let externs = record.externs.as_ref();
        let imports = externs.map(|externs| self.names(&externs.imports, &externs.names.imports));
        let exports = externs.map(|externs| self.names(&externs.exports, &externs.names.exports));
        let layers = record.layers.iter();
        let layers = layers.map(|RecordLayer { content, blob }| {
            self.part([bytes_of_identity(content), bytes_of_identity(blob)].concat())
        });
        let layers: Vec<u32> = layers.collect::<rusqlite::Result<_>>()?;
        self.connection
            .prepare_cached(
                "INSERT INTO artifact (digest, split, content, imports, exports, description, licenses, layers, wit)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (digest) DO UPDATE SET split = ?2, content = ?3, imports = ?4, exports = ?5,
                    description = ?6, licenses = ?7, layers = ?8, wit = ?9",
            )?
            .execute(params![
                record.digest.bytes(),
                record.split,
                bytes_of_identity(&record.content),
                imports.transpose()?,
                exports.transpose()?,
                record.description,
                record.licenses,
                json(&layers)?,
                record.wit,
            ])?;
        Ok(())
    }

    fn names(&mut self, names: &[String], details: &ListDetails) -> rusqlite::Result<u32> {
        self.part(json(&(names, details))?.into_bytes())
    }

    /// Returns the id of a part, which is added if it is new.
    fn part(&mut self, part: Vec<u8>) -> rusqlite::Result<u32> {
        match self.ids.entry(part) {
            hash_map::Entry::Occupied(id) => Ok(*id.get()),
            hash_map::Entry::Vacant(id) => {
                let mut insert = self.connection.prepare_cached(
                    "INSERT INTO part (value) VALUES (?1) ON CONFLICT (value) DO UPDATE SET value = ?1 RETURNING id",
                )?;
                let row_id = insert.query_row([id.key()], |row| row.get(0))?;
                Ok(*id.insert(row_id))
            }
        }
    }
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| unwritable(error.into()))
}

/// Stores the stub of a manifest and replaces an older one. Does nothing if the file has no record of the manifest.
pub(super) fn write_stub(
    connection: &Connection,
    digest: &Digest,
    stub: &[u8],
) -> rusqlite::Result<()> {
    let mut frame = Vec::new();
    let saves = compress(&mut &*stub, stub.len() as u64, LEVEL, &mut frame);
    // A stub that does not compress is stored as it is. Readers detect this by its size.
    if !saves.map_err(unwritable)? {
        frame = stub.to_vec();
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO stub (artifact, size, frame)
             SELECT id, ?2, ?3 FROM artifact WHERE digest = ?1",
        )?
        .execute(params![digest.bytes(), stub.len() as i64, frame])?;
    Ok(())
}

pub(super) fn stub(connection: &Connection, digest: &Digest) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached(
        "SELECT size, frame FROM stub JOIN artifact ON artifact.id = stub.artifact WHERE digest = ?1",
    )?;
    let stored = statement.query_row([digest.bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((size, frame)): Option<(i64, Vec<u8>)> = stored.optional()? else {
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
    read().map(Some).map_err(unreadable)
}
