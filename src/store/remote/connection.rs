//! Why no connection came about, where that is known: the way out is another one for each cause.

use std::error;
use std::io;

use reqwest::{StatusCode, Url};

use super::client::Network;
use super::public::is_this_machine;
use super::tls::NoCertificates;
use crate::store::causes;

type Cause = Box<dyn error::Error + Send + Sync>;

/// Why no connection to a host came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The proxy could not be reached, or did not lead to the host.
    #[error("the connection through the proxy {proxy} failed")]
    Proxy {
        /// The address of the proxy, without a password.
        proxy: String,
        /// What happened.
        source: Cause,
    },
    /// The proxy wants a password.
    #[error(
        "the proxy {proxy} answered {}",
        StatusCode::PROXY_AUTHENTICATION_REQUIRED
    )]
    ProxyLogin {
        /// The address of the proxy, without a password.
        proxy: String,
    },
    /// The host speaks TLS on a port that was asked by plain http.
    #[error("{host} speaks TLS, and was asked by plain http")]
    SpeaksTls {
        /// The host and its port.
        host: String,
        /// Whether it was asked by plain http because it is this machine.
        is_loopback: bool,
    },
    /// The host does not speak TLS on a port that was asked by https.
    #[error("the answer is not TLS")]
    SpeaksNoTls {
        /// What happened.
        source: Cause,
    },
    /// The host has a certificate that is not accepted.
    #[error("the certificate is not accepted")]
    Certificate {
        /// What is wrong with it.
        source: Cause,
    },
    /// This machine trusts no certificates at all.
    #[error("the certificate cannot be checked")]
    NoCertificates {
        /// What happened.
        source: Cause,
    },
}

/// Names the cause of a connection that did not come about, if it is known; otherwise returns the error as it is.
/// Never shows a URL, which may hold a signature.
pub(super) fn explain(error: reqwest::Error, network: &Network) -> Cause {
    let proxy = error.url().and_then(|url| network.proxy(url));
    let is_connect = error.is_connect();
    let error = error.without_url();
    let tls = tls_error(&error).map(|tls| match tls {
        rustls::Error::Other(other) if other.0.is::<NoCertificates>() => TlsFailure::NoCertificates,
        rustls::Error::InvalidCertificate(_) => TlsFailure::Certificate,
        rustls::Error::InvalidMessage(_) => TlsFailure::NotSpoken,
        _ => TlsFailure::Other,
    });
    let source: Cause = Box::new(error);
    let cause = match (tls, proxy) {
        _ if !is_connect => return source,
        (Some(TlsFailure::NoCertificates), _) => ConnectionError::NoCertificates { source },
        (Some(TlsFailure::Certificate), _) => ConnectionError::Certificate { source },
        (Some(TlsFailure::NotSpoken), _) => ConnectionError::SpeaksNoTls { source },
        (None, Some(proxy)) => ConnectionError::Proxy { proxy, source },
        _ => return source,
    };
    Box::new(cause)
}

/// What went wrong in a TLS handshake.
enum TlsFailure {
    NoCertificates,
    Certificate,
    NotSpoken,
    Other,
}

/// Finds the error of TLS among the causes of another. I/O errors do not return what they wrap as their source.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    causes(error).find_map(|mut cause| {
        while let Some(inner) = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            cause = inner;
        }
        cause.downcast_ref()
    })
}

/// Makes the error of a host that speaks TLS.
pub(super) fn speaks_tls(url: &Url) -> ConnectionError {
    let is_loopback = is_this_machine(url);
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let host = format!("{host}:{port}");
    ConnectionError::SpeaksTls { host, is_loopback }
}
