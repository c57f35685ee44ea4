//! Failures: the lines `error:`, `caused by:` and `hint:`, and the exit code.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use serde_json::json;
use wharf::error::Kind;
use wharf::{assets, bundle, copy, delta, exploded, fits, index, package, store, world};

use super::hints::{self, Hint, known};
use super::stdout;
use super::text::printable;

/// Returns the exit code of a kind of failure. Scripts rely on these codes (`docs/CLI.md`).
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

/// The failure of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Determines the exit code.
    pub(crate) kind: Kind,
    error: anyhow::Error,
    hint: Option<Hint>,
    /// Whether the result has reported it, so that only the exit code remains.
    is_reported: bool,
}

impl Failure {
    /// Returns the failure of a command line that makes no sense.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Returns a failure of a given kind.
    pub(crate) fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            error: anyhow::anyhow!("{message}"),
            hint: None,
            is_reported: false,
        }
    }

    /// Returns the failure of a command that a signal stopped.
    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// Returns a failure that the printed result has reported.
    pub(crate) fn already_reported(kind: Kind) -> Self {
        Self::new(kind, "reported").mark_reported()
    }

    /// Adds the name of the thing or operation that failed.
    pub(crate) fn context(mut self, context: String) -> Self {
        self.error = self.error.context(context);
        self
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks the failure as reported by the result, so that [`Self::report`] prints nothing.
    pub(crate) fn mark_reported(mut self) -> Self {
        self.is_reported = true;
        self
    }

    fn causes(&self) -> impl Iterator<Item = String> {
        let causes = self.error.chain();
        causes.map(|cause| printable(&cause.to_string()))
    }

    /// Returns the error and its causes in one line.
    pub(crate) fn message(&self) -> String {
        self.causes().collect::<Vec<_>>().join(": ")
    }

    /// Prints the failure, as JSON on standard output if `json` is set, and returns its exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if self.is_reported {
            return exit_code(self.kind);
        }
        // If standard output cannot be written, the failure goes to standard error.
        let printed = json && self.print_json().is_ok();
        if !printed && !self.is_broken_pipe() {
            for line in self.lines() {
                eprintln!("{line}");
            }
        }
        exit_code(self.kind)
    }

    /// Returns the lines for standard error: the error, its causes and the hint.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut causes = self.causes();
        let mut lines = vec![format!("error: {}", causes.next().unwrap_or_default())];
        lines.extend(causes.map(|cause| format!("  caused by: {cause}")));
        lines.extend(self.hint.iter().map(|hint| format!("hint: {hint}")));
        lines
    }

    fn print_json(&self) -> io::Result<()> {
        let (kind, message) = (self.kind.word(), self.message());
        let error = json!({ "error": { "kind": kind, "message": message, "hint": self.hint } });
        stdout::line(&format!("{error:#}"))
    }

    /// Returns whether the reader of standard output is gone, which needs no message.
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
            is_reported: false,
        }
    }
}

/// Runs blocking work, such as disk access or a prompt, outside the async threads.
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
        .or_else(|| known(cause, delta::Error::kind))
        .or_else(|| known(cause, fits_kind))
        .or_else(|| known(cause, bundle_kind))
        .or_else(|| known(cause, world_kind))
        .or_else(|| known(cause, |_: &assets::tree::Error| Kind::Usage))
        .or_else(|| known(cause, assemble_kind))
        .or_else(|| known(cause, requirements_kind))
}

fn assemble_kind(error: &assets::assemble::Error) -> Kind {
    use assets::assemble::Error;
    match error {
        Error::File { .. } | Error::Module { .. } | Error::Contents { .. } => Kind::Usage,
        Error::Text { .. } | Error::Segments { .. } => Kind::Other,
    }
}

fn requirements_kind(error: &assets::requirements::Error) -> Kind {
    use assets::requirements::Error;
    match error {
        Error::Wit { .. } => Kind::Other,
        _ => Kind::Conflict,
    }
}

fn fits_kind(error: &fits::Error) -> Kind {
    match error {
        fits::Error::World(error) => world_kind(error),
        fits::Error::Composition { .. } => Kind::Other,
    }
}

fn bundle_kind(error: &bundle::Error) -> Kind {
    match error {
        bundle::Error::Mismatch { .. }
        | bundle::Error::Unused { .. }
        | bundle::Error::Invalid { .. } => Kind::Conflict,
        bundle::Error::Part { .. } | bundle::Error::Stub(_) | bundle::Error::Section(_) => {
            Kind::Integrity
        }
        bundle::Error::TooLarge { .. } | bundle::Error::Changed | bundle::Error::Read(_) => {
            Kind::Other
        }
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
