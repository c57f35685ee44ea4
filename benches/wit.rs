//! What is fetched to read a component's WIT, its root, against the whole; of generated components and of files
//! named on the command line. The text is compared with that of the whole file, at every granularity.
//!
//! `cargo bench --bench wit -- FILE…`

#[path = "support/inputs.rs"]
pub mod inputs;
#[path = "support/measure.rs"]
pub mod measure;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use wharf::component::Component;
use wharf::digest::Identity;
use wharf::encoding::{Encoders, Level};
use wharf::source::RangesReader;
use wharf::split::{Granularity, Recipe, RecipeLayer, SplitPolicy};
use wharf::{stub, world};

use self::inputs::App;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing is measured without --bench, which `cargo bench` passes");
        return;
    }
    let mut inputs = vec![("generated application".to_owned(), App::full(0).component())];
    for file in std::env::args().skip(1).filter(|name| name != "--bench") {
        let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
        inputs.push((name, fs::read(&file).expect("a file")));
    }
    let header = [
        "component",
        "granularity",
        "bytes",
        "root as stored",
        "part",
        "stub",
        "stub from root",
        "text from stub",
        "text from whole",
    ];
    let mut rows = Vec::new();
    for (name, bytes) in &inputs {
        if bytes.starts_with(b"\0asm\x01") {
            println!("{name} is a core module, which has no WIT");
            continue;
        }
        for granularity in [
            Granularity::Section,
            Granularity::Segment,
            Granularity::Module,
        ] {
            let mut row = vec![name.clone(), granularity.to_string()];
            row.extend(measured(bytes, granularity));
            rows.push(row);
        }
    }
    println!("{}\n", measure::machine(None));
    println!("{}", measure::table(&header, &rows));
}

fn measured(bytes: &Vec<u8>, granularity: Granularity) -> [String; 7] {
    let policy = SplitPolicy {
        granularity,
        ..SplitPolicy::DEFAULT
    };
    let component = Arc::new(Component::read(bytes.clone(), &policy).expect("a component"));
    let mut spool = tempfile::tempfile().expect("a file");
    let stored = component.encode(0, Some(&Encoders::start(Level::Auto)), &mut spool, &|_| {});
    let stored = stored.expect("a layer").stored.blob.size;
    let mut root = Vec::new();
    let mut reader = RangesReader::new(bytes, component.plan.root_ranges());
    std::io::copy(&mut reader, &mut root).expect("memory");
    let config = &component.config;
    let layers = config.layers.iter().map(|layer| {
        let (digest, size) = (layer.digest, layer.size);
        RecipeLayer::new(layer.offset, Identity { digest, size })
    });
    let recipe = Recipe {
        content: config.content,
        root: RecipeLayer::new(0, config.root),
        layers: layers.collect(),
    };
    let (built, to_build) = timed(|| stub::of_root(&recipe, &root, &BTreeMap::new()));
    let built = built.expect("a stub");
    assert!(built == stub::of_source(bytes).expect("a stub"));
    let (said, to_decode) = timed(|| text(&built));
    let (whole, to_decode_whole) = timed(|| text(bytes));
    assert!(said == whole, "{said}\n{whole}");
    let part = stored as f64 / bytes.len() as f64 * 100.0;
    [
        bytes.len().to_string(),
        stored.to_string(),
        format!("{part:.2} %"),
        built.len().to_string(),
        to_build,
        to_decode,
        to_decode_whole,
    ]
}

fn text(bytes: &[u8]) -> String {
    match world::decode(bytes) {
        Ok(world) => world.text,
        Err(error) => error.to_string(),
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, String) {
    let begin = Instant::now();
    let done = work();
    (
        done,
        format!("{:.1} ms", begin.elapsed().as_secs_f64() * 1e3),
    )
}
