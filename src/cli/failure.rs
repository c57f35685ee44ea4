//! How a failure is told: `error:`, its causes, a `hint:`, and the exit code.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use serde_json::json;
use wharf::error::Kind;
use wharf::{copy, exploded, fits, index, package, store, world};

use super::hints::{self, Hint, known};
use super::stdout;
use super::text::printable;

/// Returns the exit code of a kind of failure; scripts rely on them (`docs/CLI.md`).
pub(crate) fn exit_code(kind: Kind) -> ExitCode {
    ExitCode::from(match kind {
        Kind::Other => 1,
        Kind::Usage => 2,
        Kind::NotFound => 3,
        Kind::Refused => 4,
        Kind::Integrity => 5,
        Kind::Unreachable => 6,
        Kind::Conflict => 7,
        Kind::Interrupted => 130,
    })
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Decides the exit code.
    pub(crate) kind: Kind,
    error: anyhow::Error,
    hint: Option<Hint>,
    /// Whether it was told with the result, so that only its code is left to say.
    told: bool,
}

impl Failure {
    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A failure of a given kind.
    pub(crate) fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            error: anyhow::anyhow!("{message}"),
            hint: None,
            told: false,
        }
    }

    /// Somebody pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// The answer was printed, and is no.
    pub(crate) fn answered(kind: Kind) -> Self {
        Self::new(kind, "no").told()
    }

    /// Says what was being done.
    pub(crate) fn context(mut self, doing: String) -> Self {
        self.error = self.error.context(doing);
        self
    }

    /// Names the way out.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Leaves only its code to be said: the result tells it.
    pub(crate) fn told(mut self) -> Self {
        self.told = true;
        self
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
            return exit_code(self.kind);
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
        exit_code(self.kind)
    }

    fn print_json(&self) -> io::Result<()> {
        let (kind, message) = (self.kind.word(), self.message());
        let error = json!({ "error": { "kind": kind, "message": message, "hint": self.hint } });
        stdout::line(&format!("{error:#}"))
    }

    /// Whoever read our output has gone, and needs no message.
    fn is_broken_pipe(&self) -> bool {
        let is_broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        let mut causes = self.error.chain();
        causes.any(|cause| known(cause, is_broken) == Some(true))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        Self {
            kind: error.chain().find_map(kind_of).unwrap_or(Kind::Other),
            hint: hints::of(&error),
            error,
            told: false,
        }
    }
}

/// Runs work that waits for a disk, a person or another program away from the async threads.
pub(crate) async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(anyhow::Error::from)??)
}

/// Returns the kind of a cause that is an error of the library.
fn kind_of(cause: &(dyn Error + 'static)) -> Option<Kind> {
    known(cause, wharf::error::Error::kind)
        .or_else(|| known(cause, package::Error::kind))
        .or_else(|| known(cause, package::LockFileError::kind))
        .or_else(|| known(cause, index::Error::kind))
        .or_else(|| known(cause, copy::Error::kind))
        .or_else(|| known(cause, store::Error::kind))
        .or_else(|| known(cause, exploded_kind))
        .or_else(|| known(cause, fits_kind))
        .or_else(|| known(cause, world_kind))
}

fn fits_kind(error: &fits::Error) -> Kind {
    match error {
        fits::Error::World(error) => world_kind(error),
        fits::Error::Composition { .. } => Kind::Other,
    }
}

fn world_kind(error: &world::Error) -> Kind {
    match error {
        world::Error::NoWorld { .. } => Kind::NotFound,
        world::Error::TooLarge { .. } => Kind::Other,
        _ => Kind::Integrity,
    }
}

fn exploded_kind(error: &exploded::Error) -> Kind {
    match error {
        exploded::Error::NoRoot { .. } => Kind::NotFound,
        exploded::Error::ManyRoots { .. } => Kind::Usage,
        exploded::Error::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Kind::NotFound
        }
        exploded::Error::File { .. } => Kind::Other,
        _ => Kind::Integrity,
    }
}
