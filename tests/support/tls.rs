//! TLS before a registry of this process: it shows a certificate, and passes on what comes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// The answer of Go's servers to a client that does not speak TLS.
const EXPLANATION: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The first byte of a client that speaks TLS.
const HANDSHAKE: u8 = 0x16;

/// Returns the path of a certificate or a key.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/tls")
        .join(name)
}

/// A server that speaks TLS; it stops when this is dropped.
pub struct TlsServer {
    _runtime: Runtime,
    /// `localhost` and the port.
    pub host: String,
    plain: Arc<AtomicUsize>,
}

impl TlsServer {
    /// Starts a server with the certificate `NAME.crt` before the server at an address. To clients that do not speak
    /// TLS it says so if `explains`, and otherwise nothing.
    pub fn start(name: &str, address: String, explains: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = acceptor(name);
        let plain = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&plain);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, address) = (acceptor.clone(), address.clone());
                let (explains, counted) = (explains, Arc::clone(&counted));
                tokio::spawn(async move {
                    let mut first = [0];
                    let peeked = stream.peek(&mut first).await;
                    match peeked.is_ok() && first == [HANDSHAKE] {
                        true => drop(passed(stream, acceptor, address).await),
                        false => {
                            counted.fetch_add(1, Ordering::SeqCst);
                            refuse(stream, explains).await;
                        }
                    }
                });
            }
        });
        Self {
            _runtime: runtime,
            host,
            plain,
        }
    }

    /// Returns how many clients did not speak TLS.
    pub fn plain_connections(&self) -> usize {
        self.plain.load(Ordering::SeqCst)
    }
}

fn acceptor(name: &str) -> TlsAcceptor {
    let read = |end: &str| fs::read(file(&format!("{name}.{end}"))).unwrap();
    let certificate = CertificateDer::from_pem_slice(&read("crt")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn passed(stream: TcpStream, acceptor: TlsAcceptor, address: String) -> std::io::Result<()> {
    let mut client = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(address).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn refuse(mut stream: TcpStream, explains: bool) {
    if explains {
        let _read = stream.read(&mut [0; 4096]).await;
        let _gone = stream.write_all(EXPLANATION).await;
    }
}
