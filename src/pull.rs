//! Pulling: rebuilds a component from its artifact, split or flat.
//!
//! [`open()`] reads and checks the manifest, [`pull()`] writes the component, and [`stub_of`] fetches only the part
//! that the interface is read from. [`RangeReader`] fetches only the layers, or parts of layers, that hold a range.
//! [`Blobs`] reads ranges of any blobs.
//! Blobs come from the cache if possible, and otherwise from the store. Before [`pull()`], [`prepare`] makes contents
//! from a delta if that saves bytes. This module knows nothing about packages, versions or HTTP.

mod assets;
mod blobs;
mod delta;
mod open;
mod range;
mod stub;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::iter;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

pub use self::assets::{
    ComponentParts, LocalComponent, asset_lists, copy_file, find_packed_files, may_list_files,
    packed_files,
};
pub use self::blobs::Blobs;
pub(crate) use self::delta::is_worth_fetching;
pub use self::delta::{
    CachedContents, DeltaTally, LocalContents, MIN_MISSING_BYTES, Prepared, add_base, list_deltas,
    prepare,
};
pub use self::open::{
    Artifact, OpenArtifact, SplitArtifact, UnusableSplit, describe, open, open_manifest, open_split,
};
pub use self::range::{MAX_WHOLE_BYTES, RangeReader, RangeSummary, copy_range};
pub use self::stub::stub_of;
use crate::content::{
    self, Arrival, ArrivalReader, BlobPlace, ContentKey, Engine, StoredContent, repair,
};
use crate::copy::Tally;
use crate::digest::{Digest, Identity};
use crate::error::Error;
use crate::split::{Recipe, SpliceError, splice};
use crate::store::{self, Observer, Session, Store, blocking};

/// The destination of a component. It can be cleared for another attempt.
pub trait Output: Write + Send {
    /// Removes everything written so far, or fails if that is impossible.
    fn restart(&mut self) -> io::Result<()>;
}

impl Output for File {
    fn restart(&mut self) -> io::Result<()> {
        self.set_len(0)?;
        self.rewind()
    }
}

/// The result of a pull.
#[derive(Debug, Clone)]
pub struct PullSummary {
    /// The digest of the requested manifest.
    pub digest: Digest,
    /// The component's digest and size.
    pub content: Identity,
    /// Blobs from a remote store, with delta files.
    pub fetched: Tally,
    /// Blobs from this machine: from the cache, or from a store whose [files are read in place](Store::local_file).
    pub cached: Tally,
    /// Delta files, and the layers that they replaced. These layers count neither as fetched nor as cached.
    pub by_delta: DeltaTally,
}

impl PullSummary {
    /// Returns the summary before any layer is read. It counts the config if that was read.
    pub fn before_layers(opened: &OpenArtifact) -> Self {
        let mut pulled = Self {
            digest: opened.digest,
            content: opened.content(),
            fetched: Tally::default(),
            cached: Tally::default(),
            by_delta: DeltaTally::default(),
        };
        if let Artifact::Split(split) = &opened.artifact
            && let Some(place) = split.config_from
        {
            pulled.count(split.manifest.config, place);
        }
        pulled
    }

    fn count(&mut self, blob: Identity, place: BlobPlace) {
        match place {
            BlobPlace::RemoteStore => self.fetched.count(blob),
            BlobPlace::Cache | BlobPlace::CachedContent | BlobPlace::LocalStore => {
                self.cached.count(blob);
            }
        }
    }
}

/// Writes the component to `output`, from the cache if possible and otherwise from the store.
///
/// If many bytes are missing, contents are made from a delta where that saves bytes.
///
/// Checks the blob and the content of every layer, and the whole component. A damaged blob in the cache is fetched
/// again. Blobs that the store [has as files](Store::local_file) are read in place and do not enter the cache. Their
/// contents are checked. The blobs themselves are checked only if a layer's content is wrong. After an error `output`
/// may contain a part of the component.
pub async fn pull<O: Output + 'static>(
    store: &Arc<dyn Store>,
    opened: &OpenArtifact,
    session: &Session,
    mut output: O,
) -> Result<(O, PullSummary), Error> {
    let cache = &session.cache;
    let prepared = prepare_cached(store, opened, session).await?;
    // The contents that were checked a moment ago, when they were made.
    let mut checked = prepared.contents.clone();
    let mut is_repaired = false;
    loop {
        let (mut pulled, mut counted) = (PullSummary::before_layers(opened), HashSet::new());
        pulled.by_delta = prepared.tally;
        pulled.fetched.merge(prepared.tally.fetched);
        let mut sources = Vec::new();
        for layer in opened.layers() {
            let (named, content) = (layer.stored(), layer.content);
            let source = StoredContent::find(store.as_ref(), cache, named, content)?;
            let is_by_delta = source.place != BlobPlace::RemoteStore
                && prepared.contents.contains(&content.digest);
            if counted.insert(layer.blob) && !is_by_delta {
                pulled.count(source.stored.blob, source.place);
            }
            sources.push(source);
        }
        let mut places = sources.iter().map(|source| source.place);
        let is_local = places.any(|place| place != BlobPlace::RemoteStore);
        let recipe = recipe(opened, &sources, &checked);
        let (returned, outcome) = assemble(store, recipe, session, output, &sources).await;
        match outcome {
            Ok(()) => {
                let mut places = sources.iter().map(|source| source.place);
                if places.any(|place| place != BlobPlace::LocalStore) {
                    remember_config(opened, session)?;
                }
                return Ok((returned?, pulled));
            }
            // A blob on this machine may be damaged.
            Err(Error::Splice(
                error @ (SpliceError::Layer { .. }
                | SpliceError::Content { .. }
                | SpliceError::Whole(_)),
            )) if is_local && !is_repaired && may_be_damage(&error, &checked) => {
                for layer in opened.layers() {
                    repair(store.as_ref(), cache, layer.stored(), layer.content)?;
                }
                is_repaired = true;
                checked.clear();
                output = returned?;
                if output.restart().is_err() {
                    // The cache is repaired, so the next pull will succeed.
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns whether a damaged blob may be the cause of an error. If contents are left out of the check, only the whole
/// shows the damage.
fn may_be_damage(error: &SpliceError, checked: &HashSet<Digest>) -> bool {
    !matches!(error, SpliceError::Whole(_)) || !checked.is_empty()
}

/// Returns the recipe. A content that was checked when a delta made it is checked only as a part of the whole.
fn recipe(opened: &OpenArtifact, sources: &[StoredContent], checked: &HashSet<Digest>) -> Recipe {
    let mut recipe = opened.recipe();
    let parts = iter::once(&mut recipe.root).chain(&mut recipe.layers);
    for (part, source) in parts.zip(sources) {
        if source.place == BlobPlace::CachedContent && checked.contains(&source.content.digest) {
            part.digest = None;
        }
    }
    recipe
}

/// Makes missing contents from a delta and the contents in the cache. A flat artifact without a split form has none.
async fn prepare_cached(
    store: &Arc<dyn Store>,
    opened: &OpenArtifact,
    session: &Session,
) -> Result<Prepared, Error> {
    let Some(split) = opened.split() else {
        return Ok(Prepared::default());
    };
    let contents = Arc::new(CachedContents {
        store: Arc::clone(store),
        cache: Arc::clone(&session.cache),
        known: vec![opened.digest, split.digest, split.manifest.config.digest],
    });
    prepare(store, split, contents, session).await
}

/// Adds the config to the cache, which shows that the contents of this version are there.
fn remember_config(opened: &OpenArtifact, session: &Session) -> Result<(), Error> {
    if let Some(split) = opened.split()
        && !session.cache.has(split.manifest.config)?
    {
        session.cache.add(&split.config.to_bytes())?;
    }
    Ok(())
}

/// The blob of a layer, and a reader if it is being fetched.
type LayerInput = (StoredContent, Option<ArrivalReader>);

/// Starts all fetches, in the order in which the blobs are needed.
fn start_fetches(
    store: &Arc<dyn Store>,
    session: &Session,
    sources: &[StoredContent],
) -> (Vec<LayerInput>, Vec<Arc<Arrival>>) {
    let engine = Engine::of_session(session);
    let origin = content::BlobOrigin {
        upstream: Digest::of(store.location().as_bytes()),
        store: Arc::clone(store),
        component: None,
    };
    let (mut parts, mut arrivals) = (Vec::new(), Vec::new());
    for source in sources {
        let mut reader = None;
        if source.place == BlobPlace::RemoteStore {
            let blob = source.stored.blob;
            let (arrival, is_new) = engine.follow(&origin, ContentKey::Blob(blob));
            reader = Some(arrival.reader(blob.size));
            if is_new {
                session.observer.planned(blob.size);
                arrivals.push(arrival);
            }
        }
        parts.push((*source, reader));
    }
    (parts, arrivals)
}

async fn assemble<O: Output + 'static>(
    store: &Arc<dyn Store>,
    recipe: Recipe,
    session: &Session,
    mut output: O,
    sources: &[StoredContent],
) -> (Result<O, Error>, Result<(), Error>) {
    let (mut parts, arrivals) = start_fetches(store, session, sources);
    let (local_store, session) = (Arc::clone(store), session.clone());
    let cache = Arc::clone(&session.cache);
    let splicing = blocking(move || {
        session.observer.planned(recipe.content.size);
        let mut counting = CountingWriter {
            output: &mut output,
            observer: session.observer.as_ref(),
        };
        let open = |layer: Option<usize>| {
            let (source, reader) = &mut parts[layer.map_or(0, |layer| layer + 1)];
            source.open(local_store.as_ref(), &session.cache, reader.take())
        };
        let spliced = splice(&recipe, open, &mut counting).map_err(Error::from);
        Ok::<_, Error>((output, spliced))
    });
    let (mut splicing, mut fetching) = (pin!(splicing), pin!(wait_for_fetches(arrivals)));
    let (spliced, fetched) = tokio::select! {
        spliced = &mut splicing => {
            // If the output failed, the remaining fetches are useless.
            let unwanted = matches!(&spliced, Ok((_, Err(Error::Splice(SpliceError::Write(_))))));
            let fetched = if unwanted { Ok(()) } else { fetching.await };
            (spliced, fetched)
        }
        fetched = &mut fetching => (splicing.await, fetched),
    };
    match spliced {
        // A failed fetch is the cause, and the incomplete layer its consequence.
        Ok((output, spliced)) => {
            let outcome = fetched.map_err(Error::from).and(spliced);
            let record = |source: &StoredContent| Ok(source.record(&cache)?);
            let outcome = outcome.and_then(|()| sources.iter().try_for_each(record));
            (Ok(output), outcome)
        }
        Err(error) => (Err(error), Ok(())),
    }
}

/// Waits for all fetches. The first failure stops the others. A complete file closes as soon as its layer is spliced,
/// so that the number of open files stays below the number of layers.
async fn wait_for_fetches(arrivals: Vec<Arc<Arrival>>) -> Result<(), store::Error> {
    let complete = arrivals
        .into_iter()
        .map(|arrival| async move { arrival.complete().await.map(drop) });
    let mut fetches: FuturesUnordered<_> = complete.collect();
    while let Some(outcome) = fetches.next().await {
        outcome?;
    }
    Ok(())
}

/// Reports the written bytes to the observer.
struct CountingWriter<'a> {
    output: &'a mut dyn Output,
    observer: &'a dyn Observer,
}

impl Write for CountingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.observer.moved(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
