//! The plan of a body: which bytes of which layers to send, in order. A pure function.

use std::ops::Range;

use super::BodyForm;
use crate::artifact::{Layer, SplitManifest};
use crate::content::ContentKey;
use crate::encoding::{EncodedBlob, Encoding, StoredPart};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BodyPlan {
    /// The sources, in the order of their first use.
    pub(super) sources: Vec<BodySource>,
    /// The steps, in the order of sending.
    pub(super) steps: Vec<PlanStep>,
}

/// A blob or a decoded layer that steps read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodySource {
    pub(super) wanted: ContentKey,
    /// The part to read alone, unless the whole is on this machine. It has all bytes from `begin` to `end`.
    pub(super) part: Option<StoredPart>,
    /// The first byte to read.
    pub(super) begin: u64,
    /// The byte after the last one to read. The last byte waits until the whole source is verified.
    pub(super) end: u64,
    /// The last step that reads this source.
    pub(super) last: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlanStep {
    /// An index into [`BodyPlan::sources`].
    pub(super) source: usize,
    /// The range in the source; never empty.
    pub(super) range: Range<u64>,
    pub(super) framing: Framing,
}

/// The framing of sent bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    AsIs,
    /// In compressed zstd frames.
    Compressed,
    /// In zstd frames with raw blocks.
    Raw,
}

impl BodyPlan {
    /// Plans a body. In zstd form, layers that `is_decoded` accepts are framed from their contents.
    pub(super) fn new(
        manifest: &SplitManifest,
        form: &BodyForm,
        is_decoded: &dyn Fn(&Layer) -> bool,
    ) -> Self {
        let mut plan = Self::default();
        let recipe = manifest.recipe();
        // The root has several steps, every other layer has one.
        let mut root = None;
        let mut layers = Vec::new();
        let wanted = match form {
            BodyForm::Range(wanted) => wanted.clone(),
            BodyForm::Whole | BodyForm::Zstd => 0..manifest.content.size,
        };
        for part in recipe.layer_ranges(wanted) {
            let (is_root, range) = (part.layer.is_none(), part.content);
            let layer = part
                .layer
                .map_or(&manifest.root, |layer| &manifest.layers[layer]);
            let (wanted, range, framing) = match (form, layer.encoding) {
                (BodyForm::Zstd, Encoding::Raw) => (content(layer), range, Framing::Raw),
                (BodyForm::Zstd, Encoding::Zstd) if is_root || is_decoded(layer) => {
                    (content(layer), range, Framing::Compressed)
                }
                // The stored frames are sent unchanged.
                (BodyForm::Zstd, Encoding::Zstd) => (
                    ContentKey::Blob(layer.blob),
                    0..layer.blob.size,
                    Framing::AsIs,
                ),
                (BodyForm::Whole | BodyForm::Range(_), _) => (content(layer), range, Framing::AsIs),
            };
            let source = plan.source(wanted, &range, root.filter(|_| is_root));
            if source == layers.len() {
                layers.push(layer);
            }
            if is_root {
                root = Some(source);
            }
            plan.steps.push(PlanStep {
                source,
                range,
                framing,
            });
        }
        if let BodyForm::Range(_) = form {
            for (source, layer) in plan.sources.iter_mut().zip(layers) {
                source.part = layer.part(&(source.begin..source.end));
            }
        }
        plan
    }

    /// Adds the range of the next step to a known source or to a new one, and returns its index. The ranges of a source
    /// come in order.
    fn source(&mut self, wanted: ContentKey, range: &Range<u64>, known: Option<usize>) -> usize {
        let last = self.steps.len();
        if let Some(index) = known {
            (self.sources[index].end, self.sources[index].last) = (range.end, last);
            return index;
        }
        self.sources.push(BodySource {
            wanted,
            part: None,
            begin: range.start,
            end: range.end,
            last,
        });
        self.sources.len() - 1
    }
}

impl BodySource {
    /// Returns the bytes to fetch if the source is not on this machine.
    pub(super) fn fetched_bytes(&self) -> u64 {
        match &self.part {
            Some(part) => part.stored.end - part.stored.start,
            None => self.wanted.blob().size,
        }
    }
}

fn content(layer: &Layer) -> ContentKey {
    let Layer { blob, encoding, .. } = *layer;
    ContentKey::content(EncodedBlob { blob, encoding }, layer.content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digest, Identity};
    use crate::encoding::{Frames, MAX_FRAME_CONTENT};
    use crate::manifest::{Annotations, Os};

    fn layer(offset: u64, size: u64, encoding: Encoding) -> Layer {
        let identity = |size: u64| Identity {
            digest: Digest::of(&size.to_string().into_bytes()),
            size,
        };
        Layer {
            blob: match encoding {
                Encoding::Raw => identity(size),
                Encoding::Zstd => identity(size / 2),
            },
            encoding,
            frames: Frames::default(),
            content: identity(size),
            offset,
            path: String::new(),
            title: String::new(),
        }
    }

    /// 10 bytes of the root, 100 raw, 5 of the root, 200 in a frame.
    fn manifest() -> SplitManifest {
        let content = layer(0, 315, Encoding::Raw).content;
        SplitManifest {
            config: content,
            os: Os::Wasip1,
            content,
            imports: None,
            exports: None,
            names: None,
            flat_digest: content.digest,
            root: layer(0, 15, Encoding::Zstd),
            layers: vec![
                layer(10, 100, Encoding::Raw),
                layer(115, 200, Encoding::Zstd),
            ],
            annotations: Annotations::new(),
        }
    }

    fn steps(form: &BodyForm) -> Vec<(usize, Range<u64>, Framing)> {
        let plan = BodyPlan::new(&manifest(), form, &|_| false);
        let steps = plan.steps.into_iter();
        steps
            .map(|step| (step.source, step.range, step.framing))
            .collect()
    }

    #[test]
    fn runs_become_steps_and_the_root_is_one_source() {
        use Framing::{AsIs, Compressed, Raw};
        assert_eq!(
            steps(&BodyForm::Whole),
            [
                (0, 0..10, AsIs),
                (1, 0..100, AsIs),
                (0, 10..15, AsIs),
                (2, 0..200, AsIs)
            ]
        );
        assert_eq!(
            steps(&BodyForm::Zstd),
            [
                (0, 0..10, Compressed),
                (1, 0..100, Raw),
                (0, 10..15, Compressed),
                (2, 0..100, AsIs)
            ]
        );
        assert_eq!(
            steps(&BodyForm::Range(109..117)),
            [(0, 99..100, AsIs), (1, 10..15, AsIs), (2, 0..2, AsIs)]
        );
        assert_eq!(steps(&BodyForm::Range(115..116)), [(0, 0..1, AsIs)]);
        let plan = BodyPlan::new(&manifest(), &BodyForm::Whole, &|_| false);
        let root = &plan.sources[0];
        assert_eq!((root.begin, root.end, root.last), (0, 15, 2));
    }

    #[test]
    fn a_zstd_body_frames_a_content_whose_blob_is_not_here() {
        let form = BodyForm::Zstd;
        let plan = BodyPlan::new(&manifest(), &form, &|layer| layer.offset == 115);
        let last = plan.steps.last().unwrap();
        let expected = (&(0..200), Framing::Compressed);
        assert_eq!((&last.range, last.framing), expected);
        let wanted = plan.sources[last.source].wanted;
        assert_eq!(wanted, content(&manifest().layers[1]));
    }

    #[test]
    fn a_small_part_of_a_raw_layer_is_read_alone() {
        let blob = manifest().layers[0].blob;
        let source = |range| {
            let plan = BodyPlan::new(&manifest(), &BodyForm::Range(range), &|_| false);
            plan.sources[0].clone()
        };
        let part = source(20..69);
        assert_eq!(part.wanted, ContentKey::Blob(blob));
        let both = StoredPart {
            content: 10..59,
            stored: 10..59,
        };
        assert_eq!((part.part, part.begin, part.end), (Some(both), 10, 59));
        let whole = source(20..70);
        assert_eq!((whole.wanted, whole.part), (ContentKey::Blob(blob), None));
        assert!(matches!(
            source(115..116).wanted,
            ContentKey::Decoded { .. }
        ));
    }

    #[test]
    fn at_most_half_of_a_layers_frames_are_read_alone() {
        let size = 4 * MAX_FRAME_CONTENT - 5;
        let mut manifest = manifest();
        let frames = Frames::checked(vec![10, 20, 30, 40], size, 100).unwrap();
        manifest.root = layer(0, size, Encoding::Zstd);
        (manifest.root.frames, manifest.root.blob.size) = (frames, 100);
        manifest.content = manifest.root.content;
        manifest.layers.clear();
        let part = |range| {
            BodyPlan::new(&manifest, &BodyForm::Range(range), &|_| false).sources[0]
                .part
                .clone()
        };
        let second = StoredPart {
            content: MAX_FRAME_CONTENT..2 * MAX_FRAME_CONTENT,
            stored: 10..30,
        };
        assert_eq!(part(MAX_FRAME_CONTENT..MAX_FRAME_CONTENT + 1), Some(second));
        let last = StoredPart {
            content: 2 * MAX_FRAME_CONTENT..size,
            stored: 30..100,
        };
        assert_eq!(part(3 * MAX_FRAME_CONTENT - 1..size), Some(last));
        assert_eq!(part(MAX_FRAME_CONTENT - 1..2 * MAX_FRAME_CONTENT + 1), None);
        manifest.root.frames = Frames::default();
        assert_eq!(
            BodyPlan::new(&manifest, &BodyForm::Range(0..1), &|_| false).sources[0].part,
            None
        );
    }
}
