//! Queries by name and word. Each condition is a posting list, and the answer is the intersection of all lists.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, Row, params};

use super::error::Error;
use super::files::{Files, Numbering, ROW};
use super::interface::Pattern;
use super::local::Index;
use super::record::{Entry, Record, words};
use super::schema::damage;
use super::sources::IndexSource;
use super::table::{RecordReader, rows_at};
use crate::section::ListDetails;

/// The conditions of a search. A version must meet all of them.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Words, each of which begins a word of the name or of the description.
    pub text: String,
    /// Interfaces that the component exports. An unknown interface is an error.
    pub exports: Vec<Pattern>,
    /// Interfaces that the component imports. An unknown interface is an error.
    pub imports: Vec<Pattern>,
    /// The only interfaces that the component may import. It need not import them.
    pub only_imports: Option<Vec<Pattern>>,
    /// The imports of a world. The component may import only these.
    pub world_imports: Option<Vec<Pattern>>,
    /// Interfaces that the component exports. An unknown interface is not an error.
    pub exports_all: Vec<Pattern>,
    /// Interfaces of which the component exports at least one.
    pub exports_any: Option<Vec<Pattern>>,
    /// Whether all matching versions count, and not only the first one of each package.
    pub all_versions: bool,
    /// The maximum number of answers to return.
    pub limit: Option<usize>,
}

/// The answer to a query.
#[derive(Debug, Clone)]
pub struct SearchAnswer {
    /// The matching versions in order, up to the limit.
    pub found: Vec<SearchResult>,
    /// The number of all matching versions.
    pub total: u64,
}

/// A version that matches.
#[derive(Debug, Clone)]
pub struct SearchResult {
    /// The tag of the version.
    pub entry: Entry,
    /// The shared index that claims the tag. It is none if this machine read the tag.
    pub claimed_by: Option<IndexSource>,
    /// The record of the manifest, without its imports and exports.
    pub record: Record,
    /// The imports that the query names.
    pub imports: Vec<MatchedName>,
    /// The exports that the query names.
    pub exports: Vec<MatchedName>,
    /// The words of the name and the description that match.
    pub words: Vec<String>,
}

/// An import or export that a query names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedName {
    /// Its name.
    pub name: String,
    /// The interface that it stands for, if its name is another one.
    pub interface: Option<String>,
}

impl Index {
    /// Finds the versions that match a query.
    pub fn search(&self, query: &Query) -> Result<SearchAnswer, Error> {
        self.with_row_ids(|files| answer(files, query))?
    }
}

fn answer(files: &Files<'_>, query: &Query) -> rusqlite::Result<Result<SearchAnswer, Error>> {
    let numbering = Numbering::read(&files.own)?;
    let Some(numbering) = numbering.filter(|numbering| numbering.count > 0) else {
        return Ok(Err(Error::Empty));
    };
    let mut search = Search {
        files,
        numbering,
        records: RecordReader::new(&files.own)?,
    };
    let mut rows = search.rows(query)?;
    if rows.is_empty() {
        for pattern in query.exports.iter().chain(&query.imports) {
            if !search.knows(pattern)? {
                return Ok(Err(search.unknown(pattern)?));
            }
        }
    }
    if !query.all_versions {
        rows = first_rows(&rows, &search.numbering.begins);
    }
    let shown = rows.iter().take(query.limit.unwrap_or(usize::MAX));
    let found = shown.map(|row| search.read_result(row, query));
    Ok(Ok(SearchAnswer {
        found: found.collect::<rusqlite::Result<_>>()?,
        total: rows.len(),
    }))
}

struct Search<'a> {
    files: &'a Files<'a>,
    numbering: Numbering,
    records: RecordReader<'a>,
}

impl Search<'_> {
    fn unknown(&self, pattern: &Pattern) -> rusqlite::Result<Error> {
        let select = "SELECT name FROM used UNION SELECT interface FROM used";
        let mut statement = self.files.own.prepare(select)?;
        let names = statement.query_map([], |row| row.get(0))?;
        let names: Vec<String> = names.collect::<rusqlite::Result<_>>()?;
        Ok(Error::UnknownInterface {
            pattern: pattern.to_string(),
            nearest: pattern.nearest(names.iter().map(String::as_str)),
        })
    }

    fn rows(&self, query: &Query) -> rusqlite::Result<RoaringBitmap> {
        let mut rows: Option<RoaringBitmap> = None;
        let mut require = |found: RoaringBitmap| match &mut rows {
            Some(rows) => *rows &= found,
            None => rows = Some(found),
        };
        for pattern in query.exports.iter().chain(&query.exports_all) {
            require(self.rows_with_extern(pattern, true)?);
        }
        for pattern in &query.imports {
            require(self.rows_with_extern(pattern, false)?);
        }
        if let Some(patterns) = &query.exports_any {
            let mut any = RoaringBitmap::new();
            for pattern in patterns {
                any |= self.rows_with_extern(pattern, true)?;
            }
            require(any);
        }
        for word in words(&query.text) {
            require(self.rows_with_word(&word)?);
        }
        let offers = [&query.only_imports, &query.world_imports];
        for offered in offers.into_iter().flatten() {
            require(self.rows_importing_only(offered)?);
        }
        let all = || {
            let mut all = RoaringBitmap::new();
            all.insert_range(0..self.numbering.count);
            all
        };
        Ok(rows.unwrap_or_else(all))
    }

    fn knows(&self, pattern: &Pattern) -> rusqlite::Result<bool> {
        let mut is_known = false;
        for is_export in [true, false] {
            self.for_each_extern(pattern, is_export, |_, _| {
                is_known = true;
                Ok(())
            })?;
        }
        Ok(is_known)
    }

    fn rows_with_extern(
        &self,
        pattern: &Pattern,
        is_export: bool,
    ) -> rusqlite::Result<RoaringBitmap> {
        let mut rows = RoaringBitmap::new();
        self.for_each_extern(pattern, is_export, |_, list| {
            rows |= rows_at(list, 1)?;
            Ok(())
        })?;
        Ok(rows)
    }

    /// Calls a function for each import or export that matches a pattern, with the id and the row. Column 1 has the
    /// rows.
    fn for_each_extern(
        &self,
        pattern: &Pattern,
        is_export: bool,
        mut each: impl FnMut(u32, &Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let select =
            "SELECT id, rows, name, interface FROM used WHERE path = ?1 AND is_export = ?2";
        let mut statement = self.files.own.prepare_cached(select)?;
        let mut lists = statement.query(params![pattern.path(), is_export])?;
        while let Some(list) = lists.next()? {
            let (name, interface) = (list.get_ref(2)?.as_str()?, list.get_ref(3)?.as_str()?);
            if pattern.matches_extern(name, interface) {
                each(list.get(0)?, list)?;
            }
        }
        Ok(())
    }

    /// Returns the rows that have a word with this beginning.
    fn rows_with_word(&self, beginning: &str) -> rusqlite::Result<RoaringBitmap> {
        let own = &self.files.own;
        let common = own
            .prepare_cached("SELECT rows FROM common WHERE beginning = ?1")?
            .query_row([beginning], |row| rows_at(row, 0))
            .optional()?;
        if let Some(common) = common {
            return Ok(common);
        }
        let mut statement = own.prepare_cached("SELECT rowid FROM word WHERE word MATCH ?1")?;
        let found =
            statement.query_map([format!("\"{beginning}\" *")], |row| row.get::<_, u32>(0))?;
        found.collect()
    }

    /// Returns the rows whose imports are all known and all among those offered.
    fn rows_importing_only(&self, offered: &[Pattern]) -> rusqlite::Result<RoaringBitmap> {
        let mut ids = RoaringBitmap::new();
        for pattern in offered {
            self.for_each_extern(pattern, false, |id, _| {
                ids.insert(id);
                Ok(())
            })?;
        }
        let select = "SELECT used, rows FROM import_set";
        let mut statement = self.files.own.prepare_cached(select)?;
        let mut sets = statement.query([])?;
        let mut rows = RoaringBitmap::new();
        while let Some(set) = sets.next()? {
            let (used, _) = set.get_ref(0)?.as_blob()?.as_chunks();
            if used.iter().all(|id| ids.contains(u32::from_le_bytes(*id))) {
                rows |= rows_at(set, 1)?;
            }
        }
        Ok(rows)
    }

    fn read_result(&mut self, row: u32, query: &Query) -> rusqlite::Result<SearchResult> {
        let select = format!("SELECT {ROW} FROM row WHERE id = ?1");
        let mut statement = self.files.own.prepare_cached(&select)?;
        let mut rows = statement.query([row])?;
        let missing = || damage(format!("row {row} is missing"));
        let (entry, record, claims) = self.files.read_entry(rows.next()?.ok_or_else(missing)?)?;
        let own = match claims {
            None => Some(record),
            Some(_) => self.records.id(&entry.digest)?,
        };
        // A record that this machine read takes precedence over the claim of a shared index.
        let (mut claimed, id) = match (own, claims) {
            (None, Some(claims)) => (Some(RecordReader::new(&claims.transaction)?), record),
            (own, _) => (None, own.unwrap_or(record)),
        };
        let reader = claimed.as_mut().unwrap_or(&mut self.records);
        let (record, lists) = reader.read_without_names(id)?;
        let asks_names = !query.imports.is_empty() || !query.exports.is_empty();
        let externs = lists.filter(|_| asks_names);
        let externs = externs.map(|lists| reader.externs(lists)).transpose()?;
        let externs = externs.as_ref();
        Ok(SearchResult {
            imports: externs.map_or(Vec::new(), |externs| {
                matching(&externs.imports, &externs.names.imports, &query.imports)
            }),
            exports: externs.map_or(Vec::new(), |externs| {
                matching(&externs.exports, &externs.names.exports, &query.exports)
            }),
            words: matching_words(&entry, &record, &query.text),
            entry,
            claimed_by: claims.map(|claims| claims.source.clone()),
            record,
        })
    }
}

/// Returns the names of a list that match one of the patterns.
fn matching(names: &[String], details: &ListDetails, patterns: &[Pattern]) -> Vec<MatchedName> {
    let named = names.iter().filter_map(|name| {
        let interface = details.interface(name);
        let mut patterns = patterns.iter();
        let is_meant = patterns.any(|pattern| pattern.matches_extern(name, &interface));
        let is_other = *interface != **name;
        is_meant.then(|| MatchedName {
            name: name.clone(),
            interface: is_other.then(|| interface.into_owned()),
        })
    });
    named.collect()
}

/// Returns the words of a name and a description that begin with a word of the text.
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

/// Returns the first of the rows of each package, given the first row of every package.
fn first_rows(rows: &RoaringBitmap, begins: &RoaringBitmap) -> RoaringBitmap {
    let mut firsts = rows & begins;
    let mut begins = begins.iter().peekable();
    // The package of the current row: its first row, and whether one of its rows was already seen.
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
            let firsts: Vec<u32> = first_rows(&rows, &begins).iter().collect();
            assert_eq!(firsts, expected);
        }
    }
}
