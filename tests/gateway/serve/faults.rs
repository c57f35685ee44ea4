//! Upstreams that are down, cut off or lying, and then sound again: nobody restarts a gateway for that.

use super::http::{WholeAnswer, get};
use super::*;
use crate::support;
use crate::support::fault::{Fault, Registry};

/// Longer than any gateway tries.
const ALWAYS: usize = usize::MAX;

/// A registry with a component, and a gateway that knows the component's digests.
struct Scene {
    registry: Registry,
    stored: StoredComponent,
    gateway: RunningServer,
    host: String,
    _own: [Workspace; 2],
}

impl Scene {
    fn new() -> Self {
        let (registry, workspace) = (Registry::start(), Workspace::new());
        let stored =
            StoredComponent::push(&workspace, &registry.address(), "demo/app", &component(4));
        let own = Workspace::new();
        let gateway = stored.serve(&own);
        let host = gateway.host();
        let scene = Self {
            registry,
            stored,
            gateway,
            host,
            _own: [workspace, own],
        };
        scene.is_shown();
        scene
    }

    #[track_caller]
    fn is_shown(&self) {
        let manifest = get(&self.host, &self.stored.tagged()).is(200);
        assert_eq!(Digest::of(&manifest.body), self.stored.flat);
    }

    /// All is well again, and was not restarted.
    #[track_caller]
    fn recovers(&self) {
        self.registry.forget_rules();
        self.is_shown();
        get(&self.host, &self.stored.whole()).is_all_of(&self.stored.bytes);
    }

    /// What came of the layers before the last is right, and then the connection broke.
    #[track_caller]
    fn breaks_off(&self, got: &WholeAnswer) {
        const BEFORE: usize = 300_000;
        assert_eq!(got.status, 200);
        assert!(!got.whole, "it ended well");
        assert!(got.body.len() < self.stored.bytes.len());
        // A connection that is reset may lose some of what was on its way.
        let before = got.body.len().min(BEFORE);
        assert!(
            self.stored.bytes.starts_with(&got.body[..before]),
            "wrong bytes"
        );
    }

    /// What the gateway said by its end.
    fn log(self) -> String {
        let (status, log) = self.gateway.signalled("TERM");
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }
}

#[track_caller]
fn is_unavailable(got: WholeAnswer) {
    let got = got.is(502);
    assert_eq!(got.code(), "UNAVAILABLE");
    assert_ne!(got.header("retry-after"), "");
}

#[test]
fn an_unreachable_upstream_is_not_a_missing_blob() {
    for down in [Fault::CloseBeforeAnswer, Fault::Status(500, Vec::new())] {
        let scene = Scene::new();
        for method in ["GET", "HEAD"] {
            scene.registry.on(method, "/v2/", ALWAYS, down.clone());
        }
        let stored = &scene.stored;
        for path in [
            stored.tagged(),
            stored.whole(),
            stored.blob(&stored.layers[0]),
        ] {
            is_unavailable(get(&scene.host, &path));
        }
        get(&scene.host, "/healthz").is(200);
        get(&scene.host, "/readyz").is(503);
        scene.registry.forget_rules();
        get(&scene.host, "/readyz").is(200);
        scene.is_shown();
        scene.recovers();
    }
}

#[test]
fn a_truncated_layer_never_completes() {
    let scene = Scene::new();
    let last = scene.stored.blob(scene.stored.layers.last().unwrap());
    for _ in 0..2 {
        // Nothing more of it, however often it is asked for.
        scene.registry.on("GET", &last, 1, Fault::Truncate(1000));
        scene.registry.on("GET", &last, ALWAYS, Fault::Truncate(0));
        let got = get(&scene.host, &scene.stored.whole());
        scene.breaks_off(&got);
        assert!(scene.stored.bytes.starts_with(&got.body), "wrong bytes");
        scene.registry.forget_rules();
    }
    // Once is nothing: the rest is asked for.
    scene.registry.on("GET", &last, 1, Fault::Truncate(1000));
    get(&scene.host, &scene.stored.whole()).is_all_of(&scene.stored.bytes);
    scene.recovers();
    let log = scene.log();
    assert_eq!(log.matches("aborted after").count(), 2, "{log}");
}

#[test]
fn a_layer_with_wrong_bytes_never_completes() {
    let scene = Scene::new();
    let layers = &scene.stored.layers;
    // Before the first byte there is a status to say it with.
    let root = scene.stored.blob(&layers[0]);
    scene.registry.on("GET", &root, ALWAYS, Fault::WrongBytes);
    let got = get(&scene.host, &scene.stored.whole()).is(502);
    assert!(got.whole);
    let message = got.json()["errors"][0]["message"].to_string();
    assert!(message.contains(&layers[0].to_string()), "{message}");
    scene.registry.forget_rules();
    // After it there is only the connection.
    let last = scene.stored.blob(layers.last().unwrap());
    scene.registry.on("GET", &last, ALWAYS, Fault::WrongBytes);
    for _ in 0..2 {
        scene.breaks_off(&get(&scene.host, &scene.stored.whole()));
    }
    // A client of its own is none the wiser either: what it got is not what it asked for.
    let wkg = support::tool("wkg");
    if let Some(wkg) = wkg {
        let tagged = format!("{}/demo/app:1.0.0", scene.host);
        let workspace = Workspace::new();
        let pull = [
            "oci",
            "pull",
            "--insecure",
            &scene.host,
            &tagged,
            "-o",
            "out.wasm",
        ];
        let answer = Answer::of(&mut workspace.command(wkg, &pull));
        assert_ne!(answer.code, Some(0), "{answer:?}");
    }
    scene.recovers();
    let metrics = get(&scene.host, "/metrics").is(200).body;
    let metrics = String::from_utf8(metrics).unwrap();
    let counted = r#"wharf_gateway_errors_total{kind="integrity"} "#;
    assert!(metrics.contains(counted), "{metrics}");
    let log = scene.log();
    assert!(log.contains("aborted after"), "{log}");
}

#[test]
fn a_refused_layer_is_a_refusal() {
    let scene = Scene::new();
    let root = scene.stored.blob(&scene.stored.layers[0]);
    let denied = Fault::Status(403, Vec::new());
    scene.registry.on("GET", &root, ALWAYS, denied);
    let got = get(&scene.host, &scene.stored.whole()).is(403);
    assert_eq!(got.code(), "DENIED");
    scene.registry.forget_rules();
    // Whoever has to say who they are is told to whom.
    let challenge = r#"Basic realm="upstream""#;
    let headers = vec![("WWW-Authenticate", challenge.to_owned())];
    let unknown = Fault::Status(401, headers);
    scene.registry.on("GET", "/v2/", ALWAYS, unknown);
    let got = get(&scene.host, &scene.stored.whole()).is(401);
    assert_eq!(got.header("www-authenticate"), challenge);
    scene.recovers();
}

#[test]
fn a_manifest_with_wrong_digests_is_not_served() {
    let scene = Scene::new();
    let wrong = Fault::WrongBytes;
    scene.registry.on("GET", "/manifests/", ALWAYS, wrong);
    // This gateway has read the manifest; another has not.
    let own = Workspace::new();
    let other = scene.stored.serve(&own);
    for path in [
        scene.stored.tagged(),
        scene.stored.manifest(&scene.stored.split.to_string()),
    ] {
        let got = get(&other.host(), &path).is(502);
        assert_eq!(got.header("docker-content-digest"), "");
    }
    scene.registry.forget_rules();
    let manifest = get(&other.host(), &scene.stored.tagged()).is(200);
    assert_eq!(Digest::of(&manifest.body), scene.stored.flat);
    scene.recovers();
}
