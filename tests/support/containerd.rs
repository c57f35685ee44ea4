//! containerd, with all that it writes in one temporary directory.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::keeper::Keeper;
use super::{missing, on_path};

/// What `--version` of containerd and of ctr has to say.
const VERSION: &str = " 2.4.";

/// What containerd says when it is up.
const UP: &str = "containerd successfully booted";

/// After which time `ctr` gives up.
const PATIENCE: &str = "120s";

/// Where `ctr` keeps images, and where Kubernetes does.
const NAMESPACES: [&str; 2] = ["default", "k8s.io"];

/// A containerd that ends when this is dropped.
pub struct Containerd {
    directory: PathBuf,
    ctr: PathBuf,
    _keeper: Keeper,
}

impl Containerd {
    /// Starts one, if this machine can.
    pub fn start() -> Option<Self> {
        // It mounts, even where it only pulls.
        if fs::metadata("/proc/self").map_or(1, |process| process.uid()) != 0 {
            missing("containerd", "only root can run it");
            return None;
        }
        let [program, ctr] = [program("containerd")?, program("ctr")?];
        let directory = tempfile::Builder::new()
            .prefix("wharf-containerd-")
            .tempdir()
            .unwrap();
        let path = directory.path().to_owned();
        configure(&path);
        let mut command = Keeper::command(&path, &program);
        command.arg("--config").arg(path.join("config.toml"));
        let started = Keeper::start(directory, command, |log| log.contains(UP).then_some(()));
        let (keeper, ()) = started.unwrap_or_else(|error| panic!("containerd: {error}"));
        Some(Self {
            directory: path,
            ctr,
            _keeper: keeper,
        })
    }

    /// Where its API is, that of Kubernetes too.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("grpc.sock")
    }

    /// Its content store, as `blobs:` takes it.
    pub fn blobs(&self) -> PathBuf {
        self.directory
            .join("root/io.containerd.content.v1.content/blobs")
    }

    /// Says by a `hosts.toml` where the images of a host (`name` or `name:port`) are pulled from.
    pub fn asks(&self, host: &str, hosts: &str) {
        let name = match host.split_once(':') {
            Some((name, port)) => format!("{name}_{port}_"),
            None => host.to_owned(),
        };
        let directory = self.directory.join("hosts").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("hosts.toml"), hosts).unwrap();
    }

    /// Runs `ctr images pull`, and returns what it says if it fails.
    pub fn try_pull(&self, flags: &[&str], image: &str) -> Result<(), String> {
        let mut command = self.ctr(&["images", "pull", "--hosts-dir"]);
        command.arg(self.directory.join("hosts"));
        let output = command.args(flags).arg(image).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{command:?}\n{said}")),
        }
    }

    /// Runs `ctr images pull`, which must succeed.
    #[track_caller]
    pub fn pull(&self, flags: &[&str], image: &str) {
        let pulled = self.try_pull(flags, image);
        pulled.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Removes all images, and what they hold.
    pub fn forget(&self) {
        for namespace in NAMESPACES {
            let images = |arguments: &[&str]| {
                let mut command = self.ctr(&["--namespace", namespace, "images"]);
                let output = command.args(arguments).output().unwrap();
                assert!(output.status.success(), "{command:?}: {output:?}");
                String::from_utf8(output.stdout).unwrap()
            };
            let names = images(&["list", "--quiet"]);
            let names: Vec<&str> = names.lines().collect();
            if !names.is_empty() {
                images(&[&["remove", "--sync"], names.as_slice()].concat());
            }
        }
    }

    fn ctr(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.ctr);
        command.args(["--timeout", PATIENCE, "--address"]);
        command.arg(self.socket()).args(arguments);
        command
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let Some(program) = on_path(name) else {
        missing("containerd", &format!("{name} not on PATH"));
        return None;
    };
    let output = Command::new(&program).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&output.stdout);
    if !version.contains(VERSION) {
        let version = version.trim();
        missing("containerd", &format!("{name} is another: {version}"));
        return None;
    }
    Some(program)
}

/// Writes what keeps it to its directory, and away from the networks and plugins of this machine.
fn configure(directory: &Path) {
    let path = directory.display();
    let settings = format!(
        r#"
version = 3
root = "{path}/root"
state = "{path}/state"
temp = "{path}/temp"
imports = []
[grpc]
address = "{path}/grpc.sock"
[ttrpc]
address = "{path}/ttrpc.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{path}/opt"
[plugins."io.containerd.nri.v1.nri"]
disable = true
[plugins."io.containerd.cri.v1.runtime"]
cdi_spec_dirs = []
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{path}/cni"]
conf_dir = "{path}/cni"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "{path}/hosts"
"#
    );
    fs::write(directory.join("config.toml"), settings).unwrap();
}
