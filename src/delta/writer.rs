//! Writes delta files.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use super::{Error, Header, Method, Part, PartKind};
use crate::digest::{Digest, Identity};
use crate::split::SplitPolicy;

/// A delta file that is being written. The header has the sizes of all parts, so the parts are kept in a file until the
/// last one is complete.
#[derive(Debug)]
pub struct DeltaWriter<'a, F> {
    header: Header,
    parts: &'a mut F,
    /// The size of all parts, in bytes. The file may be longer, because a part that is left out stays behind it.
    end: u64,
    level: u8,
}

/// A content to add.
pub struct PartContent<'a> {
    /// The kind of the content.
    pub kind: PartKind,
    /// Its size, in bytes.
    pub size: u64,
    /// Its bytes.
    pub bytes: &'a mut dyn Read,
    /// The old content and its bytes.
    pub base: Option<(Identity, &'a [u8])>,
}

impl<'a, F: Read + Write + Seek> DeltaWriter<'a, F> {
    /// Begins a delta file. `parts` is an empty file for the encoded parts.
    pub fn new(
        source: Digest,
        target: Digest,
        policy: Option<SplitPolicy>,
        level: u8,
        parts: &'a mut F,
    ) -> Self {
        let header = Header {
            source,
            target,
            policy,
            parts: Vec::new(),
        };
        Self {
            header,
            parts,
            end: 0,
            level,
        }
    }

    /// Adds a part, unless it would have `limit` bytes or more. Returns its size in bytes, or nothing if it was not
    /// added. It then stops to read the content at the limit.
    pub fn add(&mut self, content: PartContent<'_>, limit: u64) -> io::Result<Option<u64>> {
        let method = match content.base {
            Some(_) => Method::Prefix,
            None => Method::Whole,
        };
        self.parts.seek(SeekFrom::Start(self.end))?;
        let base = content.base.map_or(&[][..], |(_, bytes)| bytes);
        let mut output = LimitedWriter {
            output: BufWriter::new(&mut *self.parts),
            length: 0,
            limit,
        };
        let encoded = method.encode(base, content.bytes, content.size, self.level, &mut output);
        let length = output.length;
        if length >= limit {
            return Ok(None);
        }
        encoded?;
        output.flush()?;
        drop(output);
        self.end += length;
        self.header.parts.push(Part {
            kind: content.kind,
            method,
            size: content.size,
            base: content.base.map(|(base, _)| base),
            map: 0,
            length,
        });
        Ok(Some(length))
    }

    /// Returns the number of parts.
    pub fn len(&self) -> usize {
        self.header.parts.len()
    }

    /// Returns whether there are no parts.
    pub fn is_empty(&self) -> bool {
        self.header.parts.is_empty()
    }

    /// Writes header and parts. Returns the size of the file in bytes.
    pub fn finish(self, output: &mut dyn Write) -> Result<u64, Error> {
        let header = self.header.to_bytes();
        let mut write = || {
            self.parts.rewind()?;
            output.write_all(&header)?;
            io::copy(&mut self.parts.take(self.end), output)?;
            output.flush()?;
            Ok(header.len() as u64 + self.end)
        };
        write().map_err(|error| Error::File("writing the delta file", error))
    }
}

/// Fails when the limit is reached, which ends the encoder.
struct LimitedWriter<W> {
    output: W,
    /// The bytes so far, with those of the write that failed.
    length: u64,
    limit: u64,
}

impl<W: Write> Write for LimitedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len() as u64;
        if self.length >= self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.output.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
