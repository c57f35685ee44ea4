//! Why one attempt failed, and whether another one may help.

use std::error;
use std::io;
use std::time::Duration;

use crate::store::{Error, causes};
use crate::text::excerpt;

/// Why one attempt did not succeed.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether another attempt may succeed, and how long the server asks to wait before it.
    pub(super) retry: Option<Option<Duration>>,
}

impl From<Error> for Failure {
    /// Makes a failure that no other attempt can change.
    fn from(error: Error) -> Self {
        Self { error, retry: None }
    }
}

/// Returns whether a broken connection may work the next time. A host that has no address or refuses connections
/// will do so again.
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

/// Why a registry could not be reached, as far as users repair it in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It answered with this status each time.
    Answer(u16),
    /// Nothing listens at the address.
    Refused,
    /// The name of the host has no address.
    NoAddress,
    /// TLS failed.
    Tls,
    /// The connection broke, or was silent for too long.
    Other,
}

impl Error {
    /// Returns what stood in the way, if a registry could not be reached.
    pub fn obstacle(&self) -> Option<Obstacle> {
        let Self::Unreachable { source, .. } = self.unshared() else {
            return None;
        };
        let source: &(dyn error::Error + 'static) = &**source;
        Some(match find::<Self>(source).map(Self::unshared) {
            Some(Self::Answer { status, .. }) => Obstacle::Answer(*status),
            _ => obstacle_of(source),
        })
    }
}

fn obstacle_of(error: &(dyn error::Error + 'static)) -> Obstacle {
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    // An I/O error shows what it wraps as itself, not as its cause.
    let is_tls = |error: &(dyn error::Error + 'static)| {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        error.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| wrapped.is::<rustls::Error>())
    };
    // The HTTP client has no type for it.
    let is_lookup = |error: &(dyn error::Error + 'static)| error.to_string() == "dns error";
    if causes(error).any(is_tls) {
        Obstacle::Tls
    } else if causes(error).any(is_lookup) {
        Obstacle::NoAddress
    } else if find::<io::Error>(error).is_some_and(is_refused) {
        Obstacle::Refused
    } else {
        Obstacle::Other
    }
}

/// Finds an error of a type among an error and its causes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_that_fails_is_seen_in_what_io_errors_wrap() {
        let unreachable = |source: io::Error| Error::Unreachable {
            what: "pulling".to_owned(),
            attempts: 1,
            source: Box::new(source),
        };
        let tls = io::Error::other(rustls::Error::HandshakeNotComplete);
        assert_eq!(unreachable(tls).obstacle(), Some(Obstacle::Tls));
        let refused = io::ErrorKind::ConnectionRefused.into();
        assert_eq!(unreachable(refused).obstacle(), Some(Obstacle::Refused));
        let broken = io::ErrorKind::BrokenPipe.into();
        assert_eq!(unreachable(broken).obstacle(), Some(Obstacle::Other));
        assert_eq!(Error::Interrupted.obstacle(), None);
    }
}
