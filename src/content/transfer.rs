//! The work behind an arrival: it finds a file on this machine, or fetches or decodes it. The result is always
//! verified, except for a part of a blob or content.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::OwnedSemaphorePermit;

use super::arrival::{Arrival, FilePart, Progress};
use super::room::Reservation;
use super::{BlobOrigin, ContentKey, Engine, permit};
use crate::digest::{Identity, Mismatch};
use crate::encoding::{self, Decoder, EncodedBlob, FrameError, StoredPart};
use crate::error::Kind;
use crate::store::spool::Spool;
use crate::store::{Error, StoreKind, Subject, blocking, fetch_into};

/// The maximum number of bytes decoded at a time.
const PIECE_BYTES: usize = 128 * 1024;

impl Engine {
    /// Returns the arrival of some bytes, or starts one with the rights of `origin`. The flag says whether this call
    /// started it.
    pub fn follow(
        self: &Arc<Self>,
        origin: &BlobOrigin,
        wanted: ContentKey,
    ) -> (Arc<Arrival>, bool) {
        let (engine, from) = (Arc::clone(self), origin.clone());
        let key = (origin.upstream, wanted);
        match wanted {
            ContentKey::Blob(blob) => {
                let work = |progress| engine.blob(from, blob, None, progress);
                self.arrivals.join(key, work)
            }
            ContentKey::Decoded { stored, content } => {
                let work = |progress| engine.decoded(from, stored, content, None, progress);
                self.arrivals.join(key, work)
            }
        }
    }

    /// Starts the arrival of a part of a blob or content, unless all of it is on this machine. If the blob is on this
    /// machine, only the part is decoded, and otherwise only the part is fetched. A part cannot be verified, and no
    /// other reader shares it.
    pub fn part(
        self: &Arc<Self>,
        origin: &BlobOrigin,
        wanted: ContentKey,
        part: StoredPart,
    ) -> Arc<Arrival> {
        let (engine, from) = (Arc::clone(self), origin.clone());
        match wanted {
            ContentKey::Blob(blob) => {
                let work = |progress| engine.blob(from, blob, Some(part.stored), progress);
                Arrival::begin(work)
            }
            ContentKey::Decoded { stored, content } => {
                let work = |progress| engine.decoded(from, stored, content, Some(part), progress);
                Arrival::begin(work)
            }
        }
    }

    /// Finds a file on this machine.
    async fn find(self: &Arc<Self>, wanted: ContentKey) -> Result<Option<FilePart>, Error> {
        let permit = permit(&self.lookups).await?;
        let engine = Arc::clone(self);
        let found = blocking(move || {
            let _permit: OwnedSemaphorePermit = permit;
            engine.files.find(&wanted)
        });
        let found = found.await?;
        Ok(found.map(FilePart::whole))
    }

    async fn adopt(self: &Arc<Self>, wanted: ContentKey, spool: Spool) -> Result<FilePart, Error> {
        let engine = Arc::clone(self);
        let file = blocking(move || engine.files.adopt(&wanted, spool)).await?;
        Ok(FilePart::whole(file))
    }

    /// Creates an empty spool and lets the arrival's readers follow it.
    async fn spool(
        self: &Arc<Self>,
        wanted: ContentKey,
        progress: &Progress,
        base: u64,
    ) -> Result<(Spool, Reservation), Error> {
        let engine = Arc::clone(self);
        let (spool, tail, reservation) = blocking(move || {
            let (mut spool, reservation) = engine.files.spool(&wanted)?;
            let tail = spool.tail();
            let tail = tail.map_err(Error::file(engine.files.ingest(&wanted)))?;
            Ok::<_, Error>((spool, tail, reservation))
        })
        .await?;
        progress.start_growing(tail, base);
        Ok((spool, reservation))
    }

    /// Finds a blob on this machine, or otherwise fetches it or a part of it.
    async fn blob(
        self: Arc<Self>,
        origin: BlobOrigin,
        blob: Identity,
        part: Option<Range<u64>>,
        progress: Progress,
    ) -> Result<FilePart, Error> {
        let wanted = ContentKey::Blob(blob);
        if let Some(found) = self.find(wanted).await? {
            return Ok(found);
        }
        let mut slot = self.slot(origin.upstream, origin.component);
        // A waiting fetch holds no file.
        slot.occupy().await?;
        let base = part.as_ref().map_or(0, |part| part.start);
        let (spool, _reservation) = self.spool(wanted, &progress, base).await?;
        let directory = self.files.ingest(&wanted);
        let (store, observer) = (origin.store.as_ref(), self.session.observer.as_ref());
        let range = part.clone().unwrap_or(0..blob.size);
        // Boxed, so that fetches take little memory.
        let fetched = Box::pin(fetch_into(
            spool, store, blob, range, directory, observer, slot,
        ));
        let mut fetched = fetched.await?;
        if part.is_none() {
            return self.adopt(wanted, fetched).await;
        }
        let file = fetched.file().try_clone().map_err(Error::file(directory))?;
        let file = Arc::new(file);
        Ok(FilePart { file, base })
    }

    async fn decoded(
        self: Arc<Self>,
        origin: BlobOrigin,
        stored: EncodedBlob,
        content: Identity,
        part: Option<StoredPart>,
        progress: Progress,
    ) -> Result<FilePart, Error> {
        let wanted = ContentKey::Decoded { stored, content };
        if let Some(found) = self.find(wanted).await? {
            return Ok(found);
        }
        let input = || match &part {
            Some(part) => (
                self.part(&origin, ContentKey::Blob(stored.blob), part.clone()),
                true,
            ),
            None => self.input(&origin, stored),
        };
        let range = part
            .as_ref()
            .map_or(0..stored.blob.size, |part| part.stored.clone());
        let (mut arrival, is_own) = input();
        let mut begun = self.begin_decoding(&arrival, &range).await;
        if !is_own && begun.as_ref().is_err_and(is_about_rights) {
            // The other caller was refused; this one may have more rights.
            (arrival, _) = input();
            begun = self.begin_decoding(&arrival, &range).await;
        }
        let permit = begun?;
        let base = part.as_ref().map_or(0, |part| part.content.start);
        let (spool, _reservation) = self.spool(wanted, &progress, base).await?;
        // This function owns `arrival`, not the blocking task: the fetch stops when this work is aborted.
        let reader = arrival.part_reader(range);
        let size = part.as_ref().map(|part| part.content.end - base);
        let decoding = blocking(move || {
            let _permit: OwnedSemaphorePermit = permit;
            let decoded = match size {
                Some(size) => Decoder::new(reader, stored.encoding, size)
                    .and_then(|decoder| decode(decoder, spool)),
                None => encoding::content(reader, stored.encoding, content)
                    .and_then(|content| decode(content, spool)),
            };
            Ok::<_, Error>(decoded)
        });
        let location = || origin.store.location();
        let mut spool = decoding
            .await?
            .map_err(|error| self.decode_error(error, location(), stored.blob))?;
        if part.is_none() {
            return self.adopt(wanted, spool).await;
        }
        let file = spool.file().try_clone();
        let file = Arc::new(file.map_err(Error::file(self.files.directory()))?);
        Ok(FilePart { file, base })
    }

    /// Waits for a decoding permit and for the first bytes. Decoders of arriving blobs are few because they may wait
    /// long for bytes. Decoders of complete blobs never wait for bytes.
    async fn begin_decoding(
        &self,
        input: &Arrival,
        range: &Range<u64>,
    ) -> Result<OwnedSemaphorePermit, Error> {
        input.ready(range.start, range.end).await?;
        if input.complete().now_or_never().is_none()
            && let Ok(permit) = Arc::clone(&self.early_decoders).try_acquire_owned()
        {
            return Ok(permit);
        }
        input.complete().await?;
        permit(&self.decoders).await
    }

    /// Returns the error for a blob that cannot be decoded.
    fn decode_error(&self, error: io::Error, location: String, blob: Identity) -> Error {
        // A failed fetch explains more than the decoder's error.
        let error = match error.downcast::<Error>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        let what = format!("the content of blob {}", blob.digest);
        let inner = error.get_ref();
        if let Some(&mismatch) = inner.and_then(|inner| inner.downcast_ref::<Mismatch>()) {
            return Error::Corrupt {
                what: Subject::Other(what),
                location,
                kind: StoreKind::Other,
                source: Box::new(mismatch),
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
        Error::file(self.files.directory())(error)
    }
}

/// Returns whether another caller may have the missing rights.
pub fn is_about_rights(error: &Error) -> bool {
    matches!(error.kind(), Kind::Refused | Kind::NotFound)
}

/// Reads a decoded content into a spool, possibly while its blob arrives.
fn decode(mut reader: impl Read, mut spool: Spool) -> io::Result<Spool> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(spool),
            Ok(read) => spool.append(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
