//! Fits a map to votes: the cheapest list of changes that moves the values of an old build to those of the new one.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{Change, Map, MapKind};
use crate::delta::instruction::OperandKind;

/// The cost of a change, in tenths of a byte.
const CHANGE_COST: u64 = 50;
/// The cost of each wrong use of a value, and the number of uses that count.
const WRONG_COST: u64 = 12;
const MAX_USES: u64 = 20;
/// The number of shifts that the search follows at a time.
const MAX_SHIFTS: usize = 48;

/// How often an old value became a new one.
#[derive(Default)]
pub(in super::super) struct Votes {
    counts: [HashMap<(i64, i64), u32>; 5],
}

impl Votes {
    /// Counts one use.
    pub(in super::super) fn add(&mut self, kind: OperandKind, old: i64, new: i64) {
        let (from, to) = (MapKind::of(kind, old), MapKind::of(kind, new));
        if let (Some(kind), true) = (from, from == to) {
            *self.counts[kind as usize].entry((old, new)).or_default() += 1;
        }
    }

    /// Counts one word of a data segment. A list of the map moves it.
    pub(in super::super) fn add_word(&mut self, list: MapKind, old: u32, new: u32) {
        let (old, new) = (i64::from(old), i64::from(new));
        if MapKind::of_word(old) && MapKind::of_word(new) {
            *self.counts[list as usize].entry((old, new)).or_default() += 1;
        }
    }

    /// Returns the list that moves the words of data segments: the one with more uses of addresses.
    pub(in super::super) fn list_of_words(&self) -> MapKind {
        let uses = |kind: MapKind| -> u64 {
            let counts = self.counts[kind as usize]
                .iter()
                .filter(|((old, _), _)| MapKind::of_word(*old));
            counts.map(|(_, count)| u64::from(*count)).sum()
        };
        match uses(MapKind::I64) > uses(MapKind::Address) {
            true => MapKind::I64,
            false => MapKind::Address,
        }
    }

    /// Returns the cheapest map.
    pub(in super::super) fn fit(&self) -> Map {
        Map::new(self.counts.each_ref().map(|counts| {
            let votes = counts.iter().map(|(&(old, new), &uses)| Vote {
                old,
                shift: new.wrapping_sub(old),
                uses: u64::from(uses),
            });
            let mut votes: Vec<Vote> = votes.collect();
            votes.sort_unstable_by_key(|vote| (vote.old, vote.shift));
            fit(&votes)
        }))
    }
}

/// How often an old value moved by a shift.
struct Vote {
    old: i64,
    shift: i64,
    uses: u64,
}

/// A list of changes that ends with a shift.
struct Candidate {
    shift: i64,
    cost: u64,
    /// The last step.
    last: u32,
}

/// A change of some list, and the step before it.
struct Step {
    change: Change,
    before: u32,
}

/// The step before a first one.
const NO_STEP: u32 = u32::MAX;

/// Returns the cheapest list. The votes are in the order of old values.
fn fit(votes: &[Vote]) -> Vec<Change> {
    let mut steps: Vec<Step> = Vec::new();
    let mut candidates = vec![Candidate {
        shift: 0,
        cost: 0,
        last: NO_STEP,
    }];
    for group in votes.chunk_by(|a, b| a.old == b.old) {
        add_candidates(group, &mut candidates, &mut steps);
        let uses: u64 = group.iter().map(|vote| vote.uses).sum();
        for candidate in &mut candidates {
            let right = group.binary_search_by_key(&candidate.shift, |vote| vote.shift);
            let wrong = uses - right.map_or(0, |right| group[right].uses);
            candidate.cost += wrong * uses.min(MAX_USES) * WRONG_COST / uses;
        }
        let best = cheapest(&candidates).map_or(0, |best| best.cost);
        candidates.retain(|candidate| candidate.cost <= best + CHANGE_COST);
        if candidates.len() > MAX_SHIFTS {
            candidates.sort_by_key(|candidate| candidate.cost);
            candidates.truncate(MAX_SHIFTS);
        }
    }
    let mut list = Vec::new();
    let mut at = cheapest(&candidates).map_or(NO_STEP, |best| best.last);
    while let Some(step) = steps.get(at as usize) {
        list.push(step.change);
        at = step.before;
    }
    list.reverse();
    list
}

fn cheapest(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.iter().min_by_key(|candidate| candidate.cost)
}

/// Lets the shifts with most votes follow the cheapest list. The votes are of one old value.
fn add_candidates(group: &[Vote], candidates: &mut Vec<Candidate>, steps: &mut Vec<Step>) {
    let Some(&Candidate { cost, last, .. }) = cheapest(candidates) else {
        return;
    };
    let cost = cost + CHANGE_COST;
    let mut most: Vec<&Vote> = group.iter().collect();
    most.sort_by_key(|vote| Reverse(vote.uses));
    for &&Vote { old, shift, .. } in most.iter().take(MAX_SHIFTS) {
        let known = candidates.iter().position(|known| known.shift == shift);
        if known.is_some_and(|known| candidates[known].cost <= cost) {
            continue;
        }
        let added = Candidate {
            shift,
            cost,
            last: steps.len() as u32,
        };
        let change = Change { from: old, shift };
        steps.push(Step {
            change,
            before: last,
        });
        match known {
            Some(known) => candidates[known] = added,
            None => candidates.push(added),
        }
    }
}
