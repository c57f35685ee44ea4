use super::super::append_raw_frame;
use super::super::tests::{blocks, frame, text, undeclared};
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

const MAX: u64 = MAX_FRAME_CONTENT;

fn walk(blob: &[u8]) -> io::Result<Vec<FrameSize>> {
    FrameWalk::new(blob)?.collect()
}

fn defect(error: io::Error) -> FrameError {
    error.downcast().unwrap()
}

#[test]
fn a_walk_finds_every_frame_and_its_content_size() {
    for size in [
        100,
        255,
        256,
        70_000,
        MAX - 1,
        MAX,
        MAX + 1,
        2 * MAX,
        2 * MAX + 70_000,
    ] {
        let blob = frame(&text(size as usize), 1);
        let found = walk(&blob).unwrap();
        let contents: Vec<_> = found.iter().map(|frame| frame.content).collect();
        let expected = content_ranges(size).map(|range| Some(range.end - range.start));
        assert_eq!(contents, expected.collect::<Vec<_>>(), "{size}");
        let stored: Vec<u64> = found.iter().map(|frame| frame.stored).collect();
        assert_eq!(stored.iter().sum::<u64>(), blob.len() as u64, "{size}");
        let frames = Frames::of_blob(&blob, Encoding::Zstd, size).unwrap();
        match size <= MAX {
            true => assert_eq!(frames, Frames::default()),
            false => assert_eq!(frames.sizes(), stored),
        }
    }
}

#[test]
fn a_walk_reads_headers_of_every_form() {
    let content = text(300_000);
    let mut raw = Vec::new();
    append_raw_frame(&content, &mut raw);
    let zeros = frame(&vec![0; 500_000], 1);
    let no_size = undeclared(&content, 20);
    let all = [&raw[..], &zeros, &no_size].concat();
    let sizes: Vec<_> = walk(&all).unwrap();
    let expected = [
        (&raw, Some(300_000)),
        (&zeros, Some(500_000)),
        (&no_size, None),
    ];
    let expected = expected.map(|(blob, content)| FrameSize {
        stored: blob.len() as u64,
        content,
    });
    assert_eq!(sizes, expected);
}

#[test]
fn a_layer_in_one_frame_has_no_list() {
    let content = text(MAX as usize + 5);
    let one = undeclared(&content, 20);
    for (blob, encoding) in [(&one, Encoding::Zstd), (&content, Encoding::Raw)] {
        let frames = Frames::of_blob(blob, encoding, MAX + 5).unwrap();
        assert_eq!(frames, Frames::default());
    }
}

#[test]
fn a_walk_over_damaged_frames_ends_with_an_error() {
    let blob = frame(&text(MAX as usize + 300_000), 1);
    let first = walk(&blob).unwrap()[0].stored as usize;
    for cut in (1..blob.len()).filter(|cut| *cut != first) {
        let found = defect(walk(&blob[..cut]).unwrap_err());
        assert!(
            matches!(found, FrameError::CutOff | FrameError::Zstd(_)),
            "{cut}: {found}"
        );
    }
    let skippable = b"\x50\x2a\x4d\x18\x04\0\0\0skip";
    let trailing = [&blob[..], b"0"].concat();
    for bad in [&skippable[..], b"\0", &trailing] {
        assert!(matches!(
            defect(walk(bad).unwrap_err()),
            FrameError::Zstd(_)
        ));
    }
    // Block type 3 is reserved.
    let mut reserved = Vec::new();
    append_raw_frame(b"content", &mut reserved);
    reserved[9] |= 0b110;
    assert!(walk(&reserved).is_err());
    // Any byte may be wrong; the walk still ends.
    for at in 0..blob.len() {
        for wrong in [0, 0x55, 0xff] {
            let mut blob = blob.clone();
            blob[at] = wrong;
            let frames = FrameWalk::new(&blob).unwrap();
            assert!(frames.count() <= blob.len() / 9);
        }
    }
}

#[test]
fn blobs_whose_frames_do_not_fit_the_content_have_no_frames() {
    let full = text(MAX as usize);
    let (eight, rest, less) = (frame(&full, 1), frame(&text(300), 1), frame(&full[1..], 1));
    let size = MAX + 300;
    let frames = |parts: &[&Vec<u8>]| {
        let blob: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        Frames::of_blob(&blob, Encoding::Zstd, size).map_err(defect)
    };
    let sizes = vec![eight.len() as u64, rest.len() as u64];
    assert_eq!(frames(&[&eight, &rest]), Ok(Frames(sizes)));
    let uneven = |index, expected, found| {
        Err(FrameError::Uneven {
            index,
            expected,
            found,
        })
    };
    assert_eq!(frames(&[&less, &rest]), uneven(0, MAX, Some(MAX - 1)));
    assert_eq!(frames(&[&eight, &eight]), uneven(1, 300, Some(MAX)));
    let no_size = undeclared(&text(300), 20);
    assert_eq!(frames(&[&eight, &no_size]), uneven(1, 300, None));
    assert_eq!(frames(&[&eight, &rest, &rest]), Err(FrameError::Trailing));
    let truncated = |found| {
        Err(FrameError::Truncated {
            expected: size,
            found,
        })
    };
    assert_eq!(frames(&[&eight]), truncated(MAX));
    assert_eq!(frames(&[]), truncated(0));
}

#[test]
fn lists_that_do_not_fit_the_layer_are_refused() {
    let checked = |sizes: &[u64], content, stored| Frames::checked(sizes.to_vec(), content, stored);
    assert_eq!(checked(&[5, 6], MAX + 1, 11), Some(Frames(vec![5, 6])));
    assert_eq!(checked(&[5, 6], 2 * MAX, 11), Some(Frames(vec![5, 6])));
    for (sizes, content, stored) in [
        (&[][..], MAX + 1, 0),
        (&[11], MAX, 11),
        (&[11], MAX + 1, 11),
        (&[5, 6], MAX, 11),
        (&[5, 6], 2 * MAX + 1, 11),
        (&[5, 6], MAX + 1, 12),
        (&[0, 11], MAX + 1, 11),
        (&[u64::MAX, 12], MAX + 1, 11),
        (&[5, 6], u64::MAX, 11),
    ] {
        assert_eq!(
            checked(sizes, content, stored),
            None,
            "{sizes:?} {content} {stored}"
        );
    }
}

#[test]
fn a_part_is_the_frames_that_hold_a_range() {
    let frames = Frames(vec![10, 20, 30]);
    let size = 2 * MAX + 100;
    for (range, count, content, stored) in [
        (0..1, 1, 0..MAX, 0..10),
        (MAX - 1..MAX, 1, 0..MAX, 0..10),
        (MAX..2 * MAX, 1, MAX..2 * MAX, 10..30),
        (MAX - 1..MAX + 1, 2, 0..2 * MAX, 0..30),
        (2 * MAX + 5..2 * MAX + 6, 1, 2 * MAX..size, 30..60),
        (0..size, 3, 0..size, 0..60),
    ] {
        assert_eq!(Frames::count_in(&range), count, "{range:?}");
        assert_eq!(frames.part(&range, size), StoredPart { content, stored });
    }
}

#[test]
fn a_walk_over_small_blocks_reads_many_at_once() {
    struct Counted<'a>(&'a [u8], AtomicUsize);
    impl Source for Counted<'_> {
        fn size(&self) -> io::Result<u64> {
            self.0.size()
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read_at(offset, buffer)
        }
    }
    let blob = blocks(40_000);
    let counted = Counted(&blob, AtomicUsize::new(0));
    let frames: Vec<_> = FrameWalk::new(&counted).unwrap().collect();
    assert_eq!(frames[0].as_ref().unwrap().stored, blob.len() as u64);
    let reads = counted.1.into_inner();
    assert!((1..3_000).contains(&reads), "{reads} reads");
}
