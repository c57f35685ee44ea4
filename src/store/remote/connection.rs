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
    /// Nothing listens at the address.
    #[error("the connection was refused")]
    Refused {
        /// What happened.
        source: Cause,
    },
    /// The name of the host has no address.
    #[error("the host has no address")]
    NoAddress {
        /// What happened.
        source: Cause,
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
    /// TLS failed in another way.
    #[error("TLS failed")]
    Tls {
        /// What happened.
        source: Cause,
    },
    /// This machine trusts no certificates at all.
    #[error("the certificate cannot be checked")]
    NoCertificates {
        /// What happened.
        source: Cause,
    },
}

/// Names the cause of a connection to the host of `url` that did not come about, if it is known; otherwise returns the error
/// as it is. Never shows a URL, which may hold a signature.
pub(super) fn explain(url: &Url, error: reqwest::Error, network: &Network) -> Cause {
    if !error.is_connect() {
        return Box::new(error.without_url());
    }
    cause_of(error.without_url(), network.proxy(url))
}

fn cause_of(error: impl error::Error + Send + Sync + 'static, proxy: Option<String>) -> Cause {
    let is_refused = has_kind(&error, io::ErrorKind::ConnectionRefused);
    // A connection that came about ends so in its TLS handshake.
    let has_ended = has_kind(&error, io::ErrorKind::UnexpectedEof);
    // The HTTP client has no type for it.
    let has_no_address = causes(&error).any(|error| error.to_string() == "dns error");
    let tls = tls_error(&error).map(|tls| match tls {
        rustls::Error::Other(other) if other.0.is::<NoCertificates>() => TlsFailure::NoCertificates,
        rustls::Error::InvalidCertificate(_) => TlsFailure::Certificate,
        rustls::Error::InvalidMessage(_) => TlsFailure::NotSpoken,
        _ => TlsFailure::Other,
    });
    let source: Cause = Box::new(error);
    let cause = match (tls, proxy) {
        (Some(TlsFailure::NoCertificates), _) => ConnectionError::NoCertificates { source },
        (Some(TlsFailure::Certificate), _) => ConnectionError::Certificate { source },
        (Some(TlsFailure::NotSpoken), _) => ConnectionError::SpeaksNoTls { source },
        (Some(TlsFailure::Other), _) => ConnectionError::Tls { source },
        (None, Some(proxy)) => ConnectionError::Proxy { proxy, source },
        _ if has_no_address => ConnectionError::NoAddress { source },
        _ if is_refused => ConnectionError::Refused { source },
        _ if has_ended => ConnectionError::Tls { source },
        _ => return source,
    };
    Box::new(cause)
}

/// Returns whether an I/O error of this kind is among the causes of another error, or wrapped in one of them.
fn has_kind(error: &(dyn error::Error + 'static), kind: io::ErrorKind) -> bool {
    causes(error).any(|mut cause| {
        while let Some(error) = cause.downcast_ref::<io::Error>() {
            match error.get_ref() {
                _ if error.kind() == kind => return true,
                Some(inner) => cause = inner,
                None => return false,
            }
        }
        false
    })
}

/// What went wrong in a TLS handshake.
enum TlsFailure {
    NoCertificates,
    Certificate,
    NotSpoken,
    Other,
}

/// Finds the error of TLS among the causes of another. I/O errors do not return what they wrap as their source.
fn tls_error<'a>(error: &'a (dyn error::Error + 'static)) -> Option<&'a rustls::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(error: io::Error, proxy: Option<&str>) -> String {
        cause_of(error, proxy.map(str::to_owned)).to_string()
    }

    #[test]
    fn causes_inside_io_errors_are_told_apart() {
        let tls = || io::Error::other(rustls::Error::HandshakeNotComplete);
        assert_eq!(found(tls(), None), "TLS failed");
        assert_eq!(found(tls(), Some("http://proxy")), "TLS failed");
        let name = || io::Error::other("dns error");
        assert_eq!(found(name(), None), "the host has no address");
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(found(refused(), None), "the connection was refused");
        for error in [name(), refused()] {
            assert!(found(error, Some("http://proxy")).contains("http://proxy"));
        }
        let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
        assert_eq!(found(io::Error::other(ended), None), "TLS failed");
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(found(broken, None), "broken pipe");
    }
}
