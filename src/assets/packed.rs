//! The files of an assets component, and the ranges of their bytes in it.

use std::ops::Range;

use super::section::{self, Asset, AssetList};
use crate::digest::Identity;
use crate::section::{leb128, list_similar, similar_paths};

/// The largest section with a list that is read, in bytes.
pub const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// Why files cannot be read from a component.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The component has no list of files.
    #[error("the component has no list of files")]
    NoList,
    /// The list is too large.
    #[error("the list of files has {size} bytes, at most {max} are allowed")]
    ListSize {
        /// The size of the section's content, in bytes.
        size: u64,
        /// The largest size that the caller reads, in bytes.
        max: u64,
    },
    /// The list is malformed.
    #[error("the list of files is malformed")]
    List(#[from] section::Error),
    /// The data section does not consist of the listed contents.
    #[error("`{data}` does not consist of the listed files")]
    Data {
        /// The section path of the data section.
        data: String,
    },
    /// No listed file or directory has this path.
    #[error("no file has the path `{path}`{}", list_similar(similar))]
    Unknown {
        /// The path.
        path: String,
        /// Similar paths, the nearest first.
        similar: Vec<String>,
    },
    /// The path of a file is needed.
    #[error("`{path}` is a directory")]
    Directory {
        /// The path.
        path: String,
    },
    /// The bytes of a remote file are needed.
    #[error("`{path}` is a remote file, which is not in the component")]
    Remote {
        /// The path.
        path: String,
    },
    /// The bytes of a file do not have the listed digest.
    #[error("file `{path}` is damaged")]
    Damaged {
        /// The path.
        path: String,
        /// The expected and the found identity.
        source: crate::digest::Mismatch,
    },
}

/// The files of an assets component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFiles {
    /// The list of files.
    pub list: AssetList,
    /// The range of each content in the component. Remote contents have none.
    ranges: Vec<Range<u64>>,
}

/// A file that a component shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// The path relative to the mount.
    pub path: String,
    /// The digest and the size of its bytes.
    pub identity: Identity,
    /// The range of its bytes in the component. A remote file has none: it is the blob with its digest.
    pub range: Option<Range<u64>>,
}

impl PackedFiles {
    /// Returns the files of a list. `data` is the content of the data section, which is not needed if there are no
    /// contents. Returns nothing if the section does not consist of the contents.
    pub fn new(list: AssetList, data: Range<u64>) -> Option<Self> {
        if list.contents.is_empty() {
            let ranges = Vec::new();
            return Some(Self { list, ranges });
        }
        let mut at = data.start + leb128(list.contents.len() as u64).len() as u64;
        let mut ranges = Vec::new();
        for content in &list.contents {
            // A segment begins with the flag `passive` and its size.
            let start = at.checked_add(1 + leb128(content.size).len() as u64)?;
            at = start.checked_add(content.size)?;
            ranges.push(start..at);
        }
        (at == data.end).then_some(Self { list, ranges })
    }

    /// Returns the file with a path.
    pub fn file(&self, path: &str) -> Result<PackedFile, Error> {
        match self.select(&[path])?.as_slice() {
            [asset] if asset.path == plain(path) && asset.content.is_some() => {}
            _ => {
                let path = path.to_owned();
                return Err(Error::Directory { path });
            }
        }
        let mut files = self.files(&[path])?;
        files.pop().ok_or_else(|| self.unknown(path))
    }

    /// Returns all files, sorted by the bytes of their paths.
    pub fn by_path(&self) -> Vec<PackedFile> {
        let entries = self.list.entries.iter();
        entries.filter_map(|asset| self.packed(asset)).collect()
    }

    /// Returns the files with these paths and below them, in the order of their bytes in the component, after the remote
    /// files. Without paths these are all files.
    pub fn files(&self, paths: &[&str]) -> Result<Vec<PackedFile>, Error> {
        let selected = self.select(paths)?.into_iter();
        let mut files: Vec<PackedFile> = selected.filter_map(|asset| self.packed(asset)).collect();
        files.sort_by_key(|file| file.range.as_ref().map(|range| range.start));
        Ok(files)
    }

    fn packed(&self, asset: &Asset) -> Option<PackedFile> {
        let index = asset.content?;
        let content = self.list.content(index);
        Some(PackedFile {
            path: asset.path.clone(),
            identity: Identity {
                digest: content.digest,
                size: content.size,
            },
            range: self.ranges.get(index).cloned(),
        })
    }

    /// Returns the empty directories with these paths and below them. Without paths these are all empty directories.
    pub fn empty_directories(&self, paths: &[&str]) -> Result<Vec<&str>, Error> {
        let selected = self.select(paths)?.into_iter();
        let directories = selected.filter(|asset| asset.content.is_none());
        Ok(directories.map(|asset| asset.path.as_str()).collect())
    }

    fn select(&self, paths: &[&str]) -> Result<Vec<&Asset>, Error> {
        if paths.is_empty() {
            return Ok(self.list.entries.iter().collect());
        }
        let mut selected = Vec::new();
        for path in paths {
            let name = plain(path);
            let is_wanted = |asset: &&Asset| {
                let below = asset.path.strip_prefix(name);
                name.is_empty()
                    || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let before = selected.len();
            selected.extend(self.list.entries.iter().filter(is_wanted));
            if selected.len() == before && !name.is_empty() {
                return Err(self.unknown(path));
            }
        }
        selected.sort_by_key(|asset| &asset.path);
        selected.dedup();
        Ok(selected)
    }

    fn unknown(&self, path: &str) -> Error {
        let known = self.list.entries.iter().map(|asset| asset.path.clone());
        Error::Unknown {
            path: path.to_owned(),
            similar: similar_paths(plain(path), known),
        }
    }
}

/// Returns a path as a list has it: without `./` before and `/` after. The packed directory itself has an empty path.
fn plain(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    match path {
        "." => "",
        path => path.strip_prefix("./").unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::tree::Tree;

    fn packed() -> PackedFiles {
        let file = |bytes: &[u8]| Some(Identity::of(bytes));
        let files = [
            ("a", None),
            ("a/b", file(&[1; 200])),
            ("a.txt", file(b"")),
            ("c", file(&[1; 200])),
            ("d", None),
        ];
        let files = files.map(|(path, identity)| (path.to_owned(), identity));
        let list = AssetList::of(&Tree::new("/", files).unwrap(), 0);
        PackedFiles::new(list, 100..306).unwrap()
    }

    fn paths(paths: &[&str]) -> Vec<String> {
        let files = packed().files(paths).unwrap().into_iter();
        files.map(|file| file.path).collect()
    }

    #[test]
    fn contents_follow_each_other_in_the_data_section() {
        let packed = packed();
        // A count, `01 00` and `01 c8 01`.
        assert_eq!(packed.file("a.txt").unwrap().range, Some(103..103));
        assert_eq!(packed.file("a/b").unwrap().range, Some(106..306));
        assert_eq!(packed.file("./c").unwrap().range, Some(106..306));
        for data in [100..305, 100..307, 101..306] {
            assert_eq!(PackedFiles::new(packed.list.clone(), data), None);
        }
        let mut list = packed.list;
        list.contents[0].size = u64::MAX;
        assert_eq!(PackedFiles::new(list, 100..306), None);
    }

    #[test]
    fn a_path_selects_a_file_or_all_below_a_directory() {
        assert_eq!(paths(&[]), ["a.txt", "a/b", "c"]);
        assert_eq!(paths(&["."]), paths(&[]));
        assert_eq!(paths(&["a"]), ["a/b"]);
        assert_eq!(paths(&["./a/", "a/b", "a.txt"]), ["a.txt", "a/b"]);
        assert!(paths(&["d"]).is_empty());
        assert_eq!(packed().empty_directories(&["d/"]).unwrap(), ["d"]);
        assert_eq!(packed().empty_directories(&["a"]).unwrap(), [""; 0]);
        for path in ["a/", "d", "."] {
            let error = packed().file(path).unwrap_err();
            assert!(matches!(error, Error::Directory { .. }), "{path}");
        }
    }

    #[test]
    fn an_unknown_path_is_an_error_with_similar_paths() {
        for (path, near) in [("b", "a/b"), ("a.tx", "a.txt"), ("./e/", "c")] {
            match packed().files(&["c", path]) {
                Err(Error::Unknown { similar, .. }) => assert!(similar.contains(&near.to_owned())),
                found => panic!("{path}: {found:?}"),
            }
        }
    }
}
