mod methods;

use std::io::{self, Read, Write};

use super::*;
use crate::component::Component;
use crate::digest::{Digest, Identity};
use crate::split::SplitPolicy;

const POLICY: SplitPolicy = SplitPolicy {
    floor: 16,
    ..SplitPolicy::DEFAULT
};

const BEST: Options = Options {
    level: 12,
    effort: Effort::Best,
    memory: Options::DEFAULT_MEMORY,
};

/// Returns bytes that do not compress, the same for the same seed.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..size).map(step).collect()
}

fn encode(base: &[u8], content: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    let size = content.len() as u64;
    prefix::encode(base, &mut &content[..], size, 9, &mut output).unwrap();
    output
}

fn decode(base: &[u8], stored: &[u8], size: u64) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    prefix::decode(base, &mut &stored[..], size, &mut output)?;
    Ok(output)
}

#[test]
fn every_frame_reaches_the_whole_base() {
    let base = noise(1, 3 * 1024 * 1024);
    for size in [0, 1, 8 << 20, (8 << 20) + 1, 17 << 20] {
        let mut content: Vec<u8> = base.iter().copied().cycle().take(size).collect();
        if let Some(byte) = content.get_mut(size / 2) {
            *byte ^= 1;
        }
        let stored = encode(&base, &content);
        assert!(stored.len() < 60_000, "{size}: {}", stored.len());
        assert!(decode(&base, &stored, size as u64).unwrap() == content);
    }
}

#[test]
fn all_of_a_large_base_is_found() {
    let base = noise(10, 24 << 20);
    let mut content = base.clone();
    for at in [5_000, 9 << 20, 20 << 20] {
        content[at] ^= 1;
    }
    let stored = encode(&base, &content);
    assert!(stored.len() < 20_000, "{} bytes", stored.len());
    assert!(decode(&base, &stored, content.len() as u64).unwrap() == content);
}

#[test]
fn frames_that_lie_are_errors() {
    let content = noise(2, (8 << 20) + 100);
    let stored = encode(&[], &content);
    let size = content.len() as u64;
    assert!(decode(&[], &stored, size - 1).is_err());
    assert!(decode(&[], &stored, size + 1).is_err());
    assert!(decode(&[], &stored[..stored.len() - 1], size).is_err());
    let longer = [&stored[..], &[0]].concat();
    assert!(decode(&[], &longer, size).is_err());
    assert!(decode(&[], &longer, size + (8 << 20)).is_err());
    let two = [encode(&[], b"one"), encode(&[], b"two")].concat();
    assert!(decode(&[], &two, 6).is_err());
}

fn component(data: &[u8], functions: usize) -> Vec<u8> {
    let text: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let bodies: String = (0..functions)
        .map(|number| format!("(func (export \"f{number}\") (result i32) i32.const {number})"))
        .collect();
    let text = format!(
        "(component (core module (memory 1) {bodies} (data (i32.const 0) \"{text}\")) \
         (@custom \"note\" \"the same note in every version\"))"
    );
    wat::parse_str(text).unwrap()
}

fn read(bytes: &[u8]) -> Component<Vec<u8>> {
    Component::read(bytes.to_vec(), &POLICY).unwrap()
}

fn scratch() -> std::fs::File {
    tempfile::tempfile().unwrap()
}

fn standalone(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let (old, new) = (read(old), read(new));
    let made = make(
        &old,
        &new,
        &POLICY,
        BEST,
        &mut scratch(),
        &mut file,
        &|_| {},
    )
    .unwrap();
    assert_eq!(made.size, file.len() as u64);
    assert!(!made.is_limited);
    file
}

fn apply(old: &[u8], file: &[u8]) -> Result<Vec<u8>, Error> {
    let delta = DeltaFile::open(file.to_vec())?;
    let mut output = Vec::new();
    patch(&read(old), &delta, &mut scratch(), &mut output)?;
    Ok(output)
}

#[test]
fn a_standalone_file_rebuilds_the_component() {
    let (old, new) = (
        component(&noise(3, 5000), 40),
        component(&noise(3, 5100), 45),
    );
    let file = standalone(&old, &new);
    assert!(apply(&old, &file).unwrap() == new);
    assert!(file.len() < 1000, "{} bytes", file.len());
    assert_eq!(standalone(&old, &new), file);
    // A module has no section in common with the component.
    let module = wat::parse_str("(module (func (export \"run\")))").unwrap();
    assert!(apply(&module, &standalone(&module, &new)).unwrap() == new);
    assert!(apply(&new, &standalone(&new, &new)).unwrap() == new);
}

#[test]
fn another_old_component_is_refused() {
    let (old, new) = (component(&noise(4, 300), 4), component(&noise(5, 300), 4));
    let file = standalone(&old, &new);
    let error = apply(&new, &file).unwrap_err();
    assert!(matches!(error, Error::WrongSource { .. }), "{error}");
}

#[test]
fn parts_of_later_versions_are_refused_by_a_standalone_file() {
    let (old, new) = (component(&noise(6, 300), 4), component(&noise(7, 300), 4));
    let file = standalone(&old, &new);
    let (header, size) = Header::read(&file[..]).unwrap();
    let changed = |change: &dyn Fn(&mut Part)| {
        let mut header = header.clone();
        header.parts.iter_mut().skip(1).for_each(change);
        [&header.to_bytes(), &file[size as usize..]].concat()
    };
    for (file, what) in [
        (
            changed(&|part| part.method = Method::from_number(9)),
            "method",
        ),
        (changed(&|part| part.kind = PartKind::Unknown(7, 1)), "kind"),
    ] {
        match apply(&old, &file) {
            Err(Error::Unsupported { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn headers_are_written_and_read_back() {
    let digest = Digest::of(b"base");
    let part = Part {
        kind: PartKind::Layer(300),
        method: Method::Prefix,
        size: 1 << 40,
        base: Some(Identity { digest, size: 127 }),
        map: 0,
        length: 128,
    };
    let other = Part {
        kind: PartKind::Unknown(200, 5),
        method: Method::Unknown(77),
        base: None,
        map: 1,
        ..part
    };
    for policy in [None, Some(POLICY)] {
        let header = Header {
            source: Digest::of(b"old"),
            target: Digest::of(b"new"),
            policy,
            parts: vec![part, other],
        };
        let bytes = header.to_bytes();
        let (read, size) = Header::read(&bytes[..]).unwrap();
        assert_eq!((read, size), (header, bytes.len() as u64));
        for end in 0..bytes.len() {
            assert!(Header::read(&bytes[..end]).is_err(), "{end}");
        }
    }
}

#[test]
fn other_files_are_not_delta_files() {
    for bytes in [&b""[..], b"wharf\0", b"\0asm\x01\0\0\0 and more"] {
        let error = DeltaFile::open(bytes.to_vec()).unwrap_err();
        assert!(matches!(error, Error::NotDelta), "{error}");
    }
    let error = DeltaFile::open(b"wharf\0d\x02".to_vec()).unwrap_err();
    assert!(matches!(error, Error::Version(2)), "{error}");
}

#[test]
fn numbers_have_one_form() {
    let bytes = standalone(&component(b"a", 1), &component(b"b", 1));
    // The floor of 16 follows two digests and the granularity.
    let at = 8 + 64 + 1;
    assert_eq!(bytes[at], 16);
    let padded = [&bytes[..at], &[0x90, 0x00], &bytes[at + 1..]].concat();
    let error = DeltaFile::open(padded).unwrap_err();
    assert!(matches!(error, Error::Header { .. }), "{error}");
}

/// The number of changed files that this test tries; `WHARF_TEST_MUTATIONS` sets it for long runs.
fn mutations() -> u64 {
    let count = std::env::var("WHARF_TEST_MUTATIONS").ok();
    count.map_or(3000, |count| count.parse().unwrap())
}

#[test]
fn changed_files_give_the_component_or_an_error() {
    let (old, new) = (
        component(&noise(8, 3000), 30),
        component(&noise(8, 3300), 33),
    );
    let file = standalone(&old, &new);
    let other = standalone(&new, &old);
    let mut rebuilt = 0;
    for seed in 0..mutations() {
        let random = noise(seed + 1, 16);
        let number = |at: usize| usize::from(random[at]) << 8 | usize::from(random[at + 1]);
        let mut changed = file.clone();
        // Half of the changes are near the header.
        let reach = if seed % 2 == 0 { 400 } else { file.len() };
        let at = number(0) % reach.min(file.len());
        match seed % 5 {
            0 => changed[at] ^= 1 << (random[2] & 7),
            1 => changed[at] = random[2],
            2 => drop(changed.drain(at..(at + number(4) % 50).min(file.len()))),
            3 => drop(changed.splice(at..at, random[6..].to_vec())),
            _ => {
                let from = number(4) % other.len();
                let length = (number(6) % 64)
                    .min(other.len() - from)
                    .min(file.len() - at);
                changed[at..at + length].copy_from_slice(&other[from..from + length]);
            }
        }
        if let Ok(component) = apply(&old, &changed) {
            assert!(component == new, "seed {seed}");
            rebuilt += 1;
        }
    }
    // Most changes must be noticed; some change nothing.
    assert!(rebuilt < mutations() / 4, "{rebuilt}");
}

/// Counts the bytes that are read.
struct CountingReader<'a> {
    bytes: &'a [u8],
    read: usize,
}

impl Read for CountingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

#[test]
fn a_part_that_is_too_large_is_not_read_to_its_end() {
    let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
    let contents = [10, 11].map(|seed| noise(seed, 4 << 20));
    let (mut parts, options) = (scratch(), Options { level: 9, ..BEST });
    let mut writer = DeltaWriter::new(old, new, None, options, &mut parts, &|_| {});
    let mut add = |bytes: &mut dyn Read, size, limit| {
        let content = PartContent {
            kind: PartKind::Layer(size),
            role: Role::Other,
            size,
            bytes: Box::new(bytes),
            base: None,
            limit,
        };
        writer.add(vec![content]).unwrap()[0]
    };
    let [large, other] = &contents;
    let mut reader = CountingReader {
        bytes: large,
        read: 0,
    };
    assert!(!add(&mut reader, 4 << 20, 200_000));
    assert!(reader.read < 1 << 20, "{}", reader.read);
    let length = encode(&[], &other[..1000]).len() as u64;
    assert!(add(&mut &other[..1000], 1000, u64::MAX));
    // The limit is the first size that is too large.
    assert!(!add(&mut &other[..1000], 1000, length));
    assert!(add(&mut &other[..1000], 1000, length + 1));
    let mut file = Vec::new();
    writer.finish(&mut file).unwrap();
    let delta = DeltaFile::open(file).unwrap();
    for part in 0..2 {
        let (expected, mut output) = (Identity::of(&other[..1000]), Vec::new());
        let base = Base::Memory(&[]);
        delta.decode(part, base, expected, &mut output).unwrap();
        assert!(output == other[..1000]);
    }
}

#[test]
fn a_failing_output_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let content = noise(9, 100);
    let mut reader = (&content[..]).take(100);
    assert!(prefix::encode(&[], &mut reader, 100, 9, &mut Full).is_err());
    let stored = encode(&[], &content);
    assert!(prefix::decode(&[], &mut &stored[..], 100, &mut Full).is_err());
}
