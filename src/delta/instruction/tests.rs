use std::collections::BTreeSet;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};
use wasmparser::{BinaryReader, FunctionBody, Parser, Payload, WasmFeatures};

use self::reference::ReferenceInstruction;
use super::*;

mod numbers;
mod reference;

/// The largest index of a type that wasmparser reads in a heap type.
const MAX_TYPE_INDEX: i64 = (1 << 20) - 1;

/// Bytes that mean something in immediates: small numbers, types, flags, parts of padded numbers.
const TELLING_BYTES: &[u8] = &[
    0x00, 0x00, 0x01, 0x01, 0x02, 0x03, 0x04, 0x0f, 0x10, 0x11, 0x12, 0x22, 0x3f, 0x40, 0x41, 0x42,
    0x52, 0x62, 0x63, 0x64, 0x65, 0x68, 0x6f, 0x70, 0x75, 0x76, 0x7b, 0x7f, 0x80, 0x80, 0x81, 0x82,
    0xc2, 0xff, 0xff,
];

/// Returns `size` of these bytes, in a random order.
fn pick(random: &mut fastrand::Rng, bytes: &[u8], size: usize) -> Vec<u8> {
    (0..size)
        .map(|_| bytes[random.usize(..bytes.len())])
        .collect()
}

/// Instructions with types, flags or clauses. The cases have every byte in several of their places.
const OPCODES_WITH_FLAGS: [&[u8]; 10] = [
    &[0x02],       // block
    &[0x1c],       // select
    &[0x1f],       // try_table
    &[0x28],       // i32.load
    &[0xd0],       // ref.null
    &[0xe3],       // resume
    &[0xfb, 0x18], // br_on_cast
    &[0xfe, 0x03], // atomic.fence
    &[0xfe, 0x10], // i32.atomic.load
    &[0xfe, 0x1e], // i32.atomic.rmw.add
];

/// Bytes that may be an instruction, and the instruction that wasmparser reads at their start.
struct Case {
    bytes: Vec<u8>,
    reference: Option<ReferenceInstruction>,
}

/// Each opcode with several immediates behind it.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut cases = Vec::new();
    let mut add = |opcode: &[u8], immediates: &[u8]| {
        let bytes = [opcode, immediates].concat();
        let reference = reference::read(&bytes);
        cases.push(Case { bytes, reference });
    };
    let patterns = patterns();
    for opcode in 0..=0xff {
        patterns.iter().for_each(|pattern| add(&[opcode], pattern));
    }
    for prefix in 0xfb..=0xfe {
        for number in 0..0x400 {
            let mut short = vec![prefix];
            Encoding::U32.write(number, Encoding::U32.width(number), &mut short);
            patterns.iter().for_each(|pattern| add(&short, pattern));
            let mut padded = vec![prefix];
            Encoding::U32.write(number, 5, &mut padded);
            add(&padded, &patterns[0]);
        }
    }
    for opcode in OPCODES_WITH_FLAGS {
        for before in [
            &[][..],
            &[0x00],
            &[0x01],
            &[0x12],
            &[0x40, 0x01],
            &[0x00, 0x01],
        ] {
            for byte in 0..=0xff {
                add(opcode, &[before, &[byte], &[0x01; 8][..]].concat());
                add(opcode, &[before, &[byte], &[0x7f; 8][..]].concat());
            }
        }
    }
    cases
});

/// Returns immediates of different kinds. Each has more bytes than any instruction needs.
fn patterns() -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut patterns = vec![
        vec![0; 40],
        vec![1; 40],
        vec![0x7f; 40],
        vec![0xff; 40],
        (0..40).map(|index| index % 4).collect(),
        [0x81, 0x80, 0x00].repeat(14),
        [0xff, 0xff, 0x03].repeat(14),
        // A memory, an ordering and an array's type in a memory access.
        [&[0x42, 0x01], &[0x02; 38][..]].concat(),
        [&[0x52, 0x02, 0x11], &[0x02; 38][..]].concat(),
        [&[0x31, 0x02, 0x01], &[0x02; 38][..]].concat(),
    ];
    patterns.extend((0..10).map(|_| pick(&mut random, TELLING_BYTES, 60)));
    patterns
}

/// Returns the operands as wasmparser tells them: it does not tell whether a memory with the index 0 is absent.
fn simplify(operands: &[Operand]) -> Vec<(OperandKind, i64)> {
    let mut simple: Vec<_> = operands
        .iter()
        .map(|operand| (operand.kind, operand.value))
        .collect();
    if let [first, (OperandKind::Other, 0), (OperandKind::Offset, _), ..] = &mut simple[..] {
        first.1 ^= 0x40;
        simple.remove(1);
    }
    simple
}

/// Returns whether wasmparser refuses an instruction because a number is too large for it.
fn is_over_limit(bytes: &[u8], operands: &[Operand]) -> bool {
    let has_large_type = operands
        .iter()
        .any(|operand| operand.kind == OperandKind::Type && operand.value > MAX_TYPE_INDEX);
    let has_many_types = bytes[0] == 0x1c && bytes[1] > 10;
    has_large_type || has_many_types
}

#[test]
fn reads_exactly_the_instructions_that_wasmparser_reads() {
    let mut operands = Vec::new();
    for Case { bytes, reference } in CASES.iter() {
        let read = read(bytes, 0, &mut operands);
        match (read, reference) {
            (Ok(instruction), Some(reference)) => {
                assert_eq!(
                    instruction.end, reference.end,
                    "{} in {bytes:02x?}",
                    reference.name
                );
            }
            (Ok(_), None) => assert!(
                is_over_limit(bytes, &operands),
                "wasmparser refuses {bytes:02x?}"
            ),
            (Err(error), Some(reference)) => {
                panic!("{error:?}: {} in {bytes:02x?}", reference.name)
            }
            (Err(_), None) => {}
        }
    }
}

#[test]
fn the_cases_have_every_operator_of_wasmparser() {
    let names: BTreeSet<_> = CASES
        .iter()
        .flat_map(|case| &case.reference)
        .map(|reference| reference.name)
        .collect();
    assert_eq!(names, reference::NAMES.iter().copied().collect());
}

#[test]
fn operands_have_the_kinds_and_values_of_wasmparsers_fields() {
    let mut operands = Vec::new();
    for Case { bytes, reference } in CASES.iter() {
        if let Some(reference) = reference {
            read(bytes, 0, &mut operands).unwrap();
            assert_eq!(
                simplify(&operands),
                reference.operands,
                "{} in {bytes:02x?}",
                reference.name
            );
        }
    }
}

#[test]
fn only_blocks_change_the_depth() {
    for Case { bytes, reference } in CASES.iter() {
        if let Some(reference) = reference {
            let depth = match reference.name {
                "Block" | "Loop" | "If" | "Try" | "TryTable" => 1,
                "End" | "Delegate" => -1,
                _ => 0,
            };
            assert_eq!(
                read(bytes, 0, &mut Vec::new()).unwrap().depth,
                depth,
                "{}",
                reference.name
            );
        }
    }
}

#[test]
fn truncated_instructions_need_more_bytes() {
    let mut operands = Vec::new();
    for Case { bytes, .. } in CASES.iter() {
        if let Ok(Instruction { end, .. }) = read(bytes, 0, &mut operands) {
            for length in 0..end {
                let truncated = read(&bytes[..length], 0, &mut operands);
                assert_eq!(
                    truncated,
                    Err(Unreadable::End),
                    "{length} bytes of {:02x?}",
                    &bytes[..end]
                );
            }
        }
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut random = fastrand::Rng::with_seed(2);
    let mut operands = Vec::new();
    for _ in 0..100_000 {
        let size = random.usize(..24);
        let bytes = match random.bool() {
            true => pick(&mut random, TELLING_BYTES, size),
            false => (0..size).map(|_| random.u8(..)).collect(),
        };
        let at = random.usize(..size + 2);
        for result in [
            read(&bytes, at, &mut operands),
            read_locals(&bytes, at, &mut operands),
        ] {
            assert!(
                result.is_err()
                    || result
                        .is_ok_and(|instruction| at < instruction.end && instruction.end <= size)
            );
        }
    }
}

/// Rebuilds bytes from the fixed bytes of an instruction and the values of its operands. Checks that operands have an
/// order and do not overlap.
fn rebuild(bytes: &[u8], start: usize, end: usize, operands: &[Operand], output: &mut Vec<u8>) {
    let mut at = start;
    for operand in operands {
        assert!(at <= operand.start && operand.start < operand.end && operand.end <= end);
        output.extend(&bytes[at..operand.start]);
        assert!(write(operand, operand.value, output));
        at = operand.end;
    }
    output.extend(&bytes[at..end]);
}

/// Returns the same instruction with each operand as wide as it can be.
fn pad(bytes: &[u8], start: usize, end: usize, operands: &[Operand]) -> Vec<u8> {
    let mut padded = Vec::new();
    let mut at = start;
    for operand in operands {
        padded.extend(&bytes[at..operand.start]);
        let widest = match operand.encoding {
            Encoding::U32 | Encoding::S32 | Encoding::S33 => 5,
            Encoding::U64 | Encoding::S64 => 10,
        };
        operand.encoding.write(operand.value, widest, &mut padded);
        at = operand.end;
    }
    padded.extend(&bytes[at..end]);
    padded
}

/// The function bodies of generated modules with all proposals. Some of their numbers are padded.
static GENERATED_BODIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut bodies = Vec::new();
    for seed in 0..30 {
        let config = Config {
            min_funcs: 4,
            max_funcs: 12,
            max_instructions: 400,
            max_memories: 4,
            max_tables: 4,
            min_uleb_size: 1 + (seed % 5) as u8,
            acquire_release_atomics_enabled: true,
            custom_descriptors_enabled: true,
            multibyte_array_access_enabled: true,
            shared_everything_threads_enabled: true,
            ..Config::default()
        };
        let mut random = fastrand::Rng::with_seed(seed);
        let noise: Vec<u8> = (0..30_000).map(|_| random.u8(..)).collect();
        let Ok(module) = Module::new(config, &mut Unstructured::new(&noise)) else {
            continue;
        };
        let mut parser = Parser::new(0);
        parser.set_features(WasmFeatures::all());
        for payload in parser.parse_all(&module.to_bytes()) {
            if let Payload::CodeSectionEntry(body) = payload.unwrap() {
                bodies.push(body.as_bytes().to_vec());
            }
        }
    }
    assert!(bodies.iter().map(Vec::len).sum::<usize>() > 50_000);
    bodies
});

/// Calls `visit` with the offset of each instruction of a body, its end and its operands. The locals come first.
fn for_each_instruction(body: &[u8], mut visit: impl FnMut(usize, usize, &[Operand])) {
    let mut operands = Vec::new();
    let mut at = read_locals(body, 0, &mut operands).unwrap().end;
    visit(0, at, &operands);
    while at < body.len() {
        let end = read(body, at, &mut operands).unwrap().end;
        visit(at, end, &operands);
        at = end;
    }
}

#[test]
fn generated_bodies_have_the_instructions_of_wasmparser() {
    for body in GENERATED_BODIES.iter() {
        let mut ours = Vec::new();
        for_each_instruction(body, |_, end, operands| {
            ours.push((end, simplify(operands)))
        });
        let (locals_end, _) = ours.remove(0);
        let theirs: Vec<_> = reference::read_all(&body[locals_end..])
            .into_iter()
            .map(|instruction| (locals_end + instruction.end, instruction.operands))
            .collect();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn locals_end_where_wasmparsers_end() {
    let mut operands = Vec::new();
    for body in GENERATED_BODIES.iter() {
        let end = read_locals(body, 0, &mut operands).unwrap().end;
        let reference = FunctionBody::new(BinaryReader::new_features(body, 0, WasmFeatures::all()));
        assert_eq!(
            end as u64,
            reference
                .get_binary_reader_for_operators()
                .unwrap()
                .original_position()
        );
        for length in 0..end {
            assert_eq!(
                read_locals(&body[..length], 0, &mut operands),
                Err(Unreadable::End)
            );
        }
    }
}

#[test]
fn fixed_bytes_and_operands_are_every_byte_of_a_body() {
    for body in GENERATED_BODIES.iter() {
        let mut rebuilt = Vec::new();
        for_each_instruction(body, |start, end, operands| {
            rebuild(body, start, end, operands, &mut rebuilt)
        });
        assert_eq!(&rebuilt, body);
    }
}

#[test]
fn padded_operands_stay_padded() {
    for body in GENERATED_BODIES.iter() {
        let (mut padded, mut values) = (Vec::new(), Vec::new());
        for_each_instruction(body, |start, end, operands| {
            padded.extend(pad(body, start, end, operands));
            values.push(simplify(operands));
        });
        let (mut rebuilt, mut padded_values) = (Vec::new(), Vec::new());
        for_each_instruction(&padded, |start, end, operands| {
            rebuild(&padded, start, end, operands, &mut rebuilt);
            padded_values.push(simplify(operands));
        });
        assert_eq!(rebuilt, padded);
        assert_eq!(padded_values, values);
    }
}

#[test]
fn lists_have_a_limit() {
    let br_table = |labels: u32| {
        let mut bytes = vec![0x0e];
        Encoding::U32.write(i64::from(labels), 3, &mut bytes);
        bytes.extend(vec![0; labels as usize + 1]);
        bytes
    };
    let mut operands = Vec::new();
    let longest = br_table(MAX_LIST_ITEMS);
    assert_eq!(
        read(&longest, 0, &mut operands),
        Ok(Instruction {
            end: longest.len(),
            depth: 0
        })
    );
    assert_eq!(operands.len(), MAX_LIST_ITEMS as usize + 1);
    assert_eq!(
        read(&br_table(MAX_LIST_ITEMS + 1), 0, &mut operands),
        Err(Unreadable::Unknown)
    );
}
