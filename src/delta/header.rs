//! The header of a delta file.

use std::io::{self, Read};

use super::map::MAX_MAP_BYTES;
use super::method::Method;
use super::numbers;
use super::{Error, MAX_BASE_BYTES};
use crate::digest::{Digest, Identity};
use crate::split::{Granularity, MAX_LAYERS, SplitPolicy};

/// The first bytes of every delta file. The byte after them is the version.
const MAGIC: [u8; 7] = *b"wharf\0d";

const VERSION: u8 = 1;

/// The maximum number of parts. It bounds the memory of a header.
const MAX_PARTS: u64 = 4096;

/// The header of a delta file: the two components, and the parts in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The split digest of the old component.
    pub source: Digest,
    /// The split digest of the new component.
    pub target: Digest,
    /// In standalone files: the policy that splits the old component.
    pub policy: Option<SplitPolicy>,
    /// The parts.
    pub parts: Vec<Part>,
}

/// One part of a delta file: an encoded content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The kind of the content.
    pub kind: PartKind,
    /// The encoding of the content.
    pub method: Method,
    /// The size of the content, in bytes.
    pub size: u64,
    /// The content that the part was made from.
    pub base: Option<Identity>,
    /// One more than the number of the part with the map, or 0 without a map.
    pub map: u64,
    /// The size of the part in the file, in bytes.
    pub length: u64,
}

/// The kind of a part's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// A layer of the new component, counted as in manifests: the root is 0.
    Layer(u64),
    /// The config of the new component.
    Config,
    /// A map, which other parts use.
    Map,
    /// A kind of a later version. The number of its layer is not interpreted.
    Unknown(u8, u64),
}

impl PartKind {
    fn from_numbers(kind: u8, layer: u64) -> Self {
        match (kind, layer) {
            (0, layer) => Self::Layer(layer),
            (1, 0) => Self::Config,
            (2, 0) => Self::Map,
            (kind, layer) => Self::Unknown(kind, layer),
        }
    }

    fn numbers(self) -> (u8, u64) {
        match self {
            Self::Layer(layer) => (0, layer),
            Self::Config => (1, 0),
            Self::Map => (2, 0),
            Self::Unknown(kind, layer) => (kind, layer),
        }
    }
}

impl Header {
    /// Returns whether this version can decode a part, given its base.
    pub fn is_known(&self, part: &Part) -> bool {
        self.check(0, part).is_ok()
    }

    /// Checks that this version can decode a part, given its base. `number` is that of the part, for errors.
    pub(super) fn check(&self, number: usize, part: &Part) -> Result<(), Error> {
        let method = part.method;
        if let Method::Unknown(unknown) = method {
            return Err(Error::Unsupported {
                part: number,
                what: "method",
                number: unknown,
            });
        }
        let fits_base = match part.base {
            Some(base) => method.has_base() && (method.seeks() || base.size <= MAX_BASE_BYTES),
            None => !method.has_base(),
        };
        let fits_map = part.map == 0 || (method.seeks() && self.map(part.map).is_some());
        match fits_base && fits_map {
            true => Ok(()),
            false => Err(Error::Inputs { part: number }),
        }
    }

    /// Returns the index of the part that the map field of another part names, if it can be a map.
    pub(super) fn map(&self, field: u64) -> Option<usize> {
        let index = usize::try_from(field.checked_sub(1)?).ok()?;
        let map = self.parts.get(index)?;
        let is_plain = map.method == Method::Whole && map.base.is_none() && map.map == 0;
        (map.kind == PartKind::Map && is_plain && map.size <= MAX_MAP_BYTES).then_some(index)
    }

    /// Serialises the header. The same value gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(self.source.bytes());
        bytes.extend_from_slice(self.target.bytes());
        match &self.policy {
            None => bytes.push(0),
            Some(policy) => {
                bytes.push(match policy.granularity {
                    Granularity::Section => 1,
                    Granularity::Segment => 2,
                    Granularity::Module => 3,
                });
                numbers::push(&mut bytes, policy.floor);
                numbers::push(&mut bytes, policy.max_layers as u64);
            }
        }
        numbers::push(&mut bytes, self.parts.len() as u64);
        for part in &self.parts {
            let (kind, layer) = part.kind.numbers();
            bytes.extend_from_slice(&[kind, part.method.number()]);
            numbers::push(&mut bytes, layer);
            numbers::push(&mut bytes, part.size);
            bytes.push(u8::from(part.base.is_some()));
            if let Some(base) = part.base {
                bytes.extend_from_slice(base.digest.bytes());
                numbers::push(&mut bytes, base.size);
            }
            numbers::push(&mut bytes, part.map);
            numbers::push(&mut bytes, part.length);
        }
        bytes
    }

    /// Parses a header. Returns it with its size in bytes.
    pub fn read(bytes: impl Read) -> Result<(Self, u64), Error> {
        let mut reader = HeaderReader { bytes, offset: 0 };
        match reader.array::<7>() {
            Ok(MAGIC) => {}
            Ok(_) | Err(Error::HeaderEnd(_)) => return Err(Error::NotDelta),
            Err(error) => return Err(error),
        }
        match reader.byte()? {
            VERSION => {}
            other => return Err(Error::Version(other)),
        }
        let source = Digest::from_bytes(reader.array()?);
        let target = Digest::from_bytes(reader.array()?);
        let policy = reader.policy()?;
        let count = reader.number()?;
        if count > MAX_PARTS {
            return Err(reader.error("more than 4,096 parts"));
        }
        let parts = (0..count).map(|_| reader.part());
        let parts = parts.collect::<Result<_, _>>()?;
        let header = Self {
            source,
            target,
            policy,
            parts,
        };
        Ok((header, reader.offset))
    }
}

struct HeaderReader<R> {
    bytes: R,
    offset: u64,
}

impl<R: Read> HeaderReader<R> {
    fn error(&self, reason: &'static str) -> Error {
        let offset = self.offset;
        Error::Header { offset, reason }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        match self.bytes.read_exact(&mut array) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Error::HeaderEnd(self.offset));
            }
            Err(error) => return Err(Error::File("reading the delta file", error)),
        }
        self.offset += N as u64;
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Reads an unsigned LEB128 number in its shortest form.
    fn number(&mut self) -> Result<u64, Error> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(self.error("a number is above 64 bits"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return match byte == 0 && shift > 0 {
                    true => Err(self.error("a number is not in its shortest form")),
                    false => Ok(number),
                };
            }
        }
        Err(self.error("a number is above 64 bits"))
    }

    fn policy(&mut self) -> Result<Option<SplitPolicy>, Error> {
        let granularity = match self.byte()? {
            0 => return Ok(None),
            1 => Granularity::Section,
            2 => Granularity::Segment,
            3 => Granularity::Module,
            _ => return Err(self.error("the granularity is unknown")),
        };
        let floor = self.number()?;
        let max_layers = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if floor == 0 || !(1..=MAX_LAYERS).contains(&max_layers) {
            return Err(self.error("the split policy is invalid"));
        }
        Ok(Some(SplitPolicy {
            granularity,
            floor,
            max_layers,
        }))
    }

    fn part(&mut self) -> Result<Part, Error> {
        let [kind, method] = self.array()?;
        let kind = PartKind::from_numbers(kind, self.number()?);
        let size = self.number()?;
        let base = match self.byte()? {
            0 => None,
            1 => Some(Identity {
                digest: Digest::from_bytes(self.array()?),
                size: self.number()?,
            }),
            _ => return Err(self.error("a part has more than one base")),
        };
        Ok(Part {
            kind,
            method: Method::from_number(method),
            size,
            base,
            map: self.number()?,
            length: self.number()?,
        })
    }
}
