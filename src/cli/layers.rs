//! The layers of a component, whether it is a file or in a store.

use std::fs::File;

use serde::Serialize;

use wharf::component::Component;
use wharf::digest::{Digest, Identity};
use wharf::encoding::{EncodedBlob, Encoding, Level};
use wharf::pull::Opened;
use wharf::store::cache::Cache;
use wharf::store::spool::Spool;
use wharf::store::{Observer, Store};

use super::failure::Failure;

/// One layer, as tables and JSON show it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LayerRow {
    /// The section path; `root` for the root.
    pub(crate) path: String,
    /// Where a section layer's content begins.
    pub(crate) offset: Option<u64>,
    /// The content.
    pub(crate) content_digest: Digest,
    /// Its size.
    pub(crate) content_size: u64,
    /// The stored blob, where it is known.
    pub(crate) stored_digest: Option<Digest>,
    /// Its size.
    pub(crate) stored_size: Option<u64>,
    /// How the blob holds the content.
    pub(crate) encoding: Option<&'static str>,
    /// Whether this machine has the content, in its cache or in the store: whether a pull would fetch nothing for it.
    pub(crate) cached: bool,
}

impl LayerRow {
    fn stored_as(&mut self, stored: &EncodedBlob) {
        self.stored_digest = Some(stored.blob.digest);
        self.stored_size = Some(stored.blob.size);
        self.encoding = Some(word(stored.encoding));
    }

    pub(crate) fn content(&self) -> Identity {
        Identity {
            digest: self.content_digest,
            size: self.content_size,
        }
    }
}

fn word(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Raw => "raw",
        Encoding::Zstd => "zstd",
    }
}

/// Returns the layers of a file, stored as the cache has them, where it has.
pub(crate) fn of_file(
    component: &Component<File>,
    cache: &Cache,
) -> Result<Vec<LayerRow>, Failure> {
    let row = |(layer, content)| {
        let section = usize::checked_sub(layer, 1).map(|section| &component.config.layers[section]);
        let cached = cache.find(content)?;
        let mut row = LayerRow {
            path: component.path(layer).to_owned(),
            offset: section.map(|section| section.offset),
            content_digest: content.digest,
            content_size: content.size,
            stored_digest: None,
            stored_size: None,
            encoding: None,
            cached: cached.is_some(),
        };
        if let Some(stored) = cached {
            row.stored_as(&stored);
        }
        Ok(row)
    };
    component.contents().enumerate().map(row).collect()
}

/// Finds out how the layers that the cache does not have would be stored, by encoding them.
pub(crate) fn measure(
    rows: &mut [LayerRow],
    component: &Component<File>,
    cache: &Cache,
    level: Level,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    let unknown = |row: &&mut LayerRow| row.stored_size.is_none();
    let sizes = rows.iter().filter(|row| row.stored_size.is_none());
    observer.planned(sizes.map(|row| row.content_size).sum());
    for (layer, row) in rows.iter_mut().enumerate().filter(|(_, row)| unknown(row)) {
        let mut spool = Spool::new_in(cache.ingest()).map_err(anyhow::Error::from)?;
        let read = |bytes| observer.moved(bytes);
        row.stored_as(&component.encode(layer, Some(level), spool.file(), &read)?);
    }
    Ok(())
}

/// Returns the layers of a stored artifact.
pub(crate) fn of_artifact(
    opened: &Opened,
    store: &dyn Store,
    cache: &Cache,
) -> Result<Vec<LayerRow>, Failure> {
    let whole = opened.split().into_iter();
    let whole = whole.flat_map(|split| split.config.layers.iter().map(|layer| layer.path.as_str()));
    let paths = std::iter::once("root").chain(whole);
    let mut rows = Vec::new();
    for ((index, layer), path) in opened.layers().enumerate().zip(paths) {
        let cached = cache.find(layer.content)?.is_some()
            || cache.has(layer.blob)?
            || store.local_file(layer.blob)?.is_some();
        rows.push(LayerRow {
            path: path.to_owned(),
            offset: (index > 0).then_some(layer.offset),
            content_digest: layer.content.digest,
            content_size: layer.content.size,
            stored_digest: Some(layer.blob.digest),
            stored_size: Some(layer.blob.size),
            encoding: Some(word(layer.encoding)),
            cached,
        });
    }
    Ok(rows)
}
