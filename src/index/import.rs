//! Writes to the index: sources are added and removed, and the contents of a source are replaced.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, params};

use super::error::Error;
use super::files::Files;
use super::local::Index;
use super::record::{Entry, Record};
use super::row_id::assign_row_ids;
use super::sources::{self, IndexSource};
use super::table::{self, RecordReader, RecordWriter};
use crate::digest::Digest;

/// The contents of a source.
#[derive(Debug, Default)]
pub struct SourceContents {
    /// The tags.
    pub entries: Vec<Entry>,
    /// Records of manifests that the index did not have.
    pub records: Vec<Record>,
    /// Stubs by the digest of the manifest.
    pub stubs: BTreeMap<Digest, Vec<u8>>,
    /// Manifests of other artifacts than components.
    pub others: Vec<Digest>,
    /// For a shared index, the digest of its manifest.
    pub state: Option<Digest>,
    /// The number of artifacts that could not be read.
    pub failures: u32,
    /// Repositories, and tags of them, that could not be read. The index keeps their old entries.
    pub unread: Vec<(String, Option<String>)>,
    /// The time of reading, in seconds since 1970.
    pub now: i64,
}

/// The outcome of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The contents were written.
    Done,
    /// Nothing was written, because entries name manifests that the index does not have any more. The source has to
    /// be read again.
    Unknown,
    /// Nothing was written, because the source was removed meanwhile.
    Removed,
}

impl SourceContents {
    /// Returns the entries to write, given the old ones.
    fn entries_after(&self, before: &[Entry]) -> Vec<Entry> {
        let unread = self.unread.iter();
        let unread = unread.map(|(location, tag)| (location.as_str(), tag.as_deref()));
        let unread: HashSet<(&str, Option<&str>)> = unread.collect();
        let is_unread = |entry: &&Entry| {
            let location = entry.location.as_str();
            unread.contains(&(location, None)) || unread.contains(&(location, Some(&entry.tag)))
        };
        let mut after = self.entries.clone();
        after.extend(before.iter().filter(is_unread).cloned());
        after.sort();
        after
    }

    /// Writes records with their stubs. Returns whether the file then has a record for each entry.
    fn write_records(&self, file: &Connection, entries: &[Entry]) -> rusqlite::Result<bool> {
        let new: HashSet<Digest> = self.records.iter().map(|record| record.digest).collect();
        for entry in entries {
            if !new.contains(&entry.digest) && !table::has_record(file, &entry.digest)? {
                return Ok(false);
            }
        }
        let mut writer = RecordWriter::new(file);
        for record in &self.records {
            writer.write(record)?;
            if let Some(stub) = self.stubs.get(&record.digest) {
                table::write_stub(file, &record.digest, stub)?;
            }
        }
        Ok(true)
    }

    fn write_others(&self, file: &Connection, source: i64) -> rusqlite::Result<()> {
        // Unread repositories may still have the old ones.
        if self.unread.is_empty() {
            file.execute("DELETE FROM other WHERE source = ?1", [source])?;
        }
        let insert = "INSERT OR IGNORE INTO other (source, digest) VALUES (?1, ?2)";
        let mut insert = file.prepare(insert)?;
        for digest in &self.others {
            insert.execute(params![source, digest.bytes()])?;
        }
        Ok(())
    }
}

impl Index {
    /// Adds a source without reading it. Returns whether it is new.
    pub fn add_source(&mut self, source: &IndexSource) -> Result<bool, Error> {
        let _locked = self.lock()?;
        let added = self.write(|files| table::add_source(&files.own, source))?;
        if added && source.is_shared() {
            // A process that was killed may have left an old file.
            self.remove_claims(source)?;
        }
        self.write_sources(None)?;
        Ok(added)
    }

    /// Removes a source and its contents.
    pub fn remove_source(&mut self, source: &IndexSource) -> Result<(), Error> {
        let _locked = self.lock()?;
        self.write(|files| {
            files.claims.retain(|claims| claims.source != source);
            if let Some(id) = table::source_id(&files.own, source)? {
                for delete in [
                    "DELETE FROM entry WHERE source = ?1",
                    "DELETE FROM other WHERE source = ?1",
                    "DELETE FROM source WHERE id = ?1",
                ] {
                    files.own.execute(delete, [id])?;
                }
            }
            files.remove_unnamed()?;
            assign_row_ids(files)
        })?;
        self.remove_claims(source)?;
        self.write_sources(Some(source))
    }

    /// Writes the list of sources without the removed one. Sources that another version of wharf added stay in it.
    fn write_sources(&self, removed: Option<&IndexSource>) -> Result<(), Error> {
        let file = self.sources_file();
        let own = self.sources()?.into_iter();
        let mut sources: Vec<IndexSource> = own.map(|status| status.source).collect();
        for listed in sources::read(&file)? {
            if !sources.contains(&listed) {
                sources.push(listed);
            }
        }
        sources.retain(|source| Some(source) != removed);
        sources::write(&file, sources)
    }

    /// Replaces the contents of a source. A source that was removed meanwhile is not added again.
    pub fn import(
        &mut self,
        source: &IndexSource,
        contents: &SourceContents,
    ) -> Result<ImportOutcome, Error> {
        let _locked = self.lock()?;
        if self
            .snapshot(|files| table::source_id(&files.own, source))?
            .is_none()
        {
            return Ok(ImportOutcome::Removed);
        }
        if source.is_shared() {
            self.create_claims(source)?;
        }
        self.write(|files| {
            let file = files.of(source);
            let Some(id) = table::source_id(file, source)? else {
                return Ok(ImportOutcome::Removed);
            };
            let before = table::entries(file, id)?;
            let after = contents.entries_after(&before);
            let is_changed = before != after || !contents.records.is_empty();
            if is_changed {
                if !contents.write_records(file, &after)? {
                    return Ok(ImportOutcome::Unknown);
                }
                table::write_entries(file, id, &after)?;
                if source.is_shared() {
                    file.execute("UPDATE source SET generation = random()", [])?;
                }
                files.remove_unnamed()?;
            }
            contents.write_others(file, id)?;
            file.execute(
                "UPDATE source SET updated = ?2, failures = ?3, state = ?4 WHERE id = ?1",
                params![
                    id,
                    contents.now,
                    contents.failures,
                    contents.state.as_ref().map(Digest::bytes)
                ],
            )?;
            if is_changed || is_disputed(files, source, id)? {
                assign_row_ids(files)?;
            }
            Ok(ImportOutcome::Done)
        })
    }

    /// Writes records that this machine read, with the stubs of their roots. They replace claims in answers.
    pub fn store_records(&mut self, learned: &[(Record, Vec<u8>)]) -> Result<(), Error> {
        let _locked = self.lock()?;
        self.write(|files| {
            let mut is_changed = false;
            for (record, stub) in learned {
                let mut records = RecordReader::new(&files.own)?;
                let known = records.id(&record.digest)?;
                let known = known.map(|id| records.read(id)).transpose()?;
                if known.as_ref() != Some(record) {
                    RecordWriter::new(&files.own).write(record)?;
                    is_changed = true;
                }
                table::write_stub(&files.own, &record.digest, stub)?;
            }
            if is_changed {
                files.remove_unnamed()?;
                assign_row_ids(files)?;
            }
            Ok(())
        })
    }
}

/// Returns whether another source of the same kind may have another entry for a tag. Answers show the entry that
/// was read last.
fn is_disputed(files: &Files<'_>, source: &IndexSource, id: i64) -> rusqlite::Result<bool> {
    if source.is_shared() {
        return Ok(files.claims.len() > 1);
    }
    let select = "SELECT 1 FROM entry JOIN source ON source.id <> entry.source
         JOIN entry other ON (other.source, other.location, other.tag) = (source.id, entry.location, entry.tag)
         WHERE entry.source = ?1 AND (other.artifact, other.yanked) <> (entry.artifact, entry.yanked)";
    files.own.prepare(select)?.exists([id])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Identity;
    use crate::index::record::{Externs, RecordLayer};

    const TABLES: [&str; 4] = ["artifact", "part", "stub", "other"];

    fn counts(index: &Index) -> [u32; 4] {
        TABLES.map(|table| {
            let select = format!("SELECT count(*) FROM {table}");
            let count = index.snapshot(|files| files.own.query_row(&select, [], |row| row.get(0)));
            count.unwrap()
        })
    }

    fn source(place: &str) -> IndexSource {
        let place = place.to_owned();
        IndexSource::Place { place }
    }

    /// Returns components with one own layer each and one layer that they share.
    fn contents(names: &[&str]) -> SourceContents {
        let mut contents = SourceContents::default();
        for name in names {
            let own = Identity::of(name.as_bytes());
            let all = Identity::of(b"all");
            let layer = |blob| RecordLayer {
                content: blob,
                blob,
            };
            contents.records.push(Record {
                digest: own.digest,
                split: true,
                content: own,
                externs: Some(Externs {
                    imports: vec!["all:all/all".to_owned()],
                    exports: vec![format!("own:{name}/{name}")],
                    ..Externs::default()
                }),
                description: None,
                licenses: None,
                layers: vec![layer(all), layer(own)],
                wit: false,
            });
            contents.stubs.insert(own.digest, name.as_bytes().to_vec());
            contents.entries.push(Entry {
                name: format!("own:{name}"),
                location: format!("host/own/{name}"),
                tag: "1.0.0".to_owned(),
                version: "1.0.0".parse().ok(),
                digest: own.digest,
                yanked: false,
                mark: None,
            });
            contents
                .others
                .push(Digest::of(format!("{name} is none").as_bytes()));
        }
        contents
    }

    #[test]
    fn unnamed_manifests_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::open(&directory.path().join("index")).unwrap();
        let (one, two) = (source("one"), source("two"));
        index.add_source(&one).unwrap();
        index.add_source(&two).unwrap();
        index.import(&one, &contents(&["a", "b"])).unwrap();
        index.import(&two, &contents(&["b", "c"])).unwrap();
        // Rows common to both sources are stored once; non-components once per source.
        assert_eq!(counts(&index), [3, 8, 3, 4]);
        index.import(&one, &contents(&["b"])).unwrap();
        assert_eq!(counts(&index), [2, 6, 2, 3]);
        index.remove_source(&two).unwrap();
        assert_eq!(counts(&index), [1, 4, 1, 1]);
        index.import(&one, &SourceContents::default()).unwrap();
        assert_eq!(counts(&index), [0; 4]);
    }

    #[test]
    fn a_changed_record_leaves_no_rows() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::open(&directory.path().join("index")).unwrap();
        let one = source("one");
        index.add_source(&one).unwrap();
        let mut contents = contents(&["a"]);
        index.import(&one, &contents).unwrap();
        contents.records[0].layers.truncate(1);
        contents.records[0].externs = None;
        index.import(&one, &contents).unwrap();
        assert_eq!(counts(&index), [1, 1, 1, 1]);
    }

    #[test]
    fn unread_repositories_keep_their_other_manifests() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::open(&directory.path().join("index")).unwrap();
        let one = source("one");
        index.add_source(&one).unwrap();
        index.import(&one, &contents(&["a"])).unwrap();
        let unread = SourceContents {
            unread: vec![("host/own/a".to_owned(), None)],
            ..SourceContents::default()
        };
        index.import(&one, &unread).unwrap();
        assert_eq!(counts(&index), [1, 4, 1, 1]);
    }
}
