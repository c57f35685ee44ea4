//! The WIT of components and WIT packages. A WIT package has interfaces and worlds, and no code.

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
use super::text::{printable, unreadable};

/// The WIT of a component.
pub(crate) struct ComponentWit {
    /// The decoded WIT, or the reason why there is none.
    pub(crate) world: Result<World, world::Error>,
    /// The imports and exports in the component's own sections.
    pub(crate) names: Interfaces,
}

impl ComponentWit {
    async fn read(stub: Vec<u8>) -> Result<Self, Failure> {
        blocking(move || {
            let names = world::interfaces(&stub).map_err(malformed)?;
            let world = world::decode(&stub);
            Ok::<_, Failure>(Self { world, names })
        })
        .await
    }

    /// Returns the world, and warns about names that its text leaves out. Fails if there is no WIT.
    pub(crate) fn world(self) -> Result<World, Failure> {
        let world = self.world.map_err(malformed)?;
        if !world.left_out.is_empty() {
            let names = quoted(world.left_out.iter());
            eprintln!(
                "warning: the WIT leaves out {names}, because WIT has no core modules, components or values"
            );
        }
        Ok(world)
    }

    /// Returns the WIT if this is a WIT package. A file that cannot be decoded is not one.
    pub(crate) fn package(self) -> Option<World> {
        let world = self.world.ok()?;
        matches!(world.kind, world::WitKind::WitPackage { .. }).then_some(world)
    }
}

fn malformed(error: world::Error) -> Failure {
    Failure::new(Kind::Integrity, error)
}

/// Reads the stub of a file, which is the component without code and data. Memory does not grow with the file.
pub(crate) async fn stub(path: &Path) -> Result<Vec<u8>, Failure> {
    let path = path.to_owned();
    blocking(move || {
        let name = unreadable(&path);
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

/// Reads the WIT of a file.
pub(crate) async fn read(path: &Path) -> Result<ComponentWit, Failure> {
    ComponentWit::read(stub(path).await?).await
}

/// Returns the WIT of a file if it is a WIT package.
pub(crate) async fn of_file(
    path: &Path,
    component: &Component<File>,
) -> Result<Option<World>, Failure> {
    if !world::may_be_wit_package(&component.map) {
        return Ok(None);
    }
    match read(path).await {
        Ok(wit) => Ok(wit.package()),
        Err(failure) if failure.kind == Kind::Integrity => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Fetches the root of an artifact and reads its WIT.
pub(crate) async fn fetch(
    context: &Context,
    store: &Arc<dyn Store>,
    opened: &OpenArtifact,
) -> Result<(ComponentWit, PullSummary), Failure> {
    let fetched = pull::stub_of(store.as_ref(), opened, context.session()?);
    let (stub, pulled) = fetched.await?;
    Ok((ComponentWit::read(stub).await?, pulled))
}

/// The largest root, in stored bytes, that is fetched only to decide whether it is a WIT package.
const MAX_FETCHED_BYTES: u64 = 4 * 1024 * 1024;

/// Returns whether the root is small enough to be fetched without a flag.
pub(crate) fn is_small(opened: &OpenArtifact) -> bool {
    let root = opened.layers().next();
    root.is_some_and(|root| root.blob.size <= MAX_FETCHED_BYTES)
}

/// Describes in one line how the manifest's names differ from those of the component, if they do.
pub(crate) fn difference(list: &str, claimed: &[String], found: &[String]) -> Option<String> {
    if claimed == found {
        return None;
    }
    let only = |names: &[String], others: &[String]| {
        let (names, others) = (BTreeSet::from_iter(names), BTreeSet::from_iter(others));
        let only: Vec<&String> = names.difference(&others).copied().collect();
        (!only.is_empty()).then(|| quoted(only.into_iter()))
    };
    let added = only(claimed, found).map(|names| format!("the component has no {names}"));
    let hidden = only(found, claimed).map(|names| format!("the manifest has no {names}"));
    let difference = match (added, hidden) {
        (Some(added), Some(hidden)) => format!("{added}, {hidden}"),
        (Some(difference), None) | (None, Some(difference)) => difference,
        (None, None) => "the order differs".to_owned(),
    };
    Some(format!(
        "the {list} in the manifest are not those of the component: {difference}"
    ))
}

/// The number of names shown in a warning.
const MAX_NAMES: usize = 8;

/// Returns the first names for a warning.
fn quoted<'a>(mut names: impl Iterator<Item = &'a String>) -> String {
    let shown = names.by_ref().take(MAX_NAMES);
    let shown: Vec<String> = shown.map(|name| format!("`{}`", printable(name))).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
