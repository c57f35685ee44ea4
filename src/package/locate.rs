//! Finds packages: the registry or layout of a package, and the version that meets the requirement.

use std::path::Path;
use std::sync::Arc;

use super::configuration::{Configuration, ConfigurationError, RegistryChoice, RegistrySettings};
use super::connect::{Connector, LocatedArtifact, LocatedVersion};
use super::place::PackagePlace;
use super::{Error, Publication, registry_metadata, resolve};
use crate::acceptance::{self, Facts, Purpose};
use crate::error::Kind;
use crate::reference::package::{PackageName, PackageSpec, Requirement};
use crate::reference::{Location, Name, Reference};
use crate::store::layout::Layout;
use crate::store::remote;
use crate::store::{Store, WritableStore};

/// A registry or layout of packages, and its settings.
#[derive(Debug, Clone)]
pub struct Registry {
    /// The registry or the layout.
    pub place: PackagePlace,
    /// Its settings in the configuration.
    pub settings: RegistrySettings,
}

/// Finds the registry of a package: the one of this call, otherwise the configured one, otherwise the user's layout.
pub struct Locator<'a> {
    /// Opens the stores.
    pub connector: &'a Connector,
    /// wkg's configuration.
    pub configuration: &'a Configuration,
    /// The registry named for this call: a place, or a name in the configuration.
    pub registry: Option<&'a str>,
    /// The layout to use if no registry is configured.
    pub local: Option<&'a Path>,
}

/// The path of the document in which a registry names the place of its packages. The cache records it under this name.
const WELL_KNOWN: &str = "/.well-known/wasm-pkg/";
const DOCUMENT: &str = "registry.json";

/// The largest document that is read from the cache, in bytes.
const MAX_DOCUMENT_BYTES: u64 = 64 * 1024;

impl Locator<'_> {
    /// Returns the registry of a package.
    pub async fn registry(&self, package: &PackageName) -> Result<Registry, Error> {
        self.open_choice(self.choose(package)?).await
    }

    /// Returns the registry of a namespace, or the default one. Settings of single packages are ignored.
    pub async fn registry_of_namespace(&self, namespace: Option<&str>) -> Result<Registry, Error> {
        let configuration = self.configuration;
        let choice =
            self.choose_by(|registry| configuration.choose_namespace(namespace, registry))?;
        self.open_choice(choice).await
    }

    /// Returns the registry of a package at a named place.
    pub async fn registry_at(
        &self,
        place: &PackagePlace,
        package: &PackageName,
    ) -> Result<Registry, Error> {
        let choose = |registry: Option<&str>| self.configuration.choose(package, registry);
        self.open_choice(choose_at(place, choose)?).await
    }

    /// Returns the user's layout.
    pub fn local(&self) -> Result<Registry, Error> {
        let directory = self.local.ok_or(Error::NoLocalLayout)?;
        Ok(Registry {
            place: PackagePlace::Layout(directory.to_owned()),
            settings: RegistrySettings::default(),
        })
    }

    /// Returns whether this call or the configuration names the registry of a package.
    pub fn is_configured(&self, package: &PackageName) -> Result<bool, Error> {
        Ok(self.registry.is_some() || self.choose(package)? != RegistryChoice::Local)
    }

    /// Returns the repository of a package, without a request to a registry. This may be wrong if the registry names
    /// another place.
    pub fn known_repository(&self, package: &PackageName) -> Option<Location> {
        let place = match self.choose(package).ok()? {
            RegistryChoice::Local => PackagePlace::Layout(self.local?.to_owned()),
            RegistryChoice::Known { place, .. } => place,
            RegistryChoice::Ask { registry } => registry.parse().ok()?,
        };
        place.location(package).ok()
    }

    fn choose(&self, package: &PackageName) -> Result<RegistryChoice, Error> {
        self.choose_by(|registry| self.configuration.choose(package, registry))
    }

    fn choose_by(
        &self,
        choose: impl Fn(Option<&str>) -> Result<RegistryChoice, ConfigurationError>,
    ) -> Result<RegistryChoice, Error> {
        let Some(text) = self.registry else {
            return Ok(choose(None)?);
        };
        match text.parse::<PackagePlace>() {
            Ok(place) => Ok(choose_at(&place, choose)?),
            // The configuration may have a name that is not a host.
            Err(error) => match choose(Some(text)) {
                Ok(known @ RegistryChoice::Known { .. }) => Ok(known),
                _ => Err(error.into()),
            },
        }
    }

    async fn open_choice(&self, choice: RegistryChoice) -> Result<Registry, Error> {
        let (registry, place, was_asked) = match choice {
            RegistryChoice::Local => return self.local(),
            RegistryChoice::Known { registry, place } => (registry, place, false),
            RegistryChoice::Ask { registry } => {
                let place = self.ask(&registry).await?;
                (registry, place, true)
            }
        };
        let settings = match &place {
            // The settings of a registry do not apply to another host that only the registry itself names.
            PackagePlace::Registry { host, .. } if was_asked => {
                self.configuration.settings(host)?
            }
            PackagePlace::Registry { .. } => self.configuration.settings(&registry)?,
            PackagePlace::Layout(_) => RegistrySettings::default(),
        };
        Ok(Registry { place, settings })
    }

    /// Asks a registry for the place of its packages. Offline, the recorded document is used.
    async fn ask(&self, registry: &str) -> Result<PackagePlace, Error> {
        let settings = self.configuration.settings(registry)?;
        let cache = &self.connector.session.cache;
        // The cache records the document like a tag: by its repository and its name.
        let host = format!("https://{registry}{WELL_KNOWN}");
        if self.connector.offline {
            let known = cache.tag(&host, DOCUMENT)?;
            let known = known.map(|digest| cache.read(&digest, MAX_DOCUMENT_BYTES));
            let document = known.transpose()?.flatten();
            return Ok(RegistryChoice::from_metadata(
                registry,
                document.as_deref(),
            )?);
        }
        let options = self.connector.options(&settings);
        let document = registry_metadata(registry, &options).await?;
        let place = RegistryChoice::from_metadata(registry, document.as_deref())?;
        if let PackagePlace::Registry { host, .. } = &place
            && host != registry
            && self.connector.credentials.is_some()
        {
            return Err(Error::Redirected {
                registry: registry.to_owned(),
                host: host.clone(),
                place,
            });
        }
        match &document {
            Some(document) => {
                let document = cache.add(document)?;
                cache.record_tag(&host, DOCUMENT, &document.digest)?;
            }
            None => cache.remove_tag(&host, DOCUMENT)?,
        }
        Ok(place)
    }

    /// Finds and opens the version that meets the requirement. Fails if the artifact names another package.
    pub async fn find(&self, spec: &PackageSpec) -> Result<LocatedVersion, Error> {
        let registry = self.registry(&spec.name).await?;
        let store = registry.read(self.connector, &spec.name).await?;
        let resolved = resolve(store.as_ref(), spec).await?;
        let name = Name::Digest(resolved.digest);
        let opened = self.connector.open_manifest(store.as_ref(), &name).await?;
        let purpose = Purpose::Read {
            package: &spec.name,
            is_exact: matches!(spec.requirement, Requirement::Exact(_)),
        };
        let facts = Facts {
            is_yanked: resolved.yanked,
            ..opened.facts(store.as_ref())
        };
        acceptance::accept(&purpose, &facts)?;
        let reference = Reference {
            location: registry.repository(&spec.name)?,
            tag: Some(resolved.tag),
            digest: Some(resolved.digest),
        };
        Ok(LocatedVersion {
            artifact: LocatedArtifact {
                store,
                reference,
                opened,
            },
            version: Publication {
                package: spec.name.clone(),
                version: resolved.version,
            },
            is_yanked: resolved.yanked,
        })
    }
}

/// Returns the choice for a named place. A registry without a prefix may be configured, or name another place itself.
fn choose_at(
    place: &PackagePlace,
    choose: impl Fn(Option<&str>) -> Result<RegistryChoice, ConfigurationError>,
) -> Result<RegistryChoice, ConfigurationError> {
    let registry = match place {
        PackagePlace::Registry { host, prefix } if prefix.is_empty() => return choose(Some(host)),
        PackagePlace::Registry { host, .. } => host.clone(),
        PackagePlace::Layout(_) => String::new(),
    };
    let place = place.clone();
    Ok(RegistryChoice::Known { registry, place })
}

impl Registry {
    /// Returns the repository of a package.
    pub fn repository(&self, package: &PackageName) -> Result<Location, Error> {
        Ok(self.place.location(package)?)
    }

    /// Opens the repository of a package to read from.
    pub async fn read(
        &self,
        connector: &Connector,
        package: &PackageName,
    ) -> Result<Arc<dyn Store>, Error> {
        let repository = self.repository(package)?;
        let store = connector.read(&repository, &self.settings).await;
        store.map_err(|error| match &self.place {
            // A layout that does not exist has no packages.
            PackagePlace::Layout(directory) if error.kind() == Kind::NotFound => Error::NoLayout {
                package: package.clone(),
                directory: directory.clone(),
            },
            _ => error,
        })
    }

    /// Opens the repository of a package to write to; blobs may be mounted from the repository `beside`.
    pub async fn write(
        &self,
        connector: &Connector,
        package: &PackageName,
        beside: Option<&Location>,
    ) -> Result<Arc<dyn WritableStore>, Error> {
        let repository = self.repository(package)?;
        connector.write(&repository, &self.settings, beside).await
    }

    /// Returns the repositories of a registry, or of the tags in a layout.
    pub async fn repositories(&self, connector: &Connector) -> Result<Vec<String>, Error> {
        match &self.place {
            PackagePlace::Layout(directory) => {
                let observer = Arc::clone(&connector.options.observer);
                Ok(Layout::open(directory, observer)?.repositories()?)
            }
            PackagePlace::Registry { host, .. } if connector.offline => {
                Err(Error::Unlisted { host: host.clone() })
            }
            PackagePlace::Registry { host, .. } => {
                let credentials = connector.credentials(host, "", &self.settings).await?;
                let options = connector.options(&self.settings);
                Ok(remote::catalog(host, credentials, &options).await?)
            }
        }
    }
}
