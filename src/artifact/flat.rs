//! The flat form: the one-layer artifact of the CNCF Wasm layout, derived by a pure function.
//!
//! Spec: <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>, version 0. The derivation is frozen,
//! because recorded flat digests must stay valid.

mod read;

use serde::Serialize;

pub use self::read::{FlatDescription, FlatManifest};
use crate::digest::{Digest, Identity};
use crate::manifest::{
    Annotations, Architecture, Config, Descriptor, Manifest, Os, annotation, media_type, to_json,
};

/// The value of `created` if the component states none. Clients fail without one, and digests must not depend on a
/// clock.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A flat artifact without its one layer, which is the component itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flat {
    /// The config's bytes.
    pub config: Vec<u8>,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
}

impl Flat {
    /// Returns the flat digest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// Returns a descriptor of the manifest, for the subject of a split one.
    pub(super) fn descriptor(&self) -> Descriptor {
        Descriptor::new(media_type::MANIFEST, Identity::of(&self.manifest))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlatConfig<'a> {
    created: &'a str,
    architecture: Architecture,
    os: Os,
    layer_digests: [Digest; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<Interface<'a>>,
}

#[derive(Serialize)]
struct Interface<'a> {
    exports: &'a [String],
    imports: &'a [String],
}

/// Derives the flat artifact. It depends only on content, os, imports, exports and metadata. It states no lists if the
/// config leaves one out.
pub fn flat(config: &Config, metadata: &Annotations) -> Flat {
    let states_lists = config.os == Os::Wasip2 && !config.names.omits_list();
    let component = states_lists.then_some(Interface {
        exports: &config.exports,
        imports: &config.imports,
    });
    let config_bytes = to_json(&FlatConfig {
        created: metadata
            .get(annotation::CREATED)
            .map_or(EPOCH, String::as_str),
        architecture: config.architecture,
        os: config.os,
        layer_digests: [config.content.digest],
        component,
    });
    let mut layer = Descriptor::new(media_type::WASM, config.content);
    let title = match config.os {
        Os::Wasip1 => "module.wasm",
        Os::Wasip2 => "component.wasm",
    };
    layer
        .annotations
        .insert(annotation::TITLE.to_owned(), title.to_owned());
    let annotations = metadata
        .iter()
        .filter(|(key, _)| key.starts_with(annotation::IMAGE_PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let descriptor = Descriptor::new(media_type::FLAT_CONFIG, Identity::of(&config_bytes));
    let manifest = Manifest::new(None, descriptor, vec![layer], annotations);
    Flat {
        manifest: to_json(&manifest),
        config: config_bytes,
    }
}
