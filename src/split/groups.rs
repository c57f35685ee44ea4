//! Groups of files: many small segments share a layer, so that the cap suffices for a directory of any size.
//!
//! The sizes of the files alone decide where a group ends. So a new or changed file changes the groups near it, and
//! no others.

use std::collections::HashSet;

use super::candidates::{Candidate, CandidateKind};
use crate::section::SectionMap;

/// The largest exponent of the mean number of candidates in a group.
const MAX_EXPONENT: u32 = 31;

/// Groups the segments and gaps of data sections with files, unless all candidates fit `most` layers. The candidates are
/// in the order of offsets.
pub(super) fn group(candidates: Vec<Candidate>, map: &SectionMap, most: usize) -> Vec<Candidate> {
    if candidates.len() <= most {
        return candidates;
    }
    let single = largest(&candidates, most / 4);
    let section = |candidate: &Candidate| match candidate.what {
        _ if single.contains(&candidate.range.start) => None,
        CandidateKind::Segment(section, _) | CandidateKind::Gap(section, _) => {
            Some(section).filter(|&section| map.has_assets(&map.sections[section]))
        }
        _ => None,
    };
    let mut grouped = (1..=MAX_EXPONENT).map(|exponent| merge(&candidates, exponent, &section));
    let fits = grouped.find(|grouped| grouped.len() <= most);
    fits.unwrap_or_else(|| merge(&candidates, MAX_EXPONENT, &section))
}

/// Returns the offsets of the largest candidates. Among those of one size, the last ones in the file count as larger.
fn largest(candidates: &[Candidate], count: usize) -> HashSet<u64> {
    let mut by_size: Vec<&Candidate> = candidates.iter().collect();
    by_size.sort_by_key(|candidate| (candidate.size(), candidate.range.start));
    let largest = by_size.iter().rev().take(count);
    largest.map(|candidate| candidate.range.start).collect()
}

/// Merges neighbours of one section. A group has about 2^exponent members, and at most four times as many.
fn merge(
    candidates: &[Candidate],
    exponent: u32,
    section: &dyn Fn(&Candidate) -> Option<usize>,
) -> Vec<Candidate> {
    let mut merged: Vec<Candidate> = Vec::new();
    // The section and the number of members of the open group.
    let mut open: Option<(usize, u64)> = None;
    let mut groups = GroupCount::default();
    for candidate in candidates {
        let own = section(candidate);
        match (open, own, merged.last_mut()) {
            (Some((group, members)), Some(own), Some(last)) if group == own => {
                if members == 1 {
                    last.what = CandidateKind::Group(own, groups.next(own));
                }
                last.range.end = candidate.range.end;
                open = Some((own, members + 1));
            }
            _ => {
                merged.push(candidate.clone());
                open = own.map(|own| (own, 1));
            }
        }
        let is_full = open.is_some_and(|(_, members)| members >= 4 << exponent);
        if is_full || ends_group(candidate.size(), exponent) {
            open = None;
        }
    }
    merged
}

/// Returns whether a group ends after a member of this size.
fn ends_group(size: u64, exponent: u32) -> bool {
    size.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - exponent) == 0
}

/// The number of groups in the current section.
#[derive(Default)]
struct GroupCount {
    section: usize,
    count: u32,
}

impl GroupCount {
    /// Returns the number of groups before this one.
    fn next(&mut self, section: usize) -> u32 {
        if self.section != section {
            *self = Self { section, count: 0 };
        }
        self.count += 1;
        self.count - 1
    }
}
