//! The cap: layers are merged, and then returned to the root, until there are few enough.

use std::collections::BTreeMap;
use std::ops::Range;

use super::candidates::{Candidate, CandidateKind};
use crate::section::SectionMap;

struct Merge {
    range: Range<u64>,
    what: CandidateKind,
    replaces: usize,
}

/// Reduces root and layers to at most `cap`. Each stage ends before the next one begins. Within a stage the
/// smallest result comes first, then the lowest offset.
pub(super) fn coarsen(map: &SectionMap, layers: Vec<Candidate>, cap: usize) -> Vec<Candidate> {
    let most = cap.max(1) - 1;
    let layers = apply(data_sections(map, &layers), layers, most);
    let layers = apply(suffixes(map, &layers), layers, most);
    keep_largest(layers, most)
}

/// Stage (a): the layers of one data section become its payload.
fn data_sections(map: &SectionMap, layers: &[Candidate]) -> Vec<Merge> {
    let mut cut = BTreeMap::<usize, usize>::new();
    for layer in layers {
        if let CandidateKind::Segment(section, _) | CandidateKind::Gap(section, _) = layer.what {
            *cut.entry(section).or_default() += 1;
        }
    }
    let merges = cut.into_iter().map(|(section, replaces)| Merge {
        range: map.sections[section].content.clone(),
        what: CandidateKind::Section(section),
        replaces,
    });
    merges.collect()
}

/// Stage (b): the layers in one core module's suffix become the suffix.
fn suffixes(map: &SectionMap, layers: &[Candidate]) -> Vec<Merge> {
    let binaries = map.binaries.iter().enumerate();
    let merges = binaries.filter_map(|(index, binary)| {
        let range = binary.suffix.clone()?;
        Some(Merge {
            replaces: within(layers, &range).len(),
            what: CandidateKind::Suffix(index),
            range,
        })
    });
    merges.collect()
}

/// Returns the indices of the layers in a range. Layers are sorted by offset, and none crosses the range's ends.
fn within(layers: &[Candidate], range: &Range<u64>) -> Range<usize> {
    let first = layers.partition_point(|layer| layer.range.start < range.start);
    let end = layers.partition_point(|layer| layer.range.start < range.end);
    first..end
}

fn apply(mut merges: Vec<Merge>, mut layers: Vec<Candidate>, most: usize) -> Vec<Candidate> {
    merges.retain(|merge| merge.replaces > 1);
    merges.sort_by_key(|merge| (merge.range.end - merge.range.start, merge.range.start));
    let mut count = layers.len();
    let mut merged = Vec::new();
    for merge in merges {
        if count <= most {
            break;
        }
        count -= merge.replaces - 1;
        merged.push(merge);
    }
    // From the end, so that earlier indices stay valid.
    merged.sort_by_key(|merge| merge.range.start);
    for merge in merged.into_iter().rev() {
        let replaced = within(&layers, &merge.range);
        let (range, what) = (merge.range, merge.what);
        layers.splice(replaced, [Candidate { range, what }]);
    }
    layers
}

/// Stage (c): the smallest layers return to the root.
fn keep_largest(mut layers: Vec<Candidate>, most: usize) -> Vec<Candidate> {
    let excess = layers.len().saturating_sub(most);
    layers.sort_by_key(|layer| (layer.size(), layer.range.start));
    layers.drain(..excess);
    layers.sort_by_key(|layer| layer.range.start);
    layers
}
