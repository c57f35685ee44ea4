//! The text of a component that shows files as `wasi:filesystem@0.3.0`.
//!
//! ```text
//! core module $tables        the memory of $types and of $streams, with nodes and names
//! core module $contents      one passive segment for each content, and a function that loads bytes
//! core module $metadata      code of $types
//! core module $streaming     code of $streams
//! component $descriptors     defines the resource
//! component $streams         writes streams from the contents; instantiates $tables, $contents and $streaming
//! component $types           wasi:filesystem/types; instantiates $tables and $metadata
//! component $preopens        wasi:filesystem/preopens
//! ```
//!
//! A method that returns a stream is not async, so its own call cannot write the stream. It calls an async function of
//! `$streams`, which returns at once, and whose task writes the stream. A component must not call itself, its parents
//! or its children, so the nested components are siblings.
//!
//! Spec: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Concurrency.md>.

mod tables;
#[cfg(test)]
mod tests;

use super::contents;
use super::text::quoted;
use super::tree::Tree;
use tables::Tables;

/// Returns the WebAssembly text of the component. Equal trees give equal texts.
///
/// The core module `$contents` is nested directly in the component. Its data segments are the contents in their order,
/// as passive segments of length 0.
pub fn generate(tree: &Tree) -> String {
    [
        "(component\n",
        contents::import(tree),
        &memory_with_tables(&Tables::new(tree)),
        &contents::modules(tree),
        include_str!("wasi3/metadata.wat"),
        include_str!("wasi3/streaming.wat"),
        include_str!("wasi3/descriptors.wat"),
        "(component $streams\n",
        contents::import(tree),
        "(core instance $tables (instantiate $tables))\n",
        &contents::instances(tree, "$tables"),
        include_str!("wasi3/streams.wat"),
        ")\n(instance $streams (instantiate $streams ",
        contents::argument(tree),
        "))\n",
        include_str!("wasi3/types.wat"),
        "(component $preopens\n",
        &preopened_directory(&tree.mount),
        include_str!("wasi3/preopens.wat"),
        ")\n",
    ]
    .concat()
}

/// Returns the core module with the memory, as it is before the first call.
fn memory_with_tables(tables: &Tables) -> String {
    let (start, end) = (tables::START, tables.end());
    let (pages, memory_end) = (tables.pages(), tables.memory_end());
    let bytes = quoted(&tables.bytes);
    format!(
        "(core module $tables
  (memory (export \"memory\") {pages})
  (global (export \"end\") i32 (i32.const {end}))
  (global (export \"memory-end\") i32 (i32.const {memory_end}))
  (data (i32.const {start}) {bytes}))
"
    )
}

/// Returns the core module that gives the root and its path.
fn preopened_directory(mount: &str) -> String {
    let (root, length, mount) = (tables::START, mount.len(), quoted(mount.as_bytes()));
    format!(
        "  (core module $directory
    (import \"descriptors\" \"open\" (func $open (param i32) (result i32)))
    (memory (export \"memory\") 1)
    (data (i32.const 8) \"\\00\\00\\00\\00\\14\\00\\00\\00\")
    (data (i32.const 20) {mount})
    ;; A list at 8, of one tuple: a descriptor of the root, and its path, which is at 20.
    (func (export \"get-directories\") (result i32)
      (i32.store (i32.const 0) (i32.const 8))
      (i32.store (i32.const 4) (i32.const 1))
      (i32.store (i32.const 8) (call $open (i32.const {root})))
      (i32.store (i32.const 16) (i32.const {length}))
      (i32.const 0)))
"
    )
}
