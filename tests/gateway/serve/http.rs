//! One request over one connection, read as far as a test likes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use wharf::digest::Digest;

/// Nobody waits longer for the next byte.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer whose body is not read yet.
pub(crate) struct Answering {
    stream: BufReader<TcpStream>,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    bodiless: bool,
}

/// An answer with its body.
#[derive(Debug)]
pub(crate) struct WholeAnswer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// What came, all of it or not.
    pub(crate) body: Vec<u8>,
    /// Whether that is as much as was announced.
    pub(crate) whole: bool,
}

/// Asks and waits for the head of the answer.
pub(crate) fn ask(host: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Answering {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let status = first.strip_prefix("HTTP/1.1 ").unwrap_or_default();
    let status = status.get(..3).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{method} {path}: {first:?}"));
    let mut headers = Vec::new();
    while let Some((name, value)) = line().split_once(": ") {
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    Answering {
        stream,
        status,
        headers,
        bodiless: method == "HEAD",
    }
}

/// As most clients ask: for whatever there is.
pub(crate) fn get(host: &str, path: &str) -> WholeAnswer {
    ask(host, "GET", path, &[("Accept", "*/*")]).whole()
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let found = headers.iter().find(|(other, _)| other == name);
    found.map_or("", |(_, value)| value)
}

impl Answering {
    /// A header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }

    /// The next bytes of a body that has a length.
    pub(crate) fn next(&mut self, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        self.stream.read_exact(&mut read).unwrap();
        read
    }

    /// Reads the rest of the body, which may be cut short.
    pub(crate) fn rest(mut self, read: u64) -> WholeAnswer {
        let mut body = Vec::new();
        let whole = match self.header("content-length").parse::<u64>() {
            _ if self.bodiless => true,
            Ok(length) => {
                let mut rest = (&mut self.stream).take(length - read);
                let ended = rest.read_to_end(&mut body);
                ended.is_ok() && body.len() as u64 + read == length
            }
            Err(_) => chunks(&mut self.stream, &mut body).is_ok(),
        };
        WholeAnswer {
            status: self.status,
            headers: self.headers,
            body,
            whole,
        }
    }

    pub(crate) fn whole(self) -> WholeAnswer {
        self.rest(0)
    }
}

/// Reads a body that comes in chunks.
fn chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        let before = body.len() as u64;
        (&mut *stream).take(size).read_to_end(body)?;
        if body.len() as u64 != before + size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        stream.read_line(&mut line)?;
        if size == 0 {
            return Ok(());
        }
    }
}

impl WholeAnswer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.status, status, "{:?} {}", self.headers, text());
        self
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }

    /// These bytes and no others, under their digest.
    #[track_caller]
    pub(crate) fn is_all_of(&self, bytes: &[u8]) {
        assert_eq!(self.status, 200);
        let digest = Digest::of(bytes).to_string();
        assert_eq!(self.header("docker-content-digest"), digest);
        assert!(self.whole && self.body == bytes, "other bytes");
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of the specification's error.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let code = &self.json()["errors"][0]["code"];
        code.as_str().unwrap().to_owned()
    }
}
