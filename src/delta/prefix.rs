//! zstd frames of 8 MiB of content, each with the whole base as prefix.
//!
//! A decoder reaches the prefix only until its output passes the window. A frame of the window's size reaches it to its
//! end, so the window stays at 8 MiB for contents of every size.
//!
//! Spec: RFC 8878.

use std::io::{self, Read, Write};

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, SafeResult};

use super::FRAME_CONTENT_BYTES;
use crate::encoding::{FrameError, declared_size};

/// The window of encoders, and the largest window of decoders, as a power of two: 8 MiB.
const WINDOW_LOG: u32 = 23;

/// The size of the encoder's input pieces. Frames are repeatable only with this size.
const PIECE_BYTES: usize = 128 * 1024;

/// The table and the spacing of long-distance matching, as powers of two: one place for every 128 bytes of the largest
/// base and of a frame.
const LDM_HASH_LOG: u32 = 19;
const LDM_HASH_RATE_LOG: u32 = 7;

/// Returns the content sizes of the frames.
fn frame_sizes(size: u64) -> impl Iterator<Item = u64> {
    let starts = (0..size).step_by(FRAME_CONTENT_BYTES as usize);
    starts.map(move |start| FRAME_CONTENT_BYTES.min(size - start))
}

/// Encodes `size` bytes of `content`.
pub(super) fn encode(
    base: &[u8],
    content: &mut dyn Read,
    size: u64,
    level: u8,
    output: &mut dyn Write,
) -> io::Result<()> {
    let mut encoder = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
    for parameter in [
        CParameter::CompressionLevel(i32::from(level)),
        CParameter::WindowLog(WINDOW_LOG),
        CParameter::ContentSizeFlag(true),
        CParameter::ChecksumFlag(false),
    ] {
        zstd(encoder.set_parameter(parameter))?;
    }
    // The encoder's tables hold only the newest positions of a large base. Long-distance matching finds the others.
    if base.len() as u64 > FRAME_CONTENT_BYTES {
        for parameter in [
            CParameter::EnableLongDistanceMatching(true),
            CParameter::LdmHashLog(LDM_HASH_LOG),
            CParameter::LdmHashRateLog(LDM_HASH_RATE_LOG),
        ] {
            zstd(encoder.set_parameter(parameter))?;
        }
    }
    let mut input = vec![0; PIECE_BYTES];
    let mut frame = Vec::with_capacity(CCtx::out_size());
    for size in frame_sizes(size) {
        zstd(encoder.set_pledged_src_size(Some(size)))?;
        if !base.is_empty() {
            zstd(encoder.ref_prefix(base))?;
        }
        let mut left = size as usize;
        while left > 0 {
            let piece = PIECE_BYTES.min(left);
            content.read_exact(&mut input[..piece])?;
            left -= piece;
            let directive = match left {
                0 => ZSTD_EndDirective::ZSTD_e_end,
                _ => ZSTD_EndDirective::ZSTD_e_continue,
            };
            let mut pending = InBuffer::around(&input[..piece]);
            loop {
                frame.clear();
                let mut space = OutBuffer::around(&mut frame);
                let unflushed =
                    zstd(encoder.compress_stream2(&mut space, &mut pending, directive))?;
                output.write_all(&frame)?;
                if pending.pos() == piece && (left > 0 || unflushed == 0) {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Decodes exactly `size` bytes. `stored` ends with the last frame.
pub(super) fn decode(
    base: &[u8],
    stored: &mut dyn Read,
    size: u64,
    output: &mut dyn Write,
) -> io::Result<()> {
    let mut reader = FrameReader::new(base, stored, size)?;
    let mut content = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut content)? {
            0 => return Ok(()),
            count => output.write_all(&content[..count])?,
        }
    }
}

/// Reads the content of frames. Fails if it is not exactly as long as expected, or if `stored` does not end with it.
pub(super) struct FrameReader<'a> {
    decoder: DCtx<'a>,
    base: &'a [u8],
    input: Input<'a>,
    /// The content after the current frame.
    left: u64,
    /// The content of the current frame that is left.
    frame_left: u64,
    /// Whether the decoder expects more of the current frame.
    is_open: bool,
}

impl<'a> FrameReader<'a> {
    pub(super) fn new(base: &'a [u8], stored: &'a mut dyn Read, size: u64) -> io::Result<Self> {
        let mut decoder = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        zstd(decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)))?;
        Ok(Self {
            decoder,
            base,
            input: Input {
                stored,
                bytes: Vec::new(),
                taken: 0,
            },
            left: size,
            frame_left: 0,
            is_open: false,
        })
    }

    fn open_frame(&mut self) -> io::Result<()> {
        let size = self.left.min(FRAME_CONTENT_BYTES);
        self.input.fill()?;
        match declared_size(self.input.rest())? {
            Some(found) if found == size => {}
            found => {
                let (expected, found) = (size, found.unwrap_or(0));
                return Err(FrameError::Declared { expected, found }.into());
            }
        }
        if !self.base.is_empty() {
            zstd(self.decoder.ref_prefix(self.base))?;
        }
        self.left -= size;
        self.frame_left = size;
        self.is_open = true;
        Ok(())
    }
}

impl Read for FrameReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_open {
                if self.left == 0 {
                    self.input.fill()?;
                    return match self.input.rest().is_empty() {
                        true => Ok(0),
                        false => Err(FrameError::Trailing.into()),
                    };
                }
                self.open_frame()?;
            }
            self.input.fill()?;
            let mut pending = InBuffer::around(self.input.rest());
            let mut space = OutBuffer::around(&mut *buffer);
            let hint = zstd(self.decoder.decompress_stream(&mut space, &mut pending))?;
            let (count, taken) = (space.pos(), pending.pos());
            self.input.taken += taken;
            let expected = self.frame_left;
            let Some(left) = expected.checked_sub(count as u64) else {
                return Err(FrameError::Bomb(expected).into());
            };
            self.frame_left = left;
            self.is_open = hint != 0;
            if (hint == 0 && left > 0) || (hint != 0 && taken == 0 && count == 0) {
                let found = count as u64;
                return Err(FrameError::Truncated { expected, found }.into());
            }
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

/// A window over the stored bytes.
struct Input<'a> {
    stored: &'a mut dyn Read,
    bytes: Vec<u8>,
    taken: usize,
}

impl Input<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Fills the window if less than a frame header is left.
    fn fill(&mut self) -> io::Result<()> {
        const HEADER_BYTES: usize = 18;
        if self.rest().len() >= HEADER_BYTES {
            return Ok(());
        }
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let wanted = PIECE_BYTES - self.bytes.len();
        let window = &mut (&mut *self.stored).take(wanted as u64);
        window.read_to_end(&mut self.bytes)?;
        Ok(())
    }
}

fn zstd(result: SafeResult) -> io::Result<usize> {
    result.map_err(|code| FrameError::Zstd(zstd_safe::get_error_name(code)).into())
}
