//! Ranges of a component, read from the layers that hold them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use super::stub::content;
use super::{OpenArtifact, PullSummary};
use crate::artifact::Layer;
use crate::content::{BlobPlace, StoredContent};
use crate::digest::Identity;
use crate::encoding::{Decoder, Encoding, StoredPart};
use crate::error::Error;
use crate::section::{self, AssetsPlace};
use crate::source::{RangesReader, Source};
use crate::split::{Recipe, SpliceError};
use crate::store::spool::Spool;
use crate::store::{self, Session, Store, TransferSlot, fetch_into};

/// A layer of at most this many stored bytes is fetched whole for any range of it. So most ranges can be checked.
pub const MAX_WHOLE_BYTES: u64 = 1024 * 1024;

const PIECE_BYTES: usize = 128 * 1024;

/// A blob that is no layer is fetched in parts of this size, so that a large one needs little disk.
const MAX_FETCH_BYTES: usize = 64 * 1024 * 1024;

/// Headers at most this far apart are read together. A request takes about as long as the transfer of so many bytes.
const NEAR_BYTES: u64 = 256 * 1024;

/// The result of reading ranges.
#[derive(Debug, Clone)]
pub struct RangeSummary {
    /// The blobs. A part of a blob counts as one blob with the bytes of that part.
    pub pulled: PullSummary,
    /// The number of bytes of fetched parts. A part cannot be checked, because a digest covers only a whole blob.
    pub unchecked_bytes: u64,
}

/// Reads ranges of a stored component. Its methods block, and must run on a thread for blocking work.
///
/// A layer comes from the cache if it is there. Otherwise a small layer, or one of which most is needed, is fetched
/// whole, checked, and added to the cache. Of any other layer only the needed bytes or frames are fetched.
pub struct RangeReader {
    store: Arc<dyn Store>,
    session: Session,
    runtime: Handle,
    recipe: Recipe,
    /// The root, and the section layers.
    layers: Vec<Layer>,
    /// The full section path of each section layer.
    paths: Vec<String>,
    /// The range of each layer that later reads need.
    expected: Vec<Option<Range<u64>>>,
    state: Mutex<State>,
}

struct State {
    /// The last part that was read of each layer.
    parts: Vec<Option<ReadPart>>,
    summary: RangeSummary,
}

/// A part of a layer's content, in a file.
#[derive(Clone)]
struct ReadPart {
    file: Arc<File>,
    /// The range of the content. The file begins with its first byte.
    range: Range<u64>,
}

impl RangeReader {
    /// Returns a reader of an opened artifact. Needs a Tokio runtime.
    ///
    /// Fails if the layers do not tile the component.
    pub fn new(
        store: &Arc<dyn Store>,
        opened: &OpenArtifact,
        session: &Session,
    ) -> Result<Self, Error> {
        let recipe = opened.recipe();
        recipe.check_tiling().map_err(SpliceError::from)?;
        let layers: Vec<Layer> = opened.layers().cloned().collect();
        let configured = opened.split().map(|split| split.config.layers.as_slice());
        let paths = configured.unwrap_or_default().iter();
        Ok(Self {
            store: Arc::clone(store),
            session: session.clone(),
            runtime: Handle::current(),
            recipe,
            paths: paths.map(|layer| layer.path.clone()).collect(),
            expected: vec![None; layers.len()],
            state: Mutex::new(State {
                parts: vec![None; layers.len()],
                summary: RangeSummary {
                    pulled: PullSummary::before_layers(opened),
                    unchecked_bytes: 0,
                },
            }),
            layers,
        })
    }

    /// Returns the range of the part with a section path. If it is not a layer, the headers of the component are read.
    pub fn find(&self, path: &str) -> Result<Range<u64>, Error> {
        if let Some(index) = self.paths.iter().position(|known| known == path) {
            let layer = &self.recipe.layers[index];
            return Ok(layer.offset..layer.offset + layer.size);
        }
        let reader = self;
        section::find(&Headers { reader, path }, path).map_err(cause)
    }

    /// Returns the places of all lists of files. Reads the headers of the component.
    pub fn find_assets(&self) -> Result<Vec<AssetsPlace>, Error> {
        let (reader, path) = (self, "");
        section::find_assets(&Headers { reader, path }).map_err(cause)
    }

    /// Announces the ranges that the caller will read. Then each layer is fetched at most once for all of them.
    pub fn expect(&mut self, ranges: impl IntoIterator<Item = Range<u64>>) {
        for range in ranges {
            for wanted in self.recipe.layer_ranges(range) {
                let expected = &mut self.expected[place(wanted.layer)];
                *expected = Some(match expected.take() {
                    Some(before) => {
                        let (start, end) = (wanted.content.start, wanted.content.end);
                        before.start.min(start)..before.end.max(end)
                    }
                    None => wanted.content,
                });
            }
        }
    }

    /// Returns the size of the component in bytes.
    pub fn size(&self) -> u64 {
        self.recipe.content.size
    }

    /// Returns how many bytes read so far were not checked.
    pub fn unchecked_bytes(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.summary.unchecked_bytes
    }

    /// Writes a range of the component. Each layer is read before its first byte is written.
    pub fn copy(&self, range: Range<u64>, output: &mut dyn Write) -> Result<(), Error> {
        for wanted in self.recipe.layer_ranges(range) {
            let part = self.part(wanted.layer, &wanted.content)?;
            let base = part.range.start;
            let range = wanted.content.start - base..wanted.content.end - base;
            copy_range(part.file.as_ref(), range, output)?;
        }
        Ok(())
    }

    /// Writes a range of a blob that is no layer, such as a remote file. A part of a blob is not checked.
    pub fn copy_blob(
        &self,
        blob: Identity,
        range: Range<u64>,
        output: &mut dyn Write,
    ) -> Result<(), Error> {
        let size = range.end - range.start;
        let starts = (range.start..range.end).step_by(MAX_FETCH_BYTES);
        for start in starts {
            let end = range.end.min(start + MAX_FETCH_BYTES as u64);
            let fetched = fetch_range(self.store.as_ref(), &self.session, blob, start..end);
            let mut fetched = self.runtime.block_on(fetched)?;
            copy_range(fetched.file(), 0..end - start, output)?;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = &mut state.summary;
        summary.pulled.fetched.count(Identity { size, ..blob });
        if size != blob.size {
            summary.unchecked_bytes += size;
        }
        Ok(())
    }

    /// Returns the summary of everything read so far.
    pub fn into_summary(self) -> RangeSummary {
        let state = self.state.into_inner();
        state.unwrap_or_else(PoisonError::into_inner).summary
    }

    /// Returns a part of a section layer or of the root that has a range of its content, which is not empty.
    fn part(&self, layer: Option<usize>, range: &Range<u64>) -> Result<ReadPart, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { parts, summary } = &mut *state;
        let covers = |wider: &Range<u64>| wider.start <= range.start && range.end <= wider.end;
        let known = &mut parts[place(layer)];
        if let Some(part) = known
            && covers(&part.range)
        {
            return Ok(part.clone());
        }
        let expected = self.expected[place(layer)].as_ref();
        let range = expected
            .filter(|expected| covers(expected))
            .unwrap_or(range);
        let part = self
            .runtime
            .block_on(self.read_part(layer, range, summary))?;
        Ok(known.insert(part).clone())
    }

    /// Returns a part of a layer that has the first byte of a range of its content. A search reads headers in order of
    /// their offsets. If they are close together, each part is twice as long as the one before, up to 1 MiB.
    fn header_part(&self, layer: Option<usize>, range: &Range<u64>) -> Result<ReadPart, Error> {
        let known = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.parts[place(layer)].clone()
        };
        let (mut length, limit) = (range.end - range.start, &self.layers[place(layer)]);
        if let Some(part) = known {
            let ReadPart { range: before, .. } = &part;
            if before.contains(&range.start) {
                return Ok(part);
            }
            let gap = range.start.checked_sub(before.end);
            let is_near = gap.is_some_and(|gap| gap <= NEAR_BYTES);
            // The frames of a compressed layer are long enough.
            if is_near && limit.encoding == Encoding::Raw {
                let doubled = 2 * (before.end - before.start);
                length = length.max(doubled.min(MAX_WHOLE_BYTES));
            }
        }
        let end = limit.content.size.min(range.start + length);
        self.part(layer, &(range.start..end))
    }

    async fn read_part(
        &self,
        index: Option<usize>,
        range: &Range<u64>,
        summary: &mut RangeSummary,
    ) -> Result<ReadPart, Error> {
        let layer = &self.layers[place(index)];
        let (store, cache) = (self.store.as_ref(), &self.session.cache);
        let found = StoredContent::find(store, cache, layer.stored(), layer.content)?;
        let may_be_part =
            found.place == BlobPlace::RemoteStore && layer.blob.size > MAX_WHOLE_BYTES;
        if let Some(part) = layer.part(range).filter(|_| may_be_part) {
            let size = part.stored.end - part.stored.start;
            summary
                .pulled
                .fetched
                .count(Identity { size, ..layer.blob });
            summary.unchecked_bytes += size;
            return self.fetch_part(index, layer, part).await;
        }
        let pulled = &mut summary.pulled;
        let file = content(store, (index, layer), &self.session, pulled).await?;
        Ok(ReadPart {
            file: Arc::new(file),
            range: 0..layer.content.size,
        })
    }

    /// Fetches a part of a blob into a file.
    async fn fetch_part(
        &self,
        index: Option<usize>,
        layer: &Layer,
        part: StoredPart,
    ) -> Result<ReadPart, Error> {
        let directory = self.session.cache.ingest();
        let StoredPart { content, stored } = part;
        let mut fetched =
            fetch_range(self.store.as_ref(), &self.session, layer.blob, stored).await?;
        if layer.encoding != Encoding::Raw {
            let size = content.end - content.start;
            let mut decoded = Spool::new_in(directory).map_err(store::Error::file(directory))?;
            Decoder::new(fetched.file(), layer.encoding, size)
                .and_then(|mut decoder| io::copy(&mut decoder, decoded.file()))
                .map_err(|source| SpliceError::Layer {
                    layer: index,
                    source,
                })?;
            fetched = decoded;
        }
        let file = fetched.file().try_clone();
        Ok(ReadPart {
            file: Arc::new(file.map_err(store::Error::file(directory))?),
            range: content,
        })
    }
}

/// Fetches a range of a stored blob. It is not checked, and does not enter the cache.
pub(super) async fn fetch_range(
    store: &dyn Store,
    session: &Session,
    blob: Identity,
    range: Range<u64>,
) -> Result<Spool, Error> {
    let (directory, observer) = (session.cache.ingest(), session.observer.as_ref());
    let spool = Spool::new_in(directory).map_err(store::Error::file(directory))?;
    observer.planned(range.end - range.start);
    let slot = TransferSlot::default();
    Ok(fetch_into(spool, store, blob, range, directory, observer, slot).await?)
}

/// Returns the index of a section layer, or of the root for `None`, among all layers.
fn place(layer: Option<usize>) -> usize {
    layer.map_or(0, |index| index + 1)
}

/// Returns the cause of a failed search if it is an error of this reader.
fn cause(error: section::Error) -> Error {
    match error {
        section::Error::Read { offset, source } => match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => section::Error::Read { offset, source }.into(),
        },
        error => error.into(),
    }
}

/// The bytes of a component that the search for a section path needs. All other layers read as missing.
struct Headers<'a> {
    reader: &'a RangeReader,
    path: &'a str,
}

impl Source for Headers<'_> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.reader.recipe.content.size)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let RangeReader { recipe, paths, .. } = self.reader;
        let end = offset.saturating_add(buffer.len() as u64);
        let Some(wanted) = recipe.layer_ranges(offset..end).next() else {
            return Ok(0);
        };
        let layer = wanted.layer.and_then(|layer| paths.get(layer));
        if layer.is_some_and(|layer| !section::may_hold_headers_of(self.path, layer)) {
            return Ok(0);
        }
        let part = self.reader.header_part(wanted.layer, &wanted.content);
        let part = part.map_err(io::Error::other)?;
        let end = wanted.content.end.min(part.range.end);
        let length = (end - wanted.content.start) as usize;
        let at = wanted.content.start - part.range.start;
        part.file.read_at(at, &mut buffer[..length])
    }
}

/// Writes a range of a source. Blocks.
pub fn copy_range<S: Source + ?Sized>(
    source: &S,
    range: Range<u64>,
    output: &mut dyn Write,
) -> Result<(), Error> {
    let mut reader = RangesReader::new(source, [range]);
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => output
                .write_all(&buffer[..read])
                .map_err(SpliceError::Write)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Source(error)),
        }
    }
    Ok(output.flush().map_err(SpliceError::Write)?)
}
