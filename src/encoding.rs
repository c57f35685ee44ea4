//! The encodings of layers: raw bytes, or one zstd frame.
//!
//! One thread writes a frame through zstd's streaming interface, without a checksum. It pledges the content size
//! and passes the input in pieces of one fixed size. So the stored bytes depend only on the content, the level and
//! the version of libzstd. A frame is decoded only up to the declared content size and the window limit.
//!
//! This module must not know manifests, stores or sections.
//!
//! Spec: RFC 8878.

mod framing;

use std::fmt;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, SafeResult};

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
    /// One zstd frame.
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

/// Compresses `size` bytes of `content` into `output` at one of zstd's levels.
///
/// Returns false if the frame would not save a tenth of the content. The caller then discards the output and stores
/// the content itself. An early end of `content` is an error.
pub fn compress(
    content: &mut impl Read,
    size: u64,
    level: u8,
    output: &mut impl Write,
) -> io::Result<bool> {
    let most = (u128::from(size) * 9 / 10) as u64;
    let mut encoder = encoder(size, level)?;
    let mut input = vec![0; PIECE_BYTES];
    let mut frame = Vec::with_capacity(CCtx::out_size());
    let (mut left, mut written) = (size, 0);
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
            written += frame.len() as u64;
            if written > most {
                return Ok(false);
            }
            output.write_all(&frame)?;
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

/// The error for a frame that cannot be decoded to the declared content.
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
    /// The frame holds more content than declared.
    #[error("more than the declared {0} bytes of content come out")]
    Bomb(u64),
    /// The input ends within the frame, or the frame ends before the declared content.
    #[error("the frame ends early: {found} of {expected} bytes of content")]
    Truncated {
        /// The declared size, in bytes.
        expected: u64,
        /// The number of bytes decoded.
        found: u64,
    },
    /// The input has bytes after the frame.
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
    frame: Option<Frame>,
}

struct Frame {
    context: DCtx<'static>,
    input: Vec<u8>,
    taken: usize,
    size: u64,
    produced: u64,
    ended: bool,
    begun: bool,
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
        let frame = match encoding {
            Encoding::Raw => None,
            Encoding::Zstd => Some(Frame::new(size)?),
        };
        Ok(Self { stored, frame })
    }
}

impl Frame {
    fn new(size: u64) -> io::Result<Self> {
        let mut context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        zstd(context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)))?;
        Ok(Self {
            context,
            input: Vec::new(),
            taken: 0,
            size,
            produced: 0,
            ended: false,
            begun: false,
        })
    }

    /// Refills the input if it is used up. Returns whether there is input.
    fn refill(&mut self, stored: &mut impl Read) -> io::Result<bool> {
        if self.taken < self.input.len() {
            return Ok(true);
        }
        self.input.resize(PIECE_BYTES, 0);
        self.taken = 0;
        let mut filled = 0;
        // Short reads are joined, because the first piece must hold the whole frame header.
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

    fn check_header(&mut self) -> Result<(), FrameError> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        match declared_size(&self.input)? {
            Some(found) if found != self.size => Err(FrameError::Declared {
                expected: self.size,
                found,
            }),
            _ => Ok(()),
        }
    }

    fn read(&mut self, stored: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let more = self.refill(stored)?;
            self.check_header()?;
            let mut input = InBuffer::around(&self.input[self.taken..]);
            let mut space = OutBuffer::around(&mut *buffer);
            let hint = self
                .context
                .decompress_stream(&mut space, &mut input)
                .map_err(|code| FrameError::Zstd(zstd_safe::get_error_name(code)))?;
            let (consumed, produced) = (input.pos(), space.pos());
            self.taken += consumed;
            self.produced += produced as u64;
            if self.produced > self.size {
                return Err(FrameError::Bomb(self.size).into());
            }
            if hint == 0 {
                self.finish(stored)?;
                return Ok(produced);
            }
            if produced > 0 {
                return Ok(produced);
            }
            if !more && consumed == 0 {
                return Err(self.truncated().into());
            }
        }
    }

    fn truncated(&self) -> FrameError {
        FrameError::Truncated {
            expected: self.size,
            found: self.produced,
        }
    }

    /// Checks, at the end of the frame, that the declared content and the input end too.
    fn finish(&mut self, stored: &mut impl Read) -> io::Result<()> {
        self.ended = true;
        if self.produced < self.size {
            return Err(self.truncated().into());
        }
        match self.refill(stored)? {
            true => Err(FrameError::Trailing.into()),
            false => Ok(()),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.frame {
            None => self.stored.read(buffer),
            Some(frame) => frame.read(&mut self.stored, buffer),
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
