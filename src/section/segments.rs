//! The data segments of a data section.
//!
//! Spec: <https://webassembly.github.io/spec/core/binary/modules.html#data-section>.

use std::ops::Range;

use super::Segment;
use super::window::{Halt, Reader};
use crate::source::Source;

/// Reads the segments of a data section's payload. Returns the first `limit` segments of at least `floor` init
/// bytes. The payload must consist of its segments, without trailing bytes.
pub(super) fn segments<S: Source + ?Sized>(
    mut reader: Reader<'_, '_, S>,
    section: usize,
    floor: u64,
    limit: usize,
) -> Result<Vec<Segment>, Halt> {
    let mut found = Vec::new();
    for index in 0..reader.u32()? {
        let (passive, init) = segment(&mut reader)?;
        if init.end - init.start >= floor && found.len() < limit {
            found.push(Segment {
                section,
                index,
                passive,
                init,
            });
        }
    }
    match reader.rest().is_empty() {
        true => Ok(found),
        false => Err(Halt::Unreadable),
    }
}

fn segment<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(bool, Range<u64>), Halt> {
    let flag = reader.u32()?;
    match flag {
        0 => offset_expression(reader)?,
        1 => {}
        2 => {
            let _memory = reader.u32()?;
            offset_expression(reader)?;
        }
        _ => return Err(Halt::Unreadable),
    }
    Ok((flag == 1, reader.vector()?))
}

/// Skips a constant expression for a memory offset. The list of instructions is closed and part of the format: the
/// cuts of a data section must not depend on a reader's version.
fn offset_expression<S: Source + ?Sized>(reader: &mut Reader<'_, '_, S>) -> Result<(), Halt> {
    const END: u8 = 0x0b;
    const GLOBAL_GET: u8 = 0x23;
    const I32_CONST: u8 = 0x41;
    const I64_CONST: u8 = 0x42;
    loop {
        match reader.byte()? {
            END => return Ok(()),
            GLOBAL_GET => reader.skip_unsigned(32)?,
            I32_CONST => drop(reader.skip_signed(32)?),
            I64_CONST => drop(reader.skip_signed(64)?),
            // Addition, subtraction and multiplication of i32 and of i64.
            0x6a..=0x6c | 0x7c..=0x7e => {}
            _ => return Err(Halt::Unreadable),
        }
    }
}
