//! Which bytes of a component become layers, and how the bytes come back.
//!
//! One equation: a split plan partitions `0..size` into runs, each either root bytes or the whole
//! content of one section layer; splicing is concatenating the runs. The rules are those of
//! `docs/FORMAT.md`, "Split plan".

mod candidates;
mod coarsen;
mod identify;
mod splice;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

pub use self::identify::{Identities, identify};
pub use self::splice::{Error as SpliceError, splice};
use crate::digest::{Digest, Identity};
use crate::section::SectionMap;

/// The most layers an artifact may have, root included; what a manifest under 1 MiB can describe.
pub const MAX_LAYERS: usize = 1000;

/// How finely components are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// One layer per large section.
    Section,
    /// As `Section`, and one layer per large data segment.
    Segment,
    /// One layer per core module: from its first section without types or names to its end.
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

/// What is asked of a split. The split digest depends on the bytes and on this, on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitPolicy {
    /// How finely.
    pub granularity: Granularity,
    /// The least content of a layer, in bytes; at least 1.
    pub floor: u64,
    /// The most layers, root included; 1 to [`MAX_LAYERS`].
    pub max_layers: usize,
}

impl SplitPolicy {
    /// What is used when nothing else is asked for.
    pub const DEFAULT: Self = Self {
        granularity: Granularity::Section,
        floor: 4 * 1024,
        max_layers: 256,
    };
}

/// A range that leaves the root as one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedLayer {
    /// Half-open, from the start of the component; never empty.
    pub range: Range<u64>,
    /// The section path, whole.
    pub path: String,
}

/// The decision: which ranges leave the root, by ascending offset, without overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitPlan {
    /// How many bytes the component has.
    pub size: u64,
    /// The section layers.
    pub layers: Vec<PlannedLayer>,
}

/// Decides what leaves the root of a mapped component.
pub fn plan(map: &SectionMap, policy: &SplitPolicy) -> SplitPlan {
    // A layer is never empty, so a floor of 0 means no other plan than one of 1.
    let policy = SplitPolicy {
        floor: policy.floor.max(1),
        ..*policy
    };
    let candidates = candidates::candidates(map, &policy);
    let chosen = coarsen::coarsen(map, candidates, policy.max_layers);
    let layers = chosen.into_iter().map(|candidate| PlannedLayer {
        path: candidate.path(map),
        range: candidate.range,
    });
    SplitPlan {
        size: map.size,
        layers: layers.collect(),
    }
}

impl SplitPlan {
    /// Returns where the layers are, in order.
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
    /// Bytes that the root holds.
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

/// What a spliced component consists of and must come out as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The whole component.
    pub content: Identity,
    /// The root, with offset 0.
    pub root: RecipeLayer,
    /// The section layers by ascending offset.
    pub layers: Vec<RecipeLayer>,
}

/// One layer of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipeLayer {
    /// Where a section layer's content begins in the component.
    pub offset: u64,
    /// The size of its content. Where only that is known, [`Recipe::content`] still covers the bytes.
    pub size: u64,
    /// The digest of the content, where it is known.
    pub digest: Option<Digest>,
}

impl RecipeLayer {
    /// A layer of which all is known.
    pub fn new(offset: u64, content: Identity) -> Self {
        Self {
            offset,
            size: content.size,
            digest: Some(content.digest),
        }
    }
}

/// Layers that do not tile a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// A layer begins before the one before it ends.
    #[error("layers[{layer}] begins at {offset}, before the layer before it ends")]
    Overlap {
        /// Counted as manifests count: the root is 0.
        layer: usize,
        /// Where it begins.
        offset: u64,
    },
    /// A layer has no content, or ends past the end of the component or of all numbers.
    #[error("layers[{layer}] of {size} bytes at {offset} does not lie within the component")]
    Outside {
        /// Counted as manifests count: the root is 0.
        layer: usize,
        /// Where it begins.
        offset: u64,
        /// Its content size.
        size: u64,
    },
    /// Root and layers together are not as long as the component.
    #[error("root and layers have {found} bytes, the component has {expected}")]
    Sum {
        /// The component's size.
        expected: u64,
        /// What root and layers add up to.
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

    /// Returns the runs, in order. The tiling must have been checked.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        let holes = self.layers.iter();
        runs(
            self.content.size,
            holes.map(|layer| layer.offset..layer.offset + layer.size),
        )
    }
}
