//! Row ids in the order of answers, and posting lists.
//!
//! All tags of all files are numbered together. The main file has the row ids and the lists. If both the main file
//! and a shared index have a record of a manifest, the one in the main file counts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use roaring::RoaringBitmap;
use rusqlite::{Connection, params};

use super::files::{Files, Numbering};
use super::interface::split_version;
use super::record::{Entry, words};
use super::table::{ENTRY, RecordReader, bytes_of, digest_at, entry_at};
use crate::digest::Digest;

/// A word beginning gets a posting list if more rows than this have it.
const COMMON: u64 = 1024;

/// The longest word beginning with a posting list, in characters.
const MAX_BEGINNING: usize = 32;

struct TagRow {
    entry: Entry,
    id: i64,
    /// The index of the file that has the entry. 0 is the main file.
    file: usize,
    /// The time when the source was read, in seconds since 1970.
    updated: Option<i64>,
}

/// The part of a record that decides about the posting lists of a row.
struct ArtifactRow {
    /// Each list of names is the id of a part.
    imports: Option<u32>,
    exports: Option<u32>,
    description: Option<String>,
}

/// Numbers all tags and writes new posting lists.
pub(super) fn assign_row_ids(files: &Files<'_>) -> rusqlite::Result<()> {
    let own = &files.own;
    own.execute_batch(
        "DELETE FROM row; DELETE FROM used; DELETE FROM import_set; DELETE FROM common; DELETE FROM numbering;
         INSERT INTO word (word) VALUES ('delete-all'); UPDATE source SET generation = 0;",
    )?;
    let (mut artifacts, mut tags) = (Vec::new(), Vec::new());
    for (at, file) in files.all().enumerate() {
        artifacts.push(read_artifacts(file)?);
        read_tags(file, at, &mut tags)?;
    }
    for claims in &files.claims {
        let update = "UPDATE source SET generation = ?2 WHERE id = ?1";
        own.execute(update, [claims.id, claims.generation()?])?;
    }
    let mut tags = one_per_tag(tags);
    tags.sort_by(|a, b| a.entry.cmp_for_display(&b.entry));

    let mut insert =
        own.prepare("INSERT INTO row (id, source, entry, yanked) VALUES (?1, ?2, ?3, ?4)")?;
    let mut insert_words = own.prepare("INSERT INTO word (rowid, text) VALUES (?1, ?2)")?;
    let mut lists = PostingLists::default();
    let mut begins = RoaringBitmap::new();
    let mut last = None;
    for (
        row,
        TagRow {
            entry, id, file, ..
        },
    ) in (0..).zip(&tags)
    {
        let package = Some((&entry.name, &entry.location));
        if last != package {
            begins.insert(row);
        }
        last = package;
        let source = file.checked_sub(1).map(|at| files.claims[at].id);
        insert.execute(params![row, source, id, entry.yanked])?;
        let known = [0, *file].into_iter().find_map(|at| {
            let artifact = artifacts[at].get(&entry.digest)?;
            Some((at, artifact))
        });
        if let Some((at, artifact)) = known {
            let words = lists.add(row, &entry.name, at, artifact);
            insert_words.execute(params![row, words])?;
        }
    }
    let numbering = Numbering {
        count: u32::try_from(tags.len()).unwrap_or(u32::MAX),
        begins,
    };
    numbering.write(own)?;
    lists.write(files)
}

fn read_artifacts(file: &Connection) -> rusqlite::Result<HashMap<Digest, ArtifactRow>> {
    // Nothing in a WIT package runs, so it has no imports.
    let mut statement =
        file.prepare("SELECT digest, iif(wit, NULL, imports), exports, description FROM artifact")?;
    let artifacts = statement.query_map([], |row| {
        let artifact = ArtifactRow {
            imports: row.get(1)?,
            exports: row.get(2)?,
            description: row.get(3)?,
        };
        Ok((digest_at(row, 0)?, artifact))
    })?;
    artifacts.collect()
}

fn read_tags(file: &Connection, at: usize, tags: &mut Vec<TagRow>) -> rusqlite::Result<()> {
    let mut statement = file.prepare(&format!(
        "SELECT {ENTRY}, entry.id, updated FROM entry JOIN artifact ON artifact.id = entry.artifact
         JOIN source ON source.id = entry.source ORDER BY entry.source"
    ))?;
    let read = statement.query_map([], |row| {
        Ok(TagRow {
            entry: entry_at(row)?,
            id: row.get(7)?,
            file: at,
            updated: row.get(8)?,
        })
    })?;
    for tag in read {
        tags.push(tag?);
    }
    Ok(())
}

/// Selects one entry per tag if several sources have one. Entries in the main file come first, then the entry that
/// was read last. It is yanked if any source in the main file says so about its manifest.
fn one_per_tag(mut tags: Vec<TagRow>) -> Vec<TagRow> {
    fn key(tag: &TagRow) -> (&str, &str, bool, Reverse<Option<i64>>) {
        let Entry {
            location,
            tag: name,
            ..
        } = &tag.entry;
        (location, name, tag.file > 0, Reverse(tag.updated))
    }
    tags.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut shown: Vec<TagRow> = Vec::with_capacity(tags.len());
    for tag in tags {
        match shown.last_mut() {
            Some(first) if first.entry.is_same(&tag.entry) => {
                // A yank mark belongs to a manifest, not to a tag.
                let counts = tag.file == 0 && tag.entry.digest == first.entry.digest;
                first.entry.yanked |= counts && tag.entry.yanked;
            }
            _ => shown.push(tag),
        }
    }
    shown
}

/// The posting lists while they are made.
#[derive(Default)]
struct PostingLists {
    /// The key is the file, the id of a list of names in that file, and whether it is the list of exports.
    names: HashMap<(usize, u32, bool), RoaringBitmap>,
    words: BTreeMap<String, RoaringBitmap>,
}

/// A name, and the interface that it stands for.
type Extern = (String, String);

impl PostingLists {
    /// Adds a row, which must come after all others. Returns its words.
    fn add(&mut self, row: u32, name: &str, file: usize, artifact: &ArtifactRow) -> String {
        for (list, is_export) in [(artifact.imports, false), (artifact.exports, true)] {
            if let Some(id) = list {
                let rows = self.names.entry((file, id, is_export));
                rows.or_default().insert(row);
            }
        }
        let description = artifact.description.as_deref().unwrap_or_default();
        let words: BTreeSet<String> = words(name).chain(words(description)).collect();
        let text: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = text.join(" ");
        for word in words {
            self.words.entry(word).or_default().insert(row);
        }
        text
    }

    fn write(self, files: &Files<'_>) -> rusqlite::Result<()> {
        let readers = files.all().map(RecordReader::new);
        let mut readers: Vec<_> = readers.collect::<rusqlite::Result<_>>()?;
        let mut used: BTreeMap<(Extern, bool), RoaringBitmap> = BTreeMap::new();
        let mut sets: BTreeMap<BTreeSet<Extern>, RoaringBitmap> = BTreeMap::new();
        for ((file, id, is_export), rows) in self.names {
            let (names, details) = readers[file].names(id)?;
            let mut set = BTreeSet::new();
            for name in names {
                let interface = details.interface(&name).into_owned();
                set.insert((name, interface));
            }
            for one in &set {
                *used.entry((one.clone(), is_export)).or_default() |= &rows;
            }
            if !is_export && details.is_complete() {
                *sets.entry(set).or_default() |= rows;
            }
        }
        let ids = write_used(&files.own, &used)?;
        write_import_sets(&files.own, sets, &ids)?;
        let insert = "INSERT INTO common (beginning, rows) VALUES (?1, ?2)";
        let mut insert = files.own.prepare(insert)?;
        for (beginning, rows) in common_beginnings(&self.words) {
            insert.execute(params![beginning, bytes_of(&rows)?])?;
        }
        Ok(())
    }
}

/// Writes the posting lists of imports and exports. Returns the ids of the imports.
fn write_used<'a>(
    file: &Connection,
    used: &'a BTreeMap<(Extern, bool), RoaringBitmap>,
) -> rusqlite::Result<HashMap<&'a Extern, u32>> {
    let mut insert = file.prepare(
        "INSERT INTO used (id, path, name, interface, is_export, rows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut ids = HashMap::new();
    for (id, ((one, is_export), rows)) in (0..).zip(used) {
        let (name, interface) = one;
        let rows = bytes_of(rows)?;
        for path in BTreeSet::from([name, interface].map(|name| split_version(name).0)) {
            insert.execute(params![id, path, name, interface, is_export, rows])?;
        }
        if !is_export {
            ids.insert(one, id);
        }
    }
    Ok(ids)
}

fn write_import_sets(
    file: &Connection,
    sets: BTreeMap<BTreeSet<Extern>, RoaringBitmap>,
    ids: &HashMap<&Extern, u32>,
) -> rusqlite::Result<()> {
    let mut insert = file.prepare("INSERT INTO import_set (used, rows) VALUES (?1, ?2)")?;
    for (set, rows) in &sets {
        let used = set.iter().filter_map(|one| ids.get(one));
        let used: Vec<u8> = used.flat_map(|id| id.to_le_bytes()).collect();
        insert.execute(params![used, bytes_of(rows)?])?;
    }
    Ok(())
}

/// Returns the word beginnings that very many rows have, with these rows.
fn common_beginnings(words: &BTreeMap<String, RoaringBitmap>) -> BTreeMap<&str, RoaringBitmap> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for (word, rows) in words {
        for beginning in beginnings(word) {
            *counts.entry(beginning).or_default() += rows.len();
        }
    }
    let mut common: BTreeMap<&str, RoaringBitmap> = BTreeMap::new();
    for (word, rows) in words {
        for beginning in beginnings(word) {
            if counts.get(beginning).is_some_and(|count| *count > COMMON) {
                *common.entry(beginning).or_default() |= rows;
            }
        }
    }
    common
}

fn beginnings(word: &str) -> impl Iterator<Item = &str> {
    let ends = word.char_indices().map(|(at, char)| at + char.len_utf8());
    ends.take(MAX_BEGINNING).filter_map(|end| word.get(..end))
}
