//! What goes wrong: registries without a list, artifacts that make no sense, files that are no index.

use std::fs;
use std::path::PathBuf;

use super::components::{TestComponent, VERSIONS, make};
use super::*;
use crate::support::fault::{Fault, Registry};
use crate::support::worlds::from_wit;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn some() -> Vec<TestComponent> {
    make().into_iter().take(4 * VERSIONS).collect()
}

fn scene() -> (Workspace, String) {
    let workspace = Workspace::new();
    let place = places(&workspace).remove(0);
    publish_all(&place, &some());
    workspace.json(&["index", "add", &place]);
    (workspace, place)
}

#[test]
fn an_empty_index_hints_at_index_add() {
    let workspace = Workspace::new();
    for arguments in [&["search", "calc"][..], &["index", "update"]] {
        let error = workspace.error(arguments, 3);
        assert!(
            error["hint"].as_str().unwrap().contains("wharf index add"),
            "{error}"
        );
    }
    workspace.error(&["index", "remove", "ghcr.io"], 3);
    workspace.error(&["index", "add", "not a thing"], 2);
    workspace.error(&["index", "add", "oci:nothing/here"], 3);
    assert_eq!(
        workspace.json(&["index", "ls"])["sources"],
        serde_json::json!([])
    );
}

#[test]
fn unknown_interfaces_come_with_suggestions() {
    let (workspace, _) = scene();
    for (asked, nearest) in [
        ("demo:net/handlr", "demo:net/handler@0.2.0"),
        ("demo:net/handler@0.4", "demo:net/handler@0.3.0"),
        ("handler", "demo:net/handler@0.2.0"),
    ] {
        for flag in ["--exports", "--imports"] {
            let error = workspace.error(&["search", flag, asked], 3);
            assert!(
                error["message"].as_str().unwrap().contains(nearest),
                "{error}"
            );
        }
    }
    // Known, but only the other way round: that is an answer.
    assert_eq!(
        search(&workspace, &["--imports", "demo:net/handler"])["total"],
        0
    );
    workspace.error(&["search", "--exports", "demo:net/handler@v1"], 2);
}

#[test]
fn a_registry_without_a_catalog_is_indexed_by_name() {
    let registry = Registry::start();
    let place = registry.address();
    let all = some();
    publish_all(&place, &all);
    registry.on("GET", "/_catalog", 9, Fault::Status(404, vec![]));
    let workspace = Workspace::new();
    let error = workspace.error(&["index", "add", &place], 1);
    assert!(
        error["hint"].as_str().unwrap().contains("NAMESPACE:NAME"),
        "{error}"
    );
    assert_eq!(
        workspace.json(&["index", "ls"])["sources"],
        serde_json::json!([])
    );

    let list = format!(
        "# what we use\n{}\n\n{place}/{}:{} # one artifact\n",
        all[0].package,
        all[VERSIONS].package.replace(':', "/"),
        all[VERSIONS].version
    );
    workspace.write("list", list.as_bytes());
    let added = workspace.json(&["index", "add", "list", "--registry", &place]);
    assert_eq!(added["sources"].as_array().unwrap().len(), 2, "{added}");
    assert_eq!(
        search(&workspace, &["--all-versions"])["total"],
        VERSIONS + 1
    );
    workspace.error(&["index", "add", "demo:nothing", "--registry", &place], 3);
    workspace.json(&["index", "update"]);

    workspace
        .run(&["index", "remove", &format!("{} in {place}", all[0].package)])
        .success();
    assert_eq!(search(&workspace, &["--all-versions"])["total"], 1);
}

#[test]
fn a_broken_artifact_does_not_stop_the_update() {
    let registry = Registry::start();
    let place = registry.address();
    publish_all(&place, &some());
    let broken = br#"{"schemaVersion":2,"artifactType":"application/vnd.wharf.component.v1","config":{},"layers":[]}"#;
    registry.put_manifest("demo/broken", "1.0.0", MANIFEST, broken);
    let image = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    for tag in ["1.0.0", "2.0.0"] {
        registry.put_manifest("demo/image", tag, MANIFEST, image);
    }
    let workspace = Workspace::new();
    let mut command = workspace.wharf(&["index", "add", &place, "--json"]);
    let answer = Answer::of(&mut command);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let report = answer.json();
    assert_eq!(report["failures"].as_array().unwrap().len(), 1, "{report}");
    let failed = report["failures"][0]["reference"].as_str().unwrap();
    assert!(failed.ends_with("demo/broken:1.0.0"), "{failed}");
    assert_eq!(search(&workspace, &[])["total"], 4);
    assert_eq!(
        workspace.json(&["index", "ls"])["sources"][0]["failures"],
        1
    );
    let said = workspace.run(&["index", "update"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("1 artifact could not be read"),
        "{said:?}"
    );
}

#[test]
fn unreachable_repositories_stay_in_the_index() {
    let registry = Registry::start();
    let place = registry.address();
    publish_all(&place, &some());
    let workspace = Workspace::new();
    workspace.json(&["index", "add", &place]);
    let name = some()[0].package.replace(':', "/");
    registry.on(
        "GET",
        &format!("/{name}/tags/list"),
        9,
        Fault::Status(403, vec![]),
    );
    let said = workspace.run(&["index", "update"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(
        search(&workspace, &["--all-versions"])["total"],
        4 * VERSIONS
    );
}

#[test]
fn artifacts_of_other_clients_are_indexed() {
    let registry = Registry::start();
    let component = from_wit("package a:b; world w { export run: func(); }", "w");
    let config = br#"{"architecture":"wasm","os":"wasip2","layerDigests":[],"component":{"exports":["run"],"imports":[]}}"#;
    let layer = registry.put_blob("them/tool", &component);
    let config = registry.put_blob("them/tool", config);
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": config.digest, "size": config.size },
        "layers": [{ "mediaType": "application/wasm", "digest": layer.digest, "size": layer.size }],
        "annotations": { "org.opencontainers.image.description": "TestComponent elsewhere" },
    });
    let manifest = manifest.to_string();
    registry.put_manifest("them/tool", "0.1.0", MANIFEST, manifest.as_bytes());
    let unknown = manifest.replace("vnd.wasm.config.v0", "vnd.other.config.v0");
    registry.put_manifest("them/other", "0.1.0", MANIFEST, unknown.as_bytes());
    let workspace = Workspace::new();
    // It says what it is, and nothing of imports.
    for (repository, config) in [
        ("them/bare", r#"{"os":"wasip2"}"#),
        ("them/null", r#"{"os":"wasip1","component":null}"#),
        ("them/half", r#"{"os":"wasip2","component":{"exports":[]}}"#),
    ] {
        registry.put_blob(repository, &component);
        let bare = registry.put_blob(repository, config.as_bytes());
        let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
        manifest["config"]["digest"] = bare.digest.to_string().into();
        manifest["config"]["size"] = bare.size.into();
        let manifest = manifest.to_string().replace("elsewhere", "bare");
        registry.put_manifest(repository, "0.1.0", MANIFEST, manifest.as_bytes());
    }
    workspace.json(&["index", "add", &registry.address()]);
    let expected = vec![("them:tool".to_owned(), "0.1.0".to_owned())];
    for arguments in [&["--exports", "run"][..], &["--only-imports", "x:y/z"]] {
        let found = search(&workspace, arguments);
        assert_eq!(names(&found), expected, "{found}");
        assert_eq!(found["packages"][0]["content_size"], component.len());
    }
    // Of one that does not say what it imports nothing is claimed.
    assert_eq!(search(&workspace, &["elsewhere"])["total"], 2);
    assert_eq!(search(&workspace, &["bare"])["total"], 3);
}

/// The file of the index; its name has the version of its tables.
pub(crate) fn index_file(workspace: &Workspace) -> PathBuf {
    let entries = fs::read_dir(workspace.cache().root).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths = paths.filter(|path| path.extension().is_some_and(|is| is == "sqlite"));
    let file = paths.next().unwrap();
    assert_eq!(paths.next(), None);
    file
}

#[test]
fn a_file_that_is_not_an_index_is_replaced() {
    let (workspace, _) = scene();
    let file = index_file(&workspace);
    let sound = fs::read(&file).unwrap();
    let mut torn = sound.clone();
    torn.truncate(sound.len() / 2);
    torn[4096..].fill(0xa5);
    let mut newer = sound;
    // The user's version in the header: https://www.sqlite.org/fileformat.html#user_version_number
    newer[60..64].copy_from_slice(&77u32.to_be_bytes());
    for damaged in [b"no index".to_vec(), vec![7; 10_000], torn, newer] {
        for rest in ["-wal", "-shm"] {
            let _may_be_missing = fs::remove_file(format!("{}{rest}", file.display()));
        }
        fs::write(&file, damaged).unwrap();
        let said = workspace.run(&["search", "part"]);
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.stderr.contains("is now empty"), "{said:?}");
        // What was added is still known.
        workspace.json(&["index", "update"]);
        assert_eq!(
            search(&workspace, &["--all-versions"])["total"],
            4 * VERSIONS
        );
    }
}

#[test]
fn concurrent_commands_do_not_disturb_each_other() {
    let (workspace, place) = scene();
    let mut running = Vec::new();
    for at in 0..6 {
        let arguments: &[&str] = match at % 3 {
            0 => &["index", "update", "--all", "--json"],
            1 => &["index", "add", &place, "--json"],
            _ => &["search", "--all-versions", "--json"],
        };
        running.push(workspace.wharf(arguments).spawn().unwrap());
    }
    for child in running {
        let output = child.wait_with_output().unwrap();
        Answer::from_output("one of several".to_owned(), output).success();
    }
    assert_eq!(
        search(&workspace, &["--all-versions"])["total"],
        4 * VERSIONS
    );
}

#[test]
fn deleted_versions_leave_the_index_and_others_stay() {
    let registry = Registry::start();
    let place = registry.address();
    let all = some();
    publish_all(&place, &all);
    let workspace = Workspace::new();
    workspace.json(&["index", "add", &place]);
    // One tag is listed for a while after it went away; another one cannot be read just now.
    let path = |made: &TestComponent| {
        let repository = made.package.replace(':', "/");
        format!("/{repository}/manifests/{}", made.version)
    };
    let (gone, unread) = (&all[0], &all[VERSIONS]);
    for method in ["HEAD", "GET"] {
        registry.on(method, &path(gone), 9, Fault::Status(404, vec![]));
        registry.on(method, &path(unread), 9, Fault::Status(403, vec![]));
    }
    let said = workspace.run(&["index", "update"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let found = names(&search(&workspace, &["--all-versions"]));
    let version = |made: &TestComponent| (made.package.clone(), made.version.clone());
    assert!(!found.contains(&version(gone)), "{found:?}");
    assert!(found.contains(&version(unread)), "{found:?}");
    assert_eq!(found.len(), all.len() - 1);
}

#[test]
fn a_world_that_cannot_be_read_is_named_with_its_place() {
    let (workspace, _) = scene();
    fs::create_dir_all(workspace.path("wit/deps")).unwrap();
    let good = "package demo:scene;\nworld host {\n  import demo:log/log;\n}\n";
    let log = "package demo:log;\ninterface log {\n  log: func(text: string);\n}\n";
    let asked = ["search", "--world", "host", "--wit", "wit"];
    for (file, from, to, place) in [
        ("scene.wit", "import", "imprt", "wit/scene.wit:3:"),
        ("scene.wit", "log/log", "log/lgo", "wit/scene.wit:3:"),
        (
            "deps/log.wit",
            "text: string",
            "text: strin",
            "wit/deps/log.wit:3:",
        ),
    ] {
        workspace.write("wit/scene.wit", good.as_bytes());
        workspace.write("wit/deps/log.wit", log.as_bytes());
        workspace.run(&asked).success();
        let broken = [("scene.wit", good), ("deps/log.wit", log)];
        let (_, text) = broken.iter().find(|(name, _)| *name == file).unwrap();
        workspace.write(&format!("wit/{file}"), text.replace(from, to).as_bytes());
        let error = workspace.error(&asked, 5);
        assert!(
            error["message"].as_str().unwrap().contains(place),
            "{error}"
        );
    }
    workspace.write("wit/scene.wit", good.as_bytes());
    workspace.write("wit/deps/log.wit", log.as_bytes());
    let unknown = ["search", "--world", "hots", "--wit", "wit"];
    let error = workspace.error(&unknown, 3);
    assert!(
        error["message"].as_str().unwrap().contains("host"),
        "{error}"
    );
    workspace.error(&["search", "--world", "host"], 2);
}

#[test]
fn an_empty_or_inconsistent_index_is_rebuilt() {
    let workspace = Workspace::new();
    let place = places(&workspace).remove(0);
    let all: Vec<TestComponent> = make().into_iter().take(2 * VERSIONS).collect();
    publish_all(&place, &all);
    workspace.json(&["index", "add", &place]);
    let file = index_file(&workspace);
    let good = std::fs::read(&file).unwrap();
    let name = all[0].package.replace(':', "/");
    // Text that is none, in every row that has it.
    let mut damaged = good.clone();
    let (from, to) = (name.as_bytes(), b"\xff\xfe");
    for at in 0..damaged.len() - from.len() {
        if damaged[at..].starts_with(from) {
            damaged[at..at + to.len()].copy_from_slice(to);
        }
    }
    assert_ne!(damaged, good);
    for bytes in [Vec::new(), vec![0], damaged] {
        std::fs::write(&file, bytes).unwrap();
        let first = workspace.run(&["search", "--all-versions"]);
        assert!(first.stderr.contains("is now empty"), "{first:?}");
        workspace.json(&["index", "update"]);
        assert_eq!(search(&workspace, &["--all-versions"])["total"], all.len());
    }
}

#[test]
fn a_package_that_cannot_be_added_does_not_affect_others() {
    let workspace = Workspace::new();
    let registry = Registry::start();
    let place = registry.address();
    let all: Vec<TestComponent> = make().into_iter().take(2 * VERSIONS).collect();
    publish_all(&place, &all);
    let (first, last) = (&all[0].package, &all[VERSIONS].package);
    let named = [
        "index",
        "add",
        first,
        "demo:nowhere",
        last,
        "--registry",
        &place,
    ];
    let mut added = workspace.wharf(&[&named[..], &["--json"]].concat());
    let answer = Answer::of(&mut added);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let report = answer.json();
    assert_eq!(report["sources"].as_array().unwrap().len(), 2, "{report}");
    let failures = report["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{report}");
    assert!(
        failures[0]["reference"]
            .as_str()
            .unwrap()
            .contains("demo:nowhere")
    );
    assert_eq!(search(&workspace, &["--all-versions"])["total"], all.len());
    // It is no source, and alone it is a mistake in the call.
    let listed = workspace.json(&["index", "ls"]);
    assert_eq!(listed["sources"].as_array().unwrap().len(), 2, "{listed}");
    let alone = ["index", "add", "demo:nowhere", "--registry", &place];
    workspace.error(&alone, 3);
}
