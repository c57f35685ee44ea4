//! Makes the parts of the contents of one module, with the smallest method for each.

use std::io;
use std::thread;

use super::code::CodePair;
use super::map::{DataCopies, Map, MapKind, Votes, vote_segments, vote_words};
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
    if options.effort == Effort::Fast {
        let parts = pairs.iter().map(|pair| {
            let plain = prefix_part(pair, options.level)?;
            let part = smaller(plain, covers_part(pair, None, options)?);
            progress(pair.new.len() as u64);
            Ok::<_, io::Error>(part)
        });
        return Ok((None, parts.collect::<Result<_, _>>()?));
    }
    let mut votes = Votes::default();
    let mut code = Code::read(pairs);
    if let Some(code) = &mut code {
        code.pair.vote(&mut votes);
        progress(code.half());
    }
    let words = vote_data(pairs, &mut votes);
    let map = votes.fit();
    drop(votes);
    let empty = (&Map::default(), words);
    if map.is_empty() || !map.is_readable() {
        let parts = encode_with_map(pairs, Vec::new(), code, empty, options, progress)?;
        return Ok((None, choose(parts)));
    }
    let parts = encode_with_map(pairs, Vec::new(), code, (&map, words), options, progress)?;
    if is_worth_it(&parts, &map)? {
        return Ok((Some(map), choose(parts)));
    }
    let plain = parts.into_iter().map(|(plain, _)| plain).collect();
    let parts = encode_with_map(pairs, plain, Code::read(pairs), empty, options, &|_| {})?;
    Ok((None, choose(parts)))
}

/// The code sections of a module, if the method code can have them.
struct Code<'a> {
    index: usize,
    pair: CodePair<'a>,
    size: u64,
}

impl<'a> Code<'a> {
    fn read(pairs: &'a [ContentPair]) -> Option<Self> {
        let index = pairs.iter().position(|pair| pair.role == Role::Code)?;
        let ContentPair { old, new, .. } = &pairs[index];
        let size = new.len() as u64;
        let pair = CodePair::read(old, new).ok()?;
        Some(Self { index, pair, size })
    }

    /// Returns half of its size, for the progress.
    fn half(&self) -> u64 {
        self.size / 2
    }
}

/// A part with the method prefix, and one with covers or code, if they are possible.
type Alternatives = (Option<EncodedPart>, Option<EncodedPart>);

/// Encodes each content. The words of data move as `words` says. `plain` has the parts with the method prefix, or is empty
/// if they are not encoded yet.
fn encode_with_map(
    pairs: &[ContentPair],
    plain: Vec<Option<EncodedPart>>,
    code: Option<Code<'_>>,
    (map, words): (&Map, MapKind),
    options: Options,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<Vec<Alternatives>> {
    let code_index = code.as_ref().map(|code| code.index);
    thread::scope(|scope| {
        let encoded = scope.spawn(move || {
            let Some(code) = code else { return Ok(None) };
            let rest = code.size - code.half();
            let part = code.pair.encode(map, options.literal_level());
            progress(rest);
            part
        });
        let mut parts: Vec<Alternatives> = Vec::new();
        let mut plain = plain.into_iter();
        for (index, pair) in pairs.iter().enumerate() {
            let plain = match plain.next() {
                Some(plain) => plain,
                None => prefix_part(pair, options.level)?,
            };
            let other = match Some(index) == code_index {
                true => None,
                false => covers_part(pair, Some((map, words)), options)?,
            };
            if Some(index) != code_index {
                progress(pair.new.len() as u64);
            }
            parts.push((plain, other));
        }
        let encoded = encoded.join();
        let encoded = encoded.map_err(|_| io::Error::other("the encoder of code panicked"))??;
        if let (Some(index), Some((bytes, classes))) = (code_index, encoded) {
            parts[index].1 = Some(EncodedPart {
                method: Method::Code,
                uses_map: !map.is_empty(),
                bytes,
                classes,
            });
        }
        Ok(parts)
    })
}

/// Lets data sections vote: first the addresses of their segments, and then their words, which are copied after a map has
/// moved them. Returns the list that moves the words.
fn vote_data(pairs: &[ContentPair], votes: &mut Votes) -> MapKind {
    let data = || pairs.iter().filter(|pair| pair.role == Role::Data);
    for pair in data() {
        vote_segments(&pair.old, &pair.new, votes);
    }
    let words = votes.list_of_words();
    let map = votes.fit();
    let can_be_moved = |pair: &&ContentPair| pair.old.len() as u64 <= MAX_BASE_BYTES;
    for ContentPair { old, new, .. } in data().filter(can_be_moved) {
        let base = rewrite(old, Rewriting::Data(words), &map);
        let copies = DataCopies {
            old,
            base: &base,
            new,
            runs: &covers::runs(&base, new),
        };
        vote_words(&copies, words, votes);
    }
    words
}

/// Returns whether the parts that use the map save more than the map costs.
fn is_worth_it(parts: &[Alternatives], map: &Map) -> io::Result<bool> {
    /// The size of the map's entry in the header, in bytes.
    const ENTRY_BYTES: usize = 12;
    let saved = parts.iter().map(|alternatives| match alternatives {
        (Some(plain), Some(mapped)) if mapped.uses_map => {
            plain.bytes.len().saturating_sub(mapped.bytes.len())
        }
        (None, Some(mapped)) if mapped.uses_map => usize::MAX,
        _ => 0,
    });
    let saved = saved.fold(0, usize::saturating_add);
    Ok(saved > whole_part(&map.to_bytes(), 19)?.bytes.len() + ENTRY_BYTES)
}

/// Chooses the smaller part of each content.
fn choose(parts: Vec<Alternatives>) -> Vec<Option<EncodedPart>> {
    let choose = |(plain, other)| smaller(plain, other);
    parts.into_iter().map(choose).collect()
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
    let can_move =
        |(map, _): &(&Map, MapKind)| !map.is_empty() && pair.old.len() as u64 <= MAX_BASE_BYTES;
    let map = map.filter(can_move);
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
