//! A code section as a sequence of tokens: one for each instruction, and one for the head of each function.

use crate::delta::align::mix;
use crate::delta::instruction::{self, Operand, OperandKind};
use crate::delta::map::{Map, MapKind};
use crate::delta::numbers;

/// The tokens of a code section. A function's head is its size and its local declarations.
pub(super) struct Tokens {
    /// The offset of each token, and the end of the section, in bytes.
    pub(super) offsets: Vec<u32>,
    /// A hash of the fixed bytes of each token. The lowest bit says whether it is a head.
    pub(super) shapes: Vec<u32>,
    /// The hashes of the operands of each token: of those with a map in the upper half, of the others in the lower half.
    pub(super) values: Vec<u32>,
    /// The number of functions.
    pub(super) functions: u32,
}

/// A section that this method cannot write.
#[derive(Debug)]
pub(in super::super) struct Unfit;

impl Tokens {
    /// Reads the tokens of a whole code section, whose bodies have at most `max_body` bytes.
    pub(super) fn read(section: &[u8], max_body: usize) -> Result<Self, Unfit> {
        if u32::try_from(section.len()).is_err() {
            return Err(Unfit);
        }
        let mut at = 0;
        let functions = minimal(section, &mut at)?;
        let functions = u32::try_from(functions).map_err(|_| Unfit)?;
        let mut tokens = Self {
            offsets: Vec::with_capacity(section.len() * 2 / 5),
            shapes: Vec::with_capacity(section.len() * 2 / 5),
            values: Vec::new(),
            functions,
        };
        let mut operands = Vec::new();
        for _ in 0..functions {
            let start = at;
            let size = minimal(section, &mut at)?;
            let end = at as u64 + size;
            if end > section.len() as u64 || size > max_body as u64 {
                return Err(Unfit);
            }
            let bytes = &section[..end as usize];
            let head = instruction::read_locals(bytes, at, &mut operands).map_err(|_| Unfit)?;
            tokens.push(start, shape(bytes, at..head.end, &operands) | 1);
            at = head.end;
            let mut depth = 1;
            while depth > 0 {
                let next = instruction::read(bytes, at, &mut operands).map_err(|_| Unfit)?;
                tokens.push(at, shape(bytes, at..next.end, &operands) & !1);
                depth += i32::from(next.depth);
                at = next.end;
            }
            if at != end as usize {
                return Err(Unfit);
            }
        }
        if at != section.len() {
            return Err(Unfit);
        }
        tokens.offsets.push(at as u32);
        tokens.offsets.shrink_to_fit();
        tokens.shapes.shrink_to_fit();
        Ok(tokens)
    }

    fn push(&mut self, at: usize, shape: u32) {
        self.offsets.push(at as u32);
        self.shapes.push(shape);
    }

    /// Returns the number of tokens.
    pub(super) fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Returns the size of a token in bytes.
    pub(super) fn size(&self, token: usize) -> u32 {
        self.offsets[token + 1] - self.offsets[token]
    }

    /// Returns whether a token is a function's head.
    pub(super) fn is_head(&self, token: usize) -> bool {
        self.shapes[token] & 1 == 1
    }

    /// Reads the operands of a token. Returns the offset of its first byte after the size of a function.
    pub(super) fn operands(
        &self,
        section: &[u8],
        token: usize,
        operands: &mut Vec<Operand>,
    ) -> usize {
        let mut at = self.offsets[token] as usize;
        let bytes = &section[..self.offsets[token + 1] as usize];
        if self.is_head(token) {
            _ = numbers::read(bytes, &mut at);
            _ = instruction::read_locals(bytes, at, operands);
        } else {
            _ = instruction::read(bytes, at, operands);
        }
        at
    }

    /// Hashes the operands of all tokens, as the map moves them. Without a map, indices and addresses count as equal.
    pub(super) fn hash_values(&mut self, section: &[u8], map: Option<&Map>) {
        let mut operands = Vec::new();
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        for token in 0..self.len() {
            self.operands(section, token, &mut operands);
            let (mut mapped, mut other) = (0u64, 0u64);
            for operand in &operands {
                let kind = MapKind::of(operand.kind, operand.value);
                let value = match (kind, map) {
                    (Some(kind), Some(map)) => map.apply(kind, operand.value),
                    (Some(_), None) => i64::MIN,
                    (None, _) => operand.value,
                };
                match is_mapped(operand.kind) {
                    true => mapped = mix(mapped ^ value as u64),
                    false => other = mix(other ^ value as u64),
                }
            }
            values.push((mapped >> 48 << 16) as u32 | (other >> 48) as u32);
        }
        self.values = values;
    }
}

fn is_mapped(kind: OperandKind) -> bool {
    !matches!(
        kind,
        OperandKind::Local | OperandKind::Label | OperandKind::Other
    )
}

fn minimal(bytes: &[u8], at: &mut usize) -> Result<u64, Unfit> {
    let start = *at;
    let number = numbers::read(bytes, at).ok_or(Unfit)?;
    match numbers::size(number) == *at - start && number <= u64::from(u32::MAX) {
        true => Ok(number),
        false => Err(Unfit),
    }
}

/// Hashes the bytes of a token outside its operands, and the number of operands.
fn shape(bytes: &[u8], token: std::ops::Range<usize>, operands: &[Operand]) -> u32 {
    let mut hash = operands.len() as u64;
    let mut at = token.start;
    for operand in operands {
        for &byte in &bytes[at..operand.start] {
            hash = mix(hash ^ u64::from(byte));
        }
        at = operand.end;
    }
    for &byte in &bytes[at..token.end] {
        hash = mix(hash ^ u64::from(byte));
    }
    (mix(hash) >> 32) as u32
}
