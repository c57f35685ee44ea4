//! Finds the blob that a content is decoded from, for the engine and for callers without decoded copies.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use super::{Arrival, BlobOrigin, ContentKey, Engine};
use crate::digest::{Hasher, Identity};
use crate::encoding::{self, Decoder, EncodedBlob, Encoding};
use crate::store::cache::Cache;
use crate::store::spool::Spool;
use crate::store::{Error, Session, Store, Subject, blocking, fetch};

/// A content and the blob that holds it.
#[derive(Debug, Clone, Copy)]
pub struct StoredContent {
    /// The content.
    pub content: Identity,
    /// The blob and its encoding.
    pub stored: EncodedBlob,
    /// The place of the blob.
    pub place: BlobPlace,
}

/// The place of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobPlace {
    /// The cache.
    Cache,
    /// The cache, which has the content itself because a delta made it. No store has that blob.
    CachedContent,
    /// A store whose [files are read in place](Store::local_file).
    LocalStore,
    /// Another store. Fetched blobs go into the cache.
    RemoteStore,
}

impl Engine {
    /// Follows the input of a content's decoder. The flag says whether this call started the fetch, with its own
    /// rights.
    pub(super) fn input(
        self: &Arc<Self>,
        origin: &BlobOrigin,
        stored: EncodedBlob,
    ) -> (Arc<Arrival>, bool) {
        match stored.encoding {
            Encoding::Raw | Encoding::Zstd => self.follow(origin, ContentKey::Blob(stored.blob)),
        }
    }
}

impl StoredContent {
    /// Finds the blob to read a content from: the blob that the cache records, or otherwise the blob that the manifest
    /// names. If only the store has that blob, a content in the cache comes first. Verifies nothing.
    pub fn find(
        store: &dyn Store,
        cache: &Cache,
        named: EncodedBlob,
        content: Identity,
    ) -> Result<Self, Error> {
        let (stored, place) = if let Some(recorded) = cache.find(content)? {
            (recorded, BlobPlace::Cache)
        } else if cache.has(named.blob)? {
            (named, BlobPlace::Cache)
        } else if store.local_file(named.blob)?.is_some() {
            (named, BlobPlace::LocalStore)
        } else if cache.has(content)? {
            (EncodedBlob::raw(content), BlobPlace::CachedContent)
        } else {
            (named, BlobPlace::RemoteStore)
        };
        Ok(Self {
            content,
            stored,
            place,
        })
    }

    /// Finds the blob that holds a content in the cache. Verifies nothing.
    pub fn find_cached(cache: &Cache, content: Identity) -> Result<Option<EncodedBlob>, Error> {
        if let Some(recorded) = cache.find(content)? {
            return Ok(Some(recorded));
        }
        Ok(cache.has(content)?.then(|| EncodedBlob::raw(content)))
    }

    /// Opens a content that the cache has. The caller verifies the content.
    pub fn open_cached(cache: &Cache, content: Identity) -> io::Result<Option<impl Read + use<>>> {
        let Some(stored) = Self::find_cached(cache, content).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let file = File::open(cache.path(&stored.blob.digest))?;
        Decoder::new(file, stored.encoding, content.size).map(Some)
    }

    /// Decodes the content from `arriving`, or from a blob's file on this machine. The caller verifies the content.
    pub fn open(
        &self,
        store: &dyn Store,
        cache: &Cache,
        arriving: Option<impl Read + 'static>,
    ) -> io::Result<Decoder<Box<dyn Read>>> {
        let blob: Box<dyn Read> = match arriving {
            Some(arriving) => Box::new(arriving),
            None => Box::new(self.file(store, cache)?),
        };
        Decoder::new(blob, self.stored.encoding, self.content.size)
    }

    fn file(&self, store: &dyn Store, cache: &Cache) -> io::Result<File> {
        let blob = self.stored.blob;
        if self.place != BlobPlace::LocalStore {
            return File::open(cache.path(&blob.digest));
        }
        let file = store.local_file(blob).map_err(io::Error::other)?;
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Records that a cached blob holds the content, which the caller has verified. A content that a delta made is not
    /// recorded, because a push would store it uncompressed.
    pub fn record(&self, cache: &Cache) -> Result<(), Error> {
        match self.place {
            BlobPlace::LocalStore | BlobPlace::CachedContent => Ok(()),
            BlobPlace::Cache | BlobPlace::RemoteStore => cache.record(self.content, self.stored),
        }
    }

    /// Returns a file with the verified content. A damaged cached blob is fetched again. The inner error says why the
    /// blob does not hold the content.
    pub async fn read(
        store: &dyn Store,
        session: &Session,
        named: EncodedBlob,
        content: Identity,
    ) -> Result<(io::Result<File>, Self), Error> {
        let cache = &session.cache;
        let mut is_repaired = false;
        loop {
            let found = Self::find(store, cache, named, content)?;
            if found.place == BlobPlace::RemoteStore {
                let observer = session.observer.as_ref();
                observer.planned(named.blob.size);
                let spool = fetch(store, named.blob, cache.ingest(), observer).await?;
                let cache = Arc::clone(cache);
                blocking(move || cache.adopt(&named.blob.digest, spool)).await?;
            }
            let file = found.file(store, cache);
            let encoding = found.stored.encoding;
            let spool = (encoding != Encoding::Raw).then(|| Spool::new_in(cache.ingest()));
            let spool = spool.transpose().map_err(Error::file(cache.ingest()))?;
            let decode = move || file.and_then(|file| decode_blob(file, encoding, content, spool));
            let decoded = blocking(move || Ok::<_, Error>(decode())).await?;
            match decoded {
                Ok(file) => {
                    if found.place == BlobPlace::LocalStore {
                        check_local(store, named.blob)?;
                    }
                    return Ok((Ok(file), found));
                }
                // Another process removed the blob after it arrived.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_repaired => {}
                // The disk failed; the blob may be intact.
                Err(error) if error.raw_os_error().is_some() => {
                    return Err(Error::file(cache.ingest())(error));
                }
                Err(error) if is_repaired || found.place == BlobPlace::RemoteStore => {
                    return Ok((Err(error), found));
                }
                Err(_) => repair(store, cache, named, content)?,
            }
            is_repaired = true;
        }
    }
}

/// Decodes a blob into a spool and verifies the content. Without a spool the blob itself is the content.
fn decode_blob(
    mut blob: File,
    encoding: Encoding,
    content: Identity,
    spool: Option<Spool>,
) -> io::Result<File> {
    let mut reader = encoding::content(&blob, encoding, content)?;
    let Some(mut spool) = spool else {
        io::copy(&mut reader, &mut io::sink())?;
        drop(reader);
        blob.rewind()?;
        return Ok(blob);
    };
    io::copy(&mut reader, spool.file())?;
    spool.file().rewind()?;
    spool.file().try_clone()
}

/// Verifies the local blobs of a content after one of them proved wrong, and removes wrong blobs from the cache.
///
/// Fails if a file of the store is damaged, because it cannot be fetched again.
pub fn repair(
    store: &dyn Store,
    cache: &Cache,
    named: EncodedBlob,
    content: Identity,
) -> Result<(), Error> {
    let recorded = cache.find(content)?.into_iter();
    for stored in recorded.chain([named, EncodedBlob::raw(content)]) {
        if !cache.has(stored.blob)? {
            continue;
        }
        let check = || {
            let file = File::open(cache.path(&stored.blob.digest))?;
            let mut reader = encoding::content(file, stored.encoding, content)?;
            io::copy(&mut reader, &mut io::sink())
        };
        if check().is_ok() {
            return Ok(());
        }
        cache.discard(&content.digest, stored.blob)?;
    }
    check_local(store, named.blob)
}

/// Verifies a blob that the store has as a local file.
fn check_local(store: &dyn Store, blob: Identity) -> Result<(), Error> {
    let Some(mut file) = store.local_file(blob)? else {
        return Ok(());
    };
    let location = store.location();
    let mut hasher = Hasher::new();
    io::copy(&mut file, &mut hasher).map_err(Error::file(Path::new(&location)))?;
    let checked = hasher.check(blob);
    checked.map_err(|mismatch| Error::corrupt(store, Subject::Blob(blob.digest.into()), mismatch))
}
