//! A buffer over a source, for reading ranges.

use std::io;
use std::ops::Range;

use super::{Halt, MAX_SECTION_BYTES, Unread};
use crate::section::Error;
use crate::source::Source;

/// Holds the last read. The next range is often part of it.
pub(super) struct Pieces<'a, S: ?Sized> {
    source: &'a S,
    ahead: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a, S: Source + ?Sized> Pieces<'a, S> {
    /// Returns a buffer that reads at least `ahead` bytes at once, unless the source ends before.
    pub(super) fn new(source: &'a S, ahead: u64) -> Self {
        Self {
            source,
            ahead,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Returns the bytes of a range, which must lie in the source.
    pub(super) fn get(&mut self, range: Range<u64>) -> Result<&[u8], Error> {
        let held = self.start..self.start + self.bytes.len() as u64;
        if range.start < held.start || held.end < range.end {
            self.fill(&range)?;
        }
        // The range is now in the buffer, so both numbers fit.
        let at = (range.start - self.start) as usize;
        let length = (range.end - range.start) as usize;
        Ok(&self.bytes[at..at + length])
    }

    /// Returns a section's payload, unless it is too large.
    pub(super) fn section(&mut self, payload: Range<u64>) -> Result<&[u8], Halt> {
        match payload.end - payload.start > MAX_SECTION_BYTES {
            true => Err(Halt::Unread(Unread::Limit {
                offset: payload.start,
                what: "bytes in a section",
                most: MAX_SECTION_BYTES,
            })),
            false => Ok(self.get(payload)?),
        }
    }

    fn fill(&mut self, range: &Range<u64>) -> Result<(), Error> {
        let wanted = (range.end - range.start) as usize;
        self.start = range.start;
        self.bytes.resize(wanted.max(self.ahead as usize), 0);
        let mut filled = 0;
        while filled < self.bytes.len() {
            let offset = range.start + filled as u64;
            match self.source.read_at(offset, &mut self.bytes[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Read { offset, source }),
            }
        }
        self.bytes.truncate(filled);
        match filled < wanted {
            true => Err(Error::Read {
                offset: range.start + filled as u64,
                source: io::ErrorKind::UnexpectedEof.into(),
            }),
            false => Ok(()),
        }
    }
}
