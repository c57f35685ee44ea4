//! Predicts the operands of copied instructions. Writers and readers make the same predictions.

use crate::delta::instruction::OperandKind;
use crate::delta::map::{Map, MapKind};

/// The places of the two tables, as powers of two.
const MODULE_BITS: u32 = 14;
const FUNCTION_BITS: u32 = 12;

/// The number of classes of corrections.
pub(super) const CLASSES: usize = 6;

/// Returns the class of an operand's corrections.
#[inline]
pub(super) fn class(kind: OperandKind) -> usize {
    match kind {
        OperandKind::Function => 0,
        OperandKind::Global | OperandKind::Type => 1,
        OperandKind::Local => 2,
        OperandKind::I32 | OperandKind::I64 | OperandKind::Offset => 3,
        OperandKind::Label => 4,
        OperandKind::Other => 5,
    }
}

/// The last corrections, in two tables.
pub(super) struct Predictor<'a> {
    map: &'a Map,
    /// Indices of functions, types and globals, and addresses.
    module: Vec<Place>,
    /// Locals and constants of the current function.
    function: Vec<Place>,
    /// The number of functions so far. Places of earlier functions are empty.
    functions: u64,
    /// Whether the function's table has a correction.
    is_corrected: bool,
}

#[derive(Clone, Copy, Default)]
struct Place {
    key: u64,
    /// The function of the correction, or 0 if there is none.
    function: u64,
    new: i64,
}

impl<'a> Predictor<'a> {
    pub(super) fn new(map: &'a Map) -> Self {
        Self {
            map,
            module: vec![Place::default(); 1 << MODULE_BITS],
            function: vec![Place::default(); 1 << FUNCTION_BITS],
            functions: 0,
            is_corrected: false,
        }
    }

    /// Empties the function's table.
    pub(super) fn begin_function(&mut self) {
        self.functions += 1;
        self.is_corrected = false;
    }

    /// Predicts the new value of an operand.
    #[inline]
    pub(super) fn predict(&self, kind: OperandKind, old: i64) -> i64 {
        if matches!(kind, OperandKind::Label | OperandKind::Other) {
            return old;
        }
        let is_of_function = is_of_function(kind);
        if !self.is_corrected && kind == OperandKind::Local {
            return old;
        }
        let key = key(kind, old);
        if self.is_corrected && is_of_function {
            let place = &self.function[place(key, FUNCTION_BITS)];
            if place.key == key && place.function == self.functions {
                return place.new;
            }
        }
        let Some(map) = MapKind::of(kind, old) else {
            return old;
        };
        let place = &self.module[place(key, MODULE_BITS)];
        match place.key == key && place.function > 0 {
            true => place.new,
            false => self.map.apply(map, old),
        }
    }

    /// Records that the prediction was wrong.
    pub(super) fn correct(&mut self, kind: OperandKind, old: i64, new: i64) {
        if matches!(kind, OperandKind::Label | OperandKind::Other) {
            return;
        }
        let key = key(kind, old);
        let function = self.functions;
        let correction = Place { key, function, new };
        if is_of_function(kind) {
            self.function[place(key, FUNCTION_BITS)] = correction;
            self.is_corrected = true;
        }
        if MapKind::of(kind, old).is_some() {
            self.module[place(key, MODULE_BITS)] = correction;
        }
    }
}

fn is_of_function(kind: OperandKind) -> bool {
    !matches!(
        kind,
        OperandKind::Function | OperandKind::Type | OperandKind::Global
    )
}

/// Returns the key of an old value. Constants and offsets of 32 bits have one key.
#[inline]
fn key(kind: OperandKind, old: i64) -> u64 {
    let kind = match kind {
        OperandKind::Function => 0,
        OperandKind::Type => 1,
        OperandKind::Global => 2,
        OperandKind::Local => 3,
        OperandKind::I32 | OperandKind::Offset => 4,
        OperandKind::I64 | OperandKind::Label | OperandKind::Other => 5,
    };
    (old as u64).wrapping_mul(8).wrapping_add(kind)
}

/// Returns the place of a key in a table.
#[inline]
fn place(key: u64, bits: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize
}
