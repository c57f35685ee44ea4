//! Hand-built modules and components, valid or not, with LEB128 numbers of any width.

use std::iter;

/// What a core module begins with.
pub const MODULE_HEADER: &[u8; 8] = b"\0asm\x01\0\0\0";

/// What a component begins with.
pub const COMPONENT_HEADER: &[u8; 8] = b"\0asm\x0d\0\x01\0";

/// An unsigned LEB128 number in at least `width` bytes.
pub fn padded(mut value: u32, width: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 || bytes.len() + 1 < width {
        bytes.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// An unsigned LEB128 number.
pub fn leb(value: usize) -> Vec<u8> {
    padded(u32::try_from(value).unwrap(), 1)
}

/// Bytes with their length before them.
pub fn vector(bytes: &[u8]) -> Vec<u8> {
    [&leb(bytes.len()), bytes].concat()
}

/// A section of any id.
pub fn section(id: u8, payload: &[u8]) -> Vec<u8> {
    padded_section(id, payload, 1)
}

/// A section whose size takes at least `width` bytes.
pub fn padded_section(id: u8, payload: &[u8], width: usize) -> Vec<u8> {
    let size = padded(u32::try_from(payload.len()).unwrap(), width);
    [&[id], size.as_slice(), payload].concat()
}

/// A section that says it has `size` bytes and has others.
pub fn lying_section(id: u8, size: usize, payload: &[u8]) -> Vec<u8> {
    [&[id], leb(size).as_slice(), payload].concat()
}

/// A custom section.
pub fn custom(name: impl AsRef<[u8]>, content: &[u8]) -> Vec<u8> {
    section(0, &[&vector(name.as_ref()), content].concat())
}

/// A core module of these sections.
pub fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [MODULE_HEADER.as_slice(), &sections.concat()].concat()
}

/// A component of these sections.
pub fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    [COMPONENT_HEADER.as_slice(), &sections.concat()].concat()
}

/// A component's section that holds a core module of these sections.
pub fn nested_module(sections: &[Vec<u8>]) -> Vec<u8> {
    section(1, &module(sections))
}

/// A component's section that holds a component of these sections.
pub fn nested_component(sections: &[Vec<u8>]) -> Vec<u8> {
    section(4, &component(sections))
}

/// A component that holds a component, and so on, `depth` times; each begins with a custom section
/// `level` of one byte.
pub fn nest(depth: usize) -> Vec<u8> {
    let level = custom("level", b"!");
    (0..depth).fold(component(std::slice::from_ref(&level)), |inner, _| {
        component(&[level.clone(), section(4, &inner)])
    })
}

/// An active data segment at address 0.
pub fn active(init: &[u8]) -> Vec<u8> {
    [&[0, 0x41, 0, 0x0b], vector(init).as_slice()].concat()
}

/// A passive data segment.
pub fn passive(init: &[u8]) -> Vec<u8> {
    [&[1], vector(init).as_slice()].concat()
}

/// A data section.
pub fn data(segments: &[Vec<u8>]) -> Vec<u8> {
    section(11, &[leb(segments.len()), segments.concat()].concat())
}

/// So many bytes that differ from those of another seed.
pub fn noise(seed: u64, count: usize) -> Vec<u8> {
    random(seed).map(|word| word as u8).take(count).collect()
}

/// An endless sequence of numbers, the same for the same seed: the SplitMix64 generator.
pub fn random(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    })
}

/// The same binary with every section's size in five bytes, nested ones too. What cannot be read is
/// left as it is.
pub fn pad_sizes(binary: &[u8]) -> Vec<u8> {
    let Some((header, mut rest)) = binary.split_at_checked(8) else {
        return binary.to_vec();
    };
    let mut padded = header.to_vec();
    while let Some((id, payload, after)) = take_section(rest) {
        let nests = header == COMPONENT_HEADER && matches!(id, 1 | 4);
        let payload = match nests {
            true => pad_sizes(payload),
            false => payload.to_vec(),
        };
        padded.extend(padded_section(id, &payload, 5));
        rest = after;
    }
    padded.extend(rest);
    padded
}

fn take_section(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&id, mut rest) = bytes.split_first()?;
    let mut size = 0;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        size |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (payload, after) = rest.split_at_checked(size)?;
            return Some((id, payload, after));
        }
    }
    None
}
