//! Damaged files, hostile ones, and large ones: never a panic, and never a promise that cannot be kept.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use wharf::segment::{
    MAX_BODY_BYTES, MAX_FUNCTIONS, MAX_READERS, SegmentVerdict, Segments, UnreadPart, read,
};
use wharf::source::Source;

use super::{generated, segments_of};
use crate::support::binary::{
    component, custom, data, leb, module, nest, nested_module, passive, random, section, vector,
};
use crate::support::workspace;

/// Whatever is said of a file, it is about bytes of the file, and nothing is promised of what was not read.
fn assert_sound(bytes: &[u8], case: &str) {
    let Ok(found) = read(bytes) else {
        return;
    };
    let size = bytes.len() as u64;
    let all_read = found.modules.iter().all(|it| it.unread.is_none());
    for module in &found.modules {
        let whole = module.unread.is_none() && found.unread.is_empty();
        for segment in &module.segments {
            assert!(segment.init.end <= size, "{case}");
            let promised = segment.verdict == SegmentVerdict::Streamable;
            assert!(whole || !promised, "{case}: {found:?}");
            let known = segment.verdict != SegmentVerdict::Unknown;
            assert!(!(whole && all_read) || known, "{case}");
            assert!(segment.readers.iter().all(|it| it.offset < size), "{case}");
        }
    }
    for unread in found.modules.iter().filter_map(|it| it.unread.as_ref()) {
        let (UnreadPart::Damaged { offset, .. } | UnreadPart::Limit { offset, .. }) = unread;
        assert!(*offset <= size, "{case}: {unread}");
    }
}

#[test]
fn every_truncation_and_many_mutations_are_survived() {
    let mut files = vec![("fixture".to_owned(), workspace::assemble("passive"))];
    files.extend((0..3).map(|seed| (format!("module {seed}"), generated::module(seed))));
    for (name, bytes) in files {
        for length in 0..bytes.len().min(600) {
            assert_sound(&bytes[..length], &format!("{name} cut to {length}"));
        }
        let mut numbers = random(bytes.len() as u64);
        for round in 0..400 {
            let mut mutated = bytes.clone();
            for _ in 0..=round % 3 {
                let at = numbers.next().unwrap() as usize % mutated.len();
                mutated[at] = numbers.next().unwrap() as u8;
            }
            assert_sound(&mutated, &format!("{name}, mutation {round}"));
        }
    }
}

/// A module of one function with this body (after the locals, without `end`), which is exported as nothing.
fn with_body(body: &[u8]) -> Vec<Vec<u8>> {
    let body = [&[0], body, &[0x0b]].concat();
    let code = [vec![1], leb(body.len()), body].concat();
    vec![
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(12, &[1]),
        section(10, &code),
        data(&[passive(b"bytes")]),
    ]
}

/// What is said of the only segment, and why something was not read.
fn only(found: &Segments) -> (SegmentVerdict, Option<String>) {
    let module = &found.modules[0];
    assert_eq!(module.segments.len(), 1);
    let unread = module.unread.as_ref().map(ToString::to_string);
    (module.segments[0].verdict, unread)
}

#[test]
fn read_errors_name_the_offset() {
    let sound = with_body(&[0x01]);
    assert_eq!(
        only(&segments_of(&module(&sound))),
        (SegmentVerdict::Streamable, None)
    );
    let replaced = |id: u8, by: Vec<u8>| {
        let mut sections = sound.clone();
        let at = sections.iter().position(|it| it[0] == id).unwrap();
        sections[at] = by;
        sections
    };
    let inserted = |at: usize, new: Vec<u8>| {
        let mut sections = sound.clone();
        sections.insert(at, new);
        sections
    };
    let beyond = [vec![2], vec![2, 0, 0x0b], vec![90, 0]].concat();
    for (sections, reason) in [
        (with_body(&[0xff]), "at byte 26: "),
        (with_body(&[0x10, 9]), "at byte 26: no such function"),
        (with_body(&[0xd2, 9]), "at byte 26: no such function"),
        (with_body(&[0xfc, 9, 7]), "at byte 26: no such data segment"),
        (replaced(10, section(10, &[1, 2, 0, 0x01])), "at byte 2"),
        (
            replaced(10, section(10, &[0])),
            "at byte 23: function and code section",
        ),
        (
            replaced(10, section(10, &beyond)),
            "at byte 23: function and code section",
        ),
        (
            replaced(10, section(10, &[1, 2, 0, 0x0b, 7])),
            "at byte 27: bytes after",
        ),
        (
            inserted(4, section(8, &[0])),
            "at byte 28: a section out of order",
        ),
        (
            inserted(4, section(60, &[0])),
            "at byte 28: a section that is not known",
        ),
        (
            inserted(2, section(8, &[9])),
            "at byte 20: no such function",
        ),
        (inserted(2, section(9, &[1, 0x77])), "at byte "),
        (
            inserted(2, section(7, &[1, 1, b'x', 0, 9])),
            "at byte 21: no such function",
        ),
    ] {
        let found = segments_of(&module(&sections));
        let (verdict, unread) = only(&found);
        assert_eq!(verdict, SegmentVerdict::Unknown, "{reason}");
        let unread = unread.unwrap_or_default();
        assert!(unread.starts_with(reason), "{unread}, not {reason}");
    }
    // What was found before the damage stays found.
    let mut started = with_body(&[0xfc, 9, 0, 0xfc, 8, 0, 0, 0xff]);
    started.insert(2, section(8, &[0]));
    let (verdict, unread) = only(&segments_of(&module(&started)));
    assert_eq!(
        (verdict, unread.is_some()),
        (SegmentVerdict::ReadAtStart, true)
    );
}

#[test]
fn damage_around_a_module_makes_its_verdicts_unknown() {
    let main = nested_module(&with_body(&[0x01]));
    let realloc_of_nothing = section(8, &[1, 0, 0, 0, 1, 4, 5, 0]);
    let around = [
        (vec![], None),
        (vec![custom("note", b"text")], None),
        (vec![vec![1, 99, 0]], Some("a section past the end")),
        (vec![section(1, b"\0asm\x02\0\0\0")], Some("not known")),
        (
            vec![section(4, &nest(101))],
            Some("nested deeper than 100 levels"),
        ),
        (vec![section(8, &[1, 0x7e])], Some("invalid")),
        (vec![realloc_of_nothing], Some("no such core function")),
    ];
    for (others, reason) in around {
        let bytes = component(&[vec![main.clone()], others].concat());
        let found = segments_of(&bytes);
        let (verdict, unread) = only(&found);
        assert_eq!(unread, None);
        match reason {
            None => assert_eq!(
                (verdict, found.unread),
                (SegmentVerdict::Streamable, vec![])
            ),
            Some(reason) => {
                assert_eq!(verdict, SegmentVerdict::Unknown, "{reason}");
                let facts = found.unread[0].to_string();
                assert!(facts.contains(reason), "{facts}, not {reason}");
            }
        }
    }
}

#[test]
fn a_component_that_starts_calls_any_export() {
    let mut exporting = with_body(&[0xfc, 8, 0, 0]);
    exporting.insert(2, section(7, &[1, 1, b'x', 0, 0]));
    let main = nested_module(&exporting);
    let quiet = component(std::slice::from_ref(&main));
    assert_eq!(
        only(&segments_of(&quiet)),
        (SegmentVerdict::Streamable, None)
    );
    let starting = component(&[main, section(9, &[0, 0, 0])]);
    assert_eq!(
        only(&segments_of(&starting)),
        (SegmentVerdict::ReadAtStart, None)
    );
}

#[test]
fn exceeded_limits_are_reported() {
    let large = with_body(&vec![0x01; MAX_BODY_BYTES as usize]);
    let mut many_functions = with_body(&[0x01]);
    many_functions[1] = section(3, &[leb(MAX_FUNCTIONS as usize + 1), vec![0]].concat());
    let drops = [0xfc, 9, 0].repeat(MAX_READERS + 1);
    let mut large_section = with_body(&[0x01]);
    large_section.insert(2, section(7, &vec![0; 33 << 20]));
    for (sections, reason) in [
        (large, "bytes in a function body"),
        (many_functions, "1000000 functions in a module"),
        (
            with_body(&drops),
            "262144 instructions that name a data segment",
        ),
        (large_section, "33554432 bytes in a section"),
    ] {
        let (verdict, unread) = only(&segments_of(&module(&sections)));
        assert_eq!(verdict, SegmentVerdict::Unknown, "{reason}");
        let unread = unread.unwrap();
        assert!(unread.contains(reason), "{unread}, not {reason}");
    }
    let empty = custom("", b"");
    let sections = [
        vec![nested_module(&with_body(&[0x01]))],
        vec![empty; 1 << 18],
    ]
    .concat();
    let found = segments_of(&component(&sections));
    assert_eq!(only(&found), (SegmentVerdict::Unknown, None));
    assert!(
        found.unread[0]
            .to_string()
            .contains("sections and segments")
    );
}

/// Counts what is read of it.
struct Counted {
    bytes: Vec<u8>,
    read: AtomicU64,
    largest: AtomicU64,
}

impl Source for Counted {
    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read_at(offset, buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        self.largest
            .fetch_max(buffer.len() as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[test]
fn data_are_not_read_and_code_is_read_in_pieces() {
    let body = [vec![0], vec![0x01; 1000], vec![0x0b]].concat();
    let bodies: Vec<u8> = vector(&body).repeat(4000);
    let mut sections = with_body(&[]);
    sections[1] = section(3, &[leb(4000), vec![0; 4000]].concat());
    sections[3] = section(10, &[leb(4000), bodies].concat());
    sections[4] = data(&[passive(&vec![7; 8 << 20])]);
    let source = Counted {
        bytes: module(&sections),
        read: AtomicU64::new(0),
        largest: AtomicU64::new(0),
    };
    assert_eq!(
        only(&read(&source).unwrap()),
        (SegmentVerdict::Streamable, None)
    );
    let (read, largest) = (source.read.into_inner(), source.largest.into_inner());
    assert!((4 << 20..5 << 20).contains(&read), "{read}");
    assert!(largest <= 1 << 18, "{largest}");
}

#[test]
fn a_source_that_fails_is_an_error() {
    struct Failing(Vec<u8>);
    impl Source for Failing {
        fn size(&self) -> io::Result<u64> {
            self.0.size()
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            match buffer.len() > 16 * 1024 {
                true => Err(io::Error::other("gone")),
                false => self.0.read_at(offset, buffer),
            }
        }
    }
    let error = read(&Failing(module(&with_body(&[0x01])))).unwrap_err();
    assert!(error.to_string().starts_with("reading at byte"), "{error}");
    let error = read(b"no component".as_slice()).unwrap_err();
    assert!(
        error.to_string().starts_with("not a WebAssembly"),
        "{error}"
    );
}
