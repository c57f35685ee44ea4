//! Who may import whom. Reads the sources, so that the module map of the design cannot erode unnoticed.

mod checker;
mod source;

use std::fs;
use std::path::Path;

use source::{Mention, mentions, tokenize, without_tests};

/// The modules of the library, and which others each of them may name.
const MODULES: &[(&str, &[&str])] = &[
    ("digest", &[]),
    ("pipe", &[]),
    ("source", &[]),
    ("section", &["source"]),
    ("split", &["section", "digest", "pipe", "source"]),
    ("encoding", &["digest"]),
    ("stub", &["section", "source", "split"]),
    ("world", &["section", "split", "stub", "reference"]),
    ("fits", &["world", "stub", "reference"]),
    ("segment", &["section", "source"]),
    ("reference", &["digest"]),
    ("manifest", &["digest"]),
    ("metadata", &["reference", "manifest", "section", "world"]),
    (
        "artifact",
        &[
            "digest", "split", "encoding", "metadata", "manifest", "section",
        ],
    ),
    ("delta", &["artifact", "encoding"]),
    ("store", &["manifest", "reference", "digest", "source"]),
    ("copy", &["store", "digest", "manifest", "reference"]),
    // The verbs, where the Wasm half and the OCI half meet.
    (
        "error",
        &["artifact", "copy", "section", "split", "store", "stub"],
    ),
    ("component", VERB),
    ("exploded", VERB),
    ("push", VERB),
    ("pull", VERB),
    (
        "package",
        &[
            "artifact",
            "component",
            "copy",
            "digest",
            "error",
            "fits",
            "manifest",
            "pull",
            "push",
            "reference",
            "source",
            "store",
            "world",
        ],
    ),
    (
        "index",
        &[
            "artifact",
            "copy",
            "digest",
            "encoding",
            "error",
            "fits",
            "manifest",
            "package",
            "pull",
            "reference",
            "store",
            "stub",
            "world",
        ],
    ),
    (
        "gateway",
        &[
            "artifact",
            "index",
            "copy",
            "digest",
            "encoding",
            "error",
            "manifest",
            "package",
            "pull",
            "reference",
            "source",
            "split",
            "store",
            "world",
        ],
    ),
];

const VERB: &[&str] = &[
    "artifact",
    "copy",
    "store",
    "encoding",
    "split",
    "section",
    "digest",
    "manifest",
    "metadata",
    "reference",
    "component",
    "pipe",
    "error",
    "push",
    "source",
    "stub",
];

/// Modules without any I/O of their own: they take readers.
const PURE: &[&str] = &[
    "digest",
    "section",
    "split",
    "encoding",
    "stub",
    "world",
    "fits",
    "segment",
    "reference",
    "manifest",
    "metadata",
    "artifact",
    "delta",
];

/// What a pure module must not name.
const IMPURE: &[&str] = &[
    "tokio", "reqwest", "std::fs", "std::net", "std::env", "async", "await",
];

/// Names that belong to a few places, as prefixes of a module's path (`cli` holds for all below it).
const CONFINED: &[(&str, &[&str])] = &[
    ("wasmparser", &["section", "stub", "world", "segment"]),
    ("wit_component", &["world"]),
    ("wit_parser", &["world"]),
    ("wasm_pkg_common", &["reference", "package"]),
    ("wac_graph", &["fits"]),
    ("wac_types", &["fits"]),
    ("rusqlite", &["index"]),
    ("toml", &["package"]),
    ("toml_edit", &["package"]),
    ("rpassword", BINARY),
    ("clap_complete", BINARY),
    ("clap_mangen", BINARY),
    ("oci_client", &["store::remote", "reference"]),
    ("reqwest", &["store::remote"]),
    ("http", &["gateway", "store::remote"]),
    ("http_body_util", &["gateway"]),
    ("hyper", &["gateway"]),
    ("hyper_util", &["gateway"]),
    ("quick_cache", &["content", "gateway", "store"]),
    ("tokio_rustls", &["gateway"]),
    ("clap", BINARY),
    ("indicatif", BINARY),
    ("anyhow", BINARY),
    ("std::env", &["cli", "main", "store::remote::credentials"]),
    ("print!", BINARY),
    ("println!", BINARY),
    ("eprint!", BINARY),
    ("eprintln!", BINARY),
    ("dbg!", BINARY),
    ("unwrap()", &[]),
    ("expect()", &[]),
];

const BINARY: &[&str] = &["cli", "main"];

/// What is left for later is not committed, in tests neither.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!"];

const MAX_LINES: usize = 500;

#[test]
fn sources_keep_to_the_module_map() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut complaints = Vec::new();
    for path in &files {
        let text =
            fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        complaints.extend(check(path, &text));
    }
    assert!(
        files.iter().any(|path| path == "store/spool.rs"),
        "the sources were not found: {files:?}"
    );
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn collect(directory: &Path, files: &mut Vec<String>) {
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in
            fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display()))
        {
            let path = entry
                .unwrap_or_else(|error| panic!("{}: {error}", next.display()))
                .path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(directory).unwrap_or(&path);
                files.push(relative.to_string_lossy().into_owned());
            }
        }
    }
}

/// Returns what is wrong with one source file; `path` is relative to `src`.
fn check(path: &str, text: &str) -> Vec<String> {
    let module = module_path(path);
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        complaints.push(format!(
            "{path}: {lines} lines, more than {MAX_LINES}; divide it"
        ));
    }
    let known = module[0] == "lib"
        || BINARY.contains(&module[0])
        || MODULES.iter().any(|(name, _)| *name == module[0]);
    if !known {
        complaints.push(format!("{path}: module `{}` is not in the table of tests/layering/main.rs; add it with what it may import", module[0]));
        return complaints;
    }
    let tokens = tokenize(text);
    for mention in mentions(&tokens) {
        if UNFINISHED.contains(&mention.name().as_str()) {
            complaints.push(format!("{path}:{}: `{}`", mention.line, mention.name()));
        }
    }
    // A file `tests.rs` is all tests; that it is declared so is checked where its parent says `mod tests`.
    if module.last() == Some(&"tests") {
        return complaints;
    }
    for mention in mentions(&without_tests(&tokens)) {
        for reason in objections(&module, &mention) {
            complaints.push(format!("{path}:{}: {reason}", mention.line));
        }
    }
    complaints
}

/// Returns `["store", "remote"]` for `store/remote.rs` and for `store/remote/mod.rs`.
fn module_path(path: &str) -> Vec<&str> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').collect()
}

/// Returns why `module` may not say this.
fn objections(module: &[&str], mention: &Mention) -> Vec<String> {
    let name = mention.name();
    let mut objections = Vec::new();
    if PURE.contains(&module[0]) && IMPURE.iter().any(|impure| is_prefix(impure, &name)) {
        objections.push(format!("`{name}` in a module without I/O"));
    }
    for (confined, homes) in CONFINED {
        let at_home = homes.iter().any(|home| is_prefix(home, &module.join("::")));
        if is_prefix(confined, &name) && !at_home {
            let homes = if homes.is_empty() {
                "tests".to_owned()
            } else {
                homes.join(", ")
            };
            objections.push(format!("`{name}`: `{confined}` belongs to {homes} only"));
        }
    }
    if name == "mod tests" {
        objections.push("`mod tests` without #[cfg(test)]".to_owned());
    }
    if let Some(other) = neighbour(module, &mention.path) {
        let allowed = MODULES
            .iter()
            .find(|(name, _)| *name == module[0])
            .map(|(_, allowed)| *allowed);
        // The roots of the library and of the binary may name everything.
        if let Some(allowed) = allowed
            && other != module[0]
            && !allowed.contains(&other)
        {
            objections.push(format!(
                "`{}` must not import `{other}`; it may import {allowed:?}",
                module[0]
            ));
        }
    }
    objections
}

/// Returns the top-level module that a path starting with `crate` or `super` leads to; `crate` when it stays at the root.
fn neighbour<'a>(module: &[&str], path: &'a [String]) -> Option<&'a str> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let rest = match path.first()?.as_str() {
        "crate" => &path[1..],
        // Two steps up from `store::remote` is the root; from there the next name is a module.
        "super" if supers >= module.len() => &path[supers..],
        _ => return None,
    };
    Some(rest.first().map_or("crate", String::as_str))
}

/// Whether `name` is `prefix` or lies below it.
fn is_prefix(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
