//! The core module with a passive segment for each content, and the function that copies bytes of contents.
//!
//! Each version of WASI has it. It imports the memory from `table`. The numbers of remote contents follow those of
//! the segments.

use std::ops::Range;

use super::remote;
use super::tree::Tree;

/// The number of contents that one function reads. Engines compile small functions faster, and several at once.
const CONTENTS_PER_FUNCTION: usize = 1024;

/// Returns the text of the import that remote contents need.
pub(super) fn import(tree: &Tree) -> &'static str {
    match tree.remote.is_empty() {
        true => "",
        false => remote::IMPORT,
    }
}

/// Returns the argument that gives this import to a nested component.
pub(super) fn argument(tree: &Tree) -> &'static str {
    match tree.remote.is_empty() {
        true => "",
        false => remote::ARGUMENT,
    }
}

/// Returns the text of the module, and of those that it imports.
pub(super) fn modules(tree: &Tree) -> String {
    match tree.remote.is_empty() {
        true => module(tree.contents.len(), false),
        false => remote::modules(tree) + &module(tree.contents.len(), true),
    }
}

/// Returns the text of the instance `$contents`, which uses the memory of a core instance.
pub(super) fn instances(tree: &Tree, table: &str) -> String {
    let (remote, import) = match tree.remote.is_empty() {
        true => (String::new(), ""),
        false => (
            remote::instances(table),
            "(with \"remote\" (instance $remote))",
        ),
    };
    format!(
        "{remote}(core instance $contents (instantiate $contents (with \"table\" (instance {table})) {import}))\n"
    )
}

fn module(contents: usize, has_remote: bool) -> String {
    let groups: Vec<Range<usize>> = (0..contents)
        .step_by(CONTENTS_PER_FUNCTION)
        .map(|first| first..contents.min(first + CONTENTS_PER_FUNCTION))
        .collect();
    let (import, remote) = match has_remote {
        false => ("", String::new()),
        true => (
            "(import \"remote\" \"load\" (func $remote (param i32 i32 i64 i32) (result i32)))\n",
            format!(
                "(if (i32.ge_u (local.get $content) (i32.const {contents})) (then (return (call $remote
(i32.sub (local.get $content) (i32.const {contents})) (local.get $to) (local.get $offset) (local.get $length)))))\n"
            ),
        ),
    };
    // The result is 1 if the bytes could not be read. A segment has no byte at its end, not even for a length of 0.
    let mut text = format!(
        "(core module $contents
(import \"table\" \"memory\" (memory 1))
{import}(type $range (func (param i32 i32 i32) (result i32 i32 i32)))
(func (export \"load\") (param $content i32) (param $to i32) (param $offset i64) (param $length i32) (result i32)
(if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
{remote}"
    );
    for group in &groups {
        let Range { start, end } = group;
        text.push_str(&format!(
            "(if (i32.lt_u (local.get $content) (i32.const {end})) (then (call $load{start}
(local.get $content) (local.get $to) (i32.wrap_i64 (local.get $offset)) (local.get $length))
(return (i32.const 0))))\n"
        ));
    }
    text.push_str("unreachable)\n");
    for group in groups {
        text.push_str(&function(group));
    }
    text.push_str(&"(data \"\")\n".repeat(contents));
    text.push_str(")\n");
    text
}

/// Returns the function that reads some contents. Each content has a block, and the block's end is its label.
fn function(contents: Range<usize>) -> String {
    let labels = (0..contents.len()).map(|label| format!(" {label}"));
    let reads = contents
        .clone()
        .map(|content| format!("end memory.init {content} return\n"));
    let start = contents.start;
    [
        format!("(func $load{start} (param $content i32) (param i32 i32 i32)\n"),
        "local.get 1 local.get 2 local.get 3\n".to_owned(),
        "block (type $range)\n".repeat(contents.len()),
        format!("local.get $content i32.const {start} i32.sub br_table"),
        labels.collect(),
        "\n".to_owned(),
        reads.collect(),
        ")\n".to_owned(),
    ]
    .concat()
}
