//! Programs that know nothing of layers get the exact bytes.

use crate::support;
use crate::support::workspace;
use std::path::Path;

use super::http;
use super::*;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// One client before one gateway.
struct Client<'a> {
    workspace: Workspace,
    program: &'a Path,
    stored: &'a StoredComponent,
    gateway: &'a RunningServer,
}

impl Client<'_> {
    /// Runs the program, which must succeed, and returns what it wrote.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = self.workspace.command(self.program, arguments);
        Answer::of(&mut command).success().stdout
    }

    /// The repository as the gateway's clients name it.
    fn repository(&self) -> String {
        format!("{}/{}", self.gateway.host(), self.stored.repository)
    }

    fn tagged(&self) -> String {
        format!("{}:1.0.0", self.repository())
    }

    fn content(&self) -> String {
        format!("{}@{}", self.repository(), self.stored.content())
    }

    #[track_caller]
    fn is_content(&self, bytes: &[u8]) {
        let upstream = &self.stored.upstream;
        assert!(bytes == self.stored.bytes, "{upstream}: other bytes");
    }

    #[track_caller]
    fn is_flat(&self, manifest: &[u8]) {
        assert_eq!(Digest::of(manifest), self.stored.flat);
    }

    /// Where a program copies to: another repository of each registry.
    fn targets(&self) -> Vec<(&'static str, String)> {
        let path = format!("{}/copied", self.stored.repository);
        let target = |host: &'static str| (host, path.clone());
        let hosts = registries().iter().map(|registry| registry.host.as_str());
        hosts.map(target).collect()
    }

    /// A registry has the flat form, and all of it.
    #[track_caller]
    fn has_flat(&self, host: &str, path: &str) {
        let manifest = format!("/v2/{path}/manifests/1.0.0");
        let manifest = http::ask(host, "GET", &manifest, &[("Accept", MANIFEST)]);
        self.is_flat(&manifest.whole().is(200).body);
        let pulled = Workspace::new().pull(&format!("{host}/{path}:1.0.0"), &self.stored.bytes);
        assert_eq!(pulled["digest"], self.stored.flat.to_string());
    }
}

/// Runs a test before a gateway in front of each upstream; `name` is the program and the repository.
fn each(name: &str, test: impl Fn(&Client<'_>)) {
    let Some(program) = support::tool(name) else {
        return;
    };
    for (workspace, stored) in everywhere(&format!("serve/{name}")) {
        let client = Client {
            workspace: Workspace::new(),
            program: &program,
            stored: &stored,
            gateway: &stored.serve(&workspace),
        };
        test(&client);
    }
}

#[test]
fn wkg_gets_the_exact_bytes() {
    each("wkg", |client| {
        let (host, tagged) = (client.gateway.host(), client.tagged());
        client.run(&[
            "oci",
            "pull",
            "--insecure",
            &host,
            &tagged,
            "-o",
            "out.wasm",
        ]);
        client.is_content(&client.workspace.read("out.wasm"));
    });
}

#[test]
fn oras_gets_the_exact_bytes() {
    each("oras", |client| {
        let tagged = client.tagged();
        let plain = "--plain-http";
        client.is_flat(&client.run(&["manifest", "fetch", plain, &tagged]));
        let descriptor = client.run(&["manifest", "fetch", plain, "--descriptor", &tagged]);
        let descriptor: Value = serde_json::from_slice(&descriptor).unwrap();
        assert_eq!(descriptor["digest"], client.stored.flat.to_string());
        client.run(&["pull", plain, &tagged, "--output", "out"]);
        let written = workspace::files(&client.workspace.path("out"));
        let written: Vec<_> = written.into_values().collect();
        assert_eq!(written.len(), 1);
        client.is_content(&written[0]);
        let tags = client.run(&["repo", "tags", plain, &client.repository()]);
        assert_eq!(String::from_utf8(tags).unwrap(), "1.0.0\n");
        for (host, path) in client.targets() {
            let target = format!("{host}/{path}:1.0.0");
            let from = ["cp", "--from-plain-http", &tagged];
            client.run(&[&from[..], &["--to-plain-http", &target]].concat());
            client.has_flat(host, &path);
        }
    });
}

#[test]
fn crane_gets_the_exact_bytes() {
    each("crane", |client| {
        let tagged = client.tagged();
        client.is_flat(&client.run(&["manifest", "--insecure", &tagged]));
        let digest = client.run(&["digest", "--insecure", &tagged]);
        assert_eq!(digest, format!("{}\n", client.stored.flat).into_bytes());
        client.is_content(&client.run(&["blob", "--insecure", &client.content()]));
        client.run(&["pull", "--insecure", "--format=oci", &tagged, "out"]);
        let blob = format!("out/blobs/sha256/{}", client.stored.content().hex());
        client.is_content(&client.workspace.read(&blob));
        for (host, path) in client.targets() {
            let target = format!("{host}/{path}:1.0.0");
            client.run(&["copy", "--insecure", &tagged, &target]);
            client.has_flat(host, &path);
        }
    });
}

#[test]
fn regctl_gets_the_exact_bytes() {
    each("regctl", |client| {
        let tagged = client.tagged();
        let plain = |host: &str| format!("reg={host},tls=disabled");
        let gateway = plain(&client.gateway.host());
        let run = |arguments: &[&str]| client.run(&[&["--host", &gateway], arguments].concat());
        client.is_content(&run(&["artifact", "get", &tagged]));
        let digest = run(&["manifest", "head", &tagged]);
        assert_eq!(digest, format!("{}\n", client.stored.flat).into_bytes());
        for (host, path) in client.targets() {
            let (target, plain) = (format!("{host}/{path}:1.0.0"), plain(host));
            run(&["--host", &plain, "image", "copy", &tagged, &target]);
            client.has_flat(host, &path);
        }
    });
}

#[test]
fn skopeo_gets_the_exact_bytes() {
    each("skopeo", |client| {
        let from = format!("docker://{}", client.tagged());
        let copy = ["--insecure-policy", "copy", "--preserve-digests"];
        let copy = [&copy[..], &["--src-tls-verify=false", &from]].concat();
        client.run(&[&copy[..], &["oci:out:1.0.0"]].concat());
        let tags = workspace::assert_layout(&client.workspace.path("out"));
        assert_eq!(tags["1.0.0"], client.stored.flat);
        let blob = format!("out/blobs/sha256/{}", client.stored.content().hex());
        client.is_content(&client.workspace.read(&blob));
        for (host, path) in client.targets() {
            let target = format!("docker://{host}/{path}:1.0.0");
            client.run(&[&copy[..], &["--dest-tls-verify=false", &target]].concat());
            client.has_flat(host, &path);
        }
    });
}

#[test]
fn wharf_still_moves_layers() {
    for (workspace, stored) in everywhere("serve/wharf") {
        let gateway = stored.serve(&workspace);
        let client = Workspace::new();
        let tagged = format!("{}/{}:1.0.0", gateway.host(), stored.repository);
        let pulled = client.pull(&tagged, &stored.bytes);
        assert_eq!(pulled["digest"], stored.split.to_string());
        // The next version differs in one layer, and that is all that comes.
        let next = StoredComponent::push(
            &workspace,
            &stored.upstream,
            &stored.repository,
            &component(5),
        );
        let pulled = client.pull(&tagged, &next.bytes);
        assert_eq!(pulled["digest"], next.split.to_string());
        assert_eq!(pulled["fetched_bytes"], 100_000);
        // Whoever asks for the flat form by its digest gets that.
        let flat = format!("{}/{}@{}", gateway.host(), stored.repository, next.flat);
        let pulled = Workspace::new().pull(&flat, &next.bytes);
        assert_eq!(pulled["digest"], next.flat.to_string());
    }
}
