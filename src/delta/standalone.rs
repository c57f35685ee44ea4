//! Standalone delta files, which rebuild a component from another one.

use std::collections::HashMap;
use std::io::{self, Read, Seek, Write};
use std::ops::Range;

use super::file::read_base;
use super::writer::PartContent;
use super::{DeltaFile, DeltaWriter, Error, MAX_BASE_BYTES, Part, PartKind, bases};
use crate::component::Component;
use crate::digest::{Digest, Identity};
use crate::manifest::{Config, MAX_CONFIG_BYTES};
use crate::source::{RangesReader, Source};
use crate::split::{Recipe, RecipeLayer, SplitPolicy, splice};

/// Writes a delta file from `old` to `new`, which `policy` has split. `scratch` is an empty file. `read` receives the
/// number of content bytes read so far. Returns the size of the file in bytes.
pub fn make<S: Source, T: Source, F: Read + Write + Seek>(
    old: &Component<S>,
    new: &Component<T>,
    policy: &SplitPolicy,
    level: u8,
    scratch: &mut F,
    output: &mut dyn Write,
    read: &(dyn Fn(u64) + Sync),
) -> Result<u64, Error> {
    let failed = |error| Error::File("making the delta file", error);
    let (old_config, new_config) = (old.config.to_bytes(), new.config.to_bytes());
    let source = Identity::of(&old_config);
    let target = Digest::of(&new_config);
    let mut writer = DeltaWriter::new(source.digest, target, Some(*policy), level, scratch);
    let config = PartContent {
        kind: PartKind::Config,
        size: new_config.len() as u64,
        bytes: &mut new_config.as_slice(),
        base: (source.size <= MAX_BASE_BYTES).then_some((source, &old_config)),
    };
    writer.add(config, u64::MAX).map_err(failed)?;
    let old_contents: Vec<Identity> = old.contents().collect();
    let mut known: Vec<Digest> = old_contents.iter().map(|old| old.digest).collect();
    for ((layer, content), base) in new
        .contents()
        .enumerate()
        .zip(bases(&old.config, &new.config))
    {
        if known.contains(&content.digest) {
            continue;
        }
        known.push(content.digest);
        let usable = base.filter(|&base| old_contents[base].size <= MAX_BASE_BYTES);
        let bytes = match usable {
            Some(base) => {
                read_base(old.content(base, &|_| {}), old_contents[base].size).map_err(failed)?
            }
            None => Vec::new(),
        };
        let part = PartContent {
            kind: PartKind::Layer(layer as u64),
            size: content.size,
            bytes: &mut new.content(layer, read),
            base: usable.map(|base| (old_contents[base], bytes.as_slice())),
        };
        writer.add(part, u64::MAX).map_err(failed)?;
    }
    writer.finish(output)
}

/// Rebuilds the new component from `old` and a standalone delta file, and checks every byte. `read_old` maps and hashes
/// the old component by the policy in the file. `scratch` is an empty file. After an error, `output` may have a prefix
/// of the component.
pub fn patch<S: Source, D: Source, F: Write + Seek + Source>(
    old: &Component<S>,
    delta: &DeltaFile<D>,
    scratch: &mut F,
    output: &mut (dyn Write + Send),
) -> Result<Identity, Error> {
    let header = &delta.header;
    let old_config = old.config.to_bytes();
    let found = Digest::of(&old_config);
    if found != header.source {
        let expected = header.source;
        return Err(Error::WrongSource { expected, found });
    }
    let config = config(delta, &old_config)?;
    let recipe = recipe(&config);
    recipe
        .check_tiling()
        .map_err(crate::split::SpliceError::from)?;
    let contents = Contents::decode(old, delta, &config, scratch)?;
    splice(&recipe, |layer| contents.open(layer), output)?;
    Ok(config.content)
}

/// Decodes the config of the new component.
fn config<D: Source>(delta: &DeltaFile<D>, old_config: &[u8]) -> Result<Config, Error> {
    let parts = &delta.header.parts;
    let part = parts
        .iter()
        .position(|part| part.kind == PartKind::Config)
        .ok_or(Error::NotStandalone("config"))?;
    let Part { size, base, .. } = parts[part];
    if size > MAX_CONFIG_BYTES {
        return Err(Error::Config(format!("it has {size} bytes")));
    }
    if let Some(base) = base.filter(|base| *base != Identity::of(old_config)) {
        let digest = base.digest;
        return Err(Error::Base { part, digest });
    }
    let digest = delta.header.target;
    let mut bytes = Vec::new();
    delta.decode(part, old_config, Identity { digest, size }, &mut bytes)?;
    let config = serde_json::from_slice(&bytes);
    config.map_err(|error| Error::Config(error.to_string()))
}

fn recipe(config: &Config) -> Recipe {
    let layers = config.layers.iter().map(|layer| RecipeLayer {
        offset: layer.offset,
        size: layer.size,
        digest: Some(layer.digest),
    });
    Recipe {
        content: config.content,
        root: RecipeLayer::new(0, config.root),
        layers: layers.collect(),
    }
}

/// The contents of the new component's layers: each is a content of the old component, or decoded into a file.
struct Contents<'a, S, F> {
    old: &'a Component<S>,
    scratch: &'a F,
    layers: Vec<Location>,
}

#[derive(Clone)]
enum Location {
    /// The layer of the old component.
    Old(usize),
    /// The range of the file.
    Scratch(Range<u64>),
}

impl<'a, S: Source, F: Write + Seek + Source> Contents<'a, S, F> {
    fn decode<D: Source>(
        old: &'a Component<S>,
        delta: &DeltaFile<D>,
        config: &Config,
        scratch: &'a mut F,
    ) -> Result<Self, Error> {
        let contents: Vec<Identity> = config.contents().collect();
        let mut known = HashMap::new();
        for (layer, content) in old.contents().enumerate() {
            known.entry(content).or_insert(Location::Old(layer));
        }
        for (part, described) in delta.header.parts.iter().enumerate() {
            let layer = match described.kind {
                PartKind::Layer(layer) => layer,
                PartKind::Config => continue,
                PartKind::Unknown(number, _) => {
                    let what = "kind";
                    return Err(Error::Unsupported { part, what, number });
                }
            };
            let index = usize::try_from(layer).unwrap_or(usize::MAX);
            let content = *contents.get(index).ok_or(Error::Layer { part, layer })?;
            described.check(part)?;
            let base = base(old, described).map_err(|source| Error::Part { part, source })?;
            let Some(base) = base else {
                let digest = described.base.map_or(content.digest, |base| base.digest);
                return Err(Error::Base { part, digest });
            };
            let failed = |error| Error::File("writing a temporary file", error);
            let start = scratch.stream_position().map_err(failed)?;
            delta.decode(part, &base, content, scratch)?;
            known.insert(content, Location::Scratch(start..start + content.size));
        }
        let located = contents.iter().enumerate().map(|(layer, content)| {
            let known = known.get(content).cloned();
            known.ok_or(Error::Missing(layer))
        });
        Ok(Self {
            layers: located.collect::<Result<_, _>>()?,
            old,
            scratch,
        })
    }

    fn open(&self, layer: Option<usize>) -> io::Result<Box<dyn Read + '_>> {
        let layer = layer.map_or(0, |section| section + 1);
        Ok(match &self.layers[layer] {
            Location::Old(layer) => Box::new(self.old.content(*layer, &|_| {})),
            Location::Scratch(range) => Box::new(RangesReader::new(
                self.scratch,
                std::iter::once(range.clone()),
            )),
        })
    }
}

/// Returns the bytes of a part's base, if the old component has it. A part without a base has the empty one.
fn base<S: Source>(old: &Component<S>, part: &Part) -> io::Result<Option<Vec<u8>>> {
    let Some(wanted) = part.base else {
        return Ok(Some(Vec::new()));
    };
    match old.contents().position(|content| content == wanted) {
        Some(layer) => read_base(old.content(layer, &|_| {}), wanted.size).map(Some),
        None => Ok(None),
    }
}
