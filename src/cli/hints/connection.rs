//! Hints for failed connections.

use std::error::Error;

use wharf::store;
use wharf::store::remote::{ConnectionError, TooSlow};

use super::{Hint, answers};

/// A host is unreachable for an unknown reason.
const UNREACHABLE: &str = "check the host, its port and the network";

/// Returns the hint for an unreachable host, by the first known cause: an error answer or a failed connection.
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
        return Some("try again later, because the server or the network is too slow".into());
    }
    error.downcast_ref().map(connection_hint)
}

fn connection_hint(error: &ConnectionError) -> Hint {
    match error {
        ConnectionError::Proxy { .. } => {
            "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY and the password in it, or bypass the proxy with NO_PROXY=HOST[:PORT]"
        }
        ConnectionError::ProxyLogin { .. } => {
            "set HTTP_PROXY, HTTPS_PROXY or ALL_PROXY to http://USER:PASSWORD@HOST:PORT"
        }
        ConnectionError::SpeaksTls {
            is_loopback: true, ..
        } => "add --tls, because loopback hosts use HTTP by default",
        ConnectionError::SpeaksTls { .. } => "remove --plain-http, or `protocol` from the configuration",
        ConnectionError::SpeaksNoTls { .. } => "add --plain-http if the host uses HTTP, or check the port",
        ConnectionError::Refused { .. } => "check the host and its port, because nothing listens there",
        ConnectionError::NoAddress { .. } => "check the network and the spelling of the host",
        ConnectionError::Tls { .. } => "add --plain-http if the host does not use TLS, or check the port",
        ConnectionError::Certificate { .. } => {
            "pass the certificate of the host or of its issuer with --ca-cert or in SSL_CERT_FILE"
        }
        ConnectionError::NoCertificates { .. } => {
            "install the system's certificates (ca-certificates), or name a file with --ca-cert or in SSL_CERT_FILE"
        }
        _ => UNREACHABLE,
    }
    .into()
}
