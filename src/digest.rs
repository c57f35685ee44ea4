//! SHA-256 digests, as the OCI image specification writes them, and the reader that checks them.
//!
//! Only `sha256` is supported. Every registry has it, and one algorithm means one name per content. This module
//! must not know files, stores or WebAssembly.
//!
//! Spec: <https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests>.

use std::fmt;
use std::io;
use std::str::FromStr;

use serde::de;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written `sha256:` and 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The error for a text that is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a digest (`sha256:` and 64 lower-case hex digits)")]
pub struct ParseDigestError {
    /// The text, cut to 100 characters.
    pub text: String,
}

impl Digest {
    /// Returns the digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns the 64 hex digits without the algorithm.
    pub fn hex(&self) -> String {
        let mut hex = String::with_capacity(2 * self.0.len());
        for byte in self.0 {
            for half in [byte >> 4, byte & 0xf] {
                hex.push(char::from(b"0123456789abcdef"[usize::from(half)]));
            }
        }
        hex
    }

    /// Returns the 32 bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the digest with these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses 64 lower-case hex digits.
    pub fn from_hex(hex: &str) -> Result<Self, ParseDigestError> {
        let bad = || ParseDigestError {
            text: hex.chars().take(100).collect(),
        };
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (
                hex_value(pair[0]).ok_or_else(bad)?,
                hex_value(pair[1]).ok_or_else(bad)?,
            );
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("sha256:")
            .and_then(|hex| Self::from_hex(hex).ok())
            .ok_or_else(|| ParseDigestError {
                text: text.chars().take(100).collect(),
            })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The digest and the size of a content: a blob as stored, or the decoded content of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The digest of all the bytes.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
}

impl Identity {
    /// Returns the identity of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }
}

/// Hashes and counts bytes.
#[derive(Clone, Default)]
pub struct Hasher {
    sha256: Sha256,
    size: u64,
}

impl Hasher {
    /// Returns a hasher that has no bytes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Returns how many bytes were added so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the digest of all added bytes.
    pub fn finish(self) -> Digest {
        Digest(self.sha256.finalize().into())
    }

    /// Returns the digest and the size of all added bytes.
    pub fn identity(self) -> Identity {
        let size = self.size;
        Identity {
            digest: self.finish(),
            size,
        }
    }

    /// Compares all added bytes with the expected identity.
    pub fn check(self, expected: Identity) -> Result<(), Mismatch> {
        match self.identity() {
            found if found == expected => Ok(()),
            found => Err(Mismatch { expected, found }),
        }
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes what it writes.
pub struct HashingWriter<'a> {
    output: &'a mut dyn io::Write,
    hasher: Hasher,
}

impl<'a> HashingWriter<'a> {
    /// Returns a writer to `output` that has no bytes yet.
    pub fn new(output: &'a mut dyn io::Write) -> Self {
        let hasher = Hasher::new();
        Self { output, hasher }
    }

    /// Returns the hasher of all written bytes.
    pub fn into_hasher(self) -> Hasher {
        self.hasher
    }
}

impl io::Write for HashingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// The error for bytes that do not have the expected digest or size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct Mismatch {
    /// The expected identity. If only a digest is expected, the size is that of the bytes that were read.
    pub expected: Identity,
    /// The identity of the bytes that were read. If only their size was compared, the digest is the expected one. A
    /// reader stops one byte after the expected size, so a longer input counts one byte more.
    pub found: Identity,
}

impl fmt::Display for Mismatch {
    /// Says of each size which bytes it belongs to, and nothing that was not looked at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, found } = self;
        if expected.digest == found.digest {
            let (digest, size) = (expected.digest, expected.size);
            return write!(
                f,
                "expected {digest} ({size} bytes), found {} bytes",
                found.size
            );
        }
        write!(f, "expected {}", expected.digest)?;
        if expected.size != found.size {
            write!(f, " ({} bytes)", expected.size)?;
        }
        write!(f, ", found {} ({} bytes)", found.digest, found.size)
    }
}

impl From<Mismatch> for io::Error {
    fn from(mismatch: Mismatch) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, mismatch)
    }
}

/// A reader that reports the end of its input only if the bytes have the expected digest and size.
///
/// It reads at most one byte more than the expected size from its source. The error at the end (too short, too
/// long, other bytes) carries a [`Mismatch`].
pub struct VerifyingReader<R> {
    source: R,
    hasher: Option<Hasher>,
    expected: Identity,
}

impl<R: io::Read> VerifyingReader<R> {
    /// Returns a reader that checks `source` against `expected`.
    pub fn new(source: R, expected: Identity) -> Self {
        Self {
            source,
            hasher: Some(Hasher::new()),
            expected,
        }
    }
}

impl<R: io::Read> io::Read for VerifyingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(hasher) = &mut self.hasher else {
            return Ok(0);
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        let left = (self.expected.size - hasher.size()).saturating_add(1);
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.source.read(&mut buffer[..wanted])?;
        hasher.update(&buffer[..read]);
        if read == 0 || hasher.size() > self.expected.size {
            self.hasher
                .take()
                .unwrap_or_default()
                .check(self.expected)?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read(source: &[u8], expected: Identity) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        VerifyingReader::new(source, expected).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn digests_are_written_and_read_in_one_form() {
        let digest = Digest::of(b"");
        assert_eq!(
            digest.to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digest.to_string().parse::<Digest>().ok(), Some(digest));
        let upper = digest.to_string().to_uppercase();
        for bad in [
            "",
            "sha256:",
            &upper,
            &digest.hex(),
            "sha512:00",
            &format!("{digest}0"),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_verifying_reader_gives_the_named_bytes_and_no_others() {
        let expected = Identity::of(b"component");
        assert_eq!(read(b"component", expected).unwrap(), b"component");
        for bad in [&b"componen"[..], b"components", b"COMPONENT", b""] {
            let error = read(bad, expected).unwrap_err();
            let mismatch = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<Mismatch>());
            assert_eq!(
                mismatch.map(|mismatch| mismatch.expected),
                Some(expected),
                "{bad:?}"
            );
        }
        assert_eq!(read(b"", Identity::of(b"")).unwrap(), b"");
    }

    #[test]
    fn a_verifying_reader_takes_one_byte_too_many_at_most() {
        let endless = io::repeat(7);
        let mut taken = endless.take(1 << 40);
        let mut reader = VerifyingReader::new(
            &mut taken,
            Identity {
                digest: Digest::of(b""),
                size: 1000,
            },
        );
        assert!(io::copy(&mut reader, &mut io::sink()).is_err());
        assert_eq!((1 << 40) - taken.limit(), 1001);
    }
}
