//! Stores and transfers: layouts, registries, the cache, push, pull and copy.

mod bad_frames;
mod concurrent;
mod conformance;
mod copying;
mod determinism;
mod flat;
mod held;
mod killing;
mod login;
mod memory;
mod pulling;
mod referrers;
mod registries;
mod remote;

#[path = "../support/mod.rs"]
#[doc(hidden)]
pub mod support;
