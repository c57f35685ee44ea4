//! Pulling: an artifact, split or flat, becomes the component it was made of.

mod open;
mod part;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

pub use self::open::{
    Artifact, Opened, Origin, SplitArtifact, Unused, describe, open, open_manifest, open_split,
};
pub use self::part::stub_of;
use crate::artifact::Layer;
use crate::copy::Tally;
use crate::digest::{Digest, Hasher, Identity, VerifyingReader};
use crate::encoding::{Decoder, EncodedBlob};
use crate::error::Error;
use crate::split::{Recipe, SpliceError, splice};
use crate::store::cache::Cache;
use crate::store::spool::Spool;
use crate::store::tail::Tail;
use crate::store::{self, Observer, Session, Store, blocking, fetch_into};

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
    /// Whether it is read where the store has it, and else in the cache, now or when it has arrived.
    in_store: bool,
}

impl BlobSource {
    fn open(&self, store: &dyn Store, cache: &Cache) -> io::Result<File> {
        let blob = self.stored.blob;
        if !self.in_store {
            return File::open(cache.path(&blob.digest));
        }
        let held = store.local_file(blob).map_err(io::Error::other)?;
        held.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Where each layer's content will come from.
#[derive(Default)]
struct Plan {
    /// By layer in manifest order.
    sources: Vec<BlobSource>,
    /// Blobs to fetch, in the order in which they are needed.
    missing: Vec<Identity>,
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
                None => plan.source(store, layer, cache, check)?,
            };
            seen.insert(layer.blob, source);
            plan.sources.push(source);
        }
        Ok(plan)
    }

    fn source(
        &mut self,
        store: &dyn Store,
        layer: &Layer,
        cache: &Cache,
        check: bool,
    ) -> Result<BlobSource, Error> {
        let as_stored = EncodedBlob {
            blob: layer.blob,
            encoding: layer.encoding,
        };
        let recorded = cache.find(layer.content)?;
        for stored in recorded.into_iter().chain([as_stored]) {
            if !cache.has(stored.blob)? {
                continue;
            }
            let in_store = false;
            let source = BlobSource { stored, in_store };
            if !check || is_sound(&source, store, cache, layer.content) {
                self.cached.count(stored.blob);
                return Ok(source);
            }
            cache.distrust(&layer.content.digest, stored.blob)?;
        }
        let held = store.local_file(layer.blob)?;
        let source = BlobSource {
            stored: as_stored,
            in_store: held.is_some(),
        };
        match held {
            Some(file) => {
                if check {
                    check_held(file, layer.blob, store)?;
                }
                self.cached.count(layer.blob);
            }
            None => {
                self.fetched.count(layer.blob);
                self.missing.push(layer.blob);
            }
        }
        Ok(source)
    }
}

/// Decodes a blob and compares what comes out.
fn is_sound(source: &BlobSource, store: &dyn Store, cache: &Cache, content: Identity) -> bool {
    let check = || {
        let file = source.open(store, cache)?;
        let decoder = Decoder::new(file, source.stored.encoding, content.size)?;
        let mut reader = VerifyingReader::new(decoder, content);
        io::copy(&mut reader, &mut io::sink())
    };
    check().is_ok()
}

/// Compares a blob that the store holds with its name: nobody can fetch it again.
fn check_held(mut file: File, blob: Identity, store: &dyn Store) -> Result<(), store::Error> {
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

/// A blob on its way, for the splicing thread.
struct Arrival {
    /// For who needs it first: it can be read as it comes.
    tail: Option<oneshot::Receiver<Tail>>,
    /// For who needs it again: it is in the cache.
    adopted: Option<oneshot::Receiver<()>>,
}

/// All blobs on their way.
type Arrivals = HashMap<Digest, Arrival>;

async fn assemble<O: Output + 'static>(
    store: &Arc<dyn Store>,
    opened: &Opened,
    session: &Session,
    mut output: O,
    plan: &Plan,
) -> (Result<O, Error>, Result<(), Error>) {
    let Session {
        cache, observer, ..
    } = session;
    let mut arrivals = Arrivals::new();
    let mut fetches = JoinSet::new();
    let slots = Arc::new(Semaphore::new(session.transfers()));
    for &blob in &plan.missing {
        observer.planned(blob.size);
        let (tail_sender, tail) = oneshot::channel();
        let (adopted_sender, adopted) = oneshot::channel();
        let arrival = Arrival {
            tail: Some(tail),
            adopted: Some(adopted),
        };
        arrivals.insert(blob.digest, arrival);
        let (store, cache) = (Arc::clone(store), Arc::clone(cache));
        let (slots, observer) = (Arc::clone(&slots), Arc::clone(observer));
        fetches.spawn(async move {
            let _slot = slots
                .acquire()
                .await
                .map_err(|_| store::Error::Interrupted)?;
            let ingest = cache.ingest();
            let mut spool = Spool::new_in(ingest).map_err(store::Error::file(ingest))?;
            let tail = spool.tail().map_err(store::Error::file(ingest))?;
            // The splicing thread may have failed and gone.
            let _gone = tail_sender.send(tail);
            let spool = fetch_into(spool, store.as_ref(), blob, ingest, observer.as_ref()).await?;
            blocking(move || cache.adopt(&blob.digest, spool)).await?;
            let _gone = adopted_sender.send(());
            Ok::<(), store::Error>(())
        });
    }
    let arrivals = Mutex::new(arrivals);
    let layers = opened.layers().map(|layer| layer.content.size);
    let (recipe, sizes) = (opened.recipe(), layers.collect());
    let sources = plan.sources.clone();
    let (splice_cache, splice_observer) = (Arc::clone(cache), Arc::clone(observer));
    let splice_store = Arc::clone(store);
    let splicing = blocking(move || {
        let parts = Parts {
            recipe,
            sizes,
            sources,
            arrivals,
            store: splice_store,
            cache: splice_cache,
            observer: splice_observer,
        };
        let spliced = parts.splice(&mut output);
        Ok::<_, Error>((output, spliced))
    });
    let (mut splicing, mut fetching) = (pin!(splicing), pin!(all(fetches)));
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
            let outcome = outcome.and_then(|()| record(opened, cache, plan));
            (Ok(output), outcome)
        }
        Err(error) => (Err(error), Ok(())),
    }
}

/// Writes down which blobs of the cache hold which contents, now that all were decoded and checked.
fn record(opened: &Opened, cache: &Cache, plan: &Plan) -> Result<(), Error> {
    let sources = opened.layers().zip(&plan.sources);
    for (layer, source) in sources.filter(|(_, source)| !source.in_store) {
        cache.record(layer.content, source.stored)?;
    }
    Ok(())
}

/// Waits for all fetches; the first that fails ends the others, which are waited for too: they hold the cache.
async fn all(mut fetches: JoinSet<Result<(), store::Error>>) -> Result<(), store::Error> {
    while let Some(ended) = fetches.join_next().await {
        let failed = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => store::Error::Interrupted,
        };
        fetches.shutdown().await;
        return Err(failed);
    }
    Ok(())
}

/// What the splicing thread works with.
struct Parts {
    recipe: Recipe,
    /// The content sizes of the layers in manifest order.
    sizes: Vec<u64>,
    sources: Vec<BlobSource>,
    arrivals: Mutex<Arrivals>,
    store: Arc<dyn Store>,
    cache: Arc<Cache>,
    observer: Arc<dyn Observer>,
}

impl Parts {
    fn splice(&self, output: &mut dyn Output) -> Result<(), Error> {
        self.observer.planned(self.recipe.content.size);
        let mut output = Counting {
            output,
            observer: self.observer.as_ref(),
        };
        splice(
            &self.recipe,
            |layer| self.open(layer.map_or(0, |layer| layer + 1)),
            &mut output,
        )?;
        Ok(())
    }

    /// Opens a layer, counted in manifest order: as it arrives, or where it is.
    fn open(&self, layer: usize) -> io::Result<Decoder<Box<dyn Read>>> {
        let source = &self.sources[layer];
        let digest = &source.stored.blob.digest;
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let arrival = arrivals.get_mut(digest);
        let (tail, adopted) = match arrival {
            Some(arrival) => match arrival.tail.take() {
                Some(tail) => (Some(tail), None),
                None => (None, arrival.adopted.take()),
            },
            None => (None, None),
        };
        drop(arrivals);
        let gone = |_| io::Error::other("its blob did not arrive");
        let stored: Box<dyn Read> = match tail {
            Some(tail) => Box::new(tail.blocking_recv().map_err(gone)?),
            None => {
                if let Some(adopted) = adopted {
                    adopted.blocking_recv().map_err(gone)?;
                }
                Box::new(source.open(self.store.as_ref(), &self.cache)?)
            }
        };
        Decoder::new(stored, source.stored.encoding, self.sizes[layer])
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
