//! The tree of files that a component shows.

use std::collections::HashMap;

use crate::digest::{Digest, Identity};

/// The files and directories of an assets component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The name of the preopened directory, for example `/assets`.
    pub mount: String,
    /// The entries, sorted by the bytes of their paths. The first one is the root. Parents come before children.
    pub entries: Vec<Entry>,
    /// Each distinct content once, in the order of first use.
    pub contents: Vec<Content>,
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
        /// Its content, as an index of [`Tree::contents`].
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
    /// Builds a tree from paths in any order. Entries without an identity are directories. The root is added.
    ///
    /// Fails if the mount or a path is malformed, or if a path has no parent directory.
    pub fn new(
        mount: &str,
        files: impl IntoIterator<Item = (String, Option<Identity>)>,
    ) -> Result<Self, Error> {
        let names = mount.strip_prefix('/').unwrap_or_default();
        if mount != "/" && !is_plain(names) {
            let mount = mount.to_owned();
            return Err(Error::Mount { mount });
        }
        let mut files: Vec<(String, Option<Identity>)> = files.into_iter().collect();
        files.sort();
        let mut tree = Self {
            mount: mount.to_owned(),
            entries: vec![Entry {
                path: String::new(),
                parent: 0,
                kind: EntryKind::Directory,
            }],
            contents: Vec::new(),
        };
        let mut directories = HashMap::from([(String::new(), 0)]);
        let mut known = HashMap::new();
        for (path, identity) in files {
            tree.add(path, identity, &mut directories, &mut known)?;
        }
        Ok(tree)
    }

    fn add(
        &mut self,
        path: String,
        identity: Option<Identity>,
        directories: &mut HashMap<String, usize>,
        known: &mut HashMap<Identity, usize>,
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
        let kind = match identity {
            None => {
                directories.insert(path.clone(), self.entries.len());
                EntryKind::Directory
            }
            Some(identity) => EntryKind::File {
                content: *known.entry(identity).or_insert_with(|| {
                    self.contents.push(Content {
                        digest: identity.digest,
                        size: identity.size,
                    });
                    self.contents.len() - 1
                }),
            },
        };
        self.entries.push(Entry { path, parent, kind });
        Ok(())
    }
}

impl Tree {
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

    /// Returns the content of a file, as an index of [`Tree::contents`].
    pub fn content(&self) -> Option<usize> {
        match self.kind {
            EntryKind::Directory => None,
            EntryKind::File { content } => Some(content),
        }
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
        Tree::new(mount, directories)
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
