//! Forgetting what nothing in the index names any more.

use std::collections::HashSet;

use rusqlite::Transaction;

use super::postings;

/// Removes manifests that no tag names, and then what only they had.
pub(super) fn forget(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "DELETE FROM artifact WHERE id NOT IN (SELECT artifact FROM entry);
         DELETE FROM stub WHERE artifact NOT IN (SELECT id FROM artifact);",
    )?;
    let mut interfaces = HashSet::new();
    let mut layers = HashSet::new();
    let mut statement = transaction.prepare("SELECT imports, exports, layers FROM artifact")?;
    let mut artifacts = statement.query([])?;
    while let Some(artifact) = artifacts.next()? {
        for column in 0..2 {
            let ids = artifact.get_ref(column)?.as_blob_or_null()?;
            interfaces.extend(postings::numbers(ids.unwrap_or_default()));
        }
        layers.extend(postings::numbers(artifact.get_ref(2)?.as_blob()?));
    }
    keep(transaction, "interface", &interfaces)?;
    keep(transaction, "layer", &layers)
}

/// Removes the rows of a table whose ids are not named.
fn keep(transaction: &Transaction<'_>, table: &str, named: &HashSet<u32>) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(&format!("SELECT id FROM {table}"))?;
    let ids = statement.query_map([], |row| row.get(0))?;
    let ids: Vec<u32> = ids.collect::<rusqlite::Result<_>>()?;
    let mut delete = transaction.prepare(&format!("DELETE FROM {table} WHERE id = ?1"))?;
    for id in ids.into_iter().filter(|id| !named.contains(id)) {
        delete.execute([id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::catalog::{Entry, Externs, Filled, Index, Record, RecordLayer, Source};
    use crate::digest::{Digest, Identity};

    const TABLES: [&str; 5] = ["artifact", "interface", "layer", "stub", "other"];

    fn counts(index: &Index) -> [u32; 5] {
        TABLES.map(|table| {
            let count = format!("SELECT count(*) FROM {table}");
            index
                .connection
                .query_row(&count, [], |row| row.get(0))
                .unwrap()
        })
    }

    fn source(place: &str) -> Source {
        let place = place.to_owned();
        Source::Place { place }
    }

    /// A component of one layer that is its own, and one that all have.
    fn filled(names: &[&str]) -> Filled {
        let mut filled = Filled::default();
        for name in names {
            let own = Identity::of(name.as_bytes());
            let all = Identity::of(b"all");
            let layer = |blob| RecordLayer {
                content: blob,
                blob,
            };
            filled.records.push(Record {
                digest: own.digest,
                split: true,
                content: own,
                externs: Some(Externs {
                    imports: vec!["all:all/all".to_owned()],
                    exports: vec![format!("own:{name}/{name}")],
                }),
                description: None,
                licenses: None,
                layers: vec![layer(all), layer(own)],
                wit: false,
            });
            filled.stubs.insert(own.digest, name.as_bytes().to_vec());
            filled.entries.push(Entry {
                name: format!("own:{name}"),
                location: format!("host/own/{name}"),
                tag: "1.0.0".to_owned(),
                version: "1.0.0".parse().ok(),
                digest: own.digest,
                yanked: false,
                mark: None,
            });
            filled
                .others
                .push(Digest::of(format!("{name} is none").as_bytes()));
        }
        filled
    }

    #[test]
    fn what_nothing_names_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::open(&directory.path().join("index")).unwrap();
        let (one, two) = (source("one"), source("two"));
        index.add_source(&one).unwrap();
        index.add_source(&two).unwrap();
        index.fill(&one, &filled(&["a", "b"])).unwrap();
        index.fill(&two, &filled(&["b", "c"])).unwrap();
        // What both have is there once, but for what is no component.
        assert_eq!(counts(&index), [3, 4, 4, 3, 4]);
        index.fill(&one, &filled(&["b"])).unwrap();
        assert_eq!(counts(&index), [2, 3, 3, 2, 3]);
        index.remove_source(&two).unwrap();
        assert_eq!(counts(&index), [1, 2, 2, 1, 1]);
        index.fill(&one, &Filled::default()).unwrap();
        assert_eq!(counts(&index), [0; 5]);
    }

    #[test]
    fn a_record_that_changed_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::open(&directory.path().join("index")).unwrap();
        let one = source("one");
        index.add_source(&one).unwrap();
        let mut filled = filled(&["a"]);
        index.fill(&one, &filled).unwrap();
        filled.records[0].layers.truncate(1);
        filled.records[0].externs = None;
        index.fill(&one, &filled).unwrap();
        assert_eq!(counts(&index), [1, 0, 1, 1, 1]);
    }

    #[test]
    fn what_could_not_be_read_keeps_what_is_no_component() {
        let directory = tempfile::tempdir().unwrap();
        let mut index = Index::open(&directory.path().join("index")).unwrap();
        let one = source("one");
        index.add_source(&one).unwrap();
        index.fill(&one, &filled(&["a"])).unwrap();
        let unread = Filled {
            kept: vec![("host/own/a".to_owned(), None)],
            ..Filled::default()
        };
        index.fill(&one, &unread).unwrap();
        assert_eq!(counts(&index), [1, 2, 2, 1, 1]);
    }
}
