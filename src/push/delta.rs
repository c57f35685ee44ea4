//! Makes delta files between stored artifacts, and attaches them to the new ones.
//!
//! A delta file has a part for each changed layer that becomes much smaller by it. The contents come from the cache,
//! where a push has just put the new ones, and otherwise from the stores. One task reads them, while a thread encodes,
//! so that at most one base and a few open files are in use.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::layer_threads::LayerThreads;
use crate::artifact::{Layer, ListedDelta, delta_file, delta_manifest};
use crate::content::StoredContent;
use crate::copy;
use crate::delta::{self, DeltaWriter, Options, PartContent, PartKind, Role};
use crate::digest::{Digest, Hasher, Identity};
use crate::error::Error;
use crate::manifest::{Descriptor, EMPTY_BLOB, annotation, media_type, to_json};
use crate::pull::{SplitArtifact, is_worth_fetching, list_deltas};
use crate::reference::Name;
use crate::store::spool::Spool;
use crate::store::{self, RawManifest, Session, Store, WritableStore, blocking};

/// The longest version that a delta's manifest repeats, in bytes. It is that of a tag.
const MAX_VERSION_BYTES: usize = 128;

/// Returns the size of the largest part that saves a tenth of the stored layer, in bytes.
fn max_part(stored: u64) -> u64 {
    stored - stored.div_ceil(10)
}

/// Returns the sum of sizes that a manifest states, which may be too large for any number.
fn total(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

/// A split artifact that deltas are attached to.
pub struct DeltaTarget<'a> {
    /// The repository.
    pub store: &'a dyn WritableStore,
    /// The artifact.
    pub split: SplitArtifact,
    /// The session.
    pub session: &'a Session,
    /// The methods and levels of its deltas.
    pub options: Options,
}

/// The result of attaching a delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeltaOutcome {
    /// The delta was made and attached.
    Attached {
        /// The delta.
        delta: ListedDelta,
        /// Whether a layer had too little memory for all methods.
        is_limited: bool,
    },
    /// A delta with the same source was attached before.
    AlreadyAttached,
    /// Both artifacts are the same component, split in the same way.
    SameComponent,
    /// A delta would save too little, and clients would not fetch it.
    NothingSaved,
}

impl DeltaTarget<'_> {
    /// Makes the delta from an old artifact to this one, and attaches it. The same two artifacts and options always
    /// give the same delta.
    pub async fn attach_delta(
        &self,
        store: &dyn Store,
        old: &SplitArtifact,
    ) -> Result<DeltaOutcome, Error> {
        let source = old.manifest.config.digest;
        if source == self.split.manifest.config.digest {
            return Ok(DeltaOutcome::SameComponent);
        }
        let (changed, missing) = self.changed_layers(old);
        let replaceable = total(changed.iter().map(|changed| changed.new.blob.size));
        if !is_worth_fetching(missing, replaceable, 0) {
            return Ok(DeltaOutcome::NothingSaved);
        }
        if self.has_delta(&source).await? {
            return Ok(DeltaOutcome::AlreadyAttached);
        }
        let Some((file, is_limited)) = self.make(store, source, changed, missing).await? else {
            return Ok(DeltaOutcome::NothingSaved);
        };
        let cache = &self.session.cache;
        let observer = self.session.observer.as_ref();
        let empty = cache.add(EMPTY_BLOB)?;
        copy::push_blob(self.store, empty, &cache.path(&empty.digest), observer).await?;
        // The store may have a damaged blob of this digest, but no complete one.
        copy::send_blob(self.store, file, &cache.path(&file.digest), observer).await?;
        let version = self.source_version(old);
        let subject = Descriptor::new(media_type::MANIFEST, self.split.identity());
        let manifest = delta_manifest(subject, source, version.map(String::as_str), file);
        let manifest = RawManifest::new(to_json(&manifest), media_type::MANIFEST);
        self.store.push_manifest(&manifest, None).await?;
        let delta = ListedDelta {
            manifest: manifest.digest,
            source,
            size: file.size,
            source_version: version.cloned(),
        };
        Ok(DeltaOutcome::Attached { delta, is_limited })
    }

    /// Returns the version of an old artifact. A version means nothing without its package, so it is that of this one.
    fn source_version<'a>(&self, old: &'a SplitArtifact) -> Option<&'a String> {
        let old = &old.manifest.annotations;
        let package = old.get(annotation::PACKAGE)?;
        let is_same = self.split.manifest.annotations.get(annotation::PACKAGE) == Some(package);
        let version = old.get(annotation::VERSION)?;
        (is_same && version.len() <= MAX_VERSION_BYTES).then_some(version)
    }

    /// Returns whether a delta with this source is attached and complete.
    async fn has_delta(&self, source: &Digest) -> Result<bool, Error> {
        for listed in list_deltas(self.store, &self.split.digest).await? {
            if listed.source == *source && self.is_complete(&listed).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether the store has the manifest and the file of a listed delta. A garbage collector may have removed
    /// them, and the file may be damaged.
    async fn is_complete(&self, listed: &ListedDelta) -> Result<bool, store::Error> {
        let manifest = match self.store.manifest(&Name::Digest(listed.manifest)).await {
            Err(store::Error::NotFound { .. }) => return Ok(false),
            found => found?,
        };
        match delta_file(&manifest.bytes) {
            Ok(file) => match self.store.size(&file.digest).await {
                // The registry does not state sizes.
                Err(store::Error::Malformed { .. }) => Ok(true),
                size => Ok(size? == Some(file.size)),
            },
            Err(_) => Ok(false),
        }
    }

    /// Makes the delta file in the cache. Returns it, and whether a layer had too little memory for all methods. Returns
    /// nothing if a client without `missing` bytes would not fetch it.
    async fn make(
        &self,
        store: &dyn Store,
        source: Digest,
        changed: Vec<ChangedLayer<'_>>,
        missing: u64,
    ) -> Result<Option<(Identity, bool)>, Error> {
        let sizes = changed.iter().map(|changed| changed.new.content.size);
        self.session.observer.planned(total(sizes));
        let (sender, parts) = mpsc::channel(1);
        let encoder = DeltaEncoder {
            source,
            target: self.split.manifest.config.digest,
            options: self.options,
            missing,
            parts,
            session: self.session.clone(),
        };
        let threads = LayerThreads::start(1);
        let encode = threads.run(move || encoder.run());
        let read = async move {
            let paths: Vec<&str> = changed
                .iter()
                .map(|changed| self.split.config.path(changed.number))
                .collect();
            for group in delta::groups(&paths) {
                let mut parts = Vec::new();
                for index in group {
                    let ChangedLayer { number, new, base } = changed[index];
                    parts.push(PartInput {
                        number: number as u64,
                        role: Role::of_path(paths[index]),
                        content: new.content,
                        stored: new.blob.size,
                        base: base.content,
                        base_file: self.read_content(store, base).await?,
                        content_file: self.read_content(self.store, new).await?,
                    });
                }
                // The encoder has failed, and returns the error.
                if sender.send(parts).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        let (file, ()) = tokio::try_join!(encode, read)?;
        let Some((file, is_limited, spool)) = file else {
            return Ok(None);
        };
        let cache = Arc::clone(&self.session.cache);
        blocking(move || cache.adopt(&file.digest, spool)).await?;
        Ok(Some((file, is_limited)))
    }

    /// Returns the layers whose content the old artifact lacks, each content once, if they have a base. Also returns the stored bytes of all layers that the old artifact lacks.
    fn changed_layers<'a>(&'a self, old: &'a SplitArtifact) -> (Vec<ChangedLayer<'a>>, u64) {
        let old_layers: Vec<&Layer> = old.manifest.all_layers().collect();
        let mut known: HashSet<Digest> = old_layers
            .iter()
            .map(|layer| layer.content.digest)
            .collect();
        let bases = delta::bases(&old.config, &self.split.config);
        let (mut changed, mut missing) = (Vec::new(), HashMap::new());
        for (number, (new, base)) in self.split.manifest.all_layers().zip(bases).enumerate() {
            if known.contains(&new.content.digest) {
                continue;
            }
            missing.insert(new.blob.digest, new.blob.size);
            let base = base.and_then(|base| old_layers.get(base).copied());
            if let Some(base) = base {
                known.insert(new.content.digest);
                changed.push(ChangedLayer { number, new, base });
            }
        }
        (changed, total(missing.into_values()))
    }

    /// Returns a file with the verified content of a layer.
    async fn read_content(&self, store: &dyn Store, layer: &Layer) -> Result<File, Error> {
        let (stored, content) = (layer.stored(), layer.content);
        let (file, _) = StoredContent::read(store, self.session, stored, content).await?;
        file.map_err(|error| {
            Error::Store(store::Error::Malformed {
                what: format!("the content of blob {}", stored.blob.digest),
                location: store.location(),
                reason: error.to_string(),
            })
        })
    }
}

/// A layer that gets a part.
#[derive(Clone, Copy)]
struct ChangedLayer<'a> {
    /// The number of the layer in the manifest; the root is 0.
    number: usize,
    new: &'a Layer,
    base: &'a Layer,
}

/// A part that is to be encoded.
struct PartInput {
    number: u64,
    role: Role,
    content: Identity,
    content_file: File,
    base: Identity,
    base_file: File,
    /// The size of the layer that the part replaces.
    stored: u64,
}

/// Writes a delta file from the parts that it receives.
struct DeltaEncoder {
    source: Digest,
    target: Digest,
    options: Options,
    /// The stored bytes of all layers that the old artifact lacks.
    missing: u64,
    /// The layers that are encoded together.
    parts: mpsc::Receiver<Vec<PartInput>>,
    session: Session,
}

impl DeltaEncoder {
    fn run(self) -> Result<Option<(Identity, bool, Spool)>, Error> {
        let directory = self.session.cache.ingest().to_owned();
        let written = self.write(&directory);
        Ok(written.map_err(store::Error::file(&directory))?)
    }

    /// Returns the file, or nothing if it is not worth fetching. Blocks.
    fn write(mut self, directory: &Path) -> io::Result<Option<(Identity, bool, Spool)>> {
        let mut scratch = Spool::new_in(directory)?;
        let (source, target) = (self.source, self.target);
        let observer = Arc::clone(&self.session.observer);
        let progress = move |bytes| observer.moved(bytes);
        let (options, scratch) = (self.options, scratch.file());
        let mut writer = DeltaWriter::new(source, target, None, options, scratch, &progress);
        let mut replaced = 0u64;
        while let Some(parts) = self.parts.blocking_recv() {
            let contents = parts.iter().map(|part| PartContent {
                kind: PartKind::Layer(part.number),
                role: part.role,
                size: part.content.size,
                bytes: Box::new(&part.content_file),
                base: Some((part.base, Box::new(&part.base_file))),
                limit: max_part(part.stored) + 1,
            });
            let added = writer.add(contents.collect())?;
            let added = parts.iter().zip(added).filter(|(_, is_added)| *is_added);
            replaced = total(
                [replaced]
                    .into_iter()
                    .chain(added.map(|(part, _)| part.stored)),
            );
        }
        if writer.is_empty() {
            return Ok(None);
        }
        let is_limited = writer.is_limited();
        let mut spool = Spool::new_in(directory)?;
        let file = spool.file();
        let size = writer.finish(file).map_err(io::Error::other)?;
        if !is_worth_fetching(self.missing, replaced, size) {
            return Ok(None);
        }
        file.rewind()?;
        let mut hasher = Hasher::new();
        io::copy(file, &mut hasher)?;
        Ok(Some((hasher.identity(), is_limited, spool)))
    }
}
