//! The annotations of a component: its own metadata, and the annotations that its publisher gives.
//!
//! This module turns a [section map](SectionMap) into annotations, checks given annotations, and finds the package
//! that a component names. It must not know stores, artifacts or the command line.

mod package;
mod publisher;

use crate::manifest::{Annotations, annotation, to_json};
pub use crate::section::Producers;
use crate::section::SectionMap;

pub use self::package::package_of;
pub use self::publisher::{
    Error, MAX_GIVEN_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, check_annotations,
};

/// The largest annotation of producers, in bytes of JSON.
pub const MAX_PRODUCERS_JSON_BYTES: usize = 8 * 1024;

/// Custom sections of a component that hold one text each, with the annotation for each.
///
/// Spec: <https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>.
const TEXTS: [(&str, &str); 7] = [
    ("authors", "org.opencontainers.image.authors"),
    ("description", "org.opencontainers.image.description"),
    ("homepage", "org.opencontainers.image.url"),
    ("licenses", "org.opencontainers.image.licenses"),
    ("revision", "org.opencontainers.image.revision"),
    ("source", "org.opencontainers.image.source"),
    ("version", "org.opencontainers.image.version"),
];

/// Returns the annotations for a mapped component's own texts. They are part of the flat digest.
pub fn annotations(map: &SectionMap) -> Annotations {
    let known = |(name, text): &(String, String)| {
        let (_, key) = TEXTS.iter().find(|(section, _)| section == name)?;
        Some(((*key).to_owned(), text.clone()))
    };
    map.texts.iter().filter_map(known).collect()
}

/// Returns the producers of a mapped component, if it has a valid producers section of its own.
pub fn producers(map: &SectionMap) -> Option<Producers> {
    map.producers.as_deref().and_then(Producers::read)
}

/// Returns all metadata of a mapped component: its [`annotations`], and its producers unless they are empty or too
/// large.
pub fn described(map: &SectionMap) -> Annotations {
    let mut annotations = annotations(map);
    let producers = producers(map).filter(|producers| !producers.0.is_empty());
    if let Some(json) = producers.map(|producers| to_json(&producers))
        && json.len() <= MAX_PRODUCERS_JSON_BYTES
        && let Ok(json) = String::from_utf8(json)
    {
        annotations.insert(annotation::PRODUCERS.to_owned(), json);
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::map;

    fn vector(bytes: &[u8]) -> Vec<u8> {
        let length = bytes.len();
        let leb = [
            length as u8 | 0x80,
            (length >> 7) as u8 | 0x80,
            (length >> 14) as u8,
        ];
        [&leb, bytes].concat()
    }

    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        let payload = [&vector(name.as_bytes()), content].concat();
        [vec![0], vector(&payload)].concat()
    }

    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0".as_slice(), &sections.concat()].concat()
    }

    fn language(version: &str) -> Vec<u8> {
        let [field, name, version] =
            ["language", "Rust", version].map(|text| vector(text.as_bytes()));
        [vec![1], field, vec![1], name, version].concat()
    }

    #[test]
    fn producers_are_not_part_of_the_texts() {
        let sections = [
            custom("producers", b"damaged, and not the last"),
            custom("version", b"1.2.0"),
            custom("producers", &language("1.80")),
        ];
        let map = map(component(&sections).as_slice(), 4096).unwrap();
        let version = (
            "org.opencontainers.image.version".to_owned(),
            "1.2.0".to_owned(),
        );
        assert_eq!(annotations(&map), Annotations::from([version.clone()]));
        let json = r#"{"language":[["Rust","1.80"]]}"#.to_owned();
        let producers = ("wasm.wharf.producers".to_owned(), json);
        assert_eq!(described(&map), Annotations::from([version, producers]));
    }

    #[test]
    fn empty_and_oversized_producers_are_left_out() {
        let is_read = |content: &[u8]| {
            let map = map(component(&[custom("producers", content)]).as_slice(), 4096).unwrap();
            (producers(&map).is_some(), !described(&map).is_empty())
        };
        let frame = r#"{"language":[["Rust",""]]}"#.len();
        let most = MAX_PRODUCERS_JSON_BYTES - frame;
        assert_eq!(is_read(&language(&"9".repeat(most))), (true, true));
        assert_eq!(is_read(&language(&"9".repeat(most + 1))), (true, false));
        assert_eq!(is_read(&[0]), (true, false));
        let around = language("").len();
        assert_eq!(
            is_read(&language(&"9".repeat(65536 - around))),
            (true, false)
        );
        assert_eq!(
            is_read(&language(&"9".repeat(65537 - around))),
            (false, false)
        );
        let nested = component(&[custom("producers", &language("1"))]);
        let outer = component(&[[vec![4], vector(&nested)].concat()]);
        assert_eq!(producers(&map(outer.as_slice(), 4096).unwrap()), None);
    }
}
