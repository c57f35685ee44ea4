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

/// The host that images are named with; `hosts.toml` says which registry that is.
pub(crate) const HOST: &str = "registry.test";

/// A containerd that ends when this is dropped.
pub(crate) struct Containerd {
    directory: PathBuf,
    ctr: PathBuf,
    _keeper: Keeper,
}

impl Containerd {
    /// Starts one that asks a registry (`address:port`) for what is named as [`HOST`]'s, if this machine can.
    pub(crate) fn start(registry: &str) -> Option<Self> {
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
        configure(&path, registry);
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
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("grpc.sock")
    }

    /// Its content store, as `blobs:` takes it.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.directory
            .join("root/io.containerd.content.v1.content/blobs")
    }

    /// Runs `ctr images pull`, which must succeed.
    #[track_caller]
    pub(crate) fn pull(&self, flags: &[&str], image: &str) {
        let mut command = Command::new(&self.ctr);
        command.arg("--address").arg(self.socket());
        command.args(["images", "pull", "--hosts-dir"]);
        command.arg(self.directory.join("hosts"));
        let output = command.args(flags).arg(image).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{command:?}\n{said}");
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
fn configure(directory: &Path, registry: &str) {
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
    let hosts = directory.join("hosts").join(HOST);
    fs::create_dir_all(&hosts).unwrap();
    let server = format!("server = \"http://{registry}\"\n");
    fs::write(hosts.join("hosts.toml"), server).unwrap();
}
