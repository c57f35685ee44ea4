//! Publishing: a version is written once.
//!
//! No registry compares and swaps. So everything but the tag is sent first, the tag is looked at, written,
//! and read again after a while: who comes second, or loses a race, is told. Somebody who looked before we
//! wrote writes soon after us, within about the time that our own look and write took; so that is how long
//! we wait, twice over. Whoever takes longer still goes unnoticed: a client cannot exclude that, but
//! registries have settings for tags that never move.

use std::sync::Arc;
use std::time::Instant;

use super::Error;
use super::compat::Uncompared;
use super::connect::open_component;
use super::publication::{Publication, Publishing};
use super::versions::Tags;
use super::yank::{is_yanked, yank};
use crate::acceptance::{self, Facts, Incoming, Purpose};
use crate::artifact;
use crate::component::Component;
use crate::copy;
use crate::digest::Digest;
use crate::pull::{self, Opened};
use crate::push::{self, Options, Pushed};
use crate::reference::Name;
use crate::reference::package::{PackageName, version_tag};
use crate::source::Source;
use crate::store::{self, Session, Store, Subject, WritableStore};

/// What a version's tag names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing yet.
    Free,
    /// The same bytes, in this manifest.
    Same(Digest),
    /// Something else: the content digest, or the manifest's where it is no component.
    Other(Digest),
}

/// What became of a publication.
#[derive(Debug, Clone)]
pub struct Published {
    /// What was pushed; nothing if the same bytes were there.
    pub pushed: Option<Pushed>,
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

/// Fails if the headers of a component do not lead to its end: nobody could repair that version. `file` names it.
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

/// Makes sure that a version says it is of this package, if it says of which it is.
pub async fn check_owner(
    store: &dyn Store,
    session: &Session,
    package: &PackageName,
    version: &Name,
) -> Result<(), Error> {
    match open_component(store, session, version).await? {
        Some(opened) => owned(store, package, &opened),
        // What is no component is of no package.
        None => Ok(()),
    }
}

/// Fails if an artifact says that it is of another package.
fn owned(store: &dyn Store, package: &PackageName, opened: &Opened) -> Result<(), Error> {
    let purpose = Purpose::Change { package };
    Ok(acceptance::accept(&purpose, &opened.facts(store))?)
}

impl<S: Source + Send + 'static> Publishing<'_, S> {
    /// Makes sure that a component may be published as a version: the repository is the package's, the version does not
    /// exist with other bytes (unless it may be replaced), and, if `compares`, the component may replace the nearest
    /// older version that semver calls compatible, and the nearest newer one may replace it.
    ///
    /// Returns what the version's tag names, and the versions that could not be compared.
    pub async fn prepare(&self, compares: bool) -> Result<(State, Vec<Uncompared>), Error> {
        let state = self.state().await?;
        let tags = match state {
            State::Free => Some(self.owned_tags().await?),
            _ => None,
        };
        self.accept(state)?;
        let is_written = state == State::Free || self.is_forced;
        let uncompared = match is_written && compares {
            true => self.compare(tags).await?,
            false => Vec::new(),
        };
        Ok((state, uncompared))
    }

    /// Asks the gate whether the version may be written.
    fn accept(&self, state: State) -> Result<(), Error> {
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
                State::Free => None,
                State::Same(_) => Some(content),
                State::Other(existing) => Some(existing),
            },
            ..Facts::default()
        };
        Ok(acceptance::accept(&purpose, &facts)?)
    }

    /// Looks at what the tag of the version names; fails if that is a version of another package.
    async fn state(&self) -> Result<State, Error> {
        let name = Name::Tag(self.publication.tag()?);
        match pull::open(self.store, &name, self.session).await {
            Ok(opened) => {
                owned(self.store, &self.publication.package, &opened)?;
                Ok(match opened.content() == self.component.config.content {
                    true => State::Same(opened.digest),
                    false => State::Other(opened.content().digest),
                })
            }
            Err(crate::error::Error::Store(store::Error::NotFound { .. })) => Ok(State::Free),
            Err(crate::error::Error::Foreign { what, .. }) if !self.is_forced => {
                let Publication { package, version } = self.publication;
                let (location, what) = (self.store.location(), what.to_string());
                Err(acceptance::foreign(package, version, location, what).into())
            }
            // An artifact that cannot be opened is never this component. What is no manifest is no version.
            Err(
                error
                @ (crate::error::Error::Foreign { .. } | crate::error::Error::Artifact { .. }),
            ) => {
                let manifest = self.store.manifest(&name).await?;
                match artifact::form(&manifest.bytes) {
                    Err(_) if !self.is_forced => Err(error.into()),
                    _ => Ok(State::Other(manifest.digest)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the tags, and makes sure that the newest version says it is of this package, if it says of which it is.
    async fn owned_tags(&self) -> Result<Tags, Error> {
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

    /// Publishes the component, given what [`Publishing::prepare`] found. The same bytes again do nothing, unless the
    /// version may be replaced. `store` is the package's repository, opened for writing.
    pub async fn publish(
        &self,
        store: &dyn WritableStore,
        options: &Options,
        before: State,
    ) -> Result<Published, Error> {
        let session = self.session;
        let tag = self.publication.tag()?;
        self.accept(before)?;
        if let (State::Same(digest), false) = (before, self.is_forced) {
            return Ok(Published {
                pushed: None,
                digest,
            });
        }
        let component = Arc::clone(self.component);
        let pushed = push::push(component, store, None, session, options).await?;
        let written = Name::Digest(pushed.digest);
        let manifest = store.manifest(&written).await?;
        // The uploads may have taken minutes.
        let begun = Instant::now();
        let now = self.state().await?;
        self.accept(now)?;
        match now {
            // The same bytes in another form are as yanked as they were.
            State::Same(there) if there != pushed.digest && is_yanked(store, &there).await? => {
                yank(store, &pushed.digest, true, &session.cache).await?;
            }
            _ => {}
        }
        store.push_manifest(&manifest, Some(&tag)).await?;
        copy::settle(begun).await;
        match self.state().await? {
            State::Same(digest) => Ok(Published {
                pushed: Some(pushed),
                digest,
            }),
            State::Other(existing) => Err(Error::LostRace {
                publication: Box::new(self.publication.clone()),
                location: store.location(),
                existing,
            }),
            State::Free => {
                let what = format!("the tag `{tag}` that was just written");
                Err(store::Error::not_found(store, Subject::Other(what)).into())
            }
        }
    }
}
