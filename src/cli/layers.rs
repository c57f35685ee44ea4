//! The layers of a component, whether it is a file or in a store.

use std::fs::File;
use std::sync::Arc;

use serde::Serialize;
use wharf::component::Component;
use wharf::digest::{Digest, Identity};
use wharf::encoding::Encoding;
use wharf::pull::Opened;
use wharf::store::cache::Cache;

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
    /// Whether this machine's cache has the content: whether a pull would fetch nothing for it.
    pub(crate) cached: bool,
}

impl LayerRow {
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
    component: &Arc<Component<File>>,
    cache: &Cache,
) -> Result<Vec<LayerRow>, Failure> {
    let mut rows = Vec::new();
    for (layer, content) in component.contents().enumerate() {
        let held = cache.find(content)?;
        let section = layer
            .checked_sub(1)
            .map(|section| &component.config.layers[section]);
        rows.push(LayerRow {
            path: component.path(layer).to_owned(),
            offset: section.map(|section| section.offset),
            content_digest: content.digest,
            content_size: content.size,
            stored_digest: held.as_ref().map(|held| held.blob.digest),
            stored_size: held.as_ref().map(|held| held.blob.size),
            encoding: held.as_ref().map(|held| match held.encoding.as_str() {
                "zstd" => "zstd",
                _ => "raw",
            }),
            cached: held.is_some(),
        });
    }
    Ok(rows)
}

/// Returns the layers of a stored artifact.
pub(crate) fn of_artifact(opened: &Opened, cache: &Cache) -> Result<Vec<LayerRow>, Failure> {
    let paths =
        std::iter::once("root").chain(opened.config.layers.iter().map(|layer| layer.path.as_str()));
    let mut rows = Vec::new();
    for ((index, layer), path) in opened.manifest.all_layers().enumerate().zip(paths) {
        let cached = cache.find(layer.content)?.is_some() || cache.has(layer.blob)?;
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
