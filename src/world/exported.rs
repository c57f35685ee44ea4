//! Removes exports that no world can have: core modules and components.
//!
//! Spec: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>.

use std::borrow::Cow;

use wasmparser::{
    BinaryReader, ComponentExport, ComponentExportSectionReader, ComponentExternalKind,
};

use crate::section::{self, Section, leb128};

const ALIAS: u8 = 6;
const EXPORT: u8 = 11;

/// Replaces such exports by aliases of the same items. An alias takes the same index, so later indices stay valid.
/// A component without such exports is returned unchanged.
pub(super) fn without_code(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let map = section::map(bytes, 0).map_err(|error| error.to_string())?;
    let own = map.sections.iter().filter(|section| section.binary == 0);
    let mut written = Vec::new();
    let mut copied = 0;
    for section in own.filter(|section| section.id == EXPORT) {
        let items = items(bytes, section).map_err(|error| error.to_string())?;
        if items.iter().all(|item| item.id == EXPORT) {
            continue;
        }
        // The map's offsets are within the bytes.
        written.extend_from_slice(&bytes[copied..section.whole.start as usize]);
        for items in items.chunk_by(|one, next| one.id == next.id) {
            write(&mut written, items);
        }
        copied = section.whole.end as usize;
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(bytes));
    }
    written.extend_from_slice(&bytes[copied..]);
    Ok(Cow::Owned(written))
}

struct Item<'a> {
    id: u8,
    bytes: Cow<'a, [u8]>,
}

fn items<'a>(bytes: &'a [u8], section: &Section) -> wasmparser::Result<Vec<Item<'a>>> {
    let content = section.content.clone();
    let own = &bytes[content.start as usize..content.end as usize];
    let exports = ComponentExportSectionReader::new(BinaryReader::new(own, content.start))?;
    let exports: Vec<_> = exports.into_iter_with_offsets().collect::<Result<_, _>>()?;
    let ends = exports.iter().skip(1).map(|&(offset, _)| offset);
    let ends = ends.chain([content.end]);
    let items = exports.iter().zip(ends);
    Ok(items
        .map(|((start, export), end)| match alias(export) {
            Some(alias) => Item {
                id: ALIAS,
                bytes: Cow::Owned(alias),
            },
            None => Item {
                id: EXPORT,
                bytes: Cow::Borrowed(&bytes[*start as usize..end as usize]),
            },
        })
        .collect())
}

/// Returns an alias of the exported module or component, from the component itself.
fn alias(export: &ComponentExport<'_>) -> Option<Vec<u8>> {
    const OUTER: u8 = 2;
    const OWN: u8 = 0;
    let sort: &[u8] = match export.kind {
        ComponentExternalKind::Module => &[0, 0x11],
        ComponentExternalKind::Component => &[4],
        _ => return None,
    };
    let index = leb128(export.index.into());
    Some([sort, &[OUTER, OWN], &index].concat())
}

fn write(written: &mut Vec<u8>, items: &[Item<'_>]) {
    let count = leb128(items.len() as u64);
    let bytes = items.iter().map(|item| item.bytes.len()).sum::<usize>();
    written.extend(items.first().map(|item| item.id));
    written.extend(leb128((count.len() + bytes) as u64));
    written.extend(count);
    for item in items {
        written.extend_from_slice(&item.bytes);
    }
}
