//! A client of blobs over HTTP/1.1 that does as little as one can, so that what is measured is the server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use zstd_safe::{DCtx, InBuffer, OutBuffer};

/// How much is read at once.
const PIECE_BYTES: usize = 128 * 1024;

/// How a blob is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobForm {
    /// As it is.
    Plain,
    /// With `Accept-Encoding: zstd`; the time ends with the last byte as it is sent.
    Zstd,
    /// The same, decoded while it comes.
    Decoded,
}

/// How long a blob took, in seconds from before the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TransferTimes {
    /// To the first byte of the body.
    pub(crate) first: f64,
    /// To the last one.
    pub(crate) last: f64,
    /// Bytes of the body as it was sent.
    pub(crate) sent: usize,
}

/// Gets a blob into memory that was there before, and returns whether it is the one expected. `link` is how much is taken
/// at most, in MB/s.
pub(crate) fn blob(
    (host, path): (&str, &str),
    (wanted, link): (BlobForm, Option<f64>),
    expected: &[u8],
    memory: &mut Vec<u8>,
) -> io::Result<(TransferTimes, bool)> {
    // Nothing is left of the last one, and no page is new to this process.
    memory.resize(expected.len(), 0);
    memory.fill(0);
    let encoding = match wanted {
        BlobForm::Plain => "",
        BlobForm::Zstd | BlobForm::Decoded => "Accept-Encoding: zstd\r\n",
    };
    let mut frames = Frames::new(memory);
    let begin = Instant::now();
    let mut body = get(host, path, encoding)?;
    if body.is_zstd != (wanted != BlobForm::Plain) {
        return Err(io::Error::other("not the encoding that was asked for"));
    }
    let mut took = TransferTimes {
        first: 0.0,
        last: 0.0,
        sent: 0,
    };
    let mut kept = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match wanted {
            BlobForm::Plain => body.read(frames.room())?,
            BlobForm::Zstd | BlobForm::Decoded => body.read(&mut piece)?,
        };
        if took.sent == 0 {
            took.first = begin.elapsed().as_secs_f64();
        }
        if read == 0 {
            break;
        }
        took.sent += read;
        if let Some(link) = link {
            let due = Duration::from_secs_f64(took.sent as f64 / (link * 1e6));
            thread::sleep(due.saturating_sub(begin.elapsed()));
        }
        match wanted {
            BlobForm::Plain => frames.filled += read,
            BlobForm::Zstd => kept.extend(&piece[..read]),
            BlobForm::Decoded => frames.decode(&piece[..read])?,
        }
    }
    took.last = begin.elapsed().as_secs_f64();
    frames.decode(&kept)?;
    let is_whole = frames.filled == expected.len() && body.is_over();
    Ok((took, is_whole && memory == expected))
}

/// Gets something small.
pub(crate) fn text(host: &str, path: &str, headers: &str) -> io::Result<String> {
    let mut body = get(host, path, headers)?;
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match body.read(&mut piece)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            read => text.extend(&piece[..read]),
        }
    }
}

/// What is still to come of a body.
enum RemainingBody {
    Bytes(u64),
    /// So much of a chunk, and then further ones.
    Chunk(u64),
    Nothing,
}

struct Body {
    stream: BufReader<TcpStream>,
    left: RemainingBody,
    is_zstd: bool,
}

fn get(host: &str, path: &str, headers: &str) -> io::Result<Body> {
    let mut stream = TcpStream::connect(host)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut stream = BufReader::with_capacity(PIECE_BYTES, stream);
    let status = line(&mut stream)?;
    if !status.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(format!("{path}: {status}")));
    }
    let mut body = Body {
        stream,
        left: RemainingBody::Nothing,
        is_zstd: false,
    };
    loop {
        let header = line(&mut body.stream)?.to_ascii_lowercase();
        match header.split_once(": ") {
            None => return Ok(body),
            Some(("content-length", length)) => {
                body.left = RemainingBody::Bytes(length.parse().map_err(io::Error::other)?);
            }
            Some(("transfer-encoding", "chunked")) => body.left = RemainingBody::Chunk(0),
            Some(("content-encoding", encoding)) => body.is_zstd = encoding == "zstd",
            Some(_) => {}
        }
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

impl Body {
    /// Whether all of it came.
    fn is_over(&self) -> bool {
        matches!(self.left, RemainingBody::Nothing | RemainingBody::Bytes(0))
    }

    /// Reads some of it; nothing at its end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let RemainingBody::Chunk(0) = self.left {
            let size = line(&mut self.stream)?;
            let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
            self.left = match size {
                0 => RemainingBody::Nothing,
                size => RemainingBody::Chunk(size),
            };
        }
        let (RemainingBody::Bytes(left) | RemainingBody::Chunk(left)) = &mut self.left else {
            return Ok(0);
        };
        let most = buffer
            .len()
            .min(usize::try_from(*left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = self.stream.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= read as u64;
        if let RemainingBody::Chunk(0) = self.left {
            line(&mut self.stream)?;
        }
        Ok(read)
    }
}

/// What frames hold, one after the other, put where there is room for it.
struct Frames<'a> {
    context: DCtx<'static>,
    content: &'a mut Vec<u8>,
    filled: usize,
}

impl<'a> Frames<'a> {
    fn new(content: &'a mut Vec<u8>) -> Self {
        Self {
            context: DCtx::create(),
            content,
            filled: 0,
        }
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.content[self.filled..]
    }

    fn decode(&mut self, stored: &[u8]) -> io::Result<()> {
        let mut input = InBuffer::around(stored);
        while input.pos() < stored.len() {
            let (before, filled) = (input.pos(), self.filled);
            let mut output = OutBuffer::around(&mut self.content[filled..]);
            let step = self.context.decompress_stream(&mut output, &mut input);
            step.map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))?;
            self.filled += output.pos();
            if input.pos() == before && self.filled == filled {
                return Err(io::Error::other("more than the content"));
            }
        }
        Ok(())
    }
}
