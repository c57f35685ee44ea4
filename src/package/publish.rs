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
use super::compat::{Uncompared, compare};
use super::connect::facts;
use super::publication::{Publication, Target};
use super::versions::Tags;
use super::yank::{is_yanked, yank};
use crate::acceptance::{self, Facts, Incoming, Purpose};
use crate::component::Component;
use crate::copy;
use crate::digest::{Digest, Identity};
use crate::pull;
use crate::push::{self, Options, Pushed};
use crate::reference::Name;
use crate::reference::package::{PackageName, version_tag};
use crate::source::Source;
use crate::store::{self, Store, WritableStore};

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
    /// What the tag named before.
    pub before: State,
}

impl Publication {
    /// Returns the version's tag.
    pub fn tag(&self) -> Result<String, Error> {
        version_tag(&self.version).ok_or_else(|| Error::LongVersion {
            version: self.version.clone(),
        })
    }
}

/// A publication that was accepted.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What the version's tag names.
    pub state: State,
    /// The versions that could not be compared.
    pub uncompared: Vec<Uncompared>,
}

impl State {
    /// Asks the gate whether a version may be written.
    fn accept(
        self,
        target: &Target<'_>,
        publication: &Publication,
        content: Identity,
        is_forced: bool,
    ) -> Result<(), Error> {
        let purpose = Purpose::Write {
            package: &publication.package,
            version: &publication.version,
            incoming: Incoming::Component(content.digest),
            is_forced,
        };
        let facts = Facts {
            location: target.store.location(),
            existing: match self {
                Self::Free => None,
                Self::Same(_) => Some(content.digest),
                Self::Other(existing) => Some(existing),
            },
            ..Facts::default()
        };
        Ok(acceptance::accept(&purpose, &facts)?)
    }
}

/// Makes sure that a component may be published as a version: the repository is the package's, the version does not
/// exist with other bytes (unless `is_forced`), and, if `compares`, the component may replace the nearest older version
/// that semver calls compatible, and the nearest newer one may replace it.
pub async fn prepare<S: Source + Send + 'static>(
    component: &Arc<Component<S>>,
    target: &Target<'_>,
    publication: &Publication,
    is_forced: bool,
    compares: bool,
) -> Result<Prepared, Error> {
    let content = component.config.content;
    let state = state(target, publication, &publication.tag()?, content).await?;
    let tags = match state {
        State::Free => Some(owned_tags(target, &publication.package).await?),
        _ => None,
    };
    state.accept(target, publication, content, is_forced)?;
    let is_written = state == State::Free || is_forced;
    let uncompared = match is_written && compares {
        true => compare(component, target, publication, tags).await?,
        false => Vec::new(),
    };
    Ok(Prepared { state, uncompared })
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

/// Fails if an artifact says that it is of another package.
fn owned(store: &dyn Store, package: &PackageName, opened: &pull::Opened) -> Result<(), Error> {
    let facts = facts(store, opened);
    Ok(acceptance::accept(&Purpose::Change { package }, &facts)?)
}

/// Publishes a component as a version of a package, given what [`prepare`] found. The same bytes again do nothing;
/// other bytes are refused, unless `is_forced`. `store` is the target's store, opened for writing.
pub async fn publish<S: Source + Send + 'static>(
    component: Arc<Component<S>>,
    store: &dyn WritableStore,
    target: &Target<'_>,
    publication: &Publication,
    options: &Options,
    before: State,
    is_forced: bool,
) -> Result<Published, Error> {
    let session = target.session;
    let tag = publication.tag()?;
    let content = component.config.content;
    before.accept(target, publication, content, is_forced)?;
    if let (State::Same(digest), false) = (before, is_forced) {
        return Ok(Published {
            pushed: None,
            digest,
            before,
        });
    }
    let pushed = push::push(component, store, None, session, options).await?;
    let written = Name::Digest(pushed.digest);
    let manifest = store.manifest(&written).await?;
    // The uploads may have taken minutes.
    let begun = Instant::now();
    let now = state(target, publication, &tag, content).await?;
    now.accept(target, publication, content, is_forced)?;
    match now {
        // The same bytes in another form are as yanked as they were.
        State::Same(there) if there != pushed.digest && is_yanked(store, &there).await? => {
            yank(store, &pushed.digest, true, &session.cache).await?;
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
