//! The choice of a delta: which of the listed ones saves most.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Arc;

use futures_util::StreamExt as _;

use super::{DeltaError, MIN_MISSING_BYTES, REQUEST_BYTES, REQUESTS, Upgrade};
use crate::artifact::{ListedDelta, delta_file};
use crate::delta::{self, Header, bases};
use crate::digest::Identity;
use crate::manifest::Config;
use crate::reference::Name;
use crate::source::RangesReader;
use crate::store::tail::Tail;
use crate::store::{self, blocking};

/// The maximum number of deltas that are considered, the smallest first. Anyone who may write to a repository can add any number.
const MAX_LISTED: usize = 100;

/// The maximum number of deltas whose headers are read.
const MAX_TRIES: usize = 3;

/// The maximum number of bytes of a header that are read to decide whether a file is worth fetching.
const MAX_HEADER_BYTES: usize = 256 * 1024;

/// No header is shorter, in bytes: it begins with the version and two digests.
const MIN_HEADER_BYTES: usize = 72;

/// A delta that is worth fetching.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) listed: ListedDelta,
    pub(super) file: Identity,
    /// The bytes that it saves.
    saved: u64,
}

impl Upgrade {
    /// Returns the delta that saves most, if any saves something.
    ///
    /// A list shows the size of a file and the old version, but not the layers that the file holds. So headers are
    /// read, unless only one delta starts from a version on this machine. Its header is read while it is fetched.
    pub(super) async fn choose(
        self: &Arc<Self>,
        listed: Vec<ListedDelta>,
    ) -> Result<Option<Offer>, store::Error> {
        let upgrade = Arc::clone(self);
        let (candidates, are_known) = blocking(move || upgrade.candidates(listed)).await?;
        let is_read = !are_known || candidates.len() > 1;
        let mut best: Option<Offer> = None;
        for (listed, saved) in candidates {
            let saved = (!is_read).then_some(saved);
            match self.offer(&listed, saved).await {
                Ok(offer) if offer.saved > best.as_ref().map_or(0, |best| best.saved) => {
                    best = Some(offer);
                }
                Ok(_) => {}
                Err(error) => self.warn_of(&listed, error)?,
            }
        }
        Ok(best)
    }

    /// Returns the deltas to consider, with the bytes that each may save, and whether they start from versions on this
    /// machine. Blocks.
    fn candidates(
        &self,
        mut listed: Vec<ListedDelta>,
    ) -> Result<(Vec<(ListedDelta, u64)>, bool), store::Error> {
        let missing = self.missing_bytes();
        listed.retain(|delta| delta.size < missing);
        listed.sort_by_key(|delta| (delta.size, delta.manifest));
        listed.truncate(MAX_LISTED);
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for delta in listed {
            match self.contents.version(&delta.source)? {
                Some(old) => {
                    let saved = saved(self.replaceable(&old)?, delta.size);
                    known.push((delta, saved));
                }
                None if delta.size < missing / 2 => unknown.push((delta, 0)),
                None => {}
            }
        }
        known.retain(|(_, saved)| *saved > 0);
        known.sort_by_key(|(_, saved)| Reverse(*saved));
        let are_known = !known.is_empty();
        let mut candidates = if are_known { known } else { unknown };
        candidates.truncate(MAX_TRIES);
        Ok((candidates, are_known))
    }

    /// Reads the manifest of a delta, and also the header of its file if it is not known what it saves.
    async fn offer(
        self: &Arc<Self>,
        listed: &ListedDelta,
        saved: Option<u64>,
    ) -> Result<Offer, DeltaError> {
        let manifest = self.store.manifest(&Name::Digest(listed.manifest)).await?;
        let file = delta_file(&manifest.bytes)?;
        if file.size != listed.size {
            return Err(DeltaError::Size {
                listed: listed.size,
                found: file.size,
            });
        }
        let saved = match saved {
            Some(saved) => saved,
            None => {
                let (upgrade, header) = (Arc::clone(self), self.header(file).await?);
                blocking(move || upgrade.saved_by(&header, file.size)).await?
            }
        };
        let listed = listed.clone();
        Ok(Offer {
            listed,
            file,
            saved,
        })
    }

    /// Reads the header of a file that is not fetched yet. Nothing is verified.
    async fn header(&self, file: Identity) -> Result<Header, DeltaError> {
        let mut stream = self.store.open(file, 0..file.size).await?;
        let mut bytes = Vec::new();
        loop {
            let next = stream.next().await.transpose()?;
            bytes.extend_from_slice(next.as_deref().unwrap_or_default());
            if let Some(header) = begun_header(&bytes, next.is_none())? {
                return Ok(header);
            }
        }
    }

    /// Waits for the header of a file that is being fetched. Returns whether the file saves nothing, as far as its
    /// header shows.
    pub(super) async fn is_useless(
        self: &Arc<Self>,
        tail: Tail,
        file: Identity,
    ) -> Result<bool, store::Error> {
        let (mut bytes, mut is_end) = (Vec::new(), false);
        let header = loop {
            match begun_header(&bytes, is_end) {
                Ok(Some(header)) => break header,
                Ok(None) => {}
                // The whole file shows what is wrong.
                Err(_) => return Ok(false),
            }
            let written = tail.wait_past(bytes.len() as u64).await;
            is_end = written.ended;
            let (file, end) = (Arc::clone(tail.file()), written.bytes);
            let read = move || {
                let mut bytes = Vec::new();
                let range = 0..end.min(MAX_HEADER_BYTES as u64 + 1);
                let read = RangesReader::new(file.as_ref(), [range]).read_to_end(&mut bytes);
                Ok(read.map(|_| bytes))
            };
            match blocking::<_, store::Error>(read).await? {
                Ok(read) => bytes = read,
                Err(_) => return Ok(false),
            }
        };
        let upgrade = Arc::clone(self);
        let saved = blocking(move || upgrade.saved_by(&header, file.size)).await?;
        Ok(saved == 0)
    }

    /// Returns the stored bytes of the missing layers whose bases are layers of `old` and on this machine.
    fn replaceable(&self, old: &Config) -> Result<u64, store::Error> {
        let contents: Vec<_> = old.contents().collect();
        let mut bytes = 0;
        for (missing, base) in self.missing.iter().zip(bases(old, &self.config)) {
            if let (Some(layer), Some(base)) = (missing, base)
                && self.contents.has(contents[base])?
            {
                bytes = layer.blob.size.saturating_add(bytes);
            }
        }
        Ok(bytes)
    }

    /// Returns the bytes that a file of `size` bytes saves, according to its header. Blocks.
    fn saved_by(&self, header: &Header, size: u64) -> Result<u64, store::Error> {
        let mut replaced = HashMap::new();
        for part in &header.parts {
            if let (Some(layer), Some(base)) = (self.layer_of(header, part), part.base)
                && self.contents.has(base)?
            {
                replaced.insert(layer.blob, layer.blob.size);
            }
        }
        let bytes = replaced.into_values().fold(0, u64::saturating_add);
        Ok(saved(bytes, size))
    }
}

/// Reads a header from the first bytes of a file, or from all of them. Returns nothing if it needs more.
fn begun_header(bytes: &[u8], is_all: bool) -> Result<Option<Header>, delta::Error> {
    match Header::read(bytes) {
        Ok((header, _)) => Ok(Some(header)),
        Err(_) if bytes.len() < MIN_HEADER_BYTES && !is_all => Ok(None),
        Err(delta::Error::HeaderEnd(_)) if !is_all && bytes.len() <= MAX_HEADER_BYTES => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether a reader without `missing` bytes of layers would fetch a delta file of `size` bytes that replaces
/// `replaced` of them.
pub(crate) fn is_worth_fetching(missing: u64, replaced: u64, size: u64) -> bool {
    missing > MIN_MISSING_BYTES && saved(replaced, size) > 0
}

/// Returns the bytes that a delta file saves, with the cost of its requests.
fn saved(replaced: u64, size: u64) -> u64 {
    replaced.saturating_sub(size.saturating_add(REQUESTS * REQUEST_BYTES))
}
