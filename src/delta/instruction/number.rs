//! LEB128 numbers: <https://webassembly.github.io/spec/core/binary/values.html#integers>.

use super::Unreadable;

/// The encoding of a LEB128 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 32 bits.
    S32,
    /// Signed, 33 bits: the index of a type. Negative numbers in its place are types without an index, so they are no
    /// operands.
    S33,
    /// Signed, 64 bits.
    S64,
}

impl Encoding {
    const fn bits(self) -> u32 {
        match self {
            Self::U32 | Self::S32 => 32,
            Self::S33 => 33,
            Self::U64 | Self::S64 => 64,
        }
    }

    const fn is_signed(self) -> bool {
        matches!(self, Self::S32 | Self::S33 | Self::S64)
    }

    /// Reads the number at `at`. Returns its value and the offset after its last byte. Padding is allowed up to the
    /// width of the largest number.
    #[inline]
    pub(super) fn read(self, bytes: &[u8], at: usize) -> Result<(i64, usize), Unreadable> {
        let first = *bytes.get(at).ok_or(Unreadable::End)?;
        if first < 0x80 {
            let value = if self.is_signed() {
                sign_extend(first)
            } else {
                i64::from(first)
            };
            return Ok((value, at + 1));
        }
        self.read_long(bytes, at)
    }

    fn read_long(self, bytes: &[u8], at: usize) -> Result<(i64, usize), Unreadable> {
        let mut value = 0;
        for (index, shift) in (0..self.bits()).step_by(7).enumerate() {
            let byte = *bytes.get(at + index).ok_or(Unreadable::End)?;
            let is_last = byte < 0x80;
            let group = if is_last && self.is_signed() {
                sign_extend(byte)
            } else {
                i64::from(byte & 0x7f)
            };
            value |= group << shift;
            if is_last {
                let bits_left = self.bits() - shift;
                return if fits(group, bits_left, self.is_signed()) {
                    Ok((value, at + index + 1))
                } else {
                    Err(Unreadable::Unknown)
                };
            }
        }
        Err(Unreadable::Unknown)
    }

    /// Returns the least and the greatest value of an operand.
    const fn limits(self) -> (i64, i64) {
        match self {
            Self::U32 | Self::S33 => (0, u32::MAX as i64),
            Self::S32 => (i32::MIN as i64, i32::MAX as i64),
            Self::U64 | Self::S64 => (i64::MIN, i64::MAX),
        }
    }

    /// Returns whether an operand of this encoding can have this value.
    pub(super) fn holds(self, value: i64) -> bool {
        let (least, greatest) = self.limits();
        least <= value && value <= greatest
    }

    /// Returns the width of the shortest form, in bytes.
    pub(super) fn width(self, value: i64) -> usize {
        let bits = if self.is_signed() {
            let magnitude = value ^ (value >> 63);
            65 - magnitude.leading_zeros()
        } else {
            64 - (value | 1).leading_zeros()
        };
        bits.div_ceil(7) as usize
    }

    /// Appends a number that has exactly `width` bytes.
    pub(super) fn write(self, value: i64, width: usize, output: &mut Vec<u8>) {
        if width == 1 {
            output.push(value as u8 & 0x7f);
            return;
        }
        for index in 0..width {
            let shift = 7 * index;
            let group = if self.is_signed() {
                value >> shift
            } else {
                (value as u64 >> shift) as i64
            };
            let continuation = if index + 1 < width { 0x80 } else { 0 };
            output.push((group as u8 & 0x7f) | continuation);
        }
    }
}

/// Returns the value of the seven bits of a last byte.
fn sign_extend(byte: u8) -> i64 {
    i64::from((byte << 1) as i8 >> 1)
}

/// Returns whether the unused bits of a last group are zero, or all equal to the sign.
fn fits(group: i64, bits: u32, is_signed: bool) -> bool {
    if bits >= 7 {
        true
    } else if is_signed {
        matches!(group >> (bits - 1), 0 | -1)
    } else {
        group >> bits == 0
    }
}
