//! Sets of the index's rows, and how they are written down. Pure.
//!
//! Rows are numbered in the order in which they are shown, so that a set is an ascending list of small
//! numbers. Written are the gaps between them, seven bits a byte, the last byte without the top bit.

/// A set of rows, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    words: Vec<u64>,
}

impl Rows {
    /// Returns the set of none of `count` rows.
    pub(super) fn none(count: u32) -> Self {
        let words = vec![0; count.div_ceil(u64::BITS) as usize];
        Self { words }
    }

    /// Returns the set of all of `count` rows.
    pub(super) fn all(count: u32) -> Self {
        let mut rows = Self::none(count);
        rows.words.fill(u64::MAX);
        let over = count % u64::BITS;
        if over > 0
            && let Some(last) = rows.words.last_mut()
        {
            *last = (1 << over) - 1;
        }
        rows
    }

    /// Takes in a written set. What lies outside, or makes no sense, is left out: the index can be made again.
    pub(super) fn add_written(&mut self, written: &[u8]) {
        let mut row = 0u32;
        for gap in numbers(written) {
            let Some(next) = row.checked_add(gap) else {
                return;
            };
            row = next;
            self.add(row);
        }
    }

    /// Takes in one row.
    pub(super) fn add(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut((row / u64::BITS) as usize) {
            *word |= 1 << (row % u64::BITS);
        }
    }

    /// Returns whether a row is in the set.
    pub(super) fn has(&self, row: u32) -> bool {
        let word = self.words.get((row / u64::BITS) as usize);
        word.is_some_and(|word| word >> (row % u64::BITS) & 1 == 1)
    }

    /// Takes in what the other has.
    pub(super) fn unite(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Keeps what the other has too.
    pub(super) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Keeps the first row of each group; `begins` has the first row of every group there is.
    pub(super) fn keep_firsts(&mut self, begins: &Self) {
        // Whether the group that a word begins in has a row before it.
        let mut taken = false;
        for (word, &begins) in self.words.iter_mut().zip(&begins.words) {
            let all = *word;
            // What begins a group is its first row.
            let mut left = all & !begins;
            while left != 0 {
                let row = left & left.wrapping_neg();
                left ^= row;
                let before = row - 1;
                let group = before & from_last(begins & before);
                if all & group != 0 || taken && begins & before == 0 {
                    *word ^= row;
                }
            }
            taken = all & from_last(begins) != 0 || taken && begins == 0;
        }
    }

    /// Returns the rows, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let words = self.words.iter().zip(0..);
        words.flat_map(|(word, at): (&u64, u32)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(at * u64::BITS + bit)
            })
        })
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }
}

/// Writes an ascending list.
pub(super) fn write(rows: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut last = 0;
    let gaps = rows.into_iter().map(|row| {
        let gap = row.saturating_sub(last);
        last = row;
        gap
    });
    write_numbers(gaps)
}

/// Writes numbers in any order.
pub(super) fn write_numbers(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut written = Vec::new();
    for number in numbers {
        let mut left = number;
        while left > 0x7f {
            written.push(left as u8 | 0x80);
            left >>= 7;
        }
        written.push(left as u8);
    }
    written
}

/// Reads what [`write_numbers`] wrote, up to what makes no sense.
pub(super) fn numbers(written: &[u8]) -> impl Iterator<Item = u32> {
    let mut left = written;
    std::iter::from_fn(move || number(&mut left))
}

/// Reads one number and leaves what comes after it.
pub(super) fn number(left: &mut &[u8]) -> Option<u32> {
    let mut number = 0u32;
    for shift in (0..u32::BITS).step_by(7) {
        let (&byte, rest) = left.split_first()?;
        *left = rest;
        number |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Writes bytes with their length before them.
pub(super) fn write_part(part: &[u8], written: &mut Vec<u8>) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    written.extend(write_numbers([length]));
    written.extend(part);
}

/// Reads what [`write_part`] wrote and leaves what comes after it.
pub(super) fn part<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(left)? as usize;
    let (part, rest) = left.split_at_checked(length)?;
    *left = rest;
    Some(part)
}

/// Returns all bits from the highest one on; all there are, where there is none.
fn from_last(bits: u64) -> u64 {
    bits.checked_ilog2()
        .map_or(u64::MAX, |last| u64::MAX << last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: u32, list: &[u32]) -> Rows {
        let mut rows = Rows::none(count);
        rows.add_written(&write(list.iter().copied()));
        rows
    }

    #[test]
    fn what_is_written_is_read() {
        for list in [
            vec![],
            vec![0],
            vec![0, 1, 2, 63, 64, 127, 128, 300, 99_999],
            (0..100_000).step_by(3).collect(),
        ] {
            let read = rows(100_000, &list);
            assert_eq!(read.iter().collect::<Vec<u32>>(), list);
            assert_eq!(read.count(), list.len() as u64);
        }
        let unordered = [7, 0, u32::MAX, 128];
        let written = write_numbers(unordered);
        assert_eq!(numbers(&written).collect::<Vec<u32>>(), unordered);
    }

    #[test]
    fn damage_is_no_panic() {
        let mut read = Rows::none(10);
        for written in [
            &[0x80][..],
            &[0xff; 9],
            &[5, 200],
            &write([5, 1_000_000]),
            &write_numbers([u32::MAX, u32::MAX]),
        ] {
            read.add_written(written);
        }
        assert_eq!(read.iter().collect::<Vec<u32>>(), [5]);
    }

    #[test]
    fn sets_are_combined() {
        let mut both = rows(200, &[1, 70, 130, 199]);
        both.intersect(&rows(200, &[1, 71, 130]));
        assert_eq!(both, rows(200, &[1, 130]));
        assert!(both.has(130) && !both.has(131) && !both.has(1000));
        both.unite(&rows(200, &[0, 199]));
        assert_eq!(both, rows(200, &[0, 1, 130, 199]));
        for count in [0, 1, 63, 64, 65, 128] {
            let all: Vec<u32> = Rows::all(count).iter().collect();
            assert_eq!(all, (0..count).collect::<Vec<u32>>());
        }
    }

    #[test]
    fn the_first_of_each_group_is_kept() {
        let begins = rows(300, &[0, 3, 64, 65, 200]);
        for (all, firsts) in [
            (
                vec![0, 1, 2, 3, 4, 64, 65, 66, 200],
                vec![0, 3, 64, 65, 200],
            ),
            (vec![1, 2, 5, 63, 150, 199, 299], vec![1, 5, 150, 299]),
            (vec![62, 63, 66, 127, 128, 140, 192, 198], vec![62, 66]),
            (vec![64, 128, 200, 256], vec![64, 128, 200]),
            (vec![], vec![]),
        ] {
            let mut kept = rows(300, &all);
            kept.keep_firsts(&begins);
            assert_eq!(kept.iter().collect::<Vec<u32>>(), firsts);
        }
    }
}
