//! Standalone delta files, which rebuild a component from another one.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Seek, Write};
use std::ops::Range;

use super::file::read_base;
use super::options::{Classes, Options};
use super::writer::PartContent;
use super::{
    Base, DeltaFile, DeltaWriter, Error, MAX_BASE_BYTES, Part, PartKind, Role, bases, groups,
};
use crate::component::{Component, ContentSource};
use crate::digest::{Digest, Identity};
use crate::manifest::{Config, MAX_CONFIG_BYTES};
use crate::source::{RangesReader, Source};
use crate::split::{Recipe, RecipeLayer, SplitPolicy, splice};

/// A delta file that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its size, in bytes.
    pub size: u64,
    /// Whether a content had too little memory for all methods.
    pub is_limited: bool,
    /// The parts, with the classes of their bytes.
    pub parts: Vec<(Part, Classes)>,
}

/// Writes a delta file from `old` to `new`, which `policy` has split. `scratch` is an empty file. `progress` receives
/// numbers of content bytes as they are done.
pub fn make<S: Source, T: Source, F: Read + Write + Seek>(
    old: &Component<S>,
    new: &Component<T>,
    policy: &SplitPolicy,
    options: Options,
    scratch: &mut F,
    output: &mut dyn Write,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Made, Error> {
    let failed = |error| Error::File("making the delta file", error);
    let (old_config, new_config) = (old.config.to_bytes(), new.config.to_bytes());
    let source = Identity::of(&old_config);
    let target = Digest::of(&new_config);
    let policy = Some(*policy);
    let mut writer = DeltaWriter::new(source.digest, target, policy, options, scratch, progress);
    let config = PartContent {
        kind: PartKind::Config,
        role: Role::Other,
        size: new_config.len() as u64,
        bytes: Box::new(new_config.as_slice()),
        base: Some((source, Box::new(old_config.as_slice()))),
        limit: u64::MAX,
    };
    writer.add(vec![config]).map_err(failed)?;
    let changed = changed_layers(old, new);
    let paths: Vec<&str> = changed.iter().map(|(layer, ..)| new.path(*layer)).collect();
    for group in groups(&paths) {
        let contents = group.into_iter().map(|index| {
            let (layer, content, base) = changed[index];
            let bytes = |base: usize| -> Box<dyn Read> { Box::new(old.content(base, &|_| {})) };
            PartContent {
                kind: PartKind::Layer(layer as u64),
                role: Role::of_path(paths[index]),
                size: content.size,
                bytes: Box::new(new.content(layer, &|_| {})),
                base: base.map(|(base, identity)| (identity, bytes(base))),
                limit: u64::MAX,
            }
        });
        writer.add(contents.collect()).map_err(failed)?;
    }
    let is_limited = writer.is_limited();
    let parts = writer
        .parts()
        .map(|(part, classes)| (*part, classes.clone()))
        .collect();
    let size = writer.finish(output)?;
    Ok(Made {
        size,
        is_limited,
        parts,
    })
}

/// A layer, its content, and its base: a layer of the old component with its content.
type ChangedLayer = (usize, Identity, Option<(usize, Identity)>);

/// Returns the layers of `new` whose contents `old` lacks, each content once, with their bases.
fn changed_layers<S: Source, T: Source>(
    old: &Component<S>,
    new: &Component<T>,
) -> Vec<ChangedLayer> {
    let old_contents: Vec<Identity> = old.contents().collect();
    let mut known: HashSet<Digest> = old_contents.iter().map(|old| old.digest).collect();
    let layers = new
        .contents()
        .zip(bases(&old.config, &new.config))
        .enumerate();
    let changed = layers.filter(|(_, (content, _))| known.insert(content.digest));
    changed
        .map(|(layer, (content, base))| {
            (layer, content, base.map(|base| (base, old_contents[base])))
        })
        .collect()
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
    let content = Identity { digest, size };
    delta.decode(part, Base::Memory(old_config), content, &mut bytes)?;
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
                PartKind::Config | PartKind::Map => continue,
                PartKind::Unknown(number, _) => {
                    let what = "kind";
                    return Err(Error::Unsupported { part, what, number });
                }
            };
            let index = usize::try_from(layer).unwrap_or(usize::MAX);
            let content = *contents.get(index).ok_or(Error::Layer { part, layer })?;
            if known.contains_key(&content) {
                continue;
            }
            delta.header.check(part, described)?;
            let base = self::base(old, described);
            let base = base.ok_or_else(|| {
                let digest = described.base.map_or(content.digest, |base| base.digest);
                Error::Base { part, digest }
            })?;
            let failed_base = |source| Error::Part { part, source };
            let size = described.base.map_or(0, |base| base.size);
            let memory = match &base {
                Some(base) if size <= MAX_BASE_BYTES => {
                    let whole = RangesReader::new(base, std::iter::once(0..size));
                    read_base(whole, size).map_err(failed_base)?
                }
                _ => Vec::new(),
            };
            let base = match &base {
                Some(base) if size > MAX_BASE_BYTES => Base::File(base),
                _ => Base::Memory(&memory),
            };
            let failed = |error| Error::File("writing a temporary file", error);
            let start = scratch.stream_position().map_err(failed)?;
            delta.decode(part, base, content, scratch)?;
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

/// Returns the content that is a part's base, if the old component has it. A part without a base has none.
fn base<'a, S: Source>(old: &'a Component<S>, part: &Part) -> Option<Option<ContentSource<'a, S>>> {
    let Some(wanted) = part.base else {
        return Some(None);
    };
    let layer = old.contents().position(|content| content == wanted)?;
    Some(Some(old.content_source(layer)))
}
