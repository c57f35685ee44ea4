//! A component that is about to be stored: its section map, its split plan and the digests of all its parts.
//!
//! This module joins `section`, `split`, `stub`, `metadata` and `encoding`. It reads from a
//! [`Source`] and writes to files that the caller opens. It must not know stores, registries
//! or references.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::ops::Range;
use std::thread;

use crate::artifact;
use crate::digest::{Hasher, Identity};
use crate::encoding::{self, ContentKind, EncodedBlob, Encoding, Level};
use crate::error::Error;
use crate::manifest::{Annotations, Config, media_type};
use crate::metadata;
use crate::pipe::pipe;
use crate::section::{self, SectionMap};
use crate::source::{RangesReader, Source};
use crate::split::{self, SplitPlan, SplitPolicy};
use crate::stub;

const BUFFER_BYTES: usize = 128 * 1024;

/// A component with its section map and split plan.
pub struct Component<S> {
    source: S,
    /// The sections, with their ranges.
    pub map: SectionMap,
    /// The ranges that leave the root.
    pub plan: SplitPlan,
    /// The split config.
    pub config: Config,
    /// The component's own metadata, as annotations.
    pub metadata: Annotations,
}

impl<S: Source> Component<S> {
    /// Maps, plans and hashes a component. Its bytes stay in the source.
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

    /// Builds the [stub] of the component.
    pub fn stub(&self) -> Result<Vec<u8>, stub::Error> {
        stub::of_source(&self.source)
    }

    /// Returns the contents of the layers in manifest order: the root first.
    pub fn contents(&self) -> impl Iterator<Item = Identity> + '_ {
        let layers = self.config.layers.iter().map(|layer| Identity {
            digest: layer.digest,
            size: layer.size,
        });
        std::iter::once(self.config.root).chain(layers)
    }

    /// Returns the section path of a layer. The layers count as in [`Component::contents`], so the root is 0.
    pub fn path(&self, layer: usize) -> &str {
        match layer.checked_sub(1) {
            Some(section) => &self.config.layers[section].path,
            None => "root",
        }
    }

    fn matter(&self, layer: usize) -> ContentKind {
        let last = self.path(layer).rsplit('/').next().unwrap_or_default();
        match last.starts_with("code[") || last.starts_with("suffix[") {
            true => ContentKind::Code,
            false => ContentKind::Other,
        }
    }

    /// Writes an encoded layer to an empty file. `read` receives the number of content bytes read so far.
    ///
    /// Fails if the content has changed since the component was read.
    pub fn encode(
        &self,
        layer: usize,
        level: Option<Level>,
        file: &mut File,
        read: &(dyn Fn(u64) + Sync),
    ) -> Result<EncodedBlob, Error> {
        let failed = |source: io::Error| Error::Encode {
            path: self.path(layer).to_owned(),
            source,
        };
        let content = self.contents().nth(layer).unwrap_or(self.config.root);
        let stored = match level {
            Some(level) => {
                let level = level.for_layer(self.matter(layer), content.size);
                let encoding = self.compress(layer, content.size, level, file, read);
                encoding.map_err(failed)?
            }
            None => None,
        };
        if let Some((found, blob)) = stored {
            let encoding = Encoding::Zstd;
            return match found == content {
                true => Ok(EncodedBlob { blob, encoding }),
                false => Err(Error::Changed),
            };
        }
        let mut reader = self.reader(layer, &|_| {});
        copy(&mut reader, file).map_err(failed)?;
        match reader.hasher.check(content) {
            Ok(()) => Ok(EncodedBlob {
                blob: content,
                encoding: Encoding::Raw,
            }),
            Err(_) => Err(Error::Changed),
        }
    }

    /// Writes the whole component to an empty file. `read` receives the number of bytes read so far.
    ///
    /// Fails if the content has changed since the component was read.
    pub fn copy_to(&self, file: &mut File, read: &(dyn Fn(u64) + Sync)) -> Result<(), Error> {
        let whole = self.config.content;
        let mut reader = self.ranges(std::iter::once(0..whole.size), read);
        copy(&mut reader, file).map_err(|source| Error::Encode {
            path: media_type::WASM.to_owned(),
            source,
        })?;
        reader.hasher.check(whole).map_err(|_| Error::Changed)
    }

    /// Compresses a layer into a file. Returns the identity of the bytes read and of the bytes written. If
    /// compression does not pay, this returns nothing and leaves the file empty.
    ///
    /// One thread reads ahead and another one writes behind.
    fn compress(
        &self,
        layer: usize,
        size: u64,
        level: u8,
        file: &mut File,
        read: &(dyn Fn(u64) + Sync),
    ) -> io::Result<Option<(Identity, Identity)>> {
        let panicked = |_| io::Error::other("a thread panicked");
        let (filler, content) = pipe();
        let (mut frame, drainer) = pipe();
        let outcome = thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let mut reader = self.reader(layer, read);
                filler.fill_from(&mut reader)?;
                Ok::<_, io::Error>(reader.hasher.identity())
            });
            let writing = scope.spawn(|| {
                let mut hasher = Hasher::new();
                let drained = drainer.drain(|bytes| {
                    hasher.update(bytes);
                    file.write_all(bytes)
                });
                // The writing side of the pipe stops only when the drainer is dropped.
                drop(drainer);
                drained.map(|()| hasher.identity())
            });
            let compressed = encoding::compress(&mut content.reader(), size, level, &mut frame);
            drop(frame);
            // A thread's own error says more than the broken pipe that it causes.
            let written = writing.join().map_err(panicked)??;
            let found = reading.join().map_err(panicked)??;
            Ok::<_, io::Error>(compressed?.then_some((found, written)))
        })?;
        if outcome.is_none() {
            file.set_len(0)?;
            file.rewind()?;
        }
        Ok(outcome)
    }

    /// Returns a reader of a layer's content. The layers count as in [`Component::contents`]. `read` receives the size of
    /// each piece that was read.
    pub fn content<'a>(
        &'a self,
        layer: usize,
        read: &'a (dyn Fn(u64) + Sync),
    ) -> impl Read + use<'a, S> {
        self.reader(layer, read)
    }

    fn reader<'a>(
        &'a self,
        layer: usize,
        read: &'a (dyn Fn(u64) + Sync),
    ) -> HashingReader<'a, impl Read + 'a> {
        let ranges: Vec<Range<u64>> = match layer.checked_sub(1) {
            Some(section) => vec![self.plan.layers[section].range.clone()],
            None => self.plan.root_ranges().collect(),
        };
        self.ranges(ranges, read)
    }

    fn ranges<'a>(
        &'a self,
        ranges: impl IntoIterator<Item = Range<u64>> + 'a,
        read: &'a (dyn Fn(u64) + Sync),
    ) -> HashingReader<'a, impl Read + 'a> {
        HashingReader {
            source: RangesReader::new(&self.source, ranges),
            hasher: Hasher::new(),
            read,
        }
    }
}

fn copy(reader: &mut impl Read, file: &mut File) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(BUFFER_BYTES, file);
    io::copy(reader, &mut output)?;
    output.flush()
}

struct HashingReader<'a, R> {
    source: R,
    hasher: Hasher,
    read: &'a (dyn Fn(u64) + Sync),
}

impl<R: Read> Read for HashingReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        (self.read)(read as u64);
        Ok(read)
    }
}
