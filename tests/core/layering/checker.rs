//! The checker is code too: it must complain about each kind of offence, and about nothing else.

use super::{check, circles};

/// Checks lines `PATH ~ TEXT ~ COMPLAINT`: what the one complaint must contain; there must be none where it is left out.
#[track_caller]
fn assert_cases(cases: &str) {
    for case in cases.lines().map(str::trim).filter(|case| !case.is_empty()) {
        let mut parts = case.split('~').map(str::trim);
        let (path, text) = (parts.next().unwrap(), parts.next().unwrap());
        let complaints = check(path, &text.replace("\\n", "\n"));
        match parts.next() {
            Some(expected) => assert!(
                complaints.len() == 1 && complaints[0].contains(expected),
                "{case}: {complaints:#?}"
            ),
            None => assert!(complaints.is_empty(), "{case}: {complaints:#?}"),
        }
    }
}

#[test]
fn imports_against_the_table_are_found() {
    assert_cases(
        r##"
        digest.rs ~ use crate::store::Store; ~ digest.rs:1: `digest` must not import `store`
        split/plan.rs ~ \nfn f(_: crate::manifest::Manifest) {} ~ split/plan.rs:2: `split` must not import `manifest`
        store/remote/upload.rs ~ use super::super::super::split::Plan; ~ must not import `split`
        store.rs ~ use super::section; ~ must not import `section`
        store.rs ~ use crate::{digest::{Digest, Hasher}, artifact::{self}}; ~ must not import `artifact`
        copy.rs ~ use crate::{\n    digest::Digest,\n    encoding,\n}; ~ copy.rs:3: `copy` must not import `encoding`
        copy.rs ~ use crate::*; ~ must not import `crate`
        manifest.rs ~ use crate::cli; ~ must not import `cli`
        store/remote/mod.rs ~ use crate::digest::Digest; use super::{Error, Store}; use super::super::reference::Name;
        push.rs ~ use crate::{artifact, store::{Store, layout}}; pub(crate) fn f() {}
        lib.rs ~ pub mod store; pub use crate::store::Store;
        "##,
    );
}

#[test]
fn modules_missing_from_the_table_are_found() {
    assert_cases(
        r##"
        zebra.rs ~  ~ `zebra` is not in the table
        zebra/stripe.rs ~  ~ `zebra` is not in the table
        "##,
    );
}

#[test]
fn input_and_output_in_pure_modules_are_found() {
    assert_cases(
        r##"
        encoding/frame.rs ~ use std::fs::File; ~ without I/O
        encoding/frame.rs ~ use std::{fmt, fs}; ~ without I/O
        encoding/frame.rs ~ use std::net; ~ without I/O
        encoding/frame.rs ~ async fn f() {} ~ without I/O
        encoding/frame.rs ~ fn f() { std::fs::read(p); } ~ without I/O
        encoding/frame.rs ~ use tokio::io; ~ without I/O
        store/layout.rs ~ use std::fs; use tokio::task; async fn f() { g().await }
        encoding.rs ~ use std::{fmt, io::{self, Read}}; fn f() { self::fs(); }
        "##,
    );
}

#[test]
fn wasm_in_stores_is_found() {
    assert_cases(
        r##"
        store/remote.rs ~ use crate::manifest::media_type::WASM; ~ knows nothing of Wasm
        copy/tree.rs ~ use crate::manifest::media_type; fn f() { g(media_type::SPLIT_ARTIFACT) } ~ knows nothing of Wasm
        store/remote.rs ~ use crate::manifest::media_type; fn f() { g(media_type::INDEX) }
        artifact.rs ~ use crate::manifest::media_type; fn f() { g(media_type::WASM) }
        "##,
    );
}

#[test]
fn names_outside_their_module_are_found() {
    assert_cases(
        r##"
        split.rs ~ use wasmparser::Parser; ~ `wasmparser` belongs to section
        store/layout.rs ~ fn f() { reqwest::get(url) } ~ `reqwest` belongs to store::remote
        store.rs ~ use oci_client::Reference; ~ `oci_client` belongs to
        store/remote.rs ~ use std::env; ~ `std::env` belongs to
        lib.rs ~ use anyhow::Result; ~ `anyhow` belongs to
        pull.rs ~ #[derive(clap::Parser)] struct S; ~ `clap` belongs to
        store/credentials/environment.rs ~ use std::env;
        store/remote/token.rs ~ use oci_client::Reference;
        section/read.rs ~ use wasmparser::Parser;
        cli/push.rs ~ use clap::Parser; fn f() { eprintln!("{:?}", std::env::args()); }
        "##,
    );
}

#[test]
fn items_for_tests_are_found() {
    assert_cases(
        r##"
        digest.rs ~ #[cfg(test)] use crate::split; fn f() { crate::store::f() } ~ must not import `store`
        digest.rs ~ #[cfg(test)] mod tests { use crate::store; } fn g() { crate::split::f(); } ~ must not import `split`
        digest.rs ~ /// Why.\n#[cfg(test)]\nmod tests { use crate::store; } struct S; impl S { #[cfg(test)] fn f() { crate::split::f() } }
        "##,
    );
}

#[test]
fn code_in_comments_and_literals_is_ignored() {
    assert_cases(
        r##"
        digest.rs ~ // use crate::store;\n/* /* .unwrap() */ println!() */ /// `std::fs`\nstruct S;
        digest.rs ~ const A: &str = "use crate::store \" .unwrap()"; const B: char = '"'; const C: u8 = b'\'';
        digest.rs ~ const A: &str = r#"crate::store" println!()"#; fn f<'a>(r#type: &'a str) {}
        digest.rs ~ fn f<'a>(x: &'a str) { 'b'; crate::store::f("'") } ~ must not import `store`
        "##,
    );
}

#[test]
fn long_files_are_found() {
    assert!(check("digest.rs", &"\n".repeat(500)).is_empty());
    assert!(check("digest.rs", &"\n".repeat(501))[0].contains("501 lines"));
}

/// Returns the files of every circle, in a library of these files.
fn circles_of(sources: &[(&str, &str)]) -> Vec<String> {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    let sources: Vec<(String, String)> = sources.iter().map(owned).collect();
    let circles = circles::find(&sources);
    circles
        .iter()
        .map(|circle| circle.files.join(" "))
        .collect()
}

#[test]
fn import_circles_of_files_are_found() {
    let item = "pub(super) struct Item;";
    for import in [
        "use super::b::{self, Other};",
        "use crate::a::b::Other as Another;",
        "use super::Other;",
        "use super::b; fn f() -> b::Other {}",
        "use super::*; fn f() { print(&Other::new()) }",
        "fn f() { assert!(super::b::Other) }",
        "fn f() { super::c::Again }",
    ] {
        let a = "pub use self::b::Other; use crate::a::x::Item; fn f(_: Item) {}";
        let x = format!("{item} {import}");
        let c = "pub use super::Other as Again;";
        let b = "pub struct Other(super::x::Item);";
        let found = circles_of(&[("a.rs", a), ("a/b.rs", b), ("a/c.rs", c), ("a/x.rs", &x)]);
        assert_eq!(found, ["a/b.rs a/x.rs"], "{import}");
    }
}

#[test]
fn import_circles_of_modules_are_found() {
    let x = ("a/x.rs", "use crate::b::z::Z; pub struct X;");
    let y = ("a/y.rs", "pub struct Y;");
    let z = (
        "b/z.rs",
        "pub struct Z; fn f() { println!(\"{}\", crate::a::y::Y) }",
    );
    let (a, b) = (("a.rs", ""), ("b.rs", ""));
    assert_eq!(circles_of(&[a, b, x, y, z]), ["a b"]);
    assert!(circles_of(&[a, b, x, y, ("b/z.rs", "pub struct Z;")]).is_empty());
}

#[test]
fn imports_without_a_circle_pass() {
    for (a, x) in [
        (
            "mod x; pub enum Error {} fn f() { x::g() }",
            "use super::Error; fn g() {}",
        ),
        ("mod x; pub use x::g;", "use super::h; pub fn g() {}"),
        (
            "mod x; use x::g;",
            "#[cfg(test)] mod tests { use super::super::y::Y; } pub fn g() {}",
        ),
        (
            "use x::X; use http::Uri;",
            "use super::y; use super::super::a; pub struct X;",
        ),
    ] {
        let y = "use super::x::{X, g}; pub struct Y;";
        let found = circles_of(&[("a.rs", a), ("a/x.rs", x), ("a/y.rs", y)]);
        assert!(found.is_empty(), "{x}: {found:?}");
    }
}
