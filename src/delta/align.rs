//! The cheapest way to write a new sequence as runs of an old one and literal items.
//!
//! A search goes through the new items once, and follows several ways at a time. Each way either copies the next old
//! item, or takes literals. An index gives the old items at which a run may begin.

mod index;

use self::index::{Index, Item};

/// Two sequences of items, and the costs of writing the new one, in eighths of a bit.
pub(super) trait Pair {
    /// Two items whose sequences of these are equal may be copied.
    type Item: Item;

    fn old_items(&self) -> &[Self::Item];
    fn new_items(&self) -> &[Self::Item];
    /// Returns the cost of copying an old item as a new one, or nothing if a run cannot have them.
    fn copy_cost(&self, old: usize, new: usize) -> Option<CopyCost>;
    /// Returns the cost of a literal item.
    fn literal_cost(&self, new: usize) -> u32;
    /// Returns the distance of two old items in bytes.
    fn distance(&self, from: usize, to: usize) -> u32;
}

/// The cost of copying an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CopyCost {
    pub(super) cost: u32,
    /// A hash of the change, or 0. A change that a way made before is cheaper, because it is predicted.
    pub(super) change: u32,
}

impl CopyCost {
    /// The item is equal.
    pub(super) const NONE: Self = Self { cost: 0, change: 0 };
}

/// Costs in eighths of a bit, and sizes of the search.
#[derive(Clone)]
pub(super) struct Costs {
    /// The cost of a run.
    pub(super) run: u32,
    /// The further cost of a run that begins where the last one ended, less than 64 bytes from there, less than 8 KiB
    /// from there, or elsewhere.
    pub(super) seek: [u32; 4],
    /// The cost of a change that the way made before.
    pub(super) repeated: u32,
    /// The maximum numbers of ways that copy and that take literals.
    pub(super) ways: [usize; 2],
    /// Ways that cost this much more than the best one are dropped.
    pub(super) bound: u32,
    /// The lengths of the sequences in the two indices.
    pub(super) short: usize,
    pub(super) long: usize,
    /// The number of items after a change for which the search looks for other runs.
    pub(super) attention: u32,
}

/// A sequence of new items that are copied from old ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) new: u32,
    pub(super) old: u32,
    pub(super) count: u32,
}

/// The number of changes that a way remembers.
const CHANGES: usize = 8;

#[derive(Clone, Copy)]
struct Way {
    cost: u32,
    is_copying: bool,
    /// The next old item. In a literal the one after the last run.
    at: u32,
    /// The current or last run.
    run: Run,
    /// The node of the run before.
    node: u32,
    /// The last changes, and the place of the next one.
    changes: [u32; CHANGES],
    next_change: u8,
}

/// A run, and the node of the run before.
struct Node {
    run: Run,
    before: u32,
}

/// The node of a first run.
const NO_NODE: u32 = u32::MAX;

/// The search goes back to one way when it has this many nodes, or when costs pass this.
const MAX_NODES: usize = 1 << 18;
const MAX_COST: u32 = 1 << 30;

/// Returns the runs in the order of the new sequence. Both sequences have less than 2^32 items. The same sequences always
/// give the same runs.
pub(super) fn align<P: Pair>(pair: &P, costs: &Costs) -> Vec<Run> {
    /// One of this many sequences is in the index of long ones.
    const SAMPLE: u64 = 4;
    let short = Index::new(pair.old_items(), costs.short, 1);
    let long = Index::new(pair.old_items(), costs.long, SAMPLE);
    let count = pair.new_items().len();
    let mut aligner = Aligner::new(pair, costs);
    let mut runs = Vec::new();
    let mut attention = costs.attention;
    let mut at = 0;
    while at < count {
        if let [only] = &mut aligner.ways[..]
            && only.is_copying
        {
            // There is nothing to decide before the next change.
            let equal = count_equal(pair, only.at as usize, at);
            only.at += equal as u32;
            only.run.count += equal as u32;
            at += equal;
            attention = costs.attention;
            if at == count {
                break;
            }
        }
        aligner.find_candidates(at, attention > 0, &short, &long);
        attention = match aligner.step(at) {
            true => attention.saturating_sub(1),
            false => costs.attention,
        };
        at += 1;
        if aligner.nodes.len() > MAX_NODES || aligner.ways[0].cost > MAX_COST {
            aligner.decide(&mut runs);
        }
    }
    aligner.decide(&mut runs);
    let last = aligner.ways.first().map(|way| way.run);
    runs.extend(last.filter(|run| run.count > 0));
    runs
}

fn count_equal<P: Pair>(pair: &P, old: usize, new: usize) -> usize {
    let count = (pair.old_items().len() - old).min(pair.new_items().len() - new);
    let is_equal = |next: &usize| pair.copy_cost(old + next, new + next) == Some(CopyCost::NONE);
    (0..count).take_while(is_equal).count()
}

struct Aligner<'a, P> {
    pair: &'a P,
    costs: &'a Costs,
    nodes: Vec<Node>,
    ways: Vec<Way>,
    next: Vec<Way>,
    candidates: Vec<u32>,
}

impl<'a, P: Pair> Aligner<'a, P> {
    fn new(pair: &'a P, costs: &'a Costs) -> Self {
        let start = Way {
            cost: 0,
            is_copying: false,
            at: 0,
            run: Run {
                new: 0,
                old: 0,
                count: 0,
            },
            node: NO_NODE,
            changes: [0; CHANGES],
            next_change: 0,
        };
        Self {
            pair,
            costs,
            nodes: Vec::new(),
            ways: vec![start],
            next: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Collects the old items at which a run may begin with the new item at `at`.
    fn find_candidates(&mut self, at: usize, has_attention: bool, short: &Index, long: &Index) {
        let candidates = &mut self.candidates;
        candidates.clear();
        let (old, new) = (self.pair.old_items(), self.pair.new_items());
        // A literal may replace as many old items, or none.
        let skipped = |way: &Way| at as u32 - way.run.new - way.run.count;
        let after_literal = |way: &Way| way.at.saturating_add(skipped(way));
        for way in self.ways.iter().filter(|way| !way.is_copying) {
            candidates.extend([way.at, after_literal(way)]);
        }
        if has_attention && let Some(best) = self.ways.iter().min_by_key(|way| way.cost) {
            let expected = match best.is_copying {
                true => best.at,
                false => after_literal(best),
            };
            short.find_nearest(new, at, expected, 2, |found| candidates.push(found));
            long.find_nearest(new, at, expected, 3, |found| candidates.push(found));
        }
        candidates.retain(|&candidate| old.get(candidate as usize) == Some(&new[at]));
        candidates.sort_unstable();
        candidates.dedup();
    }

    /// Moves all ways over a new item. Returns whether the best one copied it unchanged.
    fn step(&mut self, at: usize) -> bool {
        self.next.clear();
        for index in 0..self.ways.len() {
            let way = self.ways[index];
            if way.is_copying && (way.at as usize) < self.pair.old_items().len() {
                self.next.extend(self.copy(way, at));
            }
        }
        let cheapest = self.next.iter().map(|way| way.cost).min();
        for index in 0..self.candidates.len() {
            self.begin_run(self.candidates[index], at, cheapest);
        }
        let literal = self.pair.literal_cost(at);
        for index in 0..self.ways.len() {
            self.add_literal(index, literal);
        }
        self.drop_ways();
        let best = |ways: &[Way]| ways.iter().map(|way| way.cost).min();
        let is_unchanged = best(&self.ways) == best(&self.next);
        std::mem::swap(&mut self.ways, &mut self.next);
        is_unchanged
    }

    /// Copies the next old item.
    fn copy(&self, mut way: Way, at: usize) -> Option<Way> {
        let CopyCost { mut cost, change } = self.pair.copy_cost(way.at as usize, at)?;
        if change != 0 {
            match way.changes.contains(&change) {
                true => cost = self.costs.repeated,
                false => {
                    way.changes[usize::from(way.next_change) % CHANGES] = change;
                    way.next_change = way.next_change.wrapping_add(1);
                }
            }
        }
        way.cost += cost;
        way.at += 1;
        way.run.count += 1;
        Some(way)
    }

    /// Begins a run at an old item, after the way from which that is cheapest.
    fn begin_run(&mut self, old: u32, at: usize, cheapest_copy: Option<u32>) {
        let costs = self
            .ways
            .iter()
            .map(|way| way.cost + self.seek_cost(way.at, old));
        let Some((cost, index)) = costs.zip(0..).min() else {
            return;
        };
        let before: Way = self.ways[index];
        let cost = cost + self.costs.run;
        if cheapest_copy.is_some_and(|cheapest| cheapest + self.costs.bound < cost) {
            return;
        }
        let (new, count) = (at as u32, 0);
        let run = Run { new, old, count };
        let begun = Way {
            cost,
            is_copying: true,
            at: old,
            run,
            ..before
        };
        let Some(mut begun) = self.copy(begun, at) else {
            return;
        };
        let existing = self.next.iter().position(|way| way.at == begun.at);
        if existing.is_some_and(|existing| self.next[existing].cost <= begun.cost) {
            return;
        }
        if before.run.count > 0 {
            begun.node = self.nodes.len() as u32;
            self.nodes.push(Node {
                run: before.run,
                before: before.node,
            });
        }
        match existing {
            Some(existing) => self.next[existing] = begun,
            None => self.next.push(begun),
        }
    }

    /// Takes a literal after a way. Of the ways that end the same run, the cheapest remains.
    fn add_literal(&mut self, index: usize, cost: u32) {
        let mut way = self.ways[index];
        way.cost += cost;
        way.is_copying = false;
        let ends_same_run = |other: &&mut Way| {
            !other.is_copying
                && other.node == way.node
                && other.run.new == way.run.new
                && other.run.old == way.run.old
        };
        match self.next.iter_mut().find(ends_same_run) {
            Some(other) if other.cost <= way.cost => {}
            Some(other) => *other = way,
            None => self.next.push(way),
        }
    }

    /// Drops ways that are too expensive. Ways that copy look cheap for a while even where they lead nowhere, so they do
    /// not take the room of the others.
    fn drop_ways(&mut self) {
        let best = self.next.iter().map(|way| way.cost).min().unwrap_or(0);
        let bound = best + self.costs.bound;
        self.next.retain(|way| way.cost <= bound);
        let [copying, literal] = self.costs.ways;
        if self.next.len() <= copying.min(literal) {
            return;
        }
        self.next.sort_by_key(|way| way.cost);
        let mut room = [copying, literal];
        self.next.retain(|way| {
            let room = &mut room[usize::from(!way.is_copying)];
            let is_kept = *room > 0;
            *room = room.saturating_sub(1);
            is_kept
        });
    }

    fn seek_cost(&self, from: u32, to: u32) -> u32 {
        let [zero, near, middle, far] = self.costs.seek;
        match self.pair.distance(from as usize, to as usize) {
            0 => zero,
            1..64 => near,
            64..8192 => middle,
            _ => far,
        }
    }

    /// Drops all ways but the best one, and writes the runs before its last one.
    fn decide(&mut self, runs: &mut Vec<Run>) {
        let best = self.ways.iter().min_by_key(|way| way.cost);
        let Some(mut best) = best.copied() else {
            return;
        };
        let start = runs.len();
        let mut node = best.node;
        while let Some(Node { run, before }) = self.nodes.get(node as usize) {
            runs.push(*run);
            node = *before;
        }
        runs[start..].reverse();
        self.nodes.clear();
        best.node = NO_NODE;
        best.cost = 0;
        self.ways.clear();
        self.ways.push(best);
    }
}

/// One step of a hash.
pub(super) fn mix(value: u64) -> u64 {
    let value = value
        .wrapping_add(0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(0xd6e8_feb8_6659_fd93);
    (value ^ (value >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}
