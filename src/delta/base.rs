//! The base of a part, which methods read where they seek.

use std::io;

use crate::source::Source;

/// The size of a window, and of the first one after a seek, in bytes.
const WINDOW_BYTES: usize = 16 * 1024;
const SEEK_BYTES: usize = 512;

/// The base of a part.
#[derive(Clone, Copy)]
pub enum Base<'a> {
    /// A base of at most [`MAX_BASE_BYTES`](super::MAX_BASE_BYTES), or the empty one of a part without a base.
    Memory(&'a [u8]),
    /// A larger base.
    File(&'a dyn Source),
}

impl<'a> Base<'a> {
    /// Returns the bytes that are in memory, which are none for a file.
    pub(super) fn memory(self) -> &'a [u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::File(_) => &[],
        }
    }

    /// Returns the size in bytes.
    pub(super) fn size(self) -> io::Result<u64> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => file.size(),
        }
    }
}

/// Bytes of a base around the current offset.
pub(super) struct BaseWindow<'a> {
    base: Base<'a>,
    size: u64,
    /// The offset of the window.
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> BaseWindow<'a> {
    pub(super) fn new(base: Base<'a>) -> io::Result<Self> {
        let size = base.size()?;
        Ok(Self {
            base,
            size,
            start: 0,
            bytes: Vec::new(),
        })
    }

    /// Returns the size of the base in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns bytes from `offset` on: at least `count`, or all up to the end of the base.
    pub(super) fn get(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        if let Base::Memory(bytes) = self.base {
            return Ok(&bytes[(offset.min(self.size)) as usize..]);
        }
        let end = self.size.min(offset.saturating_add(count as u64));
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            // After a seek, little is read.
            let next = self.start + self.bytes.len() as u64;
            let is_sequential = (self.start..=next).contains(&offset);
            let least = if is_sequential {
                WINDOW_BYTES
            } else {
                SEEK_BYTES
            };
            self.fill(offset, count.max(least))?;
        }
        Ok(&self.bytes[(offset - self.start) as usize..])
    }

    fn fill(&mut self, offset: u64, count: usize) -> io::Result<()> {
        let Base::File(file) = self.base else {
            return Ok(());
        };
        let offset = offset.min(self.size);
        let count = (self.size - offset).min(count as u64) as usize;
        self.start = offset;
        self.bytes.resize(count, 0);
        let mut read = 0;
        while read < count {
            match file.read_at(offset + read as u64, &mut self.bytes[read..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => read += more,
            }
        }
        Ok(())
    }
}
