//! The section map, splitting and splicing, against SHA-256 in a single thread over the same bytes.

#[path = "support/inputs.rs"]
pub mod inputs;
#[path = "support/work.rs"]
pub mod work;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use self::inputs::App;
use self::work::Cut;

fn section_map(criterion: &mut Criterion) {
    let mut tiny = Vec::new();
    inputs::write_tiny(&mut tiny, 1_000_000).expect("memory");
    let inputs = [
        ("application", App::full(0).component()),
        ("million sections", tiny),
    ];
    let mut group = criterion.benchmark_group("section map");
    for (name, bytes) in inputs {
        let cut = Cut::new(bytes);
        group.throughput(Throughput::Bytes(cut.bytes.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| cut.map()));
    }
    group.finish();
}

fn split_and_splice(criterion: &mut Criterion) {
    let cut = Cut::new(App::full(0).component());
    let mut group = criterion.benchmark_group("application");
    group.throughput(Throughput::Bytes(cut.bytes.len() as u64));
    group.sample_size(20);
    group.bench_function("sha256", |bencher| bencher.iter(|| cut.sha256()));
    group.bench_function("split and hash", |bencher| bencher.iter(|| cut.identify()));
    group.bench_function("splice and check", |bencher| bencher.iter(|| cut.splice()));
    group.finish();
}

criterion_group!(benches, section_map, split_and_splice);
criterion_main!(benches);
