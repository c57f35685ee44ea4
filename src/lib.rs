//! wharf stores WebAssembly components in container registries, one layer per section.
pub mod digest;
pub mod encoding;
pub mod reference;
pub mod section;
pub mod source;
pub mod split;
pub mod store;
