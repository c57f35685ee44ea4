//! `kill -9` at many points of a pull and of a push: no partial output, a sound cache, a sound layout, and the same
//! command run again does what it should.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use crate::support::fault::Registry;
use crate::support::workspace::{self, Answer, Workspace, assert_layout, blobs_of, names};
use wharf::digest::Digest;

/// At so many points of each transfer.
const POINTS: u64 = 27;

/// What is transferred: more sections than a fixture has, of bytes that stay raw, so that there is enough to pass.
fn component() -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for section in 0..14_u8 {
        let name = [b'a' + section];
        let size = 60_000 + usize::from(section) * 1000;
        let mut content = vec![1, name[0]];
        content.extend((0..size).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        }));
        let size = content.len() as u32;
        module.push(0);
        // LEB128, padded to three bytes.
        module.extend([
            size as u8 | 0x80,
            (size >> 7) as u8 | 0x80,
            (size >> 14) as u8,
        ]);
        module.extend(content);
    }
    module
}

/// Starts a command, lets the registry kill it when so many bytes of blobs have passed, and waits for its end.
fn kill_after(registry: &Registry, bytes: u64, mut command: Command) {
    let child = Arc::new(Mutex::new(None));
    let (done, killed) = mpsc::channel();
    // Held until the child is in it: the alarm may come first.
    let mut slot = child.lock().unwrap();
    let target = Arc::clone(&child);
    registry.when_blob_bytes(bytes, move || {
        let mut slot: std::sync::MutexGuard<'_, Option<std::process::Child>> =
            target.lock().unwrap();
        slot.as_mut().unwrap().kill().unwrap();
        done.send(()).unwrap();
    });
    *slot = Some(command.spawn().unwrap());
    drop(slot);
    killed.recv().unwrap();
    let child = child.lock().unwrap().take().unwrap();
    child.wait_with_output().unwrap();
}

/// The points at which to kill: spread over all of a transfer, its first and last bytes too.
fn points(total: u64) -> impl Iterator<Item = u64> {
    (0..POINTS).map(move |point| 1 + (total - 1) * point / (POINTS - 1))
}

#[track_caller]
fn assert_cache_sound(workspace: &Workspace) {
    workspace.cache().assert_sound();
    let verified = workspace.json(&["cache", "verify"]);
    assert_eq!(verified["removed_blobs"], 0);
}

#[test]
fn a_killed_pull_leaves_nothing_but_a_sound_cache() {
    let bytes = component();
    let registry = Registry::start();
    let publisher = Workspace::new();
    publisher.write("app.wasm", &bytes);
    let reference = format!("{}/demo/app:1.0", registry.address());
    publisher.json(&["push", "app.wasm", &reference]);
    let before = registry.blob_bytes();
    Workspace::new().pull(&reference, &bytes);
    let total = registry.blob_bytes() - before;
    assert!(total > 14 * 60_000, "{total} bytes are too few");

    let fetched_again = AtomicU64::new(0);
    for (index, point) in points(total).enumerate() {
        let workspace = Workspace::new();
        let existing = index % 2 == 0;
        if existing {
            workspace.write("app.wasm", b"as it was");
        }
        let one_by_one = ["--concurrency", "1"];
        let flags = if index % 3 == 0 { &one_by_one[..] } else { &[] };
        let arguments = [&["pull", &reference, "-o", "app.wasm"], flags].concat();
        kill_after(
            &registry,
            registry.blob_bytes() + point,
            workspace.wharf(&arguments),
        );

        // Only after the last byte can it have been complete.
        let complete = workspace.path("app.wasm").exists() && workspace.read("app.wasm") == bytes;
        assert!(
            !complete || point > total - 64 * 1024,
            "{point}: killed too late"
        );
        if !complete {
            let expected = if existing { &["app.wasm"][..] } else { &[] };
            let expected = expected.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(names(&workspace.work()), expected, "{point}");
            assert!(!existing || workspace.read("app.wasm") == b"as it was");
        }
        assert_cache_sound(&workspace);

        let report = workspace.pull(&reference, &bytes);
        fetched_again.fetch_add(report["fetched_blobs"].as_u64().unwrap(), Ordering::SeqCst);
        assert_cache_sound(&workspace);
    }
    // What had arrived before the kill was of use.
    assert!(fetched_again.load(Ordering::SeqCst) < POINTS * 14);
}

#[test]
fn a_killed_push_leaves_no_manifest_without_its_blobs() {
    let bytes = component();
    let push = |workspace: &Workspace, registry: &Registry| {
        let reference = format!("{}/demo/app:1.0", registry.address());
        workspace.wharf(&["push", "app.wasm", &reference, "--json"])
    };
    let (workspace, registry) = (Workspace::new(), Registry::start());
    workspace.write("app.wasm", &bytes);
    let clean = Answer::of(&mut push(&workspace, &registry))
        .success()
        .json();
    let total = registry.blob_bytes();
    assert!(total > 14 * 60_000, "{total} bytes are too few");

    for point in points(total) {
        let (workspace, registry) = (Workspace::new(), Registry::start());
        workspace.write("app.wasm", &bytes);
        kill_after(&registry, point, push(&workspace, &registry));
        if let Some(manifest) = registry.manifest("demo/app", "1.0") {
            for blob in blobs_of(&manifest) {
                assert!(
                    registry.blob("demo/app", &blob).is_some(),
                    "{point}: {blob}"
                );
            }
        }
        assert_eq!(names(&workspace.work()), ["app.wasm".to_owned()].into());
        assert_cache_sound(&workspace);

        let again = Answer::of(&mut push(&workspace, &registry))
            .success()
            .json();
        assert_eq!(again["digest"], clean["digest"], "{point}");
        let reference = again["reference"].as_str().unwrap();
        Workspace::new().pull(reference, &bytes);
        assert_cache_sound(&workspace);
    }
}

/// How many files a directory has by now.
fn count(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn a_killed_push_into_a_layout_leaves_a_sound_one() {
    let bytes = component();
    let arguments = ["push", "app.wasm", "oci:store:1.0", "--json"];
    let other = ["push", "greet.wasm", "oci:store:other"];
    let clean = {
        let workspace = Workspace::new();
        workspace.write("app.wasm", &bytes);
        workspace.json(&arguments[..3])["digest"].clone()
    };
    // Into a new layout, and into one that holds something already; at each file of the layout and of the cache.
    let watched = [
        "work/store/blobs/sha256",
        "home/cache/v1/blobs/sha256",
        "work/store",
    ];
    let kills = watched.into_iter().flat_map(|directory| {
        let most = if directory == "work/store" { 4 } else { 17 };
        (0..most).map(move |files| (directory, files))
    });
    let (mut killed, mut partial) = (0, 0);
    for (index, (directory, files)) in kills.enumerate() {
        let workspace = Workspace::new();
        workspace.write("app.wasm", &bytes);
        workspace.fixture("greet");
        let used = index % 2 == 1;
        if used {
            workspace.json(&other);
        }
        let directory = workspace.work().join("..").join(directory);
        let wanted = count(&directory) + files;
        let mut child = workspace.wharf(&arguments).spawn().unwrap();
        while count(&directory) < wanted && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        killed += usize::from(!ended.status.success());

        let layout = workspace.path("store");
        if layout.join("oci-layout").exists() {
            let tags = assert_layout(&layout);
            assert_eq!(tags.contains_key("other"), used);
            partial += usize::from(!tags.contains_key("1.0"));
        } else {
            assert!(!used);
            workspace::assert_blobs(&layout.join("blobs/sha256"));
        }
        assert_cache_sound(&workspace);

        let again = workspace.json(&arguments[..3]);
        assert_eq!(again["digest"], clean);
        let tags = assert_layout(&layout);
        assert_eq!(tags["1.0"].to_string(), clean);
        assert_eq!(tags.len(), 1 + usize::from(used));
        Workspace::pull(&workspace, &format!("oci:{}:1.0", layout.display()), &bytes);
        assert_cache_sound(&workspace);
    }
    assert!(
        killed >= 25 && partial >= 10,
        "{killed} killed, {partial} before the end"
    );
}

#[test]
fn the_test_component_has_the_expected_layers() {
    let bytes = component();
    let split = Workspace::new();
    split.write("app.wasm", &bytes);
    let report = split.json(&["inspect", "app.wasm"]);
    assert_eq!(report["layers"].as_array().unwrap().len(), 15);
    assert_eq!(report["content_digest"], Digest::of(&bytes).to_string());
}
