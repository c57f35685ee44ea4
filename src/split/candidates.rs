//! The ranges that may become layers, before the cap.

use std::fmt::Write as _;
use std::ops::Range;

use super::{Granularity, SplitPolicy};
use crate::section::{BinaryKind, Section, SectionMap, Segment, id};

/// A passive segment above this size becomes a layer with every granularity but `module`. A file becomes one from the
/// floor on.
const PASSIVE_SEGMENT_BYTES: u64 = 64 * 1024;

/// A range that may become a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) range: Range<u64>,
    pub(super) what: CandidateKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CandidateKind {
    /// The content of the section with this index in the map.
    Section(usize),
    /// The init bytes of a data segment: section, data index.
    Segment(usize, u32),
    /// The bytes of a data section before, between or after cut segments: section, number of segments cut before.
    Gap(usize, u32),
    /// Consecutive segments and gaps of a data section with files: section, number of groups before.
    Group(usize, u32),
    /// The suffix of the core module with this index in the map.
    Suffix(usize),
}

impl Candidate {
    pub(super) fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    pub(super) fn path(&self, map: &SectionMap) -> String {
        let section_path = |section: usize| map.section_path(&map.sections[section]);
        let mut path = match self.what {
            CandidateKind::Section(section)
            | CandidateKind::Segment(section, _)
            | CandidateKind::Gap(section, _)
            | CandidateKind::Group(section, _) => section_path(section),
            CandidateKind::Suffix(binary) => map.binary_path(binary),
        };
        let _infallible = match self.what {
            CandidateKind::Section(_) => Ok(()),
            CandidateKind::Segment(_, index) => write!(path, "/segment[{index}]"),
            CandidateKind::Gap(_, index) => write!(path, "/gap[{index}]"),
            CandidateKind::Group(_, index) => write!(path, "/group[{index}]"),
            CandidateKind::Suffix(_) => write!(path, "suffix[0]"),
        };
        path
    }
}

/// Returns all ranges that become layers without a cap, by offset.
pub(super) fn candidates(map: &SectionMap, policy: &SplitPolicy) -> Vec<Candidate> {
    let mut found = match policy.granularity {
        Granularity::Module => suffixes(map, policy.floor),
        Granularity::Section | Granularity::Segment => Vec::new(),
    };
    let in_suffix: Vec<Range<u64>> = found.iter().map(|suffix| suffix.range.clone()).collect();
    let covered = |section: &Section| {
        let after = in_suffix.partition_point(|suffix| suffix.start <= section.whole.start);
        after > 0 && section.whole.start < in_suffix[after - 1].end
    };
    let mut segments = map.segments.iter().peekable();
    for (index, section) in map.sections.iter().enumerate() {
        let mut own = Vec::new();
        while let Some(segment) = segments.next_if(|segment| segment.section == index) {
            own.push(segment);
        }
        if !may_leave(map, section) || covered(section) {
            continue;
        }
        let has_assets = map.has_assets(section);
        own.retain(|segment| is_cut(segment, policy, has_assets));
        if own.is_empty() {
            found.push(Candidate {
                range: section.content.clone(),
                what: CandidateKind::Section(index),
            });
        } else {
            cut(section, index, &own, policy.floor, &mut found);
        }
    }
    found.retain(|candidate| candidate.size() >= policy.floor);
    found.sort_by_key(|candidate| candidate.range.start);
    found
}

fn suffixes(map: &SectionMap, floor: u64) -> Vec<Candidate> {
    let binaries = map.binaries.iter().enumerate();
    let mut suffixes: Vec<Candidate> = binaries
        .filter_map(|(index, binary)| {
            let range = binary.suffix.clone()?;
            let what = CandidateKind::Suffix(index);
            Some(Candidate { range, what })
        })
        .filter(|suffix| suffix.size() >= floor)
        .collect();
    suffixes.sort_by_key(|suffix| suffix.range.start);
    suffixes
}

fn may_leave(map: &SectionMap, section: &Section) -> bool {
    match map.binaries[section.binary].kind {
        _ if section.id == id::CUSTOM => !section.stays_in_root,
        BinaryKind::Module => matches!(section.id, id::CODE | id::DATA | id::ELEMENT),
        BinaryKind::Component => false,
    }
}

fn is_cut(segment: &Segment, policy: &SplitPolicy, has_assets: bool) -> bool {
    let size = segment.init.end - segment.init.start;
    if size < policy.floor {
        return false;
    }
    match policy.granularity {
        Granularity::Segment => true,
        Granularity::Section => segment.passive && (has_assets || size > PASSIVE_SEGMENT_BYTES),
        // This happens only in a damaged module, which has no suffix.
        Granularity::Module => false,
    }
}

fn cut(
    section: &Section,
    index: usize,
    segments: &[&Segment],
    floor: u64,
    found: &mut Vec<Candidate>,
) {
    let mut at = section.content.start;
    let gap = |range: Range<u64>, before: usize, found: &mut Vec<Candidate>| {
        if range.end - range.start >= floor {
            let what = CandidateKind::Gap(index, before as u32);
            found.push(Candidate { range, what });
        }
    };
    for (before, segment) in segments.iter().enumerate() {
        gap(at..segment.init.start, before, found);
        found.push(Candidate {
            range: segment.init.clone(),
            what: CandidateKind::Segment(index, segment.index),
        });
        at = segment.init.end;
    }
    gap(at..section.content.end, segments.len(), found);
}
