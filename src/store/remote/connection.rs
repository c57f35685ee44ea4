//! The known causes of failed connections. Each cause has its own remedy.

use std::error;
use std::io;

use reqwest::{StatusCode, Url};

use super::client::Network;
use super::public::is_this_machine;
use super::tls::NoCertificates;
use crate::store::causes;

type Cause = Box<dyn error::Error + Send + Sync>;

/// The cause of a failed connection to a host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The proxy could not be reached, or did not connect to the host.
    #[error("the connection through the proxy {proxy} failed")]
    Proxy {
        /// The address of the proxy, without a password.
        proxy: String,
        /// The cause.
        source: Cause,
    },
    /// The proxy requires a password.
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
        /// The cause.
        source: Cause,
    },
    /// The name of the host has no address.
    #[error("the host has no address")]
    NoAddress {
        /// The cause.
        source: Cause,
    },
    /// The host speaks TLS on a port that received plain HTTP.
    #[error("{host} speaks TLS, but the client used plain http")]
    SpeaksTls {
        /// The host and its port.
        host: String,
        /// Whether plain HTTP was used because the host is this machine.
        is_loopback: bool,
    },
    /// The host does not speak TLS on a port that received TLS.
    #[error("the answer is not TLS")]
    SpeaksNoTls {
        /// The cause.
        source: Cause,
    },
    /// The host's certificate is not accepted.
    #[error("the certificate is not accepted")]
    Certificate {
        /// The problem of the certificate.
        source: Cause,
    },
    /// TLS failed in another way.
    #[error("TLS failed")]
    Tls {
        /// The cause.
        source: Cause,
    },
    /// This machine trusts no certificates at all.
    #[error("the certificate cannot be checked")]
    NoCertificates {
        /// The cause.
        source: Cause,
    },
}

/// Finds the cause of a failed connection to the host of `url`; otherwise returns the error unchanged. Never shows a
/// URL, which may contain a signature.
pub(super) fn explain(url: &Url, error: reqwest::Error, network: &Network) -> Cause {
    if !error.is_connect() {
        return Box::new(error.without_url());
    }
    cause_of(error.without_url(), network.proxy(url))
}

fn cause_of(error: impl error::Error + Send + Sync + 'static, proxy: Option<String>) -> Cause {
    let is_refused = has_kind(&error, io::ErrorKind::ConnectionRefused);
    // An established connection ends like this during the TLS handshake.
    let has_ended = has_kind(&error, io::ErrorKind::UnexpectedEof);
    // The HTTP client has no type for this error.
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

enum TlsFailure {
    NoCertificates,
    Certificate,
    NotSpoken,
    Other,
}

/// Finds a TLS error among the causes of another error. I/O errors do not return the error inside them as their source.
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

/// Returns the error for a host that speaks TLS.
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
