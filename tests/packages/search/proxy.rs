//! Stands before a registry and writes down what it is asked, whatever the program under test says of itself.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes on all that comes, to read only: requests have no bodies.
pub(crate) struct Proxy {
    pub(crate) address: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn start(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (registry, log) = (registry.to_owned(), Arc::clone(&lines));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (registry, log) = (registry.clone(), Arc::clone(&log));
                // A client that goes away is no news.
                thread::spawn(move || client.and_then(|client| pass(client, &registry, &log)));
            }
        });
        Self { address, lines }
    }

    /// Every request since this was asked last, as `METHOD path` without the query, in order of the text.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.lines.lock().unwrap());
        lines.sort();
        lines
    }
}

fn pass(mut client: TcpStream, registry: &str, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut server = TcpStream::connect(registry)?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let copied = io::copy(&mut answers, &mut back);
        copied.and_then(|_| back.shutdown(Shutdown::Both))
    });
    let mut head = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return server.shutdown(Shutdown::Write);
        }
        for &byte in &buffer[..read] {
            head.push(byte);
            if head.ends_with(b"\r\n\r\n") {
                log.lock().unwrap().push(line(&head));
                head.clear();
            }
        }
        server.write_all(&buffer[..read])?;
    }
}

fn line(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    assert!(matches!(method, "GET" | "HEAD"), "{head}");
    let path = target.split('?').next().unwrap();
    format!("{method} {path}")
}
