//! The split: which bytes of a component become layers, and how the layers become the component again.
//!
//! A split plan partitions `0..size` into runs. Each run is root bytes or the whole content of one section layer.
//! Splicing concatenates the runs and checks every digest. The rules are those of `docs/FORMAT.md`, "Split plan".
//! This module must not know manifests, encodings or stores.

mod candidates;
mod groups;
mod identify;
mod splice;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use self::candidates::Candidate;
pub use self::identify::{Identities, identify};
pub use self::splice::{Error as SpliceError, splice};
use crate::digest::{Digest, Identity};
use crate::section::SectionMap;

/// The maximum number of layers of an artifact, including the root. A manifest under 1 MiB can describe so many.
pub const MAX_LAYERS: usize = 1000;

/// The kind of part that becomes a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// One layer per large section.
    Section,
    /// Like `Section`, and one layer per large data segment.
    Segment,
    /// One layer per core module: its suffix, from the first section after types and names to the end.
    Module,
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Section => "section",
            Self::Segment => "segment",
            Self::Module => "module",
        })
    }
}

impl FromStr for Granularity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Section, Self::Segment, Self::Module]
            .into_iter()
            .find(|granularity| granularity.to_string() == text)
            .ok_or_else(|| format!("`{text}` is none of section, segment, module"))
    }
}

/// The settings of a split. The split digest depends only on the bytes and on these settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitPolicy {
    /// The kind of part that becomes a layer.
    pub granularity: Granularity,
    /// The smallest content of a layer, in bytes. At least 1.
    pub floor: u64,
    /// The maximum number of layers, including the root. From 1 to [`MAX_LAYERS`].
    pub max_layers: usize,
}

impl SplitPolicy {
    /// The default settings.
    pub const DEFAULT: Self = Self {
        granularity: Granularity::Section,
        floor: 4 * 1024,
        max_layers: 256,
    };
}

/// A range that becomes one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedLayer {
    /// The range from the start of the component. It is half-open and never empty.
    pub range: Range<u64>,
    /// The full section path.
    pub path: String,
}

/// The ranges that become layers, by ascending offset, without overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitPlan {
    /// The size of the component, in bytes.
    pub size: u64,
    /// The section layers.
    pub layers: Vec<PlannedLayer>,
}

/// Chooses the layers of a mapped component.
pub fn plan(map: &SectionMap, policy: &SplitPolicy) -> SplitPlan {
    // A layer is never empty, so the floors 0 and 1 give the same plan.
    let policy = SplitPolicy {
        floor: policy.floor.max(1),
        ..*policy
    };
    let most = policy.max_layers.max(1) - 1;
    let candidates = candidates::candidates(map, &policy);
    let mut candidates = groups::group(candidates, map, most);
    keep_largest(&mut candidates, most);
    let layers = candidates.into_iter().map(|candidate| PlannedLayer {
        path: candidate.path(map),
        range: candidate.range,
    });
    SplitPlan {
        size: map.size,
        layers: layers.collect(),
    }
}

/// Returns the smallest layers to the root, the lowest offset first, until at most `most` remain.
fn keep_largest(layers: &mut Vec<Candidate>, most: usize) {
    let excess = layers.len().saturating_sub(most);
    layers.sort_by_key(|layer| (layer.size(), layer.range.start));
    layers.drain(..excess);
    layers.sort_by_key(|layer| layer.range.start);
}

impl SplitPlan {
    /// Returns the ranges of the layers, in order.
    pub fn holes(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.layers.iter().map(|layer| layer.range.clone())
    }

    /// Returns the ranges of the root, in order.
    pub fn root_ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let runs: Vec<Run> = runs(self.size, self.holes()).collect();
        runs.into_iter().filter_map(|run| match run {
            Run::Root(range) => Some(range),
            Run::Layer(..) => None,
        })
    }
}

/// One interval of a split plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// Bytes in the root.
    Root(Range<u64>),
    /// The whole content of the section layer with this index.
    Layer(usize, Range<u64>),
}

/// Returns the runs that partition `0..size`, given the layers' ranges in ascending order.
pub fn runs(size: u64, holes: impl Iterator<Item = Range<u64>>) -> impl Iterator<Item = Run> {
    let mut at = 0;
    let end = size..size;
    holes
        .map(Some)
        .chain([None])
        .enumerate()
        .flat_map(move |(index, hole)| {
            let next = hole.as_ref().unwrap_or(&end);
            let root = at..next.start;
            at = next.end;
            let root = (!root.is_empty()).then_some(Run::Root(root));
            root.into_iter()
                .chain(hole.map(|hole| Run::Layer(index, hole)))
        })
}

/// A range of a layer's content, and its place in the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRange {
    /// The section layer, or none for the root.
    pub layer: Option<usize>,
    /// The range of the layer's content. It is never empty.
    pub content: Range<u64>,
    /// The offset of its first byte in the component.
    pub offset: u64,
}

/// The parts of a component, with the sizes and digests to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The identity of the whole component.
    pub content: Identity,
    /// The root, with offset 0.
    pub root: RecipeLayer,
    /// The section layers by ascending offset.
    pub layers: Vec<RecipeLayer>,
}

/// One layer of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipeLayer {
    /// The offset of a section layer's content in the component.
    pub offset: u64,
    /// The size of the content. Without a digest of the layer, [`Recipe::content`] still covers its bytes.
    pub size: u64,
    /// The digest of the content, if it is known.
    pub digest: Option<Digest>,
}

impl RecipeLayer {
    /// Returns a layer with a known digest.
    pub fn new(offset: u64, content: Identity) -> Self {
        Self {
            offset,
            size: content.size,
            digest: Some(content.digest),
        }
    }
}

/// The error for layers that do not tile a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// A layer begins before the previous one ends.
    #[error("layers[{layer}] begins at {offset}, before the end of the previous layer")]
    Overlap {
        /// The layer, counted as in manifests: the root is 0.
        layer: usize,
        /// Its offset in the component.
        offset: u64,
    },
    /// A layer is empty, ends past the component, or has an end above all numbers.
    #[error("layers[{layer}] of {size} bytes at {offset} does not lie within the component")]
    Outside {
        /// The layer, counted as in manifests: the root is 0.
        layer: usize,
        /// Its offset in the component.
        offset: u64,
        /// The size of its content.
        size: u64,
    },
    /// The sizes of root and layers do not add up to the component's.
    #[error("root and layers have {found} bytes, the component has {expected}")]
    Sum {
        /// The component's size.
        expected: u64,
        /// The sum of root and layers.
        found: u128,
    },
}

impl Recipe {
    /// Checks that root and layers partition the component.
    pub fn check_tiling(&self) -> Result<(), TileError> {
        let mut at = 0;
        let mut sum = u128::from(self.root.size);
        for (index, layer) in self.layers.iter().enumerate() {
            let RecipeLayer { offset, size, .. } = *layer;
            let end = offset.checked_add(size);
            let Some(end) = end.filter(|&end| size > 0 && end <= self.content.size) else {
                return Err(TileError::Outside {
                    layer: index + 1,
                    offset,
                    size,
                });
            };
            if offset < at {
                return Err(TileError::Overlap {
                    layer: index + 1,
                    offset,
                });
            }
            at = end;
            sum += u128::from(size);
        }
        match sum == u128::from(self.content.size) {
            true => Ok(()),
            false => Err(TileError::Sum {
                expected: self.content.size,
                found: sum,
            }),
        }
    }

    /// Returns the runs in order. The caller must have checked the tiling.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        let holes = self.layers.iter();
        runs(
            self.content.size,
            holes.map(|layer| layer.offset..layer.offset + layer.size),
        )
    }

    /// Returns the parts of the layers that hold a range of the component, in order. The caller must have checked the
    /// tiling.
    pub fn layer_ranges(&self, range: Range<u64>) -> impl Iterator<Item = LayerRange> + '_ {
        let mut in_root = 0;
        self.runs().filter_map(move |run| {
            let (layer, place, at) = match run {
                Run::Root(place) => {
                    let at = in_root;
                    in_root += place.end - place.start;
                    (None, place, at)
                }
                Run::Layer(layer, place) => (Some(layer), place, 0),
            };
            let (start, end) = (range.start.max(place.start), range.end.min(place.end));
            (start < end).then(|| LayerRange {
                layer,
                content: at + start - place.start..at + end - place.start,
                offset: start,
            })
        })
    }
}
