//! The custom section `wharf:assets`, which lists the files of an assets component.
//!
//! It is a section of the component itself, after all other sections. Its content is:
//!
//! ```text
//! section  = version module mount contents remote entries
//! version  = 0x01
//! module   = number           the core module with the segments: its index among those of the component
//! mount    = text             the name of the preopened directory
//! contents = number content*  the distinct contents, in the order of their segments
//! remote   = number content*  the distinct contents of remote files, which are blobs outside the component
//! content  = digest number    32 bytes of SHA-256, and the size in bytes
//! entries  = number entry*    sorted by the bytes of their paths
//! entry    = text number      the path, and 0 for an empty directory, or 1 + the index of the content; those of `remote`
//!                             follow those of `contents`
//! text     = number byte*     the length in bytes, and UTF-8
//! number   = unsigned LEB128, in its shortest form, below 2^64
//! ```
//!
//! The module has one passive data segment for each content, in the order of the list, and no other segment.
//! Directories with entries are not listed, because the paths of their entries name them.

use std::collections::BTreeSet;

use super::tree::{Content, Tree, is_plain};
use crate::digest::Digest;
use crate::section::leb128;

/// The name of the custom section.
pub use crate::section::ASSETS as NAME;

const VERSION: u8 = 1;

/// The files of an assets component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetList {
    /// The core module with the segments, as an index of the component's core modules.
    pub module: u32,
    /// The name of the preopened directory.
    pub mount: String,
    /// The distinct contents. Each one is the passive segment of the same index.
    pub contents: Vec<Content>,
    /// The distinct contents of the remote files. Each one is a blob outside the component.
    pub remote: Vec<Content>,
    /// The files and the empty directories, sorted by path.
    pub entries: Vec<Asset>,
}

/// A file or an empty directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The path relative to the mount, with `/` between names.
    pub path: String,
    /// The content of a file, as an index of [`AssetList::contents`], which [`AssetList::remote`] continues. An empty
    /// directory has none.
    pub content: Option<usize>,
}

/// Why bytes are no list of assets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another version of the format.
    #[error("version {found} is not supported, only {VERSION}")]
    Version {
        /// The version.
        found: u8,
    },
    /// The bytes break a rule of the format.
    #[error("at byte {offset}: {reason}")]
    Malformed {
        /// The offset in the section's content, in bytes.
        offset: usize,
        /// The broken rule.
        reason: &'static str,
    },
}

impl AssetList {
    /// Returns the list for a tree whose segments are in the given module.
    pub fn of(tree: &Tree, module: u32) -> Self {
        let parents = tree.entries.iter().skip(1).map(|entry| entry.parent);
        let parents: BTreeSet<usize> = parents.collect();
        let entries = tree.entries.iter().enumerate().skip(1);
        let entries = entries.filter_map(|(index, entry)| {
            let (path, content) = (entry.path.clone(), entry.content());
            (!parents.contains(&index)).then_some(Asset { path, content })
        });
        Self {
            module,
            mount: tree.mount.clone(),
            contents: tree.contents.clone(),
            remote: tree
                .remote
                .iter()
                .map(|remote| remote.content.clone())
                .collect(),
            entries: entries.collect(),
        }
    }

    /// Returns the content of a file, as [`Asset::content`] names it.
    pub fn content(&self, index: usize) -> &Content {
        match index.checked_sub(self.contents.len()) {
            None => &self.contents[index],
            Some(index) => &self.remote[index],
        }
    }

    /// Encodes the content of the section.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(leb128(u64::from(self.module)));
        write_text(&mut bytes, &self.mount);
        for contents in [&self.contents, &self.remote] {
            bytes.extend(leb128(contents.len() as u64));
            for content in contents {
                bytes.extend(content.digest.bytes());
                bytes.extend(leb128(content.size));
            }
        }
        bytes.extend(leb128(self.entries.len() as u64));
        for entry in &self.entries {
            write_text(&mut bytes, &entry.path);
            let content = entry.content.map_or(0, |content| content as u64 + 1);
            bytes.extend(leb128(content));
        }
        bytes
    }

    /// Decodes the content of the section. Every list has one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader { bytes, offset: 0 };
        match reader.take(1)? {
            [VERSION] => {}
            found => return Err(Error::Version { found: found[0] }),
        }
        let module = reader.number()?;
        let module = u32::try_from(module).map_err(|_| reader.malformed("a module above 2^32"))?;
        let mount = reader.text()?.to_owned();
        if mount != "/" && !mount.strip_prefix('/').is_some_and(is_plain) {
            return Err(reader.malformed("a mount that is not absolute and plain"));
        }
        let contents = reader.contents()?;
        let remote = reader.contents()?;
        let mut entries: Vec<Asset> = Vec::new();
        for _ in 0..reader.number()? {
            let entry = reader.entry(contents.len() + remote.len())?;
            if entries.last().is_some_and(|last| last.path >= entry.path) {
                return Err(reader.malformed("a path out of order"));
            }
            entries.push(entry);
        }
        if reader.offset != bytes.len() {
            return Err(reader.malformed("bytes after the end"));
        }
        Ok(Self {
            module,
            mount,
            contents,
            remote,
            entries,
        })
    }
}

/// Appends a text with its length.
pub(super) fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(leb128(text.len() as u64));
    bytes.extend(text.as_bytes());
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn malformed(&self, reason: &'static str) -> Error {
        let offset = self.offset;
        Error::Malformed { offset, reason }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let rest = &self.bytes[self.offset..];
        let Some((taken, _)) = rest.split_at_checked(count) else {
            return Err(self.malformed("the end is missing"));
        };
        self.offset += count;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, Error> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let part = u64::from(byte & 0x7f);
            if (part << shift) >> shift != part || (byte == 0 && shift > 0) {
                return Err(self.malformed("a number that is too long"));
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.malformed("a number that is too long"))
    }

    fn text(&mut self) -> Result<&'a str, Error> {
        let length = self.number()?;
        let text = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        std::str::from_utf8(text).map_err(|_| self.malformed("a text that is not UTF-8"))
    }

    fn contents(&mut self) -> Result<Vec<Content>, Error> {
        let mut contents = Vec::new();
        for _ in 0..self.number()? {
            contents.push(self.content()?);
        }
        Ok(contents)
    }

    fn content(&mut self) -> Result<Content, Error> {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.take(32)?);
        Ok(Content {
            digest: Digest::from_bytes(digest),
            size: self.number()?,
        })
    }

    fn entry(&mut self, contents: usize) -> Result<Asset, Error> {
        let path = self.text()?.to_owned();
        if !is_plain(&path) {
            return Err(self.malformed("a path that is not relative and plain"));
        }
        let content = match self.number()?.checked_sub(1) {
            None => None,
            Some(index) => match usize::try_from(index) {
                Ok(index) if index < contents => Some(index),
                _ => return Err(self.malformed("a content that is not listed")),
            },
        };
        Ok(Asset { path, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::tree::FileContent;
    use crate::digest::Identity;

    fn list() -> AssetList {
        let file = |bytes: &[u8]| Some(FileContent::from(Identity::of(bytes)));
        let remote = FileContent {
            identity: Identity::of(b"yz"),
            chunks: vec![Digest::of(b"yz")],
        };
        let files = [
            ("d/e", None),
            ("d", None),
            ("e", Some(remote)),
            ("f", file(b"x")),
            ("g", file(b"x")),
        ];
        let files = files.map(|(path, identity)| (path.to_owned(), identity));
        let tree = Tree::new("/a", files).unwrap();
        AssetList::of(&tree, 300)
    }

    #[test]
    fn the_encoding_is_as_documented() {
        let mut expected = b"\x01\xac\x02\x02/a\x01".to_vec();
        expected.extend(Digest::of(b"x").bytes());
        expected.extend(b"\x01\x01");
        expected.extend(Digest::of(b"yz").bytes());
        expected.extend(b"\x02\x04\x03d/e\x00\x01e\x02\x01f\x01\x01g\x01");
        assert_eq!(list().encode(), expected);
        assert_eq!(AssetList::decode(&expected).unwrap(), list());
    }

    #[test]
    fn a_decoder_rejects_all_other_bytes() {
        let bytes = list().encode();
        let decode = |bytes: &[u8]| AssetList::decode(bytes);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{end} bytes");
        }
        assert!(matches!(decode(b"\x02"), Err(Error::Version { found: 2 })));
        let reason = |bytes: &[u8]| match decode(bytes) {
            Err(Error::Malformed { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        let with = |from: &[u8], to: &[u8]| {
            let at = bytes
                .windows(from.len())
                .position(|found| found == from)
                .unwrap();
            [&bytes[..at], to, &bytes[at + from.len()..]].concat()
        };
        assert_eq!(reason(&[&bytes[..], b"\0"].concat()), "bytes after the end");
        assert_eq!(
            reason(&with(b"/a", b"aa")),
            "a mount that is not absolute and plain"
        );
        assert_eq!(
            reason(&with(b"d/e", b"../")),
            "a path that is not relative and plain"
        );
        assert_eq!(reason(&with(b"\x01f", b"\x01g")), "a path out of order");
        assert_eq!(
            reason(&with(b"\x01f\x01", b"\x01f\x03")),
            "a content that is not listed"
        );
        assert_eq!(
            reason(&with(b"\x01f", b"\x01\xff")),
            "a text that is not UTF-8"
        );
        assert_eq!(
            reason(&with(b"\xac\x02", b"\x80\x80\x80\x80\x10")),
            "a module above 2^32"
        );
        assert_eq!(
            reason(&with(b"\xac\x02", b"\x80\x00")),
            "a number that is too long"
        );
        assert_eq!(
            reason(&with(b"\xac\x02", &[0xff; 10])),
            "a number that is too long"
        );
    }
}
