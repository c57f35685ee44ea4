//! Numbers alone: how they are read and written.

use wasmparser::BinaryReader;

use super::{Encoding, Operand, OperandKind, Unreadable, pick, write};

const ENCODINGS: [Encoding; 5] = [
    Encoding::U32,
    Encoding::U64,
    Encoding::S32,
    Encoding::S33,
    Encoding::S64,
];

/// Returns the number that wasmparser reads, and its width.
fn read_reference(encoding: Encoding, bytes: &[u8]) -> Option<(i64, usize)> {
    let mut reader = BinaryReader::new(bytes, 0);
    let value = match encoding {
        Encoding::U32 => reader.read_var_u32().map(i64::from),
        Encoding::U64 => reader.read_var_u64().map(|value| value as i64),
        Encoding::S32 => reader.read_var_i32().map(i64::from),
        Encoding::S33 => reader.read_var_s33(),
        Encoding::S64 => reader.read_var_i64(),
    };
    value.ok().map(|value| (value, reader.current_position()))
}

fn operand(encoding: Encoding, value: i64, width: usize) -> Operand {
    Operand {
        kind: OperandKind::Other,
        encoding,
        start: 7,
        end: 7 + width,
        value,
    }
}

/// Returns the numbers that the encoding holds beside each change of the width, and the largest and smallest.
fn boundaries(encoding: Encoding) -> Vec<i64> {
    let powers = (0..64).map(|bit| 1_i64 << bit);
    powers
        .flat_map(|power| [power, power.wrapping_sub(1), power.wrapping_neg(), !power])
        .filter(|value| encoding.holds(*value))
        .collect()
}

#[test]
fn reads_the_numbers_that_wasmparser_reads() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..40_000 {
        let long = random.usize(..11);
        let mut bytes = pick(&mut random, &[0x80, 0x81, 0xbf, 0xc0, 0xff, 0xff], long);
        bytes.extend(pick(
            &mut random,
            &[
                0x00, 0x01, 0x07, 0x08, 0x0f, 0x10, 0x3f, 0x40, 0x70, 0x77, 0x78, 0x7f,
            ],
            1,
        ));
        for encoding in ENCODINGS {
            let read = encoding.read(&bytes, 0);
            assert_eq!(
                read.ok(),
                read_reference(encoding, &bytes),
                "{encoding:?} in {bytes:02x?}"
            );
            let truncated = encoding.read(&bytes[..long], 0);
            assert_eq!(
                truncated.err(),
                read.map_or(truncated.err(), |_| Some(Unreadable::End))
            );
        }
    }
}

#[test]
fn writes_the_shortest_form_if_the_old_number_has_it() {
    for encoding in ENCODINGS {
        for value in boundaries(encoding) {
            let mut bytes = Vec::new();
            assert!(write(&operand(encoding, 0, 1), value, &mut bytes));
            assert_eq!(
                encoding.read(&bytes, 0),
                Ok((value, bytes.len())),
                "{encoding:?}"
            );
            let shorter = bytes.len() - 1;
            let mut cut = Vec::new();
            encoding.write(value, shorter, &mut cut);
            assert_ne!(
                encoding.read(&cut, 0),
                Ok((value, shorter)),
                "{value} is shorter as {encoding:?}"
            );
        }
    }
}

#[test]
fn keeps_the_width_of_a_padded_number() {
    for encoding in ENCODINGS {
        for value in boundaries(encoding) {
            for width in 2..=5 {
                let mut bytes = vec![0xaa];
                let is_written = write(&operand(encoding, 1, width), value, &mut bytes);
                assert_eq!(is_written, encoding.width(value) <= width);
                if is_written {
                    assert_eq!(
                        encoding.read(&bytes, 1),
                        Ok((value, 1 + width)),
                        "{encoding:?}"
                    );
                } else {
                    assert_eq!(bytes, [0xaa]);
                }
            }
        }
    }
}

#[test]
fn refuses_values_that_the_encoding_does_not_hold() {
    let (u32_max, s32_max) = (i64::from(u32::MAX), i64::from(i32::MAX));
    let cases = [
        (
            Encoding::U32,
            vec![0, u32_max],
            vec![-1, u32_max + 1, i64::MIN, i64::MAX],
        ),
        (
            Encoding::S33,
            vec![0, u32_max],
            vec![-1, u32_max + 1, i64::MIN, i64::MAX],
        ),
        (
            Encoding::S32,
            vec![-s32_max - 1, s32_max],
            vec![-s32_max - 2, s32_max + 1, i64::MIN, i64::MAX],
        ),
        (Encoding::U64, vec![i64::MIN, -1, i64::MAX], vec![]),
        (Encoding::S64, vec![i64::MIN, -1, i64::MAX], vec![]),
    ];
    for (encoding, held, refused) in cases {
        let mut bytes = Vec::new();
        for value in held {
            assert!(
                write(&operand(encoding, 0, 1), value, &mut bytes),
                "{value} as {encoding:?}"
            );
        }
        bytes.clear();
        for value in refused {
            assert!(
                !write(&operand(encoding, 0, 1), value, &mut bytes),
                "{value} as {encoding:?}"
            );
        }
        assert!(bytes.is_empty());
    }
}
