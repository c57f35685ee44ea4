//! The same bytes give the same digests: on every run, in every store, at every level as far as the format promises.
//!
//! The vectors were written down once. A change that moves one of them is a new version of the format.

use crate::support::binary::{custom, leb, module, section, vector};
use crate::support::fault;
use std::collections::BTreeMap;
use std::sync::Arc;

use wharf::artifact;
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::encoding::{EncodedLayer, Encoders, Encoding, Frames, Level, compress};
use wharf::manifest::{Annotations, ConfigLayer};
use wharf::push::{self, PushOptions, PushSummary};
use wharf::reference::Repository;
use wharf::split::{Granularity, SplitPolicy};
use wharf::store::cache::Cache;
use wharf::store::layout::Layout;
use wharf::store::remote::{self, Access, Credentials, Remote};
use wharf::store::{Session, WritableStore};

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/wat/{name}.wat", env!("CARGO_MANIFEST_DIR"));
    wat::parse_file(path).unwrap()
}

fn component(bytes: Vec<u8>, granularity: Granularity) -> Arc<Component<Vec<u8>>> {
    let policy = SplitPolicy {
        granularity,
        ..SplitPolicy::DEFAULT
    };
    Arc::new(Component::read(bytes, &policy).unwrap())
}

fn options(level: Level, reuse: bool) -> PushOptions {
    PushOptions {
        level,
        reuse,
        metadata: Annotations::new(),
        compat: false,
        remote_files: Vec::new(),
    }
}

async fn push(store: &dyn WritableStore, cache: &Arc<Cache>, options: &PushOptions) -> PushSummary {
    let component = component(fixture("layers"), Granularity::Section);
    let session = Session::unobserved(Arc::clone(cache), 4);
    push::push(component, store, Some("1.0"), &session, options)
        .await
        .unwrap()
}

fn layout(directory: &tempfile::TempDir, name: &str) -> Layout {
    Layout::create(&directory.path().join(name), Arc::new(())).unwrap()
}

#[tokio::test]
async fn the_manifest_digest_is_the_same_on_every_run_and_store() {
    let directory = tempfile::tempdir().unwrap();
    let registry = fault::Registry::start();
    let repository = Repository {
        registry: registry.address(),
        path: "demo/layers".to_owned(),
    };
    let remote = Remote::new(
        &repository,
        Access::Push,
        Credentials::Anonymous,
        &remote::Options::default(),
    );
    let remote = remote.unwrap();
    let (first, second) = (layout(&directory, "first"), layout(&directory, "second"));
    let stores: [&dyn WritableStore; 3] = [&first, &second, &remote];
    let mut digests = Vec::new();
    for store in stores {
        let machine = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::open(machine.path()).unwrap());
        let options = options(Level::Auto, true);
        digests.push(push(store, &cache, &options).await.digest);
        // Again, from the cache, and again without looking at it.
        let again = push(store, &cache, &options).await;
        digests.push(again.digest);
        assert_eq!(
            (again.sent.blobs, again.sent.bytes),
            (0, 0),
            "{}",
            store.location()
        );
        let afresh = PushOptions {
            reuse: false,
            ..options
        };
        digests.push(push(store, &cache, &afresh).await.digest);
    }
    assert!(
        digests.iter().all(|digest| *digest == digests[0]),
        "{digests:?}"
    );
}

#[tokio::test]
async fn the_split_and_flat_digests_do_not_depend_on_the_level_but_the_manifest_does() {
    let directory = tempfile::tempdir().unwrap();
    let store = layout(&directory, "layout");
    let cache = Arc::new(Cache::open(&directory.path().join("cache")).unwrap());
    let mut pushed = Vec::new();
    for level in [1, 3, 19] {
        pushed.push(push(&store, &cache, &options(Level::Fixed(level), false)).await);
    }
    for one in &pushed[1..] {
        assert_eq!(one.split_digest, pushed[0].split_digest);
        assert_eq!(one.flat_digest, pushed[0].flat_digest);
        assert_ne!(one.digest, pushed[0].digest);
    }
    // A cache that may be used gives the form it has, whatever the level.
    let reused = push(&store, &cache, &options(Level::Fixed(1), true)).await;
    assert_eq!(reused.digest, pushed[2].digest);
}

#[test]
fn the_manifest_digest_does_not_depend_on_the_number_of_encoders() {
    let content = squares(20_000_000);
    let layers = [
        custom("large", &content),
        custom("small", &content[..70_000]),
    ];
    let component = component(module(&layers), Granularity::Section);
    let manifest = |threads| {
        let encoders = Encoders::with_threads(Level::Fixed(3), threads);
        let layer = |layer| {
            let mut file = tempfile::tempfile().unwrap();
            let encoded = component.encode(layer, Some(&encoders), &mut file, &|_| {});
            encoded.unwrap()
        };
        let layers: Vec<EncodedLayer> = (0..component.contents().count()).map(layer).collect();
        let split = artifact::split(&component.config, &layers, &Annotations::new());
        let manifest = String::from_utf8(split.manifest).unwrap();
        assert!(manifest.contains("wasm.wharf.frames"));
        manifest
    };
    assert_eq!(manifest(1), manifest(8));
}

/// Returns the content of the frame example: `size` bytes, of which byte i is the last byte of `i * i / 2^28`.
fn squares(size: u64) -> Vec<u8> {
    (0..size).map(|at| ((at * at) >> 28) as u8).collect()
}

#[test]
fn the_frames_of_the_format_are_true() {
    let content = squares(20_000_000);
    let mut stored = Vec::new();
    assert!(compress(&mut content.as_slice(), 20_000_000, 3, &mut stored).unwrap());
    let frames = Frames::of_blob(&stored, Encoding::Zstd, 20_000_000).unwrap();
    let sizes: Vec<String> = frames.sizes().iter().map(u64::to_string).collect();
    let row = format!(
        "| 20,000,000 | 3 | `{}` | `{}` | `{}` |",
        Digest::of(&content),
        sizes.join(","),
        Digest::of(&stored),
    );
    let text = include_str!("../../docs/FORMAT.md");
    assert!(text.contains(&row), "{row}");
}

#[test]
fn the_config_and_the_flat_form_are_frozen() {
    let module = b"\0asm\x01\0\0\0\x02\x09\x01\x03env\x01f\0\0\x07\x05\x01\x01g\0\0".to_vec();
    let component = component(module, Granularity::Section);
    let config = String::from_utf8(component.config.to_bytes()).unwrap();
    assert_eq!(
        config,
        concat!(
            r#"{"formatVersion":1,"planVersion":1,"architecture":"wasm","os":"wasip1","#,
            r#""content":{"digest":"sha256:d8047995b67ef2b7727d9beb4e8ba8e6451b857d06889db034e6745e5c469a01","size":26},"#,
            r#""imports":["env"],"exports":["g"],"#,
            r#""root":{"digest":"sha256:d8047995b67ef2b7727d9beb4e8ba8e6451b857d06889db034e6745e5c469a01","size":26},"#,
            r#""layers":[]}"#
        )
    );
    let metadata = BTreeMap::from([
        (
            "org.opencontainers.image.licenses".to_owned(),
            "Apache-2.0".to_owned(),
        ),
        ("wasm.wharf.package".to_owned(), "a:b@1.0.0".to_owned()),
    ]);
    let flat = artifact::flat(&component.config, &metadata);
    assert_eq!(
        String::from_utf8(flat.config.clone()).unwrap(),
        concat!(
            r#"{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip1","#,
            r#""layerDigests":["sha256:d8047995b67ef2b7727d9beb4e8ba8e6451b857d06889db034e6745e5c469a01"]}"#
        )
    );
    let config_digest = Digest::of(&flat.config);
    let expected = format!(
        concat!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            r#""config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{}","size":{}}},"#,
            r#""layers":[{{"mediaType":"application/wasm","#,
            r#""digest":"sha256:d8047995b67ef2b7727d9beb4e8ba8e6451b857d06889db034e6745e5c469a01","size":26,"#,
            r#""annotations":{{"org.opencontainers.image.title":"module.wasm"}}}}],"#,
            r#""annotations":{{"org.opencontainers.image.licenses":"Apache-2.0"}}}}"#
        ),
        config_digest,
        flat.config.len()
    );
    assert_eq!(String::from_utf8(flat.manifest).unwrap(), expected);
}

const FORMAT: &str = include_str!("../../docs/FORMAT.md");

/// The files that the format shows as hexadecimal dumps.
fn dumps() -> Vec<Vec<u8>> {
    // A dump is made of lines with an offset of four digits and the bytes.
    let mut dumps: Vec<Vec<u8>> = Vec::new();
    let (until_deltas, _) = FORMAT.split_once("## 17. Delta files").unwrap();
    for line in until_deltas.lines() {
        let Some((offset, bytes)) = line.trim().split_once("  ") else {
            continue;
        };
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if offset.len() != 4 || !is_hex(offset) || !is_hex(bytes) {
            continue;
        }
        if offset == "0000" {
            dumps.push(Vec::new());
        }
        let pairs = (0..bytes.len()).step_by(2);
        let bytes = pairs.map(|at| u8::from_str_radix(&bytes[at..at + 2], 16).unwrap());
        dumps.last_mut().unwrap().extend(bytes);
    }
    assert_eq!(dumps.len(), 2);
    dumps
}

#[test]
fn the_examples_of_the_format_are_true() {
    let policy = SplitPolicy {
        granularity: Granularity::Section,
        floor: 16,
        max_layers: 256,
    };
    let exports = (0..10_000)
        .map(|number| [&vector(format!("e{number:04}").as_bytes()), &[2, 0][..]].concat());
    let exports = [leb(10_000), exports.collect::<Vec<_>>().concat()].concat();
    let long = module(&[section(7, &exports)]);
    let packed: String = FORMAT.split_whitespace().collect();
    for file in dumps().into_iter().chain([long]) {
        let component = Component::read(file, &policy).unwrap();
        let config = component.config.to_bytes();
        let written = String::from_utf8(config.clone()).unwrap();
        assert!(packed.contains(&written), "{written}");
        let size = format!(
            "Config,{}bytes,splitdigest`{}`",
            config.len(),
            Digest::of(&config)
        );
        assert!(packed.contains(&size), "{size}");
    }
}

#[test]
fn the_policies_in_the_format_give_the_layers_beside_them() {
    let component = dumps().remove(0);
    let module = component[26..218].to_vec();
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in FORMAT.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [
            "",
            file @ ("component" | "module"),
            granularity,
            floor,
            cap,
            ..,
            "",
        ] = cells[..]
        else {
            continue;
        };
        let Ok(granularity) = granularity.parse() else {
            continue;
        };
        let policy = SplitPolicy {
            granularity,
            floor: floor.replace(',', "").parse().unwrap(),
            max_layers: cap.parse().unwrap(),
        };
        let bytes = if file == "module" {
            &module
        } else {
            &component
        };
        let config = Component::read(bytes.clone(), &policy).unwrap().config;
        let text = |layer: &ConfigLayer| {
            let ConfigLayer {
                path, offset, size, ..
            } = layer;
            format!("`{path}` {offset}+{size}")
        };
        let layers = match config.layers.as_slice() {
            [] => "none".to_owned(),
            layers => layers.iter().map(text).collect::<Vec<_>>().join(", "),
        };
        let split = Digest::of(&config.to_bytes());
        let row = format!("| {file} | {granularity} | {floor} | {cap} | {layers} | `{split}` |");
        rows += 1;
        if row != line {
            wrong.push(row);
        }
    }
    assert_eq!(rows, 10);
    assert!(
        wrong.is_empty(),
        "these rows should be\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_digests_of_the_fixtures_are_frozen() {
    use Granularity::{Module, Section, Segment};
    let mut found = String::new();
    for (name, granularity) in [
        ("calc", Section),
        ("layers", Section),
        ("layers", Module),
        ("segments", Section),
        ("segments", Segment),
    ] {
        let component = component(fixture(name), granularity);
        let split = Digest::of(&component.config.to_bytes());
        let flat = artifact::flat(&component.config, &component.metadata).digest();
        found.push_str(&format!("{name} {granularity} {split} {flat}\n"));
    }
    assert_eq!(found, include_str!("../../testdata/vectors.txt"));
}
