//! Where sequences of items occur in the old sequence.

use super::mix;

/// The items of a sequence.
pub(in super::super) trait Item: Copy + Eq + Into<u64> {}

impl<T: Copy + Eq + Into<u64>> Item for T {}

/// The positions of sequences of one length, by their hash and then in order.
pub(super) struct Index {
    length: usize,
    /// Only sequences whose hash is a multiple of this number have positions.
    sample: u64,
    bits: u32,
    /// For each bucket of hashes the index of its first position.
    starts: Vec<u32>,
    positions: Vec<u32>,
}

impl Index {
    /// Indexes one of about `sample` sequences of `length` items.
    pub(super) fn new(items: &[impl Item], length: usize, sample: u64) -> Self {
        let count = (items.len() + 1).saturating_sub(length);
        let bits = (usize::BITS - (count / 2 + 1).leading_zeros()).clamp(8, 22);
        let hashes = || {
            let hashes = (0..count).map(|at| (at, hash(&items[at..at + length])));
            hashes.filter(|(_, hash)| hash.is_multiple_of(sample))
        };
        let bucket = |hash: u64| (hash >> (64 - bits)) as usize;
        let mut starts = vec![0; (1 << bits) + 1];
        for (_, hash) in hashes() {
            starts[bucket(hash) + 1] += 1;
        }
        for bucket in 0..1 << bits {
            starts[bucket + 1] += starts[bucket];
        }
        let mut positions = vec![0; starts[1 << bits] as usize];
        let mut next = starts.clone();
        for (at, hash) in hashes() {
            let place = &mut next[bucket(hash)];
            positions[*place as usize] = at as u32;
            *place += 1;
        }
        Self {
            length,
            sample,
            bits,
            starts,
            positions,
        }
    }

    /// Calls `found` with up to `count` positions on each side of `expected` that may have the sequence at `at` of
    /// `items`.
    pub(super) fn find_nearest(
        &self,
        items: &[impl Item],
        at: usize,
        expected: u32,
        count: usize,
        found: impl FnMut(u32),
    ) {
        let Some(sequence) = items.get(at..at + self.length) else {
            return;
        };
        let hash = hash(sequence);
        if !hash.is_multiple_of(self.sample) {
            return;
        }
        let bucket = (hash >> (64 - self.bits)) as usize;
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        let positions = &self.positions[range];
        let middle = positions.partition_point(|&position| position < expected);
        let near = middle.saturating_sub(count)..(middle + count).min(positions.len());
        positions[near].iter().copied().for_each(found);
    }
}

fn hash(sequence: &[impl Item]) -> u64 {
    let step =
        |hash: u64, item: u64| (hash.rotate_left(5) ^ item).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mix(sequence
        .iter()
        .fold(0, |hash, &item| step(hash, item.into())))
}
