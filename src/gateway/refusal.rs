//! Error responses.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes>.

use std::fmt;

use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::message::Response;
use crate::error::{Error, Kind};
use crate::store;
use crate::store::remote::is_timeout;

/// The `Retry-After` for failures of upstream, in seconds.
const RETRY_SECONDS: u64 = 5;

/// A status with the specification's error code and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
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
            store::Error::Answer { status: 429, .. } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TOOMANYREQUESTS",
                error.to_string(),
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
                headers.insert(RETRY_AFTER, RETRY_SECONDS.into());
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
