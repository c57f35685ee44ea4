//! Runs the built binary where nothing of the machine or of another test reaches it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use wharf::digest::{Digest, Identity};
use wharf::encoding::{Decoder, Encoding};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/wat");

/// Assembles `testdata/wat/NAME.wat`.
pub fn assemble(name: &str) -> Vec<u8> {
    let file = Path::new(FIXTURES).join(name).with_extension("wat");
    wat::parse_file(file).unwrap_or_else(|error| panic!("{error}"))
}

/// A directory to run in, with a home and a cache of its own; all gone when this is dropped.
pub struct Workspace {
    root: tempfile::TempDir,
}

impl Default for Workspace {
    fn default() -> Self {
        // Not in `/tmp`, which may be memory: some tests write a gigabyte.
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for directory in ["work", "home", "tmp"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        Self { root }
    }
}

impl Workspace {
    pub fn new() -> Self {
        Self::default()
    }

    /// Where commands run; empty at first.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Where temporary files go; empty at first.
    pub fn temporary(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// A file or directory where commands run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Assembles a fixture into `NAME.wasm` and returns its bytes.
    pub fn fixture(&self, name: &str) -> Vec<u8> {
        let bytes = assemble(name);
        self.write(&format!("{name}.wasm"), &bytes);
        bytes
    }

    pub fn cache(&self) -> WorkspaceCache {
        WorkspaceCache {
            root: self.root.path().join("home/cache/v1"),
        }
    }

    /// A command that sees nothing of the environment of the tests but `PATH`, which credential helpers and other
    /// programs need.
    pub fn command<S: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, arguments: &[S]) -> Command {
        let home = self.root.path().join("home");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.work())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("WHARF_CACHE", home.join("cache"))
            .env("DOCKER_CONFIG", home.join("docker"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("TMPDIR", self.temporary())
            .env("HOME", home)
            .env("LC_ALL", "C");
        command
    }

    /// The wharf that these tests are about.
    pub fn wharf<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        self.command(env!("CARGO_BIN_EXE_wharf"), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(&mut self.wharf(arguments))
    }

    /// Runs wharf with `--json`; it must succeed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut command = self.wharf(arguments);
        Answer::of(command.arg("--json")).success().json()
    }

    /// Runs wharf with `--json`; it must fail with this code. Returns the error.
    #[track_caller]
    pub fn error(&self, arguments: &[&str], code: i32) -> Value {
        let mut command = self.wharf(arguments);
        let answer = Answer::of(command.arg("--json"));
        assert_eq!(answer.code, Some(code), "{arguments:?}: {answer:?}");
        answer.json()["error"].clone()
    }

    /// Pulls into a file that must then be these bytes.
    pub fn pull(&self, reference: &str, bytes: &[u8]) -> Value {
        let report = self.json(&["pull", reference, "-o", "pulled.wasm"]);
        assert!(
            self.read("pulled.wasm") == bytes,
            "{reference} gave other bytes"
        );
        assert_eq!(report["content_digest"], Digest::of(bytes).to_string());
        fs::remove_file(self.path("pulled.wasm")).unwrap();
        report
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Answer {
    /// Nothing if a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    what: String,
}

impl Answer {
    pub fn of(command: &mut Command) -> Self {
        let what = format!("{command:?}");
        let output = command.output();
        Self::from_output(what, output.unwrap_or_else(|error| panic!("{error}")))
    }

    pub fn from_output(what: String, output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
            what,
        }
    }

    /// Runs a command that says little, and also returns the most memory it had in use.
    #[cfg(target_os = "linux")]
    pub fn watched(mut command: Command) -> (Self, u64) {
        let what = format!("{command:?}");
        let mut child = command.spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        // The figure only grows, and is gone when the process is.
        while child.try_wait().unwrap().is_none() {
            peak = high_water(&status).unwrap_or(0).max(peak);
        }
        let output = child.wait_with_output().unwrap();
        assert!(peak > 1 << 20, "{peak} bytes: the process was not seen");
        (Self::from_output(what, output), peak)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    #[track_caller]
    pub fn success(self) -> Self {
        let (what, stdout, stderr) = (&self.what, self.text(), &self.stderr);
        assert_eq!(self.code, Some(0), "{what}\n{stdout}\n{stderr}");
        self
    }

    /// All of stdout as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {:?}", self.what, self.text()))
    }
}

#[cfg(target_os = "linux")]
pub fn high_water(status: &str) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Every file below a directory, with its content.
pub fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        let Ok(entries) = fs::read_dir(directory) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                left.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// The names in a directory; none where there is no directory.
pub fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// One layer as the manifest has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    pub digest: Digest,
    pub size: u64,
    pub content: Digest,
}

/// The layers of a split manifest, read without the code under test.
pub fn layers(manifest: &[u8]) -> Vec<Layer> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let layer = |layer: &Value| Layer {
        digest: digest(&layer["digest"]),
        size: layer["size"].as_u64().unwrap(),
        content: digest(&layer["annotations"]["wasm.wharf.content.digest"]),
    };
    manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(layer)
        .collect()
}

/// The digests of config and layers.
pub fn blobs_of(manifest: &[u8]) -> BTreeSet<Digest> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    let blobs = layers.chain([&manifest["config"]]);
    blobs.map(|blob| digest(&blob["digest"])).collect()
}

/// A digest in JSON.
#[track_caller]
pub fn digest(value: &Value) -> Digest {
    value.as_str().unwrap().parse().unwrap()
}

/// The cache of a workspace.
pub struct WorkspaceCache {
    pub root: PathBuf,
}

impl WorkspaceCache {
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// The record of which blob holds a content.
    pub fn record(&self, content: &Digest) -> PathBuf {
        self.root.join("content").join(content.hex())
    }

    /// Flips a byte in the middle of a blob.
    pub fn damage(&self, digest: &Digest) {
        let mut bytes = fs::read(self.blob(digest)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        fs::write(self.blob(digest), bytes).unwrap();
    }

    /// Every blob is what its name says, every record's blob holds what the record's name says, and there is nothing else.
    #[track_caller]
    pub fn assert_sound(&self) {
        let known = ["blobs", "content", "registries", "sources", "tags"];
        let others = names(&self.root);
        let mut others = others.iter().filter(|name| !known.contains(&name.as_str()));
        assert_eq!(others.next(), None, "left in the cache");
        assert_blobs(&self.blobs());
        for (path, record) in files(&self.root.join("content")) {
            let record: Value = serde_json::from_slice(&record)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let blob = File::open(self.blob(&digest(&record["digest"]))).unwrap();
            assert_eq!(record["size"], blob.metadata().unwrap().len());
            let size = record["contentSize"].as_u64().unwrap();
            let encoding = match record["encoding"].as_str() {
                Some("raw") => Encoding::Raw,
                Some("zstd") => Encoding::Zstd,
                other => panic!("{}: {other:?}", path.display()),
            };
            let mut content = Vec::new();
            let mut decoder = Decoder::new(blob, encoding, size).unwrap();
            decoder.read_to_end(&mut content).unwrap();
            let expected = Identity {
                digest: Digest::from_hex(path.file_name().unwrap().to_str().unwrap()).unwrap(),
                size,
            };
            assert_eq!(Identity::of(&content), expected);
        }
    }
}

/// Every file of a directory `blobs/sha256` is what its name says.
#[track_caller]
pub fn assert_blobs(directory: &Path) {
    for (path, bytes) in files(directory) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(Digest::of(&bytes).hex(), name, "{}", path.display());
    }
}

/// A layout that any reader can use: every manifest is there with all its blobs. Returns the manifests' digests by tag.
#[track_caller]
pub fn assert_layout(directory: &Path) -> BTreeMap<String, Digest> {
    let blobs = directory.join("blobs/sha256");
    assert_blobs(&blobs);
    let marker: Value =
        serde_json::from_slice(&fs::read(directory.join("oci-layout")).unwrap()).unwrap();
    assert_eq!(marker["imageLayoutVersion"], "1.0.0");
    let index: Value =
        serde_json::from_slice(&fs::read(directory.join("index.json")).unwrap()).unwrap();
    let mut tags = BTreeMap::new();
    for entry in index["manifests"].as_array().unwrap() {
        let named = digest(&entry["digest"]);
        let manifest = fs::read(blobs.join(named.hex())).unwrap();
        assert_eq!(entry["size"], manifest.len());
        for blob in blobs_of(&manifest) {
            assert!(
                blobs.join(blob.hex()).exists(),
                "{blob} of {named} is missing"
            );
        }
        if let Some(tag) = entry["annotations"]["org.opencontainers.image.ref.name"].as_str() {
            assert_eq!(tags.insert(tag.to_owned(), named), None, "{tag} twice");
        }
    }
    tags
}
