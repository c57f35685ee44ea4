//! Versions of a component, and the deltas between them.

use std::collections::BTreeSet;

use wharf::artifact::delta_manifest;
use wharf::component::Component;
use wharf::delta::{
    DEFAULT_LEVEL, DeltaWriter, Effort, Header, Options, PartContent, PartKind, Role, bases,
};
use wharf::digest::{Digest, Identity};
use wharf::manifest::{Descriptor, EMPTY_BLOB, media_type};
use wharf::split::SplitPolicy;
use wharf::store::{RawManifest, WritableStore};

use super::binary::{component, custom, noise};
use super::workspace::layers;

/// Text that zstd compresses to half, and of which no two parts are alike.
fn text(count: usize) -> Vec<u8> {
    let bytes = noise(7, count / 2).into_iter();
    bytes
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

/// The same bytes with an edit for each version after the first.
fn edited(mut bytes: Vec<u8>, version: usize) -> Vec<u8> {
    for edit in 1..version {
        let at = bytes.len() / 10 * edit;
        bytes.splice(at..at, format!("edit {edit}").into_bytes());
    }
    bytes
}

/// Returns a version, counted from 1, of a component. It has a section that is stored raw, one that is compressed, and
/// one that never changes.
pub fn version(version: usize) -> Vec<u8> {
    component(&[
        custom("noise", &edited(noise(1, 150_000), version)),
        custom("text", &edited(text(300_000), version)),
        custom("same", &noise(2, 90_000)),
    ])
}

/// A delta between two components.
pub struct Delta {
    /// The split digest of the old one.
    pub source: Digest,
    /// The delta file.
    pub file: Vec<u8>,
    /// The layers that have parts.
    pub parts: BTreeSet<usize>,
}

impl Delta {
    /// Makes the delta as `publish` does, for the split manifest of the new component.
    pub fn new(old: &[u8], new: &[u8], manifest: &[u8]) -> Self {
        let read = |bytes: &[u8]| Component::read(bytes.to_vec(), &SplitPolicy::DEFAULT).unwrap();
        let (old, new, stored) = (read(old), read(new), layers(manifest));
        let [source, target] =
            [&old, &new].map(|component| Digest::of(&component.config.to_bytes()));
        let mut scratch = tempfile::tempfile().unwrap();
        let options = Options {
            level: DEFAULT_LEVEL,
            effort: Effort::Fast,
            memory: Options::DEFAULT_MEMORY,
        };
        let mut writer = DeltaWriter::new(source, target, None, options, &mut scratch, &|_| {});
        let contents: Vec<Identity> = old.contents().collect();
        let mut parts = BTreeSet::new();
        for (layer, (content, base)) in new
            .contents()
            .zip(bases(&old.config, &new.config))
            .enumerate()
        {
            // The root changes in a few bytes. Without a part for it, it is the layer that is fetched beside the delta.
            let Some(base) = base.filter(|base| *base > 0) else {
                continue;
            };
            if contents.contains(&content) {
                continue;
            }
            let part = PartContent {
                kind: PartKind::Layer(layer as u64),
                role: Role::of_path(new.path(layer)),
                size: content.size,
                bytes: Box::new(new.content(layer, &|_| {})),
                base: Some((contents[base], Box::new(old.content(base, &|_| {})))),
                limit: stored[layer].size.div_ceil(2),
            };
            if writer.add(vec![part]).unwrap() == [true] {
                parts.insert(layer);
            }
        }
        let mut file = Vec::new();
        writer.finish(&mut file).unwrap();
        Self {
            source,
            file,
            parts,
        }
    }

    /// Changes the header. The parts stay as they are.
    pub fn with_header(&self, change: impl FnOnce(&mut Header)) -> Vec<u8> {
        let (mut header, size) = Header::read(self.file.as_slice()).unwrap();
        change(&mut header);
        [&header.to_bytes(), &self.file[size as usize..]].concat()
    }
}

/// Stores a blob.
pub async fn push_blob(store: &dyn WritableStore, bytes: &[u8]) {
    let blob = Identity::of(bytes);
    if !store.has(blob).await.unwrap() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        store.push(blob, file.path()).await.unwrap();
    }
}

/// Attaches a delta file to a split manifest. Returns the digest of its manifest.
pub async fn attach(
    store: &dyn WritableStore,
    subject: &RawManifest,
    source: Digest,
    file: &[u8],
) -> Digest {
    let size = subject.bytes.len() as u64;
    let digest = subject.digest;
    let subject = Descriptor::new(media_type::MANIFEST, Identity { digest, size });
    let manifest = delta_manifest(subject, source, Some("1.0.0"), Identity::of(file));
    attach_manifest(store, &serde_json::to_vec(&manifest).unwrap(), file).await
}

/// Attaches a delta with any manifest.
pub async fn attach_manifest(store: &dyn WritableStore, manifest: &[u8], file: &[u8]) -> Digest {
    push_blob(store, EMPTY_BLOB).await;
    push_blob(store, file).await;
    let manifest = RawManifest::new(manifest.to_vec(), media_type::MANIFEST);
    store.push_manifest(&manifest, None).await.unwrap();
    manifest.digest
}
