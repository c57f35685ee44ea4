//! Decodes arbitrary bytes as a map and a part of a delta file. The first byte chooses the method, the second one the
//! size of the map's part, and the third one the size of the content. Only a panic, a hang or too much memory is a
//! finding, because the content is not known.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf::delta::{Base, DeltaFile, Header, Method, Part, PartKind};
use wharf::digest::{Digest, Identity};

/// A code section with two functions, which is also read as a data, element or name section.
const BASE: &[u8] = b"\x02\x0a\x00\x41\x80\x08\x28\x02\x10\x10\x00\x0b\x08\x01\x02\x7f\x20\x00\x10\x01\x0b";

fuzz_target!(|bytes: &[u8]| {
    let &[method, map, size, ref stored @ ..] = bytes else {
        return;
    };
    let map = usize::from(map).min(stored.len());
    let part = |kind, method, size, base, map, length: usize| Part {
        kind,
        method,
        size,
        base,
        map,
        length: length as u64,
    };
    let base = Some(Identity::of(BASE));
    let size = u64::from(size);
    let header = Header {
        source: Digest::of(b"old"),
        target: Digest::of(b"new"),
        policy: None,
        parts: vec![
            part(PartKind::Map, Method::Whole, size, None, 0, map),
            part(PartKind::Layer(0), Method::from_number(method % 4), size, base, 1, stored.len() - map),
        ],
    };
    let file = [&header.to_bytes(), stored].concat();
    let file = DeltaFile::open(file).expect("the header fits the file");
    let digest = Digest::of(b"a content that no part has");
    let decoded = file.decode(1, Base::Memory(BASE), Identity { digest, size }, &mut Vec::new());
    assert!(decoded.is_err());
});
