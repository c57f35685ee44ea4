//! The files of an index in one transaction: one for what this machine read, and one for each shared index.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::sources::Source;
use super::table::{bytes_of, digest_at, rows_at};
use roaring::RoaringBitmap;

/// A transaction, or a snapshot, of each file.
pub(super) struct Files<'a> {
    /// What this machine read itself. It lists the sources of all files.
    pub(super) own: Transaction<'a>,
    /// What shared indexes claim, in the order in which they were added.
    pub(super) claims: Vec<Claims<'a>>,
}

/// The file of a shared index.
pub(super) struct Claims<'a> {
    pub(super) source: &'a Source,
    pub(super) transaction: Transaction<'a>,
}

/// Row ids of one file, as of one numbering.
pub(super) struct Numbering {
    /// The same in all files that were numbered together.
    pub(super) generation: i64,
    /// How many row ids there are in all files.
    pub(super) count: u32,
    /// The first row of each package in all files.
    pub(super) begins: RoaringBitmap,
    /// The rows of this file whose imports are known.
    pub(super) declared: RoaringBitmap,
}

impl Files<'_> {
    /// Returns all files, first what this machine read.
    pub(super) fn all(&self) -> impl Iterator<Item = &Connection> {
        let claims = self.claims.iter().map(|claims| &*claims.transaction);
        std::iter::once(&*self.own).chain(claims)
    }

    /// Returns the file of a source.
    pub(super) fn of(&self, source: &Source) -> &Connection {
        let mut claims = self.claims.iter();
        claims
            .find(|claims| claims.source == source)
            .map_or(&self.own, |claims| &claims.transaction)
    }

    /// Returns whether all files were numbered together.
    pub(super) fn is_numbered(&self) -> rusqlite::Result<bool> {
        let own = generation(&self.own)?;
        for claims in &self.claims {
            if generation(&claims.transaction)? != own {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes manifests that no tag names, and what only they had. A record that this machine read stays as long as a
    /// shared index names the manifest.
    pub(super) fn remove_unnamed(&self) -> rusqlite::Result<()> {
        let mut claimed = HashSet::new();
        for Claims { transaction, .. } in &self.claims {
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

    /// Commits all files. The sources are in the last one, so that a source is never listed without its file.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        for claims in self.claims {
            claims.transaction.commit()?;
        }
        self.own.commit()
    }
}

/// Removes what no artifact refers to.
const UNUSED: &str = "
    DELETE FROM stub WHERE artifact NOT IN (SELECT id FROM artifact);
    DELETE FROM interface WHERE id NOT IN (
        SELECT value FROM artifact, json_each(imports) UNION SELECT value FROM artifact, json_each(exports)
    );
    DELETE FROM layer WHERE id NOT IN (SELECT value FROM artifact, json_each(layers));
";

fn generation(file: &Connection) -> rusqlite::Result<Option<i64>> {
    file.query_row("SELECT generation FROM numbering", [], |row| row.get(0))
        .optional()
}

impl Numbering {
    /// Reads the numbering of a file, if it was numbered.
    pub(super) fn read(file: &Connection) -> rusqlite::Result<Option<Self>> {
        let select = "SELECT generation, count, begins, declared FROM numbering";
        let numbering = file.query_row(select, [], |row| {
            Ok(Self {
                generation: row.get(0)?,
                count: row.get(1)?,
                begins: rows_at(row, 2)?,
                declared: rows_at(row, 3)?,
            })
        });
        numbering.optional()
    }

    pub(super) fn write(&self, file: &Connection) -> rusqlite::Result<()> {
        file.execute("DELETE FROM numbering", [])?;
        let insert =
            "INSERT INTO numbering (generation, count, begins, declared) VALUES (?1, ?2, ?3, ?4)";
        file.execute(
            insert,
            params![
                self.generation,
                self.count,
                bytes_of(&self.begins)?,
                bytes_of(&self.declared)?
            ],
        )?;
        Ok(())
    }
}
