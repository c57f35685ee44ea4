//! wharf stores WebAssembly components in container registries, one layer per section.
pub mod artifact;
pub mod digest;
pub mod encoding;
pub mod manifest;
pub mod metadata;
pub mod reference;
pub mod section;
pub mod source;
pub mod split;
pub mod store;
