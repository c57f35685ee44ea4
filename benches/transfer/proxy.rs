//! A proxy that counts what goes through it in each direction, headers included.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Listens for as long as the process lives.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
}

impl Proxy {
    /// Stands before the server at this address.
    pub(crate) fn start(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Self {
            host: listener.local_addr()?.to_string(),
            sent: Arc::default(),
            received: Arc::default(),
        };
        let server = server.to_owned();
        let (sent, received) = (Arc::clone(&proxy.sent), Arc::clone(&proxy.received));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client that finds nobody sees its connection close.
                let _refused = join(client, &server, &sent, &received);
            }
        });
        Ok(proxy)
    }

    /// Returns how many bytes went to the server and came from it since this was last asked.
    pub(crate) fn take(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::SeqCst);
        (take(&self.sent), take(&self.received))
    }
}

fn join(
    client: TcpStream,
    server: &str,
    sent: &Arc<AtomicU64>,
    received: &Arc<AtomicU64>,
) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    let back = (server.try_clone()?, client.try_clone()?);
    let (sent, received) = (Arc::clone(sent), Arc::clone(received));
    thread::spawn(move || copy(client, server, &sent));
    thread::spawn(move || copy(back.0, back.1, &received));
    Ok(())
}

/// Passes on what comes, counted first: when a client has its answer, it has been counted.
fn copy(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        counter.fetch_add(read as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The other side may have gone first.
    let _gone = to.shutdown(Shutdown::Write);
    let _gone = from.shutdown(Shutdown::Read);
}
