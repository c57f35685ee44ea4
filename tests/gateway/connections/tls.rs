//! TLS with a certificate that the test trusts.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wharf::gateway::server::{Error, Tls};

use super::client::{Http1Client, Http2Client, collected};
use super::server::{Server, Stub, broken_off, pieces, short, streamed};

pub(crate) fn file(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls");
    fs::read(directory.join(name)).unwrap()
}

pub(crate) fn tls() -> Tls {
    Tls::from_pem(&file("server.crt"), &file("server.key")).unwrap()
}

async fn server() -> Server {
    let stub = Stub::new(|ask| match ask.uri.path() {
        "/broken" => streamed(None, pieces(vec![Ok("first".into()), Err(broken_off())])),
        path => short(path),
    });
    Server::start_with(stub, |settings| settings.tls = Some(tls())).await
}

/// Connects as one who speaks only this protocol.
async fn connect(server: &Server, protocol: &str) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    over(stream, protocol).await
}

/// Begins TLS on a connection.
pub(crate) async fn over(stream: TcpStream, protocol: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(&file("server.crt")).unwrap();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await.unwrap();
    let chosen = stream.get_ref().1.alpn_protocol();
    assert_eq!(chosen, Some(protocol.as_bytes()));
    stream
}

#[tokio::test]
async fn both_versions_are_offered() {
    let mut server = server().await;
    let mut client = Http1Client::over(connect(&server, "http/1.1").await);
    for path in ["/first", "/second"] {
        assert_eq!(client.get(path).await.text(), path);
    }
    let mut client = Http2Client::over(connect(&server, "h2").await).await;
    assert_eq!(client.get("/third").await, "/third");
    server.stop();
    client.closed().await;
    server.end().await.0.unwrap();
}

#[tokio::test]
async fn a_broken_body_is_aborted_over_tls() {
    let server = server().await;
    let mut client = Http1Client::over(connect(&server, "http/1.1").await);
    client.send("GET /broken HTTP/1.0\r\n\r\n").await;
    client.rest().await.1.unwrap_err();
    let mut client = Http2Client::over(connect(&server, "h2").await).await;
    let answer = client.ask("GET", "/broken").await;
    collected(answer.into_body()).await.1.unwrap_err();
}

#[tokio::test]
async fn connections_without_tls_are_logged() {
    let mut server = server().await;
    // Who only looks whether there is something is not.
    let mut looking = TcpStream::connect(server.address).await.unwrap();
    looking.shutdown().await.unwrap();
    Http1Client::over(looking).closed().await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("GET", "/first").await;
    let line = server.line().await;
    assert!(line.contains("the TLS handshake failed"), "{line}");
    assert!(!line.contains("eof"), "{line}");
    assert_eq!(server.stub.asked().len(), 0);
    let metrics = Arc::clone(&server.metrics);
    server.stop();
    assert_eq!(server.end().await.1, Vec::<String>::new());
    let text = metrics.render();
    assert!(
        text.contains("wharf_gateway_errors_total{kind=\"tls\"} 1\n"),
        "{text}"
    );
}

#[tokio::test]
async fn silent_tls_clients_are_disconnected() {
    let stub = Stub::new(|_| short("whole"));
    let mut server = Server::start_with(stub, |settings| {
        settings.tls = Some(tls());
        settings.idle_timeout = Duration::from_millis(50);
    })
    .await;
    Http1Client::connect(server.address).await.closed().await;
    assert!(server.line().await.contains("the TLS handshake failed"));
}

#[test]
fn bad_files_are_refused() {
    let (certificate, key) = (file("server.crt"), file("server.key"));
    let refused = |certificate: &[u8], key: &[u8]| match Tls::from_pem(certificate, key) {
        Err(Error::Tls { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    for (certificate, key, expected) in [
        (&key, &key, "the certificate file has no certificate"),
        (
            &certificate,
            &certificate,
            "the certificate's key cannot be read",
        ),
        (
            &certificate[..100].to_vec(),
            &key,
            "the certificate is not PEM",
        ),
    ] {
        assert_eq!(refused(certificate, key), expected);
    }
}
