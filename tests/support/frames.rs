//! zstd frames, decoded as clients do.

use zstd_safe::{DCtx, InBuffer, OutBuffer};

/// Decodes frames one after the other, as clients do.
pub fn unframed(frames: &[u8]) -> Vec<u8> {
    let mut decoder = DCtx::create();
    let (mut bytes, mut hint) = (Vec::new(), 0);
    let mut input = InBuffer::around(frames);
    loop {
        let mut piece = vec![0; 100_000];
        let mut space = OutBuffer::around(piece.as_mut_slice());
        let before = input.pos();
        if before < frames.len() || hint != 0 {
            hint = decoder.decompress_stream(&mut space, &mut input).unwrap();
        }
        let length = space.pos();
        bytes.extend(&piece[..length]);
        if length == 0 && input.pos() == before {
            assert_eq!(
                (before, hint),
                (frames.len(), 0),
                "the last frame ends early"
            );
            return bytes;
        }
    }
}
