//! Rows of one file: sources, artifacts, entries and stubs.

use std::collections::HashMap;
use std::io::Read;

use roaring::RoaringBitmap;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::interface;
use super::record::{Entry, Externs, Record, RecordLayer};
use super::schema::damage;
use super::sources::Source;
use crate::digest::{Digest, Identity};
use crate::encoding::{Decoder, Encoding, compress};
use crate::reference::package::Version;

/// zstd's level for stubs, which are small.
const LEVEL: u8 = 9;

/// Adds a source. Returns whether it is new.
pub(super) fn add_source(connection: &Connection, source: &Source) -> rusqlite::Result<bool> {
    let insert = "INSERT OR IGNORE INTO source (source) VALUES (?1)";
    Ok(connection.execute(insert, [text_of(source)])? > 0)
}

pub(super) fn source_id(connection: &Connection, source: &Source) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row(
            "SELECT id FROM source WHERE source = ?1",
            [text_of(source)],
            |row| row.get(0),
        )
        .optional()
}

/// Returns the sources of a file with their ids, in the order in which they were added.
pub(super) fn sources(connection: &Connection) -> rusqlite::Result<Vec<(Source, i64)>> {
    let mut statement = connection.prepare("SELECT source, id FROM source ORDER BY id")?;
    let sources = statement.query_map([], |row| {
        let text: String = row.get(0)?;
        let source = serde_json::from_str(&text).map_err(|error| unreadable(0, error))?;
        Ok((source, row.get(1)?))
    })?;
    sources.collect()
}

fn text_of(source: &Source) -> String {
    serde_json::to_string(source).unwrap_or_default()
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error))
}

pub(super) fn digest_of(bytes: Vec<u8>) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::from_bytes)
}

pub(super) fn digest_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    let bytes = digest_of(row.get(column)?);
    bytes.ok_or_else(|| damage("a digest has another length".to_owned()))
}

/// Reads a digest and a size from two columns.
fn identity_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Identity> {
    let digest = digest_at(row, column)?;
    let size = row.get::<_, i64>(column + 1)? as u64;
    Ok(Identity { digest, size })
}

/// Reads the ids of a JSON array.
pub(super) fn ids(text: &str) -> rusqlite::Result<Vec<u32>> {
    serde_json::from_str(text).map_err(|error| unreadable(0, error))
}

/// Reads a posting list.
pub(super) fn rows_at(row: &Row<'_>, column: usize) -> rusqlite::Result<RoaringBitmap> {
    let bytes = row.get_ref(column)?.as_blob()?;
    RoaringBitmap::deserialize_from(bytes).map_err(|error| unreadable(column, error))
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

/// The columns of an entry for [`entry_at`], as answers show it. The table `artifact` has to be joined.
pub(super) const ENTRY: &str = "entry.name, entry.location, entry.tag, entry.version, artifact.digest, entry.yanked, entry.mark";

/// The same columns, as the source says it.
pub(super) const SAID: &str =
    "entry.name, entry.location, entry.tag, entry.version, artifact.digest, entry.said, entry.mark";

/// Reads the first columns of a row.
pub(super) fn entry_at(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let version: Option<String> = row.get(3)?;
    let version = version.map(|version| Version::parse(&version)).transpose();
    Ok(Entry {
        name: row.get(0)?,
        location: row.get(1)?,
        tag: row.get(2)?,
        version: version.map_err(|error| unreadable(3, error))?,
        digest: digest_at(row, 4)?,
        yanked: row.get(5)?,
        mark: row.get::<_, Option<Vec<u8>>>(6)?.and_then(digest_of),
    })
}

/// Returns the entries of a source, sorted.
pub(super) fn entries(connection: &Connection, source: i64) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {SAID} FROM entry JOIN artifact ON artifact.id = entry.artifact WHERE source = ?1"
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
        "INSERT OR REPLACE INTO entry (source, artifact, name, location, tag, version, yanked, said, mark)
         SELECT ?1, artifact.id, ?3, ?4, ?5, ?6, ?7, ?7, ?8 FROM artifact WHERE digest = ?2",
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

/// Returns whether a file has a record of a manifest.
pub(super) fn has_record(connection: &Connection, digest: &Digest) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM artifact WHERE digest = ?1")?
        .exists([digest.bytes()])
}

/// Returns what a file says of a manifest.
pub(super) fn record(connection: &Connection, digest: &Digest) -> rusqlite::Result<Option<Record>> {
    let mut statement = connection.prepare_cached(
        "SELECT content, content_size, split, description, licenses, imports, exports, layers, wit
         FROM artifact WHERE digest = ?1",
    )?;
    let read = |row: &Row<'_>| {
        let externs: [Option<String>; 2] = [row.get(5)?, row.get(6)?];
        Ok(Record {
            digest: *digest,
            split: row.get(2)?,
            content: identity_at(row, 0)?,
            externs: match externs {
                [Some(imports), Some(exports)] => Some(Externs {
                    imports: names(connection, &imports)?,
                    exports: names(connection, &exports)?,
                }),
                _ => None,
            },
            description: row.get(3)?,
            licenses: row.get(4)?,
            layers: layers(connection, row.get_ref(7)?.as_str()?)?,
            wit: row.get(8)?,
        })
    };
    statement.query_row([digest.bytes()], read).optional()
}

fn names(connection: &Connection, list: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM interface WHERE id = ?1")?;
    let names = ids(list)?.into_iter();
    names
        .map(|id| statement.query_row([id], |row| row.get(0)))
        .collect()
}

fn layers(connection: &Connection, list: &str) -> rusqlite::Result<Vec<RecordLayer>> {
    let mut statement = connection
        .prepare_cached("SELECT content, content_size, blob, blob_size FROM layer WHERE id = ?1")?;
    let layer = |row: &Row<'_>| {
        Ok(RecordLayer {
            content: identity_at(row, 0)?,
            blob: identity_at(row, 2)?,
        })
    };
    let layers = ids(list)?.into_iter();
    layers.map(|id| statement.query_row([id], layer)).collect()
}

/// Writes records. Names and layers that many records have are looked up once.
pub(super) struct RecordWriter<'a> {
    connection: &'a Connection,
    interfaces: HashMap<String, u32>,
    layers: HashMap<RecordLayer, u32>,
}

impl<'a> RecordWriter<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            interfaces: HashMap::new(),
            layers: HashMap::new(),
        }
    }

    /// Writes a record. One that replaces another keeps its id, which entries refer to.
    pub(super) fn write(&mut self, record: &Record) -> rusqlite::Result<()> {
        let mut lists = [None, None];
        if let Some(Externs { imports, exports }) = &record.externs {
            for (list, names) in lists.iter_mut().zip([imports, exports]) {
                let ids = names.iter().map(|name| self.interface(name));
                *list = Some(array(ids)?);
            }
        }
        let layers = array(record.layers.iter().map(|layer| self.layer(layer)))?;
        self.connection
            .prepare_cached(
                "INSERT INTO artifact (digest, split, content, content_size, imports, exports,
                    description, licenses, layers, wit)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (digest) DO UPDATE SET split = ?2, content = ?3, content_size = ?4,
                    imports = ?5, exports = ?6, description = ?7, licenses = ?8, layers = ?9, wit = ?10",
            )?
            .execute(params![
                record.digest.bytes(),
                record.split,
                record.content.digest.bytes(),
                record.content.size as i64,
                lists[0],
                lists[1],
                record.description,
                record.licenses,
                layers,
                record.wit,
            ])?;
        Ok(())
    }

    fn interface(&mut self, name: &str) -> rusqlite::Result<u32> {
        if let Some(id) = self.interfaces.get(name) {
            return Ok(*id);
        }
        let (path, _) = interface::split_version(name);
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO interface (name, path) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET path = ?2 RETURNING id",
            )?
            .query_row([name, path], |row| row.get(0))?;
        self.interfaces.insert(name.to_owned(), id);
        Ok(id)
    }

    fn layer(&mut self, layer: &RecordLayer) -> rusqlite::Result<u32> {
        if let Some(id) = self.layers.get(layer) {
            return Ok(*id);
        }
        let RecordLayer { content, blob } = layer;
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO layer (content, content_size, blob, blob_size) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (content, content_size, blob, blob_size) DO UPDATE SET blob = ?3
                 RETURNING id",
            )?
            .query_row(
                params![
                    content.digest.bytes(),
                    content.size as i64,
                    blob.digest.bytes(),
                    blob.size as i64
                ],
                |row| row.get(0),
            )?;
        self.layers.insert(*layer, id);
        Ok(id)
    }
}

/// Returns ids as a JSON array.
fn array(ids: impl Iterator<Item = rusqlite::Result<u32>>) -> rusqlite::Result<String> {
    let ids: Vec<u32> = ids.collect::<rusqlite::Result<_>>()?;
    serde_json::to_string(&ids).map_err(|error| unwritable(error.into()))
}

/// Stores the stub of a manifest instead of an older one. Without a record of the manifest this does nothing.
pub(super) fn write_stub(
    connection: &Connection,
    digest: &Digest,
    stub: &[u8],
) -> rusqlite::Result<()> {
    let mut frame = Vec::new();
    let saves = compress(&mut &*stub, stub.len() as u64, LEVEL, &mut frame);
    // A stub that does not get smaller is stored as it is, and has then its own size.
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

/// Returns the stub of a manifest.
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
    read().map(Some).map_err(|error| unreadable(1, error))
}
