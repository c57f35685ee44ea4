//! The walk that copies the parts of an interface and drops the rest.

use std::ops::Range;

use wasmparser::{BinaryReader, Parser};

use super::parts::{Hole, Parts};
use super::{Error, MAX_STUB_BYTES};
use crate::section::{BinaryKind, MAX_DEPTH, id};
use crate::source::Source;

/// The id of a core module's function section.
const FUNCTION: u8 = 3;

/// The largest size of a section's header: its id and its size, in bytes.
const MAX_HEADER_BYTES: u64 = 6;

/// A body without locals that traps: its size, no locals, `unreachable`, `end`.
const BODY: [u8; 4] = [3, 0, 0, 0x0b];

/// Custom sections that stay: one by its whole name, the other by the beginning of its name.
const PACKAGE_DOCS: &[u8] = b"package-docs";
const COMPONENT_TYPE: &[u8] = b"component-type";

pub(super) fn stub<S: Source + ?Sized>(mut parts: Parts<'_, S>) -> Result<Vec<u8>, Error> {
    let whole = 0..parts.size();
    parts.check(&(0..BinaryKind::HEADER_BYTES.min(whole.end)))?;
    let kind = kind(parts.peek(0..BinaryKind::HEADER_BYTES)?).ok_or(Error::Header)?;
    let mut walk = Walk {
        parts,
        stub: Vec::new(),
        stack: Vec::new(),
    };
    walk.enter(kind, whole)?;
    while let Some(frame) = walk.stack.last() {
        match frame.at < frame.end {
            true => walk.step()?,
            false => walk.leave()?,
        }
    }
    Ok(walk.stub)
}

fn kind(header: &[u8]) -> Option<BinaryKind> {
    if Parser::is_core_wasm(header) {
        return Some(BinaryKind::Module);
    }
    Parser::is_component(header).then_some(BinaryKind::Component)
}

struct Walk<'a, S: ?Sized> {
    parts: Parts<'a, S>,
    stub: Vec<u8>,
    stack: Vec<Frame>,
}

struct Frame {
    kind: BinaryKind,
    at: u64,
    end: u64,
    /// The offset of its header in the stub.
    begins: usize,
    /// The number of functions that a core module defines.
    functions: u32,
    /// Whether a section that can begin a suffix was seen.
    begun: bool,
    has_code: bool,
    /// A missing suffix, and its offset in the stub.
    suffix: Option<(Hole, usize)>,
}

struct Header {
    id: u8,
    whole: Range<u64>,
    payload: Range<u64>,
}

impl<S: Source + ?Sized> Walk<'_, S> {
    fn enter(&mut self, kind: BinaryKind, range: Range<u64>) -> Result<(), Error> {
        let at = range.start + BinaryKind::HEADER_BYTES;
        let begins = self.stub.len();
        self.parts.copy(range.start..at, &mut self.stub)?;
        self.stack.push(Frame {
            kind,
            at,
            end: range.end,
            begins,
            functions: 0,
            begun: false,
            has_code: false,
            suffix: None,
        });
        Ok(())
    }

    /// Leaves the innermost binary, whose size in the stub is now known.
    fn leave(&mut self) -> Result<(), Error> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        if let Some((_, place)) = frame.suffix
            && !frame.has_code
        {
            self.insert_code(place, frame.functions)?;
        }
        if !self.stack.is_empty() {
            let size = self.stub.len() - frame.begins;
            let size = number(u32::try_from(size).map_err(|_| Error::TooLarge)?);
            self.stub[frame.begins - size.len()..frame.begins].copy_from_slice(&size);
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Error> {
        let depth = self.stack.len() - 1;
        let Some(frame) = self.stack.last_mut() else {
            return Ok(());
        };
        let rest = frame.at..frame.end;
        let hole = self.parts.hole_in(&(rest.start..rest.start + 1));
        if let Some(hole) = hole {
            let hole = hole.clone();
            return frame.pass_suffix(hole, depth, self.stub.len());
        }
        let header = header(&mut self.parts, rest)?;
        frame.at = header.payload.end;
        let after = frame.suffix.as_ref().map(|(hole, _)| hole.clone());
        let leaves = matches!(
            header.id,
            id::START | id::ELEMENT | id::CODE | id::DATA | id::DATA_COUNT
        );
        let kind = frame.kind;
        if let Some(hole) = &after
            && (header.whole.start == hole.range.end || !leaves)
            && header.id != id::CUSTOM
        {
            return Err(Error::Needs { layer: hole.layer });
        }
        frame.begun |= leaves;
        match (kind, header.id) {
            (_, id::CUSTOM) => self.custom(&header, after),
            (BinaryKind::Component, id::CORE_MODULE | id::COMPONENT) => self.nested(&header, depth),
            (BinaryKind::Module, id::CODE) => self.code(&header),
            (BinaryKind::Module, FUNCTION) => self.functions(&header),
            (BinaryKind::Module, _) if leaves => self.drop(&header.payload),
            _ => self.keep(&header),
        }
    }

    /// Drops a range. Its bytes may be in missing layers, but only if these layers end in the range.
    fn drop(&self, range: &Range<u64>) -> Result<(), Error> {
        match self.parts.hole_across_end(range) {
            Some(hole) => Err(Error::Needs { layer: hole.layer }),
            None => Ok(()),
        }
    }

    fn keep(&mut self, header: &Header) -> Result<(), Error> {
        self.parts.copy(header.whole.clone(), &mut self.stub)
    }

    /// Reads a custom section. Directly after a missing suffix only a section that stays is allowed.
    fn custom(&mut self, header: &Header, suffix: Option<Hole>) -> Result<(), Error> {
        let Some(name) = self.name(&header.payload)? else {
            return self.keep(header);
        };
        self.parts.check(&(header.payload.start..name.end))?;
        let end = name.end.min(name.start + COMPONENT_TYPE.len() as u64);
        let begins = self.parts.peek(name.start..end)?;
        let is_docs = begins == PACKAGE_DOCS && name.end == end;
        if is_docs || begins == COMPONENT_TYPE {
            return self.keep(header);
        }
        match suffix.filter(|hole| hole.range.end == header.whole.start) {
            Some(hole) => Err(Error::Needs { layer: hole.layer }),
            None => self.drop(&(name.end..header.payload.end)),
        }
    }

    /// Returns the range of a custom section's name, if it is readable.
    fn name(&mut self, payload: &Range<u64>) -> Result<Option<Range<u64>>, Error> {
        let Some((length, at)) = count(&mut self.parts, payload)? else {
            return Ok(None);
        };
        let name = at..at + u64::from(length);
        Ok((name.end <= payload.end).then_some(name))
    }

    fn nested(&mut self, header: &Header, depth: usize) -> Result<(), Error> {
        let expected = match header.id {
            id::CORE_MODULE => BinaryKind::Module,
            _ => BinaryKind::Component,
        };
        let Range { start, end } = header.payload;
        let begins = start..end.min(start + BinaryKind::HEADER_BYTES);
        self.parts.check(&begins)?;
        if kind(self.parts.peek(begins)?) != Some(expected) || depth >= MAX_DEPTH {
            return self.keep(header);
        }
        self.room(1 + number(0).len())?;
        self.stub.push(header.id);
        // The size is filled in at the end of the nested binary.
        self.stub.extend(number(0));
        self.enter(expected, header.payload.clone())
    }

    fn functions(&mut self, header: &Header) -> Result<(), Error> {
        self.keep(header)?;
        let payload = &header.payload;
        let count = count(&mut self.parts, payload)?.map(|(count, _)| count);
        // Every function has a type of at least one byte.
        let count = count.filter(|&count| u64::from(count) < payload.end - payload.start);
        let Some(frame) = self.stack.last_mut() else {
            return Ok(());
        };
        frame.functions = count.ok_or(Error::Malformed {
            offset: payload.start,
            reason: "a function section has not so many functions",
        })?;
        Ok(())
    }

    fn code(&mut self, header: &Header) -> Result<(), Error> {
        let payload = &header.payload;
        self.drop(payload)?;
        let Some(frame) = self.stack.last_mut() else {
            return Ok(());
        };
        frame.has_code = true;
        let functions = frame.functions;
        match count(&mut self.parts, payload) {
            Ok(Some((bodies, _))) if bodies == functions => {}
            // The count itself is in a missing layer.
            Err(Error::Needs { .. }) => {}
            Ok(_) => {
                return Err(Error::Malformed {
                    offset: payload.start,
                    reason: "a code section has not as many bodies as there are functions",
                });
            }
            Err(error) => return Err(error),
        }
        let place = self.stub.len();
        self.insert_code(place, functions)
    }

    /// Inserts a code section for so many functions. Without functions there is none.
    fn insert_code(&mut self, place: usize, functions: u32) -> Result<(), Error> {
        if functions == 0 {
            return Ok(());
        }
        let count = number(functions);
        let bodies = BODY.len().saturating_mul(functions as usize);
        let size = count.len().saturating_add(bodies);
        self.room(1 + count.len() + size)?;
        let mut code = vec![id::CODE];
        code.extend(number(u32::try_from(size).map_err(|_| Error::TooLarge)?));
        code.extend(count);
        code.extend(BODY.iter().cycle().take(bodies));
        self.stub.splice(place..place, code);
        Ok(())
    }

    /// Fails if the stub would become too large.
    fn room(&self, bytes: usize) -> Result<(), Error> {
        match self.stub.len().saturating_add(bytes) <= MAX_STUB_BYTES {
            true => Ok(()),
            false => Err(Error::TooLarge),
        }
    }
}

impl Frame {
    /// Skips a hole in place of a section. Only the suffix of a nested module may be missing.
    fn pass_suffix(&mut self, hole: Hole, depth: usize, place: usize) -> Result<(), Error> {
        let is_first = hole.range.start == self.at && !self.begun && self.suffix.is_none();
        let is_nested = self.kind == BinaryKind::Module && depth > 0;
        if !is_first || !is_nested || hole.range.end > self.end {
            return Err(Error::Needs { layer: hole.layer });
        }
        self.at = hole.range.end;
        self.suffix = Some((hole, place));
        Ok(())
    }
}

fn header<S: Source + ?Sized>(parts: &mut Parts<'_, S>, rest: Range<u64>) -> Result<Header, Error> {
    let start = rest.start;
    let longest = start..rest.end.min(start + MAX_HEADER_BYTES);
    let bytes = parts.peek(longest.clone())?;
    let mut reader = BinaryReader::new(bytes, 0);
    let read = reader
        .read_u8()
        .and_then(|id| Ok((id, reader.read_var_u32()?)));
    let Ok((id, size)) = read else {
        parts.check(&longest)?;
        return Err(Error::Malformed {
            offset: start,
            reason: "a section header that cannot be read",
        });
    };
    let payload = start + (bytes.len() - reader.bytes_remaining()) as u64;
    let end = payload + u64::from(size);
    match end <= rest.end {
        true => Ok(Header {
            id,
            whole: start..end,
            payload: payload..end,
        }),
        false => Err(Error::Malformed {
            offset: start,
            reason: "a section past the end of what it is in",
        }),
    }
}

/// Reads the number at the start of a payload. Returns it with the offset after it, or nothing if it is invalid.
fn count<S: Source + ?Sized>(
    parts: &mut Parts<'_, S>,
    payload: &Range<u64>,
) -> Result<Option<(u32, u64)>, Error> {
    let longest = payload.start..payload.end.min(payload.start + 5);
    let bytes = parts.peek(longest.clone())?;
    let mut reader = BinaryReader::new(bytes, 0);
    if let Ok(count) = reader.read_var_u32() {
        let read = bytes.len() - reader.bytes_remaining();
        return Ok(Some((count, payload.start + read as u64)));
    }
    parts.check(&longest)?;
    Ok(None)
}

/// Returns a LEB128 number in five bytes. Its size is fixed, so it can be filled in later.
fn number(value: u32) -> [u8; 5] {
    let mut bytes = [0, 7, 14, 21, 28].map(|shift| (value >> shift) as u8 & 0x7f);
    for byte in &mut bytes[..4] {
        *byte |= 0x80;
    }
    bytes
}
