//! The frames of a stored layer. A layer with more than 8 MiB of content is consecutive frames.
//!
//! Spec: RFC 8878, sections 3.1.1 and 3.1.1.2, and `docs/FORMAT.md`, section 7.

use std::io;
use std::iter;
use std::ops::Range;

use super::{Encoding, FrameError, declared_size};
use crate::source::{RangesReader, Source};

/// The maximum content of a frame, in bytes. Only the last frame of a layer has less.
pub const MAX_FRAME_CONTENT: u64 = 8 * 1024 * 1024;

/// An upper bound of a frame header's size.
pub(super) const MAX_HEADER_BYTES: usize = 18;

/// Returns the ranges of a content that its frames hold. A content of up to 8 MiB is one frame.
pub(super) fn content_ranges(size: u64) -> impl Iterator<Item = Range<u64>> {
    (0..count(size)).map(move |index| {
        let start = index * MAX_FRAME_CONTENT;
        start..start.saturating_add(MAX_FRAME_CONTENT).min(size)
    })
}

fn count(size: u64) -> u64 {
    size.div_ceil(MAX_FRAME_CONTENT).max(1)
}

/// The stored size of each frame of a layer, in bytes. Empty for a layer in one frame and for a raw layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frames(Vec<u64>);

/// A part of a content, and the bytes of the blob that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// The range of the content.
    pub content: Range<u64>,
    /// The range of the blob.
    pub stored: Range<u64>,
}

impl Frames {
    /// Returns the frames of a layer that an encoder wrote.
    pub(super) fn encoded(sizes: Vec<u64>) -> Self {
        Self(match sizes.len() {
            1 => Vec::new(),
            _ => sizes,
        })
    }

    /// Checks a list of stored sizes. Returns nothing unless it describes at least two frames that together hold
    /// `content` bytes in a blob of `stored` bytes.
    pub fn checked(sizes: Vec<u64>, content: u64, stored: u64) -> Option<Self> {
        let count = u64::try_from(sizes.len()).ok()?;
        let sum = sizes
            .iter()
            .try_fold(0, |sum: u64, size| sum.checked_add(*size));
        let is_right = count >= 2 && count == self::count(content) && sum == Some(stored);
        (is_right && !sizes.contains(&0)).then_some(Self(sizes))
    }

    /// Reads the frames of a blob that holds `content` bytes.
    pub fn of_blob(
        blob: &(impl Source + ?Sized),
        encoding: Encoding,
        content: u64,
    ) -> io::Result<Self> {
        if encoding == Encoding::Raw || content <= MAX_FRAME_CONTENT {
            return Ok(Self::default());
        }
        let mut expected = content_ranges(content).map(|range| range.end - range.start);
        let mut sizes = Vec::new();
        for frame in FrameWalk::new(blob)? {
            let FrameSize {
                stored,
                content: found,
            } = frame?;
            if sizes.is_empty() && found.is_none_or(|found| found == content) {
                expected.by_ref().for_each(drop);
            } else {
                let index = sizes.len() as u64;
                let expected = expected.next().ok_or(FrameError::Trailing)?;
                check_frame(index, expected, found)?;
            }
            sizes.push(stored);
        }
        match expected.next() {
            None => Ok(Self::encoded(sizes)),
            Some(_) => Err(FrameError::Truncated {
                expected: content,
                found: sizes.len() as u64 * MAX_FRAME_CONTENT,
            }
            .into()),
        }
    }

    /// Returns the stored sizes, in order. There are none for a layer in one frame and for a raw layer.
    pub fn sizes(&self) -> &[u64] {
        &self.0
    }

    /// Returns the number of frames that hold a range of the content.
    pub fn count_in(range: &Range<u64>) -> u64 {
        range.end.div_ceil(MAX_FRAME_CONTENT) - range.start / MAX_FRAME_CONTENT
    }

    /// Returns the frames that hold a range of a content with `size` bytes. The layer has several frames.
    pub fn part(&self, range: &Range<u64>, size: u64) -> StoredPart {
        let first = range.start / MAX_FRAME_CONTENT;
        let end = first + Self::count_in(range);
        let at = |index: u64| {
            let before = usize::try_from(index).unwrap_or(usize::MAX);
            self.0.iter().take(before).sum()
        };
        StoredPart {
            content: first * MAX_FRAME_CONTENT..end.saturating_mul(MAX_FRAME_CONTENT).min(size),
            stored: at(first)..at(end),
        }
    }
}

/// Checks the content size that a frame of several declares. Frames count from 0.
pub(super) fn check_frame(index: u64, expected: u64, found: Option<u64>) -> Result<(), FrameError> {
    match found == Some(expected) {
        true => Ok(()),
        false => Err(FrameError::Uneven {
            index,
            expected,
            found,
        }),
    }
}

/// The size of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSize {
    /// The number of stored bytes.
    pub stored: u64,
    /// The number of content bytes that the header declares, if it does.
    pub content: Option<u64>,
}

/// Finds the frames of a blob from their headers and the headers of their blocks. Decodes nothing, and needs little
/// memory. An error is a [`FrameError`], or comes from the source; the walk then ends.
pub struct FrameWalk<'a, S: ?Sized> {
    blob: &'a S,
    at: u64,
    size: u64,
    /// The last bytes read, and their offset in the blob. Small blocks share one read.
    read: Vec<u8>,
    read_at: u64,
}

/// The number of bytes that are read at a time. Most blocks are larger, so more would be read in vain.
const READ_BYTES: u64 = 4096;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BLOCK_HEADER_BYTES: u64 = 3;

impl<'a, S: Source + ?Sized> FrameWalk<'a, S> {
    /// Returns a walk from the start of a blob.
    pub fn new(blob: &'a S) -> io::Result<Self> {
        let size = blob.size()?;
        let (read, read_at) = (Vec::new(), 0);
        Ok(Self {
            blob,
            at: 0,
            size,
            read,
            read_at,
        })
    }

    fn frame(&mut self) -> io::Result<FrameSize> {
        let header = self.header()?;
        let content = declared_size(header.bytes())?;
        let mut at = self.at + header.length;
        loop {
            let block = self.bytes::<{ BLOCK_HEADER_BYTES as usize }>(at)?;
            let block = u32::from_le_bytes([block[0], block[1], block[2], 0]);
            let size = match (block >> 1) & 0b11 {
                0 | 2 => u64::from(block >> 3),
                // The block is one byte, to be repeated.
                1 => 1,
                _ => return Err(FrameError::Zstd("Data corruption detected").into()),
            };
            at += BLOCK_HEADER_BYTES + size;
            if block & 1 == 1 {
                break;
            }
        }
        at += header.checksum;
        match at <= self.size {
            true => Ok(FrameSize {
                stored: at - self.at,
                content,
            }),
            false => Err(cut_off()),
        }
    }

    fn header(&mut self) -> io::Result<Header> {
        let mut header = Header {
            start: [0; MAX_HEADER_BYTES],
            length: 0,
            checksum: 0,
        };
        let available = (self.size - self.at).min(MAX_HEADER_BYTES as u64);
        self.read_into(self.at, &mut header.start[..available as usize])?;
        if header.start[..4] != MAGIC {
            return Err(FrameError::Zstd("Unknown frame descriptor").into());
        }
        let descriptor = header.start[4];
        let is_single_segment = descriptor & 0b10_0000 != 0;
        let window = u64::from(!is_single_segment);
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
        let content = match descriptor >> 6 {
            0 => u64::from(is_single_segment),
            power => 1 << power,
        };
        header.length = 5 + window + dictionary + content;
        header.checksum = u64::from(descriptor & 0b100);
        match header.length <= available {
            true => Ok(header),
            false => Err(cut_off()),
        }
    }

    fn bytes<const BYTES: usize>(&mut self, at: u64) -> io::Result<[u8; BYTES]> {
        let mut bytes = [0; BYTES];
        match at + BYTES as u64 <= self.size {
            true => self.read_into(at, &mut bytes).map(|()| bytes),
            false => Err(cut_off()),
        }
    }

    /// Reads bytes that end before the blob does.
    fn read_into(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let is_read =
            self.read_at <= at && at + bytes.len() as u64 <= self.read_at + self.read.len() as u64;
        if !is_read {
            let end = self.size.min(at + READ_BYTES);
            self.read.resize((end - at) as usize, 0);
            self.read_at = at;
            let mut reader = RangesReader::new(self.blob, iter::once(at..end));
            io::Read::read_exact(&mut reader, &mut self.read)?;
        }
        let from = (at - self.read_at) as usize;
        bytes.copy_from_slice(&self.read[from..from + bytes.len()]);
        Ok(())
    }
}

/// The header of a frame, and its sizes in bytes.
struct Header {
    start: [u8; MAX_HEADER_BYTES],
    length: u64,
    /// The size of the checksum after the last block.
    checksum: u64,
}

impl Header {
    fn bytes(&self) -> &[u8] {
        &self.start[..self.length as usize]
    }
}

fn cut_off() -> io::Error {
    FrameError::CutOff.into()
}

impl<S: Source + ?Sized> Iterator for FrameWalk<'_, S> {
    type Item = io::Result<FrameSize>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.size {
            return None;
        }
        let frame = self.frame();
        self.at = match &frame {
            Ok(frame) => self.at + frame.stored,
            Err(_) => self.size,
        };
        Some(frame)
    }
}

#[cfg(test)]
mod tests;
