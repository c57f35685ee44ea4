//! How a failure is told: `error:`, its causes, a `hint:`, and the exit code.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use wharf::error::Kind;
use wharf::reference::{BLOBS, DEFAULT_TAG, Location, Reference};
use wharf::store::remembered::OFFLINE;
use wharf::{copy, exploded, fits, index, package, store, world};

use super::text::printable;

/// Exit codes; scripts rely on them (`docs/CLI.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Other = 1,
    Usage = 2,
    NotFound = 3,
    Refused = 4,
    Integrity = 5,
    Unreachable = 6,
    Conflict = 7,
    Interrupted = 130,
}

impl Exit {
    fn kind(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Integrity => "integrity",
            Self::Unreachable => "unreachable",
            Self::Conflict => "conflict",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
    /// Whether it was told with the result, so that only its code is left to say.
    told: bool,
}

impl Failure {
    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A failure of a given kind.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            error: anyhow::anyhow!("{message}"),
            hint: None,
            told: false,
        }
    }

    /// Somebody pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }

    /// The answer was printed, and is no.
    pub(crate) fn answered(exit: Exit) -> Self {
        Self {
            told: true,
            ..Self::new(exit, "no")
        }
    }

    /// Returns whether something that was named does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        self.exit == Exit::NotFound
    }

    /// Returns whether the other side does not let us.
    pub(crate) fn is_refused(&self) -> bool {
        self.exit == Exit::Refused
    }

    /// Returns whether what is asked for contradicts what is there.
    pub(crate) fn is_conflict(&self) -> bool {
        self.exit == Exit::Conflict
    }

    /// Returns whether bytes or structures are not what they should be.
    pub(crate) fn is_integrity(&self) -> bool {
        self.exit == Exit::Integrity
    }

    /// Says what was being done.
    pub(crate) fn context(mut self, doing: String) -> Self {
        self.error = self.error.context(doing);
        self
    }

    /// Names the way out.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns whether a registry has no list of its repositories.
    pub(crate) fn is_no_catalog(&self) -> bool {
        let no_catalog = |cause: &(dyn std::error::Error + 'static)| {
            let error = cause.downcast_ref::<store::Error>();
            error.is_some_and(|error| matches!(error, store::Error::NoCatalog { .. }))
        };
        self.error.chain().any(no_catalog)
    }

    /// Leaves only its code to be said: the result tells it.
    pub(crate) fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// Returns the word for its exit code.
    pub(crate) fn kind(&self) -> &'static str {
        self.exit.kind()
    }

    fn causes(&self) -> impl Iterator<Item = String> {
        let causes = self.error.chain();
        causes.map(|cause| printable(&cause.to_string()))
    }

    /// Returns what happened with its causes, in one line.
    pub(crate) fn message(&self) -> String {
        self.causes().collect::<Vec<_>>().join(": ")
    }

    /// Tells the failure, on stdout as JSON if asked, and returns its code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if self.told {
            return self.exit.into();
        }
        // What stdout does not take goes to stderr.
        let printed = json && self.print_json().is_ok();
        if !printed && !self.is_broken_pipe() {
            let mut causes = self.causes();
            eprintln!("error: {}", causes.next().unwrap_or_default());
            for cause in causes {
                eprintln!("  caused by: {cause}");
            }
            if let Some(hint) = &self.hint {
                eprintln!("hint: {hint}");
            }
        }
        self.exit.into()
    }

    fn print_json(&self) -> Result<(), Self> {
        let (kind, message) = (self.kind(), self.message());
        let error = json!({ "error": { "kind": kind, "message": message, "hint": self.hint } });
        super::output::line(&format!("{error:#}"))
    }

    /// Whoever read our output has gone, and needs no message.
    fn is_broken_pipe(&self) -> bool {
        let broken = |cause: &(dyn std::error::Error + 'static)| {
            let error = cause.downcast_ref::<std::io::Error>();
            error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        };
        self.error.chain().any(broken)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let (exit, hint) = classify(&error);
        let told = false;
        Self {
            exit,
            error,
            hint,
            told,
        }
    }
}

/// Finds the kind of a failure and the way out of it in its causes.
fn classify(error: &anyhow::Error) -> (Exit, Option<String>) {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<wharf::error::Error>() {
            return (exit_of(error.kind()), hint_of(error));
        }
        if let Some(error @ package::Error::LongVersion { .. }) = cause.downcast_ref() {
            return (Exit::Usage, package_hint(error));
        }
        if let Some(error) = cause.downcast_ref::<package::Error>() {
            return (exit_of(error.kind()), package_hint(error));
        }
        if let Some(error) = cause.downcast_ref::<index::Error>() {
            return (exit_of(error.kind()), index_hint(error));
        }
        if let Some(error) = cause.downcast_ref::<copy::Error>() {
            return (exit_of(error.kind()), copy_hint(error));
        }
        if let Some(error) = cause.downcast_ref::<store::Error>() {
            return (exit_of(error.kind()), store_hint(error));
        }
        if let Some(error) = cause.downcast_ref::<exploded::Error>() {
            return exploded_failure(error);
        }
        if let Some(fits::Error::World(error)) = cause.downcast_ref() {
            return (world_exit(error), None);
        }
        if let Some(error) = cause.downcast_ref::<world::Error>() {
            return (world_exit(error), None);
        }
    }
    (Exit::Other, None)
}

fn exit_of(kind: Kind) -> Exit {
    match kind {
        Kind::NotFound => Exit::NotFound,
        Kind::Refused => Exit::Refused,
        Kind::Integrity => Exit::Integrity,
        Kind::Unreachable => Exit::Unreachable,
        Kind::Conflict => Exit::Conflict,
        Kind::Other => Exit::Other,
    }
}

fn world_exit(error: &world::Error) -> Exit {
    match error {
        world::Error::NoWorld { .. } => Exit::NotFound,
        world::Error::TooLarge { .. } => Exit::Other,
        _ => Exit::Integrity,
    }
}

fn hint_of(error: &wharf::error::Error) -> Option<String> {
    match error {
        wharf::error::Error::Store(error) => store_hint(error),
        wharf::error::Error::Changed => Some("try again when nothing writes to it".to_owned()),
        _ => None,
    }
}

/// What is not there offline may well be there.
const ONLINE: &str =
    "it is not in the cache of this machine; without --offline the registry is asked";

fn package_hint(error: &package::Error) -> Option<String> {
    let hint = match error {
        package::Error::Unknown { location, .. } if location.ends_with(OFFLINE) => ONLINE,
        package::Error::Unknown { .. } => {
            "check the name; `wharf config where NAME` shows where it is looked for, `wharf list` what there is"
        }
        package::Error::Lost { location, .. } if location.ends_with(OFFLINE) => ONLINE,
        package::Error::Lost { .. } => "the registry lost it: publish or copy it there again",
        package::Error::NoVersion { spec, .. } => {
            return Some(format!("`wharf versions {}` shows all", spec.name));
        }
        package::Error::Immutable { .. } => super::publish::IMMUTABLE,
        package::Error::Incompatible { .. } => {
            "publish it under a number that says so, another major version; or with --no-compat-check"
        }
        package::Error::LostRace { .. } => "look at what is there, and publish another version",
        package::Error::OtherPackage { .. } => {
            "two packages were mapped to one repository: see `wharf config where`, and the prefix it has"
        }
        package::Error::Artifact(error) => return hint_of(error),
        package::Error::Store(error) => return store_hint(error),
        _ => return None,
    };
    Some(hint.to_owned())
}

fn copy_hint(error: &copy::Error) -> Option<String> {
    match error.store_error() {
        Some(error) => store_hint(error),
        None => Some(super::copy::DIFFERENT.to_owned()),
    }
}

fn index_hint(error: &index::Error) -> Option<String> {
    let hint = match error {
        index::Error::Empty => {
            "`wharf index add HOST|PACKAGE|REF|oci:DIR` says where components are, `wharf index update` looks again"
        }
        index::Error::UnknownInterface { .. } => {
            "an interface is NAMESPACE:PACKAGE/NAME, perhaps with @VERSION; `wharf index update` looks for new ones"
        }
        index::Error::Sqlite { .. } if error.is_about_rights() => {
            "the index is written beside the cache, even to be read: --cache DIR names another directory"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn store_hint(error: &store::Error) -> Option<String> {
    let hint = match error {
        store::Error::Refused { .. } => {
            "give credentials with --username and --password-stdin, in WHARF_TOKEN, or by \
             `wharf login`; and check that they reach this repository"
        }
        store::Error::NotFound { what, location } if what == "an OCI layout" => {
            let directory = location.strip_prefix("oci:").unwrap_or(location);
            return Some(format!("`wharf push FILE oci:{directory}:TAG` makes one"));
        }
        store::Error::NoCatalog { .. } => {
            "name a package: `wharf versions NAMESPACE:NAME`; zot, distribution and Harbor list theirs, and so \
             does a mirror (`wharf mirror`)"
        }
        store::Error::Overwritten { .. } => "others write there all the time: run it again",
        store::Error::NotFound { location, .. } if location.ends_with(OFFLINE) => ONLINE,
        store::Error::NotFound { what, location } if location.starts_with(BLOBS) => {
            return Some(match what == "a directory of blobs" {
                true => BLOB_DIRECTORIES.to_owned(),
                false => {
                    "the digest is that of a manifest, and the engine must have pulled all of it"
                        .to_owned()
                }
            });
        }
        store::Error::NotFound { what, location } => match layout(location) {
            Some(layout) if what.starts_with("blob ") => return Some(again(&layout)),
            _ => "check the repository and the tag",
        },
        store::Error::Corrupt {
            what,
            location,
            source,
        } => {
            let layout = layout(location)?;
            let hex = source.expected.digest.hex();
            let file = layout.join("blobs/sha256").join(hex);
            let way = match what.starts_with("blob ") {
                true => again(&layout),
                false => "publish, push or copy it there again".to_owned(),
            };
            return Some(format!("delete {}, then {way}", file.display()));
        }
        store::Error::Unreachable { .. } => {
            "check the host, its port and the network; --plain-http if it does not speak TLS, \
             --ca-cert if its certificate is your own"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Where container engines have such directories.
const BLOB_DIRECTORIES: &str = "it has a directory `sha256` in it: containerd's is \
                                ROOT/io.containerd.content.v1.content/blobs, CRI-O's and podman's are the `blobs` of \
                                their artifacts";

/// Returns the directory of what is in a layout.
fn layout(location: &str) -> Option<PathBuf> {
    // Only before a tag a repository is told from the directory.
    match format!("{location}:{DEFAULT_TAG}").parse() {
        Ok(Reference {
            location: Location::Layout { directory, .. },
            ..
        }) => Some(directory),
        _ => None,
    }
}

/// What brings a blob back to a layout, whose repositories share all blobs. Publishing and copying do not look at
/// the blobs of what is there already.
fn again(layout: &Path) -> String {
    let layout = layout.display();
    format!(
        "`wharf push FILE oci:{layout}:TAG` of the same component, under any tag, writes it again"
    )
}

fn exploded_failure(error: &exploded::Error) -> (Exit, Option<String>) {
    match error {
        exploded::Error::NoRoot { .. } => {
            let hint = "it must hold what `wharf split` or `oras pull` wrote";
            (Exit::NotFound, Some(hint.to_owned()))
        }
        exploded::Error::ManyRoots { roots, .. } => {
            let hint = format!("name one with --root: {}", roots.join(", "));
            (Exit::Usage, Some(hint))
        }
        exploded::Error::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            (Exit::NotFound, None)
        }
        exploded::Error::File { .. } => (Exit::Other, None),
        _ => (Exit::Integrity, None),
    }
}
