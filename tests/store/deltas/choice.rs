//! When deltas are looked for, and which one is used.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::*;
use crate::support::binary::{component, custom, noise};
use crate::support::workspace::files;
use wharf::delta::{Header, Method};
use wharf::digest::Digest;

fn asked_for_referrers(registry: &fault::Registry) -> (usize, usize) {
    let lines = registry.lines();
    let count = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
    (count("/referrers/"), count("/manifests/sha256-"))
}

#[test]
fn deltas_are_not_looked_for_with_an_empty_cache() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    registry.forget_requests();
    let machine = Workspace::new();
    let report = machine.pull(&upgrade.scene.reference("2.0"), &version(2));
    assert_eq!(asked_for_referrers(&registry), (0, 0));
    assert_eq!(report["delta_bytes"], 0);
}

#[test]
fn deltas_are_not_looked_for_if_few_bytes_are_missing() {
    let registry = fault::Registry::start();
    let scene = Scene::in_registry(&registry.address());
    for (bytes, expected) in [(65_000, 0), (66_000, 1)] {
        let name = |seed| component(&[custom("noise", &noise(seed, bytes))]);
        scene.push("1.0", &name(1));
        scene.push("2.0", &name(2));
        scene.pull("1.0", &name(1));
        registry.forget_requests();
        scene.pull("2.0", &name(2));
        let (_, by_tag) = asked_for_referrers(&registry);
        assert_eq!(by_tag, expected, "{bytes}");
    }
}

#[test]
fn a_missing_referrers_api_is_remembered_for_an_hour() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let scene = &upgrade.scene;
    let others: Vec<_> = (1..4).map(|seed| noise(seed, 100_000)).collect();
    let others = others
        .iter()
        .map(|noise| component(&[custom("noise", noise)]));
    let others: Vec<_> = others.collect();
    let pull_other = |number: usize| {
        let tag = format!("other-{number}");
        scene.push(&tag, &others[number]);
        registry.forget_requests();
        scene.pull(&tag, &others[number]);
        asked_for_referrers(&registry)
    };
    assert_eq!(pull_other(0), (1, 1));
    assert_eq!(pull_other(1), (0, 1));
    let records = files(&scene.reader.cache().root.join("registries"));
    let [record] = records.keys().collect::<Vec<_>>()[..] else {
        panic!("{records:?}");
    };
    let record = File::options().write(true).open(record).unwrap();
    let answered = SystemTime::now() - Duration::from_secs(61 * 60);
    record.set_modified(answered).unwrap();
    assert_eq!(pull_other(2), (1, 1));
    // The fallback tag is always read.
    upgrade.assert_by_delta(&upgrade.pull());
}

#[test]
fn the_delta_that_saves_most_is_used() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let scene = &upgrade.scene;
    let manifest = scene.push("3.0", &version(3));
    // The smaller file has only one of the layers.
    let small = scene.attach(1, 3, &manifest);
    let small = small.with_header(|header| header.parts.truncate(1));
    let (_, size) = Header::read(small.as_slice()).unwrap();
    let (header, _) = Header::read(small.as_slice()).unwrap();
    let small = &small[..(size + header.parts[0].length) as usize];
    let source = upgrade.delta.source;
    wait(attach(scene.store.as_ref(), &manifest, source, small));
    // Both versions are in the cache.
    upgrade.pull();
    let better = scene.attach(2, 3, &manifest);
    let report = scene.pull("3.0", &version(3));
    assert_eq!(report["delta_bytes"], better.file.len());
    assert!(better.file.len() > small.len());
}

#[test]
fn a_delta_of_an_unknown_version_is_used_if_its_bases_are_cached() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let config = upgrade.delta.source;
    std::fs::remove_file(upgrade.scene.reader.cache().blob(&config)).unwrap();
    upgrade.assert_by_delta(&upgrade.pull());
}

#[test]
fn a_delta_without_cached_bases_is_not_fetched() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let machine = Workspace::new();
    let other = component(&[custom("noise", &noise(9, 100_000))]);
    upgrade.scene.push("other", &other);
    machine.pull(&upgrade.scene.reference("other"), &other);
    registry.forget_requests();
    let report = machine.pull(&upgrade.scene.reference("2.0"), &version(2));
    assert_eq!(report["delta_bytes"], 0);
    let all: u64 = upgrade.layers.iter().map(|layer| layer.size).sum();
    assert_eq!(report["fetched_bytes"], all);
    assert_eq!(asked_for_referrers(&registry), (1, 1));
}

#[test]
fn at_most_three_deltas_of_unknown_versions_are_tried() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::without_delta(Scene::in_registry(&registry.address()));
    let scene = &upgrade.scene;
    for number in 0..5u8 {
        let unknown = Digest::of(&[number]);
        let file = upgrade.delta.with_header(|header| {
            header.source = unknown;
            for base in header
                .parts
                .iter_mut()
                .filter_map(|part| part.base.as_mut())
            {
                base.digest = unknown;
            }
        });
        let store = scene.store.as_ref();
        wait(attach(store, &upgrade.manifest, unknown, &file));
    }
    registry.forget_requests();
    upgrade.assert_whole(&upgrade.pull());
    let lines = registry.lines();
    let manifests = lines
        .iter()
        .filter(|line| line.contains("/manifests/sha256:"));
    assert_eq!(manifests.count(), 3, "{lines:#?}");
}

#[test]
fn a_delta_whose_bases_are_partly_missing_is_used_for_the_others() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::new(Scene::in_registry(&registry.address()));
    let scene = &upgrade.scene;
    let old = wait(scene.store.manifest(&Name::Tag("1.0".to_owned()))).unwrap();
    let cache = scene.reader.cache();
    std::fs::remove_file(cache.blob(&layers(&old.bytes)[2].digest)).unwrap();
    let report = upgrade.pull();
    let rest = upgrade.rest() + upgrade.layers[2].size;
    assert_eq!(report["fetched_bytes"], upgrade.file() + rest);
}

#[test]
fn a_file_whose_parts_do_not_fit_is_not_fetched_to_its_end() {
    let registry = fault::Registry::start();
    let upgrade = Upgrade::without_delta(Scene::in_registry(&registry.address()));
    let mut file = upgrade.delta.with_header(|header| {
        header.parts.truncate(1);
        header.parts[0].method = Method::Unknown(77);
        header.parts[0].length = 100_000;
    });
    let (_, size) = Header::read(file.as_slice()).unwrap();
    file.resize(size as usize + 100_000, 7);
    let (store, source) = (upgrade.scene.store.as_ref(), upgrade.delta.source);
    wait(attach(store, &upgrade.manifest, source, &file));
    let path = format!("/blobs/{}", Digest::of(&file));
    registry.on("GET", &path, usize::MAX, fault::Fault::Stall(50_000));
    upgrade.assert_whole(&upgrade.pull());
}
