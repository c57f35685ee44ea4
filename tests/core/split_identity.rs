//! Whatever the file and the policy: root and layers tile it, and splicing gives back its bytes.

use crate::support::binary::{
    component, custom, nested_component, noise, pad_sizes, random, section,
};
use crate::support::smith;
use wharf::digest::Identity;
use wharf::section::{SectionMap, map};
use wharf::split::{Granularity, Recipe, RecipeLayer, Run, SplitPolicy};
use wharf::split::{identify, plan, runs, splice};

/// Generated files; each is tried with its mutations and half of the policies.
const SEEDS: u64 = 16;

const GRANULARITIES: [Granularity; 3] = [
    Granularity::Section,
    Granularity::Segment,
    Granularity::Module,
];
const FLOORS: [u64; 4] = [1, 7, 64, 4096];
const CAPS: [usize; 4] = [1, 2, 5, 256];

/// What was tried, and what came of it.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    floor_one: usize,
    with_layers: usize,
    layers: usize,
    capped: usize,
    damaged: usize,
}

#[test]
fn every_file_is_rebuilt_unchanged() {
    let mut tally = Tally::default();
    for seed in 0..SEEDS {
        for (index, bytes) in files(seed).into_iter().enumerate() {
            let mutations = mutations(&bytes, seed);
            for (mutation, bytes) in mutations.into_iter().enumerate() {
                let case = format!("seed {seed}, file {index}, mutation {mutation}");
                try_policies(&bytes, seed as usize + index + mutation, &case, &mut tally);
            }
        }
    }
    // Four files a seed, six forms of each, twelve policies with floor 1 and twelve of the others.
    assert_eq!(tally.runs, SEEDS as usize * 4 * 6 * 24);
    assert_eq!(tally.floor_one, tally.runs / 2);
    assert!(tally.with_layers > tally.runs / 2, "{tally:?}");
    assert!(tally.layers > 3 * tally.with_layers, "{tally:?}");
    assert!(tally.capped > tally.runs / 5, "{tally:?}");
    assert!(tally.damaged > tally.runs / 10, "{tally:?}");
}

/// A module, a component, and two that hold such.
fn files(seed: u64) -> [Vec<u8>; 4] {
    let module = smith::module(seed);
    let component_ = smith::component(seed);
    let other = smith::module(seed + 1000);
    let assembled = component(&[
        custom("before", &noise(seed, 100)),
        section(1, &module),
        section(4, &component_),
        section(1, &pad_sizes(&other)),
        section(1, &module),
    ]);
    let large = component(&[
        nested_component(&[section(1, &other), custom("package-docs", b"text")]),
        custom("noise", &noise(seed, 5000)),
        section(
            1,
            &[module.clone(), custom("debug", &noise(seed, 4500))].concat(),
        ),
    ]);
    [module, component_, assembled, large]
}

/// The file, and what can befall it.
fn mutations(bytes: &[u8], seed: u64) -> [Vec<u8>; 6] {
    let mut random = random(seed ^ bytes.len() as u64);
    let mut below = |limit: usize| random.next().unwrap() as usize % limit;
    let truncated = bytes[..8 + below(bytes.len() - 7)].to_vec();
    let mut flipped = bytes.to_vec();
    for _ in 0..=below(6) {
        let at = 8 + below(bytes.len() - 8);
        flipped[at] ^= 1 << below(8);
    }
    // Where lengths stand: in the first bytes.
    let mut early = bytes.to_vec();
    early[9 + below(20)] ^= 1 << below(8);
    let appended = [bytes, &noise(seed, 1 + below(50))].concat();
    [
        bytes.to_vec(),
        truncated,
        flipped,
        early,
        appended,
        pad_sizes(bytes),
    ]
}

fn try_policies(bytes: &[u8], turn: usize, case: &str, tally: &mut Tally) {
    let floors = [
        map(bytes, 1).unwrap(),
        map(bytes, 7).unwrap(),
        map(bytes, 64).unwrap(),
        map(bytes, 4096).unwrap(),
    ];
    let mut others = 0;
    for granularity in GRANULARITIES {
        for max_layers in CAPS {
            for (floor, map) in FLOORS.into_iter().zip(&floors) {
                if floor > 1 {
                    // A third of the other policies, each file another third.
                    others += 1;
                    if !(others + turn).is_multiple_of(3) {
                        continue;
                    }
                }
                let policy = SplitPolicy {
                    granularity,
                    floor,
                    max_layers,
                };
                let layers = check(
                    bytes,
                    &floors[0],
                    map,
                    &policy,
                    &format!("{case}, {policy:?}"),
                );
                tally.runs += 1;
                tally.floor_one += usize::from(floor == 1);
                tally.with_layers += usize::from(layers > 0);
                tally.layers += layers;
                tally.capped += usize::from(layers > 0 && layers + 1 == max_layers);
                tally.damaged += usize::from(map.damage.is_some());
            }
        }
    }
}

/// Checks all that must hold of one file and one policy; returns how many section layers there are.
fn check(
    bytes: &[u8],
    full: &SectionMap,
    map: &SectionMap,
    policy: &SplitPolicy,
    case: &str,
) -> usize {
    let plan = plan(map, policy);
    let again = wharf::split::plan(full, policy);
    assert_eq!(
        plan, again,
        "the plan does not depend on the map's floor: {case}"
    );
    assert!(plan.layers.len() < policy.max_layers, "{case}");
    let slice = |range: std::ops::Range<u64>| &bytes[range.start as usize..range.end as usize];
    let mut root = Vec::new();
    let mut layers = Vec::new();
    let mut at = 0;
    for run in runs(plan.size, plan.holes()) {
        let (Run::Root(range) | Run::Layer(_, range)) = run.clone();
        assert_eq!(range.start, at, "{case}");
        assert!(range.start < range.end, "{case}");
        at = range.end;
        match run {
            Run::Root(_) => root.extend(slice(range)),
            Run::Layer(index, _) => {
                assert_eq!(index, layers.len(), "{case}");
                assert!(range.end - range.start >= policy.floor, "{case}");
                layers.push(slice(range));
            }
        }
    }
    assert_eq!(at, bytes.len() as u64, "{case}");
    let identities = identify(bytes, &plan).unwrap();
    assert_eq!(identities.content, Identity::of(bytes), "{case}");
    assert_eq!(identities.root, Identity::of(&root), "{case}");
    let plain: Vec<Identity> = layers.iter().map(|layer| Identity::of(layer)).collect();
    assert_eq!(identities.layers, plain, "{case}");
    let recipe = Recipe {
        content: identities.content,
        root: RecipeLayer::new(0, identities.root),
        layers: plan
            .layers
            .iter()
            .zip(plain)
            .map(|(layer, identity)| RecipeLayer::new(layer.range.start, identity))
            .collect(),
    };
    recipe.check_tiling().unwrap();
    let mut spliced = Vec::new();
    let open = |layer: Option<usize>| Ok(layer.map_or(root.as_slice(), |index| layers[index]));
    splice(&recipe, open, &mut spliced).unwrap();
    assert!(spliced == bytes, "{case}");
    layers.len()
}
