//! The pieces of work that the core's benches time, on bytes in memory.

use std::hint::black_box;
use std::io;

use wharf::digest::{Digest, Identity};
use wharf::section;
use wharf::split::{self, Recipe, RecipeLayer, SplitPlan, SplitPolicy};

/// A component, and what it was cut into.
pub struct Cut {
    /// The component.
    pub bytes: Vec<u8>,
    plan: SplitPlan,
    recipe: Recipe,
    root: Vec<u8>,
}

impl Cut {
    /// Cuts a component with the default policy.
    pub fn new(bytes: Vec<u8>) -> Self {
        let policy = SplitPolicy::DEFAULT;
        let map = section::map(&bytes, policy.floor).expect("a component");
        let plan = split::plan(&map, &policy);
        let identities = split::identify(&bytes, &plan).expect("bytes in memory");
        let layer = |offset, identity: Identity| RecipeLayer {
            offset,
            size: identity.size,
            digest: Some(identity.digest),
        };
        let layers = plan.holes().zip(&identities.layers);
        let recipe = Recipe {
            content: identities.content,
            root: layer(0, identities.root),
            layers: layers.map(|(hole, id)| layer(hole.start, *id)).collect(),
        };
        let mut root = Vec::new();
        for range in plan.root_ranges() {
            root.extend(&bytes[range.start as usize..range.end as usize]);
        }
        Self {
            bytes,
            plan,
            recipe,
            root,
        }
    }

    /// Finds every section.
    pub fn map(&self) {
        let map = section::map(&self.bytes, SplitPolicy::DEFAULT.floor);
        black_box(map.expect("a component"));
    }

    /// Hashes the whole and every part, in two threads.
    pub fn identify(&self) {
        black_box(split::identify(&self.bytes, &self.plan).expect("bytes in memory"));
    }

    /// Splices raw layers, and checks each and the whole.
    pub fn splice(&self) {
        let open = |layer: Option<usize>| {
            Ok(match layer {
                None => self.root.as_slice(),
                Some(index) => {
                    let range = &self.plan.layers[index].range;
                    &self.bytes[range.start as usize..range.end as usize]
                }
            })
        };
        split::splice(&self.recipe, open, &mut io::sink()).expect("the component");
    }

    /// Does what nothing that verifies can do without.
    pub fn sha256(&self) {
        black_box(Digest::of(&self.bytes));
    }
}
