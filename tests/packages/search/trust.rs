//! What is believed: what this machine read and what a shared index claims, what a manifest names and what its root has.

mod merged;

use std::fs;
use std::path::Path;

use super::components::{TestComponent, VERSIONS, make};
use super::faults::index_file;
use super::*;
use crate::support::fault::Registry;
use crate::support::worlds::from_wit;

use ::wharf::digest::{Digest, Identity};
use ::wharf::index::shared::SharedIndex;
use ::wharf::index::{
    Entry, Externs, ImportOutcome, Index, IndexSource, Query, Record, RecordLayer, SourceContents,
    exchange,
};

fn record(manifest: &str, content: &str) -> Record {
    let content = Identity::of(content.as_bytes());
    Record {
        digest: Digest::of(manifest.as_bytes()),
        split: true,
        content,
        externs: Some(Externs {
            imports: Vec::new(),
            exports: vec!["run".to_owned()],
            ..Externs::default()
        }),
        description: None,
        licenses: None,
        layers: vec![RecordLayer {
            content,
            blob: content,
        }],
        wit: false,
    }
}

fn entry(name: &str, manifest: &str) -> Entry {
    Entry {
        name: format!("demo:{name}"),
        location: format!("registry.example/demo/{name}"),
        tag: "1.0.0".to_owned(),
        version: "1.0.0".parse().ok(),
        digest: Digest::of(manifest.as_bytes()),
        yanked: false,
        mark: None,
    }
}

fn own(place: &str) -> IndexSource {
    let place = place.to_owned();
    IndexSource::Place { place }
}

fn shared(name: &str) -> IndexSource {
    let reference = format!("registry.example/{name}:index");
    IndexSource::Shared { reference }
}

/// What a source has; each of its manifests has a content of its own name.
fn filled(source: &IndexSource, now: i64, entries: Vec<(Entry, Record)>) -> SourceContents {
    let (entries, records) = entries.into_iter().unzip();
    SourceContents {
        entries,
        records,
        state: matches!(source, IndexSource::Shared { .. })
            .then(|| Digest::of(now.to_string().as_bytes())),
        now,
        ..SourceContents::default()
    }
}

fn index(directory: &Path, sources: &[&IndexSource]) -> Index {
    let mut index = Index::open(&directory.join("index.sqlite")).unwrap();
    for source in sources {
        assert!(index.add_source(source).unwrap());
    }
    index
}

fn all(index: &Index) -> Vec<::wharf::index::SearchResult> {
    let query = Query {
        all_versions: true,
        ..Query::default()
    };
    index.search(&query).unwrap().found
}

#[test]
fn a_stub_answers_for_the_manifest_that_it_was_made_of() {
    let directory = tempfile::tempdir().unwrap();
    let (mine, theirs) = (own("registry.example"), shared("theirs"));
    let mut index = index(directory.path(), &[&mine, &theirs]);
    let good = (entry("good", "good"), record("good", "content"));
    // Another manifest claims the same content, and both that are claimed come with a stub.
    let claimed = vec![
        good.clone(),
        (entry("evil", "evil"), record("evil", "content")),
    ];
    let mut claims = filled(&theirs, 2, claimed);
    for record in &claims.records {
        claims.stubs.insert(record.digest, b"evil".to_vec());
    }
    let read = filled(&mine, 1, vec![good.clone()]);
    for mine_first in [true, false] {
        let fills = [(&mine, &read), (&theirs, &claims)];
        let order = if mine_first { [0, 1] } else { [1, 0] };
        for at in order {
            let (source, filled) = fills[at];
            assert_eq!(index.import(source, filled).unwrap(), ImportOutcome::Done);
        }
        let found = all(&index);
        let stubs: Vec<_> = found
            .iter()
            .map(|found| index.stub(found).unwrap())
            .collect();
        assert_eq!(stubs, [Some(b"evil".to_vec()), None], "{mine_first}");
        let claimed: Vec<_> = found.into_iter().map(|found| found.claimed_by).collect();
        assert_eq!(claimed, [Some(theirs.clone()), None], "{mine_first}");

        index
            .store_records(&[(good.1.clone(), b"root".to_vec())])
            .unwrap();
        let found = all(&index);
        assert_eq!(index.stub(&found[0]).unwrap().unwrap(), b"evil");
        assert_eq!(index.stub(&found[1]).unwrap().unwrap(), b"root");

        // What a source claims goes with it, and what was read stays.
        index.remove_source(&theirs).unwrap();
        let found = all(&index);
        assert_eq!(found.len(), 1);
        assert_eq!(index.stub(&found[0]).unwrap().unwrap(), b"root");
        index.remove_source(&mine).unwrap();
        index.add_source(&mine).unwrap();
        index.add_source(&theirs).unwrap();
        assert!(index.known().unwrap().records.is_empty());
    }
}

#[test]
fn own_records_win_and_no_shared_index_hides_a_yank() {
    let directory = tempfile::tempdir().unwrap();
    let sources = [own("a"), own("b"), shared("old"), shared("new")];
    let [a, b, old, new] = &sources;
    let mut index = index(directory.path(), &[a, b, old, new]);
    let mark = Digest::of(b"mark");
    let says = |yanked: bool, manifest: &str| {
        let mut entry = entry("calc", manifest);
        (entry.yanked, entry.mark) = (yanked, Some(mark));
        vec![(entry, record(manifest, manifest))]
    };
    let mut fill = |source: &IndexSource, now: i64, has: Vec<(Entry, Record)>| {
        let filling = index.import(source, &filled(source, now, has)).unwrap();
        assert_eq!(filling, ImportOutcome::Done);
        let found = all(&index);
        assert_eq!(found.len(), 1);
        let shown = found[0].entry.clone();
        let is_claimed = found[0].claimed_by.is_some();
        (
            shown.digest,
            shown.yanked,
            is_claimed,
            index.known().unwrap().marks.len(),
        )
    };
    let digest = |text: &str| Digest::of(text.as_bytes());
    let one = digest("one");
    assert_eq!(fill(new, 20, says(false, "one")), (one, false, true, 0));
    // Of two claims the one that was read last counts, whichever was added first.
    assert_eq!(fill(old, 10, says(true, "two")), (one, false, true, 0));
    assert_eq!(
        fill(old, 30, says(true, "two")),
        (digest("two"), true, true, 0)
    );
    assert_eq!(fill(new, 40, says(false, "one")), (one, false, true, 0));
    // What is read here counts more, and what any source here says is yanked, is.
    assert_eq!(fill(a, 1, says(true, "one")), (one, true, false, 1));
    assert_eq!(fill(new, 50, says(false, "one")), (one, true, false, 1));
    assert_eq!(fill(b, 2, says(false, "one")), (one, true, false, 1));
    assert_eq!(fill(a, 3, says(false, "one")), (one, false, false, 1));
    // A claim yanks nothing that is read here, and a mark is of one manifest.
    assert_eq!(fill(new, 60, says(true, "one")), (one, false, false, 1));
    assert_eq!(
        fill(a, 4, says(true, "two")),
        (digest("two"), true, false, 1)
    );
    assert_eq!(fill(b, 5, says(false, "one")), (one, false, false, 1));
}

#[test]
fn records_removed_from_the_index_are_fetched_again() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (own("one"), own("two"));
    let mut index = index(directory.path(), &[&one, &two]);
    let has = vec![(entry("calc", "calc"), record("calc", "calc"))];
    let full = filled(&one, 1, has);
    assert_eq!(index.import(&one, &full).unwrap(), ImportOutcome::Done);
    let known = SourceContents {
        entries: full.entries.clone(),
        ..SourceContents::default()
    };
    assert_eq!(index.import(&two, &known).unwrap(), ImportOutcome::Done);
    for source in [&one, &two] {
        index.remove_source(source).unwrap();
    }
    assert_eq!(index.import(&one, &known).unwrap(), ImportOutcome::Removed);
    assert!(index.sources().unwrap().is_empty());
    index.add_source(&two).unwrap();
    assert_eq!(index.import(&two, &known).unwrap(), ImportOutcome::Unknown);
    assert_eq!(index.entries_of(&two).unwrap(), []);
}

/// Publishes an index into a layout and returns its name.
fn publish_index(workspace: &Workspace, shared: SharedIndex) -> String {
    let directory = workspace.path("claims");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let layout = Layout::create(&directory, Arc::new(())).unwrap();
        let cache_directory = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::open(cache_directory.path()).unwrap());
        let session = Session::unobserved(cache, 4);
        let published = exchange::publish(&layout, Some("index"), shared, &session);
        published.await.unwrap();
    });
    format!("oci:{}:index", directory.display())
}

const WORLD: &str = "package a:b; world w { export run: func(); }";

#[test]
fn claims_are_marked_and_no_other_registry_is_contacted() {
    let registry = Registry::start();
    let stranger = registry.address();
    let workspace = Workspace::new();
    let mut claimed = entry("calc", "calc");
    claimed.location = format!("{stranger}/demo/calc");
    let mut lies = record("calc", "calc");
    for number in 0..4u8 {
        let content = Identity {
            digest: Digest::of(&[number]),
            size: i64::MAX as u64,
        };
        lies.layers.push(RecordLayer {
            content,
            blob: content,
        });
    }
    let reference = claimed.reference();
    let shared = SharedIndex {
        entries: vec![claimed],
        records: vec![lies],
        ..SharedIndex::default()
    };
    let target = publish_index(&workspace, shared);
    workspace.json(&["index", "add", &target]);
    let found = search(&workspace, &["--exports", "run"]);
    let row = &found["packages"][0];
    assert_eq!(row["claimed"], true);
    assert_eq!(row["fetch_bytes"], u64::MAX);
    let said = workspace.run(&["search", "calc"]).success();
    let shown = String::from_utf8_lossy(&said.stdout);
    let marked = format!("claimed  {stranger}/demo/calc");
    assert!(shown.contains(&marked), "{shown}");

    // Its types are not in the index, and who has the root is nobody that was added.
    workspace.write("w.wit", WORLD.as_bytes());
    let world = ["search", "--world", "w", "--wit", "w.wit"];
    let answer = Answer::of(workspace.wharf(&world).arg("--json"));
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let report = answer.json();
    assert_eq!(report["failures"][0]["reference"], reference);
    let message = report["failures"][0]["message"].as_str().unwrap();
    assert!(message.contains("is not a source"), "{message}");
    assert_eq!(registry.lines(), [""; 0]);
    let said = workspace.run(&world);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("1 candidate could not be compared"),
        "{said:?}"
    );

    // Who is added may be asked.
    let made = from_wit(WORLD, "w");
    let component = Component::read(made, &POLICY).unwrap();
    push_all(&stranger, [("demo:other", "1.0.0", component)]);
    registry.forget_requests();
    workspace.json(&["index", "add", &stranger]);
    let answer = Answer::of(workspace.wharf(&world).arg("--json"));
    let asked = |line: &String| line.contains("/demo/calc/");
    assert!(registry.lines().iter().any(asked), "{answer:?}");
    assert_eq!(names(&answer.json())[0].0, "demo:other");
}

#[test]
fn only_chosen_places_are_published() {
    let registry = Registry::start();
    let host = registry.address();
    let workspace = Workspace::new();
    let all: Vec<TestComponent> = make().into_iter().take(4 * VERSIONS).collect();
    let layout = places(&workspace).remove(0);
    publish_all(&host, &all[..VERSIONS]);
    publish_all(&layout, &all[VERSIONS..]);
    let shared = SharedIndex {
        entries: vec![entry("calc", "calc")],
        records: vec![record("calc", "calc")],
        ..SharedIndex::default()
    };
    let claims = publish_index(&workspace, shared);
    workspace.json(&["index", "add", &host, &layout, &claims]);
    let target = format!("{host}/company/index:latest");
    let error = workspace.error(&["index", "publish", &target], 2);
    assert!(
        error["hint"].as_str().unwrap().contains("--everything"),
        "{error}"
    );
    let publish = |arguments: &[&str]| {
        let all = [&["index", "publish", target.as_str()][..], arguments].concat();
        workspace.json(&all)
    };
    let everything = publish(&["--everything"]);
    assert_eq!(everything["versions"], VERSIONS);
    assert_eq!(everything["left_out"], 3 * VERSIONS + 1);
    let here = publish(&["--place", &host]);
    assert_eq!(here["digest"], everything["digest"]);
    assert_eq!(here["left_out"], 0);
    // A port belongs to a host.
    let (name, _) = host.split_once(':').unwrap();
    let nothing = ["index", "publish", &target, "--place", name];
    workspace.error(&nothing, 3);
    let reader = Workspace::new();
    reader.json(&["index", "add", &target]);
    let found = search(&reader, &["--all-versions"]);
    assert_eq!(found["total"], VERSIONS);
}

#[test]
fn an_artifact_indexed_by_reference_is_marked_as_yanked() {
    let registry = Registry::start();
    let host = registry.address();
    let workspace = Workspace::new();
    let made = make().remove(0);
    publish_all(&host, std::slice::from_ref(&made));
    let reference = format!("{host}/{}:{}", made.package.replace(':', "/"), made.version);
    workspace.json(&["index", "add", &reference]);
    let yanked = || search(&workspace, &[])["packages"][0]["yanked"].clone();
    assert_eq!(yanked(), false);
    let version = format!("{}@{}", made.package, made.version);
    workspace.json(&["yank", &version, "--registry", &host]);
    workspace.json(&["index", "update"]);
    assert_eq!(yanked(), true);
}

#[test]
fn names_are_claims_until_a_root_was_read() {
    const CLAIMED: &str = "false:claim/nothing";
    let workspace = Workspace::new();
    let place = places(&workspace).remove(0);
    let mut component = Component::read(from_wit(WORLD, "w"), &POLICY).unwrap();
    component.config.exports.push(CLAIMED.to_owned());
    push_all(&place, [("demo:liar", "1.0.0", component)]);
    workspace.json(&["index", "add", &place]);
    let liar = [("demo:liar".to_owned(), "1.0.0".to_owned())];
    let claimed = ["search", "--exports", CLAIMED];
    assert_eq!(names(&search(&workspace, &claimed[1..])), liar);
    workspace.write("w.wit", WORLD.as_bytes());
    let world = ["search", "--world", "w", "--wit", "w.wit"];
    let said = workspace.run(&world).success();
    assert!(said.stderr.contains("names in the root count"), "{said:?}");
    workspace.error(&claimed, 3);
    assert_eq!(names(&search(&workspace, &["--exports", "run"])), liar);
    let said = workspace.run(&world).success();
    assert!(
        !said.stderr.contains("names in the root count"),
        "said once: {said:?}"
    );
    let reference = search(&workspace, &[])["packages"][0]["reference"].clone();
    let check = ["check", reference.as_str().unwrap()];
    let said = workspace.run(&[&check[..], &world[1..]].concat()).success();
    assert!(said.stderr.contains("names in the root count"), "{said:?}");
}

#[test]
fn a_wit_package_runs_nowhere() {
    let workspace = Workspace::new();
    let place = places(&workspace).remove(0);
    // The manifest of the second one leaves out its exports.
    let many = (0..2500).map(|number| format!("interface an-interface-of-many-n{number} {{}}"));
    for (name, interfaces) in [
        ("demo:words", "interface run { go: func(); }".to_owned()),
        ("demo:dictionary", many.collect()),
    ] {
        let mut resolve = wit_parser::Resolve::default();
        let text = format!("package {name}; {interfaces}");
        let package = resolve.push_source("words.wit", &text).unwrap();
        let bytes = wit_component::encode(&resolve, package, false).unwrap();
        let words = Component::read(bytes, &POLICY).unwrap();
        push_all(&place, [(name, "1.0.0", words)]);
    }
    let runs = Component::read(from_wit(WORLD, "w"), &POLICY).unwrap();
    push_all(&place, [("demo:runs", "1.0.0", runs)]);
    workspace.json(&["index", "add", &place]);
    assert_eq!(search(&workspace, &[])["total"], 3);
    let only = search(&workspace, &["--only-imports", "x:y/z"]);
    assert_eq!(names(&only)[0].0, "demo:runs");
    assert_eq!(only["total"], 1);
}

/// Takes a table out of an index, so that who needs it finds the index damaged.
fn damage(workspace: &Workspace, table: &str) {
    let connection = rusqlite::Connection::open(index_file(workspace)).unwrap();
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; DROP TABLE {table}"))
        .unwrap();
}

#[test]
fn update_rebuilds_a_damaged_index() {
    let workspace = Workspace::new();
    let all: Vec<TestComponent> = make().into_iter().take(6 * VERSIONS).collect();
    let first = places(&workspace).remove(0);
    let second = format!("oci:{}", workspace.path("second").display());
    publish_all(&first, &all[..2 * VERSIONS]);
    publish_all(&second, &all[2 * VERSIONS..5 * VERSIONS]);
    workspace.json(&["index", "add", &first, &second]);
    // Asked for before anything is read, while it is read, when it is written, and when it is removed.
    for (table, new) in [("source", 0), ("other", 1), ("word", 2)] {
        let more = 5 * VERSIONS + new;
        publish_all(&second, &all[more..=more]);
        damage(&workspace, table);
        let said = workspace.run(&["index", "update"]).success();
        assert!(said.stderr.contains("is now empty"), "{table}: {said:?}");
        let total = search(&workspace, &["--all-versions"])["total"].clone();
        assert_eq!(total, more + 1, "{table}");
    }
    damage(&workspace, "artifact");
    let said = workspace.run(&["index", "publish", "oci:there:index", "--everything"]);
    assert!(said.stderr.contains("is now empty"), "{said:?}");
    damage(&workspace, "word");
    workspace.run(&["index", "remove", &first]).success();
    assert_eq!(
        workspace.json(&["index", "ls"])["sources"][0]["source"],
        second
    );
}

#[test]
fn an_invalid_list_of_sources_is_reported() {
    let workspace = Workspace::new();
    let place = places(&workspace).remove(0);
    publish_all(&place, &make()[..1]);
    workspace.json(&["index", "add", &place]);
    let file = workspace.cache().root.join("index.sqlite-sources");
    let sound = fs::read(&file).unwrap();
    fs::write(&file, "no list").unwrap();
    // What is known is still known, but nothing is written over what somebody may want to mend.
    assert_eq!(search(&workspace, &[])["total"], 1);
    let error = workspace.error(&["index", "add", &place], 5);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("index.sqlite-sources"),
        "{error}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"no list");
    fs::write(&file, sound).unwrap();
    workspace.json(&["index", "add", &place]);
}

#[test]
fn two_versions_of_wharf_have_an_index_each() {
    let workspace = Workspace::new();
    let place = places(&workspace).remove(0);
    publish_all(&place, &make()[..1]);
    workspace.json(&["index", "add", &place]);
    let file = index_file(&workspace);
    fs::remove_file(&file).unwrap();
    let other = workspace.cache().root.join("index.sqlite");
    fs::write(&other, "another version's").unwrap();
    // The list of what was added is that of both.
    workspace.json(&["index", "update"]);
    assert_eq!(search(&workspace, &[])["total"], 1);
    assert_eq!(fs::read(&other).unwrap(), b"another version's");
}

#[test]
fn queries_without_a_word_are_refused() {
    let workspace = Workspace::new();
    for text in ["++", "", ". !"] {
        workspace.error(&["search", text], 2);
    }
}
