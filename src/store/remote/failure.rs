//! The failure of one attempt, and whether another attempt may succeed.

use std::error;
use std::io;
use std::time::Duration;

use super::pace::TooSlow;
use crate::store::{Error, causes};
use crate::text::excerpt;

pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether another attempt may succeed, and how long the server asks to wait before it.
    pub(super) retry: Option<Option<Duration>>,
}

impl From<Error> for Failure {
    /// Returns a failure that is not retried.
    fn from(error: Error) -> Self {
        Self { error, retry: None }
    }
}

/// Returns whether another attempt may succeed after a broken connection. A host that has no address or refuses
/// connections fails again.
pub(super) fn is_transient(error: &reqwest::Error) -> bool {
    if error.is_builder() {
        return false;
    }
    if !error.is_connect() {
        return true;
    }
    let is_interruption = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::TimedOut
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        )
    };
    error.is_timeout() || find::<io::Error>(error).is_some_and(is_interruption)
}

/// Finds an error of a type in an error and its causes.
pub(super) fn find<'a, E: error::Error + 'static>(
    error: &'a (dyn error::Error + 'static),
) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// Returns the text of the last cause.
pub(super) fn innermost(error: &(dyn error::Error + 'static)) -> String {
    causes(error)
        .last()
        .map(|error| excerpt(&error.to_string()))
        .unwrap_or_default()
}

/// Returns whether an error is that the other side was silent for too long, or too slow.
pub fn is_timeout(error: &(dyn error::Error + 'static)) -> bool {
    causes(error).any(|error| {
        let io: Option<&io::Error> = error.downcast_ref();
        let http: Option<&reqwest::Error> = error.downcast_ref();
        error.is::<TooSlow>()
            || io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
            || http.is_some_and(reqwest::Error::is_timeout)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_not_refusals() {
        let error = |kind| Error::Unreachable {
            what: "x".to_owned(),
            attempts: 1,
            source: Box::new(io::Error::from(kind)),
        };
        assert!(is_timeout(&error(io::ErrorKind::TimedOut)));
        assert!(!is_timeout(&error(io::ErrorKind::ConnectionRefused)));
    }
}
