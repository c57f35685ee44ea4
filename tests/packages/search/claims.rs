//! Who is believed: what was read here, what an index claims, what a manifest claims, and what a root says.

use std::fs;

use super::components::{TestComponent, VERSIONS, make};
use super::*;
use crate::support::fault::Registry;

use ::wharf::index::{Externs, exchange};
use ::wharf::reference::Name;

const CLAIMED: &str = "false:claim/nothing";

fn is_unknown(workspace: &Workspace) -> bool {
    let answer = workspace.run(&["search", "--exports", CLAIMED]);
    assert!(matches!(answer.code, Some(0 | 3)), "{answer:?}");
    answer.code == Some(3)
}

/// Publishes an index of a registry that says of every component what is not so.
fn publish_lies(place: &str, target: &str) {
    let publisher = Workspace::new();
    publisher.json(&["index", "add", place]);
    publisher.json(&["index", "publish", target, "--everything"]);
    let directory = target.strip_prefix("oci:").unwrap();
    let directory = directory.strip_suffix(":index").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let layout = Layout::open(directory.as_ref(), Arc::new(())).unwrap();
        let machine = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::open(machine.path()).unwrap());
        let session = Session::unobserved(cache, 4);
        let name = Name::Tag("index".to_owned());
        let read = exchange::read(&layout, &name, &session).await.unwrap();
        let (_, mut shared) = read.unwrap();
        for record in &mut shared.records {
            record.externs = Some(Externs {
                imports: Vec::new(),
                exports: vec![CLAIMED.to_owned()],
                ..Externs::default()
            });
            record.description = Some("claimed".to_owned());
        }
        exchange::publish(&layout, Some("index"), shared, &session)
            .await
            .unwrap();
    });
}

#[test]
fn shared_indexes_do_not_replace_records_read_here() {
    let home = Workspace::new();
    let all: Vec<TestComponent> = make().into_iter().take(3 * VERSIONS).collect();
    let registry = Registry::start();
    let place = registry.address();
    publish_all(&place, &all);
    let lies = format!("oci:{}:index", home.path("lies").display());
    publish_lies(&place, &lies);
    let assert_true = |workspace: &Workspace| {
        assert!(is_unknown(workspace));
        assert_eq!(search(workspace, &["claimed"])["total"], 0);
        let found = search(
            workspace,
            &["--exports", "demo:net/handler", "--all-versions"],
        );
        assert_eq!(found["total"], all.len());
        let only: Vec<Value> = found["packages"].as_array().unwrap().to_vec();
        for row in only {
            let made = |made: &&TestComponent| {
                row["name"] == made.package && row["version"] == made.version
            };
            let made = all.iter().find(made).unwrap();
            assert_eq!(row["description"], made.description);
            let matched = &row["matched"][0]["name"];
            assert!(made.exports.iter().any(|export| matched == export), "{row}");
        }
    };

    // Read here first: nothing that is claimed later replaces it, whatever is added or updated after that.
    let reader = Workspace::new();
    reader.json(&["index", "add", &place]);
    reader.json(&["index", "add", &lies]);
    assert_true(&reader);
    reader.json(&["index", "update", "--all"]);
    assert_true(&reader);

    // Claimed first: it is all there is, and gives way to what is read here later.
    let reader = Workspace::new();
    reader.json(&["index", "add", &lies]);
    assert!(!is_unknown(&reader));
    assert_eq!(
        search(&reader, &["claimed", "--all-versions"])["total"],
        all.len()
    );
    let added = reader.json(&["index", "add", &place]);
    assert_eq!(
        added["sources"][0]["new"],
        all.len(),
        "claims are not known"
    );
    assert_true(&reader);
    // What a pull gives was never a question.
    let reference = search(&reader, &["part-n0"])["packages"][0]["reference"].clone();
    let newest = all.iter().find(|made| made.version == "1.2.0").unwrap();
    reader.pull(reference.as_str().unwrap(), &newest.bytes);
}

#[test]
fn the_root_wins_over_a_manifest_and_a_config_that_lie_together() {
    let home = Workspace::new();
    let place = places(&home).remove(0);
    let made = &make()[0];
    let mut component = Component::read(made.bytes.clone(), &POLICY).unwrap();
    component.config.exports = vec![CLAIMED.to_owned()];
    push_all(&place, [("demo:liar", "1.0.0", component)]);
    publish_all(&place, std::slice::from_ref(made));
    let workspace = Workspace::new();
    workspace.json(&["index", "add", &place]);
    // Names are those of the manifest: to index no root is fetched.
    let liar = vec![("demo:liar".to_owned(), "1.0.0".to_owned())];
    assert_eq!(names(&search(&workspace, &["--exports", CLAIMED])), liar);
    // Types are those of the root.
    fs::create_dir(workspace.path("wit")).unwrap();
    let wit = "package demo:scene; package false:claim { interface nothing {} } \
        world liars { export false:claim/nothing; }";
    workspace.write("wit/scene.wit", wit.as_bytes());
    let world = ["--world", "liars", "--wit", "wit"];
    assert_eq!(search(&workspace, &world)["total"], 0);
    // And who looks is told.
    let reference = search(&workspace, &["liar"])["packages"][0]["reference"].clone();
    let inspect = ["inspect", "--wit", reference.as_str().unwrap()];
    let said = workspace.run(&inspect).success();
    let warning = "the exports in the manifest are not those of the component: the component has no `false:claim/nothing`";
    assert!(said.stderr.contains(warning), "{}", said.stderr);
}

#[test]
fn a_manifest_that_its_config_contradicts_is_not_indexed() {
    let registry = Registry::start();
    let place = registry.address();
    let all: Vec<TestComponent> = make().into_iter().take(2 * VERSIONS).collect();
    publish_all(&place, &all);
    let repository = all[0].package.replace(':', "/");
    let manifest = registry.manifest(&repository, "1.0.0").unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let exports = &mut manifest["annotations"]["wasm.wharf.exports"];
    assert!(exports.is_string());
    *exports = format!("[\"{CLAIMED}\"]").into();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let bytes = manifest.to_string();
    registry.put_manifest(&repository, "1.0.0", media_type, bytes.as_bytes());
    let workspace = Workspace::new();
    let mut add = workspace.wharf(&["index", "add", &place, "--json"]);
    let answer = Answer::of(&mut add);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let failures = answer.json()["failures"].clone();
    assert_eq!(failures.as_array().unwrap().len(), 1, "{failures}");
    let reference = format!("{place}/{repository}:1.0.0");
    assert_eq!(failures[0]["reference"], reference);
    let message = failures[0]["message"].as_str().unwrap();
    assert!(message.contains("does not fit its manifest"), "{message}");
    assert!(is_unknown(&workspace));
    assert_eq!(
        search(&workspace, &["--all-versions"])["total"],
        all.len() - 1
    );
}
