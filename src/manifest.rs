//! Manifests, descriptors and the split config: what is stored, as the OCI specifications write it.
//!
//! Raw bytes are the truth: a value is read from bytes that are kept, and written once. Field order is
//! the order of the structs, maps are sorted, nothing is written with white space, so the same value
//! always gives the same bytes.
//!
//! Spec: <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Identity};
use crate::section::NameDetails;

/// Returns whether a list of referrers does not say the artifact type of one. Some registries take the type of an empty
/// config for it.
pub(crate) fn is_untyped(stated: Option<&str>) -> bool {
    stated.is_none_or(|stated| stated.is_empty() || stated == media_type::EMPTY)
}

/// Media types and the artifact type.
pub mod media_type {
    /// An OCI image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// Every type of manifest that OCI and Docker define, as an `Accept` header lists them. Distribution answers 404
    /// to `*/*`, and to a list of unknown types only.
    pub const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
         application/vnd.docker.distribution.manifest.v2+json, \
         application/vnd.docker.distribution.manifest.list.v2+json";
    /// The artifact type of a split component.
    pub const SPLIT_ARTIFACT: &str = "application/vnd.wharf.component.v1";
    /// The split config.
    pub const SPLIT_CONFIG: &str = "application/vnd.wharf.config.v1+json";
    /// A root stored as it is; a suffix names another encoding.
    pub const ROOT: &str = "application/vnd.wharf.root.v1";
    /// A section layer stored as it is; a suffix names another encoding.
    pub const SECTION: &str = "application/vnd.wharf.section.v1";
    /// The config of a flat artifact.
    pub const FLAT_CONFIG: &str = "application/vnd.wasm.config.v0+json";
    /// What configs of flat artifacts were called before.
    pub const FLAT_CONFIG_OLD: &str = "application/vnd.wasm.config.v1+json";
    /// The one layer of a flat artifact.
    pub const WASM: &str = "application/wasm";
    /// What the one layer of a flat artifact is called, now and by older tools.
    pub const WASM_LAYERS: [&str; 4] = [
        WASM,
        "application/vnd.wasm.content.layer.v1+wasm",
        "application/vnd.module.wasm.content.layer.v1+wasm",
        "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    ];
    /// The empty JSON object, where a manifest must have a config or a layer and there is nothing to say.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// The artifact type of a mark that says whether a version is yanked.
    pub const YANK_ARTIFACT: &str = "application/vnd.wharf.yank.v1";
    /// The artifact type of a shared index.
    pub const INDEX_ARTIFACT: &str = "application/vnd.wharf.index.v1";
    /// The one layer of a shared index, stored as it is.
    pub const INDEX_LAYER: &str = "application/vnd.wharf.index.layer.v1";
    /// The one layer of a shared index, stored as a zstd frame.
    pub const INDEX_LAYER_ZSTD: &str = "application/vnd.wharf.index.layer.v1+zstd";
}

/// Annotation keys.
pub mod annotation {
    /// What all our own keys begin with.
    pub const PREFIX: &str = "wasm.wharf.";
    /// What the keys of package metadata begin with; the flat manifest has exactly these.
    pub const IMAGE_PREFIX: &str = "org.opencontainers.image.";
    /// A layer's file name.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// When the component was made, if it says so.
    pub const CREATED: &str = "org.opencontainers.image.created";
    /// The tag of a layout's manifest.
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// Section layers: where the content begins, in bytes from the start of the component.
    pub const OFFSET: &str = "wasm.wharf.offset";
    /// Layers and manifest: the digest of the uncompressed content.
    pub const CONTENT_DIGEST: &str = "wasm.wharf.content.digest";
    /// Compressed layers and manifest: the size of the uncompressed content in bytes.
    pub const CONTENT_SIZE: &str = "wasm.wharf.content.size";
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
    /// Manifest: what made the component (its producers section), as JSON.
    pub const PRODUCERS: &str = "wasm.wharf.producers";
    /// Manifest of a yank mark: `true` or `false`.
    pub const YANKED: &str = "wasm.wharf.yanked";
    /// Manifest: a package's exact version.
    pub const VERSION: &str = "org.opencontainers.image.version";
    /// Manifest: the digest of the flat manifest.
    pub const FLAT_DIGEST: &str = "wasm.wharf.flat.digest";
}

/// Annotations, sorted by key.
pub type Annotations = BTreeMap<String, String>;

/// A blob or manifest that another manifest names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// What else is said of them.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// What kind of artifact a manifest is: in the lists of referrers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Describes a blob without annotations.
    pub fn new(media_type: &str, blob: Identity) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: blob.digest,
            size: blob.size,
            annotations: Annotations::new(),
            artifact_type: None,
        }
    }

    /// Returns digest and size.
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
    /// Always that of an image manifest.
    pub media_type: String,
    /// What the artifact is, where the config's type does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What is said of the whole.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl Manifest {
    /// Puts a manifest together.
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

/// Writes a value as compact JSON.
///
/// Only for this crate's own types, whose maps have text keys: for those writing JSON cannot fail.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// What a component is built for, in the CNCF layout's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// A core module.
    Wasip1,
    /// A component.
    Wasip2,
}

impl Os {
    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wasip1 => "wasip1",
            Self::Wasip2 => "wasip2",
        }
    }
}

/// The architecture that every config names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// WebAssembly.
    Wasm,
}

/// The split config: the canonical split plan. Its digest is the split digest, a root hash over all
/// parts that depends on the bytes and the split policy alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// How this is written: [`FORMAT_VERSION`].
    pub format_version: u32,
    /// By which version of the rules the plan was made. Readers need not know it.
    pub plan_version: u32,
    /// Always `wasm`.
    pub architecture: Architecture,
    /// What it is.
    pub os: Os,
    /// The whole component.
    pub content: Identity,
    /// Import names, in file order.
    pub imports: Vec<String>,
    /// Export names, in file order.
    pub exports: Vec<String>,
    /// The attributes of these names, and whether both lists are complete.
    #[serde(default, skip_serializing_if = "NameDetails::is_empty")]
    pub names: NameDetails,
    /// The root's content.
    pub root: Identity,
    /// The section layers by ascending offset.
    pub layers: Vec<ConfigLayer>,
}

/// A section layer in the split config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLayer {
    /// Where its content begins, in bytes from the start of the component.
    pub offset: u64,
    /// The size of its content.
    pub size: u64,
    /// The digest of its content.
    pub digest: Digest,
    /// The section path, whole.
    pub path: String,
}

/// The version of the format that is written and read.
pub const FORMAT_VERSION: u32 = 1;

/// The version of the split rules.
pub const PLAN_VERSION: u32 = 1;

/// The largest config that is read, in bytes. The limits of names and paths keep every config below it.
pub const MAX_CONFIG_BYTES: u64 = 16 * 1024 * 1024;

/// A split manifest has less than so many bytes.
pub const MAX_SPLIT_MANIFEST_BYTES: usize = 1024 * 1024;

impl Config {
    /// Writes the config; the same value gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_json(self)
    }
}
