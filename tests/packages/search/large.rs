//! Search by world and by fit in the large registry, against what the types of the whole files say.

use std::fs;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, NodeKind, PlugError};

use super::components::{TestComponent, WIT};
use super::names::{matches_name, rows, shown};
use super::*;
use crate::support::worlds::from_wit;

/// Hosts, which components may run in, and components whose imports others may fill.
const WORLDS: &str = "
world plain { import demo:log/log; export demo:net/handler@0.2.0; }
world stores { import demo:kv/store@0.2.3; import demo:kv/watch@0.2.3; export demo:net/handler@0.2.10; }
world all {
    import demo:kv/store@0.2.3; import demo:kv/watch@0.2.3; import demo:kv/store@0.3.0;
    import demo:kv/store@1.0.0-rc.1; import demo:log/log;
    export run: func();
}
world next { import demo:kv/store@0.3.0; import demo:log/log; export demo:net/handler@0.3.0; }

world caller { import demo:net/handler@0.2.0; import demo:log/log; }
world newer { import demo:net/handler@0.2.10; import demo:net/handler@0.3.0; import run: func(); }
world watcher { import demo:kv/watch@0.2.3; }
";
const HOSTS: [(&str, &str); 4] = [
    ("plain", "demo:net/handler@0.2"),
    ("stores", "demo:net/handler@0.2"),
    ("all", "run"),
    ("next", "demo:net/handler@0.3"),
];
/// With the exports that are called as something they import is.
const SOCKETS: [(&str, &[&str]); 3] = [
    ("caller", &["demo:net/handler@0.2"]),
    (
        "newer",
        &["demo:net/handler@0.2", "demo:net/handler@0.3", "run"],
    ),
    ("watcher", &["demo:kv/watch"]),
];

/// What is true of all components: which run in a world, or what of a socket's imports each fills.
struct Truth {
    name: &'static str,
    /// The components that are found, each with what of it is what was asked for.
    found: Vec<(usize, Vec<String>)>,
    /// How many have the name of what is asked for.
    named: usize,
}

/// Questions by type, with their answers.
pub(crate) struct Types {
    text: String,
    hosts: Vec<Truth>,
    sockets: Vec<Truth>,
}

impl Types {
    /// Finds out from the whole files what the answers are.
    pub(crate) fn of(all: &[TestComponent]) -> Self {
        let text = format!("{WIT}\n{WORLDS}");
        let mut resolve = wit_parser::Resolve::default();
        let package = resolve.push_source("scene.wit", &text).unwrap();
        let host = |(name, export): (&'static str, &'static str)| {
            let world = resolve.select_world(&[package], Some(name)).unwrap();
            let runs = |made: &TestComponent| {
                let targets =
                    |semver| wit_component::targets(&resolve, world, &made.bytes, semver).is_ok();
                // Two versions of one interface that semver calls compatible are a conflict to the first.
                targets(true) || targets(false)
            };
            let matched = || vec![format!("demo:scene/{name}")];
            Truth {
                name,
                found: found(all, |made| runs(made).then(matched)),
                named: named(all, &[export]),
            }
        };
        let socket = |(name, exports): (&'static str, &'static [&'static str])| {
            let socket = from_wit(&text, name);
            let fills =
                |made: &TestComponent| Some(fills(&socket, &made.bytes)).filter(|f| !f.is_empty());
            Truth {
                name,
                found: found(all, fills),
                named: named(all, exports),
            }
        };
        let types = Self {
            hosts: HOSTS.into_iter().map(host).collect(),
            sockets: SOCKETS.into_iter().map(socket).collect(),
            text,
        };
        types.assert_telling();
        types
    }

    /// An answer that names alone would give says nothing of types.
    fn assert_telling(&self) {
        for truth in self.hosts.iter().chain(&self.sockets[..2]) {
            let count = truth.found.len();
            assert!(0 < count && count < truth.named, "{}: {count}", truth.name);
        }
        assert!(self.sockets[2].found.is_empty());
    }

    /// Asks the index of a workspace for every version that fits; `newest` says whether also for the newest alone, which is
    /// the same on every place and takes as long again.
    #[track_caller]
    pub(crate) fn assert_answers(
        &self,
        workspace: &Workspace,
        all: &[TestComponent],
        newest: bool,
    ) {
        fs::create_dir(workspace.path("wit")).unwrap();
        workspace.write("wit/scene.wit", self.text.as_bytes());
        for truth in &self.hosts {
            let asked = ["--world", truth.name, "--wit", "wit"];
            truth.assert_answer(workspace, &asked, "world", all);
            if newest {
                truth.assert_newest(workspace, &asked, all);
            }
        }
        for truth in &self.sockets {
            workspace.write("socket.wasm", &from_wit(&self.text, truth.name));
            let asked = ["--fits", "socket.wasm"];
            truth.assert_answer(workspace, &asked, "fills", all);
            if newest {
                truth.assert_newest(workspace, &asked, all);
            }
        }
        if newest {
            self.assert_with_names(workspace, all);
        }
    }

    /// Types and names at once.
    fn assert_with_names(&self, workspace: &Workspace, all: &[TestComponent]) {
        let truth = &self.hosts[2];
        let imports = |at: &usize| {
            let mut imports = all[*at].imports.iter();
            imports.any(|name| matches_name("demo:kv/store@0.2", name))
        };
        let both = truth
            .found
            .iter()
            .map(|(at, _)| at)
            .filter(|at| imports(at));
        let expected = shown(both.map(|at| &all[*at]).collect(), true);
        let asked = [
            "--world",
            truth.name,
            "--wit",
            "wit",
            "--imports",
            "demo:kv/store@0.2",
            "--all-versions",
        ];
        assert_eq!(names(&search(workspace, &asked)), expected);
        assert!((1..truth.found.len()).contains(&expected.len()));
    }
}

impl Truth {
    fn met<'a>(&self, all: &'a [TestComponent]) -> Vec<&'a TestComponent> {
        self.found.iter().map(|(at, _)| &all[*at]).collect()
    }

    #[track_caller]
    fn assert_newest(&self, workspace: &Workspace, asked: &[&str], all: &[TestComponent]) {
        let report = search(workspace, asked);
        assert_eq!(names(&report), shown(self.met(all), false), "{asked:?}");
    }

    #[track_caller]
    fn assert_answer(
        &self,
        workspace: &Workspace,
        asked: &[&str],
        kind: &str,
        all: &[TestComponent],
    ) {
        let report = search(workspace, &[asked, &["--all-versions"]].concat());
        assert_eq!(names(&report), shown(self.met(all), true), "{asked:?}");
        assert_eq!(report["total"], self.found.len());
        for row in rows(&report) {
            let (_, expected) = self
                .found
                .iter()
                .find(|(at, _)| {
                    row["name"] == all[*at].package && row["version"] == all[*at].version
                })
                .unwrap();
            let matched = row["matched"].as_array().unwrap().iter();
            let mut matched: Vec<&str> = matched
                .map(|one| {
                    assert_eq!(one["kind"], kind);
                    one["name"].as_str().unwrap()
                })
                .collect();
            matched.sort_unstable();
            assert_eq!(matched, *expected, "{asked:?}: {row}");
        }
    }
}

fn found(
    all: &[TestComponent],
    matched: impl Fn(&TestComponent) -> Option<Vec<String>>,
) -> Vec<(usize, Vec<String>)> {
    let all = all.iter().enumerate();
    all.filter_map(|(at, made)| Some((at, matched(made)?)))
        .collect()
}

fn named(all: &[TestComponent], exports: &[&str]) -> usize {
    let is_one = |name: &String| exports.iter().any(|wanted| matches_name(wanted, name));
    all.iter()
        .filter(|made| made.exports.iter().any(is_one))
        .count()
}

/// Plugs one whole component into another, as `wac plug` does, and says which imports were filled.
fn fills(socket: &[u8], plug: &[u8]) -> Vec<String> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, bytes: &[u8]| {
        let package = Package::from_bytes(name, None, bytes, graph.types_mut()).unwrap();
        graph.register_package(package).unwrap()
    };
    let (socket, plug) = (register("test:socket", socket), register("test:plug", plug));
    match wac_graph::plug(&mut graph, vec![plug], socket) {
        Ok(()) => {}
        Err(PlugError::NoPlugHappened) => return Vec::new(),
        Err(error) => panic!("{error}"),
    }
    // Valid as a whole.
    graph.encode(EncodeOptions::default()).unwrap();
    let is_socket = |id: &NodeId| {
        let node = &graph[*id];
        matches!(node.kind(), NodeKind::Instantiation(_)) && node.package() == Some(socket)
    };
    let socket = graph.node_ids().find(is_socket).unwrap();
    let arguments = graph.get_instantiation_arguments(socket);
    let mut filled: Vec<String> = arguments.map(|(name, _)| name.to_owned()).collect();
    filled.sort();
    filled
}
