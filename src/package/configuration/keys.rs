//! Checks wkg's configuration key by key: removes and names unknown keys, and refuses invalid values with their place.
//! wkg's own parser does neither. Pure.

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};
use wasm_pkg_common::label::Label;
use wasm_pkg_common::metadata::OCI_PROTOCOL;
use wasm_pkg_common::package::PackageRef;
use wasm_pkg_common::registry::Registry;

use super::{ConfigurationError, LAYOUT_BACKEND};
use crate::reference::{Mistake, redact};

pub(super) const DEFAULT: &str = "default_registry";
pub(super) const NAMESPACES: &str = "namespace_registries";
pub(super) const PACKAGES: &str = "package_registry_overrides";
const REGISTRY: &str = "registry";

/// The keys for a registry's backend; both mean the same.
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

/// Parses a file. Returns the known settings, and the names of the unknown keys.
pub(super) fn read(text: &str) -> Result<(Table, Vec<String>), ConfigurationError> {
    let parsed = text.parse();
    let mut table: Table = parsed.map_err(|error: toml::de::Error| {
        ConfigurationError::Malformed(at(text, error.span(), error.message()))
    })?;
    let mut sieve = Sieve::default();
    match sieve.file(&mut table) {
        Ok(()) => Ok((table, sieve.unknown)),
        Err(reason) => {
            let reason = format!("`{}` {reason}", format_path(&sieve.path));
            let span = span(text, &sieve.path);
            Err(ConfigurationError::Malformed(at(text, span, &reason)))
        }
    }
}

/// Adds the line number to a reason. The line itself is not shown, because it may contain a password.
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

/// Finds the key at the end of a path.
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

/// Returns a path in TOML syntax.
fn format_path(path: &[String]) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let word = |key: &String| match !key.is_empty() && key.bytes().all(bare) {
        true => key.clone(),
        false => format!("{:?}", redact(key)),
    };
    path.iter().map(word).collect::<Vec<_>>().join(".")
}

/// Removes unknown keys from a file. If a method fails with a reason, `path` leads to the value.
#[derive(Default)]
struct Sieve {
    /// The keys that lead to the current value.
    path: Vec<String>,
    unknown: Vec<String>,
}

impl Sieve {
    /// Reads a value below a key. After a failure, the path still leads to it.
    fn below(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.path.push(key.to_owned());
        read(self)?;
        self.path.pop();
        Ok(())
    }

    /// Removes unknown keys from a table, and records their names.
    fn keep(&mut self, table: &mut Table, known: impl Fn(&str, &Value) -> bool) {
        table.retain(|key, value| {
            let keep = known(key, value);
            if !keep {
                let path = [self.path.as_slice(), &[key.to_owned()]].concat();
                self.unknown.push(format_path(&path));
            }
            keep
        });
    }

    fn file(&mut self, file: &mut Table) -> Result<(), String> {
        let known = [DEFAULT, NAMESPACES, PACKAGES, REGISTRY];
        self.keep(file, |key, _| known.contains(&key));
        if let Some(value) = file.get(DEFAULT) {
            self.below(DEFAULT, |_| name(value))?;
        }
        let no_name = |error: wasm_pkg_common::Error| format!("is not a valid name: {error}");
        self.entries(file, NAMESPACES, |sieve, key, value| {
            let parsed = key.parse::<Label>().map_err(Into::into);
            parsed.map_err(no_name)?;
            sieve.mapping(value)
        })?;
        self.entries(file, PACKAGES, |sieve, key, value| {
            key.parse::<PackageRef>().map_err(no_name)?;
            sieve.mapping(value)
        })?;
        self.entries(file, REGISTRY, |sieve, key, value| {
            registry_name(key)?;
            sieve.registry(value.as_table_mut().ok_or("is not a table")?)
        })
    }

    fn entries(
        &mut self,
        file: &mut Table,
        name: &str,
        read: impl Fn(&mut Self, &str, &mut Value) -> Result<(), String>,
    ) -> Result<(), String> {
        let Some(value) = file.get_mut(name) else {
            return Ok(());
        };
        self.below(name, |sieve| {
            let table = value.as_table_mut().ok_or("is not a table")?;
            let mut entries = table.iter_mut();
            entries.try_for_each(|(key, value)| sieve.below(key, |sieve| read(sieve, key, value)))
        })
    }

    fn mapping(&mut self, value: &mut Value) -> Result<(), String> {
        let Value::Table(table) = value else {
            return name(value);
        };
        self.keep(table, |key, _| MAPPING.contains(&key));
        let registry = table.get("registry").ok_or("has no `registry`")?;
        self.below("registry", |_| name(registry))?;
        let metadata = table.get_mut("metadata").ok_or("has no `metadata`")?;
        self.below("metadata", |sieve| {
            let metadata = metadata.as_table_mut().ok_or("is not a table")?;
            sieve.keep(metadata, |key, value| {
                METADATA.contains(&key) || value.is_table()
            });
            sieve.texts(metadata, &METADATA)?;
            sieve.backend(metadata, OCI_PROTOCOL, &OCI_METADATA)
        })
    }

    fn registry(&mut self, table: &mut Table) -> Result<(), String> {
        self.keep(table, |key, value| {
            BACKEND.contains(&key) || value.is_table()
        });
        if BACKEND.iter().all(|key| table.contains_key(*key)) {
            return Err("has both `type` and `default`".to_owned());
        }
        self.texts(table, &BACKEND)?;
        self.backend(table, OCI_PROTOCOL, &OCI)?;
        self.backend(table, LAYOUT_BACKEND, &LAYOUT)
    }

    fn texts(&mut self, table: &Table, keys: &[&str]) -> Result<(), String> {
        let mut values = keys.iter().filter_map(|key| Some((key, table.get(*key)?)));
        values.try_for_each(|(key, value)| self.below(key, |_| text(value).map(drop)))
    }

    fn backend(&mut self, table: &mut Table, name: &str, known: &[&str]) -> Result<(), String> {
        let Some(Value::Table(table)) = table.get_mut(name) else {
            return Ok(());
        };
        self.below(name, |sieve| {
            sieve.keep(table, |key, _| known.contains(&key));
            Ok(())
        })
    }
}

fn name(value: &Value) -> Result<(), String> {
    registry_name(text(value)?)
}

fn registry_name(text: &str) -> Result<(), String> {
    if let Some(mistake) = Mistake::of_place(text) {
        return Err(format!("is not a registry: {mistake}"));
    }
    let parsed = text.parse::<Registry>();
    parsed
        .map(drop)
        .map_err(|error| format!("is not a registry: {error}"))
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "is not text".to_owned())
}
