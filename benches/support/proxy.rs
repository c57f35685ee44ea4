//! A proxy that counts bytes and requests.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Listens for as long as the process lives.
#[derive(Debug)]
pub struct Proxy {
    /// `127.0.0.1:PORT`.
    pub host: String,
    counters: Arc<Counters>,
}

/// The transfers of some commands, headers included.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// Bytes to the server.
    pub sent: u64,
    /// Bytes from the server.
    pub received: u64,
    /// Requests over HTTP/1.1, if none has a body.
    pub requests: u64,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
    requests: AtomicU64,
}

impl Proxy {
    /// Starts a proxy in front of the server at this address.
    pub fn start(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Self {
            host: listener.local_addr()?.to_string(),
            counters: Arc::default(),
        };
        let server = server.to_owned();
        let counters = Arc::clone(&proxy.counters);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // If the server refuses, the client sees its connection close.
                let _refused = join(client, &server, &counters);
            }
        });
        Ok(proxy)
    }

    /// Returns the traffic since the last call.
    pub fn take(&self) -> Traffic {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::SeqCst);
        Traffic {
            sent: take(&self.counters.sent),
            received: take(&self.counters.received),
            requests: take(&self.counters.requests),
        }
    }
}

fn join(client: TcpStream, server: &str, counters: &Arc<Counters>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    let back = (server.try_clone()?, client.try_clone()?);
    let [sent, received] = [(); 2].map(|()| Arc::clone(counters));
    thread::spawn(move || {
        let mut heads = Heads::default();
        copy(client, server, |bytes| {
            sent.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            sent.requests.fetch_add(heads.ends(bytes), Ordering::SeqCst);
        });
    });
    thread::spawn(move || {
        copy(back.0, back.1, |bytes| {
            let length = bytes.len() as u64;
            received.received.fetch_add(length, Ordering::SeqCst);
        });
    });
    Ok(())
}

/// Counts the empty lines that end the heads of requests, also if they arrive in pieces.
#[derive(Debug, Default)]
struct Heads {
    /// How many bytes of the end the last bytes were.
    matched: usize,
}

impl Heads {
    const END: [u8; 4] = *b"\r\n\r\n";

    fn ends(&mut self, bytes: &[u8]) -> u64 {
        let mut ends = 0;
        for &byte in bytes {
            self.matched = match byte {
                _ if byte == Self::END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == Self::END.len() {
                self.matched = 0;
                ends += 1;
            }
        }
        ends
    }
}

/// Copies a stream and counts bytes before they leave, so that no client has an answer that is not counted.
fn copy(mut from: TcpStream, mut to: TcpStream, mut count: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        count(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The other side may have closed first.
    let _gone = to.shutdown(Shutdown::Write);
    let _gone = from.shutdown(Shutdown::Read);
}
