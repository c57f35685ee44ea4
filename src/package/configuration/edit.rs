//! Changes wkg's configuration, and keeps comments and all other settings. Pure.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value, value};
use wasm_pkg_common::label::Label;

use super::ConfigurationError;
use super::keys::{DEFAULT, NAMESPACES, PACKAGES, at};
use crate::package::PackagePlace;
use crate::reference::is_loopback;
use crate::reference::package::PackageName;

/// The scope of a registry setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All packages without a setting of their own.
    Default,
    /// All packages of a namespace.
    Namespace(Label),
    /// One package.
    Package(PackageName),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "default" {
            return Ok(Self::Default);
        }
        let parsed = match text.contains(':') {
            true => text
                .parse()
                .map(Self::Package)
                .map_err(|error| format!("{error}")),
            false => text
                .parse()
                .map(Self::Namespace)
                .map_err(|error| format!("{error}")),
        };
        parsed.map_err(|error| {
            format!("`{text}` is not default, NAMESPACE or NAMESPACE:NAME: {error}")
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Namespace(namespace) => namespace.fmt(f),
            Self::Package(package) => package.fmt(f),
        }
    }
}

/// A registry setting in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// The scope.
    pub scope: String,
    /// The registry.
    pub registry: String,
}

fn document(text: &str) -> Result<DocumentMut, ConfigurationError> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        ConfigurationError::Malformed(at(text, error.span(), error.message()))
    })
}

/// Returns the settings of a file: scopes and registries, the default first, without secrets.
pub fn mappings(text: &str) -> Result<Vec<Mapping>, ConfigurationError> {
    let document = document(text)?;
    let mut found = Vec::new();
    let mut add = |scope: &str, item: &Item| {
        found.push(Mapping {
            scope: scope.to_owned(),
            registry: registry_words(item),
        });
    };
    if let Some(item) = document.get(DEFAULT).filter(|item| item.is_str()) {
        add("default", item);
    }
    for table in [NAMESPACES, PACKAGES] {
        let table = document.get(table).and_then(Item::as_table_like);
        for (scope, item) in table.into_iter().flat_map(|table| table.iter()) {
            add(scope, item);
        }
    }
    Ok(found)
}

/// Returns the registry of a mapping, in words.
fn registry_words(item: &Item) -> String {
    if let Some(registry) = item.as_str() {
        return registry.to_owned();
    }
    let text = |path: &[&str]| {
        let mut at = item;
        for step in path {
            at = at.get(step)?;
        }
        at.as_str().map(str::to_owned)
    };
    let name = text(&["registry"]).unwrap_or_default();
    let host = text(&["metadata", "oci", "registry"]).unwrap_or(name);
    match text(&["metadata", "oci", "namespacePrefix"]) {
        Some(prefix) => format!("{host}/{}", prefix.trim_end_matches('/')),
        None => host,
    }
}

/// Sets the registry of a scope. For a loopback registry, also sets the protocol to http, for wkg.
pub fn set(text: &str, scope: &Scope, place: &PackagePlace) -> Result<String, ConfigurationError> {
    let PackagePlace::Registry { host, prefix } = place else {
        return Err(ConfigurationError::Malformed(
            "a layout cannot be set; name it with --registry, WHARF_REGISTRY or WHARF_HOME"
                .to_owned(),
        ));
    };
    let mut document = document(text)?;
    let mapping = match prefix.is_empty() {
        true => value(host),
        false => value(custom(host, prefix)),
    };
    match scope {
        Scope::Default if !prefix.is_empty() => {
            return Err(ConfigurationError::Malformed(
                "the default registry cannot have a prefix in this file; set it for a namespace"
                    .to_owned(),
            ));
        }
        Scope::Default => document[DEFAULT] = mapping,
        Scope::Namespace(namespace) => {
            *entry(&mut document, NAMESPACES, namespace.as_ref())? = mapping;
        }
        Scope::Package(package) => {
            *entry(&mut document, PACKAGES, &package.to_string())? = mapping;
        }
    }
    if is_loopback(host) {
        speak_http(&mut document, host)?;
    }
    Ok(document.to_string())
}

/// Removes the registry of a scope. Returns nothing if none was set.
pub fn unset(text: &str, scope: &Scope) -> Result<Option<String>, ConfigurationError> {
    let mut document = document(text)?;
    let (table, key) = match scope {
        Scope::Default => {
            let removed = document.remove(DEFAULT);
            return Ok(removed.map(|_| document.to_string()));
        }
        Scope::Namespace(namespace) => (NAMESPACES, namespace.to_string()),
        Scope::Package(package) => (PACKAGES, package.to_string()),
    };
    let table = document.get_mut(table).and_then(Item::as_table_like_mut);
    let removed = table.and_then(|table| table.remove(&key));
    Ok(removed.map(|_| document.to_string()))
}

/// Makes a mapping in wkg's custom form.
fn custom(host: &str, prefix: &str) -> InlineTable {
    let oci = InlineTable::from_iter([("registry", host), ("namespacePrefix", prefix)]);
    let oci = ("oci", Value::from(oci));
    let metadata = InlineTable::from_iter([("preferredProtocol", Value::from("oci")), oci]);
    InlineTable::from_iter([
        ("registry", Value::from(host)),
        ("metadata", metadata.into()),
    ])
}

fn entry<'a>(
    document: &'a mut DocumentMut,
    table: &str,
    key: &str,
) -> Result<&'a mut Item, ConfigurationError> {
    let item = document
        .entry(table)
        .or_insert_with(|| Item::Table(Table::new()));
    let like = item.as_table_like_mut();
    let like = like.ok_or_else(|| not_a_table(table))?;
    Ok(like.entry(key).or_insert(Item::None))
}

fn not_a_table(name: &str) -> ConfigurationError {
    ConfigurationError::Malformed(format!("{name} is not a table"))
}

fn speak_http(document: &mut DocumentMut, host: &str) -> Result<(), ConfigurationError> {
    let implicit = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    let registries = document.entry("registry").or_insert_with(implicit);
    let registries = registries.as_table_like_mut();
    let registries = registries.ok_or_else(|| not_a_table("registry"))?;
    let registry = registries.entry(host).or_insert_with(implicit);
    let registry = registry.as_table_like_mut();
    let registry = registry.ok_or_else(|| not_a_table(host))?;
    let oci = registry
        .entry("oci")
        .or_insert_with(|| Item::Table(Table::new()));
    let oci = oci.as_table_like_mut().ok_or_else(|| not_a_table("oci"))?;
    oci.entry("protocol").or_insert_with(|| value("http"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Configuration, RegistryChoice};
    use super::*;

    fn changed(text: &str, scope: &str, place: &str) -> String {
        set(text, &scope.parse().unwrap(), &place.parse().unwrap()).unwrap()
    }

    #[test]
    fn set_places_are_chosen_and_other_settings_stay() {
        let before = "# mine\ndefault_registry = \"a.io\" # main\n\n[registry.\"a.io\".oci]\nauth = \"eDp5\"\n";
        let text = changed(before, "demo", "ghcr.io/acme");
        let text = changed(&text, "demo:calc", "localhost:5000");
        let text = changed(&text, "default", "b.io");
        assert!(
            text.contains("# mine") && text.contains("auth = \"eDp5\""),
            "{text}"
        );
        let (configuration, unknown) = Configuration::read(&text).unwrap();
        assert!(unknown.is_empty());
        let choose = |package: &str| {
            configuration
                .choose(&package.parse().unwrap(), None)
                .unwrap()
        };
        let ask = |registry: &str| RegistryChoice::Ask {
            registry: registry.to_owned(),
        };
        assert_eq!(choose("x:y"), ask("b.io"));
        assert_eq!(choose("demo:calc"), ask("localhost:5000"));
        assert_eq!(
            choose("demo:greet"),
            RegistryChoice::Known {
                registry: "ghcr.io".to_owned(),
                place: "ghcr.io/acme".parse().unwrap(),
            }
        );
        assert!(configuration.settings("localhost:5000").unwrap().plain_http);
        let mappings = mappings(&text).unwrap();
        let mappings = mappings.iter();
        let set: Vec<(&str, &str)> = mappings
            .map(|mapping| (mapping.scope.as_str(), mapping.registry.as_str()))
            .collect();
        assert_eq!(
            set,
            [
                ("default", "b.io"),
                ("demo", "ghcr.io/acme"),
                ("demo:calc", "localhost:5000"),
            ]
        );
        let scope: Scope = "demo".parse().unwrap();
        let without = unset(&text, &scope).unwrap().unwrap();
        assert_eq!(unset(&without, &scope).unwrap(), None);
        assert!(!without.contains("ghcr.io"), "{without}");
    }

    #[test]
    fn only_local_registries_are_set_to_http() {
        for (place, http) in [
            ("localhost:5000", true),
            ("a.localhost", true),
            ("127.0.0.1:5000/team", true),
            ("127.evil.com", false),
            ("ghcr.io", false),
        ] {
            let text = changed("", "demo", place);
            assert_eq!(text.contains("protocol = \"http\""), http, "{text}");
        }
    }

    #[test]
    fn invalid_settings_are_refused() {
        for (scope, place) in [("default", "ghcr.io/acme"), ("demo", "oci:store")] {
            let (scope, place) = (scope.parse().unwrap(), place.parse().unwrap());
            assert!(set("", &scope, &place).is_err());
        }
        for scope in ["Demo", "demo:", "a:b:c", ""] {
            assert!(scope.parse::<Scope>().is_err(), "{scope}");
        }
        let scope = "demo".parse().unwrap();
        let place: PackagePlace = "a.io".parse().unwrap();
        for text in ["namespace_registries = 5", "["] {
            assert!(set(text, &scope, &place).is_err(), "{text}");
        }
    }
}
