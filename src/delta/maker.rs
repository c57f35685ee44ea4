//! Makes the parts of the contents of one module, with the smallest method for each.

use std::io;
use std::thread;

use super::code::CodePair;
use super::map::{Map, MapKind, Votes, vote_segments};
use super::options::{Classes, Effort, Options};
use super::rewrite::{Rewriting, rewrite};
use super::{MAX_BASE_BYTES, Method, Role, covers, prefix};

/// Two contents in memory.
pub(super) struct ContentPair {
    pub(super) role: Role,
    pub(super) old: Vec<u8>,
    pub(super) new: Vec<u8>,
}

/// An encoded content.
#[derive(Debug)]
pub(super) struct EncodedPart {
    pub(super) method: Method,
    pub(super) uses_map: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) classes: Classes,
}

/// The memory of the encoders of literals and frames, in bytes.
const FAST_ENCODER_BYTES: u64 = 48 * 1024 * 1024;
const BEST_ENCODER_BYTES: u64 = 96 * 1024 * 1024;

/// Returns about how much memory the encoder of these contents takes, in bytes. They are roles, old and new sizes.
pub(super) fn memory(effort: Effort, contents: &[(Role, u64, u64)]) -> u64 {
    let total = contents
        .iter()
        .map(|(_, old, new)| old.saturating_add(*new));
    let (mut code, mut other) = (0u64, 0u64);
    for &(role, old, new) in contents {
        match (role, effort) {
            (Role::Code, Effort::Best) => {
                code = code.max(old.saturating_mul(8).saturating_add(new.saturating_mul(6)))
            }
            _ => other = other.max(old.saturating_mul(7).saturating_add(new.saturating_mul(2))),
        }
    }
    let encoders = match effort {
        Effort::Fast => FAST_ENCODER_BYTES,
        Effort::Best => BEST_ENCODER_BYTES,
    };
    let search = code.saturating_add(other).saturating_add(encoders);
    total.fold(search, u64::saturating_add)
}

/// Encodes the contents of one module. Returns the map, if a part uses it, and for each content a part.
/// There is none if the base is too large for the method prefix, and the streams for the method covers. `progress`
/// receives numbers of content bytes as they are done.
pub(super) fn encode(
    pairs: &[ContentPair],
    options: Options,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<(Option<Map>, Vec<Option<EncodedPart>>)> {
    let code = match options.effort {
        Effort::Best => pairs.iter().position(|pair| pair.role == Role::Code),
        Effort::Fast => None,
    };
    let code = code.and_then(|code| {
        let pair = CodePair::read(&pairs[code].old, &pairs[code].new);
        pair.ok().map(|pair| (code, pair))
    });
    let Some((code, pair)) = code else {
        let parts = pairs.iter().map(|pair| {
            let plain = prefix_part(pair, options.level)?;
            let part = smaller(plain, covers_part(pair, None, options)?);
            progress(pair.new.len() as u64);
            Ok::<_, io::Error>(part)
        });
        return Ok((None, parts.collect::<Result<_, _>>()?));
    };
    encode_with_code(pairs, code, pair, options, progress)
}

fn encode_with_code(
    pairs: &[ContentPair],
    code: usize,
    mut code_pair: CodePair<'_>,
    options: Options,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<(Option<Map>, Vec<Option<EncodedPart>>)> {
    let mut votes = Votes::default();
    code_pair.vote(&mut votes);
    let code_bytes = pairs[code].new.len() as u64;
    progress(code_bytes / 2);
    for data in pairs.iter().filter(|pair| pair.role == Role::Data) {
        vote_segments(&data.old, &data.new, &mut votes);
    }
    let words = votes.list_of_words();
    let map = votes.fit();
    let map = match map.is_readable() {
        true => map,
        false => Map::default(),
    };
    let uses_map = !map.is_empty();
    let (plain, mapped) = thread::scope(|scope| {
        let encoded = scope.spawn(|| code_pair.encode(&map, options.literal_level()));
        let (mut plain, mut mapped) = (Vec::new(), Vec::new());
        for (index, pair) in pairs.iter().enumerate() {
            plain.push(prefix_part(pair, options.level)?);
            if index == code {
                mapped.push(None);
                continue;
            }
            mapped.push(covers_part(pair, Some((&map, words)), options)?);
            progress(pair.new.len() as u64);
        }
        let encoded = encoded.join();
        let encoded = encoded.map_err(|_| io::Error::other("the encoder of code panicked"))??;
        progress(code_bytes - code_bytes / 2);
        mapped[code] = encoded.map(|(bytes, classes)| EncodedPart {
            method: Method::Code,
            uses_map,
            bytes,
            classes,
        });
        Ok::<_, io::Error>((plain, mapped))
    })?;
    choose(plain, mapped, map)
}

/// Chooses the smaller part of each content. Leaves out the map and the parts that use it, if they save less than the map
/// costs.
fn choose(
    plain: Vec<Option<EncodedPart>>,
    mapped: Vec<Option<EncodedPart>>,
    map: Map,
) -> io::Result<(Option<Map>, Vec<Option<EncodedPart>>)> {
    /// The size of the map's entry in the header, in bytes.
    const ENTRY_BYTES: usize = 12;
    let both = || plain.iter().zip(&mapped);
    let saved = both().map(|(plain, mapped)| match (plain, mapped) {
        (Some(plain), Some(mapped)) if mapped.uses_map => {
            plain.bytes.len().saturating_sub(mapped.bytes.len())
        }
        (None, Some(mapped)) if mapped.uses_map => usize::MAX / 2,
        _ => 0,
    });
    let saved = saved.fold(0, usize::saturating_add);
    let is_worth_it = saved > whole_part(&map.to_bytes(), 19)?.bytes.len() + ENTRY_BYTES;
    let parts = plain.into_iter().zip(mapped).map(|(plain, mapped)| {
        let mapped = mapped.filter(|mapped| is_worth_it || !mapped.uses_map);
        smaller(plain, mapped)
    });
    Ok((is_worth_it.then_some(map), parts.collect()))
}

/// Encodes a content without a base.
pub(super) fn whole_part(content: &[u8], level: u8) -> io::Result<EncodedPart> {
    let mut bytes = Vec::new();
    let size = content.len() as u64;
    prefix::encode(&[], &mut &*content, size, level, &mut bytes)?;
    Ok(EncodedPart {
        method: Method::Whole,
        uses_map: false,
        classes: vec![("frames", bytes.len() as u64)],
        bytes,
    })
}

fn smaller(one: Option<EncodedPart>, other: Option<EncodedPart>) -> Option<EncodedPart> {
    match (one, other) {
        (Some(one), Some(other)) if one.bytes.len() <= other.bytes.len() => Some(one),
        (one, other) => other.or(one),
    }
}

fn prefix_part(pair: &ContentPair, level: u8) -> io::Result<Option<EncodedPart>> {
    if pair.old.len() as u64 > MAX_BASE_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let size = pair.new.len() as u64;
    prefix::encode(&pair.old, &mut pair.new.as_slice(), size, level, &mut bytes)?;
    Ok(Some(EncodedPart {
        method: Method::Prefix,
        uses_map: false,
        classes: vec![("frames", bytes.len() as u64)],
        bytes,
    }))
}

/// Encodes with covers. With a map, the base is rewritten first. The words of data move as `map.1` says.
fn covers_part(
    pair: &ContentPair,
    map: Option<(&Map, MapKind)>,
    options: Options,
) -> io::Result<Option<EncodedPart>> {
    let (level, effort) = (options.literal_level(), options.effort);
    let map = map.filter(|_| pair.old.len() as u64 <= MAX_BASE_BYTES);
    let rewriting = map.and_then(|(map, words)| match pair.role {
        Role::Data => Some((Rewriting::Data(words), map)),
        Role::Elements => Some((Rewriting::Elements, map)),
        Role::Names => Some((Rewriting::Names, map)),
        Role::Code | Role::Other => None,
    });
    let part = match rewriting {
        Some((rewriting, map)) => {
            let base = rewrite(&pair.old, rewriting, map);
            covers::encode(&base, Some(rewriting), &pair.new, level, effort)?
        }
        None => covers::encode(&pair.old, None, &pair.new, level, effort)?,
    };
    Ok(part.map(|(bytes, classes)| EncodedPart {
        method: Method::Covers,
        uses_map: rewriting.is_some(),
        bytes,
        classes,
    }))
}
