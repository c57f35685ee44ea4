//! WIT: of components, and of WIT packages, which hold interfaces and worlds and nothing that runs.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use wharf::component::Component;
use wharf::error::Error;
use wharf::error::Kind;
use wharf::pull::{self, OpenArtifact, PullSummary};
use wharf::store::Store;
use wharf::stub;
use wharf::world::{self, Interfaces, World};

use super::failure::{Failure, blocking};
use super::settings::Context;
use super::text::printable;

/// What a component says in WIT.
pub(crate) struct Said {
    /// The text, or why there is none.
    pub(crate) world: Result<World, world::Error>,
    /// What it imports and exports by its own sections.
    pub(crate) names: Interfaces,
}

impl Said {
    async fn read(stub: Vec<u8>) -> Result<Self, Failure> {
        blocking(move || {
            let names = world::interfaces(&stub).map_err(malformed)?;
            let world = world::decode(&stub);
            Ok::<_, Failure>(Self { world, names })
        })
        .await
    }

    /// Returns the world, which must be there, and warns of what its text leaves out.
    pub(crate) fn world(self) -> Result<World, Failure> {
        let world = self.world.map_err(malformed)?;
        if !world.left_out.is_empty() {
            let names = quoted(world.left_out.iter());
            eprintln!(
                "warning: the WIT leaves out {names}: it cannot express core modules, components and values"
            );
        }
        Ok(world)
    }

    /// Returns the text if it is that of a WIT package. What cannot be decoded is a component like others.
    pub(crate) fn package(self) -> Option<World> {
        let world = self.world.ok()?;
        matches!(world.kind, world::WitKind::WitPackage { .. }).then_some(world)
    }
}

fn malformed(error: world::Error) -> Failure {
    Failure::new(Kind::Integrity, error)
}

/// Reads what a file is without code and data; of a file of any size only what that takes.
pub(crate) async fn stub(path: &Path) -> Result<Vec<u8>, Failure> {
    let path = path.to_owned();
    blocking(move || {
        let name = path.display().to_string();
        let file = File::open(&path).with_context(|| name.clone())?;
        stub::of_source(&file).map_err(|error| {
            let error = match error {
                stub::Error::Header => Failure::new(Kind::Integrity, error),
                error => Error::from(error).into(),
            };
            error.context(name)
        })
    })
    .await
}

/// Reads what a file says in WIT.
pub(crate) async fn read(path: &Path) -> Result<Said, Failure> {
    Said::read(stub(path).await?).await
}

/// Decodes a file that may be a WIT package; nothing where it is none.
pub(crate) async fn of_file(
    path: &Path,
    component: &Component<File>,
) -> Result<Option<World>, Failure> {
    if !world::may_be_wit_package(&component.map) {
        return Ok(None);
    }
    match read(path).await {
        Ok(said) => Ok(said.package()),
        Err(failure) if failure.kind == Kind::Integrity => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Fetches what an artifact's WIT is read from, its root, and reads it.
pub(crate) async fn fetch(
    context: &Context,
    store: &Arc<dyn Store>,
    opened: &OpenArtifact,
) -> Result<(Said, PullSummary), Failure> {
    let fetched = pull::stub_of(store.as_ref(), opened, context.session()?);
    let (stub, pulled) = fetched.await?;
    Ok((Said::read(stub).await?, pulled))
}

/// The largest root that is fetched only to see whether it is that of a WIT package, in bytes as stored.
const MAX_FETCHED_BYTES: u64 = 4 * 1024 * 1024;

/// Returns whether so little has to be fetched that it is without being asked for.
pub(crate) fn is_small(opened: &OpenArtifact) -> bool {
    let root = opened.layers().next();
    root.is_some_and(|root| root.blob.size <= MAX_FETCHED_BYTES)
}

/// Says in a line how names differ from those of the component, if they do.
pub(crate) fn difference(what: &str, claimed: &[String], found: &[String]) -> Option<String> {
    if claimed == found {
        return None;
    }
    let only = |names: &[String], others: &[String]| {
        let (names, others) = (BTreeSet::from_iter(names), BTreeSet::from_iter(others));
        let only: Vec<&String> = names.difference(&others).copied().collect();
        (!only.is_empty()).then(|| quoted(only.into_iter()))
    };
    let added = only(claimed, found).map(|names| format!("it has no {names}"));
    let hidden = only(found, claimed).map(|names| format!("it has {names} besides"));
    let said = match (added, hidden) {
        (Some(added), Some(hidden)) => format!("{added}, {hidden}"),
        (Some(said), None) | (None, Some(said)) => said,
        (None, None) => "it has them in another order".to_owned(),
    };
    Some(format!(
        "the manifest does not say what the component {what}: {said}"
    ))
}

/// So many names are shown in a warning.
const MAX_NAMES: usize = 8;

/// Lists names in a warning.
fn quoted<'a>(mut names: impl Iterator<Item = &'a String>) -> String {
    let shown = names.by_ref().take(MAX_NAMES);
    let shown: Vec<String> = shown.map(|name| format!("`{}`", printable(name))).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
