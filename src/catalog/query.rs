//! Asking the index. Every condition is a list of rows that is looked up; answers are what is in all lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::fill::{ENTRY, digest_at, entry_of, source_of};
use super::imports;
use super::postings::{self, Rows};
use super::record::{Entry, RecordLayer, words};
use super::{Error, Index, Pattern, Source, wordlist};
use crate::digest::Identity;

/// What is looked for. Every condition must hold.
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
    /// Nothing but these either: what a world has.
    pub world_imports: Option<Vec<Pattern>>,
    /// All of these are exported, and it is no mistake where nothing in the index does.
    pub exports_all: Vec<Pattern>,
    /// One of these is exported.
    pub exports_any: Option<Vec<Pattern>>,
    /// Whether every version counts, and not only the first of each package that matches.
    pub all_versions: bool,
    /// How many answers are wanted.
    pub limit: Option<usize>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Answer {
    /// In the order in which it is shown, no more than were wanted.
    pub found: Vec<Found>,
    /// How many there are.
    pub total: u64,
}

/// One version that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tag.
    pub entry: Entry,
    /// The shared index that names it, where no other source does.
    pub claimed_by: Option<Source>,
    /// 0 where this machine read the manifest, else the shared index that says what it is.
    pub(super) claim: i64,
    /// The component.
    pub content: Identity,
    /// Whether it has a split form.
    pub split: bool,
    /// Its description.
    pub description: Option<String>,
    /// Its licences.
    pub licenses: Option<String>,
    /// Its layers.
    pub layers: Vec<RecordLayer>,
    /// Imports that were asked for, by name.
    pub imports: Vec<String>,
    /// Exports that were asked for, by name.
    pub exports: Vec<String>,
    /// Words of the text that are in the name or the description.
    pub words: Vec<String>,
}

impl Index {
    /// Finds what a query means.
    pub fn search(&self, query: &Query) -> Result<Answer, Error> {
        let failed = || Error::sqlite(&self.path);
        // One state of the index, whoever writes meanwhile.
        let snapshot = self.connection.unchecked_transaction();
        let snapshot = snapshot.map_err(failed())?;
        let asking = Asking::new(&snapshot).map_err(failed())?;
        let Some(asking) = asking else {
            return Err(Error::Empty);
        };
        let mut wanted = BTreeMap::new();
        for (patterns, is_export) in [(&query.exports, true), (&query.imports, false)] {
            for pattern in patterns {
                let ids = asking.interfaces(pattern).map_err(failed())?;
                if ids.is_empty() {
                    return Err(self.unknown(&snapshot, pattern)?);
                }
                wanted.extend(ids.into_iter().map(|(id, name)| ((is_export, id), name)));
            }
        }
        let rows = asking.rows(query).map_err(failed())?;
        let showing = Showing::new(&snapshot, wanted, query).map_err(failed())?;
        showing.answer(&rows, query.limit).map_err(failed())
    }

    fn unknown(&self, connection: &Connection, pattern: &Pattern) -> Result<Error, Error> {
        let names = || {
            let mut statement = connection.prepare(
                "SELECT name FROM interface WHERE id IN (SELECT interface FROM used) ORDER BY name",
            )?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        };
        let names = names().map_err(Error::sqlite(&self.path))?;
        Ok(Error::UnknownInterface {
            pattern: pattern.to_string(),
            nearest: pattern.nearest(names.iter().map(String::as_str)),
        })
    }
}

/// A connection, and how many rows there are.
struct Asking<'a> {
    connection: &'a Connection,
    count: u32,
    begins: Vec<u8>,
}

impl<'a> Asking<'a> {
    /// Nothing where the index has no rows.
    fn new(connection: &'a Connection) -> rusqlite::Result<Option<Self>> {
        let outline = "SELECT count, rows FROM outline WHERE name = 'begins'";
        let outline = connection
            .query_row(outline, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let asking = outline.map(|(count, begins)| Self {
            connection,
            count,
            begins,
        });
        Ok(asking.filter(|asking| asking.count > 0))
    }

    /// Returns the interfaces that are meant and that something has.
    fn interfaces(&self, pattern: &Pattern) -> rusqlite::Result<Vec<(u32, String)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, name FROM interface WHERE path = ?1
             AND EXISTS (SELECT 1 FROM used WHERE interface = id)",
        )?;
        let rows = statement.query_map([pattern.path()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let meant = rows.filter(|row: &rusqlite::Result<(u32, String)>| {
            row.as_ref().map_or(true, |(_, name)| pattern.matches(name))
        });
        meant.collect()
    }

    /// Returns the rows that are an answer.
    fn rows(&self, query: &Query) -> rusqlite::Result<Rows> {
        let mut rows: Option<Rows> = None;
        let mut require = |found: Rows| match &mut rows {
            Some(rows) => rows.intersect(&found),
            None => rows = Some(found),
        };
        for (patterns, is_export) in [(&query.exports, true), (&query.imports, false)] {
            for pattern in patterns {
                require(self.using(pattern, is_export)?);
            }
        }
        for pattern in &query.exports_all {
            require(self.using(pattern, true)?);
        }
        if let Some(patterns) = &query.exports_any {
            let mut any = Rows::none(self.count);
            for pattern in patterns {
                any.unite(&self.using(pattern, true)?);
            }
            require(any);
        }
        for word in words(&query.text) {
            require(self.having(&word)?);
        }
        for offered in [&query.only_imports, &query.world_imports]
            .into_iter()
            .flatten()
        {
            require(self.content_with(offered)?);
        }
        let mut rows = rows.unwrap_or_else(|| Rows::all(self.count));
        if !query.all_versions {
            let mut begins = Rows::none(self.count);
            begins.add_written(&self.begins);
            rows.keep_firsts(&begins);
        }
        Ok(rows)
    }

    /// Returns the rows that import or export one of the interfaces that are meant.
    fn using(&self, pattern: &Pattern, is_export: bool) -> rusqlite::Result<Rows> {
        let mut rows = Rows::none(self.count);
        let mut statement = self
            .connection
            .prepare_cached("SELECT rows FROM used WHERE interface = ?1 AND is_export = ?2")?;
        for (id, _) in self.interfaces(pattern)? {
            let written = statement.query_row(params![id, is_export], |row| row.get(0));
            let written: Option<Vec<u8>> = written.optional()?;
            rows.add_written(&written.unwrap_or_default());
        }
        Ok(rows)
    }

    /// Returns the rows that have a word that begins so.
    fn having(&self, word: &str) -> rusqlite::Result<Rows> {
        let mut rows = Rows::none(self.count);
        // The run before may end with words that begin so.
        let mut statement = self.connection.prepare_cached(
            "SELECT run FROM word WHERE first < ?2
             AND first >= coalesce((SELECT max(first) FROM word WHERE first <= ?1), '')",
        )?;
        let mut runs = statement.query([word, &format!("{word}{}", char::MAX)])?;
        while let Some(run) = runs.next()? {
            wordlist::add_beginning(&mut rows, run.get_ref(0)?.as_blob()?, word);
        }
        Ok(rows)
    }

    /// Returns the rows whose imports are known, and all among what is offered.
    fn content_with(&self, offered: &[Pattern]) -> rusqlite::Result<Rows> {
        let mut ids = BTreeSet::new();
        for pattern in offered {
            ids.extend(self.interfaces(pattern)?.into_iter().map(|(id, _)| id));
        }
        let sets = "SELECT rows FROM outline WHERE name = 'imports'";
        let sets: Vec<u8> = self.connection.query_row(sets, [], |row| row.get(0))?;
        Ok(imports::rows_within(&sets, &ids, self.count))
    }
}

/// Reads what is shown of rows.
struct Showing<'a> {
    statement: CachedStatement<'a>,
    layers: Layers<'a>,
    /// Interfaces that were asked for, by whether they are exports and by id.
    wanted: BTreeMap<(bool, u32), String>,
    /// Beginnings of words that were asked for.
    begins: Vec<String>,
}

impl<'a> Showing<'a> {
    fn new(
        connection: &'a Connection,
        wanted: BTreeMap<(bool, u32), String>,
        query: &Query,
    ) -> rusqlite::Result<Self> {
        let statement = connection.prepare_cached(&format!(
            "SELECT {ENTRY}, content, content_size, split, description, licenses, layers, imports, exports,
                claim, shared, source.source
             FROM entry JOIN artifact ON artifact.id = entry.artifact
             JOIN source ON source.id = entry.source WHERE entry.row = ?1"
        ))?;
        Ok(Self {
            statement,
            layers: Layers::new(connection)?,
            wanted,
            begins: words(&query.text).collect(),
        })
    }

    fn answer(mut self, rows: &Rows, limit: Option<usize>) -> rusqlite::Result<Answer> {
        let shown = rows.iter().take(limit.unwrap_or(usize::MAX));
        Ok(Answer {
            found: shown
                .map(|row| self.found(row))
                .collect::<rusqlite::Result<_>>()?,
            total: rows.count(),
        })
    }

    fn found(&mut self, row: u32) -> rusqlite::Result<Found> {
        let mut rows = self.statement.query([row])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let matched = |is_export, ids: Option<&[u8]>| {
            let ids = postings::numbers(ids.unwrap_or_default());
            let names = ids.filter_map(|id| self.wanted.get(&(is_export, id)));
            names.cloned().collect()
        };
        let mut found = Found {
            entry: entry_of(row, 0)?,
            claim: row.get(15)?,
            claimed_by: match row.get(16)? {
                true => Some(source_of(row, 17)?),
                false => None,
            },
            content: identity(row, 7)?,
            split: row.get(9)?,
            description: row.get(10)?,
            licenses: row.get(11)?,
            layers: Vec::new(),
            imports: matched(false, row.get_ref(13)?.as_blob_or_null()?),
            exports: matched(true, row.get_ref(14)?.as_blob_or_null()?),
            words: Vec::new(),
        };
        for id in postings::numbers(row.get_ref(12)?.as_blob()?) {
            found.layers.push(self.layers.get(id)?);
        }
        let texts = [Some(&found.entry.name), found.description.as_ref()];
        let own = texts.into_iter().flatten().flat_map(|text| words(text));
        let meant = |word: &String| self.begins.iter().any(|begin| word.starts_with(begin));
        // Nothing is asked of the words where no word was asked for.
        let own = own.take_while(|_| !self.begins.is_empty());
        let meant: BTreeSet<String> = own.filter(meant).collect();
        found.words = meant.into_iter().collect();
        Ok(found)
    }
}

/// Layers by id. What many components have is read once.
pub(super) struct Layers<'a> {
    statement: CachedStatement<'a>,
    known: HashMap<u32, RecordLayer>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        let select = "SELECT content, content_size, blob, blob_size FROM layer WHERE id = ?1";
        Ok(Self {
            statement: connection.prepare_cached(select)?,
            known: HashMap::new(),
        })
    }

    pub(super) fn get(&mut self, id: u32) -> rusqlite::Result<RecordLayer> {
        if let Some(layer) = self.known.get(&id) {
            return Ok(*layer);
        }
        let layer = self.statement.query_row([id], |row| {
            Ok(RecordLayer {
                content: identity(row, 0)?,
                blob: identity(row, 2)?,
            })
        })?;
        self.known.insert(id, layer);
        Ok(layer)
    }
}

/// Reads a digest and a size from two columns.
pub(super) fn identity(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Identity> {
    let digest = digest_at(row, at)?;
    let size = row.get::<_, i64>(at + 1)? as u64;
    Ok(Identity { digest, size })
}
