//! Stores the flat form beside the split form: the whole component in one layer, for other OCI clients.

use std::sync::Arc;

use super::Pusher;
use crate::artifact::{Flat, split_tag};
use crate::copy;
use crate::digest::{Digest, Identity};
use crate::error::Error;
use crate::manifest::media_type;
use crate::source::Source;
use crate::store::spool::Spool;
use crate::store::{self, RawManifest, blocking};

impl<S: Source + Send + 'static> Pusher<'_, S> {
    /// Stores the flat form, then the split manifest, whose blobs exist. Returns the flat manifest.
    ///
    /// A subject is stored before its referrer.
    pub(super) async fn compat(
        &self,
        flat: Flat,
        split: &RawManifest,
        blobs: &mut Vec<Digest>,
        tally: &mut copy::BlobCounts,
    ) -> Result<RawManifest, Error> {
        self.push_flat_blobs(&flat, blobs, tally).await?;
        let split_tag = split_tag(&flat.digest());
        let flat = RawManifest::new(flat.manifest, media_type::MANIFEST);
        self.store.push_manifest(&flat, None).await?;
        self.store.push_manifest(split, Some(&split_tag)).await?;
        Ok(flat)
    }

    /// Stores the blobs of the flat form, and adds them to `blobs`.
    async fn push_flat_blobs(
        &self,
        flat: &Flat,
        blobs: &mut Vec<Digest>,
        tally: &mut copy::BlobCounts,
    ) -> Result<(), Error> {
        blobs.push(self.push_bytes(&flat.config, tally).await?);
        let whole = self.component.config.content;
        // The root alone is the whole component if nothing was split out.
        if !blobs.contains(&whole.digest) {
            tally.add(self.push_component_blob(whole).await?);
            blobs.push(whole.digest);
        }
        Ok(())
    }

    /// Stores the component as one blob. It goes through the cache, which checks it before the first byte is sent. It
    /// does not stay there, because later pulls on this machine use the layers.
    async fn push_component_blob(&self, whole: Identity) -> Result<copy::BlobTransfer, Error> {
        if self.store.has(whole).await? {
            let sent = false;
            return Ok(copy::BlobTransfer { blob: whole, sent });
        }
        let cache = Arc::clone(&self.session.cache);
        let is_cached = blocking(move || cache.is_intact(whole)).await?;
        if !is_cached {
            self.store_temporarily(whole).await?;
        }
        let pushed = self.send(whole).await;
        if !is_cached {
            self.session.cache.remove(&whole.digest)?;
        }
        Ok(pushed?)
    }

    async fn store_temporarily(&self, whole: Identity) -> Result<(), Error> {
        let component = Arc::clone(self.component);
        let cache = Arc::clone(&self.session.cache);
        let observer = Arc::clone(&self.session.observer);
        blocking(move || {
            let ingest = cache.ingest();
            let mut spool = Spool::new_in(ingest).map_err(store::Error::file(ingest))?;
            observer.planned(whole.size);
            component.copy_to(spool.file(), &|bytes| observer.moved(bytes))?;
            Ok(cache.adopt(&whole.digest, spool)?)
        })
        .await
    }
}
