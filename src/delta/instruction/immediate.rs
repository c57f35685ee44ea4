//! The immediates of instructions: <https://webassembly.github.io/spec/core/binary/instructions.html>.

use super::{Encoding, MAX_LIST_ITEMS, Operand, OperandKind, Unreadable};

/// A part of an instruction after its opcode.
#[derive(Debug, Clone, Copy)]
pub(super) enum Immediate {
    /// One operand.
    Number(OperandKind, Encoding),
    /// A block type: none, a value type, or the index of a type.
    BlockType,
    /// A heap type: abstract, or the index of a type.
    HeapType,
    /// A list of value types.
    ValueTypes,
    /// The alignment and offset of a memory access. The alignment has flags for an ordering, and for the index of a
    /// memory or of an array's type. The byte is that of the acquire-release ordering, or 0 if no ordering is allowed.
    MemoryAccess(u8),
    /// This number of bytes.
    Bytes(u8),
    /// One byte that is not greater than this one.
    ByteAtMost(u8),
    /// The labels of `br_table`, without the default.
    Labels,
    /// The clauses of `try_table`.
    Catches,
    /// The clauses of `resume`.
    Handlers,
}

/// The bits of an alignment that is a power of two. The others are flags.
const ALIGNMENT_MASK: i64 = 0xf;
const HAS_ORDERING: i64 = 1 << 4;
const HAS_ARRAY_TYPE: i64 = 1 << 5;
const HAS_MEMORY: i64 = 1 << 6;

/// A position in the bytes, and the operands before it.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) operands: &'a mut Vec<Operand>,
}

impl Reader<'_> {
    #[inline]
    pub(super) fn read_immediate(&mut self, immediate: Immediate) -> Result<(), Unreadable> {
        // Most immediates are numbers, and one branch is faster than the jump table of a match.
        if let Immediate::Number(kind, encoding) = immediate {
            self.read_operand(kind, encoding).map(drop)
        } else {
            self.read_other(immediate)
        }
    }

    #[inline(never)]
    fn read_other(&mut self, immediate: Immediate) -> Result<(), Unreadable> {
        match immediate {
            Immediate::Number(kind, encoding) => self.read_operand(kind, encoding).map(drop),
            Immediate::BlockType => self.read_block_type(),
            Immediate::HeapType => self.read_heap_type(),
            Immediate::ValueTypes => self.read_list(Self::read_value_type),
            Immediate::MemoryAccess(acquire_release) => self.read_memory_access(acquire_release),
            Immediate::Bytes(count) => self.skip(usize::from(count)),
            Immediate::ByteAtMost(most) => self.read_byte_that(|byte| byte <= most).map(drop),
            Immediate::Labels => {
                self.read_list(|reader| reader.read_index(OperandKind::Label).map(drop))
            }
            Immediate::Catches => self.read_list(Self::read_catch),
            Immediate::Handlers => self.read_list(Self::read_handler),
        }
    }

    pub(super) fn read_locals(&mut self) -> Result<(), Unreadable> {
        self.read_list(|reader| {
            reader.read_index(OperandKind::Other)?;
            reader.read_value_type()
        })
    }

    #[inline]
    pub(super) fn read_byte(&mut self) -> Result<u8, Unreadable> {
        let byte = *self.bytes.get(self.at).ok_or(Unreadable::End)?;
        self.at += 1;
        Ok(byte)
    }

    /// Reads an unsigned number of 32 bits that is no operand.
    pub(super) fn read_fixed_number(&mut self) -> Result<u32, Unreadable> {
        let (value, end) = Encoding::U32.read(self.bytes, self.at)?;
        self.at = end;
        Ok(value as u32)
    }

    /// Reads an operand that is an unsigned number of 32 bits.
    fn read_index(&mut self, kind: OperandKind) -> Result<i64, Unreadable> {
        self.read_operand(kind, Encoding::U32)
    }

    #[inline]
    fn read_operand(&mut self, kind: OperandKind, encoding: Encoding) -> Result<i64, Unreadable> {
        let start = self.at;
        let (value, end) = encoding.read(self.bytes, start)?;
        self.operands.push(Operand {
            kind,
            encoding,
            start,
            end,
            value,
        });
        self.at = end;
        Ok(value)
    }

    fn read_memory_access(&mut self, acquire_release: u8) -> Result<(), Unreadable> {
        let mut flags = self.read_index(OperandKind::Other)? & !ALIGNMENT_MASK;
        if flags & HAS_MEMORY != 0 {
            flags ^= HAS_MEMORY;
            self.read_index(OperandKind::Other)?;
        } else if flags & HAS_ARRAY_TYPE != 0 {
            flags ^= HAS_ARRAY_TYPE;
            self.read_index(OperandKind::Type)?;
        }
        if flags & HAS_ORDERING != 0 && acquire_release != 0 {
            flags ^= HAS_ORDERING;
            self.read_byte_that(|byte| byte == 0 || byte == acquire_release)?;
        }
        if flags != 0 {
            return Err(Unreadable::Unknown);
        }
        self.read_operand(OperandKind::Offset, Encoding::U64)
            .map(drop)
    }

    fn read_block_type(&mut self) -> Result<(), Unreadable> {
        match *self.bytes.get(self.at).ok_or(Unreadable::End)? {
            0x40 => self.skip(1),
            0x41..=0x7f => self.read_value_type(),
            _ => self.read_signed_type_index(),
        }
    }

    fn read_value_type(&mut self) -> Result<(), Unreadable> {
        match self.read_byte()? {
            0x63 | 0x64 => self.read_heap_type(),
            0x65 => self.read_byte_that(is_abstract_heap_type).map(drop),
            0x7b..=0x7f => Ok(()),
            byte if is_abstract_heap_type(byte) => Ok(()),
            _ => Err(Unreadable::Unknown),
        }
    }

    fn read_heap_type(&mut self) -> Result<(), Unreadable> {
        match *self.bytes.get(self.at).ok_or(Unreadable::End)? {
            // An exact type.
            0x62 => {
                self.skip(1)?;
                self.read_index(OperandKind::Type).map(drop)
            }
            // A shared type.
            0x65 => {
                self.skip(1)?;
                self.read_byte_that(is_abstract_heap_type).map(drop)
            }
            0x40..=0x7f => self.read_byte_that(is_abstract_heap_type).map(drop),
            _ => self.read_signed_type_index(),
        }
    }

    fn read_signed_type_index(&mut self) -> Result<(), Unreadable> {
        let index = self.read_operand(OperandKind::Type, Encoding::S33)?;
        if index >= 0 {
            Ok(())
        } else {
            Err(Unreadable::Unknown)
        }
    }

    fn read_catch(&mut self) -> Result<(), Unreadable> {
        let clause = self.read_byte_that(|byte| byte <= 3)?;
        let has_tag = clause < 2;
        if has_tag {
            self.read_index(OperandKind::Other)?;
        }
        self.read_index(OperandKind::Label).map(drop)
    }

    fn read_handler(&mut self) -> Result<(), Unreadable> {
        let clause = self.read_byte_that(|byte| byte <= 1)?;
        self.read_index(OperandKind::Other)?;
        let has_label = clause == 0;
        if has_label {
            self.read_index(OperandKind::Label)?;
        }
        Ok(())
    }

    fn read_list(
        &mut self,
        read_item: impl Fn(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let count = self.read_fixed_number()?;
        if count > MAX_LIST_ITEMS {
            return Err(Unreadable::Unknown);
        }
        for _ in 0..count {
            read_item(self)?;
        }
        Ok(())
    }

    fn read_byte_that(&mut self, is_allowed: impl Fn(u8) -> bool) -> Result<u8, Unreadable> {
        let byte = self.read_byte()?;
        if is_allowed(byte) {
            Ok(byte)
        } else {
            Err(Unreadable::Unknown)
        }
    }

    fn skip(&mut self, count: usize) -> Result<(), Unreadable> {
        if self.bytes.len() - self.at < count {
            return Err(Unreadable::End);
        }
        self.at += count;
        Ok(())
    }
}

fn is_abstract_heap_type(byte: u8) -> bool {
    (0x68..=0x75).contains(&byte)
}
