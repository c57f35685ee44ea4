//! The pure core: bytes in, values out; and which module may import which.

mod assets;
mod bad_manifests;
pub mod bench_inputs;
mod blob_http;
mod bundle;
mod fits;
mod fixtures;
mod format_examples;
mod layering;
mod long_lists;
mod second_decoder;
mod section_map;
mod section_names;
mod segments;
mod split_assets;
mod split_cap;
mod split_identity;
mod split_rules;
mod stub;
mod world;

#[path = "../support/mod.rs"]
#[doc(hidden)]
pub mod support;
