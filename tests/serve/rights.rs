//! Registries that want a password: each client shows its own, and gets what it may read.

use super::*;
use crate::http::{Got, ask, get};
use support::registries::{BASIC, authenticated};

/// The right name with `guess` for a password.
const GUESS: &str = "Basic d2hhcmY6Z3Vlc3M=";

/// A component in a registry that wants a password, under a path of its own.
fn guarded(host: &str, repository: &str) -> (Workspace, Stored) {
    let workspace = Workspace::new();
    let login = workspace.wharf(&["login", host]);
    log_in(&workspace, login);
    let stored = Stored::push(&workspace, host, repository, &component(4));
    (workspace, stored)
}

/// Everything that can be asked of a component.
fn paths(stored: &Stored, config: &Digest) -> Vec<String> {
    let digests = [&stored.flat, &stored.split];
    let manifests = digests.map(|digest| stored.manifest(&digest.to_string()));
    let blobs = [&stored.content(), config, &stored.layers[0]].map(|blob| stored.blob(blob));
    let lists = [
        format!("/v2/{}/tags/list", stored.repository),
        format!("/v2/{}/referrers/{}", stored.repository, stored.flat),
    ];
    let all = manifests.into_iter().chain(blobs).chain(lists);
    all.chain([stored.tagged()]).collect()
}

/// It says who is to be asked and how, and nothing else.
#[track_caller]
fn is_refused(got: &Got, challenge: &str) {
    assert_eq!(got.status, 401, "{got:?}");
    assert_eq!(got.header("www-authenticate"), challenge);
    assert_eq!(got.header("docker-content-digest"), "");
    assert!(got.whole, "{got:?}");
    if !got.body.is_empty() {
        assert_eq!(got.code(), "UNAUTHORIZED");
    }
}

#[test]
fn a_warm_cache_is_for_those_who_may_read() {
    for registry in authenticated() {
        let (_publisher, stored) = guarded(&registry.host, "serve/rights");
        let own = Workspace::new();
        let gateway = stored.serve(&own);
        let host = gateway.host();
        let challenge = get(&registry.host, "/v2/").is(401);
        let challenge = challenge.header("www-authenticate");
        is_refused(&get(&host, "/v2/"), challenge);
        let right = format!("Basic {BASIC}");
        let login = [("Authorization", right.as_str()), ("Accept", "*/*")];
        let known = |path: &str| ask(&host, "GET", path, &login).whole().is(200);
        let manifest = known(&stored.tagged());
        assert_eq!(Digest::of(&manifest.body), stored.flat);
        let config = binary::digest(&manifest.json()["config"]["digest"]);
        known(&stored.blob(&config));
        known(&stored.whole()).is_all_of(&stored.bytes);
        let wrong = [("Authorization", GUESS), ("Accept", "*/*")];
        for path in paths(&stored, &config) {
            for method in ["GET", "HEAD"] {
                is_refused(&ask(&host, method, &path, &wrong[1..]).whole(), challenge);
                is_refused(&ask(&host, method, &path, &wrong).whole(), challenge);
            }
        }
        known(&stored.whole()).is_all_of(&stored.bytes);
        // Neither what was shown nor its name is in what it says.
        let (_status, log) = gateway.signalled("TERM");
        for secret in [BASIC, PASSWORD, &GUESS[6..]] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

#[test]
fn clients_log_in_to_the_gateway_as_to_any_registry() {
    let Some(oras) = support::tool("oras") else {
        return;
    };
    for registry in authenticated() {
        let (_publisher, stored) = guarded(&registry.host, "serve/login");
        let own = Workspace::new();
        let gateway = stored.serve(&own);
        let host = gateway.host();
        let tagged = format!("{host}/{}:1.0.0", stored.repository);
        let client = Workspace::new();
        let pull = ["pull", "--plain-http", &tagged, "--output", "out"];
        let pull = || Answer::of(&mut client.command(&oras, &pull));
        assert_ne!(pull().code, Some(0));
        let login = client.command(&oras, &["login", "--plain-http", &host]);
        log_in(&client, login);
        pull().success();
        let written = binary::files(&client.path("out"));
        assert!(written.into_values().eq([stored.bytes.clone()]));
        // The others find what oras left.
        if let Some(wkg) = support::tool("wkg") {
            let pull = [
                "oci",
                "pull",
                "--insecure",
                &host,
                &tagged,
                "-o",
                "out.wasm",
            ];
            Answer::of(&mut client.command(wkg, &pull)).success();
            assert!(client.read("out.wasm") == stored.bytes);
        }
        if let Some(crane) = support::tool("crane") {
            let blob = format!("{host}/{}@{}", stored.repository, stored.content());
            let blob = ["blob", "--insecure", &blob];
            let got = Answer::of(&mut client.command(crane, &blob)).success();
            assert!(got.stdout == stored.bytes);
        }
        let pulled = client.pull(&tagged, &stored.bytes);
        assert_eq!(pulled["digest"], stored.split.to_string());
        // Whoever has not logged in has it no easier now.
        let refused = Workspace::new().run(&["pull", &tagged, "-o", "out.wasm"]);
        assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    }
}

#[test]
fn with_own_credentials_everybody_reads() {
    for registry in authenticated() {
        let (publisher, stored) = guarded(&registry.host, "serve/own");
        let own = ["--upstream", &stored.upstream, "--own-credentials"];
        let gateway = Running::start(&publisher, &own);
        let host = gateway.host();
        let manifest = get(&host, &stored.tagged()).is(200);
        assert_eq!(Digest::of(&manifest.body), stored.flat);
        get(&host, &stored.whole()).is_all_of(&stored.bytes);
        let tagged = format!("{host}/{}:1.0.0", stored.repository);
        let pulled = Workspace::new().pull(&tagged, &stored.bytes);
        assert_eq!(pulled["digest"], stored.split.to_string());
    }
}
