//! The flags that commands share, and the context of a run.

use std::env;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use clap::Args;
use clap::builder::RangedI64ValueParser;
use tempfile::TempDir;
use wharf::digest::Digest;
use wharf::encoding::Level;
use wharf::error::Kind;
use wharf::manifest::media_type;
use wharf::package::{Configuration, ConfigurationError, Connector, Locator};
use wharf::reference::Reference;
use wharf::split::{Granularity, MAX_LAYERS, SplitPolicy};

use wharf::store::cache::{Cache, DEFAULT_MAX_BYTES};
use wharf::store::credentials;
use wharf::store::remote::{Credentials, Options};
use wharf::store::{Observer, Session};

use super::failure::Failure;
use super::hints;
use super::input::read_text;
use super::progress::Progress;
use super::text::{parse_size, printable, unreadable};

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shared options")]
pub(crate) struct Shared {
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not show progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print every request on standard error
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Cache directory [env: WHARF_CACHE] [default: ~/.cache/wharf]
    #[arg(long, global = true, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Use a temporary cache for this run
    #[arg(long, global = true)]
    no_cache: bool,
    /// Use HTTP instead of HTTPS [default: only for loopback hosts]
    #[arg(long, global = true)]
    plain_http: bool,
    /// Use HTTPS for loopback hosts too
    #[arg(long, global = true, conflicts_with = "plain_http")]
    tls: bool,
    /// Also trust the certificates in this PEM file
    #[arg(long, global = true, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// User name for the registry
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password from standard input
    #[arg(long, global = true, requires = "username")]
    password_stdin: bool,
    /// Registry of all packages: HOST[:PORT][/PREFIX] or oci:DIR [env: WHARF_REGISTRY] [default: as
    /// configured]
    #[arg(long, global = true, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
    /// Send no requests; read only the cache and layouts
    #[arg(long, global = true)]
    offline: bool,
    /// Configuration file of wkg [env: WKG_CONFIG_FILE] [default: ~/.config/wasm-pkg/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Number of blobs to transfer at once, 1 to 64
    #[arg(long, global = true, value_name = "N", default_value_t = 8, value_parser = RangedI64ValueParser::<usize>::new().range(1..=64))]
    pub(crate) concurrency: usize,
}

/// Flags of commands that split a component.
#[derive(Debug, Args)]
#[command(next_help_heading = "Split options")]
pub(crate) struct PolicyFlags {
    /// Unit of splitting: section, segment or module
    #[arg(long, value_name = "WORD", default_value_t = Granularity::Section)]
    granularity: Granularity,
    /// Smallest size of a layer before compression, such as 4096 or 4KiB
    #[arg(long, value_name = "SIZE", default_value = "4KiB", value_parser = parse_floor)]
    floor: u64,
    /// Largest number of layers, root included
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = parse_layers)]
    max_layers: usize,
}

/// Flags of commands that also store the layers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Split options")]
pub(crate) struct SplitFlags {
    #[command(flatten)]
    pub(crate) cut: PolicyFlags,
    /// Compression level: auto, or 1 (fast) to 19 (small)
    #[arg(long, value_name = "LEVEL", default_value = "auto", value_parser = parse_level)]
    pub(crate) level: Level,
}

impl PolicyFlags {
    pub(crate) fn policy(&self) -> SplitPolicy {
        SplitPolicy {
            granularity: self.granularity,
            floor: self.floor,
            max_layers: self.max_layers,
        }
    }
}

fn parse_floor(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("the floor must be at least 1 byte".to_owned()),
        floor => Ok(floor),
    }
}

fn parse_layers(text: &str) -> Result<usize, String> {
    let layers: usize = text.parse().map_err(|error| format!("{error}"))?;
    match layers {
        1..=MAX_LAYERS => Ok(layers),
        _ => Err(format!("the number of layers must be 1 to {MAX_LAYERS}")),
    }
}

fn parse_level(text: &str) -> Result<Level, String> {
    if text == "auto" {
        return Ok(Level::Auto);
    }
    match text.parse() {
        Ok(level @ 1..=Level::MAX) => Ok(Level::Fixed(level)),
        _ => Err(format!("the level must be auto, or 1 to {}", Level::MAX)),
    }
}

/// The context of a run, made from the shared flags.
pub(crate) struct Context {
    /// The flags, with defaults from the environment. `username` is only set if it came without a password.
    pub(crate) flags: Shared,
    pub(crate) progress: Arc<Progress>,
    ca_certificates: Vec<u8>,
    /// The credentials on the command line.
    pub(crate) credentials: Option<Credentials>,
    configuration: OnceLock<Configuration>,
    connector: OnceLock<Connector>,
    /// The layout of packages without a configured registry.
    pub(crate) local_layout: Option<PathBuf>,
    session: OnceLock<Session>,
    /// A temporary cache. It is removed with this value, even if abandoned work still uses it.
    temporary: OnceLock<TempDir>,
    /// The state of the work if the run is interrupted.
    interruption: OnceLock<String>,
}

/// The number of attempts to remove a temporary cache. An encoded layer may still put its blob and record into an
/// emptied directory. Few layers are encoded at once, and none begins then.
const REMOVALS: usize = 16;

impl Drop for Context {
    fn drop(&mut self) {
        let Some(temporary) = self.temporary.take() else {
            return;
        };
        for _ in 0..REMOVALS {
            if std::fs::remove_dir_all(temporary.path()).is_ok() {
                break;
            }
        }
    }
}

impl Context {
    pub(crate) fn new(mut flags: Shared) -> Result<Self, Failure> {
        let ca_certificates = match &flags.ca_cert {
            Some(path) => std::fs::read(path).with_context(|| unreadable(path))?,
            None => Vec::new(),
        };
        let username = flags.username.take_if(|_| flags.password_stdin);
        let basic = |username| {
            let password = password()?;
            Ok::<_, Failure>(Credentials::Basic { username, password })
        };
        let credentials = username.map(basic).transpose()?;
        flags.cache = match flags.no_cache {
            true => None,
            false => flags.cache.or_else(cache_directory),
        };
        if flags.registry.is_none() {
            flags.registry = text_variable("WHARF_REGISTRY")?;
        }
        flags.config = flags.config.or_else(|| variable("WKG_CONFIG_FILE"));
        Ok(Self {
            progress: Arc::new(Progress::new(flags.quiet, flags.verbose)),
            ca_certificates,
            credentials,
            configuration: OnceLock::new(),
            connector: OnceLock::new(),
            local_layout: local_layout(),
            session: OnceLock::new(),
            temporary: OnceLock::new(),
            interruption: OnceLock::new(),
            flags,
        })
    }

    /// Opens the cache, or a temporary one for this run.
    pub(crate) fn cache(&self) -> Result<Arc<Cache>, Failure> {
        Ok(Arc::clone(&self.session()?.cache))
    }

    /// Returns the state that all transfers of this run share. Opens the cache, or a temporary one.
    pub(crate) fn session(&self) -> Result<&Session, Failure> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        let cache = match &self.flags.cache {
            Some(directory) => match Cache::open(directory) {
                Err(error) if error.is_read_only() => {
                    let directory_shown = directory.display();
                    eprintln!(
                        "warning: the cache {directory_shown} is not writable; using a temporary directory for new blobs"
                    );
                    Cache::open_over(directory, self.temporary()?)
                }
                opened => opened,
            },
            None => Cache::open(self.temporary()?),
        };
        let hint = hints::OTHER_CACHE;
        let cache = cache.map_err(|error| Failure::from(error).hint(hint))?;
        Ok(self.session.get_or_init(|| Session {
            cache: Arc::new(cache),
            observer: self.observer(),
            concurrency: self.flags.concurrency,
        }))
    }

    /// Returns a temporary directory, which is removed at the end of the run.
    fn temporary(&self) -> Result<&Path, Failure> {
        if let Some(temporary) = self.temporary.get() {
            return Ok(temporary.path());
        }
        let made = tempfile::Builder::new().prefix("wharf-").tempdir();
        let made = made.context("cannot create a temporary directory")?;
        Ok(self.temporary.get_or_init(|| made).path())
    }

    /// Returns the configuration file that was named, or wkg's default file.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        let named = self.flags.config.clone();
        // As for the layout and the cache, only the environment names the home directory.
        let has_home = ["XDG_CONFIG_HOME", "HOME"]
            .map(variable)
            .iter()
            .any(Option::is_some);
        named.or_else(|| Configuration::default_file().filter(|_| has_home))
    }

    /// Reads wkg's configuration. If a file is named, no defaults apply, as in wkg.
    pub(crate) fn configuration(&self) -> Result<&Configuration, Failure> {
        if let Some(configuration) = self.configuration.get() {
            return Ok(configuration);
        }
        let read = self.read_configuration()?;
        Ok(self.configuration.get_or_init(|| read))
    }

    fn read_configuration(&self) -> Result<Configuration, Failure> {
        let defaults = Configuration::default();
        let Some(path) = self.config_file() else {
            return Ok(defaults);
        };
        let text = match (read_text(&path), &self.flags.config) {
            (Err(failure), None) if failure.kind == Kind::NotFound => return Ok(defaults),
            (text, _) => text?,
        };
        let name = path.display();
        let read = Configuration::read(&text);
        let (read, unknown) = read.map_err(|error| malformed(&path, &error))?;
        for key in unknown {
            eprintln!(
                "warning: {name}: ignored the unknown key `{}`",
                printable(&key)
            );
        }
        Ok(match self.flags.config {
            Some(_) => read,
            None => defaults.merge(read),
        })
    }

    /// Returns the connector, which opens the stores of references.
    pub(crate) fn connector(&self) -> Result<&Connector, Failure> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector);
        }
        let credentials = match &self.credentials {
            Some(credentials) => Some(credentials.clone()),
            None => credentials::wharf_token()?,
        };
        let connector = Connector {
            options: self.options(),
            credentials,
            offline: self.flags.offline,
            session: self.session()?.clone(),
        };
        Ok(self.connector.get_or_init(|| connector))
    }

    /// Returns the locator, which finds packages.
    pub(crate) fn locator(&self) -> Result<Locator<'_>, Failure> {
        Ok(Locator {
            connector: self.connector()?,
            configuration: self.configuration()?,
            registry: self.flags.registry.as_deref(),
            local: self.local_layout.as_deref(),
        })
    }

    /// Records the repository that has the blobs, and prunes the cache if blobs were added to it.
    pub(crate) fn remember(
        &self,
        reference: &Reference,
        blobs: impl IntoIterator<Item = Digest>,
        were_added: bool,
    ) -> Result<(), Failure> {
        let connector = self.connector()?;
        connector.remember(reference, blobs)?;
        if were_added && self.has_cache() {
            connector.session.cache.prune(DEFAULT_MAX_BYTES)?;
        }
        Ok(())
    }

    /// Returns whether the cache remains after this run.
    pub(crate) fn has_cache(&self) -> bool {
        self.flags.cache.is_some()
    }

    /// Returns whether credentials were given without a registry.
    pub(crate) fn names_credentials(&self) -> bool {
        self.credentials.is_some()
            || env::var_os("WHARF_TOKEN").is_some_and(|token| !token.is_empty())
    }

    /// Returns the settings of connections to registries.
    pub(crate) fn options(&self) -> Options {
        Options {
            plain_http: self.flags.plain_http,
            tls: self.flags.tls,
            ca_certificates: self.ca_certificates.clone(),
            manifest_types: &[media_type::SPLIT_ARTIFACT],
            observer: self.observer(),
            ..Options::default()
        }
    }

    /// Sets the state of the work that the error of an interrupted run names.
    pub(crate) fn explain_interruption(&self, state: String) {
        self.interruption.get_or_init(|| state);
    }

    /// Returns the failure of an interrupted run.
    pub(crate) fn interruption(&self) -> Failure {
        let message = match self.interruption.get() {
            Some(state) => format!("interrupted; {state}"),
            None => "interrupted".to_owned(),
        };
        Failure::new(Kind::Interrupted, message)
    }

    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.progress) as Arc<dyn Observer>
    }

    /// Removes the progress bar from the terminal.
    pub(crate) fn finish(&self) {
        self.progress.finish();
    }
}

/// Returns the failure for a malformed configuration file.
pub(crate) fn malformed(file: &Path, error: &ConfigurationError) -> Failure {
    let file = file.display();
    let message = format!("the configuration {file} is malformed: {error}");
    Failure::new(Kind::Integrity, message)
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

fn text_variable(name: &str) -> Result<Option<String>, Failure> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    let text = value.map(|value| value.into_string()).transpose();
    text.map_err(|_| Failure::usage(format!("{name} is not valid UTF-8")))
}

fn cache_directory() -> Option<PathBuf> {
    variable("WHARF_CACHE").or_else(|| user_directory("XDG_CACHE_HOME", ".cache"))
}

/// Returns the local layout.
pub(crate) fn local_layout() -> Option<PathBuf> {
    variable("WHARF_HOME").or_else(|| user_directory("XDG_DATA_HOME", ".local/share"))
}

fn user_directory(name: &str, below_home: &str) -> Option<PathBuf> {
    let base = variable(name).or_else(|| Some(variable("HOME")?.join(below_home)));
    Some(base?.join("wharf"))
}

fn password() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the password")?;
    let password = line.trim_end_matches(['\r', '\n']);
    match password {
        "" => Err(Failure::usage("there is no password on standard input")),
        password => Ok(password.to_owned()),
    }
}
