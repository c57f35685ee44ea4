//! Several processes at once on one layout and on one cache lose nothing.

use std::collections::BTreeMap;
use std::process::{Child, Command};

use crate::support::fault::Registry;
use crate::support::workspace::{self, Answer, Workspace, assemble, assert_layout, digest};
use wharf::digest::Digest;

const FIXTURES: [&str; 4] = ["calc", "greet", "layers", "segments"];

/// Starts all before it waits for any.
fn at_once(commands: Vec<Command>) -> Vec<Answer> {
    let start = |mut command: Command| (format!("{command:?}"), command.spawn().unwrap());
    let running: Vec<(String, Child)> = commands.into_iter().map(start).collect();
    let wait = |(what, child): (String, Child)| {
        Answer::from_output(what, child.wait_with_output().unwrap()).success()
    };
    running.into_iter().map(wait).collect()
}

/// Pushes so many components at once into one new layout, with one cache or with one each.
fn push_at_once(pushers: usize, one_cache: bool) {
    let shared = Workspace::new();
    let own: Vec<Workspace> = (0..pushers).map(|_| Workspace::new()).collect();
    let layout = shared.path("store");
    let mut contents = BTreeMap::new();
    let mut commands = Vec::new();
    for (index, own) in own.iter().enumerate() {
        let workspace = if one_cache { &shared } else { own };
        let mut bytes = assemble(FIXTURES[index % FIXTURES.len()]);
        if index >= FIXTURES.len() {
            // The same layers in another component: an empty custom section of another name at the end.
            bytes.extend([0, 3, 2, b'n', b'0' + index as u8]);
        }
        let (file, tag) = (format!("{index}.wasm"), format!("tag-{index}"));
        workspace.write(&file, &bytes);
        let reference = format!("oci:{}:{tag}", layout.display());
        commands.push(workspace.wharf(&["push", &file, &reference, "--json"]));
        contents.insert(tag, bytes);
    }
    let reports: Vec<_> = at_once(commands).iter().map(Answer::json).collect();

    let tags = assert_layout(&layout);
    let expected: BTreeMap<String, Digest> = reports
        .iter()
        .enumerate()
        .map(|(index, report)| (format!("tag-{index}"), digest(&report["digest"])))
        .collect();
    assert_eq!(tags, expected);
    let reader = Workspace::new();
    for (tag, bytes) in &contents {
        reader.pull(&format!("oci:{}:{tag}", layout.display()), bytes);
    }
    for workspace in own.iter().chain([&shared]) {
        workspace.cache().assert_sound();
    }
}

#[test]
fn two_pushes_into_one_new_layout_lose_nothing() {
    for _ in 0..6 {
        push_at_once(2, false);
    }
}

#[test]
fn eight_pushes_into_one_new_layout_lose_nothing() {
    push_at_once(8, false);
    push_at_once(8, false);
}

#[test]
fn pushes_with_one_cache_lose_nothing() {
    push_at_once(2, true);
    push_at_once(8, true);
}

#[test]
fn pushes_of_one_thing_under_many_tags_agree() {
    let workspace = Workspace::new();
    workspace.fixture("calc");
    let tags: Vec<String> = (0..4).map(|index| format!("tag-{index}")).collect();
    let push = |tag: &String| workspace.wharf(&["push", "calc.wasm", &format!("oci:store:{tag}")]);
    at_once(tags.iter().map(push).collect());
    let named = assert_layout(&workspace.path("store"));
    assert!(named.keys().eq(&tags));
    let first = named["tag-0"];
    assert!(named.values().all(|digest| *digest == first));
    workspace.cache().assert_sound();
}

#[test]
fn pulls_with_one_cache_do_not_disturb_each_other() {
    let registry = Registry::start();
    let publisher = Workspace::new();
    let bytes = publisher.fixture("layers");
    let reference = format!("{}/demo/layers:1.0", registry.address());
    publisher.json(&["push", "layers.wasm", &reference]);
    for pullers in [2, 8] {
        let workspace = Workspace::new();
        let names: Vec<String> = (0..pullers).map(|index| format!("{index}.wasm")).collect();
        let pull = |name: &String| workspace.wharf(&["pull", &reference, "-o", name]);
        at_once(names.iter().map(pull).collect());
        for name in &names {
            assert!(workspace.read(name) == bytes, "{name}");
        }
        assert_eq!(workspace::names(&workspace.work()).len(), pullers);
        workspace.cache().assert_sound();
        // And all of them into one file.
        let pull = |_| workspace.wharf(&["pull", &reference, "-o", "one.wasm", "--no-cache"]);
        at_once((0..pullers).map(pull).collect());
        assert!(workspace.read("one.wasm") == bytes);
        assert_eq!(workspace::names(&workspace.work()).len(), pullers + 1);
    }
}
