//! A disk that is full, and then not any more.

use super::*;
use crate::fault::Registry;
use crate::http::get;

#[test]
fn a_full_disk_is_an_error_until_there_is_room_again() {
    let (registry, workspace) = (Registry::start(), Workspace::new());
    let stored = Stored::push(&workspace, &registry.address(), "demo/app", &wordy("full"));
    let own = Workspace::new();
    let gateway = Running::boundable(&own, &["--upstream", &stored.upstream]);
    let host = gateway.host();
    get(&host, &stored.tagged()).is(200);
    // There is room for nothing.
    gateway.bound_files(Some(0));
    for _ in 0..2 {
        let got = get(&host, &stored.whole()).is(500);
        assert!(got.whole);
        assert_eq!(got.code(), "UNKNOWN");
        let message = got.json()["errors"][0]["message"].to_string();
        assert!(message.contains("its log says why"), "{message}");
        // What nobody has to write down goes on.
        get(&host, &stored.blob(&stored.layers[0])).is(200);
        get(&host, "/healthz").is(200);
    }
    // There is room for all but the last layer.
    gateway.bound_files(Some(150_000));
    for _ in 0..2 {
        let got = get(&host, &stored.whole()).is(200);
        assert!(!got.whole && got.body.len() > 300_000);
        assert!(stored.bytes.starts_with(&got.body), "wrong bytes");
    }
    gateway.bound_files(None);
    get(&host, &stored.whole()).is_all_of(&stored.bytes);
    let left = binary::files(&own.cache().root);
    let (status, log) = gateway.signalled("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(log.matches("File too large").count(), 4, "{log}");
    // What could not be written left nothing behind.
    let is_whole = |path: &std::path::Path| path.extension().is_none_or(|end| end != "tmp");
    assert!(left.keys().all(|path| is_whole(path)), "{:?}", left.keys());
}
