//! Manifests, descriptors and the split config, in the JSON form of the OCI specifications.
//!
//! Stored bytes are never serialised again; values are parsed from them. Serialising is deterministic: fields come in
//! the order of the structs, maps are sorted, and there is no white space. This module must not know the rules of the
//! split format, which `artifact` checks.
//!
//! Spec: <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Identity};
use crate::section::NameDetails;

/// Returns whether a list of referrers leaves out an artifact type. Some registries give the type of an empty config
/// instead.
pub(crate) fn is_untyped(stated: Option<&str>) -> bool {
    stated.is_none_or(|stated| stated.is_empty() || stated == media_type::EMPTY)
}

/// Media types and the artifact type.
pub mod media_type {
    /// An OCI image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// Every type of manifest that OCI and Docker define, for an `Accept` header. Distribution answers 404 to `*/*`,
    /// and to a list of only unknown types.
    pub const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
         application/vnd.docker.distribution.manifest.v2+json, \
         application/vnd.docker.distribution.manifest.list.v2+json";
    /// The artifact type of a split component.
    pub const SPLIT_ARTIFACT: &str = "application/vnd.wharf.component.v1";
    /// The split config.
    pub const SPLIT_CONFIG: &str = "application/vnd.wharf.config.v1+json";
    /// An uncompressed root; a suffix names another encoding.
    pub const ROOT: &str = "application/vnd.wharf.root.v1";
    /// An uncompressed section layer; a suffix names another encoding.
    pub const SECTION: &str = "application/vnd.wharf.section.v1";
    /// The config of a flat artifact.
    pub const FLAT_CONFIG: &str = "application/vnd.wasm.config.v0+json";
    /// The older media type of a flat artifact's config.
    pub const FLAT_CONFIG_OLD: &str = "application/vnd.wasm.config.v1+json";
    /// The one layer of a flat artifact.
    pub const WASM: &str = "application/wasm";
    /// The media types of a flat artifact's one layer, the current one and those of older tools.
    pub const WASM_LAYERS: [&str; 4] = [
        WASM,
        "application/vnd.wasm.content.layer.v1+wasm",
        "application/vnd.module.wasm.content.layer.v1+wasm",
        "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    ];
    /// The empty JSON object, for a manifest that must have a config or a layer but needs none.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// The artifact type of a mark that says whether a version is yanked.
    pub const YANK_ARTIFACT: &str = "application/vnd.wharf.yank.v1";
    /// The artifact type of an attached delta file.
    pub const DELTA_ARTIFACT: &str = "application/vnd.wharf.delta.v1";
    /// The layer of an attached delta file: the file.
    pub const DELTA_LAYER: &str = "application/vnd.wharf.delta.layer.v1";
    /// The artifact type of the remote files of a component.
    pub const ASSETS_ARTIFACT: &str = "application/vnd.wharf.assets.v1";
    /// A remote file: raw bytes, so that clients can read ranges.
    pub const REMOTE_FILE: &str = "application/octet-stream";
    /// The artifact type of a shared index.
    pub const INDEX_ARTIFACT: &str = "application/vnd.wharf.index.v1";
    /// The one layer of a shared index, uncompressed.
    pub const INDEX_LAYER: &str = "application/vnd.wharf.index.layer.v1";
    /// The one layer of a shared index, as a zstd frame.
    pub const INDEX_LAYER_ZSTD: &str = "application/vnd.wharf.index.layer.v1+zstd";
}

/// Annotation keys.
pub mod annotation {
    /// The prefix of wharf's own keys.
    pub const PREFIX: &str = "wasm.wharf.";
    /// The prefix of the keys of package metadata. The flat manifest has exactly these.
    pub const IMAGE_PREFIX: &str = "org.opencontainers.image.";
    /// A layer's file name.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// The creation time, if the component states it.
    pub const CREATED: &str = "org.opencontainers.image.created";
    /// The tag of a layout's manifest.
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// Section layers: the offset of the content, in bytes from the start of the component.
    pub const OFFSET: &str = "wasm.wharf.offset";
    /// Layers and manifest: the digest of the uncompressed content.
    pub const CONTENT_DIGEST: &str = "wasm.wharf.content.digest";
    /// Compressed layers and manifest: the size of the uncompressed content in bytes.
    pub const CONTENT_SIZE: &str = "wasm.wharf.content.size";
    /// Layers of several frames: the stored size of each frame in bytes, separated by commas.
    pub const FRAMES: &str = "wasm.wharf.frames";
    /// Section layers: the section path, cut.
    pub const SECTION: &str = "wasm.wharf.section";
    /// Manifest: the config's `os`.
    pub const OS: &str = "wasm.wharf.os";
    /// Manifest: the config's `imports`, as JSON.
    pub const IMPORTS: &str = "wasm.wharf.imports";
    /// Manifest: the config's `exports`, as JSON.
    pub const EXPORTS: &str = "wasm.wharf.exports";
    /// Manifest: the config's `names`, as JSON.
    pub const NAMES: &str = "wasm.wharf.names";
    /// Manifest: the package, `namespace:name`.
    pub const PACKAGE: &str = "wasm.wharf.package";
    /// Manifest: the tools that made the component (its producers section), as JSON.
    pub const PRODUCERS: &str = "wasm.wharf.producers";
    /// Manifest of a yank mark: `true` or `false`.
    pub const YANKED: &str = "wasm.wharf.yanked";
    /// Manifest of a delta: the split digest of the old artifact.
    pub const DELTA_SOURCE: &str = "wasm.wharf.delta.source";
    /// Manifest of a delta: the size of the delta file in bytes.
    pub const DELTA_SIZE: &str = "wasm.wharf.delta.size";
    /// Manifest of a delta: the exact version of the old artifact.
    pub const DELTA_VERSION: &str = "wasm.wharf.delta.version";
    /// Manifest: the number of blobs with remote files, if there are any.
    pub const REMOTE_BLOBS: &str = "wasm.wharf.remote.blobs";
    /// Manifest: a package's exact version.
    pub const VERSION: &str = "org.opencontainers.image.version";
    /// Manifest: the digest of the flat manifest.
    pub const FLAT_DIGEST: &str = "wasm.wharf.flat.digest";
}

/// The blob of [`media_type::EMPTY`].
pub const EMPTY_BLOB: &[u8] = b"{}";

/// Annotations, sorted by key.
pub type Annotations = BTreeMap<String, String>;

/// A descriptor: the reference from a manifest to a blob or another manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the bytes.
    pub media_type: String,
    /// The digest of the bytes.
    pub digest: Digest,
    /// The number of bytes.
    pub size: u64,
    /// The annotations.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// In lists of referrers: the artifact type of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Makes the descriptor of a blob, without annotations.
    pub fn new(media_type: &str, blob: Identity) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: blob.digest,
            size: blob.size,
            annotations: Annotations::new(),
            artifact_type: None,
        }
    }

    /// Returns the digest and the size.
    pub fn identity(&self) -> Identity {
        Identity {
            digest: self.digest,
            size: self.size,
        }
    }
}

/// An OCI image manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Always the media type of an image manifest.
    pub media_type: String,
    /// The artifact type, if the config's type does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers.
    pub layers: Vec<Descriptor>,
    /// The subject, a manifest that this one refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// The annotations of the manifest.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl Manifest {
    /// Makes a manifest.
    pub fn new(
        artifact_type: Option<&str>,
        config: Descriptor,
        layers: Vec<Descriptor>,
        annotations: Annotations,
    ) -> Self {
        Self {
            schema_version: 2,
            media_type: media_type::MANIFEST.to_owned(),
            artifact_type: artifact_type.map(str::to_owned),
            config,
            layers,
            subject: None,
            annotations,
        }
    }
}

/// Serialises a value as compact JSON.
///
/// Only for this crate's own types: their maps have text keys, so serialising cannot fail.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The target of a component, in the terms of the CNCF layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// A core module.
    Wasip1,
    /// A component.
    Wasip2,
}

impl Os {
    /// Returns the JSON word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wasip1 => "wasip1",
            Self::Wasip2 => "wasip2",
        }
    }
}

/// The architecture in every config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// WebAssembly.
    Wasm,
}

/// The split config: the canonical split plan. Its digest is the split digest, a root hash over all parts that depends
/// only on the bytes and the split policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The version of the format: [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The version of the split rules that made the plan. Readers may ignore it.
    pub plan_version: u32,
    /// Always `wasm`.
    pub architecture: Architecture,
    /// The component's target.
    pub os: Os,
    /// The whole component.
    pub content: Identity,
    /// Import names, in file order. A long list is left out.
    pub imports: Vec<String>,
    /// Export names, in file order. A long list is left out.
    pub exports: Vec<String>,
    /// The attributes of these names, and whether the lists are incomplete or left out.
    #[serde(default, skip_serializing_if = "NameDetails::is_empty")]
    pub names: NameDetails,
    /// The root's content.
    pub root: Identity,
    /// The section layers, by ascending offset.
    pub layers: Vec<ConfigLayer>,
}

/// A section layer in the split config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLayer {
    /// The offset of its content, in bytes from the start of the component.
    pub offset: u64,
    /// The size of its content.
    pub size: u64,
    /// The digest of its content.
    pub digest: Digest,
    /// The complete section path.
    pub path: String,
}

/// The supported version of the format.
pub const FORMAT_VERSION: u32 = 1;

/// The version of the split rules.
pub const PLAN_VERSION: u32 = 1;

/// The largest config that is read, in bytes. The limits of names and paths keep every config below it.
pub const MAX_CONFIG_BYTES: u64 = 16 * 1024 * 1024;

/// The limit for a split manifest, in bytes: it must be smaller.
pub const MAX_SPLIT_MANIFEST_BYTES: usize = 1024 * 1024;

impl Config {
    /// Serialises the config. The same value gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Returns the section path of a layer. The layers count as in manifests, so the root is 0.
    pub fn path(&self, layer: usize) -> &str {
        match layer.checked_sub(1) {
            Some(section) => &self.layers[section].path,
            None => "root",
        }
    }

    /// Returns the contents of the layers in manifest order: the root first.
    pub fn contents(&self) -> impl Iterator<Item = Identity> + '_ {
        let layers = self.layers.iter().map(|layer| Identity {
            digest: layer.digest,
            size: layer.size,
        });
        std::iter::once(self.root).chain(layers)
    }
}
