//! Hints for what registries answer.

use wharf::store;

use super::Hint;

/// The registry asks for fewer requests, or fails.
const BUSY: &str =
    "the registry is busy or broken: try again later, perhaps with a smaller --concurrency";

/// Returns the hint for an answer that is none, or an error.
pub(super) fn hint(error: &store::Error) -> Option<Hint> {
    let hint = match error {
        store::Error::Answer { status, .. } => return status_hint(*status),
        store::Error::NotRegistry { .. } => {
            "check the host and its port: a web server, a login page or a proxy answers there"
        }
        store::Error::Encoded { .. } => {
            "a proxy compresses what the registry sends: turn that off for everything below /v2/"
        }
        store::Error::NotStored { .. } => {
            "the registry, or a proxy before it, changes or drops what is uploaded: tell whoever runs it"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// Says what to do about an answer of this status.
fn status_hint(status: u16) -> Option<Hint> {
    let hint = match status {
        401 | 403 => {
            "the registry names that host, which refuses: its address may have expired, or be closed from here; try again"
        }
        408 | 429 | 500.. => BUSY,
        413 => {
            "the registry, or a proxy before it, limits the size of a request: raise the limit there, as with nginx's \
             client_max_body_size"
        }
        _ => return None,
    };
    Some(hint.into())
}
