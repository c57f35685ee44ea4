//! The table of entries, contents and names, in the memory of the component.
//!
//! `files.wat` describes an entry. The children of a directory are next to each other, sorted by name. The last entry
//! is none: it has the end of the last name and of the last children.

use crate::assets::section::AssetList;
use crate::assets::text::quoted;
use crate::assets::tree::Tree;
use crate::digest::Digest;

/// The first address. The results of functions are before it.
const START: usize = 160;
const ENTRY_BYTES: usize = 16;
/// The bytes of a content: its size.
const CONTENT_BYTES: usize = 8;
const PAGE_BYTES: usize = 1 << 16;
const NO_CONTENT: usize = u32::MAX as usize;

/// Returns the text of the core module that defines the memory.
pub(super) fn module(tree: &Tree) -> String {
    let (order, children) = tree.breadth_first();
    let sizes = START + ENTRY_BYTES * (order.len() + 1);
    let names = sizes + CONTENT_BYTES * tree.all_contents().count();
    let mut bytes = entries(tree, &order, &children, names);
    for content in tree.all_contents() {
        bytes.extend(content.size.to_le_bytes());
    }
    for &entry in &order {
        bytes.extend(tree.entries[entry].name().as_bytes());
    }
    let mount = START + bytes.len();
    bytes.extend(tree.mount.as_bytes());
    let free = (START + bytes.len()).next_multiple_of(ENTRY_BYTES);
    let pages = free.div_ceil(PAGE_BYTES);
    let global =
        |name, value: usize| format!("(global (export {name:?}) i32 (i32.const {value}))\n");
    let (lower, upper) = fingerprint(tree);
    [
        format!("(core module $table\n(memory (export \"memory\") {pages})\n"),
        global("entries", START),
        global("sizes", sizes),
        global("mount", mount),
        global("mount-length", tree.mount.len()),
        global("free", free),
        global("end", pages * PAGE_BYTES),
        format!("(global (export \"hash-lower\") i64 (i64.const {lower}))\n"),
        format!("(global (export \"hash-upper\") i64 (i64.const {upper}))\n"),
        format!("(data (i32.const {START}) {}))\n", quoted(&bytes)),
    ]
    .concat()
}

fn entries(tree: &Tree, order: &[usize], children: &[Vec<usize>], names: usize) -> Vec<u8> {
    let mut places = vec![0; order.len()];
    for (place, &entry) in order.iter().enumerate() {
        places[entry] = place;
    }
    let mut bytes = Vec::new();
    let (mut name, mut child) = (names, 1);
    for &index in order {
        let entry = &tree.entries[index];
        let content = entry.content().unwrap_or(NO_CONTENT);
        [name, places[entry.parent], child, content]
            .into_iter()
            .for_each(|value| put(&mut bytes, value));
        name += entry.name().len();
        child += children[index].len();
    }
    [name, 0, child, NO_CONTENT]
        .into_iter()
        .for_each(|value| put(&mut bytes, value));
    bytes
}

/// Appends 32 bits. All values fit, because files and their names are smaller than a module.
fn put(bytes: &mut Vec<u8>, value: usize) {
    bytes.extend((value as u32).to_le_bytes());
}

/// Returns two numbers that differ for different trees, for the hashes of the entries.
fn fingerprint(tree: &Tree) -> (u64, u64) {
    let digest = Digest::of(&AssetList::of(tree, 0).encode());
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let bytes = digest.bytes();
    (number(&bytes[..8]), number(&bytes[8..16]))
}
