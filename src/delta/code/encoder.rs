//! Makes parts of code sections.

use std::io;

use super::prediction::{CLASSES, Predictor, class};
use super::tokens::{Tokens, Unfit};
use super::{MAX_BODY_BYTES, STREAMS};
use crate::delta::align::{CopyCost, Costs, Pair, Run, align, mix};
use crate::delta::instruction::{self, Operand};
use crate::delta::literal_prefix;
use crate::delta::map::{Map, Votes};
use crate::delta::numbers::{push, zigzag};
use crate::delta::options::Classes;
use crate::delta::prefix;
use crate::delta::streams::pack;

/// Costs in eighths of a bit, which were measured on builds of real programs.
const COSTS: Costs = Costs {
    run: 110,
    seek: [12, 52, 96, 160],
    repeated: 10,
    ways: [16, 4],
    bound: 2400,
    short: 6,
    long: 20,
    attention: 12,
};
const LITERAL_BYTE: u32 = 20;
const MOVED_OPERAND: u32 = 96;
const OTHER_OPERAND: u32 = 40;

/// Two code sections, instruction by instruction.
pub(in super::super) struct CodePair<'a> {
    old: &'a [u8],
    new: &'a [u8],
    old_tokens: Tokens,
    new_tokens: Tokens,
}

impl<'a> CodePair<'a> {
    /// Reads two code sections.
    pub(in super::super) fn read(old: &'a [u8], new: &'a [u8]) -> Result<Self, Unfit> {
        Ok(Self {
            old_tokens: Tokens::read(old, MAX_BODY_BYTES)?,
            new_tokens: Tokens::read(new, MAX_BODY_BYTES)?,
            old,
            new,
        })
    }

    /// Counts how the operands of copied instructions change.
    pub(in super::super) fn vote(&mut self, votes: &mut Votes) {
        /// Shorter runs are often wrong.
        const MIN_TOKENS: u32 = 4;
        self.old_tokens.hash_values(self.old, None);
        self.new_tokens.hash_values(self.new, None);
        let runs = align(&*self, &COSTS);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for run in runs.iter().filter(|run| run.count >= MIN_TOKENS) {
            for at in 0..run.count {
                self.old_tokens
                    .operands(self.old, (run.old + at) as usize, &mut old);
                self.new_tokens
                    .operands(self.new, (run.new + at) as usize, &mut new);
                for (old, new) in old.iter().zip(&new) {
                    votes.add(old.kind, old.value, new.value);
                }
            }
        }
    }

    /// Encodes the new section. Returns the part with the classes of its bytes, or nothing if this method cannot.
    pub(in super::super) fn encode(
        mut self,
        map: &Map,
        level: u8,
    ) -> io::Result<Option<(Vec<u8>, Classes)>> {
        self.old_tokens.hash_values(self.old, Some(map));
        self.new_tokens.hash_values(self.new, Some(&Map::default()));
        let runs = align(&self, &COSTS);
        let Self {
            old,
            new,
            old_tokens,
            new_tokens,
        } = self;
        let streams = {
            let mut writer = StreamWriter::new(map);
            writer.write((old, &old_tokens), (new, &new_tokens), &runs);
            writer.streams
        };
        let mut part = Vec::new();
        push(&mut part, u64::from(new_tokens.functions));
        drop((old_tokens, new_tokens));
        let lists: [&[u8]; STREAMS] = std::array::from_fn(|index| match index {
            0..3 => &streams.control[index][..],
            index if index < 3 + CLASSES => &streams.gaps[index - 3],
            _ => &streams.differences[index - 3 - CLASSES],
        });
        let Some((packed, sizes)) = pack(&lists) else {
            return Ok(None);
        };
        part.extend_from_slice(&packed);
        push(&mut part, streams.literals.len() as u64);
        let base = literal_prefix(old);
        let size = streams.literals.len() as u64;
        let before = part.len();
        prefix::encode(
            base,
            &mut streams.literals.as_slice(),
            size,
            level,
            &mut part,
        )?;
        let classes = classes(&sizes, (part.len() - before) as u64);
        Ok(Some((part, classes)))
    }
}

/// Returns the stored sizes by class, from those of the streams.
fn classes(sizes: &[u64], literals: u64) -> Classes {
    const NAMES: [&str; CLASSES] = [
        "functions",
        "globals and types",
        "locals",
        "constants and offsets",
        "labels",
        "others",
    ];
    let mut classes = vec![("literals", literals), ("control", sizes[..3].iter().sum())];
    for (class, name) in NAMES.into_iter().enumerate() {
        classes.push((name, sizes[3 + class] + sizes[3 + CLASSES + class]));
    }
    classes
}

impl Pair for CodePair<'_> {
    type Item = u32;

    fn old_items(&self) -> &[u32] {
        &self.old_tokens.shapes
    }

    fn new_items(&self) -> &[u32] {
        &self.new_tokens.shapes
    }

    #[inline]
    fn copy_cost(&self, old: usize, new: usize) -> Option<CopyCost> {
        if self.old_tokens.shapes[old] != self.new_tokens.shapes[new] {
            return None;
        }
        let (old, new) = (self.old_tokens.values[old], self.new_tokens.values[new]);
        let difference = old ^ new;
        if difference == 0 {
            return Some(CopyCost::NONE);
        }
        let moved = MOVED_OPERAND * u32::from(difference >> 16 != 0);
        let other = OTHER_OPERAND * u32::from(difference & 0xffff != 0);
        Some(CopyCost {
            cost: moved + other,
            change: mix(u64::from(old) << 32 | u64::from(new)) as u32 | 1,
        })
    }

    fn literal_cost(&self, new: usize) -> u32 {
        LITERAL_BYTE.saturating_mul(self.new_tokens.size(new))
    }

    fn distance(&self, from: usize, to: usize) -> u32 {
        let offsets = &self.old_tokens.offsets;
        offsets[from.min(self.old_tokens.len())].abs_diff(offsets[to])
    }
}

/// The streams of a part.
#[derive(Default)]
struct CodeStreams {
    control: [Vec<u8>; 3],
    gaps: [Vec<u8>; CLASSES],
    differences: [Vec<u8>; CLASSES],
    literals: Vec<u8>,
}

struct StreamWriter<'a> {
    streams: CodeStreams,
    predictor: Predictor<'a>,
    /// The number of right predictions since the last correction of each class.
    right: [u64; CLASSES],
    old: Vec<Operand>,
    new: Vec<Operand>,
    scratch: Vec<u8>,
}

impl<'a> StreamWriter<'a> {
    fn new(map: &'a Map) -> Self {
        Self {
            streams: CodeStreams::default(),
            predictor: Predictor::new(map),
            right: [0; CLASSES],
            old: Vec::new(),
            new: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Writes all runs and the literals between them.
    fn write(&mut self, old: (&[u8], &Tokens), new: (&[u8], &Tokens), runs: &[Run]) {
        let mut token = 0;
        let mut literal = 0;
        let mut position = 0;
        for run in runs {
            while token < run.new as usize {
                self.literal(new, token);
                token += 1;
                literal += 1;
            }
            let end = run.new as usize + run.count as usize;
            let mut from = run.old as usize;
            while token < end {
                // The tokens of a run from here on that can be copied.
                let start = (token, from);
                while token < end && self.copy(old, new, from, token) {
                    token += 1;
                    from += 1;
                }
                if token > start.0 {
                    let at = i64::from(old.1.offsets[start.1]);
                    push(&mut self.streams.control[0], literal);
                    push(&mut self.streams.control[1], (token - start.0) as u64);
                    push(&mut self.streams.control[2], zigzag(at - position));
                    position = i64::from(old.1.offsets[from]);
                    literal = 0;
                }
                if token < end {
                    self.literal(new, token);
                    token += 1;
                    from += 1;
                    literal += 1;
                }
            }
        }
        let rest = new.1.len() - token;
        (token..new.1.len()).for_each(|token| self.literal(new, token));
        literal += rest as u64;
        if literal > 0 {
            push(&mut self.streams.control[0], literal);
        }
    }

    fn literal(&mut self, (section, tokens): (&[u8], &Tokens), token: usize) {
        if tokens.is_head(token) {
            self.predictor.begin_function();
        }
        let start = tokens.operands(section, token, &mut self.new);
        let end = tokens.offsets[token + 1] as usize;
        self.streams
            .literals
            .extend_from_slice(&section[start..end]);
    }

    /// Writes a copied token. Writes nothing and returns false if the old encodings do not hold the new operands.
    fn copy(
        &mut self,
        old: (&[u8], &Tokens),
        new: (&[u8], &Tokens),
        from: usize,
        token: usize,
    ) -> bool {
        // After the end of the old function there is a head, and only a head can be copied there.
        if old.1.is_head(from) != new.1.is_head(token) {
            return false;
        }
        let old_start = old.1.operands(old.0, from, &mut self.old);
        let new_start = new.1.operands(new.0, token, &mut self.new);
        if !self.rebuilds(
            &old.0[old_start..old.1.offsets[from + 1] as usize],
            old_start,
            new_start,
            &new.0[..new.1.offsets[token + 1] as usize],
        ) {
            return false;
        }
        if new.1.is_head(token) {
            self.predictor.begin_function();
        }
        for (old, new) in self.old.iter().zip(&self.new) {
            let class = class(old.kind);
            let predicted = self.predictor.predict(old.kind, old.value);
            if predicted == new.value {
                self.right[class] += 1;
                continue;
            }
            push(&mut self.streams.gaps[class], self.right[class]);
            push(
                &mut self.streams.differences[class],
                zigzag(new.value.wrapping_sub(predicted)),
            );
            self.right[class] = 0;
            self.predictor.correct(old.kind, old.value, new.value);
        }
        true
    }

    /// Returns whether the fixed bytes of the old token and the new operands give the new token.
    fn rebuilds(&mut self, old: &[u8], old_start: usize, new_start: usize, new: &[u8]) -> bool {
        if self.old.len() != self.new.len() {
            return false;
        }
        self.scratch.clear();
        let mut at = 0;
        for (operand, value) in self.old.iter().zip(&self.new) {
            self.scratch
                .extend_from_slice(&old[at..operand.start - old_start]);
            at = operand.end - old_start;
            if operand.kind != value.kind
                || !instruction::write(operand, value.value, &mut self.scratch)
            {
                return false;
            }
        }
        self.scratch.extend_from_slice(&old[at..]);
        self.scratch == new[new_start..]
    }
}
