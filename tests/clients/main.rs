//! Other people's clients of registries, layouts and the gateway.

mod assets;
mod assets_wasi3;
mod blob_http;
mod nodes;
mod tools;

#[path = "../support/mod.rs"]
#[doc(hidden)]
pub mod support;
