//! The sources of the index, their state, and lookups in it.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use rusqlite::Connection;

use super::error::Error;
use super::local::Index;
use super::query::Found;
use super::record::Entry;
use super::sources::Source;
use super::table::{self, digest_at, digest_of};
use crate::digest::Digest;

/// The state of a source.
#[derive(Debug, Clone)]
pub struct Status {
    /// The source.
    pub source: Source,
    /// The time when it was last read, in seconds since 1970.
    pub updated: Option<i64>,
    /// The number of its artifacts that could not be read then.
    pub failures: u32,
    /// The number of its packages and other names.
    pub packages: u32,
    /// The number of its versions and other tags.
    pub entries: u32,
    /// For a shared index that was read, the digest of its manifest.
    pub state: Option<Digest>,
}

impl Status {
    /// Returns the seconds since the source was read.
    pub fn age(&self) -> Option<i64> {
        self.updated.map(|updated| (now() - updated).max(0))
    }
}

/// Returns the current time in seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// The manifests and marks that need not be read again.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Manifests of components.
    pub records: HashSet<Digest>,
    /// Manifests of other artifacts.
    pub others: HashSet<Digest>,
    /// Yank marks by repository and tag: the digest of the mark, and whether it says "yanked".
    pub marks: HashMap<(String, String), (Digest, bool)>,
}

impl Index {
    /// Returns the sources in the order in which they were added.
    pub fn sources(&self) -> Result<Vec<Status>, Error> {
        self.snapshot(|files| {
            let sources = table::sources(&files.own)?.into_iter();
            let status = |(source, _): (Source, i64)| status(files.of(&source), source);
            sources.map(status).collect()
        })
    }

    /// Returns the manifests and marks that this machine read. Claims are not included.
    pub fn known(&self) -> Result<Known, Error> {
        self.snapshot(|files| {
            let digests = |select: &str| -> rusqlite::Result<HashSet<Digest>> {
                let mut statement = files.own.prepare(select)?;
                let digests = statement.query_map([], |row| digest_at(row, 0))?;
                digests.collect()
            };
            let mut marks = files
                .own
                .prepare("SELECT mark, location, tag, yanked FROM entry WHERE mark IS NOT NULL")?;
            let marks = marks.query_map([], |row| {
                let mark = (digest_at(row, 0)?, row.get(3)?);
                Ok(((row.get(1)?, row.get(2)?), mark))
            })?;
            Ok(Known {
                records: digests("SELECT digest FROM artifact")?,
                others: digests("SELECT DISTINCT digest FROM other")?,
                marks: marks.collect::<rusqlite::Result<_>>()?,
            })
        })
    }

    /// Returns the entries of a source.
    pub fn entries_of(&self, source: &Source) -> Result<Vec<Entry>, Error> {
        self.snapshot(|files| {
            let file = files.of(source);
            let id = table::source_id(file, source)?;
            id.map_or(Ok(Vec::new()), |id| table::entries(file, id))
        })
    }

    /// Returns the stub of an answer, if the index has one. If this machine read the manifest, the stub of a shared
    /// index does not count.
    pub fn stub(&self, found: &Found) -> Result<Option<Vec<u8>>, Error> {
        let digest = &found.entry.digest;
        self.snapshot(|files| match &found.claimed_by {
            Some(source) if !table::has_record(&files.own, digest)? => {
                table::stub(files.of(source), digest)
            }
            _ => table::stub(&files.own, digest),
        })
    }
}

/// Reads the status of a source from its file. A shared index that was never read has no file and an empty status.
fn status(file: &Connection, source: Source) -> rusqlite::Result<Status> {
    let id = table::source_id(file, &source)?;
    let select = "SELECT updated, failures, state,
            (SELECT count(DISTINCT name) FROM entry WHERE entry.source = source.id),
            (SELECT count(*) FROM entry WHERE entry.source = source.id)
         FROM source WHERE id = ?1";
    file.query_row(select, [id], |row| {
        Ok(Status {
            source: source.clone(),
            updated: row.get(0)?,
            failures: row.get(1)?,
            state: row.get::<_, Option<Vec<u8>>>(2)?.and_then(digest_of),
            packages: row.get(3)?,
            entries: row.get(4)?,
        })
    })
}
