//! Votes of data segments: the addresses at which a build placed the same data.

use super::fit::Votes;
use crate::delta::align::{CopyCost, Costs, Pair, align, mix};
use crate::delta::instruction::OperandKind;
use crate::delta::rewrite::segments;

/// The costs of aligning segments by their sizes.
const COSTS: Costs = Costs {
    run: 80,
    seek: [16, 56, 96, 160],
    repeated: 0,
    ways: [8, 4],
    bound: 1200,
    short: 4,
    long: 12,
    attention: 12,
};
const LITERAL: u32 = 160;
const CHANGED: u32 = 40;

struct SegmentPair {
    old: Vec<u32>,
    new: Vec<u32>,
    old_contents: Vec<u32>,
    new_contents: Vec<u32>,
}

impl Pair for SegmentPair {
    type Item = u32;

    fn old_items(&self) -> &[u32] {
        &self.old
    }

    fn new_items(&self) -> &[u32] {
        &self.new
    }

    fn copy_cost(&self, old: usize, new: usize) -> Option<CopyCost> {
        let is_changed = self.old_contents[old] != self.new_contents[new];
        let cost = CHANGED * u32::from(is_changed);
        (self.old[old] == self.new[new]).then_some(CopyCost { cost, change: 0 })
    }

    fn literal_cost(&self, _new: usize) -> u32 {
        LITERAL
    }

    fn distance(&self, from: usize, to: usize) -> u32 {
        (from.abs_diff(to) as u32).saturating_mul(16)
    }
}

pub(in super::super) fn vote(old: &[u8], new: &[u8], votes: &mut Votes) {
    let (Some(left), Some(right)) = (segments(old), segments(new)) else {
        return;
    };
    let sizes = |segments: &[(i64, std::ops::Range<usize>)]| {
        segments
            .iter()
            .map(|(_, range)| range.len() as u32)
            .collect()
    };
    let hashes = |bytes: &[u8], segments: &[(i64, std::ops::Range<usize>)]| {
        let hash = |range: std::ops::Range<usize>| {
            bytes[range]
                .iter()
                .fold(0, |hash, &byte| mix(hash ^ u64::from(byte))) as u32
        };
        segments
            .iter()
            .map(|(_, range)| hash(range.clone()))
            .collect()
    };
    let pair = SegmentPair {
        old: sizes(&left),
        new: sizes(&right),
        old_contents: hashes(old, &left),
        new_contents: hashes(new, &right),
    };
    for run in align(&pair, &COSTS) {
        for at in 0..run.count {
            let (from, to) = (
                left[(run.old + at) as usize].0,
                right[(run.new + at) as usize].0,
            );
            votes.add(OperandKind::I32, from, to);
            votes.add(OperandKind::I64, from, to);
        }
    }
}
