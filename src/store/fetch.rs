//! The one verified read: it checks the size, then the digest, and that no bytes follow.

use std::io::{self, Seek};
use std::mem;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::task::{self, JoinHandle};
use tokio::time::Instant;

use super::retry::Attempts;
use super::spool::Spool;
use super::{Error, Observer, Store, Subject, TransferSlot};
use crate::digest::{Hasher, Identity, Mismatch};

/// The number of bytes that are hashed and written at a time, while the next ones arrive.
const BATCH_BYTES: usize = 256 * 1024;

/// The number of bytes that are written if the next ones have not arrived: a reader may follow the file.
const MIN_BATCH_BYTES: usize = 32 * 1024;

/// Fetches a blob into a new spool in `directory`. The returned bytes are verified.
pub async fn fetch(
    store: &dyn Store,
    blob: Identity,
    directory: &Path,
    observer: &dyn Observer,
) -> Result<Spool, Error> {
    let spool = Spool::new_in(directory).map_err(Error::file(directory))?;
    let (whole, slot) = (0..blob.size, TransferSlot::default());
    fetch_into(spool, store, blob, whole, directory, observer, slot).await
}

/// Fetches a part of a blob into an empty spool, which others may read while it grows. A part that is the whole blob is
/// verified; of any other part only the length is checked.
///
/// The transfer occupies `slot` only while bytes flow. If it breaks off, it continues where it stopped, after a wait,
/// within the store's retry policy. Wrong bytes are not requested again.
pub async fn fetch_into(
    spool: Spool,
    store: &dyn Store,
    blob: Identity,
    part: Range<u64>,
    directory: &Path,
    observer: &dyn Observer,
    slot: TransferSlot,
) -> Result<Spool, Error> {
    let (is_whole, wanted) = (part == (0..blob.size), part.end - part.start);
    let sink = transfer(spool, store, blob, part, directory, observer, slot).await?;
    let Sink { mut spool, hasher } = sink;
    if is_whole {
        hasher.check(blob).map_err(corrupt(store, blob))?;
    } else if hasher.size() != wanted {
        return Err(Error::Malformed {
            what: format!("blob {}", blob.digest),
            location: store.location(),
            reason: format!("only {} of its {wanted} bytes arrived", hasher.size()),
        });
    }
    spool.file().rewind().map_err(Error::file(directory))?;
    Ok(spool)
}

fn corrupt(store: &dyn Store, blob: Identity) -> impl FnOnce(Mismatch) -> Error {
    move |mismatch| Error::corrupt(store, Subject::Blob(blob.digest.into()), mismatch)
}

/// Moves bytes from the store to the spool, with the attempts that the retry policy allows.
async fn transfer(
    spool: Spool,
    store: &dyn Store,
    blob: Identity,
    part: Range<u64>,
    directory: &Path,
    observer: &dyn Observer,
    mut slot: TransferSlot,
) -> Result<Sink, Error> {
    let file_error = || Error::file(directory);
    let mut writer = Writer {
        sink: Some(Sink {
            spool,
            hasher: Hasher::new(),
        }),
        busy: None,
    };
    let wanted = part.end - part.start;
    let mut received = 0;
    let mut attempts = Attempts::default();
    loop {
        let began = Instant::now();
        let outcome = receive(
            (store, &mut slot),
            blob,
            &part,
            &mut writer,
            &mut received,
            observer,
        )
        .await;
        writer.finish_batch().await.map_err(file_error())?;
        match outcome {
            Ok(()) => break,
            // All bytes have come; the digest decides.
            Err(Failure::Broken(_)) if received == wanted && wanted > 0 => break,
            Err(Failure::Broken(error)) if error.is_transient() => {
                // A caller that cannot wait this long for a byte cannot wait for another attempt either.
                let is_patient = received > 0 || began.elapsed() <= store.retry().max_waits;
                let wait = store.retry().wait(&mut attempts, None);
                match wait.filter(|_| is_patient) {
                    Some(wait) => {
                        slot.release();
                        tokio::time::sleep(wait).await;
                    }
                    None => return Err(with_attempts(attempts.failed, error)),
                }
            }
            Err(Failure::Broken(error)) => return Err(error),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::File(error)) => return Err(file_error()(error)),
            Err(Failure::TooLong) => {
                let digest = writer.into_sink().map_err(file_error())?.hasher.finish();
                let found = Identity {
                    digest,
                    size: received,
                };
                return Err(corrupt(store, blob)(Mismatch {
                    expected: blob,
                    found,
                }));
            }
        }
    }
    writer.into_sink().map_err(file_error())
}

struct Sink {
    spool: Spool,
    hasher: Hasher,
}

/// Adds the number of failed attempts to an error.
fn with_attempts(failed: u32, error: Error) -> Error {
    match error {
        Error::Unreachable { what, source, .. } => Error::Unreachable {
            what,
            attempts: failed,
            source,
        },
        error => error,
    }
}

enum Failure {
    /// The blob could not be opened. The store has already retried.
    Store(Error),
    /// The transfer broke off.
    Broken(Error),
    File(io::Error),
    TooLong,
}

impl Sink {
    fn write(&mut self, batch: Vec<Bytes>) -> io::Result<()> {
        for bytes in batch {
            self.hasher.update(&bytes);
            self.spool.append(&bytes)?;
        }
        Ok(())
    }
}

/// Hashes and writes in parallel to the network: one batch is written while the next one fills.
struct Writer {
    sink: Option<Sink>,
    busy: Option<JoinHandle<(Sink, io::Result<()>)>>,
}

impl Writer {
    async fn finish_batch(&mut self) -> io::Result<()> {
        let Some(busy) = self.busy.take() else {
            return Ok(());
        };
        let (sink, written) = busy.await.map_err(io::Error::other)?;
        self.sink = Some(sink);
        written
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> io::Result<()> {
        self.finish_batch().await?;
        let mut sink = self.sink.take().ok_or(io::ErrorKind::BrokenPipe)?;
        self.busy = Some(task::spawn_blocking(move || {
            let written = sink.write(batch);
            (sink, written)
        }));
        Ok(())
    }

    fn into_sink(self) -> io::Result<Sink> {
        self.sink.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

async fn receive(
    (store, slot): (&dyn Store, &mut TransferSlot),
    blob: Identity,
    part: &Range<u64>,
    writer: &mut Writer,
    received: &mut u64,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    let from = part.start + *received;
    slot.occupy().await.map_err(Failure::Store)?;
    let opened = slot.wait(store.open(blob, from..part.end)).await;
    let mut stream = opened.map_err(Failure::Store)?;
    let wanted = part.end - part.start;
    let mut batch = Vec::new();
    let mut batched = 0;
    let ended = loop {
        slot.occupy().await.map_err(Failure::Store)?;
        let next = match stream.next().now_or_never() {
            Some(next) => next,
            None => {
                if batched >= MIN_BATCH_BYTES {
                    let batch = mem::take(&mut batch);
                    writer.write(batch).await.map_err(Failure::File)?;
                    batched = 0;
                }
                slot.wait(stream.next()).await
            }
        };
        let Some(bytes) = next else {
            break Ok(());
        };
        let mut bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => break Err(Failure::Broken(error)),
        };
        if part.end < blob.size {
            // Bytes beyond the requested part.
            bytes.truncate(usize::try_from(wanted - *received).unwrap_or(usize::MAX));
        }
        *received += bytes.len() as u64;
        if *received > wanted {
            break Err(Failure::TooLong);
        }
        observer.moved(bytes.len() as u64);
        batched += bytes.len();
        batch.push(bytes);
        if part.end < blob.size && *received == wanted {
            break Ok(());
        }
        if batched >= BATCH_BYTES {
            writer
                .write(mem::take(&mut batch))
                .await
                .map_err(Failure::File)?;
            batched = 0;
        }
    };
    writer.write(batch).await.map_err(Failure::File)?;
    ended
}
