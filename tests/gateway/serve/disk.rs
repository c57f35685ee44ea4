//! A disk that is full, and then not any more.

use super::http::get;
use super::*;
use crate::support::fault::Registry;
use crate::support::workspace;

#[test]
fn a_full_disk_is_an_error_until_there_is_room_again() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let stored = StoredComponent::push(&workspace, &registry.address(), "demo/app", &wordy("full"));
    let own = Workspace::new();
    let gateway = RunningServer::boundable(&own, &["--upstream", &stored.upstream]);
    let host = gateway.host();
    get(&host, &stored.tagged()).is(200);
    // There is room for nothing.
    gateway.bound_files(Some(0));
    for _ in 0..2 {
        let got = get(&host, &stored.whole()).is(500);
        assert!(got.whole);
        assert_eq!(got.code(), "UNKNOWN");
        let message = got.json()["errors"][0]["message"].to_string();
        assert!(message.contains("see its log"), "{message}");
        // What nobody has to write down goes on.
        get(&host, &stored.blob(&stored.layers[0])).is(200);
        get(&host, "/healthz").is(200);
    }
    // There is room for all but the last layer.
    gateway.bound_files(Some(150_000));
    for _ in 0..2 {
        let got = get(&host, &stored.whole()).is(200);
        assert!(!got.whole, "it ended well");
        assert!(got.body.len() < stored.bytes.len());
        assert!(stored.bytes.starts_with(&got.body), "wrong bytes");
    }
    // What could not be written as a whole was not kept.
    for (path, bytes) in workspace::files(&own.cache().blobs()) {
        assert!(path.ends_with(Digest::of(&bytes).hex()), "{path:?}");
    }
    gateway.bound_files(None);
    get(&host, &stored.whole()).is_all_of(&stored.bytes);
    let (status, log) = gateway.signalled("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    let place = own.cache().root.display().to_string();
    let is_error = |line: &str| line.contains(&place) && !line.starts_with("warning:");
    let why = |line: &&str| is_error(line) && line.contains("File too large");
    assert_eq!(log.lines().filter(why).count(), 4, "{log}");
}

#[test]
fn a_deleted_cache_is_created_again() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let push = |name: &str, word: &str| {
        StoredComponent::push(&workspace, &registry.address(), name, &wordy(word))
    };
    let stored = [push("demo/app", "full"), push("demo/other", "other")];
    let own = Workspace::new();
    let gateway = stored[0].serve(&own);
    let host = gateway.host();
    let version = own.cache().root;
    let all_come = || {
        for stored in &stored {
            get(&host, &stored.tagged()).is(200);
            get(&host, &stored.whole()).is_all_of(&stored.bytes);
        }
    };
    all_come();
    for place in [version.parent().unwrap(), &version, &own.cache().blobs()] {
        std::fs::remove_dir_all(place).unwrap();
        all_come();
    }
}

#[test]
fn old_files_make_room_for_new_ones() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let push = |name: &str, word: &str| {
        StoredComponent::push(&workspace, &registry.address(), name, &wordy(word))
    };
    let [first, second] = [push("demo/app", "full"), push("demo/other", "other")];
    let own = Workspace::new();
    // No disk has so much free space, so each file makes the older ones go.
    let more = ["--upstream", &first.upstream, "--min-free", "1000000GiB"];
    let gateway = RunningServer::start(&own, &more);
    let host = gateway.host();
    for stored in [&first, &second, &first] {
        get(&host, &stored.tagged()).is(200);
        get(&host, &stored.whole()).is_all_of(&stored.bytes);
    }
    get(&host, "/readyz").is(200);
    let kept = workspace::files(&own.cache().blobs());
    assert!(kept.len() < first.layers.len(), "{} files", kept.len());
    let (_, log) = gateway.signalled("TERM");
    // One line a minute.
    let lacks = |line: &&str| line.starts_with("warning: ") && line.contains("the disk of ");
    assert_eq!(log.lines().filter(lacks).count(), 1, "{log}");
}
