//! wharf stores WebAssembly components in container registries, one layer per section.

pub mod artifact;
pub mod component;
pub mod copy;
pub mod digest;
pub mod encoding;
pub mod error;
pub mod exploded;
pub mod manifest;
pub mod metadata;
pub mod pull;
pub mod push;
pub mod reference;
pub mod section;
pub mod source;
pub mod split;
pub mod store;
