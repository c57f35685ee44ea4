//! Finds a part of a component by its section path.
//!
//! Spec: `docs/FORMAT.md`, section 5.

use std::ops::Range;

use super::walk::map_segments_of;
use super::{Error, SectionMap};
use crate::source::Source;

/// The maximum number of similar paths that an error lists.
const MAX_SIMILAR: usize = 3;

/// Returns the range of the part with a section path: the content of a section, the init bytes of a data segment, the
/// suffix of a core module, or a nested binary.
///
/// Reads the headers of all sections, and of the segments in the data section that the path names. Bytes for which
/// [`may_hold_headers_of`] returns false may be missing: the source then returns 0 bytes there.
pub fn find<S: Source + ?Sized>(source: &S, path: &str) -> Result<Range<u64>, Error> {
    let section = data_section(path);
    // With floor 0 the map has empty parts too.
    let map = map_segments_of(source, 0, Some(section.unwrap_or_default()))?;
    if let Some((_, range)) = parts(&map).find(|(known, _)| known == path) {
        return Ok(range);
    }
    // Segments of other data sections are not in the map.
    let unknown = section.filter(|section| !parts(&map).any(|(known, _)| known == *section));
    let known = parts(&map).map(|(known, _)| known);
    Err(Error::Unknown {
        path: path.to_owned(),
        similar: similar_paths(unknown.unwrap_or(path), known),
    })
}

/// The place of a list of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsPlace {
    /// The path of the component with the list, with a slash at its end. The path of the file itself is empty.
    pub component: String,
    /// The range of the list: the content of the custom section [`ASSETS`](super::ASSETS).
    pub list: Range<u64>,
}

/// Returns the places of all lists of files: by the depth of their components, and then in the order of the file.
///
/// Reads the headers of all sections. Bytes of other parts may be missing, as for [`find()`].
pub fn find_assets<S: Source + ?Sized>(source: &S) -> Result<Vec<AssetsPlace>, Error> {
    // With floor 0 the map has every component.
    let map = map_segments_of(source, 0, Some(""))?;
    let places = map
        .binaries
        .iter()
        .enumerate()
        .filter_map(|(index, binary)| {
            Some(AssetsPlace {
                component: map.binary_path(index),
                list: binary.assets.clone()?,
            })
        });
    let mut places: Vec<AssetsPlace> = places.collect();
    places.sort_by_key(|place| (place.component.matches('/').count(), place.list.start));
    Ok(places)
}

/// Returns whether a section layer may hold headers that [`find`] needs for a path. The root always may.
pub fn may_hold_headers_of(path: &str, layer: &str) -> bool {
    if let Some(module) = layer.strip_suffix("suffix[0]") {
        return path.starts_with(module);
    }
    data_section(path).is_some_and(|section| {
        let within = layer.strip_prefix(section);
        within.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with("/gap[") || rest.starts_with("/group[")
        })
    })
}

/// Returns the path of the data section, if the path names one of its segments.
fn data_section(path: &str) -> Option<&str> {
    let (section, _) = path.rsplit_once("/segment[")?;
    Some(section)
}

fn parts(map: &SectionMap) -> impl Iterator<Item = (String, Range<u64>)> + '_ {
    let sections = map.sections.iter();
    let sections = sections.map(|section| (map.section_path(section), section.content.clone()));
    let segments = map.segments.iter().map(|segment| {
        let section = map.section_path(&map.sections[segment.section]);
        let path = format!("{section}/segment[{}]", segment.index);
        (path, segment.init.clone())
    });
    let suffixes = map.binaries.iter().enumerate();
    let suffixes = suffixes.filter_map(|(index, binary)| {
        let path = map.binary_path(index) + "suffix[0]";
        Some((path, binary.suffix.clone()?))
    });
    // The first binary is the file itself, which has no path.
    let nested = map.binaries.iter().enumerate().skip(1);
    let nested = nested.map(|(index, binary)| {
        let path = map.binary_path(index);
        (path.trim_end_matches('/').to_owned(), binary.range.clone())
    });
    sections.chain(segments).chain(suffixes).chain(nested)
}

/// Returns the most similar paths, the nearest first.
pub(crate) fn similar_paths(path: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let mut near: Vec<(usize, usize, String)> = known
        .filter_map(|known| Some((distance(path, &known)?, known.len(), known)))
        .collect();
    near.sort();
    let paths = near.into_iter().take(MAX_SIMILAR);
    paths.map(|(_, _, known)| known).collect()
}

/// Returns the distance of two paths. Returns nothing if it is too far.
fn distance(path: &str, known: &str) -> Option<usize> {
    // Users often leave out the module, or the name of a custom section.
    if known.starts_with(&format!("{path}:")) || known.ends_with(&format!("/{path}")) {
        return Some(0);
    }
    let most = 2 + path.len() / 5;
    if known.len().abs_diff(path.len()) > most {
        return None;
    }
    let distance = strsim::levenshtein(path, known);
    (distance <= most).then_some(distance)
}
