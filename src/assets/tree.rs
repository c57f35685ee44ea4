//! The tree of files that a component shows.

use std::collections::HashMap;
use std::io;

use crate::digest::{Digest, Hasher, Identity};

/// The size of the chunks of a remote file, in bytes. The last chunk can be smaller.
pub const CHUNK_BYTES: u64 = 1024 * 1024;

/// The files and directories of an assets component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The name of the preopened directory, for example `/assets`.
    pub mount: String,
    /// The entries, sorted by the bytes of their paths. The first one is the root. Parents come before children.
    pub entries: Vec<Entry>,
    /// Each distinct content in the component once, in the order of first use.
    pub contents: Vec<Content>,
    /// Each distinct content of the remote files once, in the order of first use.
    pub remote: Vec<RemoteContent>,
}

/// A file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path relative to the root, with `/` between names. The root's path is empty.
    pub path: String,
    /// The directory that contains it, as an index of [`Tree::entries`]. The root is its own parent.
    pub parent: usize,
    /// File or directory.
    pub kind: EntryKind,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Its content, as an index of [`Tree::contents`], which [`Tree::remote`] continues.
        content: usize,
    },
}

/// A distinct content of one or more files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A distinct content of remote files. It is a blob, and no part of the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteContent {
    /// Its digest and size.
    pub content: Content,
    /// The digest of each chunk.
    pub chunks: Vec<Digest>,
}

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// The digest and the size.
    pub identity: Identity,
    /// The digest of each chunk of a remote file. Other files have none.
    pub chunks: Vec<Digest>,
}

impl From<Identity> for FileContent {
    fn from(identity: Identity) -> Self {
        let chunks = Vec::new();
        Self { identity, chunks }
    }
}

/// Why files cannot be a tree.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The mount is not an absolute path of plain names.
    #[error("the mount `{mount}` must be an absolute path without `.`, `..` and empty names")]
    Mount {
        /// The mount.
        mount: String,
    },
    /// A path is not relative, or not made of plain names.
    #[error("`{path}` must be a relative path without `.`, `..` and empty names")]
    Path {
        /// The path.
        path: String,
    },
    /// Two entries have the same path.
    #[error("`{path}` occurs twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// An entry has no parent directory.
    #[error("`{path}` is in no directory of the tree")]
    Orphan {
        /// The path.
        path: String,
    },
}

impl Tree {
    /// Builds a tree from paths in any order. Entries without a content are directories. The root is added.
    ///
    /// Fails if the mount or a path is malformed, or if a path has no parent directory.
    pub fn new<C: Into<FileContent>>(
        mount: &str,
        files: impl IntoIterator<Item = (String, Option<C>)>,
    ) -> Result<Self, Error> {
        let names = mount.strip_prefix('/').unwrap_or_default();
        if mount != "/" && !is_plain(names) {
            let mount = mount.to_owned();
            return Err(Error::Mount { mount });
        }
        let files = files.into_iter();
        let mut files: Vec<(String, Option<FileContent>)> = files
            .map(|(path, content)| (path, content.map(C::into)))
            .collect();
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut tree = Self {
            mount: mount.to_owned(),
            entries: vec![Entry {
                path: String::new(),
                parent: 0,
                kind: EntryKind::Directory,
            }],
            contents: Vec::new(),
            remote: Vec::new(),
        };
        let known = tree.add_contents(files.iter().filter_map(|(_, content)| content.as_ref()));
        let mut directories = HashMap::from([(String::new(), 0)]);
        for (path, content) in files {
            let kind = match content {
                None => EntryKind::Directory,
                Some(content) => EntryKind::File {
                    content: known[&content.identity],
                },
            };
            tree.add(path, kind, &mut directories)?;
        }
        Ok(tree)
    }

    /// Adds each distinct content, and returns its index. Remote contents follow the others.
    fn add_contents<'a>(
        &mut self,
        contents: impl Iterator<Item = &'a FileContent> + Clone,
    ) -> HashMap<Identity, usize> {
        let mut known = HashMap::new();
        for is_remote in [false, true] {
            for FileContent { identity, chunks } in contents.clone() {
                if chunks.is_empty() == is_remote || known.contains_key(identity) {
                    continue;
                }
                known.insert(*identity, known.len());
                let (digest, size) = (identity.digest, identity.size);
                let content = Content { digest, size };
                match is_remote {
                    false => self.contents.push(content),
                    true => self.remote.push(RemoteContent {
                        content,
                        chunks: chunks.clone(),
                    }),
                }
            }
        }
        known
    }

    fn add(
        &mut self,
        path: String,
        kind: EntryKind,
        directories: &mut HashMap<String, usize>,
    ) -> Result<(), Error> {
        if !is_plain(&path) {
            return Err(Error::Path { path });
        }
        if self.entries.last().is_some_and(|last| last.path == path) {
            return Err(Error::Duplicate { path });
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let Some(parent) = directories.get(parent).copied() else {
            return Err(Error::Orphan { path });
        };
        if let EntryKind::Directory = kind {
            directories.insert(path.clone(), self.entries.len());
        }
        self.entries.push(Entry { path, parent, kind });
        Ok(())
    }
}

impl Tree {
    /// Returns each distinct content in the order of their numbers: those in the component, then the remote ones.
    pub fn all_contents(&self) -> impl Iterator<Item = &Content> {
        let remote = self.remote.iter().map(|remote| &remote.content);
        self.contents.iter().chain(remote)
    }

    /// Returns the content with a number.
    pub fn content(&self, index: usize) -> &Content {
        match index.checked_sub(self.contents.len()) {
            None => &self.contents[index],
            Some(index) => &self.remote[index].content,
        }
    }

    /// Returns all entries in an order in which the children of each directory are next to each other, and the children
    /// of each entry.
    pub(super) fn breadth_first(&self) -> (Vec<usize>, Vec<Vec<usize>>) {
        let mut children = vec![Vec::new(); self.entries.len()];
        for (index, entry) in self.entries.iter().enumerate().skip(1) {
            children[entry.parent].push(index);
        }
        let mut order = vec![0];
        let mut next = 0;
        while let Some(&entry) = order.get(next) {
            order.extend(&children[entry]);
            next += 1;
        }
        (order, children)
    }
}

impl Entry {
    /// Returns the last name of the path.
    pub fn name(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or(&self.path, |(_, name)| name)
    }

    /// Returns the content of a file, as [`Tree::content`] takes it.
    pub fn content(&self) -> Option<usize> {
        match self.kind {
            EntryKind::Directory => None,
            EntryKind::File { content } => Some(content),
        }
    }
}

/// Hashes a file and its chunks.
#[derive(Default)]
pub struct ChunkHasher {
    whole: Hasher,
    chunk: Hasher,
    chunks: Vec<Digest>,
}

impl ChunkHasher {
    fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let rest = CHUNK_BYTES - self.chunk.size();
            let (now, later) = bytes.split_at(bytes.len().min(rest as usize));
            self.chunk.update(now);
            bytes = later;
            if self.chunk.size() == CHUNK_BYTES {
                self.end_chunk();
            }
        }
    }

    fn end_chunk(&mut self) {
        let chunk = std::mem::take(&mut self.chunk);
        self.chunks.push(chunk.identity().digest);
    }

    /// Returns the content as that of a remote file.
    pub fn finish(mut self) -> FileContent {
        if self.chunk.size() > 0 {
            self.end_chunk();
        }
        FileContent {
            identity: self.whole.identity(),
            chunks: self.chunks,
        }
    }
}

impl io::Write for ChunkHasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns whether a relative path consists of plain names.
pub(super) fn is_plain(path: &str) -> bool {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
    path.split('/').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(mount: &str, paths: &[&str]) -> Result<Tree, Error> {
        let directories = paths.iter().map(|path| ((*path).to_owned(), None));
        Tree::new::<FileContent>(mount, directories)
    }

    #[test]
    fn entries_are_sorted_and_know_their_parents() {
        let tree = tree("/", &["a.b", "a/b", "a", "a/b/c"]).unwrap();
        let entries = tree.entries.iter();
        let entries: Vec<(&str, &str, usize)> = entries
            .map(|entry| (entry.path.as_str(), entry.name(), entry.parent))
            .collect();
        assert_eq!(
            entries,
            [
                ("", "", 0),
                ("a", "a", 0),
                ("a.b", "a.b", 0),
                ("a/b", "b", 1),
                ("a/b/c", "c", 3)
            ]
        );
    }

    #[test]
    fn a_remote_content_follows_the_others() {
        let mut hasher = ChunkHasher::default();
        let bytes = vec![7; CHUNK_BYTES as usize + 1];
        bytes.chunks(1000).for_each(|part| hasher.update(part));
        let large = hasher.finish();
        assert_eq!(large.identity, Identity::of(&bytes));
        assert_eq!(
            large.chunks,
            [Digest::of(&bytes[1..]), Digest::of(&bytes[..1])]
        );
        let small = FileContent::from(Identity::of(b"x"));
        let files = [("a", &large), ("b", &small), ("c", &large)];
        let files = files.map(|(path, content)| (path.to_owned(), Some(content.clone())));
        let tree = Tree::new("/", files).unwrap();
        let indexes: Vec<Option<usize>> = tree.entries.iter().map(Entry::content).collect();
        assert_eq!(indexes, [None, Some(1), Some(0), Some(1)]);
        assert_eq!(tree.content(1).size, CHUNK_BYTES + 1);
        assert_eq!(tree.remote.len(), 1);
    }

    #[test]
    fn mounts_must_be_absolute_and_plain() {
        for mount in ["", "assets", "/a/../b", "/.", "/a//b", "/a/", "//"] {
            let error = tree(mount, &[]).unwrap_err();
            assert!(matches!(error, Error::Mount { .. }), "{mount}");
        }
        for mount in ["/", "/assets", "/usr/share/a..b"] {
            assert!(tree(mount, &[]).is_ok(), "{mount}");
        }
    }

    #[test]
    fn paths_must_be_relative_plain_and_complete() {
        for path in ["", "/a", "..", "a/..", "./a", "a\0b"] {
            let error = tree("/", &["a", path]).unwrap_err();
            assert!(matches!(error, Error::Path { .. }), "{path}");
        }
        let twice = tree("/", &["a", "a"]).unwrap_err();
        assert!(matches!(twice, Error::Duplicate { path } if path == "a"));
        let orphan = tree("/", &["a", "b/c"]).unwrap_err();
        assert!(matches!(orphan, Error::Orphan { path } if path == "b/c"));
    }
}
