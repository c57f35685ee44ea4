//! How a failure is told: `error:`, its causes, a `hint:`, and the exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use serde_json::json;
use wharf::error::Kind;
use wharf::{copy, exploded, fits, index, package, store, world};

use super::text::printable;
use super::{hints, stdout};

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

    /// Returns whether the other side does not let us.
    pub(crate) fn is_refused(&self) -> bool {
        self.exit == Exit::Refused
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

    fn print_json(&self) -> io::Result<()> {
        let (kind, message) = (self.kind(), self.message());
        let error = json!({ "error": { "kind": kind, "message": message, "hint": self.hint } });
        stdout::line(&format!("{error:#}"))
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
        Self {
            exit: exit_of(&error),
            hint: hints::of(&error),
            error,
            told: false,
        }
    }
}

/// Returns the exit code for a failure, by the first of its causes that says more.
fn exit_of(error: &anyhow::Error) -> Exit {
    error.chain().find_map(cause_exit).unwrap_or(Exit::Other)
}

fn cause_exit(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if let Some(error) = cause.downcast_ref::<wharf::error::Error>() {
        return Some(error.kind().into());
    }
    if let Some(error) = cause.downcast_ref::<package::Error>() {
        return Some(error.kind().into());
    }
    if let Some(error) = cause.downcast_ref::<package::LockFileError>() {
        return Some(error.kind().into());
    }
    if let Some(error) = cause.downcast_ref::<index::Error>() {
        return Some(error.kind().into());
    }
    if let Some(error) = cause.downcast_ref::<copy::Error>() {
        return Some(error.kind().into());
    }
    if let Some(error) = cause.downcast_ref::<store::Error>() {
        return Some(error.kind().into());
    }
    if let Some(error) = cause.downcast_ref::<exploded::Error>() {
        return Some(exploded_exit(error));
    }
    match cause.downcast_ref::<fits::Error>() {
        Some(fits::Error::World(error)) => Some(world_exit(error)),
        Some(_) => None,
        None => cause.downcast_ref::<world::Error>().map(world_exit),
    }
}

impl From<Kind> for Exit {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::NotFound => Self::NotFound,
            Kind::Refused => Self::Refused,
            Kind::Integrity => Self::Integrity,
            Kind::Unreachable => Self::Unreachable,
            Kind::Conflict => Self::Conflict,
            Kind::Usage => Self::Usage,
            Kind::Other => Self::Other,
        }
    }
}

fn world_exit(error: &world::Error) -> Exit {
    match error {
        world::Error::NoWorld { .. } => Exit::NotFound,
        world::Error::TooLarge { .. } => Exit::Other,
        _ => Exit::Integrity,
    }
}

fn exploded_exit(error: &exploded::Error) -> Exit {
    match error {
        exploded::Error::NoRoot { .. } => Exit::NotFound,
        exploded::Error::ManyRoots { .. } => Exit::Usage,
        exploded::Error::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Exit::NotFound
        }
        exploded::Error::File { .. } => Exit::Other,
        _ => Exit::Integrity,
    }
}
