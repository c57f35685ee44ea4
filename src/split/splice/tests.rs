//! Tests of splicing, with correct and wrong parts.

use super::*;
use crate::digest::Digest;
use crate::pipe::BUFFERS;

/// More than all buffers together, so the threads wait for each other.
const LARGE: usize = (BUFFERS + 1) * BUFFER_BYTES;

/// A component of the runs root, layer, root, layer, with its parts.
struct Parts {
    whole: Vec<u8>,
    root: Vec<u8>,
    layers: [Vec<u8>; 2],
}

impl Parts {
    fn new(layer: usize) -> Self {
        let layers = [vec![1; layer], vec![2; layer + 1]];
        let [first, second] = &layers;
        let whole = [b"root", first.as_slice(), b"more", second].concat();
        Self {
            whole,
            root: b"rootmore".to_vec(),
            layers,
        }
    }

    fn recipe(&self) -> Recipe {
        let [first, second] = &self.layers;
        let layer = |offset: usize, content: &[u8]| RecipeLayer {
            offset: offset as u64,
            size: content.len() as u64,
            digest: Some(Digest::of(content)),
        };
        Recipe {
            content: Identity::of(&self.whole),
            root: RecipeLayer::new(0, Identity::of(&self.root)),
            layers: vec![layer(4, first), layer(8 + first.len(), second)],
        }
    }

    fn open(&self, layer: Option<usize>) -> io::Result<&[u8]> {
        Ok(layer.map_or(&self.root, |index| &self.layers[index]))
    }

    fn part(&mut self, layer: Option<usize>) -> &mut Vec<u8> {
        match layer {
            None => &mut self.root,
            Some(index) => &mut self.layers[index],
        }
    }

    /// Splices these parts with a recipe that may belong to others.
    fn splice(&self, recipe: &Recipe) -> Result<Vec<u8>, Error> {
        let mut output = Vec::new();
        splice(recipe, |layer| self.open(layer), &mut output)?;
        Ok(output)
    }
}

#[test]
fn parts_become_the_whole() {
    for size in [1, BUFFER_BYTES - 1, BUFFER_BYTES, LARGE] {
        let parts = Parts::new(size);
        assert!(parts.splice(&parts.recipe()).unwrap() == parts.whole);
    }
}

#[test]
fn a_component_may_be_all_root_or_all_layers() {
    let content = b"content".as_slice();
    let mut recipe = Recipe {
        content: Identity::of(content),
        root: RecipeLayer::new(0, Identity::of(content)),
        layers: Vec::new(),
    };
    let mut output = Vec::new();
    splice(&recipe, |_| Ok(content), &mut output).unwrap();
    assert_eq!(output, content);
    recipe.root = RecipeLayer::new(0, Identity::of(b""));
    recipe.layers.push(RecipeLayer {
        offset: 0,
        size: 7,
        digest: None,
    });
    let open = |layer: Option<usize>| Ok(layer.map_or(b"".as_slice(), |_| content));
    output.clear();
    splice(&recipe, open, &mut output).unwrap();
    assert_eq!(output, content);
    // The root is checked even if none of its bytes is needed.
    let error = splice(&recipe, |_| Ok(content), &mut io::sink()).unwrap_err();
    assert!(
        matches!(error, Error::Layer { layer: None, .. }),
        "{error:?}"
    );
    recipe.root.digest = Some(Digest::of(b"something else"));
    let error = splice(&recipe, open, &mut io::sink()).unwrap_err();
    assert!(
        matches!(error, Error::Content { layer: None, .. }),
        "{error:?}"
    );
}

#[test]
fn each_part_is_opened_once_and_in_order_of_need() {
    let parts = Parts::new(10);
    let mut opened = Vec::new();
    let open = |layer| {
        opened.push(layer);
        parts.open(layer)
    };
    splice(&parts.recipe(), open, &mut io::sink()).unwrap();
    assert_eq!(opened, [None, Some(0), Some(1)]);
}

#[test]
fn wrong_content_is_named() {
    for size in [10, LARGE] {
        let right = Parts::new(size);
        for part in [None, Some(0), Some(1)] {
            let mut wrong = Parts::new(size);
            let content = wrong.part(part);
            *content.last_mut().unwrap() ^= 1;
            match wrong.splice(&right.recipe()).unwrap_err() {
                Error::Content { layer, source } => {
                    assert_eq!(layer, part);
                    assert_eq!(source.expected.size, source.found.size);
                    assert_ne!(source.expected.digest, source.found.digest);
                }
                error => panic!("{part:?}: {error:?}"),
            }
        }
    }
}

#[test]
fn content_that_is_short_or_long_is_named() {
    for (size, change) in [(10, -1), (10, 1), (LARGE, -1), (LARGE, 1), (10, -8)] {
        let right = Parts::new(size);
        for part in [None, Some(0), Some(1)] {
            let mut wrong = Parts::new(size);
            let content = wrong.part(part);
            let length = content.len().saturating_add_signed(change);
            content.resize(length, 9);
            match wrong.splice(&right.recipe()).unwrap_err() {
                Error::Layer { layer, source } => {
                    assert_eq!(layer, part);
                    let kind = match change {
                        1 => io::ErrorKind::InvalidData,
                        _ => io::ErrorKind::UnexpectedEof,
                    };
                    assert_eq!(source.kind(), kind);
                }
                error => panic!("{part:?} {change}: {error:?}"),
            }
        }
    }
}

#[test]
fn a_part_that_cannot_be_opened_or_read_is_named() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let recipe = Parts::new(10).recipe();
    let error = splice(&recipe, |_| Ok(Broken), &mut io::sink()).unwrap_err();
    assert_eq!(error.to_string(), "reading layers[0] (the root)");
    let parts = Parts::new(10);
    let open = |layer| match layer {
        Some(1) => Err(io::ErrorKind::NotFound.into()),
        layer => parts.open(layer),
    };
    let error = splice(&recipe, open, &mut io::sink()).unwrap_err();
    assert_eq!(error.to_string(), "reading layers[2]");
}

#[test]
fn the_whole_is_checked_if_layers_have_no_digest() {
    let right = Parts::new(10);
    let mut recipe = right.recipe();
    recipe.layers[0].digest = None;
    assert!(right.splice(&recipe).is_ok());
    let mut wrong = Parts::new(10);
    wrong.layers[0][3] = 0;
    let error = wrong.splice(&recipe).unwrap_err();
    assert!(matches!(error, Error::Whole(_)), "{error:?}");
    let mut recipe = right.recipe();
    recipe.content.digest = Digest::of(b"another component");
    let error = right.splice(&recipe).unwrap_err();
    assert!(matches!(error, Error::Whole(_)), "{error:?}");
}

#[test]
fn layers_that_do_not_tile_are_refused_before_anything_is_opened() {
    // The component has 40 bytes and 8 bytes of root. Each layer is offset and size.
    let sum = |found| TileError::Sum {
        expected: 40,
        found,
    };
    let overlap = |index: usize, offset| TileError::Overlap {
        layer: index + 1,
        offset,
    };
    let outside = |index: usize, offset, size| TileError::Outside {
        layer: index + 1,
        offset,
        size,
    };
    let most = u64::MAX;
    let table: [(&[(u64, u64)], TileError); 14] = [
        (&[(4, 10), (13, 22)], overlap(1, 13)),
        (&[(4, 16), (4, 16)], overlap(1, 4)),
        (&[(20, 16), (4, 16)], overlap(1, 4)),
        (&[(4, 37)], outside(0, 4, 37)),
        (&[(41, 1)], outside(0, 41, 1)),
        (&[(4, 0)], outside(0, 4, 0)),
        (&[(4, 32), (40, 0)], outside(1, 40, 0)),
        (&[(most, 1)], outside(0, most, 1)),
        (&[(4, most)], outside(0, 4, most)),
        (&[(most, most)], outside(0, most, most)),
        (&[(4, 31)], sum(39)),
        (&[(4, 33)], sum(41)),
        (&[], sum(8)),
        (&[(0, 40)], sum(48)),
    ];
    let recipe = |layers: &[(u64, u64)]| Recipe {
        content: Identity::of(&[0; 40]),
        root: RecipeLayer::new(0, Identity::of(&[0; 8])),
        layers: layers
            .iter()
            .map(|&(offset, size)| RecipeLayer {
                offset,
                size,
                digest: None,
            })
            .collect(),
    };
    let never = |_| -> io::Result<&[u8]> { panic!("opened") };
    for (layers, expected) in table {
        match splice(&recipe(layers), never, &mut io::sink()).unwrap_err() {
            Error::Tiling(found) => assert_eq!(found, expected, "{layers:?}"),
            error => panic!("{layers:?}: {error:?}"),
        }
    }
    for layers in [[(0, 16), (16, 16)], [(8, 16), (24, 16)], [(1, 1), (9, 31)]] {
        assert_eq!(recipe(&layers).check_tiling(), Ok(()));
    }
    // The sum of these sizes overflows u64.
    let mut huge = recipe(&[(0, most - 1)]);
    huge.content.size = most;
    huge.root.size = most;
    let found = u128::from(most) * 2 - 1;
    let expected = most;
    assert_eq!(huge.check_tiling(), Err(TileError::Sum { expected, found }));
}

/// Accepts so many bytes, and then fails or panics.
struct Full {
    room: usize,
    panics: bool,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(self.room > 0 || !self.panics, "the disk is gone");
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        match taken {
            0 => Err(io::ErrorKind::StorageFull.into()),
            taken => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_ends_it() {
    let parts = Parts::new(LARGE);
    let recipe = parts.recipe();
    for room in [0, 3, BUFFER_BYTES, LARGE, parts.whole.len() - 1] {
        for panics in [false, true] {
            let mut output = Full { room, panics };
            let error = splice(&recipe, |layer| parts.open(layer), &mut output).unwrap_err();
            match error {
                Error::Write(source) if panics => {
                    assert_eq!(source.kind(), io::ErrorKind::Other)
                }
                Error::Write(source) => assert_eq!(source.kind(), io::ErrorKind::StorageFull),
                error => panic!("{room}: {error:?}"),
            }
        }
    }
    let (room, panics) = (parts.whole.len(), true);
    splice(
        &recipe,
        |layer| parts.open(layer),
        &mut Full { room, panics },
    )
    .unwrap();
}

#[test]
fn a_flush_that_fails_is_an_error() {
    struct Unflushed;
    impl Write for Unflushed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let parts = Parts::new(10);
    let outcome = splice(&parts.recipe(), |layer| parts.open(layer), &mut Unflushed);
    assert!(matches!(outcome, Err(Error::Write(_))));
}
