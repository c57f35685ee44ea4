//! The files of an index in one transaction: the main file, and one file per shared index.

use std::collections::HashSet;

use roaring::RoaringBitmap;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::record::Entry;
use super::schema::damage;
use super::sources::IndexSource;
use super::table::{self, bytes_of, digest_at, rows_at};

/// A transaction, or a snapshot, of each file.
pub(super) struct Files<'a> {
    /// The main file: contents that this machine read, and the sources of all files.
    pub(super) own: Transaction<'a>,
    /// The files of shared indexes, in the order in which their sources were added.
    pub(super) claims: Vec<SharedIndexFile<'a>>,
}

/// The file of a shared index.
pub(super) struct SharedIndexFile<'a> {
    pub(super) source: &'a IndexSource,
    /// The id of the source in the main file.
    pub(super) id: i64,
    pub(super) transaction: Transaction<'a>,
}

/// The columns of a row for [`Files::read_entry`].
pub(super) const ROW: &str = "source, entry, yanked";

/// The row ids of all files.
pub(super) struct Numbering {
    pub(super) count: u32,
    /// The first row of each package, as a set.
    pub(super) begins: RoaringBitmap,
}

impl Files<'_> {
    /// Returns all files, the main file first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Connection> {
        let claims = self.claims.iter().map(|claims| &*claims.transaction);
        std::iter::once(&*self.own).chain(claims)
    }

    pub(super) fn of(&self, source: &IndexSource) -> &Connection {
        let mut claims = self.claims.iter();
        claims
            .find(|claims| claims.source == source)
            .map_or(&self.own, |claims| &claims.transaction)
    }

    /// Returns whether the row ids in the main file still match the entries of all files.
    pub(super) fn is_numbered(&self) -> rusqlite::Result<bool> {
        let mut statement = self.own.prepare("SELECT id, generation FROM source")?;
        let mut sources = statement.query([])?;
        while let Some(source) = sources.next()? {
            let (id, numbered): (i64, i64) = (source.get(0)?, source.get(1)?);
            let claims = self.claims.iter().find(|claims| claims.id == id);
            if claims.map_or(Ok(0), SharedIndexFile::generation)? != numbered {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the entry of a row as answers show it, and the shared index that claims it.
    pub(super) fn read_entry(
        &self,
        row: &Row<'_>,
    ) -> rusqlite::Result<(Entry, i64, Option<&SharedIndexFile<'_>>)> {
        let missing = || damage("an entry is missing".to_owned());
        let source: Option<i64> = row.get(0)?;
        let claims = source.map(|id| self.claims.iter().find(|claims| claims.id == id));
        let claims = claims
            .map(|claims| claims.ok_or_else(missing))
            .transpose()?;
        let file = claims.map_or(&self.own, |claims| &claims.transaction);
        let (entry, record) = table::entry(file, row.get(1)?)?.ok_or_else(missing)?;
        let yanked = row.get(2)?;
        Ok((Entry { yanked, ..entry }, record, claims))
    }

    /// Removes manifests that no tag names, and rows that only these manifests used. A record in the main file
    /// stays as long as a shared index names its manifest.
    pub(super) fn remove_unnamed(&self) -> rusqlite::Result<()> {
        let mut claimed = HashSet::new();
        for SharedIndexFile { transaction, .. } in &self.claims {
            transaction.execute(
                "DELETE FROM artifact WHERE id NOT IN (SELECT artifact FROM entry)",
                [],
            )?;
            let mut statement = transaction.prepare("SELECT digest FROM artifact")?;
            for digest in statement.query_map([], |row| digest_at(row, 0))? {
                claimed.insert(digest?);
            }
        }
        let mut unnamed = self.own.prepare(
            "SELECT digest, id FROM artifact WHERE id NOT IN (SELECT artifact FROM entry)",
        )?;
        let unnamed = unnamed.query_map([], |row| Ok((digest_at(row, 0)?, row.get(1)?)))?;
        let unnamed: Vec<(_, i64)> = unnamed.collect::<rusqlite::Result<_>>()?;
        let mut delete = self.own.prepare("DELETE FROM artifact WHERE id = ?1")?;
        for (_, id) in unnamed
            .iter()
            .filter(|(digest, _)| !claimed.contains(digest))
        {
            delete.execute([id])?;
        }
        for file in self.all() {
            file.execute_batch(UNUSED)?;
        }
        Ok(())
    }

    /// Commits all files. The main file comes last, because it has the sources: no source is listed without its
    /// file.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        for claims in self.claims {
            claims.transaction.commit()?;
        }
        self.own.commit()
    }
}

/// Removes stubs and parts that no artifact uses.
const UNUSED: &str = "
    DELETE FROM stub WHERE artifact NOT IN (SELECT id FROM artifact);
    DELETE FROM part WHERE id NOT IN (
        SELECT imports FROM artifact WHERE imports IS NOT NULL UNION SELECT exports FROM artifact WHERE exports IS NOT NULL
        UNION SELECT value FROM artifact, json_each(layers)
    );
";

impl SharedIndexFile<'_> {
    /// Returns a number that changes when the entries change.
    pub(super) fn generation(&self) -> rusqlite::Result<i64> {
        let select = "SELECT generation FROM source";
        self.transaction.query_row(select, [], |row| row.get(0))
    }
}

impl Numbering {
    /// Reads the numbering of the main file, if it was numbered.
    pub(super) fn read(file: &Connection) -> rusqlite::Result<Option<Self>> {
        let select = "SELECT count, begins FROM numbering";
        let numbering = file.query_row(select, [], |row| {
            Ok(Self {
                count: row.get(0)?,
                begins: rows_at(row, 1)?,
            })
        });
        numbering.optional()
    }

    pub(super) fn write(&self, file: &Connection) -> rusqlite::Result<()> {
        let insert = "INSERT INTO numbering (count, begins) VALUES (?1, ?2)";
        file.execute(insert, params![self.count, bytes_of(&self.begins)?])?;
        Ok(())
    }
}
