//! Who may import whom. Reads the sources, so that the module map of the design cannot erode unnoticed.

mod checker;
mod circles;
mod source;

use std::fs;
use std::path::Path;

use circles::Circle;
use source::{Mention, Source};

/// The modules of the library, and which others each of them may name.
const MODULES: &[(&str, &str)] = &[
    ("digest", ""),
    ("pipe", ""),
    ("text", ""),
    ("source", ""),
    ("section", "source"),
    ("split", "section digest pipe source"),
    ("encoding", "digest source"),
    ("stub", "section source split"),
    ("world", "section split stub reference"),
    ("fits", "world stub reference"),
    ("bundle", "section source stub"),
    ("segment", "section source"),
    ("reference", "digest"),
    ("manifest", "digest section"),
    ("metadata", "reference manifest section world"),
    (
        "artifact",
        "digest split encoding metadata manifest section text",
    ),
    ("assets", "digest section world"),
    ("acceptance", "digest manifest reference text"),
    ("store", "manifest reference digest encoding source text"),
    ("copy", "store digest manifest reference"),
    ("content", "store digest encoding error source"),
    (
        "error",
        "acceptance artifact assets copy digest section split store stub",
    ),
    // The verbs, where the Wasm half and the OCI half meet.
    ("component", VERB),
    (
        "delta",
        "component digest encoding error manifest source split",
    ),
    ("exploded", VERB),
    ("push", VERB),
    ("pull", VERB),
    (
        "package",
        "acceptance artifact component copy digest error fits manifest pull push reference source store world",
    ),
    (
        "index",
        "artifact copy digest encoding error fits manifest package pull reference section store stub world",
    ),
    (
        "gateway",
        "acceptance artifact assets content index copy digest encoding error manifest package pull reference source split store text world",
    ),
];

const VERB: &str = "acceptance artifact assets content copy delta store encoding split section digest manifest metadata reference component pipe error pull push source stub";

/// Modules without any I/O of their own: they take readers.
const PURE: &str = "acceptance text digest section split encoding stub world fits bundle segment reference manifest metadata artifact delta assets";

/// What a pure module must not name.
const IMPURE: &[&str] = &[
    "tokio", "reqwest", "std::fs", "std::net", "std::env", "async",
];

/// Names that belong to a few places, as prefixes of a module's path (`cli` holds for all below it).
const CONFINED: &[(&str, &str)] = &[
    ("wasmparser", "section stub world segment assets"),
    ("wit_component", "world"),
    ("wit_parser", "world assets"),
    ("wat", "assets"),
    ("wasm_pkg_common", "reference package"),
    ("wac_graph", "bundle fits"),
    ("wac_types", "fits"),
    ("rusqlite", "index"),
    ("prometheus_client", "gateway"),
    ("quick_cache", "content gateway store"),
    ("toml", "package"),
    ("toml_edit", "package"),
    ("rpassword", BINARY),
    ("clap_complete", BINARY),
    ("clap_mangen", BINARY),
    ("oci_client", "store::remote reference"),
    ("docker_credential", "store::credentials::file"),
    ("reqwest", "store::remote"),
    ("http", "gateway store"),
    ("http_body_util", "gateway"),
    ("hyper", "gateway"),
    ("hyper_util", "gateway store::remote::proxy"),
    ("rustls_native_certs", "store::remote::tls"),
    ("maud", "gateway::page"),
    ("tokio_rustls", "gateway"),
    ("clap", BINARY),
    ("indicatif", BINARY),
    ("anyhow", BINARY),
    (
        "std::env",
        "cli main store::credentials store::remote::proxy",
    ),
];

const BINARY: &str = "cli main";

/// Modules that know nothing of Wasm, and the media types that they may name.
const WITHOUT_WASM: &str = "store copy";
const OCI_TYPES: &str = "MANIFEST MANIFESTS INDEX EMPTY";

const MAX_LINES: usize = 500;

#[test]
fn sources_keep_to_the_module_map() {
    let sources = sources();
    let complaints: Vec<String> = sources
        .iter()
        .flat_map(|(path, text)| check(path, text))
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn sources_have_no_import_circle() {
    let circles: Vec<String> = circles::find(&sources())
        .iter()
        .map(Circle::to_string)
        .collect();
    assert!(circles.is_empty(), "\n{}\n", circles.join("\n"));
}

/// Returns path, relative to `src`, and text of every source file. A file `tests.rs` and a directory
/// `tests` are all tests.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut pending = vec![root.clone()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                let relative = path.strip_prefix(&root).unwrap().to_str().unwrap();
                sources.push((relative.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources.sort();
    assert!(
        sources.iter().any(|(path, _)| path == "store/spool.rs"),
        "the sources were not found"
    );
    sources
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
        || has(BINARY, module[0])
        || MODULES.iter().any(|(name, _)| *name == module[0]);
    if !known {
        complaints.push(format!("{path}: module `{}` is not in the table of tests/core/layering.rs; add it with what it may import", module[0]));
        return complaints;
    }
    for mention in Source::read(text).mentions {
        let reasons = objections(&module, &mention);
        complaints.extend(
            reasons
                .iter()
                .map(|reason| format!("{path}:{}: {reason}", mention.line)),
        );
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
    if has(PURE, module[0]) && IMPURE.iter().any(|impure| is_prefix(impure, &name)) {
        objections.push(format!("`{name}` in a module without I/O"));
    }
    if let Some((_, media_type)) = name.rsplit_once("media_type::")
        && has(WITHOUT_WASM, module[0])
        && !has(OCI_TYPES, media_type)
    {
        objections.push(format!("`{name}` in a module that knows nothing of Wasm"));
    }
    for (confined, homes) in CONFINED {
        let at_home = homes
            .split(' ')
            .any(|home| is_prefix(home, &module.join("::")));
        if is_prefix(confined, &name) && !at_home {
            objections.push(format!("`{name}`: `{confined}` belongs to {homes} only"));
        }
    }
    if let Some(other) = neighbour(module, &mention.path) {
        let allowed = MODULES
            .iter()
            .find(|(name, _)| *name == module[0])
            .map(|(_, allowed)| *allowed);
        // The roots of the library and of the binary may name everything.
        if let Some(allowed) = allowed
            && other != module[0]
            && !has(allowed, other)
        {
            objections.push(format!(
                "`{}` must not import `{other}`; it may import: {allowed}",
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
    let module = rest.first().filter(|module| *module != "*");
    Some(module.map_or("crate", String::as_str))
}

/// Whether `name` is `prefix` or lies below it.
fn is_prefix(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether one of the words is this.
fn has(words: &str, word: &str) -> bool {
    words.split(' ').any(|other| other == word)
}
