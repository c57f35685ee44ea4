//! The nodes and names in the memory of a component, as `metadata.wat` describes them.

use crate::assets::tree::{EntryKind, Tree};

/// The address of the tables, which is that of the root's node.
pub(super) const START: usize = 128;
const NODE_SIZE: usize = 32;
const PAGE: usize = 0x1_0000;
/// The space for the strings of a call. A longer string gets pages of its own.
const STRINGS: usize = 0x1000;

/// The nodes, and the names behind them.
pub(super) struct Tables {
    pub(super) bytes: Vec<u8>,
}

impl Tables {
    pub(super) fn new(tree: &Tree) -> Self {
        let (order, children) = tree.breadth_first();
        let mut positions = vec![0; tree.entries.len()];
        for (position, &entry) in order.iter().enumerate() {
            positions[entry] = position;
        }
        let node = |entry: usize| START + positions[entry] * NODE_SIZE;
        let names_start = START + order.len() * NODE_SIZE;
        let mut bytes = Vec::with_capacity(order.len() * NODE_SIZE);
        let mut names: Vec<u8> = Vec::new();
        for &index in &order {
            let entry = &tree.entries[index];
            let name = entry.name();
            push(&mut bytes, names_start + names.len());
            push(&mut bytes, name.len());
            push(&mut bytes, node(entry.parent));
            match entry.kind {
                EntryKind::Directory => {
                    let children = &children[index];
                    push(&mut bytes, 0);
                    push(&mut bytes, children.first().copied().map_or(0, node));
                    push(&mut bytes, children.len());
                    bytes.extend([0; 8]);
                }
                EntryKind::File { content } => {
                    push(&mut bytes, content + 1);
                    let content = tree.content(content);
                    bytes.extend(content.size.to_le_bytes());
                    bytes.extend(&content.digest.bytes()[..8]);
                }
            }
            names.extend(name.as_bytes());
        }
        bytes.extend(names);
        Self { bytes }
    }

    pub(super) fn end(&self) -> usize {
        START + self.bytes.len()
    }

    pub(super) fn pages(&self) -> usize {
        (self.end() + STRINGS).div_ceil(PAGE)
    }

    pub(super) fn memory_end(&self) -> usize {
        self.pages() * PAGE
    }
}

/// Appends an address, a length or an index. All fit, because a memory has at most 4 GiB.
fn push(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend((number as u32).to_le_bytes());
}
