//! Questions. Every condition is a posting list, and answers are the rows that all lists have.

use std::collections::{BTreeSet, HashSet};

use roaring::RoaringBitmap;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::Error;
use super::files::{Files, Numbering};
use super::interface::Pattern;
use super::local::Index;
use super::record::{Entry, Record, words};
use super::schema::damage;
use super::sources::Source;
use super::table::{self, ENTRY, entry_at, rows_at};

/// The conditions of a search. All of them must hold.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Each of its words begins a word of the name or of the description.
    pub text: String,
    /// Each of these is exported.
    pub exports: Vec<Pattern>,
    /// Each of these is imported.
    pub imports: Vec<Pattern>,
    /// Nothing is imported but these; they need not be.
    pub only_imports: Option<Vec<Pattern>>,
    /// Nothing is imported but these, which are the imports of a world.
    pub world_imports: Option<Vec<Pattern>>,
    /// All of these are exported. It is no error if no component exports one.
    pub exports_all: Vec<Pattern>,
    /// At least one of these is exported.
    pub exports_any: Option<Vec<Pattern>>,
    /// Whether every version counts, and not only the first matching one of each package.
    pub all_versions: bool,
    /// How many answers are returned.
    pub limit: Option<usize>,
}

/// The answer to a query.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The versions that match, in order, up to the limit.
    pub found: Vec<Found>,
    /// How many match.
    pub total: u64,
}

/// One version that matches.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tag.
    pub entry: Entry,
    /// The shared index that names the tag, if this machine did not read it itself.
    pub claimed_by: Option<Source>,
    /// What is known of the manifest.
    pub record: Record,
    /// The imports that the query names.
    pub imports: Vec<String>,
    /// The exports that the query names.
    pub exports: Vec<String>,
    /// The words of the name and the description that match.
    pub words: Vec<String>,
}

impl Index {
    /// Finds the versions that match a query.
    pub fn search(&self, query: &Query) -> Result<Answer, Error> {
        self.numbered(|files| answer(files, query))?
    }
}

fn answer(files: &Files<'_>, query: &Query) -> rusqlite::Result<Result<Answer, Error>> {
    let Some(search) = Search::new(files)? else {
        return Ok(Err(Error::Empty));
    };
    for pattern in query.exports.iter().chain(&query.imports) {
        if !search.is_known(pattern)? {
            return Ok(Err(search.unknown(pattern)?));
        }
    }
    let mut rows = search.rows(query)?;
    if !query.all_versions {
        rows = firsts(&rows, &search.begins);
    }
    let shown = rows.iter().take(query.limit.unwrap_or(usize::MAX));
    let found = shown.map(|row| search.found(row, query));
    Ok(Ok(Answer {
        found: found.collect::<rusqlite::Result<_>>()?,
        total: rows.len(),
    }))
}

/// A search in all files.
struct Search<'a> {
    files: &'a Files<'a>,
    count: u32,
    begins: RoaringBitmap,
    /// By file.
    declared: Vec<RoaringBitmap>,
}

impl<'a> Search<'a> {
    /// Returns nothing if the index has no rows.
    fn new(files: &'a Files<'a>) -> rusqlite::Result<Option<Self>> {
        let mut search: Option<Self> = None;
        for file in files.all() {
            let Some(numbering) = Numbering::read(file)? else {
                return Ok(None);
            };
            let search = search.get_or_insert_with(|| Self {
                files,
                count: numbering.count,
                begins: numbering.begins,
                declared: Vec::new(),
            });
            search.declared.push(numbering.declared);
        }
        Ok(search.filter(|search| search.count > 0))
    }

    /// Returns whether any row imports or exports an interface.
    fn is_known(&self, pattern: &Pattern) -> rusqlite::Result<bool> {
        for file in self.files.all() {
            if !interfaces(file, pattern)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn unknown(&self, pattern: &Pattern) -> rusqlite::Result<Error> {
        let mut names = BTreeSet::new();
        for file in self.files.all() {
            let mut statement = file
                .prepare("SELECT name FROM interface WHERE id IN (SELECT interface FROM used)")?;
            for name in statement.query_map([], |row| row.get(0))? {
                names.insert(name?);
            }
        }
        Ok(Error::UnknownInterface {
            pattern: pattern.to_string(),
            nearest: pattern.nearest(names.iter().map(String::as_str)),
        })
    }

    /// Returns the rows that match.
    fn rows(&self, query: &Query) -> rusqlite::Result<RoaringBitmap> {
        let mut rows: Option<RoaringBitmap> = None;
        let mut require = |found: RoaringBitmap| match &mut rows {
            Some(rows) => *rows &= found,
            None => rows = Some(found),
        };
        for pattern in query.exports.iter().chain(&query.exports_all) {
            require(self.using(pattern, true)?);
        }
        for pattern in &query.imports {
            require(self.using(pattern, false)?);
        }
        if let Some(patterns) = &query.exports_any {
            let mut any = RoaringBitmap::new();
            for pattern in patterns {
                any |= self.using(pattern, true)?;
            }
            require(any);
        }
        for word in words(&query.text) {
            require(self.having(&word)?);
        }
        let offers = [&query.only_imports, &query.world_imports];
        for offered in offers.into_iter().flatten() {
            require(self.importing_only(offered)?);
        }
        Ok(rows.unwrap_or_else(|| (0..self.count).collect()))
    }

    /// Returns the rows that import or export an interface.
    fn using(&self, pattern: &Pattern, is_export: bool) -> rusqlite::Result<RoaringBitmap> {
        let mut rows = RoaringBitmap::new();
        for file in self.files.all() {
            let mut statement = file
                .prepare_cached("SELECT rows FROM used WHERE interface = ?1 AND is_export = ?2")?;
            for id in interfaces(file, pattern)? {
                let list = statement.query_row(params![id, is_export], |row| rows_at(row, 0));
                rows |= list.optional()?.unwrap_or_default();
            }
        }
        Ok(rows)
    }

    /// Returns the rows with a word that begins so.
    fn having(&self, beginning: &str) -> rusqlite::Result<RoaringBitmap> {
        let mut rows = RoaringBitmap::new();
        for file in self.files.all() {
            let common = file
                .prepare_cached("SELECT rows FROM common WHERE beginning = ?1")?
                .query_row([beginning], |row| rows_at(row, 0))
                .optional()?;
            if let Some(common) = common {
                rows |= common;
                continue;
            }
            let mut statement =
                file.prepare_cached("SELECT rowid FROM word WHERE word MATCH ?1")?;
            let found = statement.query_map([format!("\"{beginning}\" *")], |row| row.get(0))?;
            for row in found {
                rows.insert(row?);
            }
        }
        Ok(rows)
    }

    /// Returns the rows whose imports are known and all among those offered.
    fn importing_only(&self, offered: &[Pattern]) -> rusqlite::Result<RoaringBitmap> {
        let mut rows = RoaringBitmap::new();
        for (file, declared) in self.files.all().zip(&self.declared) {
            let mut ids = HashSet::new();
            for pattern in offered {
                ids.extend(interfaces(file, pattern)?);
            }
            let mut others = RoaringBitmap::new();
            let mut statement =
                file.prepare_cached("SELECT interface, rows FROM used WHERE NOT is_export")?;
            let mut lists = statement.query([])?;
            while let Some(list) = lists.next()? {
                if !ids.contains(&list.get(0)?) {
                    others |= rows_at(list, 1)?;
                }
            }
            rows |= declared - others;
        }
        Ok(rows)
    }

    /// Reads what is shown of a row.
    fn found(&self, row: u32, query: &Query) -> rusqlite::Result<Found> {
        let own = &*self.files.own;
        let missing = || damage(format!("row {row} is missing"));
        let (entry, file, claimed_by) = match entry(own, row)? {
            Some(entry) => (entry, own, None),
            None => self.claimed(row)?.ok_or_else(missing)?,
        };
        // What this machine read of a manifest counts more than what a shared index claims.
        let mut record = table::record(own, &entry.digest)?;
        if record.is_none() && claimed_by.is_some() {
            record = table::record(file, &entry.digest)?;
        }
        let record = record.ok_or_else(missing)?;
        let matching = |names: &[String], patterns: &[Pattern]| -> Vec<String> {
            let matches = |name: &&String| patterns.iter().any(|pattern| pattern.matches(name));
            names.iter().filter(matches).cloned().collect()
        };
        let externs = record.externs.as_ref();
        Ok(Found {
            imports: externs.map_or(Vec::new(), |externs| {
                matching(&externs.imports, &query.imports)
            }),
            exports: externs.map_or(Vec::new(), |externs| {
                matching(&externs.exports, &query.exports)
            }),
            words: matching_words(&entry, &record, &query.text),
            entry,
            claimed_by: claimed_by.cloned(),
            record,
        })
    }

    /// Returns the entry of a row that this machine did not read itself, its file, and the shared index.
    fn claimed(&self, row: u32) -> rusqlite::Result<Option<(Entry, &Connection, Option<&Source>)>> {
        for claims in &self.files.claims {
            if let Some(entry) = entry(&claims.transaction, row)? {
                return Ok(Some((entry, &claims.transaction, Some(claims.source))));
            }
        }
        Ok(None)
    }
}

/// Returns the ids of interfaces that match and that a row of the file has.
fn interfaces(file: &Connection, pattern: &Pattern) -> rusqlite::Result<Vec<u32>> {
    let mut statement = file.prepare_cached(
        "SELECT id, name FROM interface WHERE path = ?1
         AND EXISTS (SELECT 1 FROM used WHERE interface = id)",
    )?;
    let mut rows = statement.query([pattern.path()])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        if pattern.matches(row.get_ref(1)?.as_str()?) {
            ids.push(row.get(0)?);
        }
    }
    Ok(ids)
}

fn entry(file: &Connection, row: u32) -> rusqlite::Result<Option<Entry>> {
    let select = format!(
        "SELECT {ENTRY} FROM entry JOIN artifact ON artifact.id = entry.artifact WHERE entry.row = ?1"
    );
    let mut statement = file.prepare_cached(&select)?;
    statement.query_row([row], entry_at).optional()
}

/// Returns the words of a name and a description that begin as a word of the text does.
fn matching_words(entry: &Entry, record: &Record, text: &str) -> Vec<String> {
    let beginnings: Vec<String> = words(text).collect();
    if beginnings.is_empty() {
        return Vec::new();
    }
    let description = record.description.as_deref().unwrap_or_default();
    let own = words(&entry.name).chain(words(description));
    let matches = |word: &String| {
        beginnings
            .iter()
            .any(|beginning| word.starts_with(beginning))
    };
    let found: BTreeSet<String> = own.filter(matches).collect();
    found.into_iter().collect()
}

/// Returns the first row of each package, given the first rows of all packages.
fn firsts(rows: &RoaringBitmap, begins: &RoaringBitmap) -> RoaringBitmap {
    let mut firsts = rows & begins;
    let mut begins = begins.iter().peekable();
    // The package of the last row: its first row, and whether a row of it was found.
    let (mut begin, mut is_found) = (None, false);
    for row in rows - &firsts {
        while let Some(next) = begins.next_if(|next| *next <= row) {
            (begin, is_found) = (Some(next), false);
        }
        if !is_found && begin.is_none_or(|begin| !rows.contains(begin)) {
            firsts.insert(row);
        }
        is_found = true;
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_of_each_package_is_shown() {
        let begins = RoaringBitmap::from([0, 3, 64, 65, 200]);
        for (rows, expected) in [
            (
                vec![0, 1, 2, 3, 4, 64, 65, 66, 200],
                vec![0, 3, 64, 65, 200],
            ),
            (vec![1, 2, 5, 63, 150, 199, 299], vec![1, 5, 150, 299]),
            (vec![62, 63, 66, 127, 128, 140, 192, 198], vec![62, 66]),
            (vec![64, 128, 200, 256], vec![64, 128, 200]),
            (vec![], vec![]),
        ] {
            let rows = RoaringBitmap::from_iter(rows);
            let firsts: Vec<u32> = firsts(&rows, &begins).iter().collect();
            assert_eq!(firsts, expected);
        }
    }
}
