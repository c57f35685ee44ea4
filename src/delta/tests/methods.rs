//! The methods that know the contents of sections.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};
use wasmparser::{Parser, Payload};

use super::super::maker::{ContentPair, EncodedPart, encode as encode_contents};
use super::super::map::Map;
use super::*;

/// Returns the payloads of the code, data, element and name sections of a module, with their roles.
fn sections(module: &[u8]) -> Vec<(Role, Vec<u8>)> {
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let (role, range) = match payload.unwrap() {
            Payload::CodeSectionStart {
                unchecked_range, ..
            } => (Role::Code, unchecked_range),
            Payload::DataSection(reader) => (Role::Data, reader.range()),
            Payload::ElementSection(reader) => (Role::Elements, reader.range()),
            Payload::CustomSection(reader) if reader.name() == "name" => {
                (Role::Names, reader.data_offset()..reader.range().end)
            }
            _ => continue,
        };
        let range = range.start as usize..range.end as usize;
        sections.push((role, module[range].to_vec()));
    }
    sections
}

/// Pairs the sections of two modules.
fn pairs(old: &[u8], new: &[u8]) -> Vec<ContentPair> {
    let old = sections(old);
    let new = sections(new).into_iter();
    let pairs = new.filter_map(|(role, new)| {
        let (_, old) = old.iter().find(|(found, _)| *found == role)?;
        let old = old.clone();
        Some(ContentPair { role, old, new })
    });
    pairs.collect()
}

fn decode_part(
    part: &EncodedPart,
    base: Base<'_>,
    map: &Map,
    stored: &[u8],
    size: usize,
) -> io::Result<Vec<u8>> {
    let map = match part.uses_map {
        true => map,
        false => &Map::default(),
    };
    let mut output = Vec::new();
    part.method
        .decode(base, map, &mut &stored[..], size as u64, &mut output)?;
    Ok(output)
}

/// Encodes pairs, and checks that every part decodes to its content, with the base in memory and in a file.
fn round_trip(pairs: &[ContentPair], options: Options) -> (Map, Vec<EncodedPart>) {
    let (map, parts) = encode_contents(pairs, options, &|_| {}).unwrap();
    let map = match map {
        Some(map) => Map::from_bytes(&map.to_bytes()).unwrap(),
        None => Map::default(),
    };
    let parts: Vec<EncodedPart> = parts.into_iter().map(Option::unwrap).collect();
    for (pair, part) in pairs.iter().zip(&parts) {
        let base = Base::Memory(&pair.old);
        let decoded = decode_part(part, base, &map, &part.bytes, pair.new.len());
        assert!(decoded.unwrap() == pair.new, "{:?}", pair.role);
    }
    (map, parts)
}

/// Returns a module. Functions call each other, and read data whose address `first` moves. A version has one function and
/// one global more than the one before.
fn module(version: usize, first: usize) -> Vec<u8> {
    let mut functions = String::new();
    let mut elements = String::new();
    for number in 0..120 {
        let (callee, address) = ((number * 7) % 119, first + 16 * number);
        functions += &format!(
            "(func $f{number} (param i32) (result i32) (local i32 i64) \
             local.get 0 i32.const {address} i32.add local.tee 1 i32.load offset={address} \
             (if (result i32) (then local.get 1 call $f{callee}) (else global.get $g i32.const {number} i32.xor)) \
             i64.const {} i32.wrap_i64 i32.add)\n",
            address * 3,
        );
        elements += &format!(" $f{number}");
        if version > 0 && number == 10 {
            functions +=
                "(func $new (param i32) (result i32) local.get 0 i32.const 12345 i32.mul)\n";
        }
    }
    let globals = "(global (mut i32) (i32.const 7))".repeat(version);
    let words: String = (0..120)
        .map(|number| {
            let word = (first + 16 * number) as u32;
            word.to_le_bytes()
                .iter()
                .map(|byte| format!("\\{byte:02x}"))
                .collect::<String>()
        })
        .collect();
    let text = format!(
        "(module (memory 4) (table 200 funcref) {globals} (global $g (mut i32) (i32.const 1)) \
         {functions} (elem (i32.const 1) func{elements}) (data (i32.const {first}) \"{words}\"))"
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn code_with_moved_indices_and_addresses_is_nearly_free() {
    let pairs = pairs(&module(0, 70_000), &module(1, 70_400));
    let roles: Vec<Role> = pairs.iter().map(|pair| pair.role).collect();
    assert_eq!(roles, [Role::Elements, Role::Code, Role::Data, Role::Names]);
    let (map, parts) = round_trip(&pairs, BEST);
    assert!(!map.is_empty());
    let sizes: Vec<usize> = parts.iter().map(|part| part.bytes.len()).collect();
    assert_eq!(parts[1].method, Method::Code, "{sizes:?}");
    assert!(
        parts[0].method == Method::Covers && parts[0].uses_map,
        "{sizes:?}"
    );
    assert!(
        parts[2].method == Method::Covers && parts[2].uses_map,
        "{sizes:?}"
    );
    assert!(
        sizes[0] < 40 && sizes[1] < 150 && sizes[2] < 60,
        "{sizes:?}"
    );
    let plain: usize = pairs
        .iter()
        .map(|pair| encode(&pair.old, &pair.new).len())
        .sum();
    assert!(plain > 4 * sizes.iter().sum::<usize>(), "{plain}");
}

/// Returns the data section of a module whose words are addresses in no order. Those from 75,000 on move by `shift`.
fn addresses(shift: u32) -> Vec<ContentPair> {
    let module = |shift: u32| {
        let words = (1..1500u32).map(|number| {
            let address = 70_000 + 4 * (number.wrapping_mul(0x9e37_79b1) >> 20);
            address + if address < 75_000 { 0 } else { shift }
        });
        let bytes = words.flat_map(u32::to_le_bytes);
        let bytes: String = bytes.map(|byte| format!("\\{byte:02x}")).collect();
        wat::parse_str(format!(
            "(module (memory 4) (data (i32.const 2048) \"{bytes}\"))"
        ))
        .unwrap()
    };
    pairs(&module(0), &module(shift))
}

#[test]
fn addresses_in_data_move_where_no_code_changed() {
    let pairs = addresses(0x1230);
    let (map, parts) = round_trip(&pairs, BEST);
    assert!(map.lists[3].len() < 4, "{map:?}");
    assert!(parts[0].uses_map && parts[0].bytes.len() < 60, "{parts:?}");
    let fast = Options {
        effort: Effort::Fast,
        ..BEST
    };
    let (_, plain) = round_trip(&pairs, fast);
    assert!(
        plain[0].bytes.len() > 10 * parts[0].bytes.len(),
        "{plain:?}"
    );
}

#[test]
fn the_fast_effort_uses_no_map() {
    let fast = Options {
        effort: Effort::Fast,
        ..BEST
    };
    let (map, parts) = round_trip(&pairs(&module(0, 70_000), &module(1, 70_400)), fast);
    assert!(map.is_empty());
    assert!(
        parts
            .iter()
            .all(|part| matches!(part.method, Method::Prefix | Method::Covers))
    );
}

/// Parts without literals do not need the base as prefix, so a base in a file gives the same content.
#[test]
fn a_base_in_a_file_gives_the_same_content() {
    let mut old = noise(20, 100_000);
    old.extend_from_within(..);
    let mut new = old.clone();
    new.rotate_left(100_000 - 7);
    for at in (50..new.len()).step_by(9_000) {
        new[at] ^= 0x55;
    }
    let encoded = covers::encode(&old, None, &new, 12, Effort::Best);
    let (covers, _) = encoded.unwrap().unwrap();
    let code = pairs(&module(0, 70_000), &module(0, 70_400)).swap_remove(1);
    let (map, parts) = round_trip(std::slice::from_ref(&code), BEST);
    assert_eq!(parts[0].method, Method::Code);
    for (method, old, new, part) in [
        (Method::Covers, &old, &new, &covers),
        (Method::Code, &code.old, &code.new, &parts[0].bytes),
    ] {
        let mut output = Vec::new();
        let (base, size) = (Base::File(old), new.len() as u64);
        let decoded = method.decode(base, &map, &mut part.as_slice(), size, &mut output);
        decoded.unwrap();
        assert!(output == *new, "{method:?}");
    }
}

#[test]
fn a_map_that_saves_less_than_it_costs_is_left_out() {
    let pairs = pairs(&module(0, 70_000), &module(0, 70_000));
    let mut pairs: Vec<ContentPair> = pairs.into_iter().take(2).collect();
    // One constant changes.
    let at = pairs[1].new.len() - 20;
    pairs[1].new[at] ^= 1;
    let (map, parts) = round_trip(&pairs, BEST);
    assert!(map.is_empty() && parts.iter().all(|part| !part.uses_map));
}

#[test]
fn contents_without_changes_have_empty_streams() {
    for (old, new) in [(&b"old"[..], &b""[..]), (b"", b"new"), (b"same", b"same")] {
        for effort in [Effort::Fast, Effort::Best] {
            let encoded = covers::encode(old, None, new, 12, effort).unwrap();
            let (part, _) = encoded.unwrap();
            let mut output = Vec::new();
            let (base, map) = (Base::Memory(old), Map::default());
            let size = new.len() as u64;
            let decoded = Method::Covers.decode(base, &map, &mut &part[..], size, &mut output);
            decoded.unwrap();
            assert_eq!(output, new);
        }
    }
}

#[test]
fn a_seek_to_bytes_that_are_no_size_reads_little() {
    // One copied token, at the start of a base of bytes that never end a number.
    let base = vec![0xff; 4 << 20];
    let mut stored = vec![1];
    stored.extend([1, 1, 1]);
    stored.extend([0; 12]);
    stored.extend([0, 1, 1, 1, 0, 1, 0, 0]);
    let mut output = Vec::new();
    let file = Base::File(&base);
    let decoded = Method::Code.decode(file, &Map::default(), &mut &stored[..], 100, &mut output);
    let error = decoded.unwrap_err().to_string();
    assert!(error.contains("no instruction"), "{error}");
}

#[test]
fn padded_numbers_and_unknown_opcodes_survive() {
    let old = [
        1, 0x0b, 0, 0x41, 0x81, 0x80, 0x80, 0x80, 0x00, 0x1a, 0x01, 0x01, 0x0b,
    ];
    let mut new = old;
    new[4] = 0x82;
    let mut unknown = old;
    unknown[10] = 0x27;
    for (old, new) in [(old, new), (old, unknown), (unknown, old)] {
        let pair = ContentPair {
            role: Role::Code,
            old: old.to_vec(),
            new: new.to_vec(),
        };
        round_trip(&[pair], BEST);
    }
    // A size that is padded is not for the method code.
    let padded = [1, 0x82, 0x00, 0, 0x0b];
    let plain = [1, 0x02, 0, 0x0b];
    for (old, new) in [
        (&padded[..], &plain[..]),
        (&plain, &padded),
        (&[], &plain),
        (&plain, &[]),
    ] {
        let pair = ContentPair {
            role: Role::Code,
            old: old.to_vec(),
            new: new.to_vec(),
        };
        let (_, parts) = round_trip(&[pair], BEST);
        assert_ne!(parts[0].method, Method::Code);
    }
}

/// The number of generated pairs; `WHARF_TEST_PAIRS` sets it for long runs.
fn generated() -> u64 {
    let count = std::env::var("WHARF_TEST_PAIRS").ok();
    count.map_or(60, |count| count.parse().unwrap())
}

fn generate(bytes: &[u8]) -> Vec<u8> {
    let config = Config {
        min_funcs: 3,
        min_data_segments: 1,
        min_element_segments: 1,
        gc_enabled: true,
        simd_enabled: true,
        relaxed_simd_enabled: true,
        threads_enabled: true,
        tail_call_enabled: true,
        exceptions_enabled: true,
        memory64_enabled: true,
        reference_types_enabled: true,
        wide_arithmetic_enabled: true,
        max_memories: 3,
        ..Config::default()
    };
    Module::new(config, &mut Unstructured::new(bytes))
        .unwrap()
        .to_bytes()
}

#[test]
fn generated_pairs_survive() {
    for seed in 0..generated() {
        let bytes = noise(seed + 100, 6000);
        // The second module begins like the first one, and goes on in another way.
        let mut changed = bytes.clone();
        let at = (seed as usize * 97) % bytes.len();
        changed[at..].copy_from_slice(&noise(seed + 5000, bytes.len() - at));
        round_trip(&pairs(&generate(&bytes), &generate(&changed)), BEST);
    }
}

#[test]
fn changed_parts_give_an_error_or_some_content() {
    let pairs = pairs(&module(0, 70_000), &module(1, 70_400));
    let (map, parts) = round_trip(&pairs, BEST);
    let map_bytes = map.to_bytes();
    let mut failed = 0;
    for seed in 0..mutations() {
        let random = noise(seed + 77, 16);
        let number = |at: usize| usize::from(random[at]) << 8 | usize::from(random[at + 1]);
        let index = seed as usize % parts.len();
        let (part, pair) = (&parts[index], &pairs[index]);
        let mut bytes = part.bytes.clone();
        let at = number(0) % bytes.len();
        match seed / 4 % 4 {
            0 => bytes[at] ^= 1 << (random[2] & 7),
            1 => bytes[at] = random[2],
            2 => drop(bytes.drain(at..(at + number(4) % 9).min(bytes.len()))),
            _ => drop(bytes.splice(at..at, random[6..9].to_vec())),
        }
        let mut changed_map = map_bytes.clone();
        if seed % 3 == 0 {
            let at = number(8) % changed_map.len();
            changed_map[at] = random[10];
        }
        let changed_map = Map::from_bytes(&changed_map).unwrap_or_default();
        let mut base = pair.old.clone();
        if seed % 5 == 0 {
            let at = number(11) % base.len();
            base[at] = random[13];
        }
        match decode_part(
            part,
            Base::Memory(&base),
            &changed_map,
            &bytes,
            pair.new.len(),
        ) {
            Ok(content) => assert_eq!(content.len(), pair.new.len()),
            Err(_) => failed += 1,
        }
    }
    assert!(failed > mutations() / 2, "{failed}");
}

#[test]
fn streams_that_ask_for_much_memory_are_refused() {
    for method in [Method::Covers, Method::Code] {
        let mut stored = vec![0];
        numbers::push(&mut stored, 4 << 30);
        stored.extend([0; 40]);
        let mut output = Vec::new();
        let base = Base::Memory(b"base");
        let decoded = method.decode(
            base,
            &Map::default(),
            &mut &stored[..],
            4 << 30,
            &mut output,
        );
        assert!(decoded.is_err() && output.is_empty());
    }
    let mut map = Vec::new();
    numbers::push(&mut map, 1 << 40);
    map.extend([0; 4]);
    assert!(Map::from_bytes(&map).is_none());
}
