//! One answer from several files.

use super::*;

#[test]
fn answers_of_several_files_are_merged_and_numbered_again_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let (mine, theirs) = (own("registry.example"), shared("theirs"));
    let mut index = index(directory.path(), &[&mine, &theirs]);
    let read = (entry("calc", "one"), record("one", "one"));
    let mut newer = (entry("calc", "two"), record("two", "two"));
    newer.0.tag = "2.0.0".to_owned();
    newer.0.version = "2.0.0".parse().ok();
    let claims = vec![newer, read.clone(), (entry("more", "one"), read.1.clone())];
    index.import(&mine, &filled(&mine, 1, vec![read])).unwrap();
    index.import(&theirs, &filled(&theirs, 2, claims)).unwrap();
    let assert_answers = |index: &Index| {
        let shown = |query: Query| -> Vec<(String, bool)> {
            let found = index.search(&query).unwrap().found.into_iter();
            let shown = found.map(|found| (found.entry.reference(), found.claimed_by.is_some()));
            shown.collect()
        };
        let row = |text: &str, claimed| (format!("registry.example/demo/{text}"), claimed);
        // One version of each package, whichever file has it.
        let newest = [row("calc:2.0.0", true), row("more:1.0.0", true)];
        assert_eq!(shown(Query::default()), newest);
        let words = Query {
            text: "calc".to_owned(),
            all_versions: true,
            ..Query::default()
        };
        let all = [row("calc:2.0.0", true), row("calc:1.0.0", false)];
        assert_eq!(shown(words), all);
    };
    assert_answers(&index);
    // The process was killed when it had committed this file and not yet the other one.
    let claims = fs::read_dir(directory.path().join("index-5-shared")).unwrap();
    let claims = claims.map(|file| file.unwrap().path());
    let mut claims = claims.filter(|file| file.extension().is_some_and(|is| is == "sqlite"));
    let connection = rusqlite::Connection::open(claims.next().unwrap()).unwrap();
    assert!(claims.next().is_none(), "a file for each shared index");
    connection
        .execute_batch("UPDATE source SET generation = 77; UPDATE entry SET id = id + 7")
        .unwrap();
    assert_answers(&index);
}

#[test]
fn a_layer_has_the_size_that_was_read() {
    let directory = tempfile::tempdir().unwrap();
    let (mine, theirs) = (own("registry.example"), shared("theirs"));
    let mut index = index(directory.path(), &[&mine, &theirs]);
    let mut lie = record("lie", "content");
    lie.layers[0].blob.size = 1 << 40;
    let claims = filled(&theirs, 1, vec![(entry("lie", "lie"), lie)]);
    index.import(&theirs, &claims).unwrap();
    let has = vec![(entry("calc", "calc"), record("calc", "content"))];
    index.import(&mine, &filled(&mine, 2, has)).unwrap();
    let sizes = all(&index)
        .into_iter()
        .map(|found| found.record.layers[0].blob.size);
    assert_eq!(sizes.collect::<Vec<u64>>(), [7, 1 << 40]);
}
