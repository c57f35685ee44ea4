//! The encodings of layers: raw bytes, or zstd frames of 8 MiB of content each, the last one shorter.
//!
//! One thread writes a frame through zstd's streaming interface, without a checksum. It pledges the content size
//! and passes the input in pieces of one fixed size. So the stored bytes depend only on the content, the level and
//! the version of libzstd, and not on the number of threads. Frames are decoded only up to the declared content size
//! and the window limit.
//!
//! This module must not know manifests, stores or sections.
//!
//! Spec: RFC 8878.

mod encoders;
mod frames;
mod framing;

use std::fmt;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, SafeResult};

pub use self::encoders::Encoders;
pub use self::frames::{FrameSize, FrameWalk, Frames, MAX_FRAME_CONTENT, StoredPart};
use self::frames::{MAX_HEADER_BYTES, check_frame, content_ranges};
pub use self::framing::{FRAME_BYTES, append_frame, append_raw_frame};
use crate::digest::{Identity, VerifyingReader};

/// The largest window that readers allow, as a power of two: 8 MiB.
const MAX_WINDOW_LOG: u32 = 23;

/// The size of the encoder's input pieces and of the decoder's buffers. Frames are repeatable only with this size.
const PIECE_BYTES: usize = 128 * 1024;

/// How a layer's content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// The content itself.
    Raw,
    /// One or more zstd frames.
    Zstd,
}

impl Encoding {
    /// All encodings.
    pub const ALL: [Self; 2] = [Self::Raw, Self::Zstd];

    /// Returns the last part of the layers' media types in this encoding.
    pub fn media_type_suffix(self) -> &'static str {
        match self {
            Self::Raw => "",
            Self::Zstd => "+zstd",
        }
    }

    /// Returns the last part of the layers' file names in this encoding.
    pub fn file_name_suffix(self) -> &'static str {
        match self {
            Self::Raw => "",
            Self::Zstd => ".zst",
        }
    }
}

/// A blob that holds a content, and its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EncodedBlob {
    /// The blob.
    #[serde(flatten)]
    pub blob: Identity,
    /// The encoding of the content in the blob.
    pub encoding: Encoding,
}

impl EncodedBlob {
    /// Returns the blob that is the content itself.
    pub fn raw(content: Identity) -> Self {
        Self {
            blob: content,
            encoding: Encoding::Raw,
        }
    }
}

/// A stored layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedLayer {
    /// The blob and its encoding.
    pub stored: EncodedBlob,
    /// The frames in the blob.
    pub frames: Frames,
}

impl From<EncodedBlob> for EncodedLayer {
    /// Returns a layer that is raw or in one frame.
    fn from(stored: EncodedBlob) -> Self {
        let frames = Frames::default();
        Self { stored, frames }
    }
}

/// The compression level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A level that depends on the layer. `docs/BENCHMARKS.md` has the measurements behind it.
    Auto,
    /// One of zstd's own levels, 1 to 19.
    Fixed(u8),
}

/// The kind of a layer's content. It decides the automatic level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// Function bodies. They are large, builds with one language runtime share them, and higher levels gain little.
    Code,
    /// Other content, mostly data. It changes from build to build.
    Other,
}

/// Above this content size speed matters more than size.
const AUTO_LARGE_BYTES: u64 = 16 * 1024 * 1024;

impl Level {
    /// The highest fixed level. Higher levels need larger windows than readers allow.
    pub const MAX: u8 = 19;

    /// Returns zstd's level for a layer with `size` bytes of content.
    pub fn for_layer(self, matter: ContentKind, size: u64) -> u8 {
        match (self, matter) {
            (Self::Fixed(level), _) => level.clamp(1, Self::MAX),
            (Self::Auto, _) if size > AUTO_LARGE_BYTES => 2,
            (Self::Auto, ContentKind::Code) => 3,
            (Self::Auto, ContentKind::Other) => 9,
        }
    }

    /// Returns the approximate memory of an encoder, in bytes: measured at the highest level that this may select.
    pub fn encoder_bytes(self) -> usize {
        let mebibytes = match self {
            Self::Fixed(..=6) => 6,
            Self::Auto | Self::Fixed(..=9) => 15,
            Self::Fixed(..=12) => 46,
            Self::Fixed(_) => 92,
        };
        mebibytes << 20
    }
}

/// Compresses `size` bytes of `content` into `output` at one of zstd's levels, frame by frame.
///
/// Returns false if the frames would not save a tenth of the content. The caller then discards the output and stores
/// the content itself. An early end of `content` is an error.
pub fn compress(
    content: &mut impl Read,
    size: u64,
    level: u8,
    output: &mut impl Write,
) -> io::Result<bool> {
    let (most, mut written) = (max_stored(size), 0);
    for range in content_ranges(size) {
        let length = range.end - range.start;
        let is_complete = compress_frame(content, length, level, &mut |frame| {
            written += frame.len() as u64;
            match written <= most {
                true => output.write_all(frame).map(|()| true),
                false => Ok(false),
            }
        })?;
        if !is_complete {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the most bytes of frames that save a tenth of a content.
fn max_stored(size: u64) -> u64 {
    (u128::from(size) * 9 / 10) as u64
}

/// Compresses `size` bytes of `content` into one frame, and passes it to `output` in pieces. Returns false if `output`
/// does, and stops then.
fn compress_frame(
    content: &mut impl Read,
    size: u64,
    level: u8,
    output: &mut dyn FnMut(&[u8]) -> io::Result<bool>,
) -> io::Result<bool> {
    let mut encoder = encoder(size, level)?;
    let mut input = vec![0; PIECE_BYTES];
    let mut frame = Vec::with_capacity(CCtx::out_size());
    let mut left = size;
    loop {
        let piece = PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX));
        content.read_exact(&mut input[..piece])?;
        left -= piece as u64;
        let mut pending = InBuffer::around(&input[..piece]);
        loop {
            frame.clear();
            let directive = match left {
                0 => ZSTD_EndDirective::ZSTD_e_end,
                _ => ZSTD_EndDirective::ZSTD_e_continue,
            };
            let mut space = OutBuffer::around(&mut frame);
            let unflushed = zstd(encoder.compress_stream2(&mut space, &mut pending, directive))?;
            if !output(&frame)? {
                return Ok(false);
            }
            let taken = pending.pos() == piece;
            if taken && (left > 0 || unflushed == 0) {
                break;
            }
        }
        if left == 0 {
            return Ok(true);
        }
    }
}

fn encoder(size: u64, level: u8) -> io::Result<CCtx<'static>> {
    let mut encoder = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
    for parameter in [
        CParameter::CompressionLevel(i32::from(level)),
        CParameter::ContentSizeFlag(true),
        CParameter::ChecksumFlag(false),
    ] {
        zstd(encoder.set_parameter(parameter))?;
    }
    zstd(encoder.set_pledged_src_size(Some(size)))?;
    Ok(encoder)
}

fn zstd(result: SafeResult) -> io::Result<usize> {
    result.map_err(|code| {
        let name = zstd_safe::get_error_name(code);
        io::Error::new(io::ErrorKind::InvalidData, format!("zstd: {name}"))
    })
}

/// The error for frames that cannot be decoded to the declared content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes are not a zstd frame, the frame is damaged, or its window is above 8 MiB.
    #[error("zstd: {0}")]
    Zstd(&'static str),
    /// The frame declares another content size than the layer does.
    #[error("the frame declares {found} bytes of content, the layer {expected}")]
    Declared {
        /// The size in the layer's annotation, in bytes.
        expected: u64,
        /// The size in the frame's header, in bytes.
        found: u64,
    },
    /// The content size of a layer is unknown, because a frame does not declare its own.
    #[error("a frame does not declare how much content it has")]
    Undeclared,
    /// One of several frames does not declare its share of the content.
    #[error("frame {index} declares {} bytes of content, not {expected}", found.map_or("no number of".to_owned(), |found| found.to_string()))]
    Uneven {
        /// The number of frames before it.
        index: u64,
        /// The frame's share, in bytes.
        expected: u64,
        /// The size in the frame's header, in bytes.
        found: Option<u64>,
    },
    /// The input ends within a frame.
    #[error("the last frame is cut off")]
    CutOff,
    /// The frames hold more content than declared.
    #[error("more than the declared {0} bytes of content come out")]
    Bomb(u64),
    /// The input ends within a frame, or the frames end before the declared content.
    #[error("the frame ends early: {found} of {expected} bytes of content")]
    Truncated {
        /// The declared size, in bytes.
        expected: u64,
        /// The number of bytes decoded.
        found: u64,
    },
    /// The input has bytes after the last frame.
    #[error("bytes after the end of the frame")]
    Trailing,
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Returns a reader of the content that a blob holds. It reports the end only after the digest was checked.
pub fn content(stored: impl Read, encoding: Encoding, content: Identity) -> io::Result<impl Read> {
    let decoder = Decoder::new(stored, encoding, content.size)?;
    Ok(VerifyingReader::new(decoder, content))
}

/// Decodes a stored layer to exactly the declared number of bytes, or fails.
pub struct Decoder<R> {
    stored: R,
    frames: Option<FrameDecoder>,
}

struct FrameDecoder {
    context: DCtx<'static>,
    input: Vec<u8>,
    taken: usize,
    size: u64,
    produced: u64,
    /// The number of frames begun.
    begun: u64,
    /// The offset in the content at which the current frame must end. `None` between frames.
    frame_end: Option<u64>,
    ended: bool,
}

impl<R> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl<R: Read> Decoder<R> {
    /// Returns a decoder of `stored`, whose content has `size` bytes. The bytes of a raw layer pass through
    /// unchanged.
    pub fn new(stored: R, encoding: Encoding, size: u64) -> io::Result<Self> {
        let frames = match encoding {
            Encoding::Raw => None,
            Encoding::Zstd => Some(FrameDecoder::new(size)?),
        };
        Ok(Self { stored, frames })
    }
}

impl FrameDecoder {
    fn new(size: u64) -> io::Result<Self> {
        let mut context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        zstd(context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)))?;
        Ok(Self {
            context,
            input: Vec::new(),
            taken: 0,
            size,
            produced: 0,
            begun: 0,
            frame_end: None,
            ended: false,
        })
    }

    /// Refills the input if it has fewer than `least` bytes. Returns whether there is input.
    fn refill(&mut self, stored: &mut impl Read, least: usize) -> io::Result<bool> {
        if self.input.len() - self.taken >= least {
            return Ok(true);
        }
        self.input.drain(..self.taken);
        self.taken = 0;
        let mut filled = self.input.len();
        self.input.resize(PIECE_BYTES, 0);
        // Short reads are joined, because the input must hold the whole frame header.
        while filled < PIECE_BYTES {
            match stored.read(&mut self.input[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.input.truncate(filled);
        Ok(filled > 0)
    }

    /// Reads the header of the next frame. The first frame has all the content, or each has its share.
    fn begin_frame(&mut self, stored: &mut impl Read) -> io::Result<()> {
        if !self.refill(stored, MAX_HEADER_BYTES)? && self.begun > 0 {
            return Err(self.truncated().into());
        }
        let found = declared_size(&self.input[self.taken..])?;
        let left = self.size - self.produced;
        let share = left.min(MAX_FRAME_CONTENT);
        let is_first = self.begun == 0;
        if is_first && found.is_none_or(|found| found == self.size) {
            self.frame_end = Some(self.size);
        } else if is_first && found != Some(share) {
            return Err(FrameError::Declared {
                expected: self.size,
                found: found.unwrap_or_default(),
            }
            .into());
        } else {
            check_frame(self.begun, share, found)?;
            self.frame_end = Some(self.produced + share);
        }
        self.begun += 1;
        Ok(())
    }

    fn read(&mut self, stored: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.ended {
            let frame_end = match self.frame_end {
                Some(frame_end) => frame_end,
                None => {
                    self.begin_frame(stored)?;
                    continue;
                }
            };
            let more = self.refill(stored, 1)?;
            let mut input = InBuffer::around(&self.input[self.taken..]);
            let mut space = OutBuffer::around(&mut *buffer);
            let hint = self
                .context
                .decompress_stream(&mut space, &mut input)
                .map_err(|code| FrameError::Zstd(zstd_safe::get_error_name(code)))?;
            let (consumed, produced) = (input.pos(), space.pos());
            self.taken += consumed;
            self.produced += produced as u64;
            if self.produced > frame_end {
                return Err(FrameError::Bomb(self.size).into());
            }
            if hint == 0 {
                self.end_frame(stored, frame_end)?;
            }
            if produced > 0 {
                return Ok(produced);
            }
            if hint > 0 && !more && consumed == 0 {
                return Err(self.truncated().into());
            }
        }
        Ok(0)
    }

    fn truncated(&self) -> FrameError {
        FrameError::Truncated {
            expected: self.size,
            found: self.produced,
        }
    }

    /// Checks, at the end of a frame, that its content ends too, and at the end of the content that the input ends.
    fn end_frame(&mut self, stored: &mut impl Read, frame_end: u64) -> io::Result<()> {
        self.frame_end = None;
        if self.produced < frame_end {
            return Err(self.truncated().into());
        }
        self.ended = self.produced == self.size;
        match self.ended && self.refill(stored, 1)? {
            true => Err(FrameError::Trailing.into()),
            false => Ok(()),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.frames {
            None => self.stored.read(buffer),
            Some(frames) => frames.read(&mut self.stored, buffer),
        }
    }
}

/// Returns the content size that a frame's header declares, if it does.
pub fn declared_size(frame: &[u8]) -> Result<Option<u64>, FrameError> {
    zstd_safe::get_frame_content_size(frame)
        .map_err(|_| FrameError::Zstd("Unknown frame descriptor"))
}

#[cfg(test)]
mod tests;
