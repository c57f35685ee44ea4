//! The manifest of an attached delta file.

use super::Error;
use super::field::ManifestField;
use crate::digest::{Digest, Identity};
use crate::manifest::{Annotations, Descriptor, EMPTY_BLOB, Manifest, annotation, media_type};

/// A delta file that a list of referrers names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDelta {
    /// The delta's manifest.
    pub manifest: Digest,
    /// The split digest of the old artifact.
    pub source: Digest,
    /// The size of the file in bytes, as the list states it.
    pub size: u64,
    /// The version of the old artifact, if it has one.
    pub source_version: Option<String>,
}

impl ListedDelta {
    /// Reads an entry of a list of referrers. Returns nothing if it is not a delta, or does not state its source.
    pub fn of(listed: &Descriptor) -> Option<Self> {
        if listed.artifact_type.as_deref() != Some(media_type::DELTA_ARTIFACT) {
            return None;
        }
        let field = ManifestField::new("annotations".to_owned());
        let annotations = &listed.annotations;
        let source = field
            .parse_digest(annotations, annotation::DELTA_SOURCE)
            .ok()?;
        let size = field.number(annotations, annotation::DELTA_SIZE).ok()?;
        Some(Self {
            manifest: listed.digest,
            source,
            size,
            source_version: annotations.get(annotation::DELTA_VERSION).cloned(),
        })
    }
}

/// Builds the manifest of a delta file. `subject` is the split manifest of the new artifact. `source` is the split
/// digest of the old one, and `source_version` its version.
pub fn delta_manifest(
    subject: Descriptor,
    source: Digest,
    source_version: Option<&str>,
    file: Identity,
) -> Manifest {
    let mut annotations = Annotations::new();
    let mut say = |key: &str, value: String| annotations.insert(key.to_owned(), value);
    say(annotation::DELTA_SOURCE, source.to_string());
    say(annotation::DELTA_SIZE, file.size.to_string());
    if let Some(version) = source_version {
        say(annotation::DELTA_VERSION, version.to_owned());
    }
    let config = Descriptor::new(media_type::EMPTY, Identity::of(EMPTY_BLOB));
    let layers = vec![Descriptor::new(media_type::DELTA_LAYER, file)];
    let artifact_type = Some(media_type::DELTA_ARTIFACT);
    let mut manifest = Manifest::new(artifact_type, config, layers, annotations);
    manifest.subject = Some(subject);
    manifest
}

/// Reads the manifest of a delta file, and returns the identity of the file. Layers of other types are ignored.
pub fn delta_file(manifest: &[u8]) -> Result<Identity, Error> {
    let field = ManifestField::new("layers".to_owned());
    let manifest: serde_json::Value =
        serde_json::from_slice(manifest).map_err(|error| field.wrong(error.to_string()))?;
    let layers = manifest.get("layers").and_then(serde_json::Value::as_array);
    let layers = layers.ok_or_else(|| field.wrong("it is not a list".to_owned()))?;
    let is_file = |layer: &&serde_json::Value| {
        let media_type = layer.get("mediaType").and_then(serde_json::Value::as_str);
        media_type == Some(media_type::DELTA_LAYER)
    };
    let file = layers.iter().find(is_file);
    let file = file.ok_or_else(|| field.wrong("no layer is a delta file".to_owned()))?;
    Ok(field.descriptor(file.clone())?.identity())
}
