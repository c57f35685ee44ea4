//! Hints for the answers of registries.

use wharf::store;

use super::Hint;

/// The registry asks for fewer requests, or fails.
const BUSY: &str =
    "try again later or with a smaller --concurrency, because the registry is busy or broken";

/// Returns the hint for an error answer, or for an answer that is not from a registry.
pub(super) fn hint(error: &store::Error) -> Option<Hint> {
    let hint = match error {
        store::Error::Answer { status, .. } => return status_hint(*status),
        store::Error::NotRegistry { .. } => {
            "check the host and its port, because a web server, a login page or a proxy answers there"
        }
        store::Error::Encoded { .. } => {
            "turn off compression for /v2/ in the proxy in front of the registry"
        }
        store::Error::NotStored { .. } => {
            "report to the operator that the registry, or a proxy in front of it, changes or drops uploads"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// Returns the hint for a status.
fn status_hint(status: u16) -> Option<Hint> {
    let hint = match status {
        401 | 403 => {
            "try again, or check the access to that host, because the registry redirects to it"
        }
        408 | 429 | 500.. => BUSY,
        413 => {
            "raise the limit on request sizes in the registry or a proxy in front of it, such as nginx's \
             client_max_body_size"
        }
        _ => return None,
    };
    Some(hint.into())
}
