//! Sets of imports, and the rows that have each. Pure.
//!
//! What was built with the same tools imports the same, so there are far fewer sets than rows; and every row has
//! one, so that all of them together stay small. Written are, set by set, the length of its ids and the ids,
//! the length of its rows and the rows.

use std::collections::{BTreeMap, BTreeSet};

use super::postings::{self, Rows};

/// The rows of each set of imports.
#[derive(Default)]
pub(super) struct ImportSets(BTreeMap<Vec<u32>, Vec<u32>>);

impl ImportSets {
    /// Takes in a row, which comes after all that are there.
    pub(super) fn add(&mut self, ids: &BTreeSet<u32>, row: u32) {
        let ids = ids.iter().copied().collect();
        self.0.entry(ids).or_default().push(row);
    }

    /// Writes the sets.
    pub(super) fn write(self) -> Vec<u8> {
        let mut written = Vec::new();
        for (ids, rows) in self.0 {
            postings::write_part(&postings::write_numbers(ids), &mut written);
            postings::write_part(&postings::write(rows), &mut written);
        }
        written
    }
}

/// Returns the rows, of `count`, that import nothing but what is offered. What makes no sense is left out.
pub(super) fn rows_within(written: &[u8], offered: &BTreeSet<u32>, count: u32) -> Rows {
    let end = offered.last().map_or(0, |last| last.saturating_add(1));
    // There may be many sets, and asking a tree takes longer than asking a bit.
    let mut bits = Rows::none(end);
    for id in offered {
        bits.add(*id);
    }
    let mut rows = Rows::none(count);
    let mut left = written;
    while let (Some(ids), Some(having)) = (postings::part(&mut left), postings::part(&mut left)) {
        if postings::numbers(ids).all(|id| bits.has(id)) {
            rows.add_written(having);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut sets = ImportSets::default();
        for (row, ids) in [&[1, 300][..], &[], &[2], &[300, 1], &[1, 2, 300]]
            .iter()
            .enumerate()
        {
            sets.add(&ids.iter().copied().collect(), row as u32);
        }
        sets.write()
    }

    fn within(written: &[u8], offered: &[u32]) -> Vec<u32> {
        let offered = offered.iter().copied().collect();
        rows_within(written, &offered, 5).iter().collect()
    }

    #[test]
    fn what_imports_nothing_else_is_found() {
        let written = written();
        for (offered, rows) in [
            (&[][..], &[1][..]),
            (&[1], &[1]),
            (&[2], &[1, 2]),
            (&[1, 300], &[0, 1, 3]),
            (&[1, 2, 300, 70_000], &[0, 1, 2, 3, 4]),
        ] {
            assert_eq!(within(&written, offered), rows, "{offered:?}");
        }
    }

    #[test]
    fn damage_is_no_panic() {
        let written = written();
        let all = [1, 2, 300];
        for end in 0..written.len() {
            assert!(within(&written[..end], &all).len() < 5, "{end}");
        }
        for bad in [&[0xff; 9][..], &[1, 0x80, 1, 0], &[200, 1, 0]] {
            within(bad, &all);
        }
    }
}
