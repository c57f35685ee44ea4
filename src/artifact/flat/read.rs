//! Reads flat artifacts, those of wharf and of other tools.

use serde::Deserialize;
use serde_json::Value;

use crate::artifact::Layer;
use crate::artifact::error::Error;
use crate::artifact::field::ManifestField;
use crate::artifact::form::{Form, form, is_flat_config, is_wasm};
use crate::digest::Identity;
use crate::encoding::{Encoding, Frames};
use crate::manifest::{Annotations, Descriptor, Os, annotation, media_type};
use crate::section::{ListDetails, NameDetails};
use crate::split::{Recipe, RecipeLayer};
use crate::text::ascii_excerpt;

/// A manifest with one WebAssembly layer, which is the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatManifest {
    /// The config, of any type.
    pub config: Descriptor,
    /// The layer.
    pub layer: Layer,
    /// All annotations of the manifest.
    pub annotations: Annotations,
}

/// A manifest of another tool. All fields but the layers may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    schema_version: Value,
    media_type: Option<String>,
    config: Value,
    layers: Vec<Value>,
    annotations: Option<Annotations>,
}

impl FlatManifest {
    /// Parses a flat manifest. `stated` is the media type from the store, for manifests that do not state their own.
    ///
    /// Spec: the CNCF layout, which requires exactly one layer and tells readers to refuse more.
    pub fn read(manifest: &[u8], stated: &str) -> Result<Self, Error> {
        match form(manifest)? {
            Form::Flat => {}
            Form::Split => return Err(Error::Foreign("a split component".to_owned())),
            Form::Foreign(what) => return Err(Error::Foreign(what.to_string())),
        }
        let unread: Unread =
            serde_json::from_slice(manifest).map_err(|error| Error::Manifest(error.to_string()))?;
        if unread.schema_version != 2 {
            return Err(Error::Manifest("its schemaVersion is not 2".to_owned()));
        }
        let found = unread.media_type.as_deref().unwrap_or(stated);
        if found != media_type::MANIFEST {
            let found = match found {
                "" => "missing, and the store states none".to_owned(),
                found => format!("{}, not {}", ascii_excerpt(found), media_type::MANIFEST),
            };
            return Err(ManifestField::new("mediaType".to_owned()).wrong(format!("it is {found}")));
        }
        let config = ManifestField::new("config".to_owned());
        let config = config.descriptor(remove_nulls(unread.config))?;
        let [layer] = <[Value; 1]>::try_from(unread.layers).map_err(too_many)?;
        let field = ManifestField::new("layers[0]".to_owned());
        if !is_wasm(&layer) {
            let found = layer.get("mediaType").and_then(Value::as_str);
            let found = ascii_excerpt(found.unwrap_or("missing"));
            return Err(field.wrong(format!("its media type is {found}")));
        }
        let descriptor = field.descriptor(remove_nulls(layer))?;
        let content = descriptor.identity();
        Ok(Self {
            config,
            layer: Layer {
                blob: content,
                encoding: Encoding::Raw,
                frames: Frames::default(),
                content,
                offset: 0,
                path: String::new(),
                title: descriptor
                    .annotations
                    .get(annotation::TITLE)
                    .cloned()
                    .unwrap_or_default(),
            },
            annotations: unread.annotations.unwrap_or_default(),
        })
    }

    /// Returns the recipe for splicing: the layer is the root, and there are no section layers.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            content: self.layer.content,
            root: RecipeLayer::new(0, self.layer.content),
            layers: Vec::new(),
        }
    }

    /// Returns the config's identity, if the config describes the component.
    pub fn description(&self) -> Option<Identity> {
        is_flat_config(&self.config.media_type).then(|| self.config.identity())
    }
}

/// Removes members whose value is null, because some tools write them.
fn remove_nulls(mut descriptor: Value) -> Value {
    if let Some(members) = descriptor.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    descriptor
}

/// Nothing says which of several layers is the component.
fn too_many(layers: Vec<Value>) -> Error {
    let wasm = layers.iter().filter(|layer| is_wasm(layer)).count();
    let reason = format!(
        "there are {}, {wasm} of them WebAssembly; a flat artifact has exactly one",
        layers.len()
    );
    Error::Descriptor {
        place: "layers".to_owned(),
        reason,
    }
}

/// The description of the component in a flat artifact's config. Nothing depends on it, so fields that cannot be parsed
/// are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatDescription {
    /// The component's target.
    pub os: Option<Os>,
    /// Import names.
    pub imports: Vec<String>,
    /// Export names.
    pub exports: Vec<String>,
    /// Which of these lists are missing, or have entries that cannot be read.
    pub names: NameDetails,
}

impl Default for FlatDescription {
    /// A list that is missing is not an empty one.
    fn default() -> Self {
        Self::read(b"")
    }
}

impl FlatDescription {
    /// Parses a config.
    pub fn read(config: &[u8]) -> Self {
        let config: Value = serde_json::from_slice(config).unwrap_or_default();
        let list = |key: &str| {
            let stated = config["component"][key].as_array();
            let names = stated.into_iter().flatten().filter_map(Value::as_str);
            let names: Vec<String> = names.map(str::to_owned).collect();
            let details = ListDetails {
                incomplete: stated.is_none_or(|stated| stated.len() > names.len()),
                ..ListDetails::default()
            };
            (names, details)
        };
        let (imports, exports) = (list("imports"), list("exports"));
        Self {
            os: Os::deserialize(&config["os"]).ok(),
            imports: imports.0,
            exports: exports.0,
            names: NameDetails {
                imports: imports.1,
                exports: exports.1,
            },
        }
    }

    /// Returns whether the config names or rules out any import or export.
    pub fn states_names(&self) -> bool {
        let NameDetails { imports, exports } = &self.names;
        let is_nothing = self.imports.is_empty() && self.exports.is_empty();
        !(is_nothing && imports.incomplete && exports.incomplete)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Digest;

    #[test]
    fn absent_config_fields_stay_empty() {
        let said = json!({
            "os": "wasip2", "architecture": "wasm",
            "component": { "imports": ["a:b/c", 5], "exports": null, "target": "x" },
        });
        let read = FlatDescription::read(said.to_string().as_bytes());
        assert_eq!(read.os, Some(Os::Wasip2));
        assert_eq!(read.imports, ["a:b/c"]);
        assert_eq!(read.exports, [""; 0]);
        assert!(read.names.imports.incomplete && read.names.exports.incomplete);
        assert!(read.states_names());
        for nothing in [&b""[..], b"{}", b"[]", b"{\"os\":\"linux\"}", b"\xff"] {
            let read = FlatDescription::read(nothing);
            assert_eq!(read, FlatDescription::default());
            assert!(read.names.imports.incomplete && !read.states_names());
        }
        let stated = br#"{"component":{"imports":[],"exports":[]}}"#;
        let stated = FlatDescription::read(stated);
        assert!(stated.names.is_empty() && stated.states_names());
    }

    #[test]
    fn annotations_may_be_null_and_the_media_type_missing() {
        let digest = Digest::of(b"").to_string();
        let blob = |media_type| json!({ "mediaType": media_type, "digest": digest, "size": 7, "annotations": null });
        let manifest = json!({
            "schemaVersion": 2, "annotations": null,
            "config": blob("application/vnd.oci.empty.v1+json"), "layers": [blob(media_type::WASM)],
        });
        let manifest = manifest.to_string();
        let read = FlatManifest::read(manifest.as_bytes(), media_type::MANIFEST).unwrap();
        assert_eq!(read.layer.content.size, 7);
        assert_eq!(read.description(), None);
        for stated in ["", media_type::INDEX, "application/octet-stream"] {
            let error = FlatManifest::read(manifest.as_bytes(), stated).unwrap_err();
            assert!(error.to_string().starts_with("mediaType: "), "{error}");
        }
    }
}
