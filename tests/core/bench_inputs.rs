//! What the benches generate is valid, splits as real components do, and compresses like them.

#[path = "../../benches/support/inputs.rs"]
pub mod inputs;

use inputs::{App, exports, write_large, write_tiny};
use wasmparser::{Validator, WasmFeatures};
use wharf::component::Component;
use wharf::encoding;
use wharf::split::SplitPolicy;

fn app(variant: u64) -> Vec<u8> {
    let (code, data) = (900_000, 270_000);
    let app = App {
        code,
        data,
        variant,
    };
    app.component()
}

fn assert_valid(wasm: &[u8]) {
    if let Err(error) = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm) {
        panic!("{error}");
    }
}

fn layers(wasm: Vec<u8>) -> Vec<(String, wharf::digest::Digest)> {
    let component = Component::read(wasm, &SplitPolicy::DEFAULT).unwrap();
    assert_eq!(component.map.damage, None);
    let layers = component.config.layers.iter();
    layers
        .map(|layer| (layer.path.clone(), layer.digest))
        .collect()
}

#[test]
fn bench_inputs_are_valid() {
    let mut large = Vec::new();
    write_large(&mut large, 3, 10_000).unwrap();
    let mut tiny = Vec::new();
    write_tiny(&mut tiny, 1000).unwrap();
    for wasm in [app(0), app(1), large, tiny, exports(1000)] {
        assert_valid(&wasm);
    }
}

#[test]
fn two_applications_share_the_code_of_their_runtime_and_not_its_data() {
    let (one, other) = (layers(app(0)), layers(app(1)));
    assert!(one.len() >= 7, "{one:?}");
    for (path, digest) in &one {
        let shared = other.contains(&(path.clone(), *digest));
        match path.as_str() {
            "module[0]/code[0]" => assert!(shared, "{path}"),
            "module[0]/data[0]" | "module[1]/code[0]" => assert!(!shared, "{path}"),
            _ => {}
        }
    }
}

#[test]
fn bench_inputs_compress_like_real_components() {
    let mut large = Vec::new();
    write_large(&mut large, 1, 1 << 20).unwrap();
    for wasm in [app(0), large] {
        let mut frame = Vec::new();
        let size = wasm.len() as u64;
        encoding::compress(&mut wasm.as_slice(), size, 3, &mut frame).unwrap();
        let ratio = frame.len() as f64 / wasm.len() as f64;
        assert!((0.28..0.42).contains(&ratio), "{ratio:.3}");
    }
}
