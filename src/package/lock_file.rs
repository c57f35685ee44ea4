//! The lock file on disk, and the search for the versions that it pins.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::connect::LocatedVersion;
use super::error::{Error, LockFileError};
use super::locate::Locator;
use super::lock::{Lock, LockEntry};
use super::publication::Publication;
use super::{RegistrySettings, is_yanked};
use crate::acceptance::{self, Purpose};
use crate::error::Kind;
use crate::reference::package::{PackageSpec, version_tag};
use crate::reference::{Location, Reference};
use crate::store::spool;

/// A lock file, which may not exist.
#[derive(Debug, Clone)]
pub struct LockFile {
    /// The path of the file.
    pub path: PathBuf,
}

impl LockFile {
    /// Reads the file, if it exists.
    pub fn read(&self) -> Result<Option<Lock>, LockFileError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                let lock = Lock::read(&text);
                lock.map(Some).map_err(|error| self.malformed(&error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(self.malformed(&"it is not UTF-8 text"))
            }
            Err(source) => Err(LockFileError::Unreadable {
                path: self.path.clone(),
                source,
            }),
        }
    }

    /// Reads the file, which must exist.
    pub fn read_existing(&self) -> Result<Lock, LockFileError> {
        self.read()?.ok_or_else(|| LockFileError::Missing {
            path: self.path.clone(),
        })
    }

    /// Fails if the file could not be written.
    pub fn check_writable(&self) -> Result<(), LockFileError> {
        let file = spool::through_links(&self.path);
        let writable = file.and_then(|file| spool::check_writable(&file));
        writable.map_err(|error| self.unwritable(error))
    }

    /// Adds an entry. Another process may write to the file at the same time. Blocks.
    pub fn record(&self, entry: LockEntry) -> Result<(), LockFileError> {
        let unwritable = |error| self.unwritable(error);
        let file = spool::through_links(&self.path).map_err(unwritable)?;
        let _alone = spool::lock(spool::parent(&file));
        let mut lock = self.read()?.unwrap_or_default();
        if lock.set(entry) {
            let text = lock.to_text().map_err(|error| self.malformed(&error))?;
            spool::write(&file, text.as_bytes()).map_err(unwritable)?;
        }
        Ok(())
    }

    fn malformed(&self, reason: &dyn ToString) -> LockFileError {
        LockFileError::Malformed {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }

    fn unwritable(&self, source: io::Error) -> LockFileError {
        LockFileError::Unwritable {
            path: self.path.clone(),
            source,
        }
    }
}

impl Locator<'_> {
    /// Finds and opens the version that a lock file pins: in the registry of the package, or in that of the entry.
    pub async fn find_locked(
        &self,
        spec: &PackageSpec,
        file: &LockFile,
        lock: &Lock,
    ) -> Result<LocatedVersion, Error> {
        let is_configured = self.is_configured(&spec.name)?;
        let registry = match is_configured {
            // A user without a layout can still read a version that is locked elsewhere.
            false => self.local().ok(),
            true => Some(self.registry(&spec.name).await?),
        };
        let home = match registry {
            Some(registry) => Some((registry.repository(&spec.name)?, registry.settings)),
            None => None,
        };
        let here = home.as_ref().map(|(location, _)| location.to_string());
        let path = || file.path.clone();
        let entry = lock.find(spec, &here.unwrap_or_default());
        let entry = entry.ok_or_else(|| LockFileError::NoEntry {
            path: path(),
            spec: Box::new(spec.clone()),
        })?;
        let (location, settings) = match home.filter(|_| is_configured) {
            Some(home) => home,
            None => self.entry_location(file, entry)?,
        };
        let reference = Reference {
            location,
            tag: version_tag(&entry.version),
            digest: Some(entry.manifest),
        };
        let artifact = self.connector.read_artifact(reference, &settings).await;
        let artifact = artifact.map_err(|error| match error.kind() {
            Kind::NotFound if !self.connector.offline => LockFileError::Elsewhere {
                path: path(),
                registry: entry.registry.clone(),
                error: Box::new(error),
            }
            .into(),
            _ => error,
        })?;
        let purpose = Purpose::Locked {
            package: &spec.name,
            version: &entry.version,
            content: entry.content,
            split: entry.split,
        };
        acceptance::accept(&purpose, &artifact.facts())?;
        Ok(LocatedVersion {
            is_yanked: is_yanked(artifact.store.as_ref(), &entry.manifest).await?,
            artifact,
            version: Publication {
                package: spec.name.clone(),
                version: entry.version.clone(),
            },
        })
    }

    /// Returns the repository that an entry names. The entry is not trusted, so that registry receives only credentials
    /// that are stored for it.
    fn entry_location(
        &self,
        file: &LockFile,
        entry: &LockEntry,
    ) -> Result<(Location, RegistrySettings), Error> {
        let location = entry.location();
        let location = location.map_err(|error| file.malformed(&error))?;
        let Location::Repository(repository) = &location else {
            return Ok((location, RegistrySettings::default()));
        };
        let registry = &repository.registry;
        if self.connector.credentials.is_some() && !self.connector.offline {
            return Err(LockFileError::UnnamedRegistry {
                path: file.path.clone(),
                registry: registry.clone(),
            }
            .into());
        }
        let settings = self.configuration.settings(registry)?;
        Ok((location, settings))
    }
}
