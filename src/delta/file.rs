//! A delta file that is being read.

use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::base::Base;
use super::map::Map;
use super::{Error, Header, MAX_BASE_BYTES, Method, Part};
use crate::digest::{HashingWriter, Identity};
use crate::source::{RangesReader, Source};

/// The size of the pieces that decoders write.
const OUTPUT_BYTES: usize = 64 * 1024;

/// A delta file with its header, and the range of each part.
#[derive(Debug)]
pub struct DeltaFile<S> {
    /// The header.
    pub header: Header,
    source: S,
    ranges: Vec<Range<u64>>,
    /// The map that was used last, and the number of its part.
    last_map: Mutex<Option<(usize, Arc<Map>)>>,
}

impl<S: Source> DeltaFile<S> {
    /// Reads the header, and checks that header and parts are the whole file.
    pub fn open(source: S) -> Result<Self, Error> {
        let size = source
            .size()
            .map_err(|error| Error::File("reading the delta file", error))?;
        let whole = RangesReader::new(&source, std::iter::once(0..size));
        let (header, mut at) = Header::read(BufReader::new(whole))?;
        let parts = header.parts.iter().map(|part| u128::from(part.length));
        let expected = u128::from(at) + parts.sum::<u128>();
        if expected != u128::from(size) {
            let found = size;
            return Err(Error::FileSize { expected, found });
        }
        // The sum is the file's size, so no end is above it.
        let ranges = header.parts.iter().map(|part| {
            let start = at;
            at += part.length;
            start..at
        });
        Ok(Self {
            ranges: ranges.collect(),
            header,
            source,
            last_map: Mutex::new(None),
        })
    }

    /// Decodes a part to `output`, and checks the content.
    ///
    /// `base` is the content that the part names. Fails before the first byte if the part has an unknown method, or a
    /// base that the method does not use or that is too large. After a later error `output` has wrong bytes.
    pub fn decode(
        &self,
        part: usize,
        base: Base<'_>,
        content: Identity,
        output: &mut dyn Write,
    ) -> Result<(), Error> {
        let &Part { method, size, .. } = &self.header.parts[part];
        self.header.check(part, &self.header.parts[part])?;
        let failed = |source| Error::Part { part, source };
        if size != content.size {
            let found = Identity { size, ..content };
            let expected = content;
            let source = crate::digest::Mismatch { expected, found };
            return Err(Error::Content { part, source });
        }
        let map = self.map_of(part)?;
        let output = HashingWriter::new(output);
        let mut output = BufWriter::with_capacity(OUTPUT_BYTES, output);
        let mut stored = self.stored(part);
        method
            .decode(base, &map, &mut stored, size, &mut output)
            .map_err(failed)?;
        let output = output
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let checked = output.into_hasher().check(content);
        checked.map_err(|source| Error::Content { part, source })
    }

    fn stored(&self, part: usize) -> impl Read {
        RangesReader::new(&self.source, std::iter::once(self.ranges[part].clone()))
    }

    /// Decodes the map that a part uses, which is empty without one.
    fn map_of(&self, part: usize) -> Result<Arc<Map>, Error> {
        let Some(index) = self.header.map(self.header.parts[part].map) else {
            return Ok(Arc::default());
        };
        let mut last = self.last_map.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, map)) = last.as_ref().filter(|(last, _)| *last == index) {
            return Ok(Arc::clone(map));
        }
        let size = self.header.parts[index].size;
        let mut bytes = Vec::new();
        let decoded = Method::Whole.decode(
            Base::Memory(&[]),
            &Map::default(),
            &mut self.stored(index),
            size,
            &mut bytes,
        );
        decoded.map_err(|source| Error::Part {
            part: index,
            source,
        })?;
        let map = Arc::new(Map::from_bytes(&bytes).ok_or(Error::Map { part: index })?);
        *last = Some((index, Arc::clone(&map)));
        Ok(map)
    }
}

/// Reads a base into memory.
pub(super) fn read_base(content: impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut base = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    content.take(MAX_BASE_BYTES + 1).read_to_end(&mut base)?;
    Ok(base)
}
