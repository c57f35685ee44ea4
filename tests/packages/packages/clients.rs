//! wkg and wharf find the same packages with the same configuration, whoever published them.

use crate::support;
use std::path::PathBuf;

use super::*;
use crate::support::tool;

/// wharf and wkg on one machine with one configuration.
struct WharfAndWkg {
    workspace: Workspace,
    wkg: PathBuf,
    host: String,
}

impl WharfAndWkg {
    /// The packages of the namespace `demo` are at `HOST/PREFIX`; nothing where there is no wkg.
    fn new(registry: &Registry, prefix: &str) -> Option<Self> {
        let wkg = support::tool("wkg")?;
        let workspace = Workspace::new();
        log_in(&workspace, registry);
        let host = registry.host.clone();
        let place = format!("{host}/{prefix}");
        workspace.json(&["config", "set", "demo", &place, "--config", "wkg.toml"]);
        let both = Self {
            workspace,
            wkg,
            host,
        };
        Some(both)
    }

    fn wharf(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--config", "wkg.toml"]].concat();
        self.workspace.json(&arguments)
    }

    /// Runs wkg, which has read nothing before.
    fn wkg(&self, arguments: &[&str]) -> Answer {
        let cache = tempfile::tempdir_in(self.workspace.temporary()).unwrap();
        let mut command = self.workspace.command(&self.wkg, arguments);
        Answer::of(command.env("WKG_CACHE_DIR", cache.path()))
    }

    #[track_caller]
    fn assert_wkg_gets(&self, spec: &str, bytes: &[u8]) {
        let get = ["get", spec, "-o", "./theirs.wasm", "--overwrite"];
        self.wkg(&[&get[..], &["--config", "wkg.toml"]].concat())
            .success();
        let same = self.workspace.read("theirs.wasm") == bytes;
        assert!(same, "{spec} of {}: other bytes", self.host);
    }

    #[track_caller]
    fn assert_wharf_gets(&self, spec: &str, bytes: &[u8]) {
        let got = self.wharf(&["get", spec, "-o", "ours.wasm", "--no-cache"]);
        let same = self.workspace.read("ours.wasm") == bytes;
        assert!(same, "{spec} of {}: other bytes", self.host);
        assert_eq!(got["content_digest"], Digest::of(bytes).to_string());
    }

    fn versions(&self, package: &str) -> Vec<String> {
        let report = self.wharf(&["versions", package]);
        let rows = report["packages"].as_array().unwrap().iter();
        rows.map(|row| row["version"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Those that let everybody in, and those that want a password.
fn everywhere(prefix: &str) -> Vec<WharfAndWkg> {
    let both =
        support::registries::everywhere().filter_map(|registry| WharfAndWkg::new(registry, prefix));
    both.collect()
}

#[test]
fn wkg_gets_packages_that_wharf_published() {
    for both in everywhere("interop/to-wkg") {
        let bytes = both.workspace.fixture("calc");
        let version = version_of("calc", "1.1.0");
        both.workspace.write("newer.wasm", &version);
        both.wharf(&["publish", "calc.wasm", "demo:calc@1.0.0", "--compat"]);
        both.wharf(&["publish", "newer.wasm", "demo:calc@1.1.0", "--compat"]);
        both.assert_wkg_gets("demo:calc@1.0.0", &bytes);
        both.assert_wkg_gets("demo:calc", &version);
        let reference = format!("{}/interop/to-wkg/demo/calc:1.0.0", both.host);
        let pull = ["oci", "pull", "--insecure", &both.host, &reference];
        both.wkg(&[&pull[..], &["-o", "pulled.wasm"]].concat())
            .success();
        assert!(both.workspace.read("pulled.wasm") == bytes);
        // It says itself what it is; nobody has to be told.
        both.wkg(&["get", "demo:calc@1.0.0", "--config", "wkg.toml"])
            .success();
        assert!(both.workspace.read("demo_calc@1.0.0.wasm") == bytes);
    }
}

#[test]
fn wharf_gets_packages_that_wkg_published() {
    for both in everywhere("interop/from-wkg") {
        let package = wit::encoded("tides.wit");
        both.workspace.write("tides.wasm", &package);
        both.wkg(&["publish", "tides.wasm", "--config", "wkg.toml"])
            .success();
        both.assert_wharf_gets("demo:tides", &package);
        both.assert_wharf_gets("demo:tides@1.2.0-rc.1", &package);
        assert_eq!(both.versions("demo:tides"), ["1.2.0-rc.1"]);

        // By reference, as a package where its name is one, and beside our own.
        let pushed = both.workspace.fixture("layers");
        let repository = format!("{}/interop/from-wkg/demo/layers", both.host);
        let reference = format!("{repository}:2.1.0");
        let push = ["oci", "push", "--insecure", &both.host, &reference];
        both.wkg(&[&push[..], &["layers.wasm"]].concat()).success();
        both.workspace.pull(&reference, &pushed);
        both.assert_wharf_gets("demo:layers@^2", &pushed);
        let ours = both.workspace.fixture("calc");
        both.wharf(&["publish", "calc.wasm", "demo:layers@3.0.0"]);
        both.assert_wharf_gets("demo:layers@^3", &ours);
        assert_eq!(both.versions("demo:layers"), ["3.0.0", "2.1.0"]);
        // The same bytes as wkg pushed are there already, others are not taken.
        let again = both.wharf(&["publish", "layers.wasm", "demo:layers@2.1.0"]);
        assert_eq!(again["published"], false, "{again}");
        let other = ["publish", "calc.wasm", "demo:layers@2.1.0"];
        let other = [&other[..], &["--config", "wkg.toml"]].concat();
        both.workspace.error(&other, 7);
    }
}

#[test]
fn the_configuration_may_be_named_by_the_environment() {
    for registry in registries() {
        let Some(both) = WharfAndWkg::new(registry, "interop/named") else {
            return;
        };
        let bytes = both.workspace.fixture("calc");
        let run = |program: &Path, arguments: &[&str]| {
            let mut command = both.workspace.command(program, arguments);
            command.env("WKG_CONFIG_FILE", both.workspace.path("wkg.toml"));
            Answer::of(&mut command).success()
        };
        let wharf = Path::new(env!("CARGO_BIN_EXE_wharf"));
        let publish = ["publish", "calc.wasm", "demo:calc@1.0.0", "--compat"];
        run(wharf, &publish);
        run(&both.wkg, &["get", "demo:calc", "-o", "./theirs.wasm"]);
        run(wharf, &["get", "demo:calc", "-o", "ours.wasm"]);
        for file in ["theirs.wasm", "ours.wasm"] {
            assert!(both.workspace.read(file) == bytes, "{file}");
        }
        // Without it neither knows the namespace's registry.
        let get = ["get", "demo:calc", "-o", "./no.wasm"];
        assert_ne!(both.wkg(&get).code, Some(0));
        assert_eq!(both.workspace.run(&get).code, Some(3));
        assert!(!both.workspace.path("no.wasm").exists());
    }
}

#[test]
fn wkg_refuses_artifacts_without_a_flat_form() {
    for both in everywhere("interop/plain") {
        both.workspace.fixture("calc");
        both.wharf(&["publish", "calc.wasm", "demo:calc@1.0.0"]);
        let get = ["get", "demo:calc@1.0.0", "-o", "./no.wasm"];
        let refused = both.wkg(&[&get[..], &["--config", "wkg.toml"]].concat());
        assert_ne!(refused.code, Some(0));
        let words = "Wasm components must have exactly one layer";
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        let reference = format!("{}/interop/plain/demo/calc:1.0.0", both.host);
        let pull = ["oci", "pull", "--insecure", &both.host, &reference];
        let refused = both.wkg(&[&pull[..], &["-o", "no.wasm"]].concat());
        assert_ne!(refused.code, Some(0));
        let words = "Incompatible layer media type: application/vnd.wharf.";
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert!(!both.workspace.path("no.wasm").exists());
    }
}

#[test]
fn other_tags_are_not_versions() {
    let Some(oras) = tool("oras") else { return };
    for registry in registries() {
        let Some(both) = WharfAndWkg::new(registry, "interop/tags") else {
            return;
        };
        both.workspace.fixture("calc");
        let newest = version_of("calc", "1.1.0");
        both.workspace.write("newer.wasm", &newest);
        both.wharf(&["publish", "calc.wasm", "demo:calc@1.0.0", "--compat"]);
        both.wharf(&["publish", "newer.wasm", "demo:calc@1.1.0", "--compat"]);
        both.wharf(&["yank", "demo:calc@1.0.0"]);
        let repository = format!("{}/interop/tags/demo/calc", both.host);
        let attach = ["attach", "--plain-http", "--artifact-type", "example/note"];
        let reference = format!("{repository}:1.0.0");
        both.workspace.write("note.txt", b"about it");
        let attach = [&attach[..], &[&reference, "note.txt:text/plain"]].concat();
        client(&both.workspace, &oras, &attach);
        let tags = ["repo", "tags", "--plain-http", &repository];
        let all = client(&both.workspace, &oras, &tags);
        let (marks, mut versions): (Vec<&str>, Vec<&str>) =
            all.lines().partition(|tag| tag.starts_with("sha256-"));
        assert!(marks.len() >= 3, "{all}");
        versions.sort_unstable();
        assert_eq!(versions, ["1.0.0", "1.1.0"]);

        assert_eq!(both.versions("demo:calc"), ["1.1.0", "1.0.0"]);
        both.assert_wkg_gets("demo:calc", &newest);
    }
}
