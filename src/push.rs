//! Pushing: stores a component as a split artifact.
//!
//! It encodes the layers, sends the blobs that the store lacks, and writes the manifests and the tag last. With
//! [`PushOptions::compat`] it stores the flat form too. This module knows nothing about packages, versions or kinds of
//! stores.

mod compat;
mod delta;
mod layer_threads;
mod remote_files;

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};

pub use self::delta::{DeltaOutcome, DeltaTarget};
use self::layer_threads::LayerThreads;
pub use self::remote_files::{
    ListedFiles, RemoteFile, RemoteFileSources, RemoteSource, remote_files,
};
use crate::artifact;
use crate::component::Component;
use crate::copy::{self, Tally};
use crate::digest::{Digest, Identity};
use crate::encoding::{EncodedBlob, EncodedLayer, Encoders, Frames, Level};
use crate::error::Error;
use crate::manifest::{Annotations, MAX_SPLIT_MANIFEST_BYTES, annotation, media_type};
use crate::source::Source;
use crate::store::spool::Spool;
use crate::store::{self, RawManifest, Session, WritableStore, blocking};

/// The number of layers in work at once. More than encoders, so that these need not wait for files.
const LAYER_THREADS: usize = 4;

/// The options of a push.
#[derive(Debug, Clone)]
pub struct PushOptions {
    /// The compression level of layers.
    pub level: Level,
    /// Whether cached blobs of another level may be reused. This machine made or verified them.
    pub reuse: bool,
    /// Annotations that override the component's own.
    pub metadata: Annotations,
    /// Whether to store the flat form too, for other OCI clients. Then it gets the tag.
    pub compat: bool,
    /// Directories with the remote files that the component lists, at the listed paths. Needed for files that the store
    /// lacks.
    pub remote_files: Vec<PathBuf>,
}

/// The result of a push.
#[derive(Debug, Clone)]
pub struct PushSummary {
    /// The manifest that the tag names: the split manifest, or the flat manifest with `compat`.
    pub digest: Digest,
    /// The split manifest's digest.
    pub split_manifest_digest: Digest,
    /// The config's digest.
    pub split_digest: Digest,
    /// The flat manifest's digest.
    pub flat_digest: Digest,
    /// The component's digest and size.
    pub content: Identity,
    /// The number of layers in the split form, including the root.
    pub layers: usize,
    /// The blobs of remote files, also among those sent or skipped.
    pub remote: copy::BlobCounts,
    /// Blobs that this process sent.
    pub sent: Tally,
    /// Blobs that the store already had or took from another repository.
    pub skipped: Tally,
    /// All blobs that the push stored or found.
    pub blobs: Vec<Digest>,
}

/// Stores a component as a split artifact, and lets `tag` name it. See [`PushOptions`] for `compat`.
pub async fn push<S: Source + Send + 'static>(
    component: Arc<Component<S>>,
    store: &dyn WritableStore,
    tag: Option<&str>,
    session: &Session,
    options: &PushOptions,
) -> Result<PushSummary, Error> {
    let pusher = Pusher {
        component: &component,
        store,
        session,
        options,
        encoders: Arc::new(Encoders::start(options.level)),
        threads: LayerThreads::start(LAYER_THREADS),
    };
    let sources = RemoteFileSources {
        store: Some(store),
        may_mount: &|blob| store.may_mount(blob),
        location: &store.location(),
        directories: &options.remote_files,
        session,
    };
    let files = sources.find(&component).await?;
    // Remote files come first, because one with other content ends the push.
    let mut remote = copy::BlobCounts::default();
    for sent in pusher.send_remote_files(&files, &sources).await? {
        remote.add(sent);
    }
    let (stored, mut tally) = pusher.layers().await?;
    tally.merge(remote);
    let mut metadata = merge_metadata(&component, &options.metadata);
    if !files.is_empty() {
        metadata.insert(annotation::REMOTE_BLOBS.to_owned(), files.len().to_string());
    }
    let put_together = match options.compat {
        true => artifact::split_of_flat,
        false => artifact::split,
    };
    let split = put_together(&component.config, &stored, &metadata);
    let most = MAX_SPLIT_MANIFEST_BYTES;
    if split.manifest.len() >= most {
        let bytes = split.manifest.len();
        return Err(Error::ManifestSize { bytes, most });
    }
    let config = pusher.push_bytes(&split.config, &mut tally).await?;
    let blobs = stored.iter().map(|layer| layer.stored.blob.digest);
    let mut blobs: Vec<Digest> = blobs.chain([config]).collect();
    blobs.extend(files.iter().map(|file| file.blob.digest));
    let manifest = RawManifest::new(split.manifest, media_type::MANIFEST);
    let flat_digest = split.flat.digest();
    let top = match options.compat {
        true => {
            let flat = pusher.compat(split.flat, &manifest, &mut blobs, &mut tally);
            flat.await?
        }
        false => manifest.clone(),
    };
    if !files.is_empty() {
        if !options.compat {
            store.push_manifest(&top, None).await?;
        }
        pusher.attach_remote_files(&top, &files, &mut tally).await?;
    }
    // The tag comes last, so that clients that find the manifest by it find everything else too.
    if tag.is_some() || (files.is_empty() && !options.compat) {
        store.push_manifest(&top, tag).await?;
    }
    Ok(PushSummary {
        digest: top.digest,
        split_manifest_digest: manifest.digest,
        split_digest: config,
        flat_digest,
        content: component.config.content,
        layers: stored.len(),
        remote,
        sent: tally.sent,
        skipped: tally.skipped,
        blobs,
    })
}

/// Returns the split digest and the flat digest of a push with this metadata. Sends nothing.
pub fn identities<S: Source>(component: &Component<S>, metadata: &Annotations) -> (Digest, Digest) {
    let flat = artifact::flat(&component.config, &merge_metadata(component, metadata));
    (Digest::of(&component.config.to_bytes()), flat.digest())
}

/// Returns the component's own metadata, overridden by `metadata`.
fn merge_metadata<S>(component: &Component<S>, metadata: &Annotations) -> Annotations {
    let mut all = component.metadata.clone();
    all.extend(metadata.clone());
    all
}

struct Pusher<'a, S> {
    component: &'a Arc<Component<S>>,
    store: &'a dyn WritableStore,
    session: &'a Session,
    options: &'a PushOptions,
    encoders: Arc<Encoders>,
    threads: LayerThreads,
}

impl<S: Source + Send + 'static> Pusher<'_, S> {
    /// Stores every layer, and returns the layers in manifest order.
    async fn layers(&self) -> Result<(Vec<EncodedLayer>, copy::BlobCounts), Error> {
        let contents: Vec<Identity> = self.component.contents().collect();
        let mut distinct = HashMap::new();
        for (layer, content) in contents.iter().enumerate() {
            distinct.entry(content.digest).or_insert((layer, *content));
        }
        // Largest first, because they take longest.
        let mut work: Vec<(usize, Identity)> = distinct.into_values().collect();
        work.sort_by_key(|(layer, content)| (std::cmp::Reverse(content.size), *layer));
        let done: Vec<(Digest, EncodedLayer, copy::BlobTransfer)> = stream::iter(work)
            .map(|(layer, content)| self.layer(layer, content))
            .buffer_unordered(self.session.transfers())
            .try_collect()
            .await?;
        let mut outcome = copy::BlobCounts::default();
        let mut stored = HashMap::new();
        for (content, layer, pushed) in done {
            outcome.add(pushed);
            stored.insert(content, layer);
        }
        let in_order = contents
            .iter()
            .filter_map(|content| stored.get(&content.digest));
        Ok((in_order.cloned().collect(), outcome))
    }

    async fn layer(
        &self,
        layer: usize,
        content: Identity,
    ) -> Result<(Digest, EncodedLayer, copy::BlobTransfer), Error> {
        self.session.observer.planned(content.size);
        if let Some(stored) = self.find_reusable(content)? {
            let blob = stored.stored.blob;
            if self.store.has(blob).await? {
                self.session.observer.moved(content.size);
                let sent = false;
                return Ok((content.digest, stored, copy::BlobTransfer { blob, sent }));
            }
            // Cached files can rot. Without this check the registry would refuse the same blob at every push.
            let cache = Arc::clone(&self.session.cache);
            if blocking(move || cache.is_intact(blob)).await? {
                self.session.observer.moved(content.size);
                return Ok((content.digest, stored, self.send(blob).await?));
            }
            self.session.cache.discard(&content.digest, blob)?;
        }
        let stored = self.encode(layer, content).await?;
        let pushed = self.push(stored.stored.blob).await?;
        Ok((content.digest, stored, pushed))
    }

    /// Sends a cached blob that the store lacks.
    async fn send(&self, blob: Identity) -> Result<copy::BlobTransfer, store::Error> {
        let path = self.session.cache.path(&blob.digest);
        copy::send_blob(self.store, blob, &path, self.session.observer.as_ref()).await
    }

    /// Sends a cached blob, unless the store has it.
    async fn push(&self, blob: Identity) -> Result<copy::BlobTransfer, store::Error> {
        let path = self.session.cache.path(&blob.digest);
        copy::push_blob(self.store, blob, &path, self.session.observer.as_ref()).await
    }

    fn find_reusable(&self, content: Identity) -> Result<Option<EncodedLayer>, Error> {
        if !self.options.reuse {
            return Ok(None);
        }
        let cache = &self.session.cache;
        let Some(stored) = cache.find(content)? else {
            return Ok(None);
        };
        let file = File::open(cache.path(&stored.blob.digest));
        match file.and_then(|file| Frames::of_blob(&file, stored.encoding, content.size)) {
            Ok(frames) => Ok(Some(EncodedLayer { stored, frames })),
            // The file rotted, or another process removed it.
            Err(_) => {
                cache.discard(&content.digest, stored.blob)?;
                Ok(None)
            }
        }
    }

    /// Stores some bytes as a blob, and returns its digest.
    async fn push_bytes(
        &self,
        bytes: &[u8],
        tally: &mut copy::BlobCounts,
    ) -> Result<Digest, Error> {
        let blob = self.session.cache.add(bytes)?;
        tally.add(self.push(blob).await?);
        Ok(blob.digest)
    }

    async fn encode(&self, layer: usize, content: Identity) -> Result<EncodedLayer, Error> {
        let component = Arc::clone(self.component);
        let cache = Arc::clone(&self.session.cache);
        let observer = Arc::clone(&self.session.observer);
        let encoders = Arc::clone(&self.encoders);
        let encode = move || {
            let ingest: PathBuf = cache.ingest().to_owned();
            let mut spool = Spool::new_in(&ingest).map_err(store::Error::file(&ingest))?;
            let moved = |bytes| observer.moved(bytes);
            let encoded = component.encode(layer, Some(&encoders), spool.file(), &moved)?;
            let stored: EncodedBlob = encoded.stored;
            cache.adopt(&stored.blob.digest, spool)?;
            cache.record(content, stored)?;
            Ok(encoded)
        };
        self.threads.run(encode).await
    }
}
