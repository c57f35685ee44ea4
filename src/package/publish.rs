//! Publishing: a version is written once.
//!
//! No registry compares and swaps. So everything but the tag is sent first, the tag is looked at, written,
//! and read again after a while: who comes second, or loses a race, is told. Somebody who looked before we
//! wrote writes soon after us, within about the time that our own look and write took; so that is how long
//! we wait, twice over. Whoever takes longer still goes unnoticed: a client cannot exclude that, but
//! registries have settings for tags that never move.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::Error;
use super::versions::Tags;
use super::yank::{is_yanked, yank};
use crate::component::Component;
use crate::copy;
use crate::digest::{Digest, Identity};
use crate::manifest::annotation;
use crate::pull;
use crate::push::{self, Options, Pushed};
use crate::reference::Name;
use crate::reference::package::{PackageName, Version, version_tag};
use crate::source::Source;
use crate::store::{self, Session, Store};

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The package.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
}

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

/// What was found before publishing.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What the version's tag names.
    pub state: State,
    /// The repository's tags, where there was need to read them.
    pub(super) tags: Option<Tags>,
}

/// Where a version is published.
pub struct Target<'a> {
    /// The package's repository.
    pub store: &'a dyn Store,
    /// The session.
    pub session: &'a Session,
}

/// What became of a publication.
#[derive(Debug, Clone)]
pub struct Published {
    /// What was pushed; nothing if the same bytes were there.
    pub pushed: Option<Pushed>,
    /// The manifest that the tag names.
    pub digest: Digest,
    /// What the tag named before.
    pub before: State,
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.package, self.version)
    }
}

impl Publication {
    /// Returns the version's tag.
    pub fn tag(&self) -> Result<String, Error> {
        version_tag(&self.version).ok_or_else(|| Error::LongVersion {
            version: self.version.clone(),
        })
    }

    fn immutable(&self, store: &dyn Store, existing: Digest) -> Error {
        Error::Immutable {
            publication: Box::new(self.clone()),
            location: store.location(),
            existing,
        }
    }
}

/// Looks at what a version's tag names, and that the repository is this package's.
pub async fn look(
    target: &Target<'_>,
    publication: &Publication,
    content: Identity,
) -> Result<Looked, Error> {
    let tag = publication.tag()?;
    let state = state(target, publication, &tag, content).await?;
    let tags = match state {
        State::Free => Some(owned_tags(target, &publication.package).await?),
        _ => None,
    };
    Ok(Looked { state, tags })
}

/// Looks at what the tag of a version names; fails if that is a version of another package.
async fn state(
    target: &Target<'_>,
    publication: &Publication,
    tag: &str,
    content: Identity,
) -> Result<State, Error> {
    let name = Name::Tag(tag.to_owned());
    match pull::open(target.store, &name, target.session).await {
        Ok(opened) => {
            owned(target.store, &publication.package, &opened)?;
            Ok(match opened.content() == content {
                true => State::Same(opened.digest),
                false => State::Other(opened.content().digest),
            })
        }
        Err(crate::error::Error::Store(store::Error::NotFound { .. })) => Ok(State::Free),
        // Whatever it is, it is not this component.
        Err(crate::error::Error::Foreign { .. } | crate::error::Error::Artifact { .. }) => {
            Ok(State::Other(target.store.manifest(&name).await?.digest))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads the tags, and makes sure that the newest version says it is of this package, if it says of which it is.
async fn owned_tags(target: &Target<'_>, package: &PackageName) -> Result<Tags, Error> {
    let tags = match target.store.tags().await {
        Ok(tags) => Tags::read(tags),
        Err(store::Error::NotFound { .. }) => return Ok(Tags::default()),
        Err(error) => return Err(error.into()),
    };
    if let Some((_, newest)) = tags.versions.last_key_value() {
        check_owner(target, package, &Name::Tag(newest.clone())).await?;
    }
    Ok(tags)
}

/// Makes sure that a version says it is of this package, if it says of which it is.
pub async fn check_owner(
    target: &Target<'_>,
    package: &PackageName,
    version: &Name,
) -> Result<(), Error> {
    match pull::open(target.store, version, target.session).await {
        Ok(opened) => owned(target.store, package, &opened),
        // What is no component is of no package.
        Err(
            crate::error::Error::Foreign { .. }
            | crate::error::Error::Artifact { .. }
            | crate::error::Error::Store(store::Error::NotFound { .. }),
        ) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Fails if an artifact says that it is of another package: two packages came to share a repository.
pub fn owned(store: &dyn Store, package: &PackageName, opened: &pull::Opened) -> Result<(), Error> {
    match opened.annotations().get(annotation::PACKAGE) {
        Some(existing) if *existing != package.to_string() => Err(Error::OtherPackage {
            package: package.clone(),
            location: store.location(),
            existing: existing.chars().filter(|char| !char.is_control()).collect(),
        }),
        _ => Ok(()),
    }
}

/// Publishes a component as a version of a package, given what [`look`] found. The same bytes again do nothing;
/// other bytes are refused, unless `force` is set.
pub async fn publish<S: Source + Send + 'static>(
    component: Arc<Component<S>>,
    target: &Target<'_>,
    publication: &Publication,
    options: &Options,
    before: State,
    force: bool,
) -> Result<Published, Error> {
    let Target { store, session } = target;
    let tag = publication.tag()?;
    let content = component.config.content;
    if !force {
        match before {
            State::Free => {}
            State::Same(digest) => {
                return Ok(Published {
                    pushed: None,
                    digest,
                    before,
                });
            }
            State::Other(existing) => return Err(publication.immutable(*store, existing)),
        }
    }
    let pushed = push::push(component, *store, None, session, options).await?;
    let written = Name::Digest(pushed.digest);
    let manifest = store.manifest(&written).await?;
    // The uploads may have taken minutes.
    let begun = Instant::now();
    match state(target, publication, &tag, content).await? {
        State::Other(existing) if !force => return Err(publication.immutable(*store, existing)),
        // The same bytes in another form are as yanked as they were.
        State::Same(there) if there != pushed.digest && is_yanked(*store, &there).await? => {
            yank(*store, &pushed.digest, true, &session.cache).await?;
        }
        _ => {}
    }
    store.push_manifest(&manifest, Some(&tag)).await?;
    copy::settle(begun).await;
    match state(target, publication, &tag, content).await? {
        State::Same(digest) => Ok(Published {
            pushed: Some(pushed),
            digest,
            before,
        }),
        State::Other(existing) => Err(Error::LostRace {
            publication: Box::new(publication.clone()),
            location: store.location(),
            existing,
        }),
        State::Free => Err(store::Error::NotFound {
            what: format!("the tag `{tag}` that was just written"),
            location: store.location(),
        }
        .into()),
    }
}
