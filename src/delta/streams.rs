//! The streams of a part: lists of numbers and bytes, each in a zstd frame of its own or all in one.

use std::io::{self, Read as _};

use zstd_safe::{CCtx, CParameter, DCtx, DParameter, SafeResult};

use super::numbers::{push, read, size};
use super::part_error;
use crate::encoding::FrameError;

/// The level of the frames. The streams are small, so the best one is fast enough.
const LEVEL: i32 = 19;

/// The maximum size of all streams of a part without its literals, in bytes. Readers have them in memory.
const MAX_STREAM_BYTES: u64 = 16 * 1024 * 1024;

/// Serialises streams. Returns the bytes, and the size of each stream in a frame of its own.
pub(super) fn pack(streams: &[&[u8]]) -> Option<(Vec<u8>, Vec<u64>)> {
    let total: usize = streams.iter().map(|stream| stream.len()).sum();
    if total as u64 > MAX_STREAM_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    for stream in streams {
        push(&mut bytes, stream.len() as u64);
    }
    let separate: Vec<Vec<u8>> = streams.iter().map(|stream| compress(stream)).collect();
    let sizes = separate.iter().map(|stored| stored.len() as u64).collect();
    let joined = compress(&streams.concat());
    let lengths = separate
        .iter()
        .map(|stored| stored.len() + size(stored.len() as u64));
    let is_joined = !joined.is_empty() && joined.len() < lengths.sum();
    bytes.push(u8::from(is_joined));
    let frames = match is_joined {
        true => vec![joined],
        false => separate,
    };
    for frame in frames.iter().filter(|frame| !frame.is_empty()) {
        push(&mut bytes, frame.len() as u64);
    }
    bytes.extend_from_slice(&frames.concat());
    Some((bytes, sizes))
}

/// Compresses a stream. The bytes stay as they are if a frame is not smaller.
fn compress(stream: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(stream.len()));
    let compressed = (|| {
        let mut encoder = CCtx::try_create().ok_or(())?;
        let level = CParameter::CompressionLevel(LEVEL);
        encoder.set_parameter(level).map_err(drop)?;
        encoder.compress2(&mut frame, stream).map_err(drop)
    })();
    match compressed.is_ok() && frame.len() < stream.len() {
        true => frame,
        false => stream.to_vec(),
    }
}

/// The largest window of a frame, as a power of two: 16 MiB.
const WINDOW_LOG: u32 = 24;

/// Streams in memory.
#[derive(Debug)]
pub(super) struct Streams {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Streams {
    /// Reads `count` streams.
    pub(super) fn read(count: usize, stored: &mut dyn io::Read) -> io::Result<Self> {
        let sizes: Vec<u64> = (0..count)
            .map(|_| read_number(stored))
            .collect::<Result<_, _>>()?;
        let total = sizes
            .iter()
            .try_fold(0u64, |sum, &size| sum.checked_add(size));
        let total = total.filter(|&total| total <= MAX_STREAM_BYTES);
        let total = total.ok_or_else(|| part_error("its streams have more than 16 MiB"))? as usize;
        let frames: Vec<usize> = match read_number(stored)? {
            0 => sizes.iter().map(|&size| size as usize).collect(),
            1 => vec![total],
            _ => return Err(part_error("the arrangement of its streams is unknown")),
        };
        let is_stored = |size: &&usize| **size > 0;
        let lengths = frames.iter().filter(is_stored).map(|_| read_number(stored));
        let lengths: Vec<u64> = lengths.collect::<Result<_, _>>()?;
        let mut bytes = Vec::new();
        for (&size, length) in frames.iter().filter(is_stored).zip(lengths) {
            if length > size as u64 {
                return Err(part_error("a stream is stored in more bytes than it has"));
            }
            let mut frame = Vec::new();
            (&mut *stored).take(length).read_to_end(&mut frame)?;
            if frame.len() as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match frame.len() == size {
                true => bytes.extend_from_slice(&frame),
                false => decompress(&frame, size, &mut bytes)?,
            }
        }
        let mut end = 0;
        let ends = sizes.iter().map(|&size| {
            end += size as usize;
            end
        });
        Ok(Self {
            ends: ends.collect(),
            bytes,
        })
    }

    /// Returns a stream.
    pub(super) fn stream(&self, index: usize) -> Stream<'_> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Stream {
            bytes: &self.bytes[..self.ends[index]],
            at: start,
        }
    }
}

/// Appends the content of one frame, which has exactly `size` bytes.
fn decompress(frame: &[u8], size: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut decoder = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
    let zstd = |result: SafeResult| {
        result.map_err(|code| io::Error::from(FrameError::Zstd(zstd_safe::get_error_name(code))))
    };
    zstd(decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)))?;
    if zstd(zstd_safe::find_frame_compressed_size(frame))? != frame.len() {
        return Err(FrameError::Trailing.into());
    }
    let start = bytes.len();
    bytes.resize(start + size, 0);
    match zstd(decoder.decompress(&mut bytes[start..], frame))? == size {
        true => Ok(()),
        false => Err(part_error("a stream has another size")),
    }
}

/// A stream, and how far it has been read.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Stream<'_> {
    /// Returns the next number, or nothing at the end of the stream.
    #[inline]
    pub(super) fn next(&mut self) -> io::Result<Option<u64>> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        read(self.bytes, &mut self.at)
            .map(Some)
            .ok_or_else(|| part_error("a number in a stream is malformed"))
    }

    /// Returns the next number. The end of the stream is an error.
    #[inline]
    pub(super) fn number(&mut self) -> io::Result<u64> {
        self.next()?
            .ok_or_else(|| part_error("a stream ends early"))
    }

    /// Returns the next byte. The end of the stream is an error.
    #[inline]
    pub(super) fn byte(&mut self) -> io::Result<u8> {
        let byte = self
            .bytes
            .get(self.at)
            .ok_or_else(|| part_error("a stream ends early"))?;
        self.at += 1;
        Ok(*byte)
    }

    /// Checks that the stream is at its end.
    pub(super) fn finish(&self) -> io::Result<()> {
        match self.at == self.bytes.len() {
            true => Ok(()),
            false => Err(part_error("a stream is longer than needed")),
        }
    }
}

/// Reads one number.
pub(super) fn read_number(stored: &mut dyn io::Read) -> io::Result<u64> {
    let mut bytes = [0; 10];
    for size in 1..=bytes.len() {
        stored.read_exact(&mut bytes[size - 1..size])?;
        if bytes[size - 1] < 0x80 {
            let number = read(&bytes[..size], &mut 0);
            return number.ok_or_else(|| part_error("a number has more than 64 bits"));
        }
    }
    Err(part_error("a number has more than 64 bits"))
}
