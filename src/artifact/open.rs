//! Reads a split manifest. Checks every rule of the format before any layer is requested.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use super::error::Error;
use super::field::ManifestField;
use super::flat;
use super::form::{Form, form};
use super::titles::{MAX_CUT_PATH, Title, cut_path};
use crate::digest::{Digest, Identity};
use crate::encoding::{EncodedBlob, Encoding, Frames, StoredPart};
use crate::manifest::{
    Annotations, Architecture, Config, ConfigLayer, FORMAT_VERSION, MAX_SPLIT_MANIFEST_BYTES, Os,
    PLAN_VERSION, annotation, media_type,
};
use crate::section::{ListDetails, NameDetails};
use crate::split::{MAX_LAYERS, Recipe, RecipeLayer};
use crate::text::ascii_excerpt;

/// A part of a raw layer is read alone if the layer is more than this many times as large. Frames of a layer are read
/// alone if the layer has at least this many times as many.
const PART_WORTH: u64 = 2;

/// A layer, as the manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The stored blob.
    pub blob: Identity,
    /// The encoding of the content.
    pub encoding: Encoding,
    /// The frames in the blob.
    pub frames: Frames,
    /// The uncompressed content.
    pub content: Identity,
    /// The offset of a section layer's content; 0 for the root.
    pub offset: u64,
    /// The section path, possibly cut; empty for the root.
    pub path: String,
    /// The file name.
    pub title: String,
}

impl Layer {
    /// Returns the blob and its encoding.
    pub fn stored(&self) -> EncodedBlob {
        EncodedBlob {
            blob: self.blob,
            encoding: self.encoding,
        }
    }

    /// Returns the part of the blob to fetch for a range of the content, which is not empty. Returns nothing if the
    /// range needs most of the blob, or if the blob is one frame.
    pub fn part(&self, range: &Range<u64>) -> Option<StoredPart> {
        let size = self.content.size;
        match self.encoding {
            Encoding::Raw => {
                let bytes = range.end - range.start;
                (bytes.saturating_mul(PART_WORTH) < size).then(|| StoredPart {
                    content: range.clone(),
                    stored: range.clone(),
                })
            }
            Encoding::Zstd => {
                let all = self.frames.sizes().len() as u64;
                let is_small = Frames::count_in(range).saturating_mul(PART_WORTH) <= all;
                is_small.then(|| self.frames.part(range, size))
            }
        }
    }
}

/// A split manifest that follows the format, as far as the manifest alone can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitManifest {
    /// The config, whose digest is the split digest.
    pub config: Identity,
    /// The component's target.
    pub os: Os,
    /// The whole component.
    pub content: Identity,
    /// Import names, unless they are left out or only the config has them.
    pub imports: Option<Vec<String>>,
    /// Export names, unless they are left out or only the config has them.
    pub exports: Option<Vec<String>>,
    /// The attributes of the names, if there are any and not only the config has them.
    pub names: Option<NameDetails>,
    /// The digest of the flat form.
    pub flat_digest: Digest,
    /// The root.
    pub root: Layer,
    /// The section layers, by ascending offset.
    pub layers: Vec<Layer>,
    /// All annotations of the manifest.
    pub annotations: Annotations,
}

/// The manifest with unparsed descriptors, so that an error can name the wrong one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    schema_version: Value,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Value,
    layers: Vec<Value>,
    subject: Option<Value>,
    #[serde(default)]
    annotations: Annotations,
}

impl SplitManifest {
    /// Parses a split manifest.
    pub fn read(manifest: &[u8]) -> Result<Self, Error> {
        match form(manifest)? {
            Form::Split => {}
            Form::Flat => return Err(Error::Foreign("a flat artifact".to_owned())),
            Form::Foreign(what) => return Err(Error::Foreign(what.to_string())),
        }
        limit(
            "bytes of manifest",
            manifest.len(),
            MAX_SPLIT_MANIFEST_BYTES - 1,
        )?;
        let unread: Unread =
            serde_json::from_slice(manifest).map_err(|error| Error::Manifest(error.to_string()))?;
        if unread.schema_version != 2 {
            return Err(Error::Manifest("its schemaVersion is not 2".to_owned()));
        }
        for (field, expected, found) in [
            ("mediaType", media_type::MANIFEST, &unread.media_type),
            (
                "artifactType",
                media_type::SPLIT_ARTIFACT,
                &unread.artifact_type,
            ),
        ] {
            let found = found.as_deref().unwrap_or("missing");
            if found != expected {
                let reason = format!("it is {}, not {expected}", ascii_excerpt(found));
                return Err(ManifestField::new(field.to_owned()).wrong(reason));
            }
        }
        limit("layers", unread.layers.len(), MAX_LAYERS)?;
        let config = ManifestField::new("config".to_owned()).descriptor(unread.config)?;
        if config.media_type != media_type::SPLIT_CONFIG {
            let reason = format!("its media type is {}", ascii_excerpt(&config.media_type));
            return Err(ManifestField::new("config".to_owned()).wrong(reason));
        }
        let whole = ManifestField::new("annotations".to_owned());
        let annotations = unread.annotations;
        let content = Identity {
            digest: whole.parse_digest(&annotations, annotation::CONTENT_DIGEST)?,
            size: whole.number(&annotations, annotation::CONTENT_SIZE)?,
        };
        let mut layers = Vec::with_capacity(unread.layers.len());
        for (index, layer) in unread.layers.into_iter().enumerate() {
            layers.push(layer_of(index, layer, config.digest, content.digest)?);
        }
        if layers.is_empty() {
            return Err(
                ManifestField::new("layers".to_owned()).wrong("there is no root".to_owned())
            );
        }
        let read = Self {
            config: config.identity(),
            os: os(&whole, &annotations)?,
            content,
            imports: whole.json(&annotations, annotation::IMPORTS)?,
            exports: whole.json(&annotations, annotation::EXPORTS)?,
            names: whole.json(&annotations, annotation::NAMES)?,
            flat_digest: whole.parse_digest(&annotations, annotation::FLAT_DIGEST)?,
            root: layers.remove(0),
            layers,
            annotations,
        };
        if let Some(subject) = unread.subject {
            read.check_subject(subject)?;
        }
        if read.layers.is_empty() && read.root.content != read.content {
            let reason = "a root without section layers must be the whole component, and its content differs";
            return Err(ManifestField::new("layers[0]".to_owned()).wrong(reason.to_owned()));
        }
        read.recipe().check_tiling()?;
        Ok(read)
    }

    /// Checks that there is no subject, or that the subject is the artifact's own flat form.
    fn check_subject(&self, subject: Value) -> Result<(), Error> {
        let field = ManifestField::new("subject".to_owned());
        let subject = field.descriptor(subject)?;
        match subject.digest == self.flat_digest {
            true => Ok(()),
            false => Err(field.wrong(format!(
                "it is {}, not the flat manifest {}",
                subject.digest, self.flat_digest
            ))),
        }
    }

    /// Returns the root and the section layers, in manifest order.
    pub fn all_layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.root).chain(&self.layers)
    }

    /// Returns the recipe for splicing.
    pub fn recipe(&self) -> Recipe {
        let part = |layer: &Layer| RecipeLayer::new(layer.offset, layer.content);
        Recipe {
            content: self.content,
            root: part(&self.root),
            layers: self.layers.iter().map(part).collect(),
        }
    }

    /// Returns the config if the manifest repeats all of it. Serialising it gives bytes with the config's digest, so no
    /// request is needed.
    pub fn repeated_config(&self) -> Option<Config> {
        let layers = self.layers.iter().map(|layer| ConfigLayer {
            offset: layer.offset,
            size: layer.content.size,
            digest: layer.content.digest,
            path: layer.path.clone(),
        });
        let names = self.names.clone().unwrap_or_default();
        // The config has an empty list in place of one that was left out.
        let list = |stated: &Option<Vec<String>>, details: &ListDetails| match details.omitted {
            true => Some(stated.clone().unwrap_or_default()),
            false => stated.clone(),
        };
        let config = Config {
            format_version: FORMAT_VERSION,
            plan_version: PLAN_VERSION,
            architecture: Architecture::Wasm,
            os: self.os,
            content: self.content,
            imports: list(&self.imports, &names.imports)?,
            exports: list(&self.exports, &names.exports)?,
            names,
            root: self.root.content,
            layers: layers.collect(),
        };
        (Identity::of(&config.to_bytes()) == self.config).then_some(config)
    }

    /// Parses the config, whose digest was checked, and rejects any difference from the manifest.
    pub fn config(&self, bytes: &[u8]) -> Result<Config, Error> {
        let wrong = |reason: String| Error::Config {
            digest: self.config.digest,
            reason,
        };
        let config: Config =
            serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if config.format_version != FORMAT_VERSION {
            return Err(wrong(format!(
                "its format version is {}",
                config.format_version
            )));
        }
        if config.to_bytes() != bytes {
            return Err(wrong(
                "its JSON is not in the format's canonical form".to_owned(),
            ));
        }
        let is_path = |layer: &ConfigLayer| layer.path.chars().all(is_path_char);
        if let Some(index) = config.layers.iter().position(|layer| !is_path(layer)) {
            return Err(wrong(format!(
                "the path of its layers[{index}] is not a section path"
            )));
        }
        match self.difference(&config) {
            Some(field) => Err(wrong(format!("they differ in {field}"))),
            None => Ok(config),
        }
    }

    fn difference(&self, config: &Config) -> Option<String> {
        fn differs<T: PartialEq>(stated: &Option<T>, other: &T) -> bool {
            stated.as_ref().is_some_and(|stated| stated != other)
        }
        let whole = [
            ("os", self.os != config.os),
            ("content", self.content != config.content),
            ("imports", differs(&self.imports, &config.imports)),
            ("exports", differs(&self.exports, &config.exports)),
            ("names", differs(&self.names, &config.names)),
            ("root", self.root.content != config.root),
            (
                "the number of layers",
                self.layers.len() != config.layers.len(),
            ),
        ];
        if let Some((field, _)) = whole.iter().find(|(_, differs)| *differs) {
            return Some((*field).to_owned());
        }
        let mut pairs = self.layers.iter().zip(&config.layers);
        let index = pairs.position(|(layer, config)| {
            layer.offset != config.offset
                || layer.content.size != config.size
                || layer.content.digest != config.digest
                || layer.path != cut_path(&config.path)
        })?;
        Some(format!("layers[{}]", index + 1))
    }

    /// Checks that the flat digest is that of the flat form.
    pub fn check_flat(&self, config: &Config) -> Result<(), Error> {
        let found = flat(config, &self.annotations).digest();
        if found == self.flat_digest {
            return Ok(());
        }
        let reason = format!(
            "{} is {}, not {found}",
            annotation::FLAT_DIGEST,
            self.flat_digest
        );
        Err(ManifestField::new("annotations".to_owned()).wrong(reason))
    }

    /// Checks that this is the split form of a flat artifact, by the digest of the flat manifest.
    ///
    /// If [`SplitManifest::check_flat`] succeeds too, the flat manifest is derived from this one, so its layer is the
    /// content of this one.
    pub fn check_is_of(&self, flat: &Digest) -> Result<(), Error> {
        if self.flat_digest == *flat {
            return Ok(());
        }
        let reason = format!(
            "{} is {}, and the flat artifact is {flat}",
            annotation::FLAT_DIGEST,
            self.flat_digest
        );
        Err(ManifestField::new("annotations".to_owned()).wrong(reason))
    }
}

fn limit(what: &'static str, found: usize, most: usize) -> Result<(), Error> {
    match found <= most {
        true => Ok(()),
        false => Err(Error::Limit { what, found, most }),
    }
}

fn os(field: &ManifestField, annotations: &Annotations) -> Result<Os, Error> {
    let word = field.text(annotations, annotation::OS)?;
    [Os::Wasip1, Os::Wasip2]
        .into_iter()
        .find(|os| os.as_str() == word)
        .ok_or_else(|| field.wrong(format!("{} is `{}`", annotation::OS, ascii_excerpt(word))))
}

fn layer_of(index: usize, value: Value, split: Digest, whole: Digest) -> Result<Layer, Error> {
    let field = ManifestField::new(format!("layers[{index}]"));
    let descriptor = field.descriptor(value)?;
    let encoding_after = |base| {
        let suffix = descriptor.media_type.strip_prefix(base)?;
        let mut all = Encoding::ALL.into_iter();
        all.find(|encoding| encoding.media_type_suffix() == suffix)
    };
    let (is_root, encoding) = match (
        encoding_after(media_type::ROOT),
        encoding_after(media_type::SECTION),
    ) {
        (Some(encoding), _) => (true, encoding),
        (_, Some(encoding)) => (false, encoding),
        _ => {
            let found = ascii_excerpt(&descriptor.media_type);
            return Err(field.wrong(format!("its media type is {found}")));
        }
    };
    if is_root != (index == 0) {
        return Err(field.wrong("the root must be the first layer, and the only one".to_owned()));
    }
    let annotations = &descriptor.annotations;
    let digest = field.parse_digest(annotations, annotation::CONTENT_DIGEST)?;
    let content = match encoding {
        Encoding::Raw if digest != descriptor.digest => {
            return Err(field.wrong("its content digest is not its digest".to_owned()));
        }
        Encoding::Raw => {
            if annotations.contains_key(annotation::CONTENT_SIZE)
                && field.number(annotations, annotation::CONTENT_SIZE)? != descriptor.size
            {
                return Err(field.wrong("its content size is not its size".to_owned()));
            }
            descriptor.identity()
        }
        Encoding::Zstd => {
            let size = field.number(annotations, annotation::CONTENT_SIZE)?;
            // A frame is at most this much larger than its content. The limit bounds a fetch.
            let most = u128::from(size) + u128::from(size) / 128 + 1024;
            if u128::from(descriptor.size) > most {
                return Err(field.wrong("it is too large for its content".to_owned()));
            }
            Identity { digest, size }
        }
    };
    let frames = match field.numbers(annotations, annotation::FRAMES)? {
        None => Frames::default(),
        Some(sizes) => frames(sizes, encoding, content, descriptor.size).ok_or_else(|| {
            let key = annotation::FRAMES;
            field.wrong(format!("{key} does not describe its frames"))
        })?,
    };
    let (offset, path) = match is_root {
        true => (0, String::new()),
        false => (
            field.number(annotations, annotation::OFFSET)?,
            field.text(annotations, annotation::SECTION)?.to_owned(),
        ),
    };
    if is_root && annotations.contains_key(annotation::OFFSET) {
        return Err(field.wrong("a root has no offset".to_owned()));
    }
    if path.len() > MAX_CUT_PATH {
        return Err(field.wrong("its section path is not cut".to_owned()));
    }
    let title = match is_root {
        true => Title::root(split, whole, encoding),
        false => Title::section(split, offset, &path, encoding),
    };
    if field.text(annotations, annotation::TITLE)? != title {
        return Err(field.wrong(format!("its title should be {title}")));
    }
    if let Some(bad) = path.chars().find(|char| !is_path_char(*char)) {
        return Err(field.wrong(format!("its section path has a {bad:?}")));
    }
    Ok(Layer {
        blob: descriptor.identity(),
        encoding,
        frames,
        content,
        offset,
        path,
        title,
    })
}

fn frames(sizes: Vec<u64>, encoding: Encoding, content: Identity, stored: u64) -> Option<Frames> {
    match encoding {
        Encoding::Raw => None,
        Encoding::Zstd => Frames::checked(sizes, content.size, stored),
    }
}

fn is_path_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | ':' | '/' | '[' | ']' | '-')
}
