//! wkg's configuration, read as wkg reads it: which registry a package is in, and how it is spoken to.
//!
//! Pure: the text comes from elsewhere. Keys that this version does not know are named, not refused, as
//! a newer wkg may have written them.

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
use super::place::Place;
use crate::reference::package::PackageName;
use crate::reference::{Mistake, redacted};

/// The backend that names a layout directory; wkg has no such thing.
const LAYOUT_BACKEND: &str = "wharf";

/// Padding or none, as wkg takes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a configuration cannot be used. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// Not TOML, or not wkg's configuration.
    #[error("{0}")]
    Malformed(String),
    /// A registry's settings make no sense.
    #[error("registry `{registry}`: {reason}")]
    Registry {
        /// The registry, without a password.
        registry: String,
        /// What is wrong.
        reason: String,
    },
}

impl ConfigurationError {
    fn registry(registry: &str, reason: impl fmt::Display) -> Self {
        Self::Registry {
            registry: redacted(registry).into_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Which registry a package is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// None is configured: the layout of this user.
    Local,
    /// The configuration says all.
    Known {
        /// The registry's name in the configuration, for its settings.
        registry: String,
        /// Where it is.
        place: Place,
    },
    /// The registry itself may say more, at `/.well-known/wasm-pkg/registry.json`.
    Ask {
        /// The registry's name, which is its host.
        registry: String,
    },
}

/// A user with a password. Shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct UserPassword {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for UserPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserPassword(..)")
    }
}

/// How a registry is spoken to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Whether by http.
    pub plain_http: bool,
    /// Whether by https although it is this machine.
    pub tls: bool,
    /// As whom, if the configuration says so.
    pub credentials: Option<UserPassword>,
    /// Certificates in PEM form that are trusted besides the system's.
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

/// What a registry says of itself for the protocol `oci`.
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
    /// Whether the well-known namespaces are among it.
    well_known: bool,
}

impl Default for Configuration {
    /// What holds with no file: the registries of the well-known namespaces (`wasi`, `ba`).
    fn default() -> Self {
        Self {
            config: Config::default(),
            well_known: true,
        }
    }
}

impl Configuration {
    /// Returns where wkg keeps its configuration.
    pub fn default_file() -> Option<std::path::PathBuf> {
        Config::global_config_path()
    }

    /// Reads a file's text. Returns the keys that are not known, too.
    pub fn read(text: &str) -> Result<(Self, Vec<String>), ConfigurationError> {
        let (table, unknown) = keys::read(text)?;
        // What is left is what wkg reads; its own words could quote a value.
        let config = Config::from_toml(&table.to_string()).map_err(|_| {
            ConfigurationError::Malformed("it is not wkg's configuration".to_owned())
        })?;
        let configuration = Self {
            config,
            well_known: false,
        };
        Ok((configuration, unknown))
    }

    /// Returns this configuration with what `other` says above it.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.config.merge(other.config);
        self.well_known |= other.well_known;
        self
    }

    /// Finds the registry of a package, as wkg does; `registry` is one named for this call.
    pub fn choose(
        &self,
        package: &PackageName,
        registry: Option<&str>,
    ) -> Result<Choice, ConfigurationError> {
        let own = self.config.package_registry_override(package);
        self.choose_among(own, Some(package.namespace()), registry)
    }

    /// Finds the registry of a namespace, or of all that nothing is said of; what is said of single packages
    /// makes no difference. `registry` is one named for this call. A text that is no namespace is none.
    pub fn choose_namespace(
        &self,
        namespace: Option<&str>,
        registry: Option<&str>,
    ) -> Result<Choice, ConfigurationError> {
        let namespace: Option<Label> = namespace.and_then(|text| text.parse().ok());
        self.choose_among(None, namespace.as_ref(), registry)
    }

    fn choose_among(
        &self,
        own: Option<&RegistryMapping>,
        namespace: Option<&Label>,
        registry: Option<&str>,
    ) -> Result<Choice, ConfigurationError> {
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
        // With nothing configured all packages of a namespace are in one place.
        let any = PackageRef::new(namespace.clone(), namespace.clone());
        let found = self.well_known.then(Config::default)?;
        found.resolve_registry(&any).cloned()
    }

    fn choice(
        &self,
        registry: Option<&Registry>,
        mappings: [Option<&RegistryMapping>; 2],
    ) -> Result<Choice, ConfigurationError> {
        let Some(registry) = registry else {
            return Ok(Choice::Local);
        };
        let name = registry.to_string();
        let settings = self.config.registry_config(registry);
        if let Some(place) = layout_backend(&name, settings)? {
            return Ok(Choice::Known {
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
            Some(metadata) => Ok(Choice::Known {
                place: place(&name, metadata)?,
                registry: name,
            }),
            None => Ok(Choice::Ask { registry: name }),
        }
    }

    fn registry(&self, name: &str) -> Result<Registry, ConfigurationError> {
        name.parse()
            .map_err(|error: wasm_pkg_common::Error| ConfigurationError::registry(name, error))
    }

    /// Returns how a registry is spoken to; `registry` is its name in the configuration.
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
                return Err(failed("only certificates in PEM form are read"));
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

impl Choice {
    /// Returns the place of a registry that was asked ([`Choice::Ask`]); `metadata` is its
    /// `registry.json`, if it has one.
    pub fn asked(registry: &str, metadata: Option<&[u8]>) -> Result<Place, ConfigurationError> {
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

fn place(registry: &str, metadata: &RegistryMetadata) -> Result<Place, ConfigurationError> {
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
        let host = redacted(host);
        return Err(failed(format!("`{host}` is no registry: {mistake}")));
    }
    let prefix = oci.namespace_prefix.unwrap_or_default();
    // Some write the prefix into the registry.
    let (host, prefix) = match host.split_once('/') {
        Some((host, path)) => (host, format!("{}/{prefix}", path.trim_end_matches('/'))),
        None => (host, prefix),
    };
    Ok(Place::Registry {
        host: host.to_owned(),
        prefix,
    })
}

fn layout_backend(
    registry: &str,
    settings: Option<&RegistryConfig>,
) -> Result<Option<Place>, ConfigurationError> {
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
            Ok(Some(Place::Layout(backend.layout)))
        }
        Some(LOCAL_PROTOCOL) => Err(failed(
            "wkg's `local` directories are not read; a layout is `[registry.\"NAME\".wharf] \
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
