//! The format of a shared index: one layer that other machines fetch. Pure.
//!
//! The layer is one line of JSON, and then the stubs that the line lists, one after the other. The same entries
//! give the same bytes in any order.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::record::{Entry, Record};
use crate::digest::{Digest, Identity};
use crate::encoding::{EncodedBlob, Encoding, compress};
use crate::manifest::{
    Annotations, Descriptor, EMPTY_BLOB, Manifest, annotation, media_type, to_json,
};
use crate::package::PackagePlace;
use crate::reference::package::tag_version;
use crate::reference::{Location, Reference, Repository, is_tag};

/// The version of the layer's format.
const FORMAT_VERSION: u32 = 2;

/// The largest layer that is read, in bytes of content. It has room for some hundred thousand versions with their
/// stubs.
pub const MAX_CONTENT_BYTES: u64 = 512 * 1024 * 1024;

/// zstd's level. It is high, because a shared index is made once and fetched often.
const LEVEL: u8 = 12;

/// The contents of a shared index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedIndex {
    /// Tags.
    pub entries: Vec<Entry>,
    /// The records of the manifests that they name.
    pub records: Vec<Record>,
    /// Stubs by the digest of the manifest. Another manifest may claim the same content with another root.
    pub stubs: BTreeMap<Digest, Vec<u8>>,
}

/// The error for a shared index that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("it is not a valid index: {0}")]
pub struct MalformedIndex(pub String);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    format_version: u32,
    records: Vec<Record>,
    entries: Vec<Entry>,
    stubs: Vec<Identity>,
}

impl SharedIndex {
    /// Returns the layer's content.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries = self.entries.clone();
        entries.sort();
        entries.dedup();
        let mut records = self.records.clone();
        records.sort_by_key(|record| record.digest);
        records.dedup_by_key(|record| record.digest);
        let stub = |(digest, stub): (&Digest, &Vec<u8>)| Identity {
            digest: *digest,
            size: stub.len() as u64,
        };
        let head = Head {
            format_version: FORMAT_VERSION,
            records,
            entries,
            stubs: self.stubs.iter().map(stub).collect(),
        };
        let mut bytes = to_json(&head);
        bytes.push(b'\n');
        bytes.extend(self.stubs.values().flatten());
        bytes
    }

    /// Reads the layer's content. Facts about manifests are only checked for their form. An index only says where
    /// to look, and all that is fetched later is verified.
    pub fn read(content: &[u8]) -> Result<Self, MalformedIndex> {
        let malformed = |reason: &str| MalformedIndex(reason.to_owned());
        let end = content.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| malformed("its first line has no end"))?;
        let head: Head = serde_json::from_slice(&content[..end])
            .map_err(|error| MalformedIndex(error.to_string()))?;
        if head.format_version != FORMAT_VERSION {
            let version = head.format_version;
            return Err(MalformedIndex(format!(
                "its format version is {version}, {FORMAT_VERSION} is known"
            )));
        }
        let known: HashSet<Digest> = head.records.iter().map(|record| record.digest).collect();
        for entry in &head.entries {
            if !known.contains(&entry.digest) {
                let reference = entry.reference();
                return Err(MalformedIndex(format!("it has no record of {reference}")));
            }
            check(entry)?;
        }
        let numbers = head.records.iter().flat_map(sizes).chain(&head.stubs);
        if let Some(identity) = numbers.into_iter().find(|one| one.size > MAX_SIZE) {
            let Identity { digest, size } = identity;
            return Err(MalformedIndex(format!("{digest} cannot have {size} bytes")));
        }
        let mut rest = &content[end + 1..];
        let mut stubs = BTreeMap::new();
        for Identity { digest, size } in head.stubs {
            if !known.contains(&digest) {
                return Err(MalformedIndex(format!("it has no record of {digest}")));
            }
            let size = usize::try_from(size).map_err(|_| malformed("a stub is too large"))?;
            let (stub, after) = rest
                .split_at_checked(size)
                .ok_or_else(|| malformed("its stubs are cut short"))?;
            stubs.insert(digest, stub.to_vec());
            rest = after;
        }
        match rest {
            [] => Ok(Self {
                entries: head.entries,
                records: head.records,
                stubs,
            }),
            _ => Err(malformed("it has bytes after its stubs")),
        }
    }

    /// Returns the layer as it is stored, and the manifest. The config is empty.
    pub fn artifact(&self) -> std::io::Result<(Vec<u8>, Manifest)> {
        let content = self.to_bytes();
        let identity = Identity::of(&content);
        check_size(identity.size).map_err(std::io::Error::other)?;
        let mut stored = Vec::new();
        let saves = compress(&mut content.as_slice(), identity.size, LEVEL, &mut stored)?;
        let (stored, media_type) = match saves {
            true => (stored, media_type::INDEX_LAYER_ZSTD),
            false => (content, media_type::INDEX_LAYER),
        };
        let mut layer = Descriptor::new(media_type, Identity::of(&stored));
        let mut say = |key: &str, value: String| layer.annotations.insert(key.to_owned(), value);
        say(annotation::CONTENT_DIGEST, identity.digest.to_string());
        say(annotation::CONTENT_SIZE, identity.size.to_string());
        let config = Descriptor::new(media_type::EMPTY, Identity::of(EMPTY_BLOB));
        let artifact_type = Some(media_type::INDEX_ARTIFACT);
        let manifest = Manifest::new(artifact_type, config, vec![layer], Annotations::new());
        Ok((stored, manifest))
    }
}

/// The largest size in a valid index, in bytes. No file is larger.
const MAX_SIZE: u64 = i64::MAX as u64;

fn check_size(size: u64) -> Result<(), MalformedIndex> {
    match size <= MAX_CONTENT_BYTES {
        true => Ok(()),
        false => Err(MalformedIndex(format!(
            "it has {size} bytes, at most {MAX_CONTENT_BYTES} are read"
        ))),
    }
}

fn sizes(record: &Record) -> Vec<&Identity> {
    let layers = record.layers.iter();
    let layers = layers.flat_map(|layer| [&layer.content, &layer.blob]);
    layers.chain([&record.content]).collect()
}

/// Checks that an entry names a tag in a registry, and that its names are those that this machine would give. Local
/// layouts are not allowed.
fn check(entry: &Entry) -> Result<(), MalformedIndex> {
    let malformed = |reason: &str| {
        let (location, tag) = (&entry.location, &entry.tag);
        MalformedIndex(format!("{location:?}, {tag:?}: {reason}"))
    };
    let names_digest = entry.tag == entry.digest.to_string();
    if !is_tag(&entry.tag) && !names_digest {
        return Err(malformed("this is not a tag"));
    }
    if entry.version != tag_version(&entry.tag) {
        return Err(malformed("its version does not match its tag"));
    }
    let Ok(reference) = entry.reference().parse::<Reference>() else {
        return Err(malformed("this is not a repository"));
    };
    let Location::Repository(repository) = &reference.location else {
        return Err(malformed("this is not a repository of a registry"));
    };
    if reference.location.to_string() != entry.location {
        return Err(malformed("the location is not in canonical form"));
    }
    match entry.name == entry.location || is_called(repository, &entry.name) {
        true => Ok(()),
        false => Err(malformed("its name does not belong to its repository")),
    }
}

/// Returns whether some prefix of this repository gives a package of this name.
fn is_called(repository: &Repository, name: &str) -> bool {
    let path = &repository.path;
    let cuts = path.match_indices('/').map(|(at, _)| at + 1);
    let mut places = std::iter::once(0)
        .chain(cuts)
        .map(|end| PackagePlace::Registry {
            host: repository.registry.clone(),
            prefix: path[..end].to_owned(),
        });
    places.any(|place| {
        let package = place.package(path);
        package.is_some_and(|package| package.to_string() == name)
    })
}

/// The one layer of a shared index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedLayer {
    /// The blob, and its encoding.
    pub stored: EncodedBlob,
    /// The content.
    pub content: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    artifact_type: Option<String>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// Returns the layer of a shared index's manifest. Returns nothing if it is the manifest of another artifact.
pub fn layer(manifest: &[u8]) -> Result<Option<SharedLayer>, MalformedIndex> {
    let Ok(outline) = serde_json::from_slice::<Outline>(manifest) else {
        return Ok(None);
    };
    if outline.artifact_type.as_deref() != Some(media_type::INDEX_ARTIFACT) {
        return Ok(None);
    }
    let malformed = |reason: &str| MalformedIndex(reason.to_owned());
    let [layer] = outline.layers.as_slice() else {
        return Err(malformed("it must have exactly one layer"));
    };
    let encoding = match layer.media_type.as_str() {
        media_type::INDEX_LAYER => Encoding::Raw,
        media_type::INDEX_LAYER_ZSTD => Encoding::Zstd,
        _ => return Err(malformed("its layer has another media type")),
    };
    let said = |key: &str| {
        layer
            .annotations
            .get(key)
            .map(String::as_str)
            .unwrap_or_default()
    };
    let digest = said(annotation::CONTENT_DIGEST).parse();
    let size = said(annotation::CONTENT_SIZE).parse::<u64>();
    let (Ok(digest), Ok(size)) = (digest, size) else {
        return Err(malformed("its layer does not state its content"));
    };
    check_size(size.max(layer.size))?;
    let blob = layer.identity();
    Ok(Some(SharedLayer {
        stored: EncodedBlob { blob, encoding },
        content: Identity { digest, size },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::record::{Externs, RecordLayer};

    fn shared(names: &[&str]) -> SharedIndex {
        let mut shared = SharedIndex::default();
        for name in names {
            let content = Identity::of(name.as_bytes());
            let digest = Digest::of(format!("manifest of {name}").as_bytes());
            shared.records.push(Record {
                digest,
                split: true,
                content,
                externs: Some(Externs {
                    imports: vec![],
                    exports: vec!["run".to_owned()],
                    ..Externs::default()
                }),
                description: Some(format!("About {name}\nand more")),
                licenses: None,
                layers: vec![RecordLayer {
                    content,
                    blob: content,
                }],
                wit: false,
            });
            shared.entries.push(Entry {
                name: format!("demo:{name}"),
                location: format!("host:5000/demo/{name}"),
                tag: "1.0.0".to_owned(),
                version: Some("1.0.0".parse().unwrap()),
                digest,
                yanked: false,
                mark: None,
            });
            let stub = format!("stub of {name}\n").into_bytes();
            shared.stubs.insert(digest, stub);
        }
        shared
    }

    #[test]
    fn shared_indexes_read_back_whatever_the_order() {
        let one = shared(&["calc", "greet", "hash"]);
        let other = shared(&["hash", "greet", "calc"]);
        assert_eq!(one.to_bytes(), other.to_bytes());
        let read = SharedIndex::read(&one.to_bytes()).unwrap();
        assert_eq!(read.entries, one.entries);
        assert_eq!(read.stubs, one.stubs);
        assert_eq!(read.records.len(), 3);
        assert_eq!(read.to_bytes(), one.to_bytes());
        let nothing = SharedIndex::default();
        assert_eq!(SharedIndex::read(&nothing.to_bytes()).unwrap(), nothing);
    }

    #[test]
    fn indexes_without_attributes_are_written_and_read_as_before() {
        let one = shared(&["calc"]);
        let text = String::from_utf8(one.to_bytes()).unwrap();
        assert!(
            text.contains(r#""externs":{"imports":[],"exports":["run"]}"#),
            "{text}"
        );
        let mut other = one.clone();
        let externs = other.records[0].externs.as_mut().unwrap();
        externs.names.imports.incomplete = true;
        let text = String::from_utf8(other.to_bytes()).unwrap();
        assert!(
            text.contains(r#""names":{"imports":{"incomplete":true}}}"#),
            "{text}"
        );
        assert_eq!(SharedIndex::read(text.as_bytes()).unwrap(), other);
    }

    #[test]
    fn the_manifest_describes_the_layer() {
        for shared in [shared(&["calc", "greet", "hash"]), SharedIndex::default()] {
            let (stored, manifest) = shared.artifact().unwrap();
            let layer = layer(&to_json(&manifest)).unwrap().unwrap();
            assert_eq!(layer.stored.blob, Identity::of(&stored));
            assert_eq!(layer.content, Identity::of(&shared.to_bytes()));
        }
        assert_eq!(layer(b"[]").unwrap(), None);
        assert_eq!(
            layer(br#"{"artifactType":"x/y","layers":[]}"#).unwrap(),
            None
        );
        let (_, mut manifest) = shared(&["calc"]).artifact().unwrap();
        manifest.layers[0].annotations.clear();
        assert!(layer(&to_json(&manifest)).is_err());
        manifest.layers.clear();
        assert!(layer(&to_json(&manifest)).is_err());
    }

    #[test]
    fn truncated_or_inconsistent_indexes_are_refused() {
        let sound = shared(&["calc", "greet"]);
        let bytes = sound.to_bytes();
        for end in 0..bytes.len() {
            assert!(SharedIndex::read(&bytes[..end]).is_err(), "{end}");
        }
        assert!(SharedIndex::read(&[bytes.as_slice(), b"x"].concat()).is_err());
        let mut without = sound.clone();
        without.records.pop();
        assert!(SharedIndex::read(&without.to_bytes()).is_err());
        let mut other = sound;
        other.entries[0].version = Some("2.0.0".parse().unwrap());
        assert!(SharedIndex::read(&other.to_bytes()).is_err());
        let newer = String::from_utf8(bytes).unwrap();
        let newer = newer.replacen("\"formatVersion\":2", "\"formatVersion\":3", 1);
        let error = SharedIndex::read(newer.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("version is 3"), "{error}");
    }

    #[test]
    fn references_that_no_registry_can_have_are_refused() {
        let read = |change: &dyn Fn(&mut SharedIndex)| {
            let mut shared = shared(&["calc"]);
            change(&mut shared);
            SharedIndex::read(&shared.to_bytes()).map(|_| ())
        };
        assert!(read(&|_| ()).is_ok());
        assert!(read(&|shared| shared.entries[0].name = "host:5000/demo/calc".to_owned()).is_ok());
        let prefixed = |shared: &mut SharedIndex| {
            shared.entries[0].location = "ghcr.io/acme/deep/demo/calc".to_owned();
        };
        assert!(read(&prefixed).is_ok());
        let by_digest = |shared: &mut SharedIndex| {
            shared.entries[0].version = None;
            shared.entries[0].tag = shared.entries[0].digest.to_string();
        };
        assert!(read(&by_digest).is_ok());
        for tag in [
            "",
            "a\u{1b}[2J",
            "a/b",
            "-x",
            &format!("sha256:{}", "0".repeat(64)),
        ] {
            let change = |shared: &mut SharedIndex| {
                shared.entries[0].version = None;
                shared.entries[0].tag = tag.to_owned();
            };
            assert!(read(&change).is_err(), "{tag:?}");
        }
        for location in [
            "oci:/etc:demo/calc",
            "oci:/etc",
            "../demo/calc",
            "host:5000/Demo/calc",
            "host:5000/demo/calc:1.0.0",
            "host:5000/demo/calc@x",
            "host:5000/demo/calc\n",
            "demo/calc",
            "host:5000/other/calc",
        ] {
            let change =
                |shared: &mut SharedIndex| shared.entries[0].location = location.to_owned();
            assert!(read(&change).is_err(), "{location:?}");
        }
        for name in ["demo:other", "wasi:cli", "calc", ""] {
            let change = |shared: &mut SharedIndex| shared.entries[0].name = name.to_owned();
            assert!(read(&change).is_err(), "{name:?}");
        }
        let stranger = |shared: &mut SharedIndex| {
            let stub = (Digest::of(b"another"), Vec::new());
            shared.stubs.extend([stub]);
        };
        assert!(read(&stranger).is_err());
    }

    #[test]
    fn sizes_that_nothing_has_are_refused() {
        for place in 0..3 {
            let mut shared = shared(&["calc"]);
            let record = &mut shared.records[0];
            let layer = &mut record.layers[0];
            let all = [&mut record.content, &mut layer.content, &mut layer.blob];
            all[place].size = i64::MAX as u64;
            assert!(SharedIndex::read(&shared.to_bytes()).is_ok(), "{place}");
            let record = &mut shared.records[0];
            let layer = &mut record.layers[0];
            let all = [&mut record.content, &mut layer.content, &mut layer.blob];
            all[place].size += 1;
            assert!(SharedIndex::read(&shared.to_bytes()).is_err(), "{place}");
        }
        assert!(check_size(MAX_CONTENT_BYTES).is_ok());
        assert!(check_size(MAX_CONTENT_BYTES + 1).is_err());
    }
}
