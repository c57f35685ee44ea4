//! skopeo with the committed `registries.conf`: the library is the one that CRI-O and podman pull with.

use super::credentials::{assert_no_secret, assert_tokens, publisher, with_tokens};
use super::outages::address;
use super::*;
use crate::binary::Answer;
use crate::support::registries::{BASIC, PASSWORD, Registry, USERNAME, authenticated};

/// A registry that no resolver knows: who asks anything but the gateway gets nothing.
const NAME: &str = "registry.test";

/// The registry of the examples.
const EXAMPLE_NAME: &str = "ghcr.io";

/// A gateway of the registry called [`NAME`]: to that, a registry without a name is the proxy on the way.
fn gateway(workspace: &Workspace, listen: &str, registry: &Registry) -> Running {
    let arguments = ["serve", "--json", "--listen", listen];
    let upstream = ["--plain-http", "--upstream", NAME];
    let mut command = workspace.wharf(&[&arguments[..], &upstream].concat());
    command.env("http_proxy", format!("http://{}", registry.host));
    Running::run(command)
}

/// The example for a registry that is called by its name.
fn by_name(gateway: &str) -> String {
    let renamed = [(EXAMPLE_GATEWAY, gateway), (EXAMPLE_NAME, NAME)];
    example("registries.conf", &renamed)
}

/// The example for a registry whose name has a port, which no part of a path may have: it is the gateway's first.
fn by_port(gateway: &str, registry: &str) -> String {
    let location = format!("{EXAMPLE_GATEWAY}/{EXAMPLE_NAME}");
    let renamed = [(location.as_str(), gateway), (EXAMPLE_NAME, registry)];
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
    fn gets_flat(&self, image: &str, pushed: &Pushed, more: &[&str]) {
        let from = format!("docker://{image}");
        let copy = ["copy", "--preserve-digests", &from, "oci:out:copied"];
        self.run(&[&copy, more].concat()).success();
        let out = self.workspace.path("out");
        assert_eq!(binary::assert_layout(&out)["copied"], pushed.flat);
        let blobs = out.join("blobs/sha256");
        assert_eq!(names(&blobs).len(), 3);
        let content = fs::read(blobs.join(pushed.content().hex())).unwrap();
        assert!(content == pushed.bytes, "other bytes");
        fs::remove_dir_all(out).unwrap();
    }
}

#[test]
fn the_library_of_podman_gets_what_it_names() {
    let Some(node) = Node::new() else {
        return;
    };
    for registry in registries() {
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "podman/named:1.0", b'a');
        let named = gateway(&workspace, "127.0.0.1:0", registry);
        let upstream = ["--upstream", &registry.host];
        let ported = Running::start(&workspace, &upstream);
        for (host, settings) in [
            (NAME, by_name(&named.host())),
            (&registry.host, by_port(&ported.host(), &registry.host)),
        ] {
            node.asks(&settings);
            let repository = format!("{host}/podman/named");
            let tagged = format!("{repository}:1.0");
            let [flat, split] = [pushed.flat, pushed.split]
                .map(|digest| (format!("{repository}@{digest}"), digest));
            node.is(&tagged, pushed.flat);
            node.is(&flat.0, flat.1);
            node.is(&split.0, split.1);
            node.gets_flat(&tagged, &pushed, &[]);
            node.gets_flat(&flat.0, &pushed, &[]);
        }
        // The name of the registry leads the way through the gateway.
        let (_status, log) = named.signalled("TERM");
        assert!(
            log.contains(&format!("GET /v2/{NAME}/podman/named/")),
            "{log}"
        );
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
        node.asks(&by_name(&address));
        let repository = format!("{NAME}/podman/down");
        let tagged = format!("{repository}:1.0");
        let flat = format!("{repository}@{}", pushed.flat);
        let split = format!("{repository}@{}", pushed.split);
        let up = gateway(&workspace, &address, registry);
        node.is(&tagged, pushed.flat);
        up.signalled("TERM");
        for image in [&tagged, &flat, &split] {
            node.is_refused(image, &[], "connection refused");
        }
        let up = gateway(&workspace, &address, registry);
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
            location = "{address}/{NAME}"
            insecure = true
            "#,
            host = registry.host,
        );
        node.asks(&mirrored);
        node.is(&tagged, pushed.flat);
        up.signalled("TERM");
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
fn podman_shows_what_is_kept_for_the_gateway() {
    let Some(node) = Node::new() else {
        return;
    };
    for registry in authenticated() {
        let workspace = publisher(&registry.host);
        let pushed = push_component(&workspace, &registry.host, "nodes/app:1.0", b'a');
        let own = Workspace::new();
        let gateway = gateway(&own, "127.0.0.1:0", registry);
        let host = gateway.host();
        node.asks(&by_name(&host));
        let image = format!("{NAME}/nodes/app:1.0");
        node.is_refused(&image, &[], "unauthorized");
        // What is for the registry is not for the gateway, nor is what comes with the call, as a pull secret does.
        let call = format!("{USERNAME}:{PASSWORD}");
        node.is_refused(&image, &["--creds", &call], "unauthorized");
        let file = authfile(&node, NAME);
        node.is_refused(&image, &["--authfile", &file], "unauthorized");
        for place in [host.clone(), format!("{host}/{NAME}")] {
            let file = authfile(&node, &place);
            node.gets_flat(&image, &pushed, &["--src-authfile", &file]);
        }
        // All of it is in the gateway's cache now.
        node.is_refused(&image, &[], "unauthorized");
        assert_no_secret(&gateway.signalled("TERM").1);
    }
}

#[test]
fn podman_shows_a_token() {
    let Some(node) = Node::new() else {
        return;
    };
    let registry = with_tokens();
    let host = registry.address();
    let workspace = publisher(&host);
    let pushed = push_component(&workspace, &host, "nodes/app:1.0", b'a');
    let own = Workspace::new();
    let gateway = Running::start(&own, &["--upstream", &host]);
    registry.forget_requests();
    node.asks(&by_port(&gateway.host(), &host));
    let image = pushed.tagged();
    node.is_refused(&image, &[], "unauthorized");
    let file = authfile(&node, &gateway.host());
    node.gets_flat(&image, &pushed, &["--src-authfile", &file]);
    node.is_refused(&image, &[], "unauthorized");
    assert_tokens(&registry);
    assert_no_secret(&gateway.signalled("TERM").1);
}
