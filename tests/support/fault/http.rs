//! As much of HTTP/1.1 as a registry needs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// How much of a body is read or written at a time, and counted.
pub(super) const PIECE: usize = 32 * 1024;

pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        parameters(&self.query, name).next()
    }
}

/// Returns every value of a name in a query or a form, decoded.
pub(super) fn parameters<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(move |(key, _)| *key == name)
        .map(|(_, value)| decode(value))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digit: Option<u8>| (digit.unwrap() as char).to_digit(16).unwrap() as u8;
        bytes.push(match byte {
            b'%' => hex(rest.next()) << 4 | hex(rest.next()),
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.take(64 * 1024).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Reads the head of the next request; nothing when the client is done.
pub(super) fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Head>> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    // A proxy is asked with scheme and host before the path.
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |path| &rest[path..]),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Some(Head {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
    }))
}

/// Reads a body, with a length or in chunks, piece by piece.
pub(super) fn read_body(
    reader: &mut BufReader<TcpStream>,
    head: &Head,
    mut piece: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut exactly = |reader: &mut BufReader<TcpStream>, mut left: u64| {
        let mut buffer = [0; PIECE];
        while left > 0 {
            let wanted = left.min(PIECE as u64) as usize;
            let read = reader.read(&mut buffer[..wanted])?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            piece(&buffer[..read]);
            left -= read as u64;
        }
        Ok(())
    };
    if head.header("transfer-encoding").is_none() {
        let length = head.header("content-length").unwrap_or("0");
        return exactly(reader, length.parse().map_err(io::Error::other)?);
    }
    loop {
        let size = u64::from_str_radix(&line(reader)?, 16).map_err(io::Error::other)?;
        exactly(reader, size)?;
        line(reader)?;
        if size == 0 {
            return Ok(());
        }
    }
}

#[derive(Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
    /// Whether the body is (part of) a blob, for the count.
    pub(super) is_blob: bool,
    /// Whether the connection closes without the rest of the body, after so many bytes.
    pub(super) cut: Option<usize>,
    pub(super) no_length: bool,
    pub(super) endless: bool,
    /// Where the body stops until the client goes away.
    pub(super) stalls_at: Option<usize>,
}

#[derive(Default)]
pub(super) struct Body {
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) start: usize,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// An error as the specification has it.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
        Self::new(status).body(body.into_bytes())
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(self, bytes: Vec<u8>) -> Self {
        self.part(Arc::new(bytes), 0)
    }

    pub(super) fn part(mut self, bytes: Arc<Vec<u8>>, start: usize) -> Self {
        self.body = Body { bytes, start };
        self
    }

    /// Writes the answer; returns whether the connection stays open.
    pub(super) fn write(
        self,
        stream: &mut TcpStream,
        head_only: bool,
        count: impl Fn(u64),
    ) -> io::Result<bool> {
        let body = &self.body.bytes[self.body.start..];
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let unbounded = self.no_length || self.endless;
        if unbounded {
            head.push_str("connection: close\r\n");
        } else {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        if head_only {
            return Ok(true);
        }
        if self.endless {
            // Until the client goes away.
            loop {
                stream.write_all(&[0; PIECE])?;
            }
        }
        if let Some(end) = self.stalls_at {
            stream.write_all(&body[..end])?;
            // Returns when the client closes the connection.
            stream.read_exact(&mut [0])?;
        }
        let end = self.cut.unwrap_or(body.len()).min(body.len());
        for piece in body[..end].chunks(PIECE) {
            stream.write_all(piece)?;
            if self.is_blob {
                count(piece.len() as u64);
            }
        }
        stream.flush()?;
        Ok(self.cut.is_none() && !unbounded)
    }
}
