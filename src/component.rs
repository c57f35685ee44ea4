//! A component that is about to be stored: its map, its plan, and the identities of all its parts.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::ops::Range;

use crate::artifact::{self, Stored};
use crate::digest::{Hasher, Identity};
use crate::encoding::{self, Encoding, Level, Matter};
use crate::error::Error;
use crate::manifest::{Annotations, Config};
use crate::metadata;
use crate::section::{self, SectionMap};
use crate::source::{RangesReader, Source};
use crate::split::{self, SplitPlan, SplitPolicy};

/// How many bytes are written to a layer's file at a time.
const BUFFER_BYTES: usize = 128 * 1024;

/// A component, cut.
pub struct Component<S> {
    source: S,
    /// Where everything lies.
    pub map: SectionMap,
    /// What leaves the root.
    pub plan: SplitPlan,
    /// The split config.
    pub config: Config,
    /// What the component says of itself, as annotations.
    pub metadata: Annotations,
}

impl<S: Source> Component<S> {
    /// Maps, plans and hashes a component. Nothing is kept of its bytes.
    pub fn read(source: S, policy: &SplitPolicy) -> Result<Self, Error> {
        let map = section::map(&source, policy.floor)?;
        let plan = split::plan(&map, policy);
        let identities = split::identify(&source, &plan).map_err(Error::Source)?;
        let config = artifact::config(&map, &plan, &identities);
        let metadata = metadata::annotations(&map);
        Ok(Self {
            source,
            map,
            plan,
            config,
            metadata,
        })
    }

    /// Returns the contents of the layers in manifest order, the root first.
    pub fn contents(&self) -> impl Iterator<Item = Identity> + '_ {
        let layers = self.config.layers.iter().map(|layer| Identity {
            digest: layer.digest,
            size: layer.size,
        });
        std::iter::once(self.config.root).chain(layers)
    }

    /// Returns the section path of a layer, counted as [`Component::contents`] does.
    pub fn path(&self, layer: usize) -> &str {
        match layer.checked_sub(1) {
            Some(section) => &self.config.layers[section].path,
            None => "root",
        }
    }

    fn matter(&self, layer: usize) -> Matter {
        let last = self.path(layer).rsplit('/').next().unwrap_or_default();
        match last.starts_with("code[") || last.starts_with("suffix[") {
            true => Matter::Code,
            false => Matter::Other,
        }
    }

    /// Writes a layer, encoded, to an empty file. `read` is told how much content went through.
    ///
    /// Fails if the content is no longer what it was when the component was read.
    pub fn encode(
        &self,
        layer: usize,
        level: Option<Level>,
        file: &mut File,
        read: &dyn Fn(u64),
    ) -> Result<Stored, Error> {
        let failed = |source: io::Error| Error::Encode {
            path: self.path(layer).to_owned(),
            source,
        };
        let content = self.contents().nth(layer).unwrap_or(self.config.root);
        if let Some(level) = level {
            let mut reader = self.reader(layer, read);
            let mut output = HashingWriter::new(&mut *file);
            let level = level.for_layer(self.matter(layer), content.size);
            let compressed = encoding::compress(&mut reader, content.size, level, &mut output);
            if compressed.map_err(failed)? {
                if reader.hasher.check(content).is_err() {
                    return Err(Error::Changed);
                }
                return Ok(Stored {
                    blob: output.hasher.identity(),
                    encoding: Encoding::Zstd,
                });
            }
            file.set_len(0)
                .and_then(|()| file.rewind())
                .map_err(failed)?;
        }
        let mut reader = self.reader(layer, &|_| {});
        copy(&mut reader, file).map_err(failed)?;
        match reader.hasher.check(content) {
            Ok(()) => Ok(Stored {
                blob: content,
                encoding: Encoding::Raw,
            }),
            Err(_) => Err(Error::Changed),
        }
    }

    fn reader<'a>(
        &'a self,
        layer: usize,
        read: &'a dyn Fn(u64),
    ) -> HashingReader<'a, impl Read + 'a> {
        let ranges: Vec<Range<u64>> = match layer.checked_sub(1) {
            Some(section) => vec![self.plan.layers[section].range.clone()],
            None => self.plan.root_ranges().collect(),
        };
        HashingReader {
            source: RangesReader::new(&self.source, ranges),
            hasher: Hasher::new(),
            read,
        }
    }
}

/// Hashes what is read through it.
struct HashingReader<'a, R> {
    source: R,
    hasher: Hasher,
    read: &'a dyn Fn(u64),
}

impl<R: Read> Read for HashingReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        (self.read)(read as u64);
        Ok(read)
    }
}

/// Hashes what is written through it.
struct HashingWriter<W> {
    output: W,
    hasher: Hasher,
}

impl<W> HashingWriter<W> {
    fn new(output: W) -> Self {
        let hasher = Hasher::new();
        Self { output, hasher }
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => to.write_all(&buffer[..read])?,
        }
    }
}
