//! What stands in wkg's file, key by key: what is not known is taken out and named, what cannot be meant is refused
//! with its place. wkg's own reader knows neither. Pure.

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};
use wasm_pkg_common::label::Label;
use wasm_pkg_common::metadata::OCI_PROTOCOL;
use wasm_pkg_common::package::PackageRef;
use wasm_pkg_common::registry::Registry;

use super::{ConfigurationError, LAYOUT_BACKEND};

pub(super) const DEFAULT: &str = "default_registry";
pub(super) const NAMESPACES: &str = "namespace_registries";
pub(super) const PACKAGES: &str = "package_registry_overrides";
const REGISTRY: &str = "registry";

/// Which backend a registry has; both names mean the same.
const BACKEND: [&str; 2] = ["type", "default"];
const OCI: [&str; 4] = [
    "auth",
    "protocol",
    "accept_invalid_certificates",
    "extra_root_certificates",
];
const LAYOUT: [&str; 1] = ["layout"];
const MAPPING: [&str; 2] = ["registry", "metadata"];
const METADATA: [&str; 3] = ["preferredProtocol", "ociRegistry", "ociNamespacePrefix"];
const OCI_METADATA: [&str; 2] = ["registry", "namespacePrefix"];

/// Where something is in the file: the keys that lead there.
type Path<'a> = Vec<&'a str>;

/// What is wrong, and where.
struct Wrong {
    path: Vec<String>,
    reason: String,
}

/// Reads a file's text. Returns what is known of it, and the names of the keys that are not.
pub(super) fn read(text: &str) -> Result<(Table, Vec<String>), ConfigurationError> {
    let parsed = text.parse();
    let mut table: Table = parsed.map_err(|error: toml::de::Error| {
        ConfigurationError::Malformed(at(text, error.span(), error.message()))
    })?;
    let mut unknown = Vec::new();
    match sift(&mut table, &mut unknown) {
        Ok(()) => Ok((table, unknown)),
        Err(Wrong { path, reason }) => {
            let reason = format!("`{}` {reason}", written(&path));
            let span = span(text, &path);
            Err(ConfigurationError::Malformed(at(text, span, &reason)))
        }
    }
}

/// Says what is wrong and in which line, without the line: it may hold a password.
pub(super) fn at(text: &str, span: Option<std::ops::Range<usize>>, reason: &str) -> String {
    let reason = reason.lines().next().unwrap_or_default().trim();
    match span {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            format!("line {line}: {reason}")
        }
        None => reason.to_owned(),
    }
}

/// Finds the key that a path ends with.
fn span(text: &str, path: &[String]) -> Option<std::ops::Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut table: &DeTable<'_> = document.get_ref();
    let mut span = None;
    for step in path {
        let (key, value): (_, &Spanned<DeValue<'_>>) = table
            .iter()
            .find(|(key, _)| key.get_ref().as_ref() == step)?;
        span = Some(key.span());
        match value.get_ref().as_table() {
            Some(inner) => table = inner,
            None => break,
        }
    }
    span
}

/// Writes a path as TOML has it.
fn written<S: AsRef<str>>(path: &[S]) -> String {
    let is_bare = |key: &str| {
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        !key.is_empty() && key.bytes().all(bare)
    };
    let word = |key: &S| match is_bare(key.as_ref()) {
        true => key.as_ref().to_owned(),
        false => format!("{:?}", key.as_ref()),
    };
    path.iter().map(word).collect::<Vec<_>>().join(".")
}

fn wrong(path: &[&str], reason: impl Into<String>) -> Wrong {
    Wrong {
        path: path.iter().map(|key| (*key).to_owned()).collect(),
        reason: reason.into(),
    }
}

/// Takes out of a table what is not known, and names it.
fn keep(
    table: &mut Table,
    path: &[&str],
    unknown: &mut Vec<String>,
    known: impl Fn(&str, &Value) -> bool,
) {
    table.retain(|key, value| {
        let keep = known(key, value);
        if !keep {
            unknown.push(written(&[path, &[key]].concat()));
        }
        keep
    });
}

fn below<'a>(path: &[&'a str], key: &'a str) -> Path<'a> {
    [path, &[key]].concat()
}

fn sift(file: &mut Table, unknown: &mut Vec<String>) -> Result<(), Wrong> {
    let known = [DEFAULT, NAMESPACES, PACKAGES, REGISTRY];
    keep(file, &[], unknown, |key, _| known.contains(&key));
    if let Some(value) = file.get(DEFAULT) {
        name(value, &[DEFAULT])?;
    }
    for (table, is_package) in [(NAMESPACES, false), (PACKAGES, true)] {
        for (key, value) in entries(file, table)? {
            let parsed = match is_package {
                true => key.parse::<PackageRef>().map(drop),
                false => key.parse::<Label>().map(drop).map_err(Into::into),
            };
            let path = [table, key];
            parsed.map_err(|error| wrong(&path, format!("is no name here: {error}")))?;
            mapping(value, &path, unknown)?;
        }
    }
    for (key, value) in entries(file, REGISTRY)? {
        let path = [REGISTRY, key];
        let parsed = key.parse::<Registry>();
        parsed.map_err(|error| wrong(&path, format!("is no registry: {error}")))?;
        let table = value
            .as_table_mut()
            .ok_or_else(|| wrong(&path, "is no table"))?;
        registry(table, &path, unknown)?;
    }
    Ok(())
}

fn entries<'a>(
    file: &'a mut Table,
    name: &str,
) -> Result<impl Iterator<Item = (&'a str, &'a mut Value)>, Wrong> {
    let table = match file.get_mut(name) {
        Some(Value::Table(table)) => Some(table),
        Some(_) => return Err(wrong(&[name], "is no table")),
        None => None,
    };
    let entries = table.into_iter().flat_map(Table::iter_mut);
    Ok(entries.map(|(key, value)| (key.as_str(), value)))
}

/// Checks the name of a registry.
fn name(value: &Value, path: &[&str]) -> Result<(), Wrong> {
    let parsed = text(value, path)?.parse::<Registry>();
    let no_registry = |error| wrong(path, format!("is no registry: {error}"));
    parsed.map(drop).map_err(no_registry)
}

fn text<'a>(value: &'a Value, path: &[&str]) -> Result<&'a str, Wrong> {
    value.as_str().ok_or_else(|| wrong(path, "is no text"))
}

fn mapping(value: &mut Value, path: &[&str], unknown: &mut Vec<String>) -> Result<(), Wrong> {
    let Value::Table(table) = value else {
        return name(value, path);
    };
    keep(table, path, unknown, |key, _| MAPPING.contains(&key));
    let missing = |key: &str| wrong(path, format!("has no `{key}`"));
    let registry = table.get("registry").ok_or_else(|| missing("registry"))?;
    name(registry, &below(path, "registry"))?;
    let path = below(path, "metadata");
    let metadata = table.get_mut("metadata");
    let metadata = metadata.ok_or_else(|| missing("metadata"))?.as_table_mut();
    let metadata = metadata.ok_or_else(|| wrong(&path, "is no table"))?;
    keep(metadata, &path, unknown, |key, value| {
        METADATA.contains(&key) || value.is_table()
    });
    for key in METADATA {
        if let Some(value) = metadata.get(key) {
            text(value, &below(&path, key))?;
        }
    }
    if let Some(Value::Table(oci)) = metadata.get_mut(OCI_PROTOCOL) {
        let path = below(&path, OCI_PROTOCOL);
        keep(oci, &path, unknown, |key, _| OCI_METADATA.contains(&key));
    }
    Ok(())
}

fn registry(table: &mut Table, path: &[&str], unknown: &mut Vec<String>) -> Result<(), Wrong> {
    keep(table, path, unknown, |key, value| {
        BACKEND.contains(&key) || value.is_table()
    });
    if BACKEND.iter().all(|key| table.contains_key(*key)) {
        return Err(wrong(path, "has both `type` and `default`"));
    }
    for key in BACKEND {
        if let Some(value) = table.get(key) {
            text(value, &below(path, key))?;
        }
    }
    for (backend, known) in [(OCI_PROTOCOL, &OCI[..]), (LAYOUT_BACKEND, &LAYOUT)] {
        if let Some(Value::Table(table)) = table.get_mut(backend) {
            let path = below(path, backend);
            keep(table, &path, unknown, |key, _| known.contains(&key));
        }
    }
    Ok(())
}
