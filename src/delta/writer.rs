//! Writes delta files.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use super::maker::{self, ContentPair, EncodedPart};
use super::map::Map;
use super::options::{Classes, Effort, Options};
use super::{Error, Header, MAX_BASE_BYTES, Method, Part, PartKind, Role, prefix};
use crate::digest::{Digest, Identity};
use crate::split::SplitPolicy;

/// A delta file that is being written. The header has the sizes of all parts, so the parts are kept in a file until the
/// last one is complete.
pub struct DeltaWriter<'a, F> {
    header: Header,
    parts: &'a mut F,
    /// The size of all parts, in bytes. The file may be longer, because a part that is left out stays behind it.
    end: u64,
    options: Options,
    progress: &'a (dyn Fn(u64) + Sync),
    is_limited: bool,
    classes: Vec<Classes>,
}

/// A content to add.
pub struct PartContent<'a> {
    /// The kind of the content.
    pub kind: PartKind,
    /// Its role in its module.
    pub role: Role,
    /// Its size, in bytes.
    pub size: u64,
    /// Its bytes.
    pub bytes: Box<dyn Read + 'a>,
    /// The old content and its bytes.
    pub base: Option<(Identity, Box<dyn Read + 'a>)>,
    /// The part is left out if it would have this many bytes or more.
    pub limit: u64,
}

impl<'a, F: Read + Write + Seek> DeltaWriter<'a, F> {
    /// Begins a delta file. `parts` is an empty file for the encoded parts. `progress` receives numbers of content bytes
    /// as they are done.
    pub fn new(
        source: Digest,
        target: Digest,
        policy: Option<SplitPolicy>,
        options: Options,
        parts: &'a mut F,
        progress: &'a (dyn Fn(u64) + Sync),
    ) -> Self {
        let header = Header {
            source,
            target,
            policy,
            parts: Vec::new(),
        };
        Self {
            header,
            parts,
            end: 0,
            options,
            progress,
            is_limited: false,
            classes: Vec::new(),
        }
    }

    /// Adds the parts of contents that belong together, see [`groups`](super::groups). Returns whether each was added.
    pub fn add(&mut self, contents: Vec<PartContent<'_>>) -> io::Result<Vec<bool>> {
        let has_bases = contents.iter().all(|content| content.base.is_some());
        if has_bases && self.fits(&contents, self.options.effort) {
            return self.add_in_memory(contents, self.options.effort);
        }
        let mut added = Vec::new();
        for content in contents {
            if content.base.is_none() {
                added.push(self.add_streamed(content)?);
                continue;
            }
            let content = vec![content];
            let efforts = [self.options.effort, Effort::Fast];
            let effort = efforts
                .into_iter()
                .find(|effort| self.fits(&content, *effort));
            self.is_limited |= effort != Some(self.options.effort);
            added.extend(match effort {
                Some(effort) => self.add_in_memory(content, effort)?,
                None => content
                    .into_iter()
                    .map(|content| self.add_streamed(content))
                    .collect::<Result<_, _>>()?,
            });
        }
        Ok(added)
    }

    /// Returns whether there is memory for the encoders of these contents.
    fn fits(&self, contents: &[PartContent<'_>], effort: Effort) -> bool {
        let sizes = contents.iter().map(|content| {
            let old = content.base.as_ref().map_or(0, |(base, _)| base.size);
            (content.role, old, content.size)
        });
        maker::memory(effort, &sizes.collect::<Vec<_>>()) <= self.options.memory
    }

    fn add_in_memory(
        &mut self,
        contents: Vec<PartContent<'_>>,
        effort: Effort,
    ) -> io::Result<Vec<bool>> {
        let (mut pairs, mut described) = (Vec::new(), Vec::new());
        for content in contents {
            let PartContent {
                kind,
                role,
                size,
                bytes,
                base,
                limit,
            } = content;
            let Some((base, base_bytes)) = base else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            let old = read_all(base_bytes, base.size)?;
            let new = read_all(bytes, size)?;
            pairs.push(ContentPair { role, old, new });
            described.push((kind, size, base, limit));
        }
        let options = Options {
            effort,
            ..self.options
        };
        let (map, parts) = maker::encode(&pairs, options, self.progress)?;
        let mut kept = Vec::new();
        for ((part, pair), (_, _, _, limit)) in parts.into_iter().zip(&pairs).zip(&described) {
            let part = match part {
                // A standalone file has every content.
                None if self.header.policy.is_some() => {
                    Some(maker::whole_part(&pair.new, self.options.level)?)
                }
                part => part,
            };
            kept.push(part.filter(|part| (part.bytes.len() as u64) < *limit));
        }
        let uses_map = kept.iter().flatten().any(|part| part.uses_map);
        let map = match map.filter(|_| uses_map) {
            Some(map) => self.add_map(&map)?,
            None => 0,
        };
        let added = kept.iter().map(Option::is_some).collect();
        for (part, (kind, size, base, _)) in kept.into_iter().zip(described) {
            let Some(part) = part else { continue };
            let method = part.method;
            let described = Part {
                kind,
                method,
                size,
                base: Some(base).filter(|_| method.has_base()),
                map: if part.uses_map { map } else { 0 },
                length: 0,
            };
            self.push_part(described, part)?;
        }
        Ok(added)
    }

    /// Adds a map. Returns one more than the number of its part.
    fn add_map(&mut self, map: &Map) -> io::Result<u64> {
        let content = map.to_bytes();
        let size = content.len() as u64;
        let mut part = maker::whole_part(&content, 19)?;
        part.classes = vec![("map", part.bytes.len() as u64)];
        self.push_part(
            Part {
                kind: PartKind::Map,
                method: Method::Whole,
                size,
                base: None,
                map: 0,
                length: 0,
            },
            part,
        )?;
        Ok(self.header.parts.len() as u64)
    }

    fn push_part(&mut self, part: Part, encoded: EncodedPart) -> io::Result<()> {
        self.parts.seek(SeekFrom::Start(self.end))?;
        self.parts.write_all(&encoded.bytes)?;
        let length = encoded.bytes.len() as u64;
        self.end += length;
        self.header.parts.push(Part { length, ..part });
        self.classes.push(encoded.classes);
        Ok(())
    }

    /// Adds a part with method prefix or whole, unless it is too large. It then stops to read the content at the limit.
    /// Returns whether it was added.
    fn add_streamed(&mut self, content: PartContent<'_>) -> io::Result<bool> {
        let PartContent {
            kind,
            size,
            mut bytes,
            base,
            limit,
            ..
        } = content;
        let (method, base, base_bytes) = match base {
            Some((base, bytes)) if base.size <= MAX_BASE_BYTES => {
                (Method::Prefix, Some(base), read_all(bytes, base.size)?)
            }
            // An attached file leaves it out, and a standalone one has it whole.
            Some(_) if self.header.policy.is_none() => return Ok(false),
            _ => (Method::Whole, None, Vec::new()),
        };
        self.parts.seek(SeekFrom::Start(self.end))?;
        let mut output = LimitedWriter {
            output: BufWriter::new(&mut *self.parts),
            length: 0,
            limit,
        };
        let mut reader = ProgressReader {
            bytes: &mut bytes,
            left: size,
            progress: self.progress,
        };
        let level = self.options.level;
        let encoded = prefix::encode(&base_bytes, &mut reader, size, level, &mut output);
        (self.progress)(reader.left);
        let length = output.length;
        if length >= limit {
            return Ok(false);
        }
        encoded?;
        output.flush()?;
        drop(output);
        self.end += length;
        let map = 0;
        self.header.parts.push(Part {
            kind,
            method,
            size,
            base,
            map,
            length,
        });
        self.classes.push(vec![("frames", length)]);
        Ok(true)
    }

    /// Returns whether there are no parts.
    pub fn is_empty(&self) -> bool {
        self.header.parts.is_empty()
    }

    /// Returns whether a content had too little memory for all methods.
    pub fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// Returns the parts so far, with the classes of their bytes.
    pub fn parts(&self) -> impl Iterator<Item = (&Part, &Classes)> {
        self.header.parts.iter().zip(&self.classes)
    }

    /// Writes header and parts. Returns the size of the file in bytes.
    pub fn finish(self, output: &mut dyn Write) -> Result<u64, Error> {
        let header = self.header.to_bytes();
        let mut write = || {
            self.parts.rewind()?;
            output.write_all(&header)?;
            io::copy(&mut self.parts.take(self.end), output)?;
            output.flush()?;
            Ok(header.len() as u64 + self.end)
        };
        write().map_err(|error| Error::File("writing the delta file", error))
    }
}

/// Reads a content. A content of another size is an error.
fn read_all(bytes: impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    bytes
        .take(size.saturating_add(1))
        .read_to_end(&mut content)?;
    match content.len() as u64 == size {
        true => Ok(content),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Reports the bytes that are read.
struct ProgressReader<'a> {
    bytes: &'a mut dyn Read,
    /// The bytes that were not read yet.
    left: u64,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Read for ProgressReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        (self.progress)(read as u64);
        Ok(read)
    }
}

/// Fails when the limit is reached, which ends the encoder.
struct LimitedWriter<W> {
    output: W,
    /// The bytes so far, with those of the write that failed.
    length: u64,
    limit: u64,
}

impl<W: Write> Write for LimitedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len() as u64;
        if self.length >= self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.output.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
