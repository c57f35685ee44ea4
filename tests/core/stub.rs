//! Stubs: the same from a root as from the whole file, whatever the plan; nothing can be hidden from them; and what
//! `inspect --wit` fetches to make one.

mod hidden;
mod inspect;
mod same;

use std::collections::BTreeMap;
use std::ops::Range;

use wharf::digest::Identity;
use wharf::split::{Recipe, RecipeLayer, Run, runs};
use wharf::stub::{self, Error};

/// A component cut at any ranges.
struct Cut {
    recipe: Recipe,
    root: Vec<u8>,
    layers: Vec<Vec<u8>>,
}

impl Cut {
    fn new(bytes: &[u8], holes: &[Range<u64>]) -> Self {
        let slice = |range: Range<u64>| &bytes[range.start as usize..range.end as usize];
        let mut root = Vec::new();
        let mut layers = Vec::new();
        for run in runs(bytes.len() as u64, holes.iter().cloned()) {
            match run {
                Run::Root(range) => root.extend(slice(range)),
                Run::Layer(_, range) => layers.push(slice(range).to_vec()),
            }
        }
        let placed = holes.iter().zip(&layers);
        let recipe = Recipe {
            content: Identity::of(bytes),
            root: RecipeLayer::new(0, Identity::of(&root)),
            layers: placed
                .map(|(hole, layer)| RecipeLayer::new(hole.start, Identity::of(layer)))
                .collect(),
        };
        Self {
            recipe,
            root,
            layers,
        }
    }

    /// The stub from the root alone.
    fn stub(&self) -> Result<Vec<u8>, Error> {
        stub::of_root(&self.recipe, &self.root, &BTreeMap::new())
    }

    /// The stub, and which layers it took to build it.
    fn stub_with_needed(&self) -> (Result<Vec<u8>, Error>, Vec<usize>) {
        let mut at_hand = BTreeMap::new();
        loop {
            match stub::of_root(&self.recipe, &self.root, &at_hand) {
                Err(Error::Needs { layer }) => {
                    let before = at_hand.insert(layer, self.layers[layer].clone());
                    assert_eq!(before, None, "layer {layer} was at hand");
                }
                done => return (done, at_hand.into_keys().collect()),
            }
        }
    }
}

fn whole(bytes: &[u8]) -> Vec<u8> {
    stub::of_source(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
