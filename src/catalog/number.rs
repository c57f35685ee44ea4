//! Numbering entries in the order in which they are shown, and the lists that answers come from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::{Transaction, params};

use super::fill::{SAID, entry_of};
use super::imports::ImportSets;
use super::postings;
use super::record::{Entry, words};
use super::wordlist::{self, Run};

/// What of an artifact decides which lists its rows are in.
struct Listed {
    entry: Entry,
    id: i64,
    imports: Option<Vec<u8>>,
    exports: Option<Vec<u8>>,
    description: Option<String>,
    /// Whether only an index claims it.
    shared: bool,
    /// When its source was read.
    updated: Option<i64>,
}

/// Keeps of what several sources say of one tag what this machine read itself, else what was read last. It is yanked
/// if a source that this machine read says so.
fn one_a_tag(mut listed: Vec<Listed>) -> Vec<Listed> {
    let rank = |one: &Listed| (one.shared, Reverse(one.updated));
    listed.sort_by(|a, b| {
        let (a_tag, b_tag) = (&a.entry.tag, &b.entry.tag);
        let place = a.entry.location.cmp(&b.entry.location);
        place
            .then_with(|| a_tag.cmp(b_tag))
            .then_with(|| rank(a).cmp(&rank(b)))
    });
    let mut kept: Vec<Listed> = Vec::with_capacity(listed.len());
    for one in listed {
        match kept.last_mut() {
            Some(first) if first.entry.is_same(&one.entry) => {
                // A mark is of a manifest.
                let says = !one.shared && one.entry.digest == first.entry.digest;
                first.entry.yanked |= says && one.entry.yanked;
            }
            _ => kept.push(one),
        }
    }
    kept
}

/// Numbers all entries in the order in which they are shown, and writes the lists anew.
pub(super) fn number(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let listed = listed(transaction)?;
    transaction.execute_batch(
        "UPDATE entry SET row = NULL WHERE row IS NOT NULL;
         DELETE FROM used; DELETE FROM word; DELETE FROM outline;",
    )?;
    let mut lists = Lists::default();
    let mut last: Option<&Entry> = None;
    let mut update = transaction.prepare("UPDATE entry SET row = ?2, yanked = ?3 WHERE id = ?1")?;
    for one in &listed {
        let begins = last.is_none_or(|last| {
            (&last.name, &last.location) != (&one.entry.name, &one.entry.location)
        });
        update.execute(params![one.id, lists.count, one.entry.yanked])?;
        lists.add(one, begins);
        last = Some(&one.entry);
    }
    lists.write(transaction)
}

fn listed(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Listed>> {
    let mut statement = transaction.prepare(&format!(
        "SELECT {SAID}, entry.id, imports, exports, description, wit, source.shared, source.updated
         FROM entry JOIN artifact ON artifact.id = entry.artifact
         JOIN source ON source.id = entry.source ORDER BY entry.source"
    ))?;
    let listed = statement.query_map([], |row| {
        let is_wit: bool = row.get(11)?;
        Ok(Listed {
            entry: entry_of(row, 0)?,
            id: row.get(7)?,
            // A WIT package imports nothing because nothing in it runs.
            imports: row.get::<_, Option<Vec<u8>>>(8)?.filter(|_| !is_wit),
            exports: row.get(9)?,
            description: row.get(10)?,
            shared: row.get(12)?,
            updated: row.get(13)?,
        })
    })?;
    let mut listed = one_a_tag(listed.collect::<rusqlite::Result<_>>()?);
    listed.sort_by(|a, b| a.entry.shown_before(&b.entry));
    Ok(listed)
}

/// The lists of rows.
#[derive(Default)]
struct Lists {
    count: u32,
    used: BTreeMap<(u32, bool), Vec<u32>>,
    words: BTreeMap<String, Vec<u32>>,
    begins: Vec<u32>,
    imports: ImportSets,
}

impl Lists {
    fn add(&mut self, one: &Listed, begins: bool) {
        let row = self.count;
        self.count += 1;
        if begins {
            self.begins.push(row);
        }
        for (list, is_export) in [(&one.imports, false), (&one.exports, true)] {
            let Some(list) = list else { continue };
            let ids: BTreeSet<u32> = postings::numbers(list).collect();
            if !is_export {
                self.imports.add(&ids, row);
            }
            for id in ids {
                self.used.entry((id, is_export)).or_default().push(row);
            }
        }
        let texts = [Some(&one.entry.name), one.description.as_ref()];
        let found: HashSet<String> = texts
            .into_iter()
            .flatten()
            .flat_map(|text| words(text))
            .collect();
        for word in found {
            self.words.entry(word).or_default().push(row);
        }
    }

    fn write(self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut insert = transaction
            .prepare("INSERT INTO used (interface, is_export, rows) VALUES (?1, ?2, ?3)")?;
        for ((interface, is_export), rows) in self.used {
            insert.execute(params![interface, is_export, postings::write(rows)])?;
        }
        let mut insert = transaction.prepare("INSERT INTO word (first, run) VALUES (?1, ?2)")?;
        for Run { first, written } in wordlist::runs(self.words) {
            insert.execute(params![first, written])?;
        }
        let mut insert =
            transaction.prepare("INSERT INTO outline (name, count, rows) VALUES (?1, ?2, ?3)")?;
        let lists = [
            ("begins", postings::write(self.begins)),
            ("imports", self.imports.write()),
        ];
        for (name, rows) in lists {
            insert.execute(params![name, self.count, rows])?;
        }
        Ok(())
    }
}
