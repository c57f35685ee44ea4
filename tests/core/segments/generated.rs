//! Generated modules, alone and in components, against the oracle.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};
use wasmparser::Parser;
use wharf::segment::{Mode, SegmentVerdict};

use super::oracle::{self, SegmentFacts};
use super::segments_of;
use crate::support::binary::{self, component, data, leb, noise, passive, random, section, vector};

/// A valid module with data segments and much that names them; the same for the same seed.
pub(crate) fn module(seed: u64) -> Vec<u8> {
    const ATTEMPTS: u64 = 3;
    let exports = wat::parse_str(
        r#"(module (func (export "_initialize")) (func (export "run"))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))"#,
    )
    .unwrap();
    let config = Config {
        exports: seed.is_multiple_of(3).then_some(exports),
        min_funcs: 4,
        max_funcs: 4 + (seed % 20) as usize,
        max_instructions: 20 + (seed % 5) as usize * 60,
        max_imports: (seed % 4) as usize * 3,
        min_memories: 1,
        max_memories: 3,
        min_data_segments: 2,
        max_data_segments: 8,
        max_element_segments: (seed % 5) as usize,
        ..Config::default()
    };
    let attempts = (0..ATTEMPTS).filter_map(|attempt| {
        let bytes = noise(seed * ATTEMPTS + attempt, 12_000);
        let made = Module::new(config.clone(), &mut Unstructured::new(&bytes)).ok()?;
        Some(made.to_bytes())
    });
    let reading = |facts: &SegmentFacts| match facts.passive {
        true => facts
            .readers
            .iter()
            .filter(|it| it.2 != "data.drop")
            .count(),
        false => 0,
    };
    let made = attempts.max_by_key(|bytes| count(bytes, reading)).unwrap();
    let facts = oracle::tell(&made);
    let passive = facts.iter().flatten().filter(|facts| facts.passive);
    let mut reading = passive
        .flat_map(|facts| &facts.readers)
        .filter(|it| it.2 != "data.drop");
    match (seed % 4, reading.next()) {
        (0, _) | (_, None) => made,
        // Often an import, so that what is exported is reached.
        (1, _) => started(&made, 0),
        (_, Some((function, ..))) => started(&made, *function),
    }
}

/// A module of few functions that do nothing but call, refer and read. Operands are not right, which nobody here
/// looks at.
fn dense(seed: u64) -> Vec<u8> {
    const BODIES: u64 = 8;
    const SEGMENTS: u64 = 4;
    let mut numbers = random(seed);
    let mut below = |limit: u64| (numbers.next().unwrap() % limit) as u8;
    let imports = below(3);
    let functions = u64::from(imports) + BODIES;
    let mut code = leb(BODIES as usize);
    for _ in 0..BODIES {
        let mut body = vec![0];
        for _ in 0..below(4) {
            let (function, segment) = (below(functions), below(SEGMENTS));
            body.extend(match below(30) {
                0..12 => vec![0x10, function],
                12 => vec![0x12, function],
                13 => vec![0x11, 0, 0],
                14 => vec![0x14, 0],
                15 => vec![0xd2, function],
                16..20 => vec![0xfc, 9, segment],
                20..24 => vec![0xfc, 8, segment, 0],
                24..27 => vec![0xfb, 9, 0, segment],
                _ => vec![0xfb, 18, 0, segment],
            });
        }
        body.push(0x0b);
        code.extend(vector(&body));
    }
    // Imports are called `f`, as the last export is.
    let names: [&[u8]; 4] = [b"run", b"_initialize", b"cabi_realloc", b"f"];
    let exported = usize::from(below(5));
    let exports = names[..exported]
        .iter()
        .map(|name| [vector(name), vec![0, below(functions)]].concat());
    let exports = exports.collect::<Vec<_>>().concat();
    let mut sections = vec![
        section(1, &[1, 0x60, 0, 0]),
        section(
            2,
            &[
                vec![imports],
                [1, b'm', 1, b'f', 0, 0].repeat(usize::from(imports)),
            ]
            .concat(),
        ),
        section(3, &[vec![BODIES as u8], vec![0; BODIES as usize]].concat()),
        section(7, &[vec![exported as u8], exports].concat()),
    ];
    if below(2) == 0 {
        sections.push(section(8, &[below(functions)]));
    }
    sections.push(section(9, &[1, 1, 0, 1, below(functions)]));
    sections.push(section(10, &code));
    let segments: Vec<Vec<u8>> = (0..SEGMENTS).map(|_| passive(b"bytes")).collect();
    sections.push(data(&segments));
    binary::module(&sections)
}

/// Adds up something of all segments.
fn count(bytes: &[u8], what: impl Fn(&SegmentFacts) -> usize) -> usize {
    oracle::tell(bytes).iter().flatten().map(what).sum()
}

/// Gives a module without one a start function, whose type nobody here looks at; generated ones are rare.
fn started(module: &[u8], function: u32) -> Vec<u8> {
    const START: u8 = 8;
    let sections: Vec<(u8, usize)> = Parser::new(0)
        .parse_all(module)
        .filter_map(|payload| payload.unwrap().as_section())
        .map(|(id, range)| (id, range.end as usize))
        .collect();
    let mut bytes = module.to_vec();
    let later = sections.iter().position(|(id, _)| matches!(id, 9..=12));
    if let Some(later) = later
        && !sections.iter().any(|(id, _)| *id == START)
    {
        let at = later.checked_sub(1).map_or(8, |before| sections[before].1);
        bytes.splice(at..at, section(START, &[function as u8]));
    }
    bytes
}

/// What was read, in the oracle's words.
fn facts_of(bytes: &[u8]) -> Vec<Vec<SegmentFacts>> {
    let found = segments_of(bytes);
    assert_eq!(found.unread, []);
    let modules = found.modules.iter();
    modules
        .map(|module| {
            assert_eq!(module.unread, None);
            let segments = module.segments.iter().enumerate();
            segments
                .map(|(index, segment)| {
                    assert_eq!(segment.index as usize, index);
                    assert_ne!(segment.verdict, SegmentVerdict::Unknown);
                    let readers = segment.readers.iter();
                    SegmentFacts {
                        passive: segment.mode == Mode::Passive,
                        at_start: segment.verdict == SegmentVerdict::ReadAtStart,
                        readers: readers
                            .map(|it| (it.function, it.offset, it.instruction.as_str()))
                            .collect(),
                    }
                })
                .collect()
        })
        .collect()
}

#[test]
fn generated_modules_get_the_verdicts_of_the_oracle() {
    let (mut at_start, mut later, mut instructions) = (0, 0, std::collections::BTreeMap::new());
    let mut modules = Vec::new();
    for seed in 0..400 {
        // Generated ones are valid and seldom read a segment; the dense ones are the other way round.
        let bytes = match seed < 60 {
            true => module(seed),
            false => dense(seed),
        };
        let expected = oracle::tell(&bytes);
        assert_eq!(facts_of(&bytes), expected, "module {seed}");
        for facts in expected.iter().flatten().filter(|facts| facts.passive) {
            match facts.at_start {
                true => at_start += 1,
                false => later += usize::from(!facts.readers.is_empty()),
            }
            for (_, _, name) in &facts.readers {
                *instructions.entry(*name).or_insert(0) += 1;
            }
        }
        modules.push(bytes);
    }
    // What is compared is there, and often.
    assert!(at_start >= 50 && later >= 50, "{at_start} {later}");
    assert_eq!(instructions.len(), 4, "{instructions:?}");
    assert!(
        instructions.values().all(|&count| count >= 50),
        "{instructions:?}"
    );
    for (index, several) in modules.chunks(4).enumerate() {
        let (nested, own) = several.split_at(2);
        let sections = |modules: &[Vec<u8>]| -> Vec<Vec<u8>> {
            modules.iter().map(|bytes| section(1, bytes)).collect()
        };
        let inner = section(4, &component(&sections(nested)));
        let bytes = component(&[vec![inner], sections(own)].concat());
        assert_eq!(facts_of(&bytes), oracle::tell(&bytes), "component {index}");
    }
}
