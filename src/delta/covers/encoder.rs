//! Makes parts of copies with differences.

use std::io;

use super::STREAMS;
use crate::delta::align::{CopyCost, Costs, Pair, Run, align};
use crate::delta::literal_prefix;
use crate::delta::numbers::{push, zigzag};
use crate::delta::options::{Classes, Effort};
use crate::delta::prefix;
use crate::delta::rewrite::Rewriting;
use crate::delta::streams::pack;

/// Costs in eighths of a bit, which were measured on builds of real programs. The first are best for most contents, the
/// second for texts, and the third for tables of numbers.
const COSTS: [(Costs, ByteCosts); 3] = [
    (costs(160), byte_costs(48, 64, 24)),
    (costs(96), byte_costs(36, 72, 16)),
    (costs(240), byte_costs(56, 64, 16)),
];

const fn costs(run: u32) -> Costs {
    Costs {
        run,
        seek: [16, 56, 96, 160],
        repeated: 0,
        ways: [8, 4],
        bound: 1200,
        short: 8,
        long: 24,
        attention: 24,
    }
}

const fn byte_costs(literal: u32, different: u32, regular: u32) -> ByteCosts {
    ByteCosts {
        literal,
        different,
        regular,
    }
}

#[derive(Clone, Copy)]
struct ByteCosts {
    literal: u32,
    different: u32,
    /// A difference that occurred some bytes before.
    regular: u32,
}

/// Encodes a new content. `base` is the old content after the rewriting. Returns the part with the classes of its
/// bytes, or nothing if this method cannot.
pub(in super::super) fn encode(
    base: &[u8],
    rewriting: Option<Rewriting>,
    new: &[u8],
    level: u8,
    effort: Effort,
) -> io::Result<Option<(Vec<u8>, Classes)>> {
    if u32::try_from(base.len() + new.len()).is_err() {
        return Ok(None);
    }
    let mut best: Option<(Vec<u8>, Classes)> = None;
    let tries = match effort {
        Effort::Fast => 1,
        Effort::Best => COSTS.len(),
    };
    for costs in COSTS.iter().take(tries) {
        let runs = find_runs(base, new, costs);
        let Some(part) = write(base, rewriting, new, &runs, level)? else {
            continue;
        };
        if best.as_ref().is_none_or(|best| part.0.len() < best.0.len()) {
            best = Some(part);
        }
    }
    Ok(best)
}

/// Returns the runs of a content, at the costs that are best for most contents.
pub(in super::super) fn runs(base: &[u8], new: &[u8]) -> Vec<Run> {
    let [costs, ..] = &COSTS;
    find_runs(base, new, costs)
}

fn find_runs(old: &[u8], new: &[u8], (costs, bytes): &(Costs, ByteCosts)) -> Vec<Run> {
    let pair = BytePair {
        old,
        new,
        costs: *bytes,
    };
    align(&pair, costs)
}

fn write(
    base: &[u8],
    rewriting: Option<Rewriting>,
    new: &[u8],
    runs: &[Run],
    level: u8,
) -> io::Result<Option<(Vec<u8>, Classes)>> {
    let mut streams: [Vec<u8>; STREAMS] = Default::default();
    let mut literals = Vec::new();
    let (mut at, mut position, mut gap) = (0, 0, 0);
    for run in runs {
        let (start, count) = (run.new as usize, run.count as usize);
        push(&mut streams[0], (start - at) as u64);
        literals.extend_from_slice(&new[at..start]);
        push(&mut streams[1], u64::from(run.count));
        push(&mut streams[2], zigzag(i64::from(run.old) - position));
        let old = run.old as usize;
        for (old, new) in base[old..old + count].iter().zip(&new[start..]) {
            match new.wrapping_sub(*old) {
                0 => gap += 1,
                difference => {
                    push(&mut streams[3], gap);
                    streams[4].push(difference);
                    gap = 0;
                }
            }
        }
        at = start + count;
        position = (old + count) as i64;
    }
    if at < new.len() {
        push(&mut streams[0], (new.len() - at) as u64);
        literals.extend_from_slice(&new[at..]);
    }
    let mut part = vec![Rewriting::number(rewriting)];
    let lists: [&[u8]; STREAMS] = std::array::from_fn(|index| &streams[index][..]);
    let Some((packed, sizes)) = pack(&lists) else {
        return Ok(None);
    };
    part.extend_from_slice(&packed);
    let size = literals.len() as u64;
    push(&mut part, size);
    let before = part.len();
    prefix::encode(
        literal_prefix(base),
        &mut literals.as_slice(),
        size,
        level,
        &mut part,
    )?;
    let classes = vec![
        ("literals", (part.len() - before) as u64),
        ("control", sizes[..3].iter().sum()),
        ("differences", sizes[3..].iter().sum()),
    ];
    Ok(Some((part, classes)))
}

struct BytePair<'a> {
    old: &'a [u8],
    new: &'a [u8],
    costs: ByteCosts,
}

impl Pair for BytePair<'_> {
    type Item = u8;

    fn old_items(&self) -> &[u8] {
        self.old
    }

    fn new_items(&self) -> &[u8] {
        self.new
    }

    #[inline]
    fn copy_cost(&self, old: usize, new: usize) -> Option<CopyCost> {
        let difference = self.new[new].wrapping_sub(self.old[old]);
        if difference == 0 {
            return Some(CopyCost::NONE);
        }
        let is_regular = [4, 8, 12, 16, 24].into_iter().any(|back| {
            let (Some(old), Some(new)) = (old.checked_sub(back), new.checked_sub(back)) else {
                return false;
            };
            self.new[new].wrapping_sub(self.old[old]) == difference
        });
        let cost = match is_regular {
            true => self.costs.regular,
            false => self.costs.different,
        };
        Some(CopyCost { cost, change: 0 })
    }

    fn literal_cost(&self, _new: usize) -> u32 {
        self.costs.literal
    }

    fn distance(&self, from: usize, to: usize) -> u32 {
        from.abs_diff(to) as u32
    }
}
