//! Modules and components that wasm-smith makes of seeded bytes.

use arbitrary::{Result, Unstructured};
use wasm_smith::{Component, Config, Module};

use super::binary::noise;

/// A valid core module; the same for the same seed.
pub fn module(seed: u64) -> Vec<u8> {
    made(seed, |bytes| {
        Module::new(config(seed), bytes).map(|module| module.to_bytes())
    })
}

/// A component, often with nested ones; the same for the same seed.
pub fn component(seed: u64) -> Vec<u8> {
    made(seed, |bytes| {
        let config = Config {
            max_components: 3,
            max_modules: 4,
            max_nesting_depth: 3,
            ..config(seed)
        };
        Component::new(config, bytes).map(|component| component.to_bytes())
    })
}

/// Makes something of seeded bytes. Not all bytes will do, and some make next to nothing, so several
/// are tried.
fn made(seed: u64, make: impl Fn(&mut Unstructured<'_>) -> Result<Vec<u8>>) -> Vec<u8> {
    const ATTEMPTS: u64 = 100;
    const LEAST_BYTES: usize = 200;
    (0..ATTEMPTS)
        .find_map(|attempt| {
            let bytes = noise(seed * ATTEMPTS + attempt, 20_000);
            let made = make(&mut Unstructured::new(&bytes)).ok()?;
            (made.len() >= LEAST_BYTES).then_some(made)
        })
        .unwrap()
}

fn config(seed: u64) -> Config {
    Config {
        generate_custom_sections: true,
        max_imports: 12,
        max_types: 12,
        min_data_segments: (seed % 4) as usize,
        min_memories: 1,
        // Numbers are padded to one, two, three or four bytes.
        min_uleb_size: 1 + (seed % 4) as u8,
        ..Config::default()
    }
}
