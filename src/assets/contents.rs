//! The core module with a passive segment for each content, and the function that copies bytes from them.
//!
//! Each version of WASI has it. It imports the memory from `table`.

use std::ops::Range;

/// The number of contents that one function reads. Engines compile small functions faster, and several at once.
const CONTENTS_PER_FUNCTION: usize = 1024;

/// Returns the text of the module.
pub(super) fn module(contents: usize) -> String {
    let groups: Vec<Range<usize>> = (0..contents)
        .step_by(CONTENTS_PER_FUNCTION)
        .map(|first| first..contents.min(first + CONTENTS_PER_FUNCTION))
        .collect();
    let mut text = String::from(
        "(core module $contents
(import \"table\" \"memory\" (memory 1))
(type $range (func (param i32 i32 i32) (result i32 i32 i32)))
(func (export \"load\") (param $content i32) (param $to i32) (param $offset i32) (param $length i32)
",
    );
    for group in &groups {
        let Range { start, end } = group;
        text.push_str(&format!(
            "(if (i32.lt_u (local.get $content) (i32.const {end})) (then (call $load{start}
(local.get $content) (local.get $to) (local.get $offset) (local.get $length)) return))\n"
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
