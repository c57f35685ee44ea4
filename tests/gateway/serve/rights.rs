//! Registries that want a password: each client shows its own, and gets what it may read.

use crate::support;
use crate::support::workspace;
use wharf::artifact::{self, SplitManifest};
use wharf::encoding::EncodedLayer;
use wharf::manifest::{Annotations, media_type};

use super::http::{WholeAnswer, ask, get};
use super::*;
use crate::support::fault::Registry;
use crate::support::registries::{BASIC, authenticated};

/// The right name with `guess` for a password.
const GUESS: &str = "Basic d2hhcmY6Z3Vlc3M=";

/// A component in a registry that wants a password, under a path of its own.
fn guarded(host: &str, repository: &str) -> (Workspace, StoredComponent) {
    let workspace = Workspace::new();
    let login = workspace.wharf(&["login", host]);
    log_in(&workspace, login);
    let stored = StoredComponent::push(&workspace, host, repository, &component(4));
    (workspace, stored)
}

/// Everything that can be asked of a component.
fn paths(stored: &StoredComponent, config: &Digest) -> Vec<String> {
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
fn is_refused(got: &WholeAnswer, challenge: &str) {
    assert_eq!(got.status, 401, "{got:?}");
    assert_eq!(got.header("www-authenticate"), challenge);
    assert_eq!(got.header("docker-content-digest"), "");
    assert!(got.whole, "{got:?}");
    if !got.body.is_empty() {
        // zot's has no list around it.
        let body = String::from_utf8_lossy(&got.body);
        assert!(body.contains(r#""code":"UNAUTHORIZED""#), "{got:?}");
    }
}

#[test]
fn a_warm_cache_is_for_clients_with_rights_only() {
    for registry in authenticated() {
        let (_publisher, stored) = guarded(&registry.host, "serve/rights");
        is_for_those_who_may_read(registry, &stored, &[]);
    }
}

#[test]
fn blob_directories_are_for_clients_with_rights_only() {
    for registry in authenticated() {
        let (publisher, stored) = guarded(&registry.host, "serve/held");
        let theirs = publisher.path("learned/blobs");
        let beside = ["--blobs", theirs.to_str().unwrap()];
        is_for_those_who_may_read(registry, &stored, &beside);
    }
}

#[track_caller]
fn is_for_those_who_may_read(
    registry: &support::registries::Registry,
    stored: &StoredComponent,
    more: &[&str],
) {
    let own = Workspace::new();
    let upstream = ["--upstream", &stored.upstream];
    let gateway = RunningServer::start(&own, &[&upstream, more].concat());
    let host = gateway.host();
    let challenge = get(&registry.host, "/v2/").is(401);
    let challenge = challenge.header("www-authenticate");
    is_refused(&get(&host, "/v2/"), challenge);
    let right = format!("Basic {BASIC}");
    let login = [("Authorization", right.as_str()), ("Accept", "*/*")];
    let known = |path: &str| ask(&host, "GET", path, &login).whole().is(200);
    let manifest = known(&stored.tagged());
    assert_eq!(Digest::of(&manifest.body), stored.flat);
    let config = workspace::digest(&manifest.json()["config"]["digest"]);
    known(&stored.blob(&config));
    known(&stored.whole()).is_all_of(&stored.bytes);
    let wrong = [("Authorization", GUESS), ("Accept", "*/*")];
    for path in paths(stored, &config) {
        for method in ["GET", "HEAD"] {
            for shown in [&wrong[1..], &wrong] {
                let got = ask(&host, method, &path, shown).whole();
                // zot has no HEAD of lists, for nobody.
                if !(method == "HEAD" && got.status == 405) {
                    is_refused(&got, challenge);
                }
            }
        }
    }
    known(&stored.whole()).is_all_of(&stored.bytes);
    // Neither what was shown nor its name is in what it says.
    let (_status, log) = gateway.signalled("TERM");
    for secret in [BASIC, PASSWORD, &GUESS[6..]] {
        assert!(!log.contains(secret), "{log}");
    }
}

/// Somebody's own artifact, rewritten so that its last layer is said to hold what another digest names.
fn forged(own: &StoredComponent, workspace: &Workspace, claimed: Digest) -> Vec<u8> {
    let manifest = workspace.read(&format!("learned/blobs/sha256/{}", own.split.hex()));
    let split = SplitManifest::read(&manifest).unwrap();
    let mut config = split.repeated_config().unwrap();
    config.layers.last_mut().unwrap().digest = claimed;
    let layers: Vec<EncodedLayer> = split
        .all_layers()
        .map(|layer| layer.stored().into())
        .collect();
    artifact::split(&config, &layers, &Annotations::new()).manifest
}

#[test]
fn a_forged_manifest_gives_no_access_to_protected_blobs() {
    let open = Registry::start();
    for registry in authenticated() {
        let publisher = Workspace::new();
        log_in(&publisher, publisher.wharf(&["login", &registry.host]));
        let secret = wordy("secret");
        let stored = StoredComponent::push(&publisher, &registry.host, "serve/secret", &secret);
        let manifest = format!("learned/blobs/sha256/{}", stored.split.hex());
        let claimed = workspace::layers(&publisher.read(&manifest)).pop().unwrap();
        assert_ne!(claimed.digest, claimed.content, "it is a frame");
        let forger = Workspace::new();
        let mut theirs =
            StoredComponent::push(&forger, &open.address(), "demo/forged", &wordy("forged"));
        let manifest = forged(&theirs, &forger, claimed.content);
        theirs.split = open.put_manifest("demo/forged", "1.0.0", media_type::MANIFEST, &manifest);
        let upstreams = ["--upstream", &registry.host, "--upstream", &open.address()];
        let own = Workspace::new();
        let gateway = RunningServer::start(&own, &upstreams);
        let host = gateway.host();
        let right = format!("Basic {BASIC}");
        let login = [("Authorization", right.as_str()), ("Accept", "*/*")];
        for path in [stored.tagged(), stored.whole()] {
            ask(&host, "GET", &path, &login).whole().is(200);
        }
        let named = |path: String| format!("{path}?ns={}", open.address());
        get(&host, &named(theirs.tagged())).is(200);
        let range = format!("bytes={}-", secret.len() - 100_000);
        for headers in [&[("Accept", "*/*")][..], &[("Range", range.as_str())]] {
            let got = ask(&host, "GET", &named(theirs.whole()), headers).whole();
            assert!(!got.whole || got.status == 502, "{}", got.status);
            let mut words = got.body.windows(6);
            assert!(!words.any(|word| word == b"secret"), "it was given");
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
        let written = workspace::files(&client.path("out"));
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
        let gateway = RunningServer::start(&publisher, &own);
        let host = gateway.host();
        let manifest = get(&host, &stored.tagged()).is(200);
        assert_eq!(Digest::of(&manifest.body), stored.flat);
        get(&host, &stored.whole()).is_all_of(&stored.bytes);
        let tagged = format!("{host}/{}:1.0.0", stored.repository);
        let pulled = Workspace::new().pull(&tagged, &stored.bytes);
        assert_eq!(pulled["digest"], stored.split.to_string());
    }
}
