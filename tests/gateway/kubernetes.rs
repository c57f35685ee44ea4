//! The pods of `docs/kubernetes` do what they say, with the directories that they mount and no other.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::serve::http;
use crate::support::serving::RunningServer;
use crate::support::workspace::{Answer, Workspace, files, names};
use serde_json::Value;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kubernetes");
const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls");

/// What the examples have in the place of a digest.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where the pods find the gateway of the cluster.
const SERVICE: &str = "wharf.wharf.svc:5100";

/// Where nobody else in this test listens, whatever the port.
const NODE: &str = "127.0.0.2";

/// One example, as far as wharf's container goes.
struct Pod {
    workspace: Workspace,
    args: Vec<String>,
    /// The names of what the container learns of its node.
    variables: Vec<String>,
    /// Volume and path.
    mounts: Vec<(String, String)>,
    /// Name and number.
    ports: Vec<(String, String)>,
    /// Path and port's name.
    probes: Vec<(String, String)>,
}

impl Pod {
    fn read(file: &str) -> Self {
        Self::of(&fs::read_to_string(Path::new(EXAMPLES).join(file)).unwrap())
    }

    fn of(text: &str) -> Self {
        let spoken = |line: &&str| !line.is_empty() && !line.trim_start().starts_with('#');
        let lines: Vec<&str> = text.lines().filter(spoken).collect();
        let volumes: Vec<_> = below(&lines, "volumes")
            .into_iter()
            .filter_map(|line| line.strip_prefix("- name: ").map(str::to_owned))
            .collect();
        let is_wharf = |line: &&str| line.trim().starts_with("image: ") && line.contains("/wharf:");
        let image = lines.iter().position(is_wharf).unwrap();
        let container: Vec<&str> = lines[image..]
            .iter()
            .take_while(|line| indent(line) >= indent(lines[image]))
            .copied()
            .collect();
        // What is said below of the image's own file system is so because of this.
        let security = below(&container, "securityContext");
        assert!(security.contains(&"readOnlyRootFilesystem: true".to_owned()));
        let pairs = |key: &str, first: &str, second: &str| -> Vec<(String, String)> {
            let items = below(&container, key);
            let items = items.iter();
            items
                .map(|item| (field(item, first), field(item, second)))
                .collect()
        };
        let mounts = pairs("volumeMounts", "name", "mountPath");
        let workspace = Workspace::new();
        workspace.write("image", b"");
        for (volume, path) in &mounts {
            assert!(volumes.contains(volume), "{path}: no volume {volume}");
            fs::create_dir_all(workspace.path("volumes").join(volume)).unwrap();
        }
        let args = below(&container, "args").into_iter();
        let variables = below(&container, "env").into_iter();
        let probes = container.iter().filter(|line| line.contains("httpGet:"));
        Self {
            workspace,
            args: args.map(|arg| arg.replacen("- ", "", 1)).collect(),
            variables: variables
                .filter_map(|line| line.strip_prefix("- name: ").map(str::to_owned))
                .collect(),
            mounts,
            ports: pairs("ports", "name", "containerPort"),
            probes: probes
                .map(|line| (field(line, "path"), field(line, "port")))
                .collect(),
        }
    }

    /// Where a path of the container is: in a volume, or below a file, where nothing is and nothing can be made.
    fn place(&self, path: &str) -> PathBuf {
        let volume = self.mounts.iter().find_map(|(volume, mount)| {
            let rest = path.strip_prefix(mount.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((volume, rest))
        });
        match volume {
            Some((volume, rest)) => self
                .workspace
                .path("volumes")
                .join(volume)
                .join(rest.trim_start_matches('/')),
            None => self.workspace.path(&format!("image{path}")),
        }
    }

    /// An argument whose path, if it has one, is where it is here.
    fn placed(&self, arg: &str) -> String {
        let begins = |(at, _): &(usize, &str)| *at == 0 || arg[..*at].ends_with(['=', ':']);
        let Some((from, _)) = arg.match_indices('/').find(begins) else {
            return arg.to_owned();
        };
        let to = arg.find('@').unwrap_or(arg.len());
        let place = self.place(&arg[from..to]);
        format!("{}{}{}", &arg[..from], place.display(), &arg[to..])
    }

    /// What the container runs, with other names in it: each of them must be there.
    fn command(&self, renamed: &[(&str, &str)]) -> Command {
        let mut args: Vec<String> = self.args.iter().map(|arg| self.placed(arg)).collect();
        // A variable that the container does not have stays in its brackets, as it does in a cluster.
        for variable in &self.variables {
            for arg in &mut args {
                *arg = arg.replace(&format!("$({variable})"), &format!("${variable}"));
            }
        }
        for (from, to) in renamed {
            let there = args.iter_mut().find(|arg| arg.contains(from));
            let arg = there.unwrap_or_else(|| panic!("{from} is nowhere in {:?}", self.args));
            *arg = arg.replace(from, to);
        }
        let mut command = self.workspace.wharf(&args);
        command.env_clear().env("TMPDIR", self.place("/tmp"));
        command
    }

    /// Runs it to its end, and looks at what it was to write.
    #[track_caller]
    fn gives(&self, mut command: Command, bytes: &[u8]) {
        Answer::of(&mut command).success();
        let written = fs::read(self.place("/component/app.wasm")).unwrap();
        assert!(written == bytes, "other bytes");
        assert!(names(&self.place("/tmp")).is_empty());
    }

    /// Starts a gateway before a layout that takes the place of its registries. Returns it, and where it is watched.
    fn serve(&self, layout: &Path, listen: &str, watch: &str) -> (RunningServer, String) {
        let free = TcpListener::bind((NODE, 0)).unwrap();
        let watched = free.local_addr().unwrap().to_string();
        drop(free);
        let place = |host: &str| format!("{host}=oci:{}", layout.display());
        let mut command = self.command(&[
            (listen, "127.0.0.1:0"),
            (watch, &watched),
            ("ghcr.io", &place("ghcr.io")),
            ("components.example.com", &place("components.example.com")),
        ]);
        // On loopback the gateway must be told its name, which pods use here.
        command.args(["--json", "--host", "wharf.wharf.svc"]);
        (RunningServer::run(command), watched)
    }

    /// All probes, which go to where the gateway is watched and nowhere else.
    #[track_caller]
    fn is_well(&self, watched: &str) {
        let admin = "--admin-listen=";
        let admin = self.args.iter().find_map(|arg| arg.strip_prefix(admin));
        let (_, number) = admin.unwrap().rsplit_once(':').unwrap();
        let paths: Vec<&str> = self.probes.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/readyz", "/healthz"]);
        for (path, port) in &self.probes {
            let port = self.ports.iter().find(|(name, _)| name == port);
            assert_eq!(port.unwrap().1, number, "{path}");
            assert_eq!(http::get(watched, path).status, 200, "{path}");
        }
        assert_eq!(http::get(watched, "/metrics").status, 200);
        assert_ne!(http::get(watched, "/v2/").status, 200);
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What a key has: the lines below it, or the items between brackets; nothing without the key.
fn below(lines: &[&str], key: &str) -> Vec<String> {
    let key = format!("{key}:");
    let begins = |line: &&str| line.trim_start().starts_with(&key);
    let Some(at) = lines.iter().rposition(begins) else {
        return Vec::new();
    };
    let items = lines[at].trim_start()[key.len()..].trim();
    match items
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(items) => items.split(", ").map(str::to_owned).collect(),
        None => lines[at + 1..]
            .iter()
            .take_while(|line| indent(line) > indent(lines[at]))
            .map(|line| line.trim().to_owned())
            .collect(),
    }
}

/// A member of what is between braces in a line.
#[track_caller]
fn field(line: &str, key: &str) -> String {
    let value = line.split_once(&format!("{key}: "));
    let (_, value) = value.unwrap_or_else(|| panic!("no {key} in {line}"));
    value.split([',', '}']).next().unwrap().to_owned()
}

/// A component in a layout.
struct StoredComponent {
    workspace: Workspace,
    bytes: Vec<u8>,
    /// In hex.
    split: String,
    flat: String,
}

impl StoredComponent {
    fn new() -> Self {
        let workspace = Workspace::new();
        let bytes = workspace.fixture("layers");
        let report = workspace.json(&["push", "layers.wasm", "oci:store:me/calc:1.0"]);
        let hex = |member: &str| {
            let digest = report[member].as_str().unwrap();
            digest.strip_prefix("sha256:").unwrap().to_owned()
        };
        Self {
            bytes,
            split: hex("digest"),
            flat: hex("flat_digest"),
            workspace,
        }
    }

    fn layout(&self) -> PathBuf {
        self.workspace.path("store")
    }

    fn blob(&self, hex: &str) -> PathBuf {
        self.layout().join("blobs/sha256").join(hex)
    }

    /// Copies all blobs, as containerd keeps them.
    fn blobs(&self, to: &Path) {
        fs::create_dir(to.join("sha256")).unwrap();
        for (path, bytes) in files(&self.layout().join("blobs")) {
            fs::write(to.join("sha256").join(path.file_name().unwrap()), bytes).unwrap();
        }
    }
}

/// Leads whoever asks for one place by CONNECT to where that is here, as the cluster's names do. Returns where it is.
fn tunnel(name: &'static str, to: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            // A client that goes away is no news.
            thread::spawn(move || client.and_then(|client| lead(client, name, to)));
        }
    });
    format!("http://{address}")
}

fn lead(mut client: TcpStream, name: &str, to: SocketAddr) -> io::Result<()> {
    let mut requests = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    requests.read_line(&mut first)?;
    let mut line = String::new();
    while requests.read_line(&mut line)? > 2 {
        line.clear();
    }
    if first != format!("CONNECT {name} HTTP/1.1\r\n") {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    }
    let mut server = TcpStream::connect(to)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let mut answers = server.try_clone()?;
    thread::spawn(move || {
        let copied = io::copy(&mut answers, &mut client);
        copied.and_then(|_| client.shutdown(Shutdown::Both))
    });
    io::copy(requests.by_ref(), &mut server)?;
    server.shutdown(Shutdown::Write)
}

#[test]
fn a_pod_gets_its_component_through_the_gateway_of_the_cluster() {
    let stored = StoredComponent::new();
    let deployed = Pod::read("deployment.yaml");
    for (kept, mounted) in [("service.crt", "tls.crt"), ("service.key", "tls.key")] {
        let mounted = deployed.place(&format!("/tls/{mounted}"));
        fs::copy(Path::new(CERTIFICATES).join(kept), mounted).unwrap();
    }
    let (gateway, watched) = deployed.serve(&stored.layout(), "[::]:5100", "[::]:5101");
    assert!(gateway.listening.starts_with("https://"));
    deployed.is_well(&watched);

    let pod = Pod::read("init-gateway.yaml");
    let authority = pod.place("/ca/ca.crt");
    fs::copy(Path::new(CERTIFICATES).join("service.crt"), authority).unwrap();
    let mut command = pod.command(&[(NO_DIGEST, &stored.flat)]);
    command.env("https_proxy", tunnel(SERVICE, gateway.address()));
    pod.gives(command, &stored.bytes);
    assert!(names(&deployed.place("/cache")).contains("v1"));
}

#[test]
fn the_gateway_of_a_node_answers_its_probes() {
    let stored = StoredComponent::new();
    let example = fs::read_to_string(Path::new(EXAMPLES).join("daemonset.yaml")).unwrap();
    let plain = Pod::of(&example);
    // With what stands there as comments for containerd's store.
    let comments = [
        "# - --blobs",
        "# - {name: blobs",
        "# - name: blobs",
        "#   hostPath",
    ];
    let example = comments.iter().fold(example, |text, comment| {
        assert!(text.contains(comment), "{comment}");
        text.replace(comment, &comment.replacen("# ", "", 1))
    });
    let held = Pod::of(&example);
    stored.blobs(&held.place("/blobs"));
    assert!(!plain.args.contains(&"--blobs=/blobs".to_owned()));
    assert!(held.args.contains(&"--blobs=/blobs".to_owned()));
    for pod in [plain, held] {
        let (gateway, watched) = pod.serve(&stored.layout(), "127.0.0.1:5100", "$HOST_IP:5101");
        pod.is_well(&watched);
        let flat = format!("/v2/me/calc/manifests/sha256:{}", stored.flat);
        assert_eq!(http::get(&gateway.host(), &flat).status, 200);
        assert!(names(&pod.place("/cache")).contains("v1"));
    }
}

#[test]
fn a_pod_splices_layers_from_the_node() {
    let stored = StoredComponent::new();
    let pod = Pod::read("init-blobs.yaml");
    let blobs = pod.place("/blobs");
    stored.blobs(&blobs);
    let before = files(&blobs);
    pod.gives(pod.command(&[(NO_DIGEST, &stored.split)]), &stored.bytes);
    assert!(files(&blobs) == before);
}

#[test]
fn a_pod_splices_an_artifact_that_is_mounted_as_files() {
    let stored = StoredComponent::new();
    let pod = Pod::read("init-crio.yaml");
    let layers = pod.place("/layers");
    let manifest = fs::read(stored.blob(&stored.split)).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let title = &layer["annotations"]["org.opencontainers.image.title"];
        let digest = layer["digest"].as_str().unwrap();
        let blob = stored.blob(digest.strip_prefix("sha256:").unwrap());
        fs::copy(blob, layers.join(title.as_str().unwrap())).unwrap();
    }
    let before = files(&layers);
    assert!(before.len() > 2);
    pod.gives(pod.command(&[]), &stored.bytes);
    assert!(files(&layers) == before);
}
