//! Pulling: an artifact, split or flat, becomes the component it was made of.

mod open;
mod part;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

pub use self::open::{
    Artifact, Opened, Origin, SplitArtifact, Unused, describe, open, open_manifest, open_split,
};
pub use self::part::stub_of;
use crate::artifact::Layer;
use crate::content::{self, Arrival, Engine, Reader};
use crate::copy::Tally;
use crate::digest::{Digest, Hasher, Identity};
use crate::encoding::{self, Decoder, EncodedBlob};
use crate::error::Error;
use crate::split::{SpliceError, splice};
use crate::store::cache::Cache;
use crate::store::{self, Observer, Session, Store, blocking};

/// Where a component is written; what was written can be taken back.
pub trait Output: Write + Send {
    /// Begins again with nothing written, or fails if that cannot be.
    fn restart(&mut self) -> io::Result<()>;
}

/// What was pulled.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The digest of the manifest that was asked for.
    pub digest: Digest,
    /// The component.
    pub content: Identity,
    /// Blobs that came from the store.
    pub fetched: Tally,
    /// Blobs that this machine had: in the cache, or in a store that is [read where it is](Store::local_file).
    pub cached: Tally,
}

impl Pulled {
    /// Nothing moved but a config that had to be fetched.
    pub fn nothing(opened: &Opened) -> Self {
        let mut pulled = Self {
            digest: opened.digest,
            content: opened.content(),
            fetched: Tally::default(),
            cached: Tally::default(),
        };
        if let Artifact::Split(split) = &opened.artifact {
            match split.config_from {
                Some(Origin::Fetched) => pulled.fetched.count(split.manifest.config),
                Some(Origin::Cached) => pulled.cached.count(split.manifest.config),
                None => {}
            }
        }
        pulled
    }
}

/// Writes the component to `output`, from the cache where it can and else from the store.
///
/// Every layer's blob and content and the whole are checked. A damaged blob in the cache is fetched
/// again. What the store [holds as files](Store::local_file) is read there and comes into no cache; of it contents are
/// checked, and the blobs where a content is wrong. On an error `output` may have been written to.
pub async fn pull<O: Output + 'static>(
    store: &Arc<dyn Store>,
    opened: &Opened,
    session: &Session,
    mut output: O,
) -> Result<(O, Pulled), Error> {
    let cache = &session.cache;
    let mut checked = false;
    let mut plan = Plan::make(store.as_ref(), opened, cache, checked)?;
    loop {
        let from_here = plan.cached.blobs > 0;
        let (returned, outcome) = assemble(store, opened, session, output, &plan).await;
        match outcome {
            Ok(()) => {
                let mut pulled = Pulled::nothing(opened);
                pulled.fetched.merge(plan.fetched);
                pulled.cached.merge(plan.cached);
                return Ok((returned?, pulled));
            }
            // Something on this machine may be damaged: look at all of it once, and begin again.
            Err(Error::Splice(
                error @ (SpliceError::Layer { .. } | SpliceError::Content { .. }),
            )) if from_here && !checked => {
                checked = true;
                plan = Plan::make(store.as_ref(), opened, cache, checked)?;
                output = returned?;
                if output.restart().is_err() {
                    // The cache is sound now, so the next pull will do.
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// The blob that a layer's content is read from.
#[derive(Clone, Copy)]
struct BlobSource {
    stored: EncodedBlob,
    place: Place,
}

/// Where a blob is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the cache.
    Cache,
    /// In the store, where its file is read.
    Store,
    /// In the store, from which it comes into the cache.
    Remote,
}

impl BlobSource {
    /// Finds a content in the cache, else in the store.
    fn find(
        store: &dyn Store,
        layer: &Layer,
        cache: &Cache,
        check: bool,
    ) -> Result<Self, store::Error> {
        let as_stored = EncodedBlob {
            blob: layer.blob,
            encoding: layer.encoding,
        };
        let recorded = cache.find(layer.content)?;
        for stored in recorded.into_iter().chain([as_stored]) {
            if !cache.has(stored.blob)? {
                continue;
            }
            let place = Place::Cache;
            let source = Self { stored, place };
            if !check || source.is_sound(store, cache, layer.content) {
                return Ok(source);
            }
            cache.distrust(&layer.content.digest, stored.blob)?;
        }
        let (stored, place) = match store.local_file(layer.blob)? {
            Some(file) => {
                if check {
                    check_file(file, layer.blob, store)?;
                }
                (as_stored, Place::Store)
            }
            None => (as_stored, Place::Remote),
        };
        Ok(Self { stored, place })
    }

    /// Opens the file of a blob that is on this machine.
    fn open(&self, store: &dyn Store, cache: &Cache) -> io::Result<File> {
        let blob = self.stored.blob;
        if self.place != Place::Store {
            return File::open(cache.path(&blob.digest));
        }
        let file = store.local_file(blob).map_err(io::Error::other)?;
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Decodes the blob and compares what comes out.
    fn is_sound(&self, store: &dyn Store, cache: &Cache, content: Identity) -> bool {
        let check = || {
            let file = self.open(store, cache)?;
            let mut reader = encoding::content(file, self.stored.encoding, content)?;
            io::copy(&mut reader, &mut io::sink())
        };
        check().is_ok()
    }

    fn count(&self, fetched: &mut Tally, cached: &mut Tally) {
        match self.place {
            Place::Remote => fetched.count(self.stored.blob),
            Place::Cache | Place::Store => cached.count(self.stored.blob),
        }
    }
}

/// Where each layer's content will come from.
#[derive(Default)]
struct Plan {
    /// By layer in manifest order.
    sources: Vec<BlobSource>,
    fetched: Tally,
    cached: Tally,
}

impl Plan {
    fn make(store: &dyn Store, opened: &Opened, cache: &Cache, check: bool) -> Result<Self, Error> {
        let mut plan = Self::default();
        let mut seen = HashMap::new();
        for layer in opened.layers() {
            let source = match seen.get(&layer.blob) {
                Some(source) => *source,
                None => {
                    let source = BlobSource::find(store, layer, cache, check)?;
                    source.count(&mut plan.fetched, &mut plan.cached);
                    source
                }
            };
            seen.insert(layer.blob, source);
            plan.sources.push(source);
        }
        Ok(plan)
    }
}

/// Compares a blob's file in the store with its name: nobody can fetch it again.
fn check_file(mut file: File, blob: Identity, store: &dyn Store) -> Result<(), store::Error> {
    let mut hasher = Hasher::new();
    let location = store.location();
    let what = format!("blob {}", blob.digest);
    io::copy(&mut file, &mut hasher).map_err(store::Error::file(Path::new(&location)))?;
    hasher
        .check(blob)
        .map_err(|mismatch| store::Error::Corrupt {
            what,
            location,
            source: Box::new(mismatch),
        })
}

/// Begins all fetches, in the order in which the blobs are needed.
fn begin(
    store: &Arc<dyn Store>,
    opened: &Opened,
    session: &Session,
    plan: &Plan,
) -> (Vec<Part>, Vec<Arc<Arrival>>) {
    let engine = Engine::of_session(session);
    let origin = content::Origin {
        upstream: Digest::of(store.location().as_bytes()),
        store: Arc::clone(store),
    };
    let (mut parts, mut arrivals) = (Vec::new(), Vec::new());
    for (&source, layer) in plan.sources.iter().zip(opened.layers()) {
        let mut arriving = None;
        if source.place == Place::Remote {
            let blob = source.stored.blob;
            let (arrival, is_new) = engine.fetch(&origin, blob);
            arriving = Some(arrival.reader(blob.size));
            if is_new {
                session.observer.planned(blob.size);
                arrivals.push(arrival);
            }
        }
        let size = layer.content.size;
        parts.push(Part {
            source,
            arriving,
            size,
        });
    }
    (parts, arrivals)
}

async fn assemble<O: Output + 'static>(
    store: &Arc<dyn Store>,
    opened: &Opened,
    session: &Session,
    mut output: O,
    plan: &Plan,
) -> (Result<O, Error>, Result<(), Error>) {
    let (mut parts, arrivals) = begin(store, opened, session, plan);
    let recipe = opened.recipe();
    let (local_store, session) = (Arc::clone(store), session.clone());
    let cache = Arc::clone(&session.cache);
    let splicing = blocking(move || {
        session.observer.planned(recipe.content.size);
        let mut counting = Counting {
            output: &mut output,
            observer: session.observer.as_ref(),
        };
        let open = |layer: Option<usize>| {
            parts[layer.map_or(0, |layer| layer + 1)].open(local_store.as_ref(), &session.cache)
        };
        let spliced = splice(&recipe, open, &mut counting).map_err(Error::from);
        Ok::<_, Error>((output, spliced))
    });
    let (mut splicing, mut fetching) = (pin!(splicing), pin!(all(arrivals)));
    let (spliced, fetched) = tokio::select! {
        spliced = &mut splicing => {
            // Where the output failed, nobody wants what is still on its way.
            let unwanted = matches!(&spliced, Ok((_, Err(Error::Splice(SpliceError::Write(_))))));
            let fetched = if unwanted { Ok(()) } else { fetching.await };
            (spliced, fetched)
        }
        fetched = &mut fetching => (splicing.await, fetched),
    };
    match spliced {
        // A layer that did not arrive whole is only a consequence of why it did not.
        Ok((output, spliced)) => {
            let outcome = fetched.map_err(Error::from).and(spliced);
            let outcome = outcome.and_then(|()| record(opened, &cache, plan));
            (Ok(output), outcome)
        }
        Err(error) => (Err(error), Ok(())),
    }
}

/// Writes down which blobs of the cache hold which contents, now that all were decoded and checked.
fn record(opened: &Opened, cache: &Cache, plan: &Plan) -> Result<(), Error> {
    let sources = opened.layers().zip(&plan.sources);
    for (layer, source) in sources.filter(|(_, source)| source.place != Place::Store) {
        cache.record(layer.content, source.stored)?;
    }
    Ok(())
}

/// Waits for all fetches; the first that fails ends the others. A blob that is complete is open only until its layer is
/// spliced, so that many layers do not need as many open files.
async fn all(arrivals: Vec<Arc<Arrival>>) -> Result<(), store::Error> {
    let complete = arrivals
        .into_iter()
        .map(|arrival| async move { arrival.complete().await.map(drop) });
    let mut fetches: FuturesUnordered<_> = complete.collect();
    while let Some(outcome) = fetches.next().await {
        outcome?;
    }
    Ok(())
}

/// A layer that is spliced.
struct Part {
    source: BlobSource,
    /// Where the blob is on its way.
    arriving: Option<Reader>,
    /// Of the content.
    size: u64,
}

impl Part {
    fn open(&mut self, store: &dyn Store, cache: &Cache) -> io::Result<Decoder<Box<dyn Read>>> {
        let stored: Box<dyn Read> = match self.arriving.take() {
            Some(arriving) => Box::new(arriving),
            None => Box::new(self.source.open(store, cache)?),
        };
        Decoder::new(stored, self.source.stored.encoding, self.size)
    }
}

/// Tells the observer what was written.
struct Counting<'a> {
    output: &'a mut dyn Output,
    observer: &'a dyn Observer,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.observer.moved(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
