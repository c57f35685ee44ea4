//! Compares the layers of versions by the digests of their contents.

use std::collections::HashSet;

use super::address::PageAddress;
use crate::artifact::Layer;
use crate::digest::Digest;

/// Another version in a comparison.
#[derive(Debug, Clone)]
pub(super) struct ComparedVersion {
    /// Its tag.
    pub(super) name: String,
    pub(super) address: Option<PageAddress>,
    /// The digests of its layers' contents, or the reason why they are unknown.
    pub(super) contents: Result<HashSet<Digest>, String>,
}

/// The number and size of some layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LayerTotals {
    pub(super) layers: usize,
    /// Bytes of content.
    pub(super) content: u64,
    /// Bytes as stored. A blob that occurs twice counts once.
    pub(super) stored: u64,
}

/// Sums up layers.
pub(super) fn sum<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> LayerTotals {
    let mut blobs = HashSet::new();
    let mut sum = LayerTotals::default();
    for layer in layers {
        sum.layers += 1;
        sum.content = sum.content.saturating_add(layer.content.size);
        if blobs.insert(layer.blob.digest) {
            sum.stored = sum.stored.saturating_add(layer.blob.size);
        }
    }
    sum
}

impl ComparedVersion {
    /// Returns whether this version also has the content of a layer.
    pub(super) fn has(&self, layer: &Layer) -> bool {
        let contents = self.contents.as_ref();
        contents.is_ok_and(|contents| contents.contains(&layer.content.digest))
    }
}

/// Divides layers into shared ones, which another version has too, and the others.
pub(super) fn partition_shared<'a>(
    layers: &'a [Layer],
    others: &[ComparedVersion],
) -> (Vec<&'a Layer>, Vec<&'a Layer>) {
    let elsewhere = |layer: &&Layer| others.iter().any(|other| other.has(layer));
    layers.iter().partition(elsewhere)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::digest::Identity;
    use crate::encoding::{Encoding, Frames};

    pub(in crate::gateway::page) fn layer(path: &str, offset: u64, size: u64) -> Layer {
        let digest = Digest::of(path.as_bytes());
        Layer {
            blob: Identity {
                digest: Digest::of(digest.bytes()),
                size: size / 4,
            },
            encoding: Encoding::Zstd,
            frames: Frames::default(),
            content: Identity { digest, size },
            offset,
            path: path.to_owned(),
            title: String::new(),
        }
    }

    pub(in crate::gateway::page) fn other(name: &str, layers: &[&str]) -> ComparedVersion {
        let contents = layers.iter().map(|path| Digest::of(path.as_bytes()));
        ComparedVersion {
            name: name.to_owned(),
            address: PageAddress::tagged("demo/app", name),
            contents: Ok(contents.collect()),
        }
    }

    #[test]
    fn shared_and_own_layers_are_all_of_them() {
        let layers = [
            layer("", 0, 100),
            layer("code[0]", 40, 4000),
            layer("data[0]", 4100, 800),
        ];
        let others = [
            other("1.0.0", &["code[0]", "x"]),
            other("1.1.0", &[]),
            ComparedVersion {
                contents: Err("gone".to_owned()),
                ..other("0.1.0", &[])
            },
        ];
        let (shared, own) = partition_shared(&layers, &others);
        let expected = LayerTotals {
            layers: 1,
            content: 4000,
            stored: 1000,
        };
        assert_eq!(sum(shared), expected);
        let expected = LayerTotals {
            layers: 2,
            content: 900,
            stored: 225,
        };
        assert_eq!(sum(own), expected);
    }

    #[test]
    fn a_blob_is_stored_once() {
        let layers = [layer("a", 0, 400), layer("a", 400, 400)];
        let expected = LayerTotals {
            layers: 2,
            content: 800,
            stored: 100,
        };
        assert_eq!(sum(&layers), expected);
        let huge = [layer("a", 0, u64::MAX), layer("b", 0, u64::MAX)];
        assert_eq!(sum(&huge).content, u64::MAX);
    }
}
