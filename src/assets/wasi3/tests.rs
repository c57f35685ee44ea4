use std::collections::BTreeMap;

use wasmparser::{Data, DataKind, Parser, Payload, Validator};

use super::super::tree::Tree;
use super::generate;
use super::tables::{START, Tables};
use crate::digest::{Digest, Identity};

/// Returns the tree with these files. A path that ends with `/` is an empty directory.
fn tree<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
    let mut paths = BTreeMap::new();
    for (path, text) in files {
        for (at, _) in path.match_indices('/') {
            paths.insert(path[..at].to_owned(), None);
        }
        if !path.ends_with('/') {
            paths.insert(path.to_owned(), Some(Identity::of(text.as_bytes())));
        }
    }
    Tree::new("/assets", paths).unwrap()
}

fn component(tree: &Tree) -> Vec<u8> {
    wat::parse_str(generate(tree)).unwrap()
}

fn many() -> Tree {
    let files: Vec<(String, String)> = (0..5000)
        .map(|number| (format!("{}/{number}", number % 70), number.to_string()))
        .collect();
    tree(files.iter().map(|(path, text)| (&path[..], &text[..])))
}

#[test]
fn generated_components_are_valid() {
    let trees = [
        tree([]),
        tree([("empty", "")]),
        tree([("none/", "")]),
        tree([("a", "same"), ("b", "same")]),
        tree([("a/b/c/d", "deep"), ("a/b/e/", ""), ("ä \"\\", "name")]),
        many(),
    ];
    for tree in trees {
        let component = component(&tree);
        if let Err(error) = Validator::new().validate_all(&component) {
            panic!("{} entries: {error}", tree.entries.len());
        }
    }
}

/// Returns the segments of each core module that is nested directly in a component: whether each is passive, and its
/// length.
fn segments(component: &[u8]) -> Vec<Vec<(bool, usize)>> {
    let mut segments = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::DataSection(section) if depth == 1 => {
                let segment =
                    |data: Data| (matches!(data.kind, DataKind::Passive), data.data.len());
                segments.push(
                    section
                        .into_iter()
                        .map(|data| segment(data.unwrap()))
                        .collect(),
                );
            }
            _ => {}
        }
    }
    segments
}

#[test]
fn each_content_is_one_empty_passive_segment() {
    let tree = tree([("a", "same"), ("b", "other"), ("c", "same"), ("d", "")]);
    let tables = vec![(false, Tables::new(&tree).bytes.len())];
    let contents = vec![(true, 0); 3];
    assert_eq!(segments(&component(&tree)), [tables, contents]);
}

#[test]
fn equal_trees_give_equal_texts() {
    assert_eq!(generate(&many()), generate(&many()));
}

/// The tables, read as `metadata.wat` reads them.
struct Nodes(Vec<u8>);

impl Nodes {
    fn number(&self, address: usize) -> usize {
        let bytes = &self.0[address - START..][..4];
        u32::from_le_bytes(bytes.try_into().unwrap()) as usize
    }

    fn name(&self, node: usize) -> &str {
        let (start, length) = (self.number(node), self.number(node + 4));
        str::from_utf8(&self.0[start - START..][..length]).unwrap()
    }

    /// Lists the paths below a directory, each with the number of its content.
    fn list(&self, directory: usize, prefix: &str, paths: &mut BTreeMap<String, usize>) {
        let (first, count) = (self.number(directory + 16), self.number(directory + 20));
        let children = (0..count).map(|child| first + 32 * child);
        assert!(
            children
                .clone()
                .is_sorted_by_key(|child| self.name(child).as_bytes())
        );
        for child in children {
            assert_eq!(self.number(child + 8), directory);
            let path = format!("{prefix}{}", self.name(child));
            let content = self.number(child + 12);
            if content == 0 {
                self.list(child, &format!("{path}/"), paths);
            }
            paths.insert(path, content);
        }
    }
}

#[test]
fn children_of_a_directory_follow_each_other() {
    let tree = tree([
        ("a-b", "1"),
        ("a.c/x/y", "2"),
        ("a/z", "3"),
        ("a/b/c", "4"),
        ("b", "1"),
    ]);
    let mut paths = BTreeMap::new();
    Nodes(Tables::new(&tree).bytes).list(START, "", &mut paths);
    let expected = [
        ("a", 0),
        ("a-b", 1),
        ("a.c", 0),
        ("a.c/x", 0),
        ("a.c/x/y", 2),
        ("a/b", 0),
        ("a/b/c", 3),
        ("a/z", 4),
        ("b", 1),
    ];
    let expected = expected.map(|(path, content)| (path.to_owned(), content));
    assert_eq!(paths, BTreeMap::from(expected));
}

#[test]
fn file_nodes_have_size_and_digest() {
    let tree = tree([("a", "four")]);
    let nodes = Tables::new(&tree).bytes;
    let digest = Digest::of(b"four");
    assert_eq!(nodes[32 + 16..][..8], [4, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(nodes[32 + 24..][..8], digest.bytes()[..8]);
}

#[test]
fn memory_has_space_for_strings() {
    // Enough files of 232 bytes for any distance between the tables and the end of a page.
    let names: Vec<String> = (0..300).map(|number| format!("{number:0>200}")).collect();
    for count in 0..names.len() {
        let names = names[..count].iter();
        let tables = Tables::new(&tree(names.map(|name| (&name[..], "same"))));
        let space = tables.memory_end() - tables.end();
        assert!(
            (0x1000..0x1_1000).contains(&space),
            "{count} files: {space}"
        );
    }
}
