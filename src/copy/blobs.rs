//! Copies the blobs of an artifact, each distinct blob once.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::io;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tempfile::TempPath;

use super::links::Link;
use super::{BlobCounts, BlobTransfer, CopyOptions, Error, send_blob};
use crate::digest::Identity;
use crate::store::{self, Session, Store, WritableStore, blocking, fetch};

/// Copies blobs between two stores, and records which blobs the target has.
pub(super) struct BlobCopier<'a> {
    pub(super) from: &'a dyn Store,
    pub(super) to: &'a dyn WritableStore,
    pub(super) options: &'a CopyOptions,
    pub(super) session: &'a Session,
    pub(super) present: HashSet<Identity>,
}

impl BlobCopier<'_> {
    /// Copies the blobs that the target is not known to have, and counts them.
    pub(super) async fn copy(
        &mut self,
        links: impl Iterator<Item = &Link>,
    ) -> Result<BlobCounts, Error> {
        let mut wanted: Vec<(Identity, bool)> = links
            .map(|link| (link.identity(), link.is_foreign()))
            .filter(|(blob, _)| !self.present.contains(blob))
            .collect();
        // Largest first, because they take longest. A blob must exist if one of its links is not foreign.
        wanted.sort_by_key(|(blob, is_foreign)| (Reverse(blob.size), blob.digest, *is_foreign));
        wanted.dedup_by_key(|(blob, _)| *blob);
        let this = &*self;
        let done: Vec<Option<BlobTransfer>> = stream::iter(wanted)
            .map(|(blob, is_foreign)| this.copy_blob(blob, is_foreign))
            .buffer_unordered(self.session.transfers())
            .try_collect()
            .await?;
        let mut outcome = BlobCounts::default();
        for pushed in done.into_iter().flatten() {
            self.present.insert(pushed.blob);
            outcome.add(pushed);
        }
        Ok(outcome)
    }

    /// Copies one blob to the target. Returns nothing for a foreign layer that the source lacks.
    async fn copy_blob(
        &self,
        blob: Identity,
        is_foreign: bool,
    ) -> Result<Option<BlobTransfer>, Error> {
        let what = || format!("blob {}", blob.digest);
        if self.has_without_bytes(blob).await? {
            return Ok(Some(BlobTransfer { blob, sent: false }));
        }
        if is_foreign && !self.from.has(blob).await.map_err(Error::source(what()))? {
            return Ok(None);
        }
        let file = self.fetch(blob).await?;
        let pushed = send_blob(self.to, blob, &file, self.session.observer.as_ref()).await;
        pushed.map(Some).map_err(Error::target(what()))
    }

    /// Returns whether the target has a blob, or could mount it without a transfer through this process.
    async fn has_without_bytes(&self, blob: Identity) -> Result<bool, Error> {
        let what = format!("blob {}", blob.digest);
        let there = match self.to.has(blob).await {
            Ok(false) => self.to.mount(blob).await,
            there => there,
        };
        there.map_err(Error::target(what))
    }

    /// Fetches a blob, verified, into a file that is removed when it is dropped.
    async fn fetch(&self, blob: Identity) -> Result<TempPath, Error> {
        let what = || format!("blob {}", blob.digest);
        let ingest = self.session.cache.ingest();
        let observer = self.session.observer.as_ref();
        observer.planned(blob.size);
        let spool = fetch(self.from, blob, ingest, observer)
            .await
            .map_err(Error::source(what()))?;
        let directory = ingest.to_owned();
        let name = move || {
            let mut spool = Some(spool);
            let named = tempfile::Builder::new()
                .prefix(".wharf-")
                .rand_bytes(16)
                .suffix(".tmp")
                .make_in(&directory, |path| {
                    let spool = spool.take().ok_or(io::ErrorKind::AlreadyExists)?;
                    spool.replace(path)
                });
            named
                .map(|named| named.into_temp_path())
                .map_err(store::Error::file(&directory))
        };
        let spooled = |source| Error::Spool {
            what: what(),
            source,
        };
        blocking(name).await.map_err(spooled)
    }
}
