//! Which bytes of which layers make what is wanted, in order: a pure function.

use std::ops::Range;

use super::Form;
use crate::artifact::{Layer, SplitManifest};
use crate::digest::Identity;
use crate::encoding::Encoding;
use crate::split::Run;

/// A part of a raw layer is fetched alone if the layer has more than so many times its bytes.
const PART_WORTH: u64 = 2;

/// All steps, and what they read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Route {
    /// In the order in which they are first needed.
    pub(super) sources: Vec<Source>,
    /// In the order in which they are sent.
    pub(super) steps: Vec<Step>,
}

/// What a step reads from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) kind: Kind,
    /// What is read of it begins here.
    pub(super) begin: u64,
    /// What is read of it lies before this byte; the last one waits until all of the source is verified.
    pub(super) end: u64,
    /// The step that reads it last.
    pub(super) last: usize,
}

/// How a layer is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its blob, as it is stored.
    Blob(Identity),
    /// Its content, decoded from the zstd frame `blob`.
    Content { blob: Identity, content: Identity },
    /// A part of its blob, unless all of it is here.
    Part { blob: Identity, part: Range<u64> },
}

/// Some bytes of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// An index into [`Route::sources`].
    pub(super) source: usize,
    /// Where in it; never empty.
    pub(super) range: Range<u64>,
    pub(super) framing: Framing,
}

/// How bytes of a source are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    AsIs,
    /// In zstd frames, compressed.
    Compressed,
    /// In zstd frames that hold them as they are.
    Raw,
}

impl Route {
    pub(super) fn new(manifest: &SplitManifest, form: &Form) -> Self {
        let mut laying = Laying::default();
        let recipe = manifest.recipe();
        let mut root_at = 0;
        for run in recipe.runs() {
            let (layer, is_root, place, at) = match run {
                Run::Root(place) => {
                    let at = root_at;
                    root_at += place.end - place.start;
                    (&manifest.root, true, place, at)
                }
                Run::Layer(index, place) => (&manifest.layers[index], false, place, 0),
            };
            let within =
                |part: Range<u64>| at + part.start - place.start..at + part.end - place.start;
            match form {
                Form::Zstd => laying.frames(layer, is_root, within(place.clone())),
                Form::Whole => laying.bytes(layer, is_root, within(place.clone())),
                Form::Range(wanted) => {
                    let part = wanted.start.max(place.start)..wanted.end.min(place.end);
                    if !part.is_empty() {
                        laying.bytes(layer, is_root, within(part));
                    }
                }
            }
        }
        match form {
            Form::Range(_) => laying.route.in_parts(),
            Form::Whole | Form::Zstd => laying.route,
        }
    }

    /// Takes of raw layers only what is needed, where that is little.
    fn in_parts(mut self) -> Self {
        for source in &mut self.sources {
            let Kind::Blob(blob) = source.kind else {
                continue;
            };
            let part = source.begin..source.end;
            if (part.end - part.start).saturating_mul(PART_WORTH) < blob.size {
                source.kind = Kind::Part { blob, part };
            }
        }
        self
    }
}

#[derive(Default)]
struct Laying {
    route: Route,
    /// The root is read in several steps, every other layer in one.
    root: Option<usize>,
}

impl Laying {
    /// A part of a layer's content, as it is.
    fn bytes(&mut self, layer: &Layer, is_root: bool, range: Range<u64>) {
        self.add(content(layer), is_root, range, Framing::AsIs);
    }

    /// A part of a layer's content, in frames; all of a layer that is stored as a frame is one already.
    fn frames(&mut self, layer: &Layer, is_root: bool, range: Range<u64>) {
        match layer.encoding {
            Encoding::Raw => self.add(content(layer), is_root, range, Framing::Raw),
            Encoding::Zstd if is_root => {
                self.add(content(layer), is_root, range, Framing::Compressed);
            }
            Encoding::Zstd => {
                let frame = 0..layer.blob.size;
                self.add(Kind::Blob(layer.blob), is_root, frame, Framing::AsIs);
            }
        }
    }

    fn add(&mut self, kind: Kind, is_root: bool, range: Range<u64>, framing: Framing) {
        let Route { sources, steps } = &mut self.route;
        let known = self.root.filter(|_| is_root);
        let index = known.unwrap_or(sources.len());
        if known.is_none() {
            let (begin, end) = (range.start, range.end);
            let last = steps.len();
            sources.push(Source {
                kind,
                begin,
                end,
                last,
            });
        }
        if is_root {
            self.root = Some(index);
        }
        // The runs of the root come in order.
        sources[index].end = range.end;
        sources[index].last = steps.len();
        steps.push(Step {
            source: index,
            range,
            framing,
        });
    }
}

fn content(layer: &Layer) -> Kind {
    match layer.encoding {
        Encoding::Raw => Kind::Blob(layer.blob),
        Encoding::Zstd => Kind::Content {
            blob: layer.blob,
            content: layer.content,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
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
            content: identity(size),
            offset,
            path: String::new(),
            title: String::new(),
        }
    }

    /// 10 bytes of root, 100 raw, 5 of root, 200 in a frame.
    fn manifest() -> SplitManifest {
        let content = layer(0, 315, Encoding::Raw).content;
        SplitManifest {
            config: content,
            os: Os::Wasip1,
            content,
            imports: None,
            exports: None,
            flat_digest: content.digest,
            root: layer(0, 15, Encoding::Zstd),
            layers: vec![
                layer(10, 100, Encoding::Raw),
                layer(115, 200, Encoding::Zstd),
            ],
            annotations: Annotations::new(),
        }
    }

    fn steps(form: &Form) -> Vec<(usize, Range<u64>, Framing)> {
        let route = Route::new(&manifest(), form);
        let steps = route.steps.into_iter();
        steps
            .map(|step| (step.source, step.range, step.framing))
            .collect()
    }

    #[test]
    fn runs_become_steps_and_the_root_is_one_source() {
        use Framing::{AsIs, Compressed, Raw};
        assert_eq!(
            steps(&Form::Whole),
            [
                (0, 0..10, AsIs),
                (1, 0..100, AsIs),
                (0, 10..15, AsIs),
                (2, 0..200, AsIs)
            ]
        );
        assert_eq!(
            steps(&Form::Zstd),
            [
                (0, 0..10, Compressed),
                (1, 0..100, Raw),
                (0, 10..15, Compressed),
                (2, 0..100, AsIs)
            ]
        );
        assert_eq!(
            steps(&Form::Range(109..117)),
            [(0, 99..100, AsIs), (1, 10..15, AsIs), (2, 0..2, AsIs)]
        );
        assert_eq!(steps(&Form::Range(115..116)), [(0, 0..1, AsIs)]);
        let route = Route::new(&manifest(), &Form::Whole);
        let root = &route.sources[0];
        assert_eq!((root.begin, root.end, root.last), (0, 15, 2));
    }

    #[test]
    fn a_small_part_of_a_raw_layer_is_read_alone() {
        let blob = manifest().layers[0].blob;
        let kind = |range| {
            Route::new(&manifest(), &Form::Range(range)).sources[0]
                .kind
                .clone()
        };
        assert_eq!(kind(20..69), Kind::Part { blob, part: 10..59 });
        assert_eq!(kind(20..70), Kind::Blob(blob));
        assert!(matches!(kind(115..116), Kind::Content { .. }));
    }
}
