//! The layers of a component file or a stored artifact.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use wharf::artifact::Layer;
use wharf::component::Component;
use wharf::digest::{Digest, Identity};
use wharf::encoding::{EncodedBlob, Encoders, Encoding, Level};
use wharf::pull::OpenArtifact;
use wharf::store::cache::Cache;
use wharf::store::spool::Spool;
use wharf::store::{Observer, Store};

use super::failure::Failure;

/// One layer, as tables and JSON show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LayerRow {
    /// The section path; `root` for the root.
    pub(crate) path: String,
    /// The offset of a section layer's content; `None` for the root.
    pub(crate) offset: Option<u64>,
    pub(crate) content_digest: Digest,
    pub(crate) content_size: u64,
    /// The digest of the stored blob, if it is known.
    pub(crate) stored_digest: Option<Digest>,
    pub(crate) stored_size: Option<u64>,
    /// The encoding of the stored blob.
    pub(crate) encoding: Option<Encoding>,
    /// Whether the cache or a local store has the content, so that a pull would not fetch it.
    pub(crate) cached: bool,
}

impl LayerRow {
    fn new(path: &str, offset: Option<u64>, content: Identity, cached: bool) -> Self {
        Self {
            path: path.to_owned(),
            offset,
            content_digest: content.digest,
            content_size: content.size,
            stored_digest: None,
            stored_size: None,
            encoding: None,
            cached,
        }
    }

    fn store_as(&mut self, EncodedBlob { blob, encoding }: EncodedBlob) {
        self.stored_digest = Some(blob.digest);
        self.stored_size = Some(blob.size);
        self.encoding = Some(encoding);
    }

    /// Returns the range of a section layer in the component. The root's range begins at 0.
    pub(crate) fn range(&self) -> Range<u64> {
        let offset = self.offset.unwrap_or(0);
        offset..offset + self.content_size
    }

    pub(crate) fn content(&self) -> Identity {
        Identity {
            digest: self.content_digest,
            size: self.content_size,
        }
    }
}

/// Returns the layers of a file, with the stored form of those in the cache.
pub(crate) fn of_file(
    component: &Component<File>,
    cache: &Cache,
) -> Result<Vec<LayerRow>, Failure> {
    let row = |(layer, content)| {
        let section = usize::checked_sub(layer, 1).map(|section| &component.config.layers[section]);
        let offset = section.map(|section| section.offset);
        let cached = cache.find(content)?;
        let mut row = LayerRow::new(component.path(layer), offset, content, cached.is_some());
        if let Some(stored) = cached {
            row.store_as(stored);
        }
        Ok(row)
    };
    component.contents().enumerate().map(row).collect()
}

/// Encodes the layers that the cache lacks, to find their stored size and digest.
pub(crate) fn measure(
    rows: &mut [LayerRow],
    component: &Arc<Component<File>>,
    cache: &Cache,
    level: Level,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    let unknown = rows.iter().filter(|row| row.stored_size.is_none());
    observer.planned(unknown.map(|row| row.content_size).sum());
    let encoders = Encoders::start(level);
    let unknown = rows.iter_mut().enumerate();
    for (layer, row) in unknown.filter(|(_, row)| row.stored_size.is_none()) {
        let mut spool = Spool::new_in(cache.ingest())?;
        let read = |bytes| observer.moved(bytes);
        let encoded = component.encode(layer, Some(&encoders), spool.file(), &read)?;
        row.store_as(encoded.stored);
    }
    Ok(())
}

/// Returns the layers of a stored artifact.
pub(crate) fn of_artifact(
    opened: &OpenArtifact,
    store: &dyn Store,
    cache: &Cache,
) -> Result<Vec<LayerRow>, Failure> {
    let sections = opened.split().into_iter();
    let sections = sections.flat_map(|split| &split.config.layers);
    let paths = std::iter::once("root").chain(sections.map(|layer| layer.path.as_str()));
    let row = |((index, layer), path): ((usize, &Layer), &str)| {
        let cached = cache.find(layer.content)?.is_some()
            || cache.has(layer.blob)?
            || cache.has(layer.content)?
            || store.local_file(layer.blob)?.is_some();
        let offset = (index > 0).then_some(layer.offset);
        let mut row = LayerRow::new(path, offset, layer.content, cached);
        row.store_as(EncodedBlob {
            blob: layer.blob,
            encoding: layer.encoding,
        });
        Ok(row)
    };
    opened.layers().enumerate().zip(paths).map(row).collect()
}
