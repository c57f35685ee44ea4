//! A small window over a source, for reading headers.

use std::io;
use std::ops::Range;

use super::Error;
use crate::source::Source;

/// How much is read at once. Headers may be close together or far apart.
const WINDOW_BYTES: usize = 16 * 1024;

/// Reads single bytes and numbers at any offset. Close offsets share one read.
pub(super) struct Window<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a, S: Source + ?Sized> Window<'a, S> {
    pub(super) fn new(source: &'a S) -> Result<Self, Error> {
        let size = source
            .size()
            .map_err(|source| Error::Read { offset: 0, source })?;
        Ok(Self {
            source,
            size,
            start: 0,
            bytes: Vec::new(),
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the byte at `offset`, or nothing at the end.
    pub(super) fn byte(&mut self, offset: u64) -> Result<Option<u8>, Error> {
        if let Some(byte) = self.windowed(offset) {
            return Ok(Some(byte));
        }
        self.fill(offset)?;
        Ok(self.windowed(offset))
    }

    fn windowed(&self, offset: u64) -> Option<u8> {
        let index = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(index).copied()
    }

    fn fill(&mut self, offset: u64) -> Result<(), Error> {
        self.start = offset;
        self.bytes.resize(WINDOW_BYTES, 0);
        // A source may return fewer bytes, for example up to the end of a layer. The next ones may not be needed.
        let filled = loop {
            match self.source.read_at(offset, &mut self.bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                filled => break filled,
            }
        };
        self.bytes.truncate(*filled.as_ref().unwrap_or(&0));
        let failed = |source| Error::Read { offset, source };
        filled.map(drop).map_err(failed)
    }

    /// Returns the first bytes of a range, at most `limit`.
    pub(super) fn bytes(&mut self, range: Range<u64>, limit: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for offset in range.take(limit) {
            match self.byte(offset)? {
                Some(byte) => bytes.push(byte),
                None => break,
            }
        }
        Ok(bytes)
    }
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Halt {
    /// The bytes are invalid. The file is still stored as it is.
    Unreadable,
    Source(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Source(error)
    }
}

/// Returns nothing for invalid bytes. An error of the source stays an error.
pub(super) fn readable<T>(parsed: Result<T, Halt>) -> Result<Option<T>, Error> {
    match parsed {
        Ok(value) => Ok(Some(value)),
        Err(Halt::Unreadable) => Ok(None),
        Err(Halt::Source(error)) => Err(error),
    }
}

/// Reads forward through a range, and never past its end.
pub(super) struct Reader<'w, 'a, S: ?Sized> {
    window: &'w mut Window<'a, S>,
    at: u64,
    end: u64,
}

impl<'w, 'a, S: Source + ?Sized> Reader<'w, 'a, S> {
    pub(super) fn new(window: &'w mut Window<'a, S>, range: Range<u64>) -> Self {
        Self {
            window,
            at: range.start,
            end: range.end,
        }
    }

    /// Returns a reader of a range in the same window.
    pub(super) fn within(&mut self, range: Range<u64>) -> Reader<'_, 'a, S> {
        Reader::new(self.window, range)
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Returns the unread rest of the range.
    pub(super) fn rest(&self) -> Range<u64> {
        self.at..self.end
    }

    pub(super) fn byte(&mut self) -> Result<u8, Halt> {
        if self.at >= self.end {
            return Err(Halt::Unreadable);
        }
        let byte = self.window.byte(self.at)?.ok_or(Halt::Unreadable)?;
        self.at += 1;
        Ok(byte)
    }

    /// Returns the next byte without reading past it.
    pub(super) fn peek(&mut self) -> Result<u8, Halt> {
        let byte = self.byte()?;
        self.at -= 1;
        Ok(byte)
    }

    /// Reads an unsigned LEB128 number of at most 32 bits in at most 5 bytes. Padding is allowed.
    pub(super) fn u32(&mut self) -> Result<u32, Halt> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            if shift == 28 && byte & 0xf0 != 0 {
                return Err(Halt::Unreadable);
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Halt::Unreadable)
    }

    /// Skips an unsigned LEB128 number of at most `bits` bits.
    pub(super) fn skip_unsigned(&mut self, bits: u32) -> Result<(), Halt> {
        let last = self.last_byte(bits)?;
        match last.above(|byte, bits| i32::from(byte >> bits)) {
            0 => Ok(()),
            _ => Err(Halt::Unreadable),
        }
    }

    /// Skips a signed LEB128 number of at most `bits` bits. Returns whether it is negative.
    pub(super) fn skip_signed(&mut self, bits: u32) -> Result<bool, Halt> {
        let last = self.last_byte(bits)?;
        // The bits above the number's sign bit must repeat it.
        match last.above(|byte, bits| i32::from((byte << 1) as i8 >> bits)) {
            0 | -1 => Ok(last.byte & 0x40 != 0),
            _ => Err(Halt::Unreadable),
        }
    }

    fn last_byte(&mut self, mut bits: u32) -> Result<LastByte, Halt> {
        loop {
            let byte = self.byte()?;
            match (byte & 0x80, bits) {
                (0, bits) => return Ok(LastByte { byte, bits }),
                (_, ..=7) => return Err(Halt::Unreadable),
                _ => bits -= 7,
            }
        }
    }

    /// Reads a length and skips so many bytes. Returns their range.
    pub(super) fn vector(&mut self) -> Result<Range<u64>, Halt> {
        let length = u64::from(self.u32()?);
        if length > self.end - self.at {
            return Err(Halt::Unreadable);
        }
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    /// Returns the first bytes of a range, at most `limit`.
    pub(super) fn bytes(&mut self, range: Range<u64>, limit: usize) -> Result<Vec<u8>, Halt> {
        Ok(self.window.bytes(range, limit)?)
    }
}

/// The last byte of a LEB128 number.
struct LastByte {
    byte: u8,
    /// How many bits of the number this byte may hold. With seven or more, all bits of the byte count.
    bits: u32,
}

impl LastByte {
    /// Returns the result of `take` if the byte has bits that do not count. Otherwise it is 0.
    fn above(&self, take: fn(u8, u32) -> i32) -> i32 {
        match self.bits {
            ..7 => take(self.byte, self.bits),
            _ => 0,
        }
    }
}
