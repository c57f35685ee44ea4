//! The two stored forms of a component: the split artifact, and the flat artifact derived from it.
//!
//! This module builds and reads manifests and configs, and checks every rule of the format. It is pure: bytes and
//! values in, values and bytes out. It must not know stores, packages or the gateway.

mod assets;
mod delta;
mod error;
mod field;
mod flat;
mod foreign;
mod form;
mod open;
mod titles;

pub use self::assets::{ASSETS_SUFFIX, assets_manifest, assets_tag};
pub use self::delta::{ListedDelta, delta_file, delta_manifest};
pub use self::error::Error;
pub use self::flat::{Flat, FlatDescription, FlatManifest, flat};
pub use self::foreign::Foreign;
pub use self::form::{Form, form};
pub use self::open::{Layer, SplitManifest};
pub use self::titles::{MAX_CUT_PATH, Title, TitlePart, cut_path};
use crate::digest::{Digest, Identity};
use crate::encoding::{EncodedLayer, Encoding};
use crate::manifest::{
    Annotations, Architecture, Config, ConfigLayer, Descriptor, FORMAT_VERSION, Manifest, Os,
    PLAN_VERSION, annotation, media_type, to_json,
};
use crate::section::{BinaryKind, ListDetails, NameDetails, SectionMap};
use crate::split::{Identities, SplitPlan};

/// A list of imports or exports is left out if its JSON and that of its attributes have more bytes than this.
pub const MAX_LIST_BYTES: usize = 64 * 1024;

/// Builds the split config. Long lists of imports or exports are left out.
pub fn config(map: &SectionMap, plan: &SplitPlan, identities: &Identities) -> Config {
    let layers = plan.layers.iter().zip(&identities.layers);
    let (imports, import_details) = list_of_config(&map.imports, &map.names.imports);
    let (exports, export_details) = list_of_config(&map.exports, &map.names.exports);
    Config {
        format_version: FORMAT_VERSION,
        plan_version: PLAN_VERSION,
        architecture: Architecture::Wasm,
        os: match map.kind {
            BinaryKind::Module => Os::Wasip1,
            BinaryKind::Component => Os::Wasip2,
        },
        content: identities.content,
        imports,
        exports,
        names: NameDetails {
            imports: import_details,
            exports: export_details,
        },
        root: identities.root,
        layers: layers
            .map(|(layer, content)| ConfigLayer {
                offset: layer.range.start,
                size: content.size,
                digest: content.digest,
                path: layer.path.clone(),
            })
            .collect(),
    }
}

fn list_of_config(names: &[String], details: &ListDetails) -> (Vec<String>, ListDetails) {
    let attributes = match details.attributes.is_empty() {
        true => 0,
        false => to_json(&details.attributes).len(),
    };
    if to_json(&names).len() + attributes <= MAX_LIST_BYTES {
        return (names.to_vec(), details.clone());
    }
    let details = ListDetails {
        omitted: true,
        incomplete: details.incomplete,
        ..ListDetails::default()
    };
    (Vec::new(), details)
}

/// A split artifact, ready to be stored.
#[derive(Debug, Clone)]
pub struct Split {
    /// The config's bytes.
    pub config: Vec<u8>,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The layers of the manifest.
    pub layers: Vec<Descriptor>,
    /// The flat form.
    pub flat: Flat,
}

/// Builds a split artifact.
///
/// `stored` has the root first, then the section layers in config order. The keys of `metadata` under
/// `org.opencontainers.image.` also belong to the flat form.
pub fn split(config: &Config, stored: &[EncodedLayer], metadata: &Annotations) -> Split {
    build(config, stored, metadata, |_| None)
}

/// Builds a split artifact whose subject is its flat form, for repositories that store both.
pub fn split_of_flat(config: &Config, stored: &[EncodedLayer], metadata: &Annotations) -> Split {
    build(config, stored, metadata, |flat| Some(flat.descriptor()))
}

/// The end of the tag of a flat artifact's split form.
pub const SPLIT_SUFFIX: &str = ".wharf";

/// Returns the tag of the split form of a flat artifact, if the flat artifact has the version's own tag.
pub fn split_tag(flat: &Digest) -> String {
    format!("sha256-{}{SPLIT_SUFFIX}", flat.hex())
}

fn build(
    config: &Config,
    stored: &[EncodedLayer],
    metadata: &Annotations,
    subject: impl FnOnce(&Flat) -> Option<Descriptor>,
) -> Split {
    let config_bytes = config.to_bytes();
    let config_blob = Identity::of(&config_bytes);
    let flat = flat(config, metadata);
    let mut annotations = metadata.clone();
    let mut annotate = |key: &str, value: String| annotations.insert(key.to_owned(), value);
    annotate(
        annotation::CONTENT_DIGEST,
        config.content.digest.to_string(),
    );
    annotate(annotation::CONTENT_SIZE, config.content.size.to_string());
    annotate(annotation::OS, config.os.as_str().to_owned());
    annotate(annotation::FLAT_DIGEST, flat.digest().to_string());
    let Config {
        imports,
        exports,
        names,
        ..
    } = config;
    let text = |json: Vec<u8>| String::from_utf8_lossy(&json).into_owned();
    if !names.imports.omitted {
        annotate(annotation::IMPORTS, text(to_json(imports)));
    }
    if !names.exports.omitted {
        annotate(annotation::EXPORTS, text(to_json(exports)));
    }
    if !names.is_empty() {
        annotate(annotation::NAMES, text(to_json(names)));
    }
    let layers = descriptors(config, config_blob, stored);
    let descriptor = Descriptor::new(media_type::SPLIT_CONFIG, config_blob);
    let artifact_type = Some(media_type::SPLIT_ARTIFACT);
    let mut manifest = Manifest::new(artifact_type, descriptor, layers, annotations);
    manifest.subject = subject(&flat);
    Split {
        config: config_bytes,
        manifest: to_json(&manifest),
        layers: manifest.layers,
        flat,
    }
}

fn descriptors(config: &Config, config_blob: Identity, stored: &[EncodedLayer]) -> Vec<Descriptor> {
    let mut stored = stored.iter();
    let root = stored.next().map(|layer| {
        let encoding = layer.stored.encoding;
        let title = Title::root(config_blob.digest, config.content.digest, encoding);
        descriptor(layer, config.root, None, &title)
    });
    let sections = config.layers.iter().zip(stored).map(|(layer, encoded)| {
        let content = Identity {
            digest: layer.digest,
            size: layer.size,
        };
        let path = cut_path(&layer.path);
        let encoding = encoded.stored.encoding;
        let title = Title::section(config_blob.digest, layer.offset, path, encoding);
        descriptor(encoded, content, Some((layer.offset, path)), &title)
    });
    root.into_iter().chain(sections).collect()
}

fn descriptor(
    EncodedLayer { stored, frames }: &EncodedLayer,
    content: Identity,
    section: Option<(u64, &str)>,
    title: &str,
) -> Descriptor {
    let base = match section {
        None => media_type::ROOT,
        Some(_) => media_type::SECTION,
    };
    let media_type = format!("{base}{}", stored.encoding.media_type_suffix());
    let mut descriptor = Descriptor::new(&media_type, stored.blob);
    let mut annotate = |key: &str, value: String| {
        descriptor.annotations.insert(key.to_owned(), value);
    };
    annotate(annotation::TITLE, title.to_owned());
    annotate(annotation::CONTENT_DIGEST, content.digest.to_string());
    if stored.encoding != Encoding::Raw {
        annotate(annotation::CONTENT_SIZE, content.size.to_string());
    }
    if !frames.sizes().is_empty() {
        let sizes: Vec<String> = frames.sizes().iter().map(u64::to_string).collect();
        annotate(annotation::FRAMES, sizes.join(","));
    }
    if let Some((offset, path)) = section {
        annotate(annotation::OFFSET, offset.to_string());
        annotate(annotation::SECTION, path.to_owned());
    }
    descriptor
}
