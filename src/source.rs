//! Random access to the bytes of a component, in memory or in a file.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

/// A source of bytes that several threads can read at any offset.
pub trait Source: Sync {
    /// Returns the size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads at `offset` into `buffer`. Returns the number of bytes read, which is 0 only at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.len());
        let read = buffer.len().min(self.len() - start);
        buffer[..read].copy_from_slice(&self[start..start + read]);
        Ok(read)
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buffer)
    }
}

impl Source for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.as_slice().read_at(offset, buffer)
    }
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, offset)
    }
}

/// Reads ranges of a source in a row, as one stream.
pub struct RangesReader<'a, S: ?Sized, I> {
    source: &'a S,
    ranges: I,
    current: Range<u64>,
}

impl<'a, S: Source + ?Sized, I: Iterator<Item = Range<u64>>> RangesReader<'a, S, I> {
    /// Returns a reader of `ranges` (half-open, from the start of the source) in the given order.
    pub fn new(source: &'a S, ranges: impl IntoIterator<IntoIter = I>) -> Self {
        Self {
            source,
            ranges: ranges.into_iter(),
            current: 0..0,
        }
    }
}

impl<S: Source + ?Sized, I: Iterator<Item = Range<u64>>> Read for RangesReader<'_, S, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.current.is_empty() {
            match self.ranges.next() {
                Some(range) => self.current = range,
                None => return Ok(0),
            }
        }
        let left = usize::try_from(self.current.end - self.current.start).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self
            .source
            .read_at(self.current.start, &mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.current.start += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_one_stream() {
        let source = b"0123456789".as_slice();
        let mut text = String::new();
        let mut reader = RangesReader::new(source, [1..3, 5..5, 8..10]);
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "1289");
    }

    #[test]
    fn a_source_that_ends_within_a_range_is_an_error() {
        let mut reader = RangesReader::new(b"0123".as_slice(), std::iter::once(2..6));
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
