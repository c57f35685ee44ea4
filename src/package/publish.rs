//! Publishes a version. A version is written only once.
//!
//! Registries have no compare-and-swap. So everything but the tag is pushed first. Then the tag is read, written, and
//! read again after a wait, to report a tag that existed or a lost race. Another client that read the tag before our
//! write will write soon after it, within about the time that our own read and write took. We wait twice that time. A
//! slower client goes unnoticed, and no client can exclude that. Registries can prevent it with settings for immutable
//! tags.

use std::sync::Arc;
use std::time::Instant;

use super::Error;
use super::compat::UncomparedVersion;
use super::connect::open_component;
use super::publication::{Publication, Publisher};
use super::versions::Tags;
use super::yank::{is_yanked, yank};
use crate::acceptance::{self, Facts, Incoming, Purpose};
use crate::artifact;
use crate::component::Component;
use crate::copy;
use crate::digest::Digest;
use crate::pull::{self, OpenArtifact};
use crate::push::{self, PushOptions, PushSummary};
use crate::reference::Name;
use crate::reference::package::{PackageName, version_tag};
use crate::source::Source;
use crate::store::{self, Session, Store, Subject, WritableStore};

/// The manifest of a version's tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionState {
    /// The tag does not exist.
    Free,
    /// The same bytes, in this manifest.
    Same(Digest),
    /// Other bytes: the content digest, or the manifest's if it is not a component.
    Other(Digest),
}

/// The result of publishing.
#[derive(Debug, Clone)]
pub struct PublishSummary {
    /// The pushed artifact; nothing if the same bytes existed.
    pub pushed: Option<PushSummary>,
    /// The manifest that the tag names.
    pub digest: Digest,
}

impl Publication {
    /// Returns the version's tag.
    pub fn tag(&self) -> Result<String, Error> {
        version_tag(&self.version).ok_or_else(|| Error::LongVersion {
            version: self.version.clone(),
        })
    }
}

/// Fails if the sections of a component do not reach its end, because nobody could repair that version. `file` is its
/// name.
pub fn check_whole<S>(component: &Component<S>, file: &str) -> Result<(), Error> {
    match &component.map.damage {
        None => Ok(()),
        Some(damage) => Err(Error::Damaged {
            file: file.to_owned(),
            offset: damage.offset,
            reason: damage.reason.to_string(),
        }),
    }
}

/// Fails if a version names another package. A version that names none passes.
pub async fn check_owner(
    store: &dyn Store,
    session: &Session,
    package: &PackageName,
    version: &Name,
) -> Result<(), Error> {
    match open_component(store, session, version).await? {
        Some(opened) => check_package(store, package, &opened),
        // A manifest that is not a component belongs to no package.
        None => Ok(()),
    }
}

/// Fails if an artifact names another package.
fn check_package(
    store: &dyn Store,
    package: &PackageName,
    opened: &OpenArtifact,
) -> Result<(), Error> {
    let purpose = Purpose::Change { package };
    Ok(acceptance::accept(&purpose, &opened.facts(store))?)
}

impl<S: Source + Send + 'static> Publisher<'_, S> {
    /// Checks that a component may be published as a version. The repository must be the package's. The version must
    /// not exist with other bytes, unless it may be replaced. If `compares`, the nearest compatible neighbours are
    /// compared: the component may replace the older one, and the newer one may replace the component.
    ///
    /// Returns the state of the version's tag, and the versions that could not be compared.
    pub async fn prepare(
        &self,
        compares: bool,
    ) -> Result<(VersionState, Vec<UncomparedVersion>), Error> {
        let state = self.state().await?;
        let tags = match state {
            VersionState::Free => Some(self.read_own_tags().await?),
            _ => None,
        };
        self.accept(state)?;
        let is_written = state == VersionState::Free || self.is_forced;
        let uncompared = match is_written && compares {
            true => self.compare(tags).await?,
            false => Vec::new(),
        };
        Ok((state, uncompared))
    }

    /// Asks the acceptance gate whether the version may be written.
    fn accept(&self, state: VersionState) -> Result<(), Error> {
        let content = self.component.config.content.digest;
        let purpose = Purpose::Write {
            package: &self.publication.package,
            version: &self.publication.version,
            incoming: Incoming::Component(content),
            is_forced: self.is_forced,
        };
        let facts = Facts {
            location: self.store.location(),
            existing: match state {
                VersionState::Free => None,
                VersionState::Same(_) => Some(content),
                VersionState::Other(existing) => Some(existing),
            },
            ..Facts::default()
        };
        Ok(acceptance::accept(&purpose, &facts)?)
    }

    /// Reads the state of the version's tag. Fails if the tag is a version of another package.
    async fn state(&self) -> Result<VersionState, Error> {
        let name = Name::Tag(self.publication.tag()?);
        match pull::open(self.store, &name, self.session).await {
            Ok(opened) => {
                check_package(self.store, &self.publication.package, &opened)?;
                Ok(match opened.content() == self.component.config.content {
                    true => VersionState::Same(opened.digest),
                    false => VersionState::Other(opened.content().digest),
                })
            }
            Err(crate::error::Error::Store(store::Error::NotFound { .. })) => {
                Ok(VersionState::Free)
            }
            Err(crate::error::Error::Foreign { what, .. }) if !self.is_forced => {
                let Publication { package, version } = self.publication;
                let (location, what) = (self.store.location(), what.to_string());
                Err(acceptance::foreign(package, version, location, what).into())
            }
            // An artifact that cannot be opened is never this component. Bytes that are not a manifest are not a version.
            Err(
                error
                @ (crate::error::Error::Foreign { .. } | crate::error::Error::Artifact { .. }),
            ) => {
                let manifest = self.store.manifest(&name).await?;
                match artifact::form(&manifest.bytes) {
                    Err(_) if !self.is_forced => Err(error.into()),
                    _ => Ok(VersionState::Other(manifest.digest)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the tags. Fails if the newest version names another package.
    async fn read_own_tags(&self) -> Result<Tags, Error> {
        let tags = match self.store.tags().await {
            Ok(tags) => Tags::read(tags),
            Err(store::Error::NotFound { .. }) => return Ok(Tags::default()),
            Err(error) => return Err(error.into()),
        };
        if let Some((_, newest)) = tags.versions.last_key_value() {
            let newest = Name::Tag(newest.clone());
            check_owner(self.store, self.session, &self.publication.package, &newest).await?;
        }
        Ok(tags)
    }

    /// Publishes the component, with the state from [`Publisher::prepare`]. If the same bytes exist, nothing is
    /// written, unless the version may be replaced. `store` is the package's repository, opened for writing.
    pub async fn publish(
        &self,
        store: &dyn WritableStore,
        options: &PushOptions,
        before: VersionState,
    ) -> Result<PublishSummary, Error> {
        let session = self.session;
        let tag = self.publication.tag()?;
        self.accept(before)?;
        if let (VersionState::Same(digest), false) = (before, self.is_forced) {
            return Ok(PublishSummary {
                pushed: None,
                digest,
            });
        }
        let component = Arc::clone(self.component);
        let pushed = push::push(component, store, None, session, options).await?;
        let written = Name::Digest(pushed.digest);
        let manifest = store.manifest(&written).await?;
        // Read the tag again, because the uploads may have taken minutes.
        let begun = Instant::now();
        let now = self.state().await?;
        self.accept(now)?;
        match now {
            // If the version was yanked, the new form of the same bytes stays yanked.
            VersionState::Same(there)
                if there != pushed.digest && is_yanked(store, &there).await? =>
            {
                yank(store, &pushed.digest, true, &session.cache).await?;
            }
            _ => {}
        }
        store.push_manifest(&manifest, Some(&tag)).await?;
        copy::wait_for_writers(begun).await;
        match self.state().await? {
            VersionState::Same(digest) => Ok(PublishSummary {
                pushed: Some(pushed),
                digest,
            }),
            VersionState::Other(existing) => Err(Error::LostRace {
                publication: Box::new(self.publication.clone()),
                location: store.location(),
                existing,
            }),
            VersionState::Free => {
                let what = format!("the tag `{tag}` that was just written");
                Err(store::Error::not_found(store, Subject::Other(what)).into())
            }
        }
    }
}
