//! Reading out of the index: what is shared with others, and the stubs of components.

use std::collections::HashSet;
use std::io::Read;

use rusqlite::{Connection, OptionalExtension, params};

use super::fill::{ENTRY, entry_of};
use super::postings;
use super::query::{Found, Layers, identity};
use super::record::{Entry, Externs, Record};
use super::shared::Shared;
use super::writer::OWN;
use super::{Error, Index};
use crate::digest::Digest;
use crate::encoding::{Decoder, Encoding, compress};

/// What was wanted and is not for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Versions that are in a layout of this machine.
    pub layouts: usize,
    /// Versions that only another index claims.
    pub claimed: usize,
}

impl Index {
    /// Returns the entries that are wanted, with all that is known of what they name, as far as this machine read
    /// them itself in a registry.
    pub fn extract(&self, wanted: impl Fn(&Entry) -> bool) -> Result<(Shared, LeftOut), Error> {
        let read = || {
            let snapshot = self.connection.unchecked_transaction()?;
            let (mut shared, mut left) = (Shared::default(), LeftOut::default());
            let mut statement = snapshot.prepare(&format!(
                "SELECT {ENTRY}, source.shared FROM entry JOIN artifact ON artifact.id = entry.artifact
                 JOIN source ON source.id = entry.source WHERE entry.row IS NOT NULL ORDER BY entry.row"
            ))?;
            let mut seen = HashSet::new();
            let mut layers = Layers::new(&snapshot)?;
            for entry in statement.query_map([], |row| Ok((entry_of(row, 0)?, row.get(7)?)))? {
                let (entry, claimed): (Entry, bool) = entry?;
                if !wanted(&entry) {
                    continue;
                }
                let is_layout = entry.location.starts_with(LAYOUT);
                if claimed || is_layout {
                    left.claimed += usize::from(claimed);
                    left.layouts += usize::from(is_layout && !claimed);
                    continue;
                }
                if seen.insert(entry.digest) {
                    if let Some(stub) = stub(&snapshot, &entry.digest, OWN)? {
                        shared.stubs.insert(entry.digest, stub);
                    }
                    shared
                        .records
                        .extend(record_with(&snapshot, &entry.digest, OWN, &mut layers)?);
                }
                shared.entries.push(entry);
            }
            Ok((shared, left))
        };
        read().map_err(Error::sqlite(&self.path))
    }

    /// Returns what is known of a manifest that this machine read itself.
    pub fn record(&self, digest: &Digest) -> Result<Option<Record>, Error> {
        record(&self.connection, digest, OWN).map_err(Error::sqlite(&self.path))
    }

    /// Returns the stub of what was found, if the index has one: where this machine read the manifest, of its root.
    pub fn stub(&self, found: &Found) -> Result<Option<Vec<u8>>, Error> {
        let stub = stub(&self.connection, &found.entry.digest, found.claim);
        stub.map_err(Error::sqlite(&self.path))
    }
}

/// How the location of a layout begins.
pub(super) const LAYOUT: &str = "oci:";

/// Returns a stub as it is kept. One that does not get smaller is kept as it is, and has then its own size.
pub(super) fn frame(stub: &[u8]) -> rusqlite::Result<Vec<u8>> {
    let mut frame = Vec::new();
    let saves = compress(&mut &*stub, stub.len() as u64, LEVEL, &mut frame);
    match saves.map_err(unwritable)? {
        true => Ok(frame),
        false => Ok(stub.to_vec()),
    }
}

/// zstd's level for stubs, which are small.
const LEVEL: u8 = 9;

fn unwritable(error: std::io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

fn stub(connection: &Connection, digest: &Digest, claim: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let kept = connection
        .prepare_cached(
            "SELECT size, frame FROM stub JOIN artifact ON artifact.id = stub.artifact
             WHERE digest = ?1 AND claim = ?2",
        )?
        .query_row(params![digest.bytes(), claim], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
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

/// Returns what is known of a manifest.
pub(super) fn record(
    connection: &Connection,
    digest: &Digest,
    claim: i64,
) -> rusqlite::Result<Option<Record>> {
    record_with(connection, digest, claim, &mut Layers::new(connection)?)
}

/// As [`record`], with layers that many of them have.
fn record_with(
    connection: &Connection,
    digest: &Digest,
    claim: i64,
    layers: &mut Layers<'_>,
) -> rusqlite::Result<Option<Record>> {
    let mut statement = connection.prepare_cached(
        "SELECT content, content_size, split, description, licenses, imports, exports, layers, wit
         FROM artifact WHERE digest = ?1 AND claim = ?2",
    )?;
    let found = statement.query_row(params![digest.bytes(), claim], |row| {
        let record = Record {
            digest: *digest,
            split: row.get(2)?,
            content: identity(row, 0)?,
            externs: None,
            description: row.get(3)?,
            licenses: row.get(4)?,
            layers: Vec::new(),
            wit: row.get(8)?,
        };
        let ids = Ids {
            imports: row.get(5)?,
            exports: row.get(6)?,
            layers: row.get(7)?,
        };
        Ok((record, ids))
    });
    let Some((mut record, ids)) = found.optional()? else {
        return Ok(None);
    };
    if let (Some(imports), Some(exports)) = (&ids.imports, &ids.exports) {
        record.externs = Some(Externs {
            imports: names(connection, imports)?,
            exports: names(connection, exports)?,
        });
    }
    for layer in postings::numbers(&ids.layers) {
        record.layers.push(layers.get(layer)?);
    }
    Ok(Some(record))
}

fn names(connection: &Connection, ids: &[u8]) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM interface WHERE id = ?1")?;
    let names = postings::numbers(ids).map(|id| statement.query_row([id], |row| row.get(0)));
    names.collect()
}
