//! Contents as copies with differences.
//!
//! `docs/FORMAT.md`, "The method covers".

mod encoder;

use std::io::{self, Read, Write};

pub(super) use self::encoder::{encode, runs};
use super::base::{Base, BaseWindow};
use super::literal_prefix;
use super::map::Map;
use super::numbers::unzigzag;
use super::part_error;
use super::prefix::FrameReader;
use super::rewrite::{Rewriting, rewrite};
use super::streams::{Stream, Streams, read_number};

/// The streams of a part: three of control, the gaps and the differences.
const STREAMS: usize = 5;

/// The size of the pieces that are written.
const PIECE_BYTES: usize = 64 * 1024;

/// Decodes exactly `size` bytes. `stored` ends with the part.
pub(super) fn decode(
    base: Base<'_>,
    map: &Map,
    stored: &mut dyn Read,
    size: u64,
    output: &mut dyn Write,
) -> io::Result<()> {
    let mut number = [0];
    stored.read_exact(&mut number)?;
    let rewriting = Rewriting::from_number(number[0]);
    let rewriting = rewriting.ok_or_else(|| part_error("it moves its base in an unknown way"))?;
    let rewritten = match (rewriting, base) {
        (None, _) => Vec::new(),
        (Some(rewriting), Base::Memory(bytes)) => rewrite(bytes, rewriting, map),
        (Some(_), Base::File(_)) => return Err(part_error("it moves a base of more than 32 MiB")),
    };
    let base = match rewriting {
        None => base,
        Some(_) => Base::Memory(&rewritten),
    };
    let streams = Streams::read(STREAMS, stored)?;
    let literals = read_number(stored)?;
    let mut decoder = Decoder {
        control: std::array::from_fn(|index| streams.stream(index)),
        gaps: streams.stream(3),
        differences: streams.stream(4),
        gap: None,
        base: BaseWindow::new(base)?,
        piece: vec![0; PIECE_BYTES],
        left: size,
        output,
    };
    let mut literals = FrameReader::new(literal_prefix(base.memory()), stored, literals)?;
    decoder.decode(&mut literals)?;
    match literals.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(part_error("a literal is left")),
    }
}

struct Decoder<'a> {
    control: [Stream<'a>; 3],
    gaps: Stream<'a>,
    differences: Stream<'a>,
    /// The number of equal bytes before the next difference, if there is one.
    gap: Option<u64>,
    base: BaseWindow<'a>,
    piece: Vec<u8>,
    /// The size of the content that is left.
    left: u64,
    output: &'a mut dyn Write,
}

impl Decoder<'_> {
    fn decode(&mut self, literals: &mut dyn Read) -> io::Result<()> {
        self.gap = self.gaps.next()?;
        let mut at = 0u64;
        while self.left > 0 {
            let literal = self.control[0].number()?;
            self.take(literal)?;
            if io::copy(&mut (&mut *literals).take(literal), &mut self.output)? < literal {
                return Err(part_error("its literals end early"));
            }
            if self.left == 0 {
                break;
            }
            let count = self.control[1].number()?;
            self.take(count)?;
            let start = at.checked_add_signed(unzigzag(self.control[2].number()?));
            let end = start.and_then(|start| start.checked_add(count));
            let (Some(start), Some(end)) = (start, end.filter(|&end| end <= self.base.size()))
            else {
                return Err(part_error("it copies from outside its base"));
            };
            self.copy(start, end)?;
            at = end;
        }
        self.control.iter().try_for_each(Stream::finish)?;
        self.gaps.finish()?;
        self.differences.finish()?;
        match self.gap {
            None => Ok(()),
            Some(_) => Err(part_error("a difference has no byte")),
        }
    }

    fn take(&mut self, count: u64) -> io::Result<()> {
        let left = self.left.checked_sub(count);
        self.left = left.ok_or_else(|| part_error("its content is longer than declared"))?;
        Ok(())
    }

    /// Copies a range of the base and adds the differences.
    fn copy(&mut self, start: u64, end: u64) -> io::Result<()> {
        let mut at = start;
        while at < end {
            let count = (end - at).min(PIECE_BYTES as u64) as usize;
            let piece = &mut self.piece[..count];
            piece.copy_from_slice(&self.base.get(at, count)?[..count]);
            let mut equal = 0;
            while let Some(gap) = self.gap {
                let rest = (count - equal) as u64;
                if gap >= rest {
                    self.gap = Some(gap - rest);
                    break;
                }
                equal += gap as usize;
                piece[equal] = piece[equal].wrapping_add(self.differences.byte()?);
                equal += 1;
                self.gap = self.gaps.next()?;
            }
            self.output.write_all(piece)?;
            at += count as u64;
        }
        Ok(())
    }
}
