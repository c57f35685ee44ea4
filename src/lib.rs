//! wharf stores WebAssembly components in container registries, one layer per section.
pub mod digest;
pub mod reference;
pub mod store;
