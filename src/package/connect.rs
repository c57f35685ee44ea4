//! Opens the repositories of references: selects the store and the credentials.

use std::sync::Arc;

use super::configuration::{RegistrySettings, UserPassword};
use super::{Error, Publication};
use crate::acceptance::{self, Facts, Purpose};
use crate::digest::Digest;
use crate::pull::{self, OpenArtifact};
use crate::reference::{Location, Name, Reference, Repository};
use crate::store::blob_directory::BlobDirectory;
use crate::store::credentials::{self, Credentials};
use crate::store::layout::Layout;
use crate::store::offline::{CachingStore, OfflineStore};
use crate::store::remote::{Access, Options, Remote};
use crate::store::{self, Session, Store, WritableStore, blocking};

/// The settings for opening stores.
pub struct Connector {
    /// How registries are accessed, and the observer of all transfers.
    pub options: Options,
    /// Credentials that name no registry. They win over all others.
    pub credentials: Option<Credentials>,
    /// Whether only the cache and local directories are read.
    pub offline: bool,
    /// The session.
    pub session: Session,
}

/// An artifact that was found and opened.
pub struct LocatedArtifact {
    /// The repository.
    pub store: Arc<dyn Store>,
    /// The artifact; for a package version, with its tag and digest.
    pub reference: Reference,
    /// Its manifest and config.
    pub opened: OpenArtifact,
}

/// A package version that was found and opened.
pub struct LocatedVersion {
    /// The artifact.
    pub artifact: LocatedArtifact,
    /// The version.
    pub version: Publication,
    /// Whether it is yanked.
    pub is_yanked: bool,
}

impl LocatedArtifact {
    /// Returns the facts that the acceptance gate asks for.
    pub(super) fn facts(&self) -> Facts<'_> {
        self.opened.facts(self.store.as_ref())
    }
}

/// Opens a version. Returns nothing if it does not exist or is not a component.
pub(super) async fn open_component(
    store: &dyn Store,
    session: &Session,
    version: &Name,
) -> Result<Option<OpenArtifact>, Error> {
    match pull::open(store, version, session).await {
        Ok(opened) => Ok(Some(opened)),
        Err(
            crate::error::Error::Foreign { .. }
            | crate::error::Error::Artifact { .. }
            | crate::error::Error::Store(store::Error::NotFound { .. }),
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Connector {
    /// Opens a repository to read from. The cache records the manifests and tags that a registry returns.
    pub async fn read(
        &self,
        location: &Location,
        settings: &RegistrySettings,
    ) -> Result<Arc<dyn Store>, Error> {
        Ok(match location {
            Location::Layout {
                directory,
                repository,
            } => {
                let layout = Layout::open(directory, Arc::clone(&self.options.observer))?;
                Arc::new(layout.in_repository(repository.as_deref()))
            }
            Location::Blobs { directory } => Arc::new(BlobDirectory::open(directory)?),
            Location::Repository(repository) if self.offline => {
                let cache = Arc::clone(&self.session.cache);
                Arc::new(OfflineStore::new(repository.to_string(), cache))
            }
            Location::Repository(repository) => {
                let remote = self.remote(repository, Access::Pull, settings).await?;
                Arc::new(CachingStore::new(
                    Arc::new(remote),
                    Arc::clone(&self.session.cache),
                ))
            }
        })
    }

    /// Opens a repository to write to. Blobs are mounted from `beside`, if it is in the same registry, otherwise from
    /// the repositories that the cache has recorded.
    pub async fn write(
        &self,
        location: &Location,
        settings: &RegistrySettings,
        beside: Option<&Location>,
    ) -> Result<Arc<dyn WritableStore>, Error> {
        let repository = match location {
            Location::Layout {
                directory,
                repository,
            } => {
                let layout = Layout::create(directory, Arc::clone(&self.options.observer))?;
                return Ok(Arc::new(layout.in_repository(repository.as_deref())));
            }
            Location::Blobs { .. } => {
                let location = location.to_string();
                return Err(Error::ReadOnly { location });
            }
            Location::Repository(repository) if self.offline => {
                let reason = format!("{repository} cannot be written to offline");
                return Err(store::Error::Settings { reason }.into());
            }
            Location::Repository(repository) => repository,
        };
        let remote = self.remote(repository, Access::Push, settings).await?;
        let Repository { registry, path } = repository.clone();
        let beside = match beside {
            Some(Location::Repository(other))
                if other.registry == registry && other.path != path =>
            {
                Some(other.path.clone())
            }
            _ => None,
        };
        let cache = Arc::clone(&self.session.cache);
        let source = move |blob: &Digest| {
            let remembered = || {
                let source = cache.source(blob, &registry);
                source.filter(|source| *source != path)
            };
            beside.clone().or_else(remembered)
        };
        Ok(Arc::new(remote.with_sources(Arc::new(source))))
    }

    async fn remote(
        &self,
        repository: &Repository,
        access: Access,
        settings: &RegistrySettings,
    ) -> Result<Remote, Error> {
        let Repository { registry, path } = repository;
        let credentials = self.credentials(registry, path, settings).await?;
        let options = self.options(settings);
        Ok(Remote::new(repository, access, credentials, &options)?)
    }

    /// Returns the credentials for a repository: those of this call, otherwise a token in the environment, otherwise
    /// the configuration's, otherwise those that `login` stored.
    pub async fn credentials(
        &self,
        registry: &str,
        path: &str,
        settings: &RegistrySettings,
    ) -> Result<Credentials, Error> {
        if let Some(credentials) = &self.credentials {
            return Ok(credentials.clone());
        }
        if let Some(credentials) = credentials::find_in_environment(registry)? {
            return Ok(credentials);
        }
        if let Some(UserPassword { username, password }) = &settings.credentials {
            return Ok(Credentials::Basic {
                username: username.clone(),
                password: password.clone(),
            });
        }
        // Finding credentials may run a credential helper, which blocks.
        let (registry, path) = (registry.to_owned(), path.to_owned());
        Ok(blocking(move || credentials::find(&registry, &path)).await?)
    }

    /// Returns the connection options for a registry.
    pub fn options(&self, settings: &RegistrySettings) -> Options {
        let mut options = self.options.clone();
        // The options of this call win.
        options.plain_http |= settings.plain_http && !options.tls;
        options.tls |= settings.tls && !options.plain_http;
        let certificates = &settings.ca_certificates;
        options.ca_certificates.extend_from_slice(certificates);
        options.cache = Some(Arc::clone(&self.session.cache));
        options
    }

    /// Reads the manifest and the config of the artifact that a reference names.
    pub async fn open(
        &self,
        reference: Reference,
        settings: &RegistrySettings,
    ) -> Result<LocatedArtifact, Error> {
        let artifact = self.read_artifact(reference, settings).await?;
        acceptance::accept(&Purpose::Reference, &artifact.facts())?;
        Ok(artifact)
    }

    pub(super) async fn read_artifact(
        &self,
        reference: Reference,
        settings: &RegistrySettings,
    ) -> Result<LocatedArtifact, Error> {
        let store = self.read(&reference.location, settings).await?;
        let opened = self
            .open_manifest(store.as_ref(), &reference.name())
            .await?;
        Ok(LocatedArtifact {
            store,
            reference,
            opened,
        })
    }

    pub(super) async fn open_manifest(
        &self,
        store: &dyn Store,
        name: &Name,
    ) -> Result<OpenArtifact, Error> {
        Ok(pull::open(store, name, &self.session).await?)
    }

    /// Fails if two registries would receive the credentials of this call.
    pub fn check_credentials(&self, a: &Location, b: &Location) -> Result<(), Error> {
        match (a, b) {
            (Location::Repository(a), Location::Repository(b))
                if self.credentials.is_some() && a.registry != b.registry =>
            {
                Err(Error::TwoRegistries)
            }
            _ => Ok(()),
        }
    }

    /// Records in the cache that a repository has blobs, so that a later push can mount them.
    pub fn remember(
        &self,
        reference: &Reference,
        blobs: impl IntoIterator<Item = Digest>,
    ) -> Result<(), store::Error> {
        if let Location::Repository(repository) = &reference.location {
            let repository = repository.to_string();
            for blob in blobs {
                self.session.cache.record_source(&blob, &repository)?;
            }
        }
        Ok(())
    }
}
