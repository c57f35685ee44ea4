//! TLS: the trusted certificates, and a check whether a port speaks it.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Url;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::store::Error;

/// How long a port may take to show that it speaks TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// This machine trusts no certificates at all.
#[derive(Debug, thiserror::Error)]
#[error("this system has no trusted certificates")]
pub(super) struct NoCertificates;

/// Returns a configuration that trusts the system's certificates and those in a PEM bundle. The system's are read when
/// they are first needed, so plain http needs none.
pub(super) fn config(bundle: &[u8]) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let trust = Trust {
        provider: Arc::clone(&provider),
        given: certificates(bundle)?,
        all: OnceLock::new(),
    };
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::settings(format!("TLS cannot be set up: {error}")))?;
    let builder = builder.dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(trust));
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(bundle: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    if bundle.is_empty() {
        return Ok(Vec::new());
    }
    let malformed = "the CA file has no certificate in PEM form, or contains a malformed one";
    let read = CertificateDer::pem_slice_iter(bundle).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|_| Error::settings(malformed))?;
    let mut roots = RootCertStore::empty();
    let are_usable = read.iter().all(|read| roots.add(read.clone()).is_ok());
    match are_usable && !read.is_empty() {
        true => Ok(read),
        false => Err(Error::settings(malformed)),
    }
}

/// The trusted certificates of the system and of the caller. Each is trusted as an issuer, and for its own host.
#[derive(Debug)]
struct Trust {
    provider: Arc<CryptoProvider>,
    given: Vec<CertificateDer<'static>>,
    all: OnceLock<Result<TrustedCertificates, rustls::Error>>,
}

#[derive(Debug)]
struct TrustedCertificates {
    certificates: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Trust {
    fn all(&self) -> Result<&TrustedCertificates, rustls::Error> {
        let all = self.all.get_or_init(|| {
            let mut certificates = rustls_native_certs::load_native_certs().certs;
            certificates.extend_from_slice(&self.given);
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.iter().cloned());
            let provider = Arc::clone(&self.provider);
            // The only failure here is that there are no certificates.
            let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
                .build()
                .map_err(|_| rustls::Error::Other(OtherError(Arc::new(NoCertificates))))?;
            Ok(TrustedCertificates {
                certificates,
                verifier,
            })
        });
        all.as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Trust {
    /// Accepts a trusted certificate for its own host even if it is marked as a CA's, as OpenSSL and Go do. `openssl
    /// req -x509` makes such certificates.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = self.all()?;
        let verified = all.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // rustls has no name for this error of a CA's certificate. webpki checks the validity period first.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if all.certificates.iter().any(|known| known == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Returns whether the port of a URL answers the start of a TLS handshake in TLS, with its own handshake or with an
/// alert.
pub(super) async fn answers(url: &Url, config: &Arc<ClientConfig>) -> bool {
    let answered = tokio::time::timeout(PROBE_TIMEOUT, probe(url, config)).await;
    matches!(answered, Ok(Ok([0x15 | 0x16, 3])))
}

/// Starts a handshake, and returns the first two bytes of the answer: the record type and the major version.
async fn probe(url: &Url, config: &Arc<ClientConfig>) -> io::Result<[u8; 2]> {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or_default();
    let mut stream = TcpStream::connect((host.as_str(), port)).await?;
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let mut client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    stream.write_all(&hello).await?;
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    Ok(head)
}
