//! The instructions of a function body, split into operands and fixed bytes.
//!
//! ```text
//! i32.load offset=1024  ->  28 | 02      | 80 08
//!                        fixed | operand | operand (Offset)
//! ```
//!
//! A byte belongs to one operand, or it is fixed: opcodes, flags, counts, value types, lanes, orderings and the bytes of
//! floats and vectors. One instruction can become another by new operands if their fixed bytes and the kinds of their
//! operands are equal. The tables have the instructions of every proposal that wasmparser reads.
//!
//! This module reads the binary format only. It must not validate: an index may be out of bounds.

mod immediate;
mod number;
mod table;

use self::immediate::Reader;
pub(crate) use self::number::Encoding;

/// The kind of an operand. It decides how the operand is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum OperandKind {
    /// The index of a function.
    Function,
    /// The index of a type.
    Type,
    /// The index of a global.
    Global,
    /// The index of a local.
    Local,
    /// The value of an `i32.const`.
    I32,
    /// The value of an `i64.const`.
    I64,
    /// The constant offset of a memory access.
    Offset,
    /// The number of blocks between a branch and its target.
    Label,
    /// Any other number.
    Other,
}

/// A LEB128 number of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) kind: OperandKind,
    pub(super) encoding: Encoding,
    /// The offset of its first byte.
    pub(super) start: usize,
    /// The offset after its last byte.
    pub(super) end: usize,
    /// The value. An unsigned number of 64 bits has the same bits here.
    pub(super) value: i64,
}

/// The reason why bytes are no instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The instruction has more bytes than there are.
    End,
    /// The opcode is unknown, a number or type is malformed, or a list has more than [`MAX_LIST_ITEMS`] items.
    Unknown,
}

/// An instruction without its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instruction {
    /// The offset after its last byte.
    pub(super) end: usize,
    /// The change of the block depth: 1, 0 or -1.
    pub(super) depth: i8,
}

/// The most items of a list, such as the labels of a `br_table`. It bounds the memory for operands. Engines for the web
/// have a limit of 65,520 labels.
pub(super) const MAX_LIST_ITEMS: u32 = 65_536;

/// Reads the instruction at `at`. Replaces `operands` with its operands, in order. After an error they mean nothing.
pub(super) fn read(
    bytes: &[u8],
    at: usize,
    operands: &mut Vec<Operand>,
) -> Result<Instruction, Unreadable> {
    operands.clear();
    let mut reader = Reader {
        bytes,
        at,
        operands,
    };
    let opcode = usize::from(reader.read_byte()?);
    let immediates = match table::ONE_BYTE[opcode] {
        Some(immediates) => immediates,
        None => {
            let instructions = table::prefixed(opcode).ok_or(Unreadable::Unknown)?;
            let number = reader.read_fixed_number()? as usize;
            instructions
                .get(number)
                .copied()
                .flatten()
                .ok_or(Unreadable::Unknown)?
        }
    };
    for immediate in immediates {
        reader.read_immediate(*immediate)?;
    }
    Ok(Instruction {
        end: reader.at,
        depth: table::DEPTH[opcode],
    })
}

/// Reads the local declarations at the start of a function body, as if they were one instruction.
pub(super) fn read_locals(
    bytes: &[u8],
    at: usize,
    operands: &mut Vec<Operand>,
) -> Result<Instruction, Unreadable> {
    operands.clear();
    let mut reader = Reader {
        bytes,
        at,
        operands,
    };
    reader.read_locals()?;
    Ok(Instruction {
        end: reader.at,
        depth: 0,
    })
}

/// Appends `value` in the encoding of `old`. The number has the shortest form if `old` has it; otherwise it is exactly
/// as wide as `old`. Returns false and appends nothing if the encoding or the width does not hold the value.
pub(super) fn write(old: &Operand, value: i64, output: &mut Vec<u8>) -> bool {
    if !old.encoding.holds(value) {
        return false;
    }
    let old_width = old.end - old.start;
    let shortest = old.encoding.width(value);
    let is_shortest = old_width == 1 || old_width == old.encoding.width(old.value);
    let width = if is_shortest { shortest } else { old_width };
    if width < shortest {
        return false;
    }
    old.encoding.write(value, width, output);
    true
}

#[cfg(test)]
mod tests;
