//! What a component says of itself, as annotations.

use crate::manifest::Annotations;
use crate::section::SectionMap;

/// Custom sections of a component that hold one text each, and the annotation each becomes.
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

/// Returns the annotations that a mapped component's own texts give.
pub fn annotations(map: &SectionMap) -> Annotations {
    let known = |(name, text): &(String, String)| {
        let (_, key) = TEXTS.iter().find(|(section, _)| section == name)?;
        Some(((*key).to_owned(), text.clone()))
    };
    map.texts.iter().filter_map(known).collect()
}
