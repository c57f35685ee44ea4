//! Stores and transfers: layouts, registries, the cache, push, pull and copy.

mod assets;
mod bad_frames;
mod blob_directories;
mod cat;
mod concurrent;
mod conformance;
mod copying;
mod deltas;
mod determinism;
mod flat;
mod frames;
mod helpers;
mod killing;
mod login;
mod memory;
mod proxies;
mod pulling;
mod read_only;
mod referrers;
mod registries;
mod remote;
mod tls;

#[path = "../support/mod.rs"]
#[doc(hidden)]
pub mod support;
