//! The bytes of a component of which some layers are missing.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use super::{Error, MAX_STUB_BYTES};
use crate::source::Source;
use crate::split::Recipe;

/// How much is read at once. Headers may be close together or far apart.
const WINDOW_BYTES: u64 = 16 * 1024;

/// The root and the available layers, at their offsets.
pub(super) struct PlacedLayers<'a, R: ?Sized> {
    root: &'a R,
    size: u64,
    /// The runs by offset.
    runs: Vec<(Range<u64>, Bytes<'a>)>,
    holes: Vec<Hole>,
}

enum Bytes<'a> {
    /// In the root, from this offset of the root.
    Root(u64),
    Layer(&'a [u8]),
    Missing,
}

/// The range of a missing layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) range: Range<u64>,
    pub(super) layer: usize,
}

impl<'a, R: Source + ?Sized> PlacedLayers<'a, R> {
    pub(super) fn new(
        recipe: &Recipe,
        root: &'a R,
        layers: &'a BTreeMap<usize, Vec<u8>>,
    ) -> Result<Self, Error> {
        recipe.check_tiling()?;
        check_size(0, recipe.root.size, root.size().map_err(failed(0))?)?;
        let mut placed = Self {
            root,
            size: recipe.content.size,
            runs: Vec::new(),
            holes: Vec::new(),
        };
        for part in recipe.layer_ranges(0..recipe.content.size) {
            let range = part.offset..part.offset + (part.content.end - part.content.start);
            let bytes = match part.layer {
                None => Bytes::Root(part.content.start),
                Some(layer) => match layers.get(&layer) {
                    Some(content) => {
                        check_size(layer + 1, range.end - range.start, content.len() as u64)?;
                        Bytes::Layer(content)
                    }
                    None => {
                        let hole = Hole {
                            range: range.clone(),
                            layer,
                        };
                        placed.holes.push(hole);
                        Bytes::Missing
                    }
                },
            };
            placed.runs.push((range, bytes));
        }
        Ok(placed)
    }

    pub(super) fn holes(&self) -> Vec<Hole> {
        self.holes.clone()
    }
}

fn check_size(layer: usize, expected: u64, found: u64) -> Result<(), Error> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::Size {
            layer,
            expected,
            found,
        }),
    }
}

impl<R: Source + ?Sized> Source for PlacedLayers<'_, R> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let index = self.runs.partition_point(|(range, _)| range.end <= offset);
        let Some((range, bytes)) = self.runs.get(index) else {
            return Ok(0);
        };
        let left = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let within = offset - range.start;
        match bytes {
            Bytes::Root(start) => self.root.read_at(start + within, &mut buffer[..wanted]),
            Bytes::Layer(content) => content.read_at(within, &mut buffer[..wanted]),
            Bytes::Missing => Err(io::Error::other("these bytes are not at hand")),
        }
    }
}

/// Reads forward through the available bytes, in few reads.
pub(super) struct AvailableBytes<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
    /// The holes by offset.
    holes: Vec<Hole>,
    start: u64,
    window: Vec<u8>,
}

impl<'a, S: Source + ?Sized> AvailableBytes<'a, S> {
    pub(super) fn whole(source: &'a S) -> Result<Self, Error> {
        Self::with_holes(source, Vec::new())
    }

    pub(super) fn with_holes(source: &'a S, holes: Vec<Hole>) -> Result<Self, Error> {
        let size = source.size().map_err(failed(0))?;
        Ok(Self {
            source,
            size,
            holes,
            start: 0,
            window: Vec::new(),
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the first hole that overlaps a range.
    pub(super) fn hole_in(&self, range: &Range<u64>) -> Option<&Hole> {
        let index = self
            .holes
            .partition_point(|hole| hole.range.end <= range.start);
        let hole = self.holes.get(index);
        hole.filter(|hole| hole.range.start < range.end)
    }

    /// Returns the last hole that begins before a range's end, if it ends after it.
    pub(super) fn hole_across_end(&self, range: &Range<u64>) -> Option<&Hole> {
        let index = self
            .holes
            .partition_point(|hole| hole.range.start < range.end);
        let hole = self.holes.get(index.checked_sub(1)?);
        hole.filter(|hole| hole.range.end > range.end)
    }

    /// Fails if a byte of a range is missing.
    pub(super) fn check(&self, range: &Range<u64>) -> Result<(), Error> {
        match self.hole_in(range) {
            Some(hole) => Err(Error::Needs { layer: hole.layer }),
            None => Ok(()),
        }
    }

    /// Returns the available bytes at the start of a short range: up to a hole, or to the end.
    pub(super) fn peek(&mut self, range: Range<u64>) -> Result<&[u8], Error> {
        let end = self.hole_in(&range).map_or(range.end, |hole| {
            hole.range.start.clamp(range.start, range.end)
        });
        let end = end.min(self.size);
        let filled = self.start + self.window.len() as u64;
        if range.start < self.start || end > filled {
            self.fill(range.start)?;
        }
        let from = range.start.saturating_sub(self.start) as usize;
        let to = end.saturating_sub(self.start) as usize;
        Ok(self.window.get(from..to).unwrap_or_default())
    }

    /// Fills the window from an offset, up to the next hole.
    fn fill(&mut self, offset: u64) -> Result<(), Error> {
        let whole = offset..self.size.min(offset + WINDOW_BYTES);
        let end = self
            .hole_in(&whole)
            .map_or(whole.end, |hole| hole.range.start.max(offset));
        let mut window = std::mem::take(&mut self.window);
        window.clear();
        let read = self.read(offset..end, &mut window);
        self.start = offset;
        self.window = window;
        read
    }

    /// Appends a range to a stub. All its bytes must be available.
    pub(super) fn copy(&self, range: Range<u64>, stub: &mut Vec<u8>) -> Result<(), Error> {
        self.check(&range)?;
        if range.end - range.start > (MAX_STUB_BYTES - stub.len().min(MAX_STUB_BYTES)) as u64 {
            return Err(Error::TooLarge);
        }
        self.read(range, stub)
    }

    fn read(&self, range: Range<u64>, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let mut filled = bytes.len();
        let length = range.end.saturating_sub(range.start);
        bytes.resize(filled + usize::try_from(length).unwrap_or(usize::MAX), 0);
        let mut at = range.start;
        while at < range.end {
            match self.source.read_at(at, &mut bytes[filled..]) {
                Ok(0) => return Err(failed(at)(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => {
                    filled += read;
                    at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(failed(at)(source)),
            }
        }
        Ok(())
    }
}

fn failed(offset: u64) -> impl Fn(io::Error) -> Error {
    move |source| Error::Read { offset, source }
}
