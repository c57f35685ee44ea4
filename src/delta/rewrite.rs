//! Moves the addresses and indices in an old section, so that it looks more like the new one.
//!
//! The rewriting ends where the section cannot be read, or where the result would be an eighth and 1,024 bytes larger
//! than the content. The rest stays as it is, so every content has exactly one rewritten form.
//!
//! Spec: WebAssembly core, "Element Section", "Data Section" and "Name Section".

use super::map::{Map, MapKind};
use super::numbers::{MAX_NUMBER_BYTES, push, push_signed, read};

/// How a base is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rewriting {
    /// A data section: the addresses of segments, and 32-bit words at addresses that are multiples of 4. They move as
    /// one list of the map says, which is that of addresses or that of 64-bit constants.
    Data(MapKind),
    /// An element section: function indices.
    Elements,
    /// A name section: indices of functions, types and globals.
    Names,
}

impl Rewriting {
    /// Returns the rewriting with this number in parts, or nothing if the number is unknown.
    pub(super) fn from_number(number: u8) -> Option<Option<Self>> {
        Some(match number {
            0 => None,
            1 => Some(Self::Data(MapKind::Address)),
            2 => Some(Self::Data(MapKind::I64)),
            3 => Some(Self::Elements),
            4 => Some(Self::Names),
            _ => return None,
        })
    }

    /// Returns the number in parts.
    pub(super) fn number(rewriting: Option<Self>) -> u8 {
        match rewriting {
            None => 0,
            Some(Self::Data(MapKind::I64)) => 2,
            Some(Self::Data(_)) => 1,
            Some(Self::Elements) => 3,
            Some(Self::Names) => 4,
        }
    }
}

/// Returns the old content as the map moves it.
pub(super) fn rewrite(content: &[u8], kind: Rewriting, map: &Map) -> Vec<u8> {
    let limit = content.len() + content.len() / 8 + 1024;
    let mut rewriter = Rewriter {
        content,
        at: 0,
        written: 0,
        output: Vec::with_capacity(limit),
        limit,
        map,
    };
    let _readable = match kind {
        Rewriting::Data(words) => rewriter.data(words),
        Rewriting::Elements => rewriter.elements(),
        Rewriting::Names => rewriter.names(),
    };
    rewriter
        .output
        .extend_from_slice(&content[rewriter.written..]);
    rewriter.output
}

struct Rewriter<'a> {
    content: &'a [u8],
    at: usize,
    /// The content before this offset has been written.
    written: usize,
    output: Vec<u8>,
    /// The maximum size of the output and the rest of the content, in bytes.
    limit: usize,
    map: &'a Map,
}

impl Rewriter<'_> {
    fn number(&mut self) -> Option<u64> {
        read(self.content, &mut self.at)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.content.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        self.content.get(self.at..end)?;
        self.at = end;
        Some(())
    }

    /// Writes a number in place of the content from `start` to the current offset.
    fn replace(&mut self, start: usize, write: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
        let rest = self.content.len() - self.written;
        if self.output.len() + rest + MAX_NUMBER_BYTES > self.limit {
            return None;
        }
        self.output
            .extend_from_slice(&self.content[self.written..start]);
        write(&mut self.output);
        self.written = self.at;
        Some(())
    }

    /// Moves an index.
    fn index(&mut self, kind: MapKind) -> Option<u64> {
        let start = self.at;
        let index = self.number()?;
        let moved = self.map.apply(kind, i64::try_from(index).ok()?);
        let moved = u32::try_from(moved).map_or(index, u64::from);
        self.replace(start, |output| push(output, moved))?;
        Some(index)
    }

    /// Moves a constant.
    fn constant(&mut self, words: Option<MapKind>) -> Option<u64> {
        let start = self.at;
        let number = self.number()?;
        let bits = 7 * (self.at - start) as u32;
        let unused = 64u32.saturating_sub(bits);
        let value = (number << unused) as i64 >> unused;
        if let Some(words) = words.filter(|_| MapKind::of_word(value)) {
            let moved = self.map.apply(words, value);
            self.replace(start, |output| push_signed(output, moved))?;
        }
        Some(value as u64)
    }

    /// Skips an initial expression. Returns the constant if it is a single one.
    fn expression(&mut self, words: Option<MapKind>) -> Option<Option<u64>> {
        let mut constant = None;
        for instruction in 0.. {
            let opcode = self.byte()?;
            match opcode {
                0x0b => return Some(constant.filter(|_| instruction == 1)),
                0x41 | 0x42 => constant = Some(self.constant(words)?),
                0x23 | 0xd0 => _ = self.number()?,
                0xd2 => _ = self.index(MapKind::Function)?,
                0x43 => self.skip(4)?,
                0x44 => self.skip(8)?,
                0x6a..=0x6c | 0x7c..=0x7e => {}
                _ => return None,
            }
        }
        None
    }

    fn data(&mut self, words: MapKind) -> Option<()> {
        for _ in 0..self.number()? {
            let flags = self.number()?;
            if flags == 2 {
                self.number()?;
            }
            let address = match flags {
                0 | 2 => self.expression(Some(words))?.unwrap_or(0),
                1 => 0,
                _ => return None,
            };
            let size = self.number()?;
            let start = self.at;
            self.skip(size)?;
            self.words(start + (address.wrapping_neg() % 4) as usize, words);
        }
        Some(())
    }

    /// Moves the words from `start` to the current offset.
    fn words(&mut self, start: usize, words: MapKind) {
        let start = start.min(self.at);
        self.output
            .extend_from_slice(&self.content[self.written..start]);
        let (all, rest) = self.content[start..self.at].as_chunks::<4>();
        for &word in all {
            let value = i64::from(u32::from_le_bytes(word));
            let moved = match MapKind::of_word(value) {
                true => self.map.apply(words, value) as u32,
                false => value as u32,
            };
            self.output.extend_from_slice(&moved.to_le_bytes());
        }
        self.output.extend_from_slice(rest);
        self.written = self.at;
    }

    fn elements(&mut self) -> Option<()> {
        for _ in 0..self.number()? {
            let flags = self.number()?;
            if flags > 7 {
                return None;
            }
            let (is_active, has_index, has_expressions) =
                (flags & 1 == 0, flags & 2 != 0, flags & 4 != 0);
            if is_active && has_index {
                self.number()?;
            }
            if is_active {
                self.expression(None)?;
            }
            // The kind of the elements, or their type.
            if !is_active || has_index {
                let kind = self.byte()?;
                if has_expressions && matches!(kind, 0x63 | 0x64) {
                    self.number()?;
                }
            }
            for _ in 0..self.number()? {
                match has_expressions {
                    true => _ = self.expression(None)?,
                    false => _ = self.index(MapKind::Function)?,
                }
            }
        }
        Some(())
    }

    fn names(&mut self) -> Option<()> {
        while self.at < self.content.len() {
            let id = self.byte()?;
            let size = self.number()?;
            let end = (self.at as u64).checked_add(size)?;
            let kind = match id {
                1 | 2 => MapKind::Function,
                4 => MapKind::Type,
                7 => MapKind::Global,
                _ => {
                    self.skip(size)?;
                    continue;
                }
            };
            for _ in 0..self.number()? {
                self.index(kind)?;
                if id == 2 {
                    for _ in 0..self.number()? {
                        self.number()?;
                        let length = self.number()?;
                        self.skip(length)?;
                    }
                } else {
                    let length = self.number()?;
                    self.skip(length)?;
                }
            }
            if self.at as u64 != end {
                return None;
            }
        }
        Some(())
    }
}

/// Returns the address and the range of each active segment of a data section.
pub(super) fn segments(content: &[u8]) -> Option<Vec<(i64, std::ops::Range<usize>)>> {
    let map = Map::default();
    let mut reader = Rewriter {
        content,
        at: 0,
        written: 0,
        output: Vec::new(),
        limit: 0,
        map: &map,
    };
    let mut segments = Vec::new();
    for _ in 0..reader.number()? {
        let flags = reader.number()?;
        if flags == 2 {
            reader.number()?;
        }
        let address = match flags {
            0 | 2 => reader.expression(None)?,
            1 => None,
            _ => return None,
        };
        let size = reader.number()?;
        let start = reader.at;
        reader.skip(size)?;
        if let Some(address) = address {
            segments.push((address as i64, start..reader.at));
        }
    }
    Some(segments)
}
