//! Writing rows of artifacts and entries.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, Transaction, params};

use super::extract::frame;
use super::fill::prefer_own;
use super::record::{Entry, Externs, Record, RecordLayer};
use super::{interface, postings};
use crate::digest::Digest;
use crate::reference::package::Version;

/// Who says what this machine read of a manifest itself.
pub(super) const OWN: i64 = 0;

/// Writes artifacts and entries.
pub(super) struct Writer<'a> {
    transaction: &'a Transaction<'a>,
    /// [`OWN`], or the shared index that says so.
    claim: i64,
    interfaces: HashMap<String, u32>,
    layers: HashMap<RecordLayer, u32>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>, claim: i64) -> Self {
        Self {
            transaction,
            claim,
            interfaces: HashMap::new(),
            layers: HashMap::new(),
        }
    }

    /// Writes what is known of manifests. What this machine read itself is not claimed beside that.
    pub(super) fn records(
        &mut self,
        records: &[Record],
        stubs: &BTreeMap<Digest, Vec<u8>>,
    ) -> rusqlite::Result<()> {
        for record in records {
            if self.claim != OWN && self.artifact(&record.digest, OWN)?.is_some() {
                continue;
            }
            self.record(record)?;
            if let Some(stub) = stubs.get(&record.digest) {
                self.stub(&record.digest, stub)?;
            }
        }
        match self.claim {
            OWN => prefer_own(self.transaction),
            _ => Ok(()),
        }
    }

    /// Writes the entries of a source. Returns whether something is known of all that they name.
    pub(super) fn entries(&mut self, source: i64, entries: &[Entry]) -> rusqlite::Result<bool> {
        let all = "DELETE FROM entry WHERE source = ?1";
        self.transaction.execute(all, [source])?;
        let mut insert = self.transaction.prepare(
            "INSERT OR REPLACE INTO entry (source, artifact, name, location, tag, version, yanked, said, mark)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
        )?;
        for entry in entries {
            let own = self.artifact(&entry.digest, OWN)?;
            let artifact = match own {
                None if self.claim != OWN => self.artifact(&entry.digest, self.claim)?,
                own => own,
            };
            let Some(artifact) = artifact else {
                return Ok(false);
            };
            insert.execute(params![
                source,
                artifact,
                entry.name,
                entry.location,
                entry.tag,
                entry.version.as_ref().map(Version::to_string),
                entry.yanked,
                entry.mark.as_ref().map(Digest::bytes),
            ])?;
        }
        Ok(true)
    }

    fn artifact(&self, digest: &Digest, claim: i64) -> rusqlite::Result<Option<i64>> {
        self.transaction
            .prepare_cached("SELECT id FROM artifact WHERE digest = ?1 AND claim = ?2")?
            .query_row(params![digest.bytes(), claim], |row| row.get(0))
            .optional()
    }

    /// Keeps the stub of a manifest, instead of the one it had.
    pub(super) fn stub(&mut self, digest: &Digest, stub: &[u8]) -> rusqlite::Result<()> {
        let Some(artifact) = self.artifact(digest, self.claim)? else {
            return Ok(());
        };
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO stub (artifact, size, frame) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![artifact, stub.len() as i64, frame(stub)?])?;
        Ok(())
    }

    pub(super) fn record(&mut self, record: &Record) -> rusqlite::Result<()> {
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
                    description, licenses, layers, claim, wit)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (digest, claim) DO UPDATE SET split = ?2, content = ?3, content_size = ?4,
                    imports = ?5, exports = ?6, description = ?7, licenses = ?8, layers = ?9, wit = ?11",
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
                self.claim,
                record.wit,
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
        let select = "SELECT id FROM layer WHERE content = ?1 AND content_size = ?2 AND blob = ?3 AND blob_size = ?4";
        let found = self
            .transaction
            .prepare_cached(select)?
            .query_row(
                params![
                    content.digest.bytes(),
                    content.size as i64,
                    blob.digest.bytes(),
                    blob.size as i64
                ],
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
