//! The hints of connections that did not come about.

use std::error::Error;

use wharf::store::remote::ConnectionError;

use super::Hint;

/// A host cannot be reached, and nothing says why.
const UNREACHABLE: &str = "check the host, its port and the network; --plain-http if it does not speak TLS, \
                           --ca-cert if its certificate is your own";

/// Returns the hint for a host that cannot be reached, by the cause.
pub(super) fn hint(cause: &(dyn Error + Send + Sync + 'static)) -> Hint {
    let Some(error) = cause.downcast_ref() else {
        return UNREACHABLE.into();
    };
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
