//! Generated components that look like real ones to a section map and to a compressor.
//!
//! Everything is a function of the numbers given here: the same bytes on every machine. The code is
//! valid, so that tools which read what they push take it.

use std::io::{self, Write};

/// Data is made block by block, each from a seed of its own, so that two applications can share most
/// of it and a huge section needs no memory.
const BLOCK_BYTES: usize = 4096;

/// One data block in so many is an application's own; the rest comes with the runtime.
const OWN_EVERY: u64 = 28;

/// An application: a large runtime module that others share, adapters, and a crowd of small sections.
#[derive(Debug, Clone, Copy)]
pub struct App {
    /// Bytes of the runtime's code section, roughly.
    pub code: usize,
    /// Bytes of the runtime's data section.
    pub data: usize,
    /// Which application it is; all of them stand on the same runtime.
    pub variant: u64,
}

impl App {
    /// About as large as what componentize-js 0.23 makes.
    pub fn full(variant: u64) -> Self {
        Self {
            code: 9_000_000,
            data: 2_700_000,
            variant,
        }
    }

    /// Returns the component.
    pub fn component(&self) -> Vec<u8> {
        let maker = Maker::new();
        let data = maker
            .words
            .blocks(self.data, |block| match block % OWN_EVERY {
                0 => mix(block, self.variant + 1),
                _ => mix(block, 0),
            });
        let mut component = COMPONENT.to_vec();
        section(&mut component, 1, &maker.module(self.code, &data, 1));
        for adapter in 0..3 {
            // The bindings of one application are not those of another.
            let seed = 100 + adapter + self.variant * 1000;
            section(&mut component, 1, &maker.module(5000, &[], seed));
        }
        for small in 0..60 {
            section(&mut component, 1, &maker.module(120, &[], 50_000 + small));
            // A type section with `list<u8>`, and one with `u32`.
            section(&mut component, 7, &[1, 0x70, 0x7d]);
            section(&mut component, 7, &[1, 0x79]);
        }
        let mut description = Vec::new();
        name(&mut description, "description");
        description.extend(maker.words.block(11_000, mix(self.variant, 7)));
        section(&mut component, 0, &description);
        component
    }
}

/// Writes a component of `modules` core modules, each with little but a data section of `size` bytes.
pub fn write_large(output: &mut impl Write, modules: u64, size: u64) -> io::Result<()> {
    let words = Words::new();
    output.write_all(&COMPONENT)?;
    for index in 0..modules {
        let mut segment = vec![1, 0, I32_CONST, 0, END];
        leb(&mut segment, size);
        let payload = segment.len() as u64 + size;
        let mut head = MODULE.to_vec();
        section(&mut head, 5, &[1, 0, 1]);
        head.push(DATA);
        leb(&mut head, payload);
        let mut outer = vec![1];
        leb(&mut outer, head.len() as u64 + payload);
        output.write_all(&outer)?;
        output.write_all(&head)?;
        output.write_all(&segment)?;
        let mut left = size;
        let mut block = 0;
        while left > 0 {
            let bytes = left.min(BLOCK_BYTES as u64);
            output.write_all(&words.block(bytes as usize, mix(index, block)))?;
            left -= bytes;
            block += 1;
        }
    }
    Ok(())
}

/// Writes a component of so many empty custom sections.
pub fn write_tiny(output: &mut impl Write, sections: u64) -> io::Result<()> {
    output.write_all(&COMPONENT)?;
    (0..sections).try_for_each(|_| output.write_all(&[0, 2, 1, b'x']))
}

/// Returns a core module that exports so many small functions, under names such as `_ZN4tafe6monkru9run_hi_12Ev`.
pub fn exports(count: u64) -> Vec<u8> {
    let maker = Maker::new();
    let mut numbers = Numbers(4);
    let mut types = vec![];
    leb(&mut types, count);
    types.resize(types.len() + count as usize, 0);
    let (mut exports, mut code) = (vec![], vec![]);
    leb(&mut exports, count);
    leb(&mut code, count);
    for function in 0..count {
        name(&mut exports, &maker.mangled_name(function, &mut numbers));
        exports.push(0);
        leb(&mut exports, function);
        let bytes = 40 + numbers.below(200) as usize;
        let body = maker.idioms.body(bytes, function, &mut numbers);
        leb(&mut code, body.len() as u64);
        code.extend(body);
    }
    let mut module = MODULE.to_vec();
    section(&mut module, 1, &TYPES);
    section(&mut module, 3, &types);
    section(&mut module, 5, &[1, 0, 64]);
    section(&mut module, 7, &exports);
    section(&mut module, 10, &code);
    module
}

const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
const DATA: u8 = 11;
const I32: u8 = 0x7f;
const I32_CONST: u8 = 0x41;
const END: u8 = 0x0b;
/// One type: two numbers in, one out.
const TYPES: [u8; 7] = [1, 0x60, 2, I32, I32, 1, I32];

/// What the modules of a component are made of.
struct Maker {
    idioms: Idioms,
    words: Words,
}

impl Maker {
    fn new() -> Self {
        Self {
            idioms: Idioms::new(),
            words: Words::new(),
        }
    }

    /// A core module with about `code` bytes of functions that are all named.
    fn module(&self, code: usize, data: &[u8], seed: u64) -> Vec<u8> {
        let bodies = self.idioms.bodies(code, &mut Numbers(seed));
        let functions = bodies.len() as u64;
        let mut module = MODULE.to_vec();
        section(&mut module, 1, &TYPES);
        let mut types = vec![];
        leb(&mut types, functions);
        types.resize(types.len() + bodies.len(), 0);
        section(&mut module, 3, &types);
        let mut table = vec![1, 0x70, 0];
        leb(&mut table, functions);
        section(&mut module, 4, &table);
        section(&mut module, 5, &[1, 0, 64]);
        section(&mut module, 7, b"\x01\x03run\x00\x00");
        section(&mut module, 9, &elements(functions, seed));
        let mut payload = vec![];
        leb(&mut payload, functions);
        for body in &bodies {
            leb(&mut payload, body.len() as u64);
            payload.extend(body);
        }
        section(&mut module, 10, &payload);
        if !data.is_empty() {
            let mut payload = vec![1, 0, I32_CONST, 0, END];
            leb(&mut payload, data.len() as u64);
            payload.extend(data);
            section(&mut module, DATA, &payload);
        }
        section(&mut module, 0, &self.function_names(functions, seed));
        module
    }

    fn mangled_name(&self, function: u64, numbers: &mut Numbers) -> String {
        let [a, b, c] = [(); 3].map(|()| self.words.word(numbers).trim());
        let c = format!("{c}_{function}");
        format!("_ZN{}{a}{}{b}{}{c}Ev", a.len(), b.len(), c.len())
    }

    /// A name section of names such as `tafe::mon::run_hi_12`.
    fn function_names(&self, functions: u64, seed: u64) -> Vec<u8> {
        let mut numbers = Numbers(seed);
        let mut names = vec![];
        leb(&mut names, functions);
        for function in 0..functions {
            leb(&mut names, function);
            let [a, b, c] = [(); 3].map(|()| self.words.word(&mut numbers).trim());
            name(&mut names, &format!("{a}::{b}_{c}_{function}"));
        }
        let mut payload = vec![];
        name(&mut payload, "name");
        payload.push(1);
        leb(&mut payload, names.len() as u64);
        payload.extend(names);
        payload
    }
}

/// An element section that puts half of the functions into the table, in no order.
fn elements(functions: u64, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed);
    let mut payload = vec![1, 0, I32_CONST, 0, END];
    leb(&mut payload, functions / 2);
    for _ in 0..functions / 2 {
        leb(&mut payload, numbers.below(functions));
    }
    payload
}

/// Functions: mostly statements that others have too, some with numbers of their own.
struct Idioms {
    /// What a compiler writes again and again.
    idioms: Vec<Vec<u8>>,
    zipf: Vec<u16>,
}

impl Idioms {
    const IDIOMS: usize = 16_000;
    /// The two parameters and what every body declares.
    const LOCALS: u64 = 10;

    fn new() -> Self {
        let mut numbers = Numbers(2);
        let idioms = (0..Self::IDIOMS).map(|_| {
            let statements = 1 + numbers.below(5);
            let statements = (0..statements).flat_map(|_| statement(&mut numbers));
            statements.collect()
        });
        Self {
            idioms: idioms.collect(),
            zipf: zipf(Self::IDIOMS),
        }
    }

    fn bodies(&self, bytes: usize, numbers: &mut Numbers) -> Vec<Vec<u8>> {
        let mut bodies: Vec<Vec<u8>> = Vec::new();
        let mut left = bytes;
        while left > 0 {
            let most = (100 + numbers.below(1700) as usize).min(left);
            let body = self.body(most, bodies.len() as u64, numbers);
            left = left.saturating_sub(body.len() + 2);
            bodies.push(body);
        }
        bodies
    }

    /// A body that calls none but the functions before it.
    fn body(&self, bytes: usize, before: u64, numbers: &mut Numbers) -> Vec<u8> {
        let mut body = vec![1, Self::LOCALS as u8 - 2, I32];
        while body.len() + 3 < bytes {
            match numbers.below(16) {
                0 if before > 0 => {
                    let [a, b, to] = [(); 3].map(|()| local(numbers));
                    body.extend([0x20, a, 0x20, b, 0x10]);
                    leb(&mut body, numbers.below(before));
                    body.extend([0x21, to]);
                }
                1..=7 => body.extend(statement(numbers)),
                _ => body.extend(&self.idioms[numbers.ranked(&self.zipf)]),
            }
        }
        body.extend([0x20, 0, END]);
        body
    }
}

/// A statement that leaves the stack as it was.
fn statement(numbers: &mut Numbers) -> Vec<u8> {
    let [a, b, to] = [(); 3].map(|()| local(numbers));
    let mut bytes = vec![];
    match numbers.below(6) {
        // to = a + constant
        0 => {
            bytes.extend([0x20, a, I32_CONST]);
            // Below 64 and with a last byte below 64 a signed number is written as an unsigned one.
            leb(&mut bytes, numbers.below(64));
            bytes.extend([0x6a, 0x21, to]);
        }
        // to = load(a + offset)
        1 => {
            bytes.extend([0x20, a, 0x28, 2]);
            let most = [64, 1024, 1 << 20][numbers.below(3) as usize];
            leb(&mut bytes, numbers.below(most) * 4);
            bytes.extend([0x21, to]);
        }
        // store(a + offset, b)
        2 => {
            bytes.extend([0x20, a, 0x20, b, 0x36, 2]);
            leb(&mut bytes, numbers.below(64) * 4);
        }
        // to = a op b
        3 => {
            let operator = 0x6a + numbers.below(3) as u8;
            bytes.extend([0x20, a, 0x20, b, operator, 0x21, to]);
        }
        // to = b ? a : to
        4 => bytes.extend([0x20, a, 0x20, to, 0x20, b, 0x1b, 0x21, to]),
        // block { if a, leave; to = b }
        _ => bytes.extend([0x02, 0x40, 0x20, a, 0x0d, 0, 0x20, b, 0x21, to, END]),
    }
    bytes
}

fn local(numbers: &mut Numbers) -> u8 {
    // The low ones are used most.
    numbers
        .below(Idioms::LOCALS)
        .min(numbers.below(Idioms::LOCALS)) as u8
}

/// What a program's memory holds: texts, and tables of numbers.
struct Words {
    words: Vec<String>,
    zipf: Vec<u16>,
}

impl Words {
    const WORDS: usize = 9000;

    fn new() -> Self {
        let mut numbers = Numbers(3);
        let words = (0..Self::WORDS).map(|_| {
            let syllables = 2 + numbers.below(5);
            let word: String = (0..syllables).map(|_| numbers.syllable()).collect();
            word + " "
        });
        Self {
            words: words.collect(),
            zipf: zipf(Self::WORDS),
        }
    }

    fn word(&self, numbers: &mut Numbers) -> &str {
        &self.words[numbers.ranked(&self.zipf)]
    }

    fn block(&self, bytes: usize, seed: u64) -> Vec<u8> {
        let mut numbers = Numbers(seed);
        let mut block = Vec::with_capacity(bytes + 64);
        while block.len() < bytes {
            match numbers.below(4) {
                // A pointer and a length.
                0 => {
                    let pointer = 0x0010_0000 + numbers.below(1 << 16) as u32 * 8;
                    block.extend(pointer.to_le_bytes());
                    block.extend((numbers.below(64) as u32).to_le_bytes());
                }
                _ => block.extend(self.word(&mut numbers).as_bytes()),
            }
        }
        block.truncate(bytes);
        block
    }

    fn blocks(&self, bytes: usize, seed: impl Fn(u64) -> u64) -> Vec<u8> {
        let blocks = bytes.div_ceil(BLOCK_BYTES) as u64;
        let blocks = (0..blocks).flat_map(|block| self.block(BLOCK_BYTES, seed(block)));
        blocks.take(bytes).collect()
    }
}

/// Ranks such that rank `r` stands there about `1/(r + 1)` as often as rank 0.
fn zipf(ranks: usize) -> Vec<u16> {
    let total: f64 = (1..=ranks).map(|rank| 1.0 / rank as f64).sum();
    let mut table = Vec::new();
    for rank in 0..ranks {
        let share = f64::from(1 << 16) / total / (rank + 1) as f64;
        table.resize(table.len() + (share as usize).max(1), rank as u16);
    }
    table
}

/// Numbers that look like chance and are none.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The low bits of such a sequence repeat soon.
        self.0 >> 32
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() * limit) >> 32
    }

    fn ranked(&mut self, table: &[u16]) -> usize {
        usize::from(table[self.below(table.len() as u64) as usize])
    }

    fn syllable(&mut self) -> String {
        let consonant = b"bdfghklmnprstvwz"[self.below(16) as usize];
        let vowel = b"aeiou"[self.below(5) as usize];
        [consonant, vowel].map(char::from).iter().collect()
    }
}

fn mix(a: u64, b: u64) -> u64 {
    let mut numbers = Numbers(a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b);
    (numbers.next() << 32) | numbers.next()
}

fn section(output: &mut Vec<u8>, id: u8, payload: &[u8]) {
    output.push(id);
    leb(output, payload.len() as u64);
    output.extend(payload);
}

fn name(output: &mut Vec<u8>, name: &str) {
    leb(output, name.len() as u64);
    output.extend(name.as_bytes());
}

fn leb(output: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        output.push(number as u8 | 0x80);
        number >>= 7;
    }
    output.push(number as u8);
}
