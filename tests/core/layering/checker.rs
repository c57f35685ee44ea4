//! The checker is code too: it must complain about each kind of offence, and about nothing else.

use super::check;

fn assert_complains(path: &str, text: &str, expected: &str) {
    let complaints = check(path, text);
    assert!(
        complaints.len() == 1 && complaints[0].contains(expected),
        "{path}: {text:?}\nexpected one complaint with {expected:?}, got {complaints:#?}"
    );
}

fn assert_accepts(path: &str, text: &str) {
    let complaints = check(path, text);
    assert!(complaints.is_empty(), "{path}: {text:?}\n{complaints:#?}");
}

#[test]
fn imports_against_the_table() {
    assert_complains(
        "digest.rs",
        "use crate::store::Store;",
        "digest.rs:1: `digest` must not import `store`",
    );
    assert_complains(
        "split/plan.rs",
        "\nfn f(_: crate::manifest::Manifest) {}",
        "split/plan.rs:2: `split` must not import `manifest`",
    );
    assert_complains(
        "store/remote/upload.rs",
        "use super::super::super::split::Plan;",
        "must not import `split`",
    );
    assert_complains(
        "store.rs",
        "use super::section;",
        "must not import `section`",
    );
    assert_complains(
        "store.rs",
        "use crate::{digest::{Digest, Hasher}, artifact::{self}};",
        "must not import `artifact`",
    );
    assert_complains(
        "copy.rs",
        "use crate::{\n    digest::Digest,\n    encoding,\n};",
        "copy.rs:3: `copy` must not import `encoding`",
    );
    assert_complains("copy.rs", "use crate::*;", "must not import `crate`");
    assert_complains("manifest.rs", "use crate::cli;", "must not import `cli`");
    assert_accepts(
        "store/remote/mod.rs",
        "use crate::digest::Digest; use super::{Error, Store}; use super::super::reference::Name;",
    );
    assert_accepts(
        "push.rs",
        "use crate::{artifact, store::{Store, layout}}; pub(crate) fn f() {}",
    );
    assert_accepts("lib.rs", "pub mod store; pub use crate::store::Store;");
}

#[test]
fn modules_that_nobody_placed() {
    assert_complains("zebra.rs", "", "`zebra` is not in the table");
    assert_complains("zebra/stripe.rs", "", "`zebra` is not in the table");
}

#[test]
fn input_and_output_in_pure_modules() {
    for text in [
        "use std::fs::File;",
        "use std::{fmt, fs};",
        "use std::net;",
        "async fn f() {}",
        "fn f() { std::fs::read(p); }",
        "use tokio::io;",
    ] {
        assert_complains("encoding/frame.rs", text, "without I/O");
    }
    assert_accepts(
        "store/layout.rs",
        "use std::fs; use tokio::task; async fn f() { g().await }",
    );
    assert_accepts(
        "encoding.rs",
        "use std::{fmt, io::{self, Read}}; fn f() { self::fs(); }",
    );
}

#[test]
fn names_away_from_home() {
    assert_complains(
        "split.rs",
        "use wasmparser::Parser;",
        "`wasmparser` belongs to section",
    );
    assert_complains(
        "store/layout.rs",
        "fn f() { reqwest::get(url) }",
        "`reqwest` belongs to store::remote",
    );
    assert_complains(
        "store.rs",
        "use oci_client::Reference;",
        "`oci_client` belongs to",
    );
    assert_complains("store/remote.rs", "use std::env;", "`std::env` belongs to");
    assert_complains(
        "store.rs",
        "fn f() { println!(\"hello\"); }",
        "`println!` belongs to",
    );
    assert_complains("lib.rs", "use anyhow::Result;", "`anyhow` belongs to");
    assert_complains(
        "pull.rs",
        "#[derive(clap::Parser)] struct S;",
        "`clap` belongs to",
    );
    assert_accepts(
        "store/remote/credentials.rs",
        "use std::env; use oci_client::Reference;",
    );
    assert_accepts("section/read.rs", "use wasmparser::Parser;");
    assert_accepts(
        "cli/push.rs",
        "use clap::Parser; fn f() { eprintln!(\"{:?}\", std::env::args()); }",
    );
}

#[test]
fn panics_outside_tests() {
    assert_complains(
        "store.rs",
        "fn f() { g().unwrap(); }",
        "`unwrap()` belongs to tests",
    );
    assert_complains(
        "cli/pull.rs",
        "fn f() { g()\n    .expect(\"why\"); }",
        "cli/pull.rs:2: `expect()`",
    );
    assert_complains(
        "store.rs",
        "fn f() { g().map(Option::unwrap); }",
        "`unwrap()`",
    );
    assert_complains(
        "store.rs",
        "#[cfg(test)] use a::{b}; fn f() { g().unwrap(); }",
        "`unwrap()`",
    );
    assert_complains(
        "store.rs",
        "#[cfg(test)] mod tests { fn f() {} } fn g() { h().unwrap(); }",
        "`unwrap()`",
    );
    assert_complains("store.rs", "mod tests { }", "`mod tests` without");
    assert_complains(
        "store.rs",
        "#[cfg(test)] mod tests { fn f() { todo!() } }",
        "`todo!`",
    );
    assert_complains(
        "store/tests.rs",
        "fn f() { unimplemented!() }",
        "`unimplemented!`",
    );
    assert_accepts(
        "store.rs",
        "#[cfg(test)]\nmod tests { fn f() { g().unwrap(); println!(); } }",
    );
    assert_accepts(
        "store/tests.rs",
        "use crate::split; fn f() { g().unwrap(); }",
    );
    assert_accepts(
        "store.rs",
        "fn f() { g().unwrap_or_default(); h().expect_err; }",
    );
}

#[test]
fn code_in_comments_and_literals_is_none() {
    assert_accepts(
        "digest.rs",
        "// use crate::store;\n/* /* .unwrap() */ println!() */ /// `std::fs`\n",
    );
    assert_accepts(
        "digest.rs",
        "const A: &str = \"use crate::store \\\" .unwrap()\"; const B: char = '\"'; const C: u8 = b'\\'';",
    );
    assert_accepts(
        "digest.rs",
        "const A: &str = r#\"crate::store\" println!()\"#; fn f<'a>(r#type: &'a str) {}",
    );
    assert_complains(
        "digest.rs",
        "fn f<'a>(x: &'a str) { 'b'; crate::store::f(\"'\") }",
        "must not import `store`",
    );
}

#[test]
fn long_files() {
    assert_accepts("digest.rs", &"\n".repeat(500));
    assert_complains("digest.rs", &"\n".repeat(501), "501 lines");
}
