//! TLS between clients and the server.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::error::Error;

/// The protocols that clients can choose from, in order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate and its key.
#[derive(Clone)]
pub struct Tls(pub(super) TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the server's certificate, followed by its intermediates, and its key, both as PEM.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, Error> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let certificates = read.map_err(refused("the certificate is no PEM"))?;
        if certificates.is_empty() {
            return Err(Error::Tls {
                what: "there is no certificate in the file that should have one",
                source: None,
            });
        }
        let key = PrivateKeyDer::from_pem_slice(key);
        let key = key.map_err(refused("the certificate's key cannot be read"))?;
        let provider = Arc::new(ring::default_provider());
        let unusable = "the certificate and its key cannot be used";
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused(unusable))?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(refused(unusable))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

fn refused<E: std::error::Error + Send + Sync + 'static>(
    what: &'static str,
) -> impl FnOnce(E) -> Error {
    move |source| Error::Tls {
        what,
        source: Some(Box::new(source)),
    }
}
