//! The map: how a build moved the indices and addresses of a module.

use super::instruction::OperandKind;
use super::numbers::{push, read, unzigzag, zigzag};

mod fit;
mod segments;
mod words;

pub(super) use self::fit::Votes;
pub(super) use self::segments::vote as vote_segments;
pub(super) use self::words::{DataCopies, vote as vote_words};

/// The least constant and offset that counts as an address.
pub(super) const FIRST_ADDRESS: i64 = 1024;

/// One more than the largest address.
const ADDRESSES_END: i64 = 1 << 31;

/// The maximum number of changes of shift in all five lists. It bounds the memory of a map.
const MAX_CHANGES: u64 = 1 << 20;

/// The maximum size of a serialised map, in bytes.
pub(super) const MAX_MAP_BYTES: u64 = 8 * 1024 * 1024;

/// The lists of a map, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapKind {
    Function,
    Global,
    Type,
    Address,
    I64,
}

impl MapKind {
    /// Returns whether a word of a data segment may be an address.
    pub(super) fn of_word(value: i64) -> bool {
        (FIRST_ADDRESS..ADDRESSES_END).contains(&value)
    }

    /// Returns the list that moves an operand.
    pub(super) fn of(kind: OperandKind, value: i64) -> Option<Self> {
        match kind {
            OperandKind::Function => Some(Self::Function),
            OperandKind::Global => Some(Self::Global),
            OperandKind::Type if value >= 0 => Some(Self::Type),
            OperandKind::I32 | OperandKind::Offset => (FIRST_ADDRESS..ADDRESSES_END)
                .contains(&value)
                .then_some(Self::Address),
            OperandKind::I64 => (value >= FIRST_ADDRESS).then_some(Self::I64),
            _ => None,
        }
    }
}

/// A map: for each kind the values at which the shift changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) lists: [Vec<Change>; 5],
}

/// From the value `from` on, up to the next change, values move by `shift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: i64,
    pub(super) shift: i64,
}

impl Map {
    pub(super) fn new(lists: [Vec<Change>; 5]) -> Self {
        Self { lists }
    }

    /// Returns the new value of an old one.
    pub(super) fn apply(&self, kind: MapKind, value: i64) -> i64 {
        let list = &self.lists[kind as usize];
        let after = list.partition_point(|change| change.from <= value);
        match after.checked_sub(1) {
            Some(last) => value.wrapping_add(list[last].shift),
            None => value,
        }
    }

    /// Returns whether readers accept the map.
    pub(super) fn is_readable(&self) -> bool {
        let changes: usize = self.lists.iter().map(Vec::len).sum();
        changes as u64 <= MAX_CHANGES && self.to_bytes().len() as u64 <= MAX_MAP_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.iter().all(Vec::is_empty)
    }

    /// Serialises the map.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for list in &self.lists {
            push(&mut bytes, list.len() as u64);
        }
        for list in &self.lists {
            let mut from = 0;
            for change in list {
                push(&mut bytes, (change.from - from) as u64);
                from = change.from;
            }
        }
        for list in &self.lists {
            let mut shift = 0;
            for change in list {
                push(&mut bytes, zigzag(change.shift.wrapping_sub(shift)));
                shift = change.shift;
            }
        }
        bytes
    }

    /// Parses a map. Returns nothing if the bytes break a rule.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut at = 0;
        let mut counts = [0; 5];
        for count in &mut counts {
            *count = read(bytes, &mut at)?;
        }
        if counts
            .iter()
            .try_fold(0u64, |sum, &count| sum.checked_add(count))?
            > MAX_CHANGES
        {
            return None;
        }
        let mut lists: [Vec<Change>; 5] = Default::default();
        for (list, count) in lists.iter_mut().zip(counts) {
            list.reserve_exact(count as usize);
            let mut from = 0i64;
            for _ in 0..count {
                from = from.checked_add_unsigned(read(bytes, &mut at)?)?;
                list.push(Change { from, shift: 0 });
            }
        }
        for list in &mut lists {
            let mut shift = 0i64;
            for change in list {
                shift = shift.wrapping_add(unzigzag(read(bytes, &mut at)?));
                change.shift = shift;
            }
        }
        (at == bytes.len()).then_some(Self { lists })
    }
}
