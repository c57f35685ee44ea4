//! What a manifest is, from its types alone.

use serde::Deserialize;
use serde_json::Value;

use super::error::Error;
use super::foreign::{Foreign, foreign};
use crate::manifest::media_type;

/// What a manifest is, as far as wharf is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A split component.
    Split,
    /// An artifact with a WebAssembly layer as others publish them, or with the config of one. Whether it is
    /// one that can be read [`FlatManifest::read`](super::FlatManifest::read) tells.
    Flat,
    /// Anything else.
    Foreign(Foreign),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<OutlineConfig>,
    manifests: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutlineConfig {
    media_type: Option<String>,
}

/// The rest, for what is not split.
#[derive(Deserialize)]
struct OutlineRest {
    layers: Option<Value>,
    subject: Option<Value>,
}

/// Says what a manifest is.
pub fn form(manifest: &[u8]) -> Result<Form, Error> {
    let outline: Outline = read(manifest)?;
    let config = outline.config.and_then(|config| config.media_type);
    let (artifact, config) = (outline.artifact_type.as_deref(), config.as_deref());
    if artifact == Some(media_type::SPLIT_ARTIFACT) || config == Some(media_type::SPLIT_CONFIG) {
        return Ok(Form::Split);
    }
    if outline.manifests.is_some() || outline.media_type.as_deref() == Some(media_type::INDEX) {
        return Ok(Form::Foreign(Foreign::Index));
    }
    let OutlineRest { layers, subject } = read(manifest)?;
    let layers = || layers.iter().filter_map(Value::as_array).flatten();
    if config.is_some_and(is_flat_config) || layers().any(is_wasm) {
        return Ok(Form::Flat);
    }
    let layers: Vec<&str> = layers().filter_map(media_type_of).collect();
    let subject = subject.as_ref().and_then(|subject| subject.get("digest"));
    let subject = subject.and_then(|digest| digest.as_str()?.parse().ok());
    let found = foreign(artifact, config, &layers, subject);
    let found = found.ok_or_else(|| Error::Manifest("it has no config".to_owned()))?;
    Ok(Form::Foreign(found))
}

fn read<'a, T: Deserialize<'a>>(manifest: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(manifest).map_err(|error| Error::Manifest(error.to_string()))
}

/// Whether a config is one of the CNCF layout, in any version.
pub(super) fn is_flat_config(media_type: &str) -> bool {
    [media_type::FLAT_CONFIG, media_type::FLAT_CONFIG_OLD].contains(&media_type)
}

/// Whether a descriptor is that of a whole component or module.
pub(super) fn is_wasm(layer: &Value) -> bool {
    media_type_of(layer).is_some_and(|media_type| media_type::WASM_LAYERS.contains(&media_type))
}

fn media_type_of(layer: &Value) -> Option<&str> {
    layer.get("mediaType").and_then(Value::as_str)
}
