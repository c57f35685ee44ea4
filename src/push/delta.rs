//! Makes delta files between stored artifacts, and attaches them to the new ones.
//!
//! A delta file has a part for each changed layer that becomes much smaller by it. The contents come from the cache,
//! where a push has just put the new ones, and otherwise from the stores. One task reads them, while a thread encodes,
//! so that at most one base and a few open files are in use.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::layer_threads::LayerThreads;
use crate::artifact::{Layer, ListedDelta, delta_manifest};
use crate::content::StoredContent;
use crate::copy;
use crate::delta::{self, DeltaWriter, MAX_BASE_BYTES, PartContent, PartKind};
use crate::digest::{Digest, Hasher, Identity};
use crate::error::Error;
use crate::manifest::{Descriptor, EMPTY_BLOB, annotation, media_type, to_json};
use crate::pull::{SplitArtifact, list_deltas};
use crate::reference::Name;
use crate::store::spool::Spool;
use crate::store::{self, RawManifest, Session, Store, WritableStore, blocking};

/// The longest version that a delta's manifest repeats, in bytes. It is that of a tag.
const MAX_VERSION_BYTES: usize = 128;

/// Returns the size of the largest part that saves a tenth of the stored layer, in bytes.
fn max_part(stored: u64) -> u64 {
    stored - stored.div_ceil(10)
}

/// A split artifact that deltas are attached to.
pub struct DeltaTarget<'a> {
    /// The repository.
    pub store: &'a dyn WritableStore,
    /// The artifact.
    pub split: SplitArtifact,
    /// The session.
    pub session: &'a Session,
    /// The compression level, 9 to 19.
    pub level: u8,
}

/// The result of attaching a delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeltaOutcome {
    /// The delta was made and attached.
    Attached(ListedDelta),
    /// A delta with the same source was attached before.
    AlreadyAttached,
    /// No changed layer becomes much smaller by a delta, so there is none.
    NothingSaved,
}

impl DeltaTarget<'_> {
    /// Makes the delta from an old artifact to this one, and attaches it. The same two artifacts and level always give
    /// the same delta.
    pub async fn attach_delta(
        &self,
        store: &dyn Store,
        old: &SplitArtifact,
    ) -> Result<DeltaOutcome, Error> {
        let source = old.manifest.config.digest;
        let changed = self.changed_layers(old);
        if changed.is_empty() {
            return Ok(DeltaOutcome::NothingSaved);
        }
        if self.has_delta(&source).await? {
            return Ok(DeltaOutcome::AlreadyAttached);
        }
        let Some(file) = self.make(store, source, changed).await? else {
            return Ok(DeltaOutcome::NothingSaved);
        };
        let cache = &self.session.cache;
        let observer = self.session.observer.as_ref();
        for blob in [cache.add(EMPTY_BLOB)?, file] {
            copy::push_blob(self.store, blob, &cache.path(&blob.digest), observer).await?;
        }
        let version = old.manifest.annotations.get(annotation::VERSION);
        let version = version.filter(|version| version.len() <= MAX_VERSION_BYTES);
        let subject = Descriptor::new(media_type::MANIFEST, self.split.identity());
        let manifest = delta_manifest(subject, source, version.map(String::as_str), file);
        let manifest = RawManifest::new(to_json(&manifest), media_type::MANIFEST);
        self.store.push_manifest(&manifest, None).await?;
        Ok(DeltaOutcome::Attached(ListedDelta {
            manifest: manifest.digest,
            source,
            size: file.size,
            source_version: version.cloned(),
        }))
    }

    /// Returns whether a delta with this source is attached.
    async fn has_delta(&self, source: &Digest) -> Result<bool, Error> {
        for listed in list_deltas(self.store, &self.split.digest).await? {
            if listed.source != *source {
                continue;
            }
            // A garbage collector may have removed a manifest that is still listed.
            match self.store.manifest(&Name::Digest(listed.manifest)).await {
                Err(store::Error::NotFound { .. }) => {}
                found => return Ok(found.map(|_| true)?),
            }
        }
        Ok(false)
    }

    /// Makes the delta file in the cache. Returns nothing if it would have no parts.
    async fn make(
        &self,
        store: &dyn Store,
        source: Digest,
        changed: Vec<ChangedLayer<'_>>,
    ) -> Result<Option<Identity>, Error> {
        let changed_bytes = changed.iter().map(|changed| changed.new.content.size).sum();
        self.session.observer.planned(changed_bytes);
        let (sender, parts) = mpsc::channel(1);
        let encoder = DeltaEncoder {
            source,
            target: self.split.manifest.config.digest,
            level: self.level,
            parts,
            session: self.session.clone(),
        };
        let threads = LayerThreads::start(1);
        let encode = threads.run(move || encoder.run());
        let read = async move {
            for ChangedLayer { number, new, base } in changed {
                let part = PartInput {
                    number,
                    content: new.content,
                    limit: max_part(new.blob.size) + 1,
                    base: base.content,
                    base_file: self.read_content(store, base).await?,
                    content_file: self.read_content(self.store, new).await?,
                };
                // The encoder has failed, and returns the error.
                if sender.send(part).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        let (file, ()) = tokio::try_join!(encode, read)?;
        let Some((file, spool)) = file else {
            return Ok(None);
        };
        let cache = Arc::clone(&self.session.cache);
        blocking(move || cache.adopt(&file.digest, spool)).await?;
        Ok(Some(file))
    }

    /// Returns the layers whose content the old artifact lacks, each content once, if they have a base that is not too
    /// large.
    fn changed_layers<'a>(&'a self, old: &'a SplitArtifact) -> Vec<ChangedLayer<'a>> {
        let old_layers: Vec<&Layer> = old.manifest.all_layers().collect();
        let mut known: HashSet<Digest> = old_layers
            .iter()
            .map(|layer| layer.content.digest)
            .collect();
        let bases = delta::bases(&old.config, &self.split.config);
        let new_layers = self.split.manifest.all_layers().zip(bases).enumerate();
        let changed = new_layers.filter_map(|(number, (new, base))| {
            let base = *old_layers.get(base?)?;
            let is_usable = base.content.size <= MAX_BASE_BYTES;
            (is_usable && known.insert(new.content.digest)).then_some(ChangedLayer {
                number: number as u64,
                new,
                base,
            })
        });
        changed.collect()
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
struct ChangedLayer<'a> {
    /// The number of the layer in the manifest; the root is 0.
    number: u64,
    new: &'a Layer,
    base: &'a Layer,
}

/// A part that is to be encoded.
struct PartInput {
    number: u64,
    content: Identity,
    content_file: File,
    base: Identity,
    base_file: File,
    /// The part is left out if it would have this many bytes or more.
    limit: u64,
}

/// Writes a delta file from the parts that it receives.
struct DeltaEncoder {
    source: Digest,
    target: Digest,
    level: u8,
    parts: mpsc::Receiver<PartInput>,
    session: Session,
}

impl DeltaEncoder {
    fn run(self) -> Result<Option<(Identity, Spool)>, Error> {
        let directory = self.session.cache.ingest().to_owned();
        let written = self.write(&directory);
        Ok(written.map_err(store::Error::file(&directory))?)
    }

    /// Returns the file, or nothing if it has no parts. Blocks.
    fn write(mut self, directory: &Path) -> io::Result<Option<(Identity, Spool)>> {
        let mut scratch = Spool::new_in(directory)?;
        let (source, target) = (self.source, self.target);
        let mut writer = DeltaWriter::new(source, target, None, self.level, scratch.file());
        while let Some(part) = self.parts.blocking_recv() {
            let mut base = Vec::with_capacity(usize::try_from(part.base.size).unwrap_or(0));
            (&part.base_file).read_to_end(&mut base)?;
            let mut bytes = ObservedReader {
                file: part.content_file,
                session: &self.session,
            };
            let content = PartContent {
                kind: PartKind::Layer(part.number),
                size: part.content.size,
                bytes: &mut bytes,
                base: Some((part.base, &base)),
            };
            writer.add(content, part.limit)?;
        }
        if writer.is_empty() {
            return Ok(None);
        }
        let mut spool = Spool::new_in(directory)?;
        let file = spool.file();
        writer.finish(file).map_err(io::Error::other)?;
        file.rewind()?;
        let mut hasher = Hasher::new();
        io::copy(file, &mut hasher)?;
        Ok(Some((hasher.identity(), spool)))
    }
}

/// Reports the bytes that are read.
struct ObservedReader<'a> {
    file: File,
    session: &'a Session,
}

impl Read for ObservedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.session.observer.moved(read as u64);
        Ok(read)
    }
}
