//! Words, and the rows that have each. Pure.
//!
//! Most words are had by few rows, and the beginning of a word may be that of very many: so words that follow
//! each other are written as one run. Written are, word by word, its length and itself, the length of its rows and
//! the rows.

use std::collections::BTreeMap;

use super::postings::{self, Rows};

/// A run ends before it is longer than this, unless it is of one word: what fits into a page of the database.
const RUN_BYTES: usize = 3500;

/// Words that follow each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first of them.
    pub(super) first: String,
    /// All of them, and their rows.
    pub(super) written: Vec<u8>,
}

/// Writes words.
pub(super) fn runs(words: BTreeMap<String, Vec<u32>>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (first, rows) in words {
        let mut written = Vec::new();
        postings::write_part(first.as_bytes(), &mut written);
        postings::write_part(&postings::write(rows), &mut written);
        match runs.last_mut() {
            Some(run) if run.written.len() + written.len() <= RUN_BYTES => {
                run.written.extend(written);
            }
            _ => runs.push(Run { first, written }),
        }
    }
    runs
}

/// Takes in the rows of the words of a run that begin so. What makes no sense is left out.
pub(super) fn add_beginning(rows: &mut Rows, written: &[u8], begin: &str) {
    let mut left = written;
    while let (Some(word), Some(having)) = (postings::part(&mut left), postings::part(&mut left)) {
        if word.starts_with(begin.as_bytes()) {
            rows.add_written(having);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_in_a_run() {
        let name = |number: u32| format!("w{number}");
        let words = (0..2000).map(|number| (name(number), vec![number, 2000]));
        let long = ("x".to_owned(), (0..5000).collect());
        let runs = runs(words.chain([long]).collect());
        assert!(runs.is_sorted_by_key(|run| run.first.clone()));
        assert!(
            runs.iter()
                .rev()
                .skip(1)
                .all(|run| run.written.len() <= RUN_BYTES)
        );
        let having = |begin: &str| {
            let mut rows = Rows::none(5000);
            for run in &runs {
                add_beginning(&mut rows, &run.written, begin);
            }
            rows.iter().collect::<Vec<u32>>()
        };
        assert_eq!(having("w1999"), [1999, 2000]);
        assert_eq!(having("w19").len(), 1 + 1 + 10 + 100);
        assert_eq!(having("x").len(), 5000);
        assert!(having("y").is_empty());
    }

    #[test]
    fn damage_is_no_panic() {
        let run = &runs(BTreeMap::from([("word".to_owned(), vec![1, 2])]))[0];
        for end in 0..run.written.len() {
            let mut rows = Rows::none(5);
            add_beginning(&mut rows, &run.written[..end], "w");
            assert_eq!(rows.count(), 0, "{end}");
        }
    }
}
