//! Hints for what registries answer, and for artifacts that are no component.

use wharf::artifact::Foreign;
use wharf::store::Obstacle;

use super::Hint;

/// Says what to ask for in place of something that is no component.
pub(super) fn foreign_hint(what: &Foreign) -> Option<Hint> {
    let hint = match what {
        Foreign::Statement {
            subject: Some(subject),
            ..
        }
        | Foreign::ReferrersIndex(subject) => {
            return Some(format!("name what it is about: the same repository @{subject}").into());
        }
        Foreign::Statement { subject: None, .. } => "name the component that it is about",
        Foreign::Index => "name one of the manifests that it lists, by its digest",
        Foreign::Image(_) => "container engines pull images: `docker pull`, `podman pull`",
        Foreign::Chart(_) => "`helm pull oci://HOST/REPOSITORY` reads charts",
        _ => "`oras pull` reads any artifact; `wharf copy` copies it",
    };
    Some(hint.into())
}

/// The registry asks for fewer requests, or fails.
const BUSY: &str =
    "the registry is busy or broken: try again later, perhaps with a smaller --concurrency";

pub(super) fn obstacle_hint(obstacle: Obstacle) -> Hint {
    let hint = match obstacle {
        Obstacle::Answer(status) => return status_hint(status).unwrap_or(BUSY.into()),
        Obstacle::Refused => "nothing listens there: check the host and its port",
        Obstacle::NoAddress => "the name has no address: check how it is spelt, and the network",
        Obstacle::Tls => {
            "--plain-http if it does not speak TLS, --ca-cert if its certificate is your own"
        }
        Obstacle::Other => "check the host, its port and the network",
    };
    hint.into()
}

/// Says what to do about an answer of this status.
pub(super) fn status_hint(status: u16) -> Option<Hint> {
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
