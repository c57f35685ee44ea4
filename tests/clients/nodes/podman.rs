//! skopeo with the committed `registries.conf`: the library is the one that CRI-O and podman pull with.

use super::credentials::{BehindTokens, assert_refused, publisher, with_tokens};
use super::outages::address;
use super::*;
use crate::support;
use crate::support::fault::{self, TokenClient};
use crate::support::registries::{BASIC, PASSWORD, USERNAME, authenticated};
use crate::support::workspace::{self, Answer};

/// What images are named with, which no resolver knows: who asks anything but the gateway gets nothing.
const NAME: &str = "registry.test";

/// The example, whose registry is the gateway's first.
fn settings(gateway: &str) -> String {
    let renamed = [(EXAMPLE_GATEWAY, gateway), ("ghcr.io", NAME)];
    example("registries.conf", &renamed)
}

/// What pulls on a node.
struct Node {
    skopeo: PathBuf,
    workspace: Workspace,
}

impl Node {
    fn new() -> Option<Self> {
        Some(Self {
            skopeo: support::tool("skopeo")?,
            workspace: Workspace::new(),
        })
    }

    /// Writes `registries.conf`.
    fn asks(&self, settings: &str) {
        self.workspace.write("registries.conf", settings.as_bytes());
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        let conf = self.workspace.path("registries.conf");
        let conf = conf.to_str().unwrap();
        let flags = ["--insecure-policy", "--registries-conf", conf];
        let mut command = self
            .workspace
            .command(&self.skopeo, &[&flags, arguments].concat());
        Answer::of(&mut command)
    }

    /// Asks for the manifest of an image.
    fn manifest(&self, image: &str, more: &[&str]) -> Answer {
        let image = format!("docker://{image}");
        self.run(&[&["inspect", "--raw", &image], more].concat())
    }

    #[track_caller]
    fn is(&self, image: &str, digest: Digest) {
        let manifest = self.manifest(image, &[]).success();
        assert_eq!(Digest::of(&manifest.stdout), digest, "{image}");
    }

    #[track_caller]
    fn is_refused(&self, image: &str, more: &[&str], why: &str) {
        let refused = self.manifest(image, more);
        assert_eq!(refused.code, Some(1), "{image} {more:?}");
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }

    /// Copies an image, which must then be the flat form.
    #[track_caller]
    fn gets_flat(&self, image: &str, pushed: &PushedComponent, more: &[&str]) {
        let from = format!("docker://{image}");
        let copy = ["copy", "--preserve-digests", &from, "oci:out:copied"];
        self.run(&[&copy, more].concat()).success();
        let out = self.workspace.path("out");
        assert_eq!(workspace::assert_layout(&out)["copied"], pushed.flat);
        let blobs = out.join("blobs/sha256");
        assert_eq!(names(&blobs).len(), 3);
        let content = fs::read(blobs.join(pushed.content().hex())).unwrap();
        assert!(content == pushed.bytes, "other bytes");
        fs::remove_dir_all(out).unwrap();
    }
}

#[test]
fn the_library_of_podman_gets_exact_bytes() {
    let Some(node) = Node::new() else {
        return;
    };
    for registry in registries() {
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "podman/named:1.0", b'a');
        let gateway = RunningServer::start(&workspace, &["--upstream", &registry.host]);
        node.asks(&settings(&gateway.host()));
        let repository = format!("{NAME}/podman/named");
        let tagged = format!("{repository}:1.0");
        let flat = format!("{repository}@{}", pushed.flat);
        node.is(&tagged, pushed.flat);
        node.is(&flat, pushed.flat);
        node.is(&format!("{repository}@{}", pushed.split), pushed.split);
        node.gets_flat(&tagged, &pushed, &[]);
        node.gets_flat(&flat, &pushed, &[]);
    }
}

#[test]
fn without_its_gateway_podman_gets_nothing() {
    let Some(node) = Node::new() else {
        return;
    };
    for registry in registries() {
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "podman/down:1.0", b'a');
        let (_held, address) = address();
        let start =
            || RunningServer::start_on(&workspace, &address, &["--upstream", &registry.host]);
        node.asks(&settings(&address));
        let repository = format!("{NAME}/podman/down");
        let tagged = format!("{repository}:1.0");
        let flat = format!("{repository}@{}", pushed.flat);
        let split = format!("{repository}@{}", pushed.split);
        let gateway = start();
        node.is(&tagged, pushed.flat);
        gateway.signalled("TERM");
        for image in [&tagged, &flat, &split] {
            node.is_refused(image, &[], "connection refused");
        }
        let gateway = start();
        node.is(&tagged, pushed.flat);
        node.is(&flat, pushed.flat);

        // As a mirror, which the example is not.
        let mirrored = format!(
            r#"
            [[registry]]
            prefix = "{NAME}"
            location = "{host}"
            insecure = true
            [[registry.mirror]]
            location = "{address}"
            insecure = true
            "#,
            host = registry.host,
        );
        node.asks(&mirrored);
        node.is(&tagged, pushed.flat);
        gateway.signalled("TERM");
        node.is(&tagged, pushed.split);
        node.is(&split, pushed.split);
        node.is_refused(&flat, &[], "manifest unknown");
    }
}

/// Writes a file of credentials for one place.
fn authfile(node: &Node, place: &str) -> String {
    let auths = serde_json::json!({ "auths": { place: { "auth": BASIC } } });
    let file = format!("{}.json", place.replace(['/', ':'], "-"));
    node.workspace.write(&file, auths.to_string().as_bytes());
    file
}

#[test]
fn podman_shows_only_the_password_stored_for_the_gateway() {
    let Some(node) = Node::new() else {
        return;
    };
    for registry in authenticated() {
        let workspace = publisher(&registry.host);
        let pushed = push_component(&workspace, &registry.host, "nodes/app:1.0", b'a');
        let own = Workspace::new();
        let gateway = RunningServer::start(&own, &["--upstream", &registry.host]);
        let host = gateway.host();
        node.asks(&settings(&host));
        let image = format!("{NAME}/nodes/app:1.0");
        node.is_refused(&image, &[], "unauthorized");
        // What is for the registry is not for the gateway, nor is what comes with the call, as a pull secret does.
        let call = format!("{USERNAME}:{PASSWORD}");
        node.is_refused(&image, &["--creds", &call], "unauthorized");
        let file = authfile(&node, NAME);
        node.is_refused(&image, &["--authfile", &file], "unauthorized");
        for place in [host.clone(), format!("{host}/nodes")] {
            let file = authfile(&node, &place);
            node.gets_flat(&image, &pushed, &["--src-authfile", &file]);
        }
        // All of it is in the gateway's cache now.
        let flat = format!("{NAME}/nodes/app@{}", pushed.flat);
        for image in [&image, &flat] {
            node.is_refused(image, &[], "unauthorized");
        }
        assert_refused(&gateway.signalled("TERM").1);
    }
}

#[test]
fn podman_shows_a_token() {
    let Some(node) = Node::new() else {
        return;
    };
    let behind = BehindTokens::new();
    let (host, pushed) = (behind.gateway.host(), &behind.pushed);
    node.asks(&settings(&host));
    let image = format!("{NAME}/nodes/app:1.0");
    node.is_refused(&image, &[], "unauthorized");
    let file = authfile(&node, &host);
    node.gets_flat(&image, pushed, &["--src-authfile", &file]);
    let flat = format!("{NAME}/nodes/app@{}", pushed.flat);
    for image in [&image, &flat] {
        node.is_refused(image, &[], "unauthorized");
    }
    behind.assert_tokens();
    assert_refused(&behind.gateway.signalled("TERM").1);
}

#[test]
fn a_further_registry_is_part_of_the_path() {
    let Some(node) = Node::new() else {
        return;
    };
    // Everybody gets a token, and needs one.
    let registry = with_tokens(TokenClient::Everybody);
    let host = registry.address();
    let workspace = Workspace::new();
    let pushed = push_component(&workspace, &host, "nodes/app:1.0", b'a');
    let first = fault::Registry::start();
    let start = |more: &[&str]| {
        let arguments = ["serve", "--json", "--listen", "127.0.0.1:0", "--plain-http"];
        let upstreams = ["--upstream", &first.address(), "--upstream", NAME];
        let arguments = [&arguments[..], &upstreams, more].concat();
        let mut command = workspace.wharf(&arguments);
        // It knows no host called that, so whoever has the path of a request will do.
        command.env("http_proxy", format!("http://{host}"));
        RunningServer::run(command)
    };
    let located = |gateway: &RunningServer| {
        let from = format!("location = \"{EXAMPLE_GATEWAY}\"");
        let to = format!("location = \"{}/{NAME}\"", gateway.host());
        example("registries.conf", &[(&from, &to), ("ghcr.io", NAME)])
    };
    let image = format!("{NAME}/nodes/app:1.0");
    // Who it must be it asks the first one, and for tokens by a path that the registry does not know.
    let gateway = start(&[]);
    node.asks(&located(&gateway));
    node.is_refused(&image, &[], "unauthorized");
    let gateway = start(&["--own-credentials"]);
    node.asks(&located(&gateway));
    node.gets_flat(&image, &pushed, &[]);
    let (_status, log) = gateway.signalled("TERM");
    assert!(log.contains(&format!("GET /v2/{NAME}/nodes/app/")), "{log}");
}
