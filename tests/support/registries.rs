//! Real registries on loopback: those of compose.yml, or servers that live as long as the test process.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use wharf::store::remote::Credentials;

use super::keeper::{BETWEEN_LOOKS, Keeper, LOOKS};
use super::{missing, on_path};

/// The one user of `testdata/registry/htpasswd`.
pub const USERNAME: &str = "wharf";
/// That user's password.
pub const PASSWORD: &str = "wharf-test";
/// `wharf:wharf-test` as the header `Authorization: Basic` has it.
pub const BASIC: &str = "d2hhcmY6d2hhcmYtdGVzdA==";

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/registry");

/// How distribution is configured.
pub(super) const DISTRIBUTION_CONFIG: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/testdata/registry/distribution.yml"
);
/// The environment variable that says where distribution stores what it is given.
pub(super) const DISTRIBUTION_STORAGE: &str = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY";

/// A registry that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// `distribution-2.8`, `distribution-3.1` or `zot`.
    pub name: &'static str,
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Who must log in, if anybody.
    pub username: Option<&'static str>,
    /// With what.
    pub password: Option<&'static str>,
}

impl Registry {
    /// Returns what its one user logs in with, or nothing where everybody may.
    pub fn credentials(&self) -> Credentials {
        match (self.username, self.password) {
            (Some(username), Some(password)) => Credentials::Basic {
                username: username.to_owned(),
                password: password.to_owned(),
            },
            _ => Credentials::Anonymous,
        }
    }
}

/// Returns the registries that let everybody in.
pub fn registries() -> &'static [Registry] {
    static OPEN: OnceLock<Vec<Registry>> = OnceLock::new();
    OPEN.get_or_init(|| all(Access::Open))
}

/// Returns the registries that want a password.
pub fn authenticated() -> &'static [Registry] {
    static GUARDED: OnceLock<Vec<Registry>> = OnceLock::new();
    GUARDED.get_or_init(|| all(Access::Htpasswd))
}

/// Returns registries that let everybody in, for tests that index all that a registry has: no other test may use them.
pub fn indexed() -> &'static [Registry] {
    static OPEN: OnceLock<Vec<Registry>> = OnceLock::new();
    OPEN.get_or_init(|| ready(started(Access::Open), Access::Open))
}

/// Returns registries that want a password, for tests that index all that a registry has.
pub fn indexed_authenticated() -> &'static [Registry] {
    static GUARDED: OnceLock<Vec<Registry>> = OnceLock::new();
    GUARDED.get_or_init(|| ready(started(Access::Htpasswd), Access::Htpasswd))
}

/// Returns those that let everybody in, and those that want a password.
pub fn everywhere() -> impl Iterator<Item = &'static Registry> {
    registries().iter().chain(authenticated())
}

/// Asks with GET and returns the status of the answer.
pub fn status(host: &str, path: &str, logged_in: bool) -> io::Result<u16> {
    let address: SocketAddr = host.parse().map_err(io::Error::other)?;
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let login = match logged_in {
        true => format!("Authorization: Basic {BASIC}\r\n"),
        false => String::new(),
    };
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\n{login}Connection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    connection.take(64 * 1024).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    status
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| io::Error::other(format!("not HTTP: {answer:?}")))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Open,
    Htpasswd,
}

/// A registry that tests know how to start.
pub(super) struct Kind {
    pub(super) name: &'static str,
    program: &'static str,
    /// An environment variable that may name the program instead of `PATH`.
    variable: Option<&'static str>,
    /// What its `--version` says if it is the right one.
    version: &'static str,
    /// What stands before the port in its log.
    announces: &'static str,
    /// Completes a command line that ends with the program. The directory is for its files.
    configure: fn(&mut Command, &Path, Access) -> io::Result<()>,
}

pub(super) static KINDS: [Kind; 3] = [
    Kind {
        name: "distribution-2.8",
        program: "docker-registry",
        variable: None,
        version: " 2.8.",
        announces: "listening on 127.0.0.1:",
        configure: distribution,
    },
    Kind {
        name: "distribution-3.1",
        program: "registry",
        variable: None,
        version: " v3.1.",
        announces: "listening on 127.0.0.1:",
        configure: distribution,
    },
    Kind {
        name: "zot",
        program: "zot",
        variable: Some("ZOT"),
        version: "distribution-spec",
        announces: r#"kernel chosen port","port":"#,
        configure: zot,
    },
];

fn distribution(command: &mut Command, directory: &Path, access: Access) -> io::Result<()> {
    command
        .args(["serve", DISTRIBUTION_CONFIG])
        .env(DISTRIBUTION_STORAGE, directory.join("storage"))
        // 3.1 would look for a collector of traces and complain about it for ever.
        .env("OTEL_TRACES_EXPORTER", "none");
    if access == Access::Htpasswd {
        command
            .env("REGISTRY_AUTH", "htpasswd")
            .env("REGISTRY_AUTH_HTPASSWD_REALM", "wharf")
            .env(
                "REGISTRY_AUTH_HTPASSWD_PATH",
                format!("{TESTDATA}/htpasswd"),
            );
    }
    Ok(())
}

/// zot takes nothing from the environment, so the files of compose.yml are written again with our paths in them.
fn zot(command: &mut Command, directory: &Path, access: Access) -> io::Result<()> {
    let template = match access {
        Access::Open => "zot.json",
        Access::Htpasswd => "zot-htpasswd.json",
    };
    let mut settings: serde_json::Value =
        serde_json::from_slice(&fs::read(Path::new(TESTDATA).join(template))?)?;
    settings["storage"]["rootDirectory"] = directory.join("storage").display().to_string().into();
    settings["http"]["address"] = "127.0.0.1".into();
    settings["http"]["port"] = "0".into();
    if access == Access::Htpasswd {
        settings["http"]["auth"]["htpasswd"]["path"] = format!("{TESTDATA}/htpasswd").into();
    }
    let file = directory.join("zot.json");
    fs::write(&file, settings.to_string())?;
    command.arg("serve").arg(file);
    Ok(())
}

fn all(access: Access) -> Vec<Registry> {
    let found = match env::var("WHARF_TEST_REGISTRIES") {
        Ok(words) => given(&words, access),
        Err(_) => started(access),
    };
    ready(found, access)
}

/// Waits until registries answer. If there are none this says so: a loop over them would pass in silence.
fn ready(registries: Vec<Registry>, access: Access) -> Vec<Registry> {
    if registries.is_empty() {
        let which = match access {
            Access::Open => "open to everybody",
            Access::Htpasswd => "with a password",
        };
        missing(
            "registry",
            &format!("none {which}: nothing was tested with one"),
        );
    }
    for registry in &registries {
        await_answer(registry);
    }
    registries
}

/// Reads `name=host:port` words; those of `name+auth=host:port` want a password.
fn given(words: &str, access: Access) -> Vec<Registry> {
    let given: Vec<(&str, &str)> = words
        .split_whitespace()
        .map(|word| {
            let (name, host) = word.split_once('=').unwrap_or((word, ""));
            let kind = name.strip_suffix("+auth").unwrap_or(name);
            assert!(
                KINDS.iter().any(|known| known.name == kind) && host.parse::<SocketAddr>().is_ok(),
                "WHARF_TEST_REGISTRIES has {word:?}; a word is NAME[+auth]=ADDRESS:PORT"
            );
            (name, host)
        })
        .collect();
    let wanted = |kind: &Kind| match access {
        Access::Open => kind.name.to_owned(),
        Access::Htpasswd => format!("{}+auth", kind.name),
    };
    let mut registries = Vec::new();
    for kind in &KINDS {
        let wanted = wanted(kind);
        match given.iter().find(|(name, _)| *name == wanted) {
            Some((_, host)) => registries.push(registry(kind, (*host).to_owned(), access)),
            None => missing(
                kind.name,
                &format!("{wanted} is not in WHARF_TEST_REGISTRIES"),
            ),
        }
    }
    registries
}

/// Starts what this machine has.
fn started(access: Access) -> Vec<Registry> {
    thread::scope(|scope| {
        let starting = KINDS.each_ref().map(|kind| {
            let server = move || Some(start(kind, &program(kind)?, access));
            scope.spawn(server)
        });
        // A panic goes on here with its own message.
        let joined = starting.map(|server| {
            server
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.into_iter().flatten().collect()
    })
}

/// Finds the program of a kind, in the version that the kind is about.
pub(super) fn program(kind: &Kind) -> Option<PathBuf> {
    let named = kind
        .variable
        .and_then(env::var_os)
        .filter(|path| !path.is_empty());
    let Some(program) = named.map(PathBuf::from).or_else(|| on_path(kind.program)) else {
        let unset = kind
            .variable
            .map(|variable| format!(", ${variable} unset"))
            .unwrap_or_default();
        missing(kind.name, &format!("{} not on PATH{unset}", kind.program));
        return None;
    };
    let version = match Command::new(&program).arg("--version").output() {
        Ok(output) => {
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        }
        Err(error) => error.to_string(),
    };
    if !version.contains(kind.version) {
        missing(
            kind.name,
            &format!(
                "{} is not it: {}",
                program.display(),
                version.lines().next().unwrap_or_default()
            ),
        );
        return None;
    }
    Some(program)
}

fn start(kind: &Kind, program: &Path, access: Access) -> Registry {
    let server = launch(kind, program, access, |_| {})
        .unwrap_or_else(|error| panic!("{} did not start: {error}", kind.name));
    let registry = registry(kind, server.host.clone(), access);
    // Never ended by us: the kernel closes its lifeline when this process ends.
    std::mem::forget(server);
    registry
}

/// A server that ends when this is dropped.
pub(super) struct Server {
    pub(super) host: String,
    _keeper: Keeper,
}

/// Starts a server on a port that the kernel chooses, so that nobody can take it first, and reads which from its log.
/// `adjust` has the last word on its command line.
pub(super) fn launch(
    kind: &Kind,
    program: &Path,
    access: Access,
    adjust: impl FnOnce(&mut Command),
) -> io::Result<Server> {
    let directory = tempfile::Builder::new()
        .prefix("wharf-registry-")
        .tempdir()?;
    let mut command = Keeper::command(directory.path(), program);
    (kind.configure)(&mut command, directory.path(), access)?;
    adjust(&mut command);
    let announced = |log: &str| announced_port(log, kind.announces);
    let (keeper, port) = Keeper::start(directory, command, announced)?;
    Ok(Server {
        host: format!("127.0.0.1:{port}"),
        _keeper: keeper,
    })
}

fn announced_port(log: &str, announces: &str) -> Option<u16> {
    let (_, rest) = log.split_once(announces)?;
    // The rest of the line may not be written yet: without a character behind it the number may be half.
    let (port, _) = rest.split_once(|character: char| !character.is_ascii_digit())?;
    port.parse().ok()
}

pub(super) fn registry(kind: &Kind, host: String, access: Access) -> Registry {
    let logged_in = access == Access::Htpasswd;
    Registry {
        name: kind.name,
        host,
        username: logged_in.then_some(USERNAME),
        password: logged_in.then_some(PASSWORD),
    }
}

pub(super) fn await_answer(registry: &Registry) {
    let mut last = Ok(0);
    for _ in 0..LOOKS {
        last = status(&registry.host, "/v2/", false);
        if matches!(last, Ok(200 | 401)) {
            return;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    panic!(
        "{} on {} does not answer: {last:?}",
        registry.name, registry.host
    );
}
