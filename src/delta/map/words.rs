//! Votes of the words of data segments: the addresses in data that a build moved.

use std::ops::Range;

use super::MapKind;
use super::fit::Votes;
use crate::delta::align::Run;
use crate::delta::rewrite::segments;

/// How a new data section copies an old one.
pub(in super::super) struct DataCopies<'a> {
    pub(in super::super) old: &'a [u8],
    /// The old section after a rewriting: its segments have the same sizes.
    pub(in super::super) base: &'a [u8],
    pub(in super::super) new: &'a [u8],
    /// Runs of the new section that copy the base.
    pub(in super::super) runs: &'a [Run],
}

/// Counts how the words of copied data change. A list of the map moves them.
pub(in super::super) fn vote(copies: &DataCopies<'_>, list: MapKind, votes: &mut Votes) {
    let sections = [copies.old, copies.base, copies.new].map(segments);
    let [Some(old), Some(base), Some(new)] = sections else {
        return;
    };
    let mut runs = copies.runs.iter().peekable();
    for (address, segment) in new {
        let first = segment.start + address.wrapping_neg().rem_euclid(4) as usize;
        for at in (first..segment.end.saturating_sub(3)).step_by(4) {
            while runs.next_if(|run| end(run) < at + 4).is_some() {}
            let Some(run) = runs.peek().filter(|run| run.new as usize <= at) else {
                continue;
            };
            let copied = at - run.new as usize + run.old as usize;
            if let Some(from) = old_word(copied, &base, &old) {
                votes.add_word(list, word(copies.old, from), word(copies.new, at));
            }
        }
    }
}

fn end(run: &Run) -> usize {
    (run.new + run.count) as usize
}

/// Returns the offset in the old section of the word at an offset of the base, if there is one.
fn old_word(at: usize, base: &[(i64, Range<usize>)], old: &[(i64, Range<usize>)]) -> Option<usize> {
    let after = base.partition_point(|(_, segment)| segment.start <= at);
    let index = after.checked_sub(1)?;
    let ((_, moved), (address, segment)) = (base.get(index)?, old.get(index)?);
    let offset = at - moved.start;
    let is_word = address.wrapping_add(offset as i64) % 4 == 0 && offset + 4 <= segment.len();
    is_word.then_some(segment.start + offset)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..at + 4].iter().rev();
    word.fold(0, |word, &byte| word << 8 | u32::from(byte))
}
