//! Small frames that are made while bytes are sent. Frames in a row decode to their contents in a row.
//!
//! Spec: RFC 8878, sections 3.1.1 and 3.1.1.2.

use std::io;

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{InBuffer, OutBuffer, compress_bound};

use super::{encoder, zstd};

/// zstd's fastest level.
const LEVEL: u8 = 1;

/// An encoder is not worth its setup for less content than this.
const LEAST_BYTES: usize = 128;

const BLOCK_BYTES: usize = 128 * 1024;

/// The maximum number of bytes that a frame adds to a content of up to 256 KiB.
pub const FRAME_BYTES: usize = 32;

/// Appends a frame with `content` to `output`. The frame is compressed if that is quick and saves bytes.
pub fn append_frame(content: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    if content.len() < LEAST_BYTES {
        append_raw_frame(content, output);
        return Ok(());
    }
    let mut encoder = encoder(content.len() as u64, LEVEL)?;
    let mut frame = Vec::with_capacity(compress_bound(content.len()));
    let mut pending = InBuffer::around(content);
    let mut space = OutBuffer::around(&mut frame);
    let end = ZSTD_EndDirective::ZSTD_e_end;
    let unflushed = zstd(encoder.compress_stream2(&mut space, &mut pending, end))?;
    if unflushed > 0 || frame.len() >= content.len() {
        append_raw_frame(content, output);
    } else {
        output.extend_from_slice(&frame);
    }
    Ok(())
}

/// Appends a frame with uncompressed `content` to `output`. The content has at most 4 GiB.
pub fn append_raw_frame(content: &[u8], output: &mut Vec<u8>) {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    /// The frame has no window: the content is one segment, with its size in four bytes.
    const SINGLE_SEGMENT: u8 = 0b1010_0000;
    output.extend_from_slice(&MAGIC);
    output.push(SINGLE_SEGMENT);
    output.extend_from_slice(&(content.len() as u32).to_le_bytes());
    let mut blocks = content.chunks(BLOCK_BYTES).peekable();
    loop {
        let block = blocks.next().unwrap_or_default();
        let is_last = blocks.peek().is_none();
        // Three bytes hold the size, the block type (0 is raw), and whether this is the last block.
        let head = (block.len() as u32) << 3 | u32::from(is_last);
        output.extend_from_slice(&head.to_le_bytes()[..3]);
        output.extend_from_slice(block);
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Decoder, Encoding, MAX_WINDOW_LOG, declared_size};
    use super::*;

    use std::io::Read;

    use zstd_safe::{DCtx, DParameter};

    fn noise(size: usize) -> Vec<u8> {
        let mut state = 1u64;
        let next = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        });
        next.take(size).collect()
    }

    fn text(size: usize) -> Vec<u8> {
        (0..size)
            .map(|at| b"(module (func))"[at * at % 15])
            .collect()
    }

    const SIZES: [usize; 9] = [
        0,
        1,
        LEAST_BYTES - 1,
        LEAST_BYTES,
        255,
        256,
        BLOCK_BYTES,
        BLOCK_BYTES + 1,
        2 * BLOCK_BYTES,
    ];

    #[test]
    fn each_frame_holds_its_content_and_adds_little() {
        for size in SIZES {
            for content in [text(size), noise(size)] {
                let (mut quick, mut raw) = (Vec::new(), Vec::new());
                append_frame(&content, &mut quick).unwrap();
                append_raw_frame(&content, &mut raw);
                for frame in [quick, raw] {
                    assert!(frame.len() <= size + FRAME_BYTES, "{size}: {}", frame.len());
                    assert_eq!(declared_size(&frame), Ok(Some(size as u64)));
                    let mut found = Vec::new();
                    Decoder::new(frame.as_slice(), Encoding::Zstd, size as u64)
                        .unwrap()
                        .read_to_end(&mut found)
                        .unwrap();
                    assert!(found == content, "{size}");
                }
            }
        }
        let mut frame = Vec::new();
        append_frame(&text(100_000), &mut frame).unwrap();
        assert!(frame.len() < 10_000, "{}", frame.len());
    }

    #[test]
    fn frames_one_after_the_other_are_one_stream() {
        let (mut frames, mut content) = (Vec::new(), Vec::new());
        for size in SIZES {
            append_frame(&text(size), &mut frames).unwrap();
            append_raw_frame(&noise(size), &mut frames);
            content.extend(text(size));
            content.extend(noise(size));
        }
        let mut decoder = DCtx::create();
        decoder
            .set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))
            .unwrap();
        let mut found = vec![0; content.len() + 1];
        let mut space = OutBuffer::around(found.as_mut_slice());
        let mut input = InBuffer::around(&frames);
        while input.pos() < frames.len() {
            decoder.decompress_stream(&mut space, &mut input).unwrap();
        }
        let length = space.pos();
        assert!(found[..length] == content);
    }
}
