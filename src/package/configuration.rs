//! wkg's configuration, read as wkg reads it: the registry of each package, and the settings of each registry.
//!
//! This module is pure; the caller reads the file. Unknown keys are reported, not refused, because a newer wkg may have
//! written them.

mod edit;
mod keys;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use serde::Deserialize;
use wasm_pkg_common::config::{Config, RegistryConfig, RegistryMapping};
use wasm_pkg_common::label::Label;
use wasm_pkg_common::metadata::{LOCAL_PROTOCOL, OCI_PROTOCOL, RegistryMetadata};
use wasm_pkg_common::package::PackageRef;
use wasm_pkg_common::registry::Registry;

pub use self::edit::{Mapping, Scope, mappings, set, unset};
use super::place::PackagePlace;
use crate::reference::package::PackageName;
use crate::reference::{Mistake, redact};

/// The backend for a layout directory, which wkg does not have.
const LAYOUT_BACKEND: &str = "wharf";

/// Padding is optional, as in wkg.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The configuration cannot be used. The text contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// Not TOML, or not wkg's configuration.
    #[error("{0}")]
    Malformed(String),
    /// The settings of a registry are invalid.
    #[error("registry `{registry}`: {reason}")]
    Registry {
        /// The registry, without a password.
        registry: String,
        /// The problem.
        reason: String,
    },
}

impl ConfigurationError {
    fn registry(registry: &str, reason: impl fmt::Display) -> Self {
        Self::Registry {
            registry: redact(registry).into_owned(),
            reason: reason.to_string(),
        }
    }
}

/// The registry of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryChoice {
    /// No registry is configured, so the user's layout is used.
    Local,
    /// The configuration names the place.
    Known {
        /// The registry's name in the configuration, for its settings.
        registry: String,
        /// The place.
        place: PackagePlace,
    },
    /// The registry may name another place, in `/.well-known/wasm-pkg/registry.json`.
    Ask {
        /// The registry's name, which is its host.
        registry: String,
    },
}

/// A user and a password. The debug form hides both.
#[derive(Clone, PartialEq, Eq)]
pub struct UserPassword {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for UserPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserPassword(..)")
    }
}

/// The settings of the connections to a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Whether http is used.
    pub plain_http: bool,
    /// Whether https is used for a loopback host.
    pub tls: bool,
    /// The credentials, if the configuration has any.
    pub credentials: Option<UserPassword>,
    /// Certificates in PEM form that are trusted in addition to the system's.
    pub ca_certificates: Vec<u8>,
}

/// The backend table `oci` of a registry.
#[derive(Default, Deserialize)]
struct Oci {
    auth: Option<Auth>,
    protocol: Option<String>,
    #[serde(default)]
    accept_invalid_certificates: bool,
    #[serde(default)]
    extra_root_certificates: Vec<Certificate>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Auth {
    Base64(String),
    User { username: String, password: String },
}

#[derive(Deserialize)]
struct Certificate {
    encoding: String,
    data: String,
}

/// The backend table `wharf` of a registry.
#[derive(Deserialize)]
struct LayoutBackend {
    layout: std::path::PathBuf,
}

/// The registry's own document, for the protocol `oci`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OciMetadata {
    registry: Option<String>,
    namespace_prefix: Option<String>,
}

/// wkg's configuration.
#[derive(Debug, Clone)]
pub struct Configuration {
    config: Config,
    /// Whether the registries of the well-known namespaces are included.
    well_known: bool,
}

impl Default for Configuration {
    /// The configuration without a file: the registries of the well-known namespaces (`wasi`, `ba`).
    fn default() -> Self {
        Self {
            config: Config::default(),
            well_known: true,
        }
    }
}

impl Configuration {
    /// Returns the path of wkg's configuration.
    pub fn default_file() -> Option<std::path::PathBuf> {
        Config::global_config_path()
    }

    /// Parses a file. Returns the unknown keys, too.
    pub fn read(text: &str) -> Result<(Self, Vec<String>), ConfigurationError> {
        let (table, unknown) = keys::read(text)?;
        // Only keys that wkg supports are left. wkg's error is not shown, because it could quote a value.
        let config = Config::from_toml(&table.to_string()).map_err(|_| {
            ConfigurationError::Malformed("it is not wkg's configuration".to_owned())
        })?;
        let configuration = Self {
            config,
            well_known: false,
        };
        Ok((configuration, unknown))
    }

    /// Returns this configuration, overridden by `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.config.merge(other.config);
        self.well_known |= other.well_known;
        self
    }

    /// Finds the registry of a package, as wkg does; `registry` is the one named for this call.
    pub fn choose(
        &self,
        package: &PackageName,
        registry: Option<&str>,
    ) -> Result<RegistryChoice, ConfigurationError> {
        let own = self.config.package_registry_override(package);
        self.choose_among(own, Some(package.namespace()), registry)
    }

    /// Finds the registry of a namespace, or the default registry if there is none. Settings of single packages are
    /// ignored. `registry` is the one named for this call. A text that is not a namespace counts as none.
    pub fn choose_namespace(
        &self,
        namespace: Option<&str>,
        registry: Option<&str>,
    ) -> Result<RegistryChoice, ConfigurationError> {
        let namespace: Option<Label> = namespace.and_then(|text| text.parse().ok());
        self.choose_among(None, namespace.as_ref(), registry)
    }

    fn choose_among(
        &self,
        own: Option<&RegistryMapping>,
        namespace: Option<&Label>,
        registry: Option<&str>,
    ) -> Result<RegistryChoice, ConfigurationError> {
        let mapping = namespace.and_then(|namespace| self.config.namespace_registry(namespace));
        let mapped = match own.or(mapping) {
            Some(RegistryMapping::Registry(registry)) => Some(registry),
            Some(RegistryMapping::Custom(custom)) => Some(&custom.registry),
            None => self.config.default_registry(),
        };
        let found = match (registry, mapped) {
            (Some(name), _) => Some(self.registry(name)?),
            (None, Some(registry)) => Some(registry.clone()),
            (None, None) => namespace.and_then(|namespace| self.well_known(namespace)),
        };
        self.choice(found.as_ref(), [own, mapping])
    }

    /// Returns the registry of a well-known namespace.
    fn well_known(&self, namespace: &Label) -> Option<Registry> {
        // wkg's defaults have no settings of single packages, so any package of the namespace will do.
        let any = PackageRef::new(namespace.clone(), namespace.clone());
        let found = self.well_known.then(Config::default)?;
        found.resolve_registry(&any).cloned()
    }

    fn choice(
        &self,
        registry: Option<&Registry>,
        mappings: [Option<&RegistryMapping>; 2],
    ) -> Result<RegistryChoice, ConfigurationError> {
        let Some(registry) = registry else {
            return Ok(RegistryChoice::Local);
        };
        let name = registry.to_string();
        let settings = self.config.registry_config(registry);
        if let Some(place) = layout_backend(&name, settings)? {
            return Ok(RegistryChoice::Known {
                registry: name,
                place,
            });
        }
        let metadata = mappings
            .into_iter()
            .flatten()
            .find_map(|mapping| match mapping {
                RegistryMapping::Custom(custom) if custom.registry == *registry => {
                    Some(&custom.metadata)
                }
                _ => None,
            });
        match metadata {
            Some(metadata) => Ok(RegistryChoice::Known {
                place: place(&name, metadata)?,
                registry: name,
            }),
            None => Ok(RegistryChoice::Ask { registry: name }),
        }
    }

    fn registry(&self, name: &str) -> Result<Registry, ConfigurationError> {
        name.parse()
            .map_err(|error: wasm_pkg_common::Error| ConfigurationError::registry(name, error))
    }

    /// Returns the settings of a registry; `registry` is its name in the configuration.
    pub fn settings(&self, registry: &str) -> Result<RegistrySettings, ConfigurationError> {
        let failed = |reason: &str| ConfigurationError::registry(registry, reason);
        let name = self.registry(registry)?;
        let Some(config) = self.config.registry_config(&name) else {
            return Ok(RegistrySettings::default());
        };
        let oci: Option<Oci> = config
            .backend_config(OCI_PROTOCOL)
            .map_err(|_| failed("its table `oci` is malformed"))?;
        let oci = oci.unwrap_or_default();
        let plain_http = match oci.protocol.as_deref() {
            None | Some("https") => false,
            Some("http") => true,
            Some(other) => return Err(failed(&format!("`{other}` is neither http nor https"))),
        };
        if oci.accept_invalid_certificates {
            return Err(failed(
                "accept_invalid_certificates is not supported; name its certificate in \
                 extra_root_certificates or with --ca-cert",
            ));
        }
        let mut ca_certificates = Vec::new();
        for certificate in oci.extra_root_certificates {
            if certificate.encoding != "pem" {
                return Err(failed("only certificates in PEM form are supported"));
            }
            ca_certificates.extend_from_slice(certificate.data.as_bytes());
            ca_certificates.push(b'\n');
        }
        let credentials = oci.auth.map(user_password).transpose();
        Ok(RegistrySettings {
            plain_http,
            tls: oci.protocol.as_deref() == Some("https"),
            credentials: credentials.map_err(failed)?,
            ca_certificates,
        })
    }
}

impl RegistryChoice {
    /// Returns the place that a registry names ([`RegistryChoice::Ask`]). `metadata` is its `registry.json`, if it has
    /// one.
    pub fn from_metadata(
        registry: &str,
        metadata: Option<&[u8]>,
    ) -> Result<PackagePlace, ConfigurationError> {
        let metadata = match metadata {
            Some(json) => serde_json::from_slice(json).map_err(|error| {
                let reason =
                    format!("its /.well-known/wasm-pkg/registry.json is malformed: {error}");
                ConfigurationError::registry(registry, reason)
            })?,
            None => RegistryMetadata::default(),
        };
        place(registry, &metadata)
    }
}

fn place(registry: &str, metadata: &RegistryMetadata) -> Result<PackagePlace, ConfigurationError> {
    let failed = |reason: String| ConfigurationError::registry(registry, reason);
    if let Some(other) = metadata
        .preferred_protocol()
        .filter(|protocol| *protocol != OCI_PROTOCOL)
    {
        return Err(failed(format!("its protocol is `{other}`, not `oci`")));
    }
    let oci: Option<OciMetadata> = metadata
        .protocol_config(OCI_PROTOCOL)
        .map_err(|error| failed(error.to_string()))?;
    let oci = oci.unwrap_or_default();
    let host = oci.registry.as_deref().unwrap_or(registry);
    if let Some(mistake) = Mistake::of_place(host) {
        let host = redact(host);
        return Err(failed(format!("`{host}` is not a registry: {mistake}")));
    }
    let prefix = oci.namespace_prefix.unwrap_or_default();
    // Some documents have the prefix in the registry.
    let (host, prefix) = match host.split_once('/') {
        Some((host, path)) => (host, format!("{}/{prefix}", path.trim_end_matches('/'))),
        None => (host, prefix),
    };
    Ok(PackagePlace::Registry {
        host: host.to_owned(),
        prefix,
    })
}

fn layout_backend(
    registry: &str,
    settings: Option<&RegistryConfig>,
) -> Result<Option<PackagePlace>, ConfigurationError> {
    let failed = |reason: String| ConfigurationError::registry(registry, reason);
    let Some(settings) = settings else {
        return Ok(None);
    };
    match settings.default_backend() {
        None | Some(OCI_PROTOCOL) => Ok(None),
        Some(LAYOUT_BACKEND) => {
            let backend: Option<LayoutBackend> = settings
                .backend_config(LAYOUT_BACKEND)
                .map_err(|error| failed(error.to_string()))?;
            let backend =
                backend.ok_or_else(|| failed("its table `wharf` is missing".to_owned()))?;
            Ok(Some(PackagePlace::Layout(backend.layout)))
        }
        Some(LOCAL_PROTOCOL) => Err(failed(
            "wkg's `local` directories are not supported; a layout is `[registry.\"NAME\".wharf] \
             layout = \"DIR\"`"
                .to_owned(),
        )),
        Some(other) => Err(failed(format!("its backend `{other}` is not known"))),
    }
}

fn user_password(auth: Auth) -> Result<UserPassword, &'static str> {
    match auth {
        Auth::User { username, password } => Ok(UserPassword { username, password }),
        Auth::Base64(text) => {
            let malformed = "its auth is not base64 of user:password";
            let bytes = BASE64.decode(text).map_err(|_| malformed)?;
            let text = String::from_utf8(bytes).map_err(|_| malformed)?;
            let (username, password) = text.split_once(':').ok_or(malformed)?;
            Ok(UserPassword {
                username: username.to_owned(),
                password: password.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests;
