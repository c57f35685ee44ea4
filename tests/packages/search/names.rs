//! Search by import, export, version and word, on every place.

use super::components::{PACKAGES, TestComponent, VERSIONS, make};
use super::large::Types;
use super::proxy::Proxy;
use super::requests::nothing_new;
use super::*;
use crate::support::binary;
use crate::support::fault::Registry;

/// Whether a name is meant, said in another way than wharf says it.
pub(crate) fn matches_name(wanted: &str, name: &str) -> bool {
    match wanted.split_once('@') {
        None => name == wanted || name.starts_with(&format!("{wanted}@")),
        Some((_, version)) if version.split('.').count() >= 3 => name == wanted,
        Some(_) => name.starts_with(&format!("{wanted}.")) && !name.contains('-'),
    }
}

/// What a search asks for.
#[derive(Default, Clone, Copy)]
struct SearchCase {
    exports: &'static [&'static str],
    imports: &'static [&'static str],
    only: Option<&'static [&'static str]>,
    words: &'static [&'static str],
}

impl SearchCase {
    fn arguments(&self) -> Vec<&str> {
        let mut arguments = self.words.to_vec();
        let lists = [
            ("--exports", self.exports),
            ("--imports", self.imports),
            ("--only-imports", self.only.unwrap_or_default()),
        ];
        for (flag, names) in lists {
            for name in names {
                arguments.extend([flag, *name]);
            }
        }
        arguments
    }

    fn is_met(&self, made: &TestComponent) -> bool {
        let any =
            |names: &[String], wanted: &str| names.iter().any(|name| matches_name(wanted, name));
        let text = format!("{} {}", made.package, made.description).to_lowercase();
        let begins = |word: &str| {
            let mut own = text.split([' ', ':', '-']);
            own.any(|own| own.starts_with(&word.to_lowercase()))
        };
        let offered = |name: &String, only: &[&str]| only.iter().any(|one| matches_name(one, name));
        self.exports.iter().all(|wanted| any(&made.exports, wanted))
            && self.imports.iter().all(|wanted| any(&made.imports, wanted))
            && self
                .words
                .iter()
                .flat_map(|word| word.split('-'))
                .all(begins)
            && self
                .only
                .is_none_or(|only| made.imports.iter().all(|name| offered(name, only)))
    }

    /// What is true by the whole files.
    fn expected(&self, all: &[TestComponent], all_versions: bool) -> Vec<(String, String)> {
        shown(
            all.iter().filter(|made| self.is_met(made)).collect(),
            all_versions,
        )
    }
}

/// As what was found is shown: names in order, of each the releases from the newest on, then the rest.
pub(crate) fn shown(mut met: Vec<&TestComponent>, all_versions: bool) -> Vec<(String, String)> {
    let order = ["1.2.0", "1.0.0", "2.0.0-rc.1"];
    let rank = |made: &TestComponent| order.iter().position(|version| *version == made.version);
    met.sort_by_key(|made| (made.package.clone(), rank(made)));
    if !all_versions {
        met.dedup_by_key(|made| made.package.clone());
    }
    let name = |made: &TestComponent| (made.package.clone(), made.version.clone());
    met.into_iter().map(name).collect()
}

const QUESTIONS: &[SearchCase] = &[
    SearchCase {
        exports: &["demo:net/handler"],
        imports: &[],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &["demo:net/handler@0.2"],
        imports: &[],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &["demo:net/handler@0.2.0"],
        imports: &[],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &["demo:net/handler@0.3"],
        imports: &["demo:kv/store"],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &["run"],
        imports: &[],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &["run", "demo:net/handler@0.2.10"],
        imports: &["demo:log/log"],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &[],
        imports: &["demo:kv/store@0.2"],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &[],
        imports: &["demo:kv/store@1.0.0-rc.1"],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &[],
        imports: &["demo:kv/watch", "demo:kv/store@0.3"],
        only: None,
        words: &[],
    },
    SearchCase {
        exports: &[],
        imports: &[],
        only: Some(&["demo:log/log"]),
        words: &[],
    },
    SearchCase {
        exports: &[],
        imports: &[],
        only: Some(&["demo:kv/store@0.2", "demo:log/log"]),
        words: &[],
    },
    SearchCase {
        exports: &["run"],
        imports: &[],
        only: Some(&["demo:kv/store@0.2.3", "nobody:has/this"]),
        words: &[],
    },
    SearchCase {
        exports: &[],
        imports: &[],
        only: None,
        words: &["größ"],
    },
    SearchCase {
        exports: &[],
        imports: &[],
        only: None,
        words: &["SMALL", "fast"],
    },
    SearchCase {
        exports: &["run"],
        imports: &[],
        only: None,
        words: &["other", "part", "test"],
    },
    SearchCase {
        exports: &[],
        imports: &[],
        only: None,
        words: &["part-n1"],
    },
    SearchCase {
        exports: &[],
        imports: &[],
        only: None,
        words: &[],
    },
];

/// Asks everything.
#[track_caller]
fn assert_answers(workspace: &Workspace, all: &[TestComponent]) {
    let mut sizes = Vec::new();
    for asked in QUESTIONS {
        for all_versions in [false, true] {
            let mut arguments = asked.arguments();
            if all_versions {
                arguments.push("--all-versions");
            }
            let report = search(workspace, &arguments);
            let expected = asked.expected(all, all_versions);
            assert_eq!(names(&report), expected, "{arguments:?}");
            assert_eq!(report["total"], expected.len());
            sizes.push(expected.len());
        }
    }
    // Questions that all or none answer say little.
    let count = all.len();
    let telling = sizes.iter().filter(|size| (1..count).contains(*size));
    assert!(telling.count() > sizes.len() * 2 / 3, "{sizes:?}");
}

#[test]
fn searching_by_name_agrees_with_the_whole_files() {
    let all = make();
    assert!(all.len() >= 200);
    let types = Types::of(&all);
    let layout = Workspace::new();
    let places = places(&layout);
    for place in &places {
        publish_all(place, &all);
        let workspace = Workspace::new();
        let proxy = (!place.starts_with("oci:")).then(|| Proxy::start(place));
        let seen = proxy.as_ref().map_or(place, |proxy| &proxy.address);
        let added = workspace.json(&["index", "add", seen]);
        let outcome = &added["sources"][0];
        assert_eq!(outcome["packages"], PACKAGES, "{added}");
        assert_eq!(outcome["versions"], PACKAGES * VERSIONS);
        assert_eq!(outcome["new"], PACKAGES * VERSIONS);
        assert_answers(&workspace, &all);
        let is_first = place == &places[0];
        if is_first {
            assert_sizes(&workspace, &all);
        }
        types.assert_answers(&workspace, &all, is_first);

        if let Some(proxy) = &proxy {
            let before = proxy.take();
            assert!(
                before
                    .iter()
                    .any(|line| line.starts_with("GET /v2/demo/part-n0/manifests/"))
            );
            workspace.json(&["index", "update"]);
            assert_eq!(proxy.take(), nothing_new(&all), "{place}");
        }
        assert_new_and_yanked(&workspace, place, &all);
    }
    assert!(places.len() > 1, "no registry at all: {places:?}");
}

/// A new version is the only one that is fetched; a yanked one gives way.
fn assert_new_and_yanked(workspace: &Workspace, place: &str, all: &[TestComponent]) {
    let mut new = all[0].clone();
    new.version = "1.3.0".to_owned();
    new.bytes.extend(binary::custom("number", b"new"));
    publish_all(place, std::slice::from_ref(&new));
    let (manifests, ..) = requests(workspace, &["index", "update"]);
    assert_eq!(
        manifests,
        usize::from(!place.starts_with("oci:")),
        "{place}"
    );
    let newest = || {
        let found = search(workspace, &["demo:part-n0"]);
        let rows = found["packages"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == "demo:part-n0");
        row.unwrap().clone()
    };
    let row = newest();
    assert_eq!(row["version"], "1.3.0");
    let reference = row["reference"].as_str().unwrap();
    workspace.pull(reference, &new.bytes);
    workspace.json(&["yank", "demo:part-n0@1.3.0", "--registry", place]);
    workspace.json(&["index", "update"]);
    assert_eq!(newest()["version"], "1.2.0");
    let found = search(workspace, &["demo:part-n0", "--all-versions"]);
    let rows = found["packages"].as_array().unwrap().iter();
    let yanked: Vec<&Value> = rows.filter(|row| row["yanked"] == true).collect();
    assert_eq!(yanked.len(), 1);
    assert_eq!(yanked[0]["version"], "1.3.0");
    // The mark is known now, too.
    let (manifests, ..) = requests(workspace, &["index", "update"]);
    assert_eq!(manifests, 0);
}

pub(crate) fn rows(report: &Value) -> &Vec<Value> {
    report["packages"].as_array().unwrap()
}

/// What a pull would fetch is what it fetches.
fn assert_sizes(workspace: &Workspace, all: &[TestComponent]) {
    let row = |name: &str| search(workspace, &[name])["packages"][0].clone();
    let made = &all[VERSIONS * 5 + 1];
    let before = row(&made.package);
    assert_eq!(before["version"], made.version);
    assert_eq!(before["content_size"], made.bytes.len());
    let pulled = workspace.pull(before["reference"].as_str().unwrap(), &made.bytes);
    assert!(pulled["fetched_bytes"].as_u64().unwrap() > 0);
    assert_eq!(before["fetch_bytes"], pulled["fetched_bytes"]);
    assert_eq!(row(&made.package)["fetch_bytes"], 0);
}

/// The digest of the one layer of a shared index.
fn layer_of(registry: &Registry, digest: &str) -> String {
    let manifest = registry.manifest("company/index", digest).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn one_fetch_of_a_shared_index_serves_many_searches() {
    let all: Vec<TestComponent> = make().into_iter().take(12 * VERSIONS).collect();
    let home = Registry::start();
    let place = home.address();
    publish_all(&place, &all);
    let publisher = Workspace::new();
    publisher.json(&["index", "add", &place]);
    let layout = format!("oci:{}", publisher.path("shared").display());
    // One of its own: who counts requests to another has its repositories for himself.
    let registry = Registry::start();
    let host = registry.address();
    for target in [
        format!("{host}/company/index:latest"),
        format!("{layout}:index"),
    ] {
        let published = publisher.json(&["index", "publish", &target, "--everything"]);
        assert_eq!(published["versions"], all.len());
        let again = publisher.json(&["index", "publish", &target, "--place", &place]);
        assert_eq!(again["digest"], published["digest"]);

        let reader = Workspace::new();
        registry.forget_requests();
        let added = reader.json(&["index", "add", &target]);
        assert_eq!(added["sources"][0]["versions"], all.len());
        let is_remote = !target.starts_with("oci:");
        if is_remote {
            // The manifest, which says that it is an index, and its one layer; who is asked for a token or a password
            // has a request more for that, and there is none for the config or to see whether anybody is there.
            let layer = layer_of(&registry, published["digest"].as_str().unwrap());
            let asked = [
                "GET /v2/company/index/manifests/latest".to_owned(),
                format!("GET /v2/company/index/blobs/{layer}"),
            ];
            assert_eq!(registry.lines(), asked);
        }
        for arguments in [&["--exports", "run"][..], &["--all-versions", "part"]] {
            let (here, there) = (search(&reader, arguments), search(&publisher, arguments));
            assert_eq!(names(&here), names(&there));
            for (here, there) in rows(&here).iter().zip(rows(&there)) {
                // What is in the cache differs, and so does what would be fetched.
                assert_eq!(here["reference"], there["reference"]);
                assert_eq!(here["digest"], there["digest"]);
                assert_eq!(here["matched"], there["matched"]);
            }
            assert!(!names(&here).is_empty());
        }
        registry.forget_requests();
        reader.json(&["index", "update"]);
        let asked = ["HEAD /v2/company/index/manifests/latest"];
        assert_eq!(registry.lines(), &asked[..usize::from(is_remote)]);
        registry.forget_requests();
        reader.json(&["index", "update", "--all"]);
        assert_eq!(registry.lines().is_empty(), !is_remote, "all is all");
        assert_eq!(search(&reader, &[])["total"], 12);
        let listed = reader.json(&["index", "ls"]);
        assert_eq!(listed["sources"][0]["kind"], "shared");
    }
    let some = publisher.json(&[
        "index",
        "publish",
        &format!("{layout}:some"),
        "--namespace",
        "demo",
    ]);
    assert_eq!(some["packages"], 6);
}
