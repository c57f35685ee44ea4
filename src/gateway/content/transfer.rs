//! The work of flights: a file is found where it is kept, or fetched, or decoded; and verified in any case.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::flight::{Flight, Key, Landed, Progress, Stage};
use super::kept::Place;
use super::route::Kind;
use super::sending::is_about_rights;
use super::{Component, Contents};
use crate::digest::{Digest, Identity, Mismatch, VerifyingReader};
use crate::encoding::{Decoder, Encoding, FrameError};
use crate::gateway::metrics::Metrics;
use crate::store::spool::Spool;
use crate::store::{Error, Observer, Store, blocking, fetch_into, fetch_part};

/// How many bytes are decoded at a time.
const PIECE_BYTES: usize = 128 * 1024;

/// Where layers come from.
#[derive(Clone)]
struct Whence {
    store: Arc<dyn Store>,
    upstream: Digest,
}

impl Whence {
    fn of(component: &Component) -> Self {
        Self {
            store: Arc::clone(&component.store),
            upstream: component.upstream,
        }
    }
}

impl Observer for Metrics {
    fn moved(&self, bytes: u64) {
        self.from_upstream(bytes);
    }
}

impl Contents {
    /// Follows what brings a layer, or begins it for this component. Returns whether it was begun.
    pub(super) fn follow(
        self: &Arc<Self>,
        component: &Component,
        kind: &Kind,
    ) -> (Arc<Flight>, bool) {
        let (contents, from) = (Arc::clone(self), Whence::of(component));
        match kind.clone() {
            Kind::Blob(blob) => self.follow_blob(&from, blob),
            Kind::Content { blob, content } => {
                let key = Key::Content { blob, content };
                let work = |progress| contents.decoded(from.clone(), blob, content, progress);
                self.flights.follow((component.upstream, key), work)
            }
            Kind::Part { blob, part } => {
                let work = |progress| contents.part(from, blob, part, progress);
                (Flight::begin(work), true)
            }
        }
    }

    fn follow_blob(self: &Arc<Self>, from: &Whence, blob: Identity) -> (Arc<Flight>, bool) {
        let contents = Arc::clone(self);
        let work = |progress| contents.blob(from.clone(), blob, progress);
        self.flights.follow((from.upstream, Key::Blob(blob)), work)
    }

    /// Finds a file on this machine: what was kept, else what others keep.
    async fn find(&self, key: Key) -> Result<Option<Landed>, Error> {
        let (kept, metrics) = (Arc::clone(&self.kept), Arc::clone(&self.metrics));
        let find = move || {
            let bytes = key.holds().size;
            if let Some(file) = kept.find(&key)? {
                metrics.from_cache(bytes);
                return Ok(Some(file));
            }
            let held = kept.held(&key);
            Ok::<_, Error>(held.inspect(|_| metrics.from_held(bytes)))
        };
        Ok(blocking(find).await?.map(Landed::whole))
    }

    async fn keep(&self, key: Key, spool: Spool) -> Result<Landed, Error> {
        let kept = Arc::clone(&self.kept);
        let file = blocking(move || kept.adopt(&key, spool)).await?;
        Ok(Landed::whole(file))
    }

    /// Makes an empty spool and lets those who follow read along.
    async fn spool(&self, place: Place, progress: &Progress, base: u64) -> Result<Spool, Error> {
        let kept = Arc::clone(&self.kept);
        let (spool, tail) = blocking(move || {
            let mut spool = kept.spool(place)?;
            let tail = spool.tail().map_err(Error::file(kept.ingest(place)))?;
            Ok::<_, Error>((spool, tail))
        })
        .await?;
        progress.grows(tail, base);
        Ok(spool)
    }

    async fn blob(
        self: Arc<Self>,
        Whence { store, upstream }: Whence,
        blob: Identity,
        progress: Progress,
    ) -> Result<Landed, Error> {
        if let Some(landed) = self.find(Key::Blob(blob)).await? {
            return Ok(landed);
        }
        let slot = slot(&self.transfers(upstream)).await?;
        let spool = self.spool(Place::Blobs, &progress, 0).await?;
        let directory = self.kept.ingest(Place::Blobs);
        let fetched = fetch_into(
            spool,
            store.as_ref(),
            blob,
            directory,
            self.metrics.as_ref(),
        )
        .await?;
        drop(slot);
        self.keep(Key::Blob(blob), fetched).await
    }

    async fn part(
        self: Arc<Self>,
        Whence { store, upstream }: Whence,
        blob: Identity,
        part: Range<u64>,
        progress: Progress,
    ) -> Result<Landed, Error> {
        if let Some(landed) = self.find(Key::Blob(blob)).await? {
            return Ok(landed);
        }
        let _slot = slot(&self.transfers(upstream)).await?;
        let base = part.start;
        let spool = self.spool(Place::Blobs, &progress, base).await?;
        let directory = self.kept.ingest(Place::Blobs);
        let fetched = fetch_part(
            spool,
            store.as_ref(),
            blob,
            part,
            directory,
            self.metrics.as_ref(),
        );
        let mut spool = fetched.await?;
        let file = spool.file().try_clone().map_err(Error::file(directory))?;
        let file = Arc::new(file);
        Ok(Landed { file, base })
    }

    async fn decoded(
        self: Arc<Self>,
        from: Whence,
        blob: Identity,
        content: Identity,
        progress: Progress,
    ) -> Result<Landed, Error> {
        let key = Key::Content { blob, content };
        if let Some(landed) = self.find(key).await? {
            return Ok(landed);
        }
        let location = from.store.location();
        let (mut stored, is_ours) = self.follow_blob(&from, blob);
        let mut decoder = self.decoder(&stored).await;
        // What others are refused may be ours.
        if !is_ours && decoder.as_ref().is_err_and(is_about_rights) {
            stored = self.follow_blob(&from, blob).0;
            decoder = self.decoder(&stored).await;
        }
        let (stage, slot) = decoder?;
        let spool = self.spool(Place::Decoded, &progress, 0).await?;
        let decoding = blocking(move || {
            let _slot: OwnedSemaphorePermit = slot;
            Ok::<_, Error>(decode(&stage, content, spool))
        });
        let spool = match decoding.await? {
            Ok(spool) => spool,
            Err(failure) => {
                if failure.at_end {
                    // If the blob did not come whole, that says more.
                    stored.landed().await?;
                }
                return Err(self.wrong(failure.error, &location, blob));
            }
        };
        stored.landed().await?;
        self.keep(key, spool).await
    }

    /// Waits for a decoder, and for what it can read. The few that decode what is still arriving may wait long for
    /// it; those that decode what is all here never do.
    async fn decoder(&self, stored: &Flight) -> Result<(Stage, OwnedSemaphorePermit), Error> {
        let stage = stored.begun().await?;
        if let Stage::Growing(..) = stage
            && let Ok(slot) = Arc::clone(&self.early_decoders).try_acquire_owned()
        {
            return Ok((stage, slot));
        }
        let landed = stored.landed().await?;
        Ok((Stage::Landed(landed), slot(&self.decoders).await?))
    }

    /// Says what is wrong with a blob that cannot be decoded.
    fn wrong(&self, error: io::Error, location: &str, blob: Identity) -> Error {
        let what = format!("the content of blob {}", blob.digest);
        let location = location.to_owned();
        let inner = error.get_ref();
        if let Some(&mismatch) = inner.and_then(|inner| inner.downcast_ref::<Mismatch>()) {
            let source = Box::new(mismatch);
            return Error::Corrupt {
                what,
                location,
                source,
            };
        }
        if let Some(frame) = inner.and_then(|inner| inner.downcast_ref::<FrameError>()) {
            let reason = frame.to_string();
            return Error::Malformed {
                what,
                location,
                reason,
            };
        }
        Error::file(self.kept.ingest(Place::Decoded))(error)
    }
}

pub(super) async fn slot(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let slot = Arc::clone(slots).acquire_owned().await;
    slot.map_err(|_| Error::Interrupted)
}

struct Failure {
    error: io::Error,
    /// All that there is of the blob was read.
    at_end: bool,
}

/// Decodes a frame, perhaps while it arrives; what is returned has the content's digest.
fn decode(stored: &Stage, content: Identity, mut spool: Spool) -> Result<Spool, Failure> {
    let mut at_end = false;
    let mut decode = || {
        let stored: Box<dyn Read> = match stored {
            Stage::Growing(tail, _) => Box::new(tail.another()),
            Stage::Landed(landed) => Box::new(At {
                file: Arc::clone(&landed.file),
                at: 0,
            }),
            Stage::Waiting | Stage::Failed(_) => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        let stored = Ending {
            stored,
            at_end: &mut at_end,
        };
        let decoder = Decoder::new(stored, Encoding::Zstd, content.size)?;
        let mut reader = VerifyingReader::new(decoder, content);
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => spool.append(&buffer[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    };
    match decode() {
        Ok(()) => Ok(spool),
        Err(error) => Err(Failure { error, at_end }),
    }
}

/// Notes whether the end was reached.
struct Ending<'a, R> {
    stored: R,
    at_end: &'a mut bool,
}

impl<R: Read> Read for Ending<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stored.read(buffer)?;
        *self.at_end |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

/// Reads a file that others read too, whose place is nobody's.
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = crate::source::Source::read_at(self.file.as_ref(), self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}
