use super::*;

pub(super) fn text(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| b"(module (func))"[at * at % 15])
        .collect()
}

/// Returns frames that hold a content.
pub(super) fn frame(content: &[u8], level: u8) -> Vec<u8> {
    let mut frame = Vec::new();
    let size = content.len() as u64;
    assert!(compress(&mut &*content, size, level, &mut frame).unwrap());
    frame
}

fn decode(stored: &[u8], size: u64) -> Result<Vec<u8>, FrameError> {
    let mut content = Vec::new();
    let mut decoder = Decoder::new(stored, Encoding::Zstd, size).unwrap();
    match decoder.read_to_end(&mut content) {
        Ok(_) => Ok(content),
        Err(error) => Err(error.downcast::<FrameError>().unwrap()),
    }
}

#[test]
fn compressed_content_decodes_unchanged() {
    for size in [
        100,
        PIECE_BYTES - 1,
        PIECE_BYTES,
        PIECE_BYTES + 1,
        1_000_003,
    ] {
        let content = text(size);
        for level in [1, 9, 19] {
            let frame = frame(&content, level);
            assert_eq!(decode(&frame, size as u64).as_ref(), Ok(&content));
            assert_eq!(declared_size(&frame), Ok(Some(size as u64)));
        }
    }
}

#[test]
fn a_frame_does_not_depend_on_how_its_content_arrives() {
    struct Dribble<'a>(&'a [u8]);
    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let wanted = buffer.len().min(777);
            self.0.read(&mut buffer[..wanted])
        }
    }
    let content = text(700_000);
    let mut dribbled = Vec::new();
    compress(&mut Dribble(&content), 700_000, 3, &mut dribbled).unwrap();
    assert_eq!(dribbled, frame(&content, 3));
}

const MAX: usize = MAX_FRAME_CONTENT as usize;

#[test]
fn content_around_the_limits_of_frames_decodes_unchanged() {
    for size in [MAX - 1, MAX, MAX + 1, 2 * MAX - 1, 2 * MAX, 2 * MAX + 1] {
        let content = text(size);
        let frames = frame(&content, 1);
        let mut decoder = Decoder::new(&frames[..], Encoding::Zstd, size as u64).unwrap();
        let (mut found, mut piece) = (Vec::new(), vec![0; 99_991]);
        loop {
            match decoder.read(&mut piece).unwrap() {
                0 => break,
                read => found.extend_from_slice(&piece[..read]),
            }
        }
        assert!(found == content, "{size}");
    }
}

/// Returns a frame of 8 MiB in a number of raw blocks, of which all but the last have 192 bytes.
pub(super) fn blocks(count: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
    frame.extend_from_slice(&(MAX as u32).to_le_bytes());
    for block in 1..=count {
        let size = match block == count {
            true => MAX - 192 * (count - 1),
            false => 192,
        };
        let header = (size as u32) << 3 | u32::from(block == count);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend(std::iter::repeat_n(b'x', size));
    }
    frame
}

#[test]
fn a_frame_header_may_lie_across_two_input_pieces() {
    let rest = frame(&text(1000), 1);
    let mut before = Vec::new();
    for count in 43_681..=43_687 {
        let first = blocks(count);
        before.push(PIECE_BYTES - first.len() % PIECE_BYTES);
        let content = decode(&[&first[..], &rest].concat(), MAX as u64 + 1000).unwrap();
        assert!(content[MAX..] == text(1000));
    }
    assert_eq!(before, [20, 17, 14, 11, 8, 5, 2]);
}

#[test]
fn several_frames_that_do_not_share_the_content_are_refused() {
    let full = text(MAX);
    let (eight, rest, less) = (frame(&full, 1), frame(&text(300), 1), frame(&full[1..], 1));
    let size = MAX as u64 + 300;
    let decoded = |parts: &[&Vec<u8>]| {
        let blob: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        decode(&blob, size).map(|content| content.len() as u64)
    };
    assert_eq!(decoded(&[&eight, &rest]), Ok(size));
    let declared = FrameError::Declared {
        expected: size,
        found: MAX as u64 - 1,
    };
    assert_eq!(decoded(&[&less, &rest]), Err(declared));
    let uneven = |found| {
        Err(FrameError::Uneven {
            index: 1,
            expected: 300,
            found,
        })
    };
    assert_eq!(decoded(&[&eight, &eight]), uneven(Some(MAX as u64)));
    assert_eq!(
        decoded(&[&eight, &undeclared(&text(300), 20)]),
        uneven(None)
    );
    assert_eq!(decoded(&[&eight, &rest, &rest]), Err(FrameError::Trailing));
    assert_eq!(
        decoded(&[&eight, &rest, &vec![0]]),
        Err(FrameError::Trailing)
    );
    let truncated = |found| {
        Err(FrameError::Truncated {
            expected: size,
            found,
        })
    };
    assert_eq!(decoded(&[&eight]), truncated(MAX as u64));
    let cut = rest[..rest.len() - 1].to_vec();
    assert!(decoded(&[&eight, &cut]).is_err());
    let skippable = b"\x50\x2a\x4d\x18\x04\0\0\0skip".to_vec();
    assert_eq!(decoded(&[&eight, &skippable, &rest]), uneven(Some(0)));
    // Older writers made one frame of any size.
    let content = text(MAX + 300);
    let one = undeclared(&content, 20);
    assert_eq!(decoded(&[&one]), Ok(size));
    assert_eq!(decoded(&[&one, &rest]), Err(FrameError::Trailing));
}

#[test]
fn the_stored_bytes_do_not_depend_on_the_number_of_encoders() {
    let content: Vec<u8> = (0..3 * MAX + 77).map(|at| ((at * at) >> 9) as u8).collect();
    let expected = frame(&content, 1);
    let content = std::sync::Arc::new(content);
    for threads in [1, 2, 8] {
        let encoders = Encoders::with_threads(Level::Fixed(1), threads);
        let mut stored = Vec::new();
        let frames = encoders.compress(content.clone(), 1, |frame| {
            stored.extend_from_slice(frame);
            Ok(())
        });
        let frames = frames.unwrap().unwrap();
        assert!(stored == expected, "{threads}");
        let walked = Frames::of_blob(&stored, Encoding::Zstd, content.len() as u64);
        assert_eq!(frames, walked.unwrap());
        assert_eq!(frames.sizes().len(), 4);
    }
}

#[test]
fn the_frames_together_must_save_a_tenth() {
    let mut content = noise(2 * MAX);
    let encoders = Encoders::with_threads(Level::Fixed(1), 2);
    for (zeros, saves) in [(MAX / 10, false), (MAX / 4, true)] {
        content[MAX..MAX + zeros].fill(0);
        let size = content.len() as u64;
        let found = compress(&mut content.as_slice(), size, 1, &mut io::sink());
        assert_eq!(found.unwrap(), saves, "{zeros}");
        let content = std::sync::Arc::new(content.clone());
        let found = encoders.compress(content, 1, |_| Ok(()));
        assert_eq!(found.unwrap().is_some(), saves, "{zeros}");
    }
}

#[test]
fn an_encoder_that_cannot_read_or_write_reports_its_error() {
    struct Broken;
    impl crate::source::Source for Broken {
        fn size(&self) -> io::Result<u64> {
            Ok(5 * MAX as u64)
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            if offset >= 3 * MAX as u64 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            buffer.fill(0);
            Ok(buffer.len())
        }
    }
    let encoders = Encoders::with_threads(Level::Fixed(1), 2);
    let error = encoders.compress(std::sync::Arc::new(Broken), 1, |_| Ok(()));
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
    let content = std::sync::Arc::new(vec![0; 5 * MAX]);
    let full = |_: &[u8]| Err(io::ErrorKind::StorageFull.into());
    let error = encoders.compress(content.clone(), 1, full);
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
    // The threads and their memory are free again.
    let frames = encoders.compress(content, 1, |_| Ok(()));
    assert_eq!(frames.unwrap().unwrap().sizes().len(), 5);
}

fn noise(size: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    });
    next.take(size).collect()
}

#[test]
fn content_that_compresses_by_less_than_a_tenth_stays_raw() {
    let noise = noise(300_000);
    assert!(!compress(&mut noise.as_slice(), 300_000, 9, &mut Vec::new()).unwrap());
    assert!(!compress(&mut [7].as_slice(), 1, 9, &mut Vec::new()).unwrap());
}

#[test]
fn an_early_end_of_the_content_is_an_error() {
    let error = compress(&mut text(99).as_slice(), 100, 9, &mut io::sink());
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn hostile_frames_are_refused() {
    let content = text(500_000);
    let good = frame(&content, 9);
    let size = content.len() as u64;
    for cut in [0, 3, 9, good.len() / 2, good.len() - 1] {
        assert!(decode(&good[..cut], size).is_err(), "cut at {cut}");
    }
    let mut trailing = good.clone();
    trailing.push(0);
    assert_eq!(decode(&trailing, size), Err(FrameError::Trailing));
    let twice = [good.clone(), good.clone()].concat();
    assert_eq!(decode(&twice, size), Err(FrameError::Trailing));
    let expected = size - 1;
    let declared = FrameError::Declared {
        expected,
        found: size,
    };
    assert_eq!(decode(&good, expected), Err(declared));
    assert!(matches!(decode(&content, size), Err(FrameError::Zstd(_))));
}

/// Returns a frame without a declared size, as a streaming encoder without a pledged size writes it.
pub(super) fn undeclared(content: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = CCtx::create();
    encoder
        .set_parameter(CParameter::WindowLog(window_log))
        .unwrap();
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(content.len()) + 64);
    let mut space = OutBuffer::around(&mut frame);
    let (first, rest) = content.split_at(content.len() / 2);
    let go_on = ZSTD_EndDirective::ZSTD_e_continue;
    encoder
        .compress_stream2(&mut space, &mut InBuffer::around(first), go_on)
        .unwrap();
    let end = ZSTD_EndDirective::ZSTD_e_end;
    encoder
        .compress_stream2(&mut space, &mut InBuffer::around(rest), end)
        .unwrap();
    frame
}

#[test]
fn a_bomb_is_stopped_at_the_declared_size() {
    let bomb = undeclared(&vec![0; 64 << 20], 20);
    assert!(bomb.len() < 16_384);
    assert_eq!(decode(&bomb, 1000), Err(FrameError::Bomb(1000)));
    let expected = 65 << 20;
    let truncated = FrameError::Truncated {
        expected,
        found: 64 << 20,
    };
    assert_eq!(decode(&bomb, expected), Err(truncated));
}

#[test]
fn a_window_above_the_limit_is_refused() {
    let wide = undeclared(&text(200_000), MAX_WINDOW_LOG + 1);
    assert!(matches!(decode(&wide, 200_000), Err(FrameError::Zstd(_))));
    let widest = undeclared(&text(200_000), MAX_WINDOW_LOG);
    assert_eq!(
        decode(&widest, 200_000).map(|content| content.len()),
        Ok(200_000)
    );
}
