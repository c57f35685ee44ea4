use super::*;

fn text(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| b"(module (func))"[at * at % 15])
        .collect()
}

fn frame(content: &[u8], level: u8) -> Vec<u8> {
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
fn what_was_compressed_comes_back() {
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

#[test]
fn what_saves_less_than_a_tenth_stays_raw() {
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(300_000)
    .collect();
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
fn undeclared(content: &[u8], window_log: u32) -> Vec<u8> {
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
