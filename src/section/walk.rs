//! The walk over section headers.

use std::borrow::Cow;
use std::ops::Range;

use super::names::{Entries, NameDetails, Names};
use super::segments::segments;
use super::window::{Halt, Reader, Window, readable};
use super::{
    ASSETS, Binary, BinaryKind, Damage, Error, MAX_DEPTH, MAX_PATH_NAME_BYTES, MAX_RECORDED,
    Section, SectionMap, id,
};
use crate::source::Source;

/// The file's own custom sections with one plain text each, as `wasm-tools metadata` writes them.
const TEXTS: [&str; 7] = [
    "authors",
    "description",
    "homepage",
    "licenses",
    "revision",
    "source",
    "version",
];

/// So many bytes of a recorded name count as one more recorded part.
const NAME_BYTES_PER_ENTRY: usize = 64;

/// The longest text that is read, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// The largest producers section that is read, in bytes.
const MAX_PRODUCERS_BYTES: usize = 64 * 1024;

/// Maps a module or component. Sections, segments and suffixes below `floor` bytes are only counted. A damaged file
/// is mapped up to the damage. A file of an unknown version has no sections.
pub fn map<S: Source + ?Sized>(source: &S, floor: u64) -> Result<SectionMap, Error> {
    map_segments_of(source, floor, None)
}

/// Does the same as [`map`], but reads only the segments of the data section with this path, if one is given.
pub(super) fn map_segments_of<'a, S: Source + ?Sized>(
    source: &'a S,
    floor: u64,
    data_section: Option<&'a str>,
) -> Result<SectionMap, Error> {
    let mut window = Window::new(source)?;
    let size = window.size();
    let (kind, unknown) = file_header(&mut window)?;
    let mut walk = Walk {
        window,
        floor,
        data_section,
        map: SectionMap {
            size,
            kind,
            binaries: vec![Binary {
                kind,
                parent: None,
                index: 0,
                range: 0..size,
                suffix: None,
                assets: None,
            }],
            sections: Vec::new(),
            segments: Vec::new(),
            seen: 0,
            binaries_seen: 1,
            unrecorded: 0,
            damage: None,
            imports: Vec::new(),
            exports: Vec::new(),
            names: NameDetails::default(),
            texts: Vec::new(),
            producers: None,
            name: None,
        },
        imports: Names::default(),
        exports: Names::default(),
        stack: vec![Frame::new(kind, 0..size, 0, Some(0))],
        names: 0,
    };
    if let Some(reason) = unknown {
        walk.damaged(VERSION_OFFSET, reason);
    }
    while !walk.stack.is_empty() {
        walk.step()?;
    }
    (walk.map.imports, walk.map.names.imports) = walk.imports.into_parts();
    (walk.map.exports, walk.map.names.exports) = walk.exports.into_parts();
    Ok(walk.map)
}

/// The offset of the version and the layer, after the magic bytes.
const VERSION_OFFSET: u64 = 4;

/// Reads the kind of the file. For an unknown version or layer this also returns the reason why the rest is
/// unreadable.
fn file_header<S: Source + ?Sized>(
    window: &mut Window<'_, S>,
) -> Result<(BinaryKind, Option<String>), Error> {
    let header = window.bytes(0..BinaryKind::HEADER_BYTES, 8)?;
    let refuse = |reason: String| Err(Error::Header { reason });
    let Ok(header) = <[u8; 8]>::try_from(header.as_slice()) else {
        return refuse(format!("it has {} bytes", header.len()));
    };
    match BinaryKind::read(&header) {
        Some(kind) => Ok((kind, None)),
        None if header.starts_with(b"\0asm") => {
            let version = u16::from_le_bytes([header[4], header[5]]);
            let layer = u16::from_le_bytes([header[6], header[7]]);
            let reason = format!("unknown version {version} of layer {layer}");
            Ok((BinaryKind::of_layer(layer), Some(reason)))
        }
        None => refuse("it does not begin with \\0asm".to_owned()),
    }
}

struct Walk<'a, S: ?Sized> {
    window: Window<'a, S>,
    floor: u64,
    /// The only data section whose segments are read, if not all are.
    data_section: Option<&'a str>,
    map: SectionMap,
    imports: Names,
    exports: Names,
    stack: Vec<Frame>,
    /// The cost of the recorded names, in addition to their sections.
    names: usize,
}

/// A binary that the walk has entered.
struct Frame {
    kind: BinaryKind,
    range: Range<u64>,
    index: u32,
    at: u64,
    counts: [u32; 256],
    recorded: Option<usize>,
    suffix: Suffix,
    /// The content of the component's first custom section that lists files.
    assets: Option<Range<u64>>,
}

/// The known part of a core module's suffix.
#[derive(Clone, Copy)]
enum Suffix {
    NotBegun,
    Begun(u64),
    Ended(u64, u64),
    /// The module is damaged.
    None,
}

struct Header {
    id: u8,
    index: u32,
    whole: Range<u64>,
    payload: Range<u64>,
}

impl Frame {
    fn new(kind: BinaryKind, range: Range<u64>, index: u32, recorded: Option<usize>) -> Self {
        Self {
            kind,
            at: range.start + BinaryKind::HEADER_BYTES,
            range,
            index,
            counts: [0; 256],
            recorded,
            suffix: Suffix::NotBegun,
            assets: None,
        }
    }

    fn suffix(&self) -> Option<Range<u64>> {
        match self.suffix {
            Suffix::Begun(start) if self.kind == BinaryKind::Module => Some(start..self.range.end),
            Suffix::Ended(start, end) if self.kind == BinaryKind::Module => Some(start..end),
            _ => None,
        }
    }

    /// Moves the ends of the suffix at a section.
    fn pass(&mut self, header: &Header, stays: bool) {
        let leaves = matches!(
            header.id,
            id::START | id::ELEMENT | id::CODE | id::DATA | id::DATA_COUNT
        );
        self.suffix = match self.suffix {
            Suffix::NotBegun if leaves => Suffix::Begun(header.whole.start),
            Suffix::Begun(start) if stays || !(leaves || header.id == id::CUSTOM) => {
                Suffix::Ended(start, header.whole.start)
            }
            suffix => suffix,
        };
    }
}

impl<S: Source + ?Sized> Walk<'_, S> {
    /// Reads one section of the innermost binary, or leaves that binary.
    fn step(&mut self) -> Result<(), Error> {
        let Some(frame) = self.stack.last() else {
            return Ok(());
        };
        if frame.at >= frame.range.end {
            self.close();
            return Ok(());
        }
        let start = frame.at;
        let end = frame.range.end;
        match readable(self.header(start, end))? {
            Some(header) if header.payload.end <= end => self.section(header)?,
            Some(_) => self.damaged(start, "a section past the end of its module or component"),
            None => self.damaged(start, "a section header that cannot be read"),
        }
        Ok(())
    }

    fn header(&mut self, start: u64, end: u64) -> Result<Header, Halt> {
        let mut reader = Reader::new(&mut self.window, start..end);
        let id = reader.byte()?;
        let size = u64::from(reader.u32()?);
        let payload = reader.at()..reader.at() + size;
        Ok(Header {
            id,
            index: 0,
            whole: start..payload.end,
            payload,
        })
    }

    /// Gives up on the innermost binary: its rest stays in the root, and it has no suffix. The rest of the file
    /// itself may have imports and exports, so both lists end.
    fn damaged(&mut self, offset: u64, reason: impl Into<Cow<'static, str>>) {
        if self.stack.len() == 1 {
            self.imports.end();
            self.exports.end();
        }
        if let Some(frame) = self.stack.last_mut() {
            frame.at = frame.range.end;
            frame.suffix = Suffix::None;
        }
        let reason = reason.into();
        self.map.damage.get_or_insert(Damage { offset, reason });
    }

    fn section(&mut self, mut header: Header) -> Result<(), Error> {
        let depth = self.stack.len() - 1;
        let Some(frame) = self.stack.last_mut() else {
            return Ok(());
        };
        let count = &mut frame.counts[usize::from(header.id)];
        header.index = *count;
        *count = count.saturating_add(1);
        frame.at = header.payload.end;
        let kind = frame.kind;
        self.map.seen += 1;
        match (kind, header.id) {
            (_, id::CUSTOM) => return self.custom(header, depth),
            (BinaryKind::Component, id::CORE_MODULE | id::COMPONENT) => {
                return self.nested(header, depth);
            }
            (BinaryKind::Module, 2) | (BinaryKind::Component, 10) if depth == 0 => {
                let reader = Reader::new(&mut self.window, header.payload.clone());
                readable(self.imports.read(reader, kind, Entries::Imports))?;
            }
            (BinaryKind::Module, 7) | (BinaryKind::Component, 11) if depth == 0 => {
                let reader = Reader::new(&mut self.window, header.payload.clone());
                readable(self.exports.read(reader, kind, Entries::Exports))?;
            }
            _ => {}
        }
        self.pass(&header, false);
        let content = header.payload.clone();
        let is_data = kind == BinaryKind::Module && header.id == id::DATA;
        if let Some(section) = self.record(header, content.clone(), None, false)
            && is_data
        {
            self.segments(section, content)?;
        }
        Ok(())
    }

    fn pass(&mut self, header: &Header, stays: bool) {
        if let Some(frame) = self.stack.last_mut() {
            frame.pass(header, stays);
        }
    }

    fn segments(&mut self, section: usize, payload: Range<u64>) -> Result<(), Error> {
        if let Some(wanted) = self.data_section
            && self.map.section_path(&self.map.sections[section]) != wanted
        {
            return Ok(());
        }
        let limit = MAX_RECORDED.saturating_sub(self.recorded());
        let reader = Reader::new(&mut self.window, payload);
        if let Some(found) = readable(segments(reader, section, self.floor, limit))? {
            self.map.segments.extend(found);
        }
        Ok(())
    }

    fn custom(&mut self, header: Header, depth: usize) -> Result<(), Error> {
        let mut reader = Reader::new(&mut self.window, header.payload.clone());
        let Some(name) = readable(reader.vector())? else {
            self.pass(&header, true);
            let content = header.payload.clone();
            self.record(header, content, Some("".into()), true);
            return Ok(());
        };
        let content = reader.rest();
        let long = content.end - content.start >= self.floor;
        let limit = if long { MAX_PATH_NAME_BYTES } else { 32 };
        let bytes = self.window.bytes(name, limit)?;
        let stays_in_root = bytes == b"package-docs" || bytes.starts_with(b"component-type");
        self.pass(&header, stays_in_root);
        if bytes == ASSETS.as_bytes() {
            self.mark_assets(&content);
        }
        if depth == 0 {
            self.describe(&bytes, content.clone())?;
        }
        if long {
            self.record(header, content, Some(path_name(&bytes)), stays_in_root);
        }
        Ok(())
    }

    /// Notes where the innermost binary lists files, if it is a component.
    fn mark_assets(&mut self, list: &Range<u64>) {
        if let Some(frame) = self.stack.last_mut()
            && frame.kind == BinaryKind::Component
            && frame.assets.is_none()
        {
            frame.assets = Some(list.clone());
            if let Some(binary) = frame.recorded {
                self.map.binaries[binary].assets = Some(list.clone());
            }
        }
    }

    /// Records the metadata in one of the file's own custom sections.
    fn describe(&mut self, name: &[u8], content: Range<u64>) -> Result<(), Error> {
        match (name, self.map.kind) {
            (b"producers", _) => {
                let bytes = self.window.bytes(content, MAX_PRODUCERS_BYTES + 1)?;
                self.map.producers = (bytes.len() <= MAX_PRODUCERS_BYTES).then_some(bytes);
            }
            (b"component-name", BinaryKind::Component) | (b"name", BinaryKind::Module) => {
                let reader = Reader::new(&mut self.window, content);
                self.map.name = readable(own_name(reader))?;
            }
            _ => self.text(name, content)?,
        }
        Ok(())
    }

    /// Records the text of a known custom section. The last section of a name counts.
    fn text(&mut self, name: &[u8], content: Range<u64>) -> Result<(), Error> {
        let Some(name) = TEXTS.iter().find(|text| text.as_bytes() == name) else {
            return Ok(());
        };
        let bytes = self.window.bytes(content, MAX_TEXT_BYTES + 1)?;
        if bytes.len() <= MAX_TEXT_BYTES
            && let Ok(text) = String::from_utf8(bytes)
        {
            self.map.texts.retain(|(known, _)| known != name);
            self.map.texts.push(((*name).to_owned(), text));
        }
        Ok(())
    }

    fn nested(&mut self, header: Header, depth: usize) -> Result<(), Error> {
        let expected = match header.id {
            id::CORE_MODULE => BinaryKind::Module,
            _ => BinaryKind::Component,
        };
        let header_bytes = self.window.bytes(header.payload.clone(), 8)?;
        let kind = <[u8; 8]>::try_from(header_bytes.as_slice())
            .ok()
            .and_then(|bytes| BinaryKind::read(&bytes));
        if kind == Some(expected) && depth < MAX_DEPTH {
            self.map.binaries_seen += 1;
            let frame = Frame::new(expected, header.payload, header.index, None);
            self.stack.push(frame);
        } else {
            let content = header.payload.clone();
            self.record(header, content, None, false);
        }
        Ok(())
    }

    fn recorded(&self) -> usize {
        self.map.binaries.len() + self.map.sections.len() + self.map.segments.len() + self.names
    }

    fn record(
        &mut self,
        header: Header,
        content: Range<u64>,
        name: Option<Box<str>>,
        stays_in_root: bool,
    ) -> Option<usize> {
        let room = self.recorded() + self.stack.len() < MAX_RECORDED;
        if content.end - content.start < self.floor {
            return None;
        }
        if !room {
            self.map.unrecorded += 1;
            return None;
        }
        let binary = self.record_binary()?;
        self.names += name
            .as_ref()
            .map_or(0, |name| name.len() / NAME_BYTES_PER_ENTRY);
        self.map.sections.push(Section {
            binary,
            id: header.id,
            index: header.index,
            whole: header.whole,
            content,
            name,
            stays_in_root,
        });
        Some(self.map.sections.len() - 1)
    }

    /// Records the innermost binary and all enclosing ones, unless they are recorded.
    fn record_binary(&mut self) -> Option<usize> {
        let mut parent = None;
        for frame in &mut self.stack {
            let recorded = *frame.recorded.get_or_insert_with(|| {
                self.map.binaries.push(Binary {
                    kind: frame.kind,
                    parent,
                    index: frame.index,
                    range: frame.range.clone(),
                    suffix: None,
                    assets: frame.assets.clone(),
                });
                self.map.binaries.len() - 1
            });
            parent = Some(recorded);
        }
        parent
    }

    /// Leaves the innermost binary, whose suffix is now known.
    fn close(&mut self) {
        let suffix = self.stack.last().and_then(Frame::suffix);
        if let Some(suffix) = suffix.filter(|suffix| suffix.end - suffix.start >= self.floor)
            && self.recorded() + self.stack.len() < MAX_RECORDED
            && let Some(binary) = self.record_binary()
        {
            self.map.binaries[binary].suffix = Some(suffix);
        }
        self.stack.pop();
    }
}

/// Reads the binary's own name from a name section. It is the first subsection, because subsections have ascending
/// ids.
fn own_name<S: Source + ?Sized>(mut reader: Reader<'_, '_, S>) -> Result<String, Halt> {
    const ITSELF: u8 = 0;
    if reader.byte()? != ITSELF {
        return Err(Halt::Unreadable);
    }
    let subsection = reader.vector()?;
    let name = reader.within(subsection.clone()).vector()?;
    if name.end != subsection.end || name.end - name.start > MAX_TEXT_BYTES as u64 {
        return Err(Halt::Unreadable);
    }
    let bytes = reader.bytes(name, MAX_TEXT_BYTES)?;
    String::from_utf8(bytes).map_err(|_| Halt::Unreadable)
}

/// Replaces every byte that is not allowed in a path, and every byte with a meaning in paths.
fn path_name(bytes: &[u8]) -> Box<str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let chars = bytes
        .iter()
        .map(|&byte| if plain(byte) { char::from(byte) } else { '_' });
    chars.collect::<String>().into()
}
