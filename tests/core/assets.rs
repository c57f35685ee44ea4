//! Assets components: they are valid, the files are segments of their own, and equal trees give equal bytes.

use std::collections::BTreeMap;

use wasmparser::{Parser, Payload, Validator};
use wharf::assets::assemble::{self, Piece};
use wharf::assets::requirements::{self, Requirements};
use wharf::assets::section::{self, AssetList};
use wharf::assets::tree::{CHUNK_BYTES, Content, FileContent, Tree};
use wharf::assets::{wasi2, wasi3};
use wharf::digest::{Digest, Identity};
use wharf::world::TargetWorld;

/// Files by path. A directory has no bytes.
type Files = BTreeMap<String, Option<Vec<u8>>>;

fn files(entries: &[(&str, Option<&str>)]) -> Files {
    let entry = |(path, bytes): &(&str, Option<&str>)| {
        let bytes = bytes.map(|bytes| bytes.as_bytes().to_vec());
        ((*path).to_owned(), bytes)
    };
    entries.iter().map(entry).collect()
}

fn tree(files: &Files) -> Tree {
    let entries = files.iter().map(|(path, bytes)| {
        let identity = bytes.as_ref().map(|bytes| Identity::of(bytes));
        (path.clone(), identity)
    });
    Tree::new("/assets", entries).unwrap()
}

fn build(files: &Files, requirements: &Requirements) -> Vec<u8> {
    let tree = tree(files);
    let plan = assemble::assemble(&wasi2::generate(&tree, requirements), &tree).unwrap();
    let mut contents = BTreeMap::new();
    for entry in &tree.entries {
        if let Some(content) = entry.content() {
            contents.insert(content, files[&entry.path].clone().unwrap());
        }
    }
    let mut component = Vec::new();
    for piece in plan.pieces {
        match piece {
            Piece::Bytes(bytes) => component.extend(bytes),
            Piece::Content(index) => component.extend(&contents[&index]),
        }
    }
    assert_eq!(component.len() as u64, plan.size);
    Validator::new().validate_all(&component).unwrap();
    component
}

/// Returns the passive segments, and the list of assets in the last section.
fn read(component: &[u8]) -> (Vec<Vec<u8>>, AssetList) {
    let mut segments = Vec::new();
    let mut list = None;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::DataSection(section) => {
                let data = section.into_iter().map(Result::unwrap);
                let passive =
                    data.filter(|data| matches!(data.kind, wasmparser::DataKind::Passive));
                segments.extend(passive.map(|data| data.data.to_vec()));
            }
            Payload::CustomSection(section) => {
                assert_eq!(section.name(), section::NAME);
                assert_eq!(section.range().end, component.len() as u64);
                list = Some(AssetList::decode(section.data()).unwrap());
            }
            _ => {}
        }
    }
    (segments, list.unwrap())
}

fn any() -> Requirements {
    Requirements::any().unwrap()
}

#[test]
fn components_of_all_trees_are_valid_and_list_their_files() {
    let trees = [
        files(&[]),
        files(&[("empty", Some(""))]),
        files(&[("empty", None)]),
        files(&[("a", Some("x")), ("b", Some("x")), ("c", Some("y"))]),
        files(&[
            ("a", None),
            ("a/b", None),
            ("a/b/c", Some("deep")),
            ("a.txt", Some("t")),
            ("ü\"\\", Some("u")),
        ]),
    ];
    for files in trees {
        let (segments, list) = read(&build(&files, &any()));
        let listed = list.entries.iter().map(|entry| {
            let bytes = entry.content.map(|content| segments[content].clone());
            (entry.path.clone(), bytes)
        });
        let is_empty = |path: &String| {
            !files
                .keys()
                .any(|other| other.starts_with(&format!("{path}/")))
        };
        let expected = files
            .iter()
            .filter(|(path, bytes)| bytes.is_some() || is_empty(path));
        let expected: Files = expected
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect();
        assert_eq!(listed.collect::<Files>(), expected);
        for (segment, content) in segments.iter().zip(&list.contents) {
            assert_eq!(
                (content.digest, content.size),
                (Digest::of(segment), segment.len() as u64)
            );
        }
    }
}

#[test]
fn equal_files_share_one_segment() {
    let files = files(&[
        ("a", Some("same")),
        ("b", Some("same")),
        ("c", Some("other")),
    ]);
    let (segments, _) = read(&build(&files, &any()));
    assert_eq!(segments, [b"same".to_vec(), b"other".to_vec()]);
}

#[test]
fn components_of_5000_files_are_valid() {
    let mut files = Files::new();
    for directory in 0..50 {
        files.insert(format!("d{directory}"), None);
        for file in 0..100 {
            let bytes = format!("{directory} {file}").into_bytes();
            files.insert(format!("d{directory}/f{file}"), Some(bytes));
        }
    }
    let component = build(&files, &any());
    assert_eq!(read(&component).0.len(), 5000);
    let contents: usize = files.values().flatten().map(Vec::len).sum();
    assert!(component.len() - contents < 5000 * 100 + 24 * 1024);
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let files = files(&[
        ("a", None),
        ("a/x", Some("1")),
        ("a.x", Some("2")),
        ("b", Some("1")),
    ]);
    let entries = files.iter().map(|(path, bytes)| {
        let identity = bytes.as_ref().map(|bytes| Identity::of(bytes));
        (path.clone(), identity)
    });
    let backwards = Tree::new("/assets", entries.rev()).unwrap();
    assert_eq!(backwards, tree(&files));
    assert_eq!(build(&files, &any()), build(&files, &any()));
}

#[test]
fn a_change_of_one_file_leaves_the_other_segments() {
    let before = build(&files(&[("a", Some("1")), ("b", Some("2"))]), &any());
    let after = build(&files(&[("a", Some("1")), ("b", Some("3"))]), &any());
    assert_eq!(read(&before).0[0], read(&after).0[0]);
}

fn tree_of_sizes(sizes: &[u64]) -> Tree {
    let files = sizes.iter().enumerate().map(|(index, size)| {
        let digest = Digest::of(&index.to_le_bytes());
        let size = *size;
        (format!("f{index}"), Some(Identity { digest, size }))
    });
    Tree::new("/assets", files).unwrap()
}

#[test]
fn a_plan_of_large_files_needs_no_bytes_of_them() {
    let tree = tree_of_sizes(&[1 << 29, (1 << 29) - (1 << 20)]);
    let plan = assemble::assemble(&wasi2::generate(&tree, &any()), &tree).unwrap();
    assert_eq!(plan.pieces.len(), 5);
    assert!(plan.size > (1 << 30) - (1 << 20) && plan.size < 1 << 30);
}

#[test]
fn a_remote_file_is_an_import_and_no_segment() {
    let size = 5 << 30;
    let chunks = size / CHUNK_BYTES;
    let remote = FileContent {
        identity: Identity {
            digest: Digest::of(b"model"),
            size,
        },
        chunks: (0..chunks)
            .map(|chunk| Digest::of(&chunk.to_le_bytes()))
            .collect(),
    };
    let small = FileContent::from(Identity::of(b""));
    let files = [("model", Some(remote)), ("small", Some(small))];
    let files = files.map(|(path, content)| (path.to_owned(), content));
    let tree = Tree::new("/models", files).unwrap();
    for text in [wasi2::generate(&tree, &any()), wasi3::generate(&tree)] {
        let plan = assemble::assemble(&text, &tree).unwrap();
        // 32 bytes for each chunk.
        assert!(plan.size - 32 * chunks < 32 * 1024, "{}", plan.size);
        let bytes = plan.pieces.into_iter().map(|piece| match piece {
            Piece::Bytes(bytes) => bytes,
            Piece::Content(index) => {
                assert_eq!(tree.contents[index].size, 0);
                Vec::new()
            }
        });
        let component: Vec<u8> = bytes.flatten().collect();
        Validator::new().validate_all(&component).unwrap();
        let (segments, list) = read(&component);
        assert!(segments.contains(&Vec::new()));
        assert_eq!((list.contents.len(), list.remote.len()), (1, 1));
        assert_eq!(list.remote[0].size, size);
        let world = TargetWorld::of_component(&component).unwrap();
        assert!(
            world
                .imports()
                .contains(&"wharf:assets/blob@0.1.0".to_owned())
        );
    }
}

#[test]
fn files_above_the_limits_of_engines_are_refused() {
    let assemble = |sizes: &[u64]| {
        let tree = tree_of_sizes(sizes);
        assemble::assemble(&wasi2::generate(&tree, &any()), &tree).map(|plan| plan.size)
    };
    let error = assemble(&[5, 1 << 30]).unwrap_err();
    assert!(
        matches!(error, assemble::Error::File { path, size } if path == "f1" && size == 1 << 30)
    );
    let error = assemble(&[1 << 29, 1 << 29]).unwrap_err();
    assert!(matches!(error, assemble::Error::Module { size } if size > 1 << 30));
    let mut many = tree_of_sizes(&[1]);
    let content = Content {
        digest: Digest::of(b""),
        size: 0,
    };
    many.contents = vec![content; 100_001];
    let error = assemble::assemble("", &many).unwrap_err();
    assert!(matches!(
        error,
        assemble::Error::Contents { count: 100_001 }
    ));
}

/// Returns the world of an application with some imports, as a component.
fn application(imports: &str) -> TargetWorld {
    TargetWorld::of_component(&wat::parse_str(format!("(component {imports})")).unwrap()).unwrap()
}

const ERROR: &str = r#"(import "wasi:io/error@0.2.3" (instance $error (export "error" (type (sub resource)))))
    (alias export $error "error" (type $error))"#;
const STREAMS: &str = r#"(import "wasi:io/streams@0.2.3" (instance $streams (export "input-stream" (type (sub resource)))))
    (alias export $streams "input-stream" (type $input-stream))"#;
const FILES: &str = r#"(import "wasi:filesystem/types@0.2.1" (instance (export "descriptor" (type (sub resource)))))"#;
const TCP: &str = r#"(import "wasi:sockets/tcp@0.2.5" (instance
    (export "tcp-socket" (type $tcp-socket (sub resource)))
    (export "input-stream" (type $in (eq $input-stream)))
    (type $error= (enum "refused" "timeout"))
    (export "error" (type $error (eq $error=)))
    (export "[method]tcp-socket.is-listening" (func (param "self" (borrow $tcp-socket)) (result bool)))
    (export "[method]tcp-socket.accept" (func (param "self" (borrow $tcp-socket))
        (result (result (tuple (own $tcp-socket) (own $in)) (error $error)))))))"#;

fn exports(requirements: &Requirements) -> Vec<String> {
    let component = build(&files(&[("a", Some("1"))]), requirements);
    TargetWorld::of_component(&component).unwrap().exports()
}

#[test]
fn any_application_gets_files_streams_and_standard_input() {
    assert_eq!(
        exports(&any()),
        [
            "wasi:io/streams@0.2.12",
            "wasi:cli/stdin@0.2.12",
            "wasi:filesystem/types@0.2.12",
            "wasi:filesystem/preopens@0.2.12"
        ]
    );
}

#[test]
fn an_application_gets_its_own_interfaces_in_its_own_versions() {
    let imports = [ERROR, STREAMS, FILES, TCP].concat();
    let requirements = Requirements::of_application(&application(&imports)).unwrap();
    assert_eq!(
        exports(&requirements),
        [
            "wasi:io/streams@0.2.3",
            "wasi:sockets/tcp@0.2.5",
            "wasi:filesystem/types@0.2.1",
            "wasi:filesystem/preopens@0.2.1"
        ]
    );
}

#[test]
fn applications_that_cannot_be_served_are_refused() {
    let refused = |imports: &str| Requirements::of_application(&application(imports)).unwrap_err();
    let rest = [STREAMS, FILES].concat();
    assert!(matches!(refused(STREAMS), requirements::Error::NoFiles));
    let newer = FILES.replace("0.2.1", "0.3.0");
    assert!(
        matches!(refused(&newer), requirements::Error::Version { import } if import == "wasi:filesystem/types@0.3.0")
    );
    let twice = rest.clone() + &FILES.replace("0.2.1", "0.2.2");
    assert!(matches!(
        refused(&twice),
        requirements::Error::TwoVersions { .. }
    ));
    let foreign = rest.clone() + &TCP.replace("wasi:sockets/tcp@0.2.5", "my:own/tcp");
    let error = refused(&foreign);
    assert!(
        matches!(error, requirements::Error::Unsupported { function, .. } if function == "[method]tcp-socket.accept")
    );
    let unknown = rest + &TCP.replace("tcp-socket.accept", "tcp-socket.take");
    assert!(matches!(
        refused(&unknown),
        requirements::Error::Unsupported { .. }
    ));
}
