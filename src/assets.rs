//! Assets: files in a component that shows them as a preopened directory.
//!
//! ```text
//! files -> tree -> text of the component -> plan: bytes and contents in order -> component
//! ```
//!
//! The component has each distinct content once, as a passive data segment. [`blob_http`] makes another component, which
//! reads the contents of remote files. This module is pure: it gets digests and sizes, and plans where the caller copies
//! the files. It must not know stores or OCI.

pub mod assemble;
pub mod blob_http;
mod contents;
pub mod packed;
mod remote;
pub mod requirements;
pub mod section;
mod text;
pub mod tree;
pub mod wasi2;
pub mod wasi3;
mod wit;
