//! A component that is about to be stored: its section map, its split plan and the digests of all its parts.
//!
//! This module joins `section`, `split`, `stub`, `metadata` and `encoding`. It reads from a
//! [`Source`] and writes to files that the caller opens. It must not know stores, registries
//! or references.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use crate::artifact;
use crate::digest::{Hasher, Identity};
use crate::encoding::{
    ContentKind, EncodedBlob, EncodedLayer, Encoders, Encoding, Frames, MAX_FRAME_CONTENT,
};
use crate::error::Error;
use crate::manifest::{Annotations, Config, media_type};
use crate::metadata;
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

    /// Returns the bytes of the component.
    pub fn source(&self) -> &S {
        &self.source
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

    /// Returns a reader of a layer's content. The layers count as in [`Component::contents`]. `read` receives the size of
    /// each piece that was read.
    pub fn content<'a>(
        &'a self,
        layer: usize,
        read: &'a (dyn Fn(u64) + Sync),
    ) -> impl Read + use<'a, S> {
        HashingReader::new(&self.source, self.layer_ranges(layer), read)
    }

    /// Returns a layer's content as a source of its own. The layers count as in [`Component::contents`].
    pub fn content_source(&self, layer: usize) -> ContentSource<'_, S> {
        ContentSource {
            source: &self.source,
            ranges: self.layer_ranges(layer),
        }
    }

    fn layer_ranges(&self, layer: usize) -> Vec<Range<u64>> {
        match layer.checked_sub(1) {
            Some(section) => vec![self.plan.layers[section].range.clone()],
            None => self.plan.root_ranges().collect(),
        }
    }

    /// Returns the section path of a layer. The layers count as in [`Component::contents`], so the root is 0.
    pub fn path(&self, layer: usize) -> &str {
        self.config.path(layer)
    }

    fn matter(&self, layer: usize) -> ContentKind {
        let last = self.path(layer).rsplit('/').next().unwrap_or_default();
        match last.starts_with("code[") || last.starts_with("suffix[") {
            true => ContentKind::Code,
            false => ContentKind::Other,
        }
    }

    /// Writes the whole component. `read` receives the number of bytes read so far.
    ///
    /// Fails if the content has changed since the component was read.
    pub fn copy_to(&self, output: impl Write, read: &(dyn Fn(u64) + Sync)) -> Result<(), Error> {
        let whole = self.config.content;
        let mut reader = HashingReader::whole(&self.source, whole.size, read);
        copy(&mut reader, output).map_err(|source| Error::Encode {
            path: media_type::WASM.to_owned(),
            source,
        })?;
        reader.hasher.check(whole).map_err(|_| Error::Changed)
    }
}

/// The content of a layer.
pub struct ContentSource<'a, S> {
    source: &'a S,
    ranges: Vec<Range<u64>>,
}

impl<S: Source> Source for ContentSource<'_, S> {
    fn size(&self) -> io::Result<u64> {
        Ok(self
            .ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum())
    }

    fn read_at(&self, mut offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        for range in &self.ranges {
            let size = range.end - range.start;
            if offset < size {
                let count = buffer
                    .len()
                    .min(usize::try_from(size - offset).unwrap_or(usize::MAX));
                return self
                    .source
                    .read_at(range.start + offset, &mut buffer[..count]);
            }
            offset -= size;
        }
        Ok(0)
    }
}

impl<S: Source + Send + 'static> Component<S> {
    /// Writes a layer to an empty file, raw without encoders. `read` receives the numbers of content bytes as they are
    /// done.
    ///
    /// Fails if the content has changed since the component was read.
    pub fn encode(
        self: &Arc<Self>,
        layer: usize,
        encoders: Option<&Encoders>,
        file: &mut File,
        read: &(dyn Fn(u64) + Sync),
    ) -> Result<EncodedLayer, Error> {
        let failed = |source: io::Error| Error::Encode {
            path: self.path(layer).to_owned(),
            source,
        };
        let content = self.contents().nth(layer).unwrap_or(self.config.root);
        let source = LayerSource::new(self, layer);
        let reported = AtomicU64::new(0);
        let report = |bytes| {
            reported.fetch_add(bytes, Ordering::Relaxed);
            read(bytes);
        };
        let encoded = match encoders {
            Some(encoders) => {
                let level = encoders.level().for_layer(self.matter(layer), content.size);
                let encoded = compress(encoders, Arc::clone(&source), level, file, &report);
                encoded.map_err(failed)?
            }
            None => None,
        };
        if let Some((found, layer)) = encoded {
            return match found == content {
                true => Ok(layer),
                false => Err(Error::Changed),
            };
        }
        let mut reader = HashingReader::whole(source.as_ref(), content.size, &|_| {});
        copy(&mut reader, file).map_err(failed)?;
        // The attempt to compress has reported some of the bytes.
        read(content.size.saturating_sub(reported.into_inner()));
        match reader.hasher.check(content) {
            Ok(()) => Ok(EncodedLayer::from(EncodedBlob {
                blob: content,
                encoding: Encoding::Raw,
            })),
            Err(_) => Err(Error::Changed),
        }
    }
}

/// Compresses a layer into a file. Returns the identity of the bytes read, and the layer. If compression does not pay,
/// this returns nothing and leaves the file empty.
///
/// This thread writes and hashes the frames. Another one hashes the content of each frame after the frame is complete,
/// so that a change before that is detected.
fn compress<S: Source + Send + 'static>(
    encoders: &Encoders,
    source: Arc<LayerSource<S>>,
    level: u8,
    file: &mut File,
    read: &(dyn Fn(u64) + Sync),
) -> io::Result<Option<(Identity, EncodedLayer)>> {
    let panicked = |_| io::Error::other("a thread panicked");
    let (encoded, frames) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        let content = Arc::clone(&source);
        let reading = scope.spawn(move || {
            let mut reader = HashingReader::whole(content.as_ref(), content.size, read);
            for () in frames {
                copy(&mut (&mut reader).take(MAX_FRAME_CONTENT), io::sink())?;
            }
            Ok::<_, io::Error>(reader.hasher.identity())
        });
        let mut hasher = Hasher::new();
        let frames = encoders.compress(source, level, |frame| {
            hasher.update(frame);
            // If the other thread failed, it reports its own error.
            let _other_may_be_gone = encoded.send(());
            file.write_all(frame)
        });
        drop(encoded);
        let found = reading.join().map_err(panicked)??;
        let layer = |frames: Frames| EncodedLayer {
            stored: EncodedBlob {
                blob: hasher.identity(),
                encoding: Encoding::Zstd,
            },
            frames,
        };
        Ok::<_, io::Error>(frames?.map(layer).map(|layer| (found, layer)))
    })?;
    if outcome.is_none() {
        file.set_len(0)?;
        file.rewind()?;
    }
    Ok(outcome)
}

/// The content of a layer.
struct LayerSource<S> {
    component: Arc<Component<S>>,
    /// The ranges of the component, and the offset of each in the content.
    ranges: Vec<(u64, Range<u64>)>,
    size: u64,
}

impl<S: Source> LayerSource<S> {
    fn new(component: &Arc<Component<S>>, layer: usize) -> Arc<Self> {
        let (mut ranges, mut size) = (Vec::new(), 0);
        let add = |range: Range<u64>| {
            let length = range.end - range.start;
            ranges.push((size, range));
            size += length;
        };
        component.layer_ranges(layer).into_iter().for_each(add);
        Arc::new(Self {
            component: Arc::clone(component),
            ranges,
            size,
        })
    }
}

impl<S: Source + Send> Source for LayerSource<S> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let next = self.ranges.partition_point(|(start, _)| *start <= offset);
        let Some((start, range)) = next.checked_sub(1).map(|index| &self.ranges[index]) else {
            return Ok(0);
        };
        let at = range.start.saturating_add(offset - start).min(range.end);
        let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        self.component.source.read_at(at, &mut buffer[..wanted])
    }
}

fn copy(reader: &mut impl Read, output: impl Write) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(BUFFER_BYTES, output);
    io::copy(reader, &mut output)?;
    output.flush()
}

/// Reads ranges of a source, hashes them, and reports the bytes.
struct HashingReader<'a, S> {
    source: RangesReader<'a, S, std::vec::IntoIter<Range<u64>>>,
    hasher: Hasher,
    read: &'a (dyn Fn(u64) + Sync),
}

impl<'a, S: Source> HashingReader<'a, S> {
    fn whole(source: &'a S, size: u64, read: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self::new(source, std::iter::once(0..size).collect(), read)
    }

    fn new(source: &'a S, ranges: Vec<Range<u64>>, read: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self {
            source: RangesReader::new(source, ranges),
            hasher: Hasher::new(),
            read,
        }
    }
}

impl<S: Source> Read for HashingReader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        (self.read)(read as u64);
        Ok(read)
    }
}
