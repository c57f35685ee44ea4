//! The hints of connections that did not come about.

use std::error::Error;

use wharf::store;
use wharf::store::remote::{ConnectionError, TooSlow};

use super::{Hint, answers};

/// A host cannot be reached, and nothing says why.
const UNREACHABLE: &str = "check the host, its port and the network";

/// Returns the hint for a host that cannot be reached, by the cause: what it answered each time, or why no connection came
/// about.
pub(super) fn hint(source: &(dyn Error + Send + Sync + 'static)) -> Hint {
    let mut cause: Option<&(dyn Error + 'static)> = Some(source);
    while let Some(error) = cause {
        if let Some(hint) = hint_of(error) {
            return hint;
        }
        cause = error.source();
    }
    UNREACHABLE.into()
}

fn hint_of(error: &(dyn Error + 'static)) -> Option<Hint> {
    if let Some(error) = error.downcast_ref::<store::Error>() {
        return answers::hint(error.unshared());
    }
    if error.is::<TooSlow>() {
        return Some("the server or the network is too slow: try again later".into());
    }
    error.downcast_ref().map(connection_hint)
}

fn connection_hint(error: &ConnectionError) -> Hint {
    match error {
        ConnectionError::Proxy { .. } => {
            "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, and the password in it; NO_PROXY=HOST or HOST:PORT goes without it"
        }
        ConnectionError::ProxyLogin { .. } => {
            "give the user and the password in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY: http://USER:PASSWORD@HOST:PORT"
        }
        ConnectionError::SpeaksTls {
            is_loopback: true, ..
        } => "use --tls: without it, http is spoken to this machine",
        ConnectionError::SpeaksTls { .. } => "leave out --plain-http, or `protocol` in the configuration",
        ConnectionError::SpeaksNoTls { .. } => "use --plain-http if it speaks http there, or check the port",
        ConnectionError::Refused { .. } => "nothing listens there: check the host and its port",
        ConnectionError::NoAddress { .. } => "the name has no address: check how it is spelt, and the network",
        ConnectionError::Tls { .. } => "use --plain-http if it does not speak TLS, or check the port",
        ConnectionError::Certificate { .. } => {
            "give the certificate of its issuer, or its own, with --ca-cert or in SSL_CERT_FILE"
        }
        ConnectionError::NoCertificates { .. } => {
            "install the system's certificates (ca-certificates), or name a file with --ca-cert or in SSL_CERT_FILE"
        }
        _ => UNREACHABLE,
    }
    .into()
}
