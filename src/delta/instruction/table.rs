//! The immediates of each instruction. A row has the first and the last opcode of a range.

use super::immediate::Immediate::{self, *};
use super::{Encoding, OperandKind};

/// The immediates of an instruction, in order. `None` is an unknown opcode, or a prefix.
type Immediates = Option<&'static [Immediate]>;

const FUNCTION: Immediate = Number(OperandKind::Function, Encoding::U32);
const TYPE: Immediate = Number(OperandKind::Type, Encoding::U32);
const GLOBAL: Immediate = Number(OperandKind::Global, Encoding::U32);
const LOCAL: Immediate = Number(OperandKind::Local, Encoding::U32);
const LABEL: Immediate = Number(OperandKind::Label, Encoding::U32);
const OTHER: Immediate = Number(OperandKind::Other, Encoding::U32);
const ACCESS: Immediate = MemoryAccess(0);
const LANE: Immediate = Bytes(1);
const ORDERING: Immediate = ByteAtMost(1);
const CAST: &[Immediate] = &[ByteAtMost(3), LABEL, HeapType, HeapType];

pub(super) static ONE_BYTE: [Immediates; 0x100] = table(&[
    (0x00, 0x01, &[]),                   // unreachable, nop
    (0x02, 0x04, &[BlockType]),          // block, loop, if
    (0x05, 0x05, &[]),                   // else
    (0x06, 0x06, &[BlockType]),          // try
    (0x07, 0x08, &[OTHER]),              // catch, throw
    (0x09, 0x09, &[LABEL]),              // rethrow
    (0x0a, 0x0b, &[]),                   // throw_ref, end
    (0x0c, 0x0d, &[LABEL]),              // br, br_if
    (0x0e, 0x0e, &[Labels, LABEL]),      // br_table
    (0x0f, 0x0f, &[]),                   // return
    (0x10, 0x10, &[FUNCTION]),           // call
    (0x11, 0x11, &[TYPE, OTHER]),        // call_indirect
    (0x12, 0x12, &[FUNCTION]),           // return_call
    (0x13, 0x13, &[TYPE, OTHER]),        // return_call_indirect
    (0x14, 0x15, &[TYPE]),               // call_ref, return_call_ref
    (0x18, 0x18, &[LABEL]),              // delegate
    (0x19, 0x1b, &[]),                   // catch_all, drop, select
    (0x1c, 0x1c, &[ValueTypes]),         // select with types
    (0x1f, 0x1f, &[BlockType, Catches]), // try_table
    (0x20, 0x22, &[LOCAL]),              // local.get, local.set, local.tee
    (0x23, 0x24, &[GLOBAL]),             // global.get, global.set
    (0x25, 0x26, &[OTHER]),              // table.get, table.set
    (0x28, 0x3e, &[ACCESS]),             // loads and stores
    (0x3f, 0x40, &[OTHER]),              // memory.size, memory.grow
    (0x41, 0x41, &[Number(OperandKind::I32, Encoding::S32)]),
    (0x42, 0x42, &[Number(OperandKind::I64, Encoding::S64)]),
    (0x43, 0x43, &[Bytes(4)]),              // f32.const
    (0x44, 0x44, &[Bytes(8)]),              // f64.const
    (0x45, 0xc4, &[]),                      // comparisons, arithmetic, conversions, sign extension
    (0xd0, 0xd0, &[HeapType]),              // ref.null
    (0xd1, 0xd1, &[]),                      // ref.is_null
    (0xd2, 0xd2, &[FUNCTION]),              // ref.func
    (0xd3, 0xd4, &[]),                      // ref.eq, ref.as_non_null
    (0xd5, 0xd6, &[LABEL]),                 // br_on_null, br_on_non_null
    (0xe0, 0xe0, &[TYPE]),                  // cont.new
    (0xe1, 0xe1, &[TYPE, TYPE]),            // cont.bind
    (0xe2, 0xe2, &[OTHER]),                 // suspend
    (0xe3, 0xe3, &[TYPE, Handlers]),        // resume
    (0xe4, 0xe4, &[TYPE, OTHER, Handlers]), // resume_throw
    (0xe5, 0xe5, &[TYPE, Handlers]),        // resume_throw_ref
    (0xe6, 0xe6, &[TYPE, OTHER]),           // switch
]);

/// Garbage collection and custom descriptors.
static PREFIX_FB: [Immediates; 0x27] = table(&[
    (0x00, 0x01, &[TYPE]),        // struct.new, struct.new_default
    (0x02, 0x05, &[TYPE, OTHER]), // struct.get, struct.set
    (0x06, 0x07, &[TYPE]),        // array.new, array.new_default
    (0x08, 0x0a, &[TYPE, OTHER]), // array.new_fixed, array.new_data, array.new_elem
    (0x0b, 0x0e, &[TYPE]),        // array.get, array.set
    (0x0f, 0x0f, &[]),            // array.len
    (0x10, 0x10, &[TYPE]),        // array.fill
    (0x11, 0x11, &[TYPE, TYPE]),  // array.copy
    (0x12, 0x13, &[TYPE, OTHER]), // array.init_data, array.init_elem
    (0x14, 0x17, &[HeapType]),    // ref.test, ref.cast
    (0x18, 0x19, CAST),           // br_on_cast, br_on_cast_fail
    (0x1a, 0x1e, &[]),            // conversions, ref.i31, i31.get
    (0x20, 0x22, &[TYPE]),        // struct.new_desc, struct.new_default_desc, ref.get_desc
    (0x23, 0x24, &[HeapType]),    // ref.cast_desc_eq
    (0x25, 0x26, CAST),           // br_on_cast_desc_eq, br_on_cast_desc_eq_fail
]);

/// Saturating conversions, bulk memory, tables, memory control and wide arithmetic.
static PREFIX_FC: [Immediates; 0x17] = table(&[
    (0x00, 0x07, &[]),             // saturating conversions
    (0x08, 0x08, &[OTHER, OTHER]), // memory.init
    (0x09, 0x09, &[OTHER]),        // data.drop
    (0x0a, 0x0a, &[OTHER, OTHER]), // memory.copy
    (0x0b, 0x0b, &[OTHER]),        // memory.fill
    (0x0c, 0x0c, &[OTHER, OTHER]), // table.init
    (0x0d, 0x0d, &[OTHER]),        // elem.drop
    (0x0e, 0x0e, &[OTHER, OTHER]), // table.copy
    (0x0f, 0x12, &[OTHER]),        // table.grow, table.size, table.fill, memory.discard
    (0x13, 0x16, &[]),             // wide arithmetic
]);

/// SIMD and relaxed SIMD.
static PREFIX_FD: [Immediates; 0x114] = table(&[
    (0x00, 0x0b, &[ACCESS]),       // loads, v128.store
    (0x0c, 0x0d, &[Bytes(16)]),    // v128.const, i8x16.shuffle
    (0x0e, 0x14, &[]),             // i8x16.swizzle, splats
    (0x15, 0x22, &[LANE]),         // extract_lane, replace_lane
    (0x23, 0x53, &[]),             // comparisons, bitwise operations
    (0x54, 0x5b, &[ACCESS, LANE]), // load_lane, store_lane
    (0x5c, 0x5d, &[ACCESS]),       // load_zero
    (0x5e, 0x99, &[]),
    (0x9b, 0xa1, &[]),
    (0xa3, 0xa4, &[]),
    (0xa7, 0xae, &[]),
    (0xb1, 0xb1, &[]),
    (0xb5, 0xba, &[]),
    (0xbc, 0xc1, &[]),
    (0xc3, 0xc4, &[]),
    (0xc7, 0xce, &[]),
    (0xd1, 0xd1, &[]),
    (0xd5, 0xe1, &[]),
    (0xe3, 0xed, &[]),
    (0xef, 0xff, &[]),
    (0x100, 0x113, &[]), // relaxed SIMD
]);

/// Threads, and shared-everything threads.
static PREFIX_FE: [Immediates; 0x73] = table(&[
    (0x00, 0x02, &[ACCESS]),   // memory.atomic.notify, memory.atomic.wait
    (0x03, 0x03, &[ORDERING]), // atomic.fence
    (0x04, 0x04, &[]),         // pause
    (0x10, 0x1d, &[MemoryAccess(0x01)]), // atomic loads and stores
    (0x1e, 0x4e, &[MemoryAccess(0x11)]), // atomic read-modify-write
    (0x4f, 0x57, &[ORDERING, GLOBAL]), // global.atomic
    (0x58, 0x5b, &[ORDERING, OTHER]), // table.atomic
    (0x5c, 0x66, &[ORDERING, TYPE, OTHER]), // struct.atomic
    (0x67, 0x71, &[ORDERING, TYPE]), // array.atomic
    (0x72, 0x72, &[]),         // ref.i31_shared
]);

/// Returns the instructions behind a prefix.
pub(super) fn prefixed(prefix: usize) -> Option<&'static [Immediates]> {
    match prefix {
        0xfb => Some(&PREFIX_FB),
        0xfc => Some(&PREFIX_FC),
        0xfd => Some(&PREFIX_FD),
        0xfe => Some(&PREFIX_FE),
        _ => None,
    }
}

/// The change of the block depth by an instruction with this first byte.
pub(super) static DEPTH: [i8; 0x100] = {
    let mut depth = [0; 0x100];
    depth[0x02] = 1; // block
    depth[0x03] = 1; // loop
    depth[0x04] = 1; // if
    depth[0x06] = 1; // try
    depth[0x0b] = -1; // end
    depth[0x18] = -1; // delegate
    depth[0x1f] = 1; // try_table
    depth
};

const fn table<const SIZE: usize>(
    rows: &[(usize, usize, &'static [Immediate])],
) -> [Immediates; SIZE] {
    let mut table: [Immediates; SIZE] = [None; SIZE];
    let mut row = 0;
    while row < rows.len() {
        let (first, last, immediates) = rows[row];
        let mut opcode = first;
        while opcode <= last {
            assert!(table[opcode].is_none(), "two rows have the same opcode");
            table[opcode] = Some(immediates);
            opcode += 1;
        }
        row += 1;
    }
    table
}
