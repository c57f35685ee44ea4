//! The core modules that read remote contents through an import.
//!
//! A component of a tree without remote files has none of this.

use super::text::quoted;
use super::tree::{CHUNK_BYTES, RemoteContent, Tree};

/// The import of the component.
pub(super) const IMPORT: &str = "(import \"wharf:assets/blob@0.1.0\" (instance $blob (export \"read\" (func
(param \"digest\" string) (param \"offset\" u64) (param \"length\" u32) (result (result (list u8)))))))\n";

/// The argument of a nested component that has the import, too.
pub(super) const ARGUMENT: &str = "(with \"wharf:assets/blob@0.1.0\" (instance $blob))";

// The layout of the memory, which `remote.wat` describes.
const INITIAL_HASH: usize = 512;
const CONTENTS: usize = 752;
const CONTENT_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;
const SLOTS: usize = 4;
const PAGE_BYTES: usize = 1 << 16;

/// The text of a digest is `sha256:` and 64 digits.
const DIGEST_TEXT_BYTES: usize = 71;

/// Returns the text of the modules.
pub(super) fn modules(tree: &Tree) -> String {
    let bytes = data(&tree.remote);
    let length = bytes.len();
    let slots = length.next_multiple_of(8);
    let pages = (slots + SLOTS * CHUNK_BYTES as usize).div_ceil(PAGE_BYTES);
    [
        include_str!("remote/slot.wat"),
        &format!(
            "(core module $remote
(import \"table\" \"memory\" (memory 1))
(import \"slot\" \"address\" (global $slot_address (mut i32)))
(import \"blob\" \"read\" (func $read_blob (param i32 i32 i64 i32 i32)))
;; The length of the data, the offset of the slots behind it, and the number of pages for both.
(global $length i32 (i32.const {length}))
(global $pages i32 (i32.const {pages}))
(global $slots i32 (i32.const {slots}))
(data {})\n",
            quoted(&bytes)
        ),
        include_str!("remote/remote.wat"),
    ]
    .concat()
}

/// Returns the text of the instances, which use the memory of a core instance.
pub(super) fn instances(table: &str) -> String {
    format!(
        "(core instance $slot (instantiate $slot))
(core func $read-blob (canon lower (func $blob \"read\")
(memory (core memory {table} \"memory\")) (realloc (core func $slot \"realloc\"))))
(core instance $remote (instantiate $remote
(with \"table\" (instance {table}))
(with \"slot\" (instance $slot))
(with \"blob\" (instance (export \"read\" (func $read-blob))))))\n"
    )
}

/// Returns the first part of the memory.
fn data(contents: &[RemoteContent]) -> Vec<u8> {
    let primes: Vec<u32> = (2..).filter(is_prime).take(64).collect();
    let mut bytes = words(primes.iter().map(|prime| fraction_of_root(*prime, 3)));
    bytes.resize(INITIAL_HASH, 0);
    bytes.extend(words(
        primes[..8].iter().map(|prime| fraction_of_root(*prime, 2)),
    ));
    bytes.resize(CONTENTS, 0);
    let texts = CONTENTS + CONTENT_BYTES * contents.len();
    let mut digests = texts + DIGEST_TEXT_BYTES * contents.len();
    for (index, RemoteContent { content, chunks }) in contents.iter().enumerate() {
        bytes.extend(content.size.to_le_bytes());
        let offsets = [texts + DIGEST_TEXT_BYTES * index, digests];
        bytes.extend(words(offsets.map(|offset| offset as u32)));
        digests += DIGEST_BYTES * chunks.len();
    }
    for RemoteContent { content, .. } in contents {
        bytes.extend(content.digest.to_string().bytes());
    }
    for RemoteContent { chunks, .. } in contents {
        for chunk in chunks {
            let (quads, _) = chunk.bytes().as_chunks();
            bytes.extend(words(quads.iter().map(|quad| u32::from_be_bytes(*quad))));
        }
    }
    bytes
}

fn words(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn is_prime(number: &u32) -> bool {
    (2..*number).all(|divisor| !number.is_multiple_of(divisor))
}

/// Returns the first 32 bits of the fraction of a root. The constants of SHA-256 are such fractions.
fn fraction_of_root(prime: u32, degree: u32) -> u32 {
    let power = u128::from(prime) << (32 * degree);
    let (mut low, mut high) = (0u128, 1 << 40);
    while high - low > 1 {
        let middle = (low + high) / 2;
        match middle.pow(degree) <= power {
            true => low = middle,
            false => high = middle,
        }
    }
    low as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_those_of_sha_256() {
        let bytes = data(&[]);
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(
            [word(0), word(4), word(252)],
            [0x428a_2f98, 0x7137_4491, 0xc671_78f2]
        );
        assert_eq!([word(512), word(540)], [0x6a09_e667, 0x5be0_cd19]);
    }
}
