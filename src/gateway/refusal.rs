//! Error responses.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes>.

use std::fmt;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::message::Response;
use crate::error::{Error, Kind};
use crate::store;
use crate::store::remote::is_timeout;

/// The `Retry-After` for failures of upstream that states no wait.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The longest `Retry-After` that is passed on.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Returns the `Retry-After` for a client, in seconds, from the wait that upstream asks for.
pub(super) fn retry_seconds(asked: Option<Duration>) -> u64 {
    let asked = asked.unwrap_or(RETRY_AFTER_FAILURE).min(MAX_RETRY_AFTER);
    // Clients must not return early, so a part of a second counts as a whole one.
    asked.as_secs() + u64::from(asked.subsec_nanos() > 0)
}

/// A status with the specification's error code and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// How long upstream asks the client to wait.
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Returns the refusal of all methods but GET and HEAD.
    pub(super) fn read_only() -> Self {
        let message = "this gateway is read-only";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
    }

    /// Returns the refusal of a request that would have to wait behind too many others.
    pub(super) fn busy() -> Self {
        let message = "the gateway has too many requests of this kind; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }

    /// Returns the refusal for an error. It contains nothing about this machine.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Store(error) => Self::of_store(error),
            Error::Refused(refusal) => {
                Self::new(StatusCode::FORBIDDEN, "DENIED", refusal.to_string())
            }
            _ if error.kind() == Kind::Integrity => {
                Self::invalid_content("MANIFEST_INVALID", error)
            }
            _ => Self::internal(),
        }
    }

    fn of_store(error: &store::Error) -> Self {
        if let Some((status, retry_after)) = error.busy_status() {
            let (status, code) = match status {
                429 => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
                _ => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            };
            return Self {
                retry_after,
                ..Self::new(status, code, error.to_string())
            };
        }
        match error {
            store::Error::NotFound { what, .. } => {
                Self::not_found("MANIFEST_UNKNOWN", format!("{what} not found"))
            }
            store::Error::Refused { .. } => {
                Self::new(StatusCode::FORBIDDEN, "DENIED", error.to_string())
            }
            store::Error::Unreachable { .. } if is_timeout(error) => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "UNAVAILABLE",
                format!("upstream was silent or too slow: {error}"),
            ),
            // A blob that upstream lacks does not make the component unknown.
            store::Error::Shared(error) if !matches!(**error, store::Error::NotFound { .. }) => {
                Self::of_store(error)
            }
            store::Error::Corrupt { .. } => Self::invalid_content("DIGEST_INVALID", error),
            _ if error.kind() == Kind::Integrity => {
                Self::invalid_content("MANIFEST_INVALID", error)
            }
            store::Error::NoCatalog { .. } => Self::not_found("UNSUPPORTED", error.to_string()),
            store::Error::Settings { .. }
            | store::Error::Interrupted
            | store::Error::File { .. } => Self::internal(),
            _ => Self::new(StatusCode::BAD_GATEWAY, "UNAVAILABLE", error.to_string()),
        }
    }

    /// Returns the refusal for unusable content from an upstream that answers.
    fn invalid_content(code: &'static str, error: &dyn fmt::Display) -> Self {
        let message = format!("upstream's content is invalid: {error}");
        Self::new(StatusCode::BAD_GATEWAY, code, message)
    }

    fn internal() -> Self {
        let message = "the gateway failed; see its log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let error = json!({ "code": refusal.code, "message": refusal.message });
        let errors = json!({ "errors": [error] });
        let mut response = Self::json(refusal.status, &errors, "application/json");
        let headers = &mut response.headers;
        match refusal.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, retry_seconds(refusal.retry_after).into());
            }
            _ => {}
        }
        response
    }
}

/// The failure of a request.
pub(super) enum Failure {
    /// A response that explains it, such as upstream's own.
    Response(Box<Response>),
    /// The error. The log shows it in full, the client gets a [`Refusal`].
    Error(Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Response::from(refusal).into()
    }
}

impl From<Response> for Failure {
    fn from(response: Response) -> Self {
        Self::Response(Box::new(response))
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::store::{StoreKind, Subject};

    #[test]
    fn only_missing_artifacts_are_not_found() {
        let unreachable = |kind| store::Error::Unreachable {
            what: "x".to_owned(),
            attempts: 1,
            source: Box::new(io::Error::from(kind)),
        };
        let (what, location) = ("x".to_owned(), "y".to_owned());
        for (error, status) in [
            (
                store::Error::NotFound {
                    what: Subject::Other(what.clone()),
                    location: location.clone(),
                    kind: StoreKind::Other,
                },
                404,
            ),
            (unreachable(io::ErrorKind::ConnectionRefused), 502),
            (unreachable(io::ErrorKind::TimedOut), 504),
            (
                store::Error::Malformed {
                    what: what.clone(),
                    location: location.clone(),
                    reason: String::new(),
                },
                502,
            ),
            (
                store::Error::Refused {
                    what: what.clone(),
                    location: location.clone(),
                    reason: String::new(),
                },
                403,
            ),
            (
                store::Error::Answer {
                    what,
                    location,
                    status: 404,
                    message: String::new(),
                    retry_after: None,
                },
                502,
            ),
            (store::Error::Interrupted, 500),
        ] {
            let response = Response::from(Refusal::of(&error.into()));
            assert_eq!(response.status.as_u16(), status);
            let again = response.headers.contains_key(RETRY_AFTER);
            assert_eq!(again, matches!(status, 502 | 504));
        }
    }

    #[test]
    fn upstreams_limits_reach_the_client_through_retries_and_sharing() {
        let busy = |status, wait: Option<Duration>| store::Error::Answer {
            what: "x".to_owned(),
            location: "y".to_owned(),
            status,
            message: String::new(),
            retry_after: wait.map(Box::new),
        };
        for (status, wait, expected) in [
            (429, Some(Duration::from_secs(7)), "7"),
            (503, Some(Duration::from_millis(6500)), "7"),
            (503, Some(Duration::MAX), "3600"),
            (429, None, "5"),
        ] {
            let given_up = store::Error::Unreachable {
                what: "x".to_owned(),
                attempts: 3,
                source: Box::new(busy(status, wait)),
            };
            let shared = store::Error::Shared(Arc::new(busy(status, wait)));
            let given_up = store::Error::Shared(Arc::new(given_up));
            for error in [busy(status, wait), shared, given_up] {
                let response = Response::from(Refusal::of(&error.into()));
                assert_eq!(response.status.as_u16(), status);
                assert_eq!(response.headers[RETRY_AFTER], expected);
            }
        }
    }

    #[test]
    fn local_paths_are_not_shown_to_clients() {
        let full = || io::ErrorKind::StorageFull.into();
        let error = || store::Error::file(std::path::Path::new("/secret/place"))(full());
        let shared = store::Error::Shared(Arc::new(error()));
        let twice = store::Error::Shared(Arc::new(store::Error::Shared(Arc::new(error()))));
        for error in [error(), shared, twice] {
            let refusal = Refusal::of(&error.into());
            assert_eq!(refusal.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(!refusal.message.contains("secret"));
        }
    }

    #[test]
    fn blobs_missing_upstream_are_not_a_404() {
        let missing = store::Error::NotFound {
            what: Subject::Other("blob".to_owned()),
            location: "host/a".to_owned(),
            kind: StoreKind::Other,
        };
        let shared = store::Error::Shared(Arc::new(missing));
        let twice = store::Error::Shared(Arc::new(shared));
        assert_eq!(Refusal::of(&twice.into()).status, StatusCode::BAD_GATEWAY);
    }
}
