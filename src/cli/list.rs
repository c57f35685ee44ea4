//! `wharf list`

use std::collections::BTreeMap;

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use wharf::artifact::{Form, form};
use wharf::error::Kind;
use wharf::package::{self, PackagePlace, Registry, Tags};
use wharf::reference::package::PackageName;
use wharf::reference::{Mistake, Name, redact};
use wharf::store::Store;

use super::failure::Failure;
use super::settings::Context;
use super::versions::{VersionRow, rows};
use super::{hints, output, text};

/// Show the packages of a registry or layout
///
/// A registry must have a catalog. zot, distribution and Harbor have one. GHCR and Docker Hub do not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf list
  wharf list demo
  wharf list demo:ca --registry localhost:5000
  wharf list --registry oci:store --json")]
pub(crate) struct List {
    /// Only packages whose names begin with PREFIX
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,
}

impl List {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        if prefix.contains('/') || Mistake::of(prefix).is_some() {
            let prefix = redact(prefix);
            let failure =
                Failure::usage(format!("`{prefix}` is not the beginning of a package name"));
            return Err(failure.hint(hints::LIST_REGISTRY));
        }
        let namespace = prefix.split(':').next();
        let registry = context.locator()?.registry_of_namespace(namespace).await?;
        let mut names = names(context, &registry).await?;
        names.retain(|name| name.to_string().starts_with(prefix));
        names.sort();
        names.dedup();
        let found: Vec<Vec<VersionRow>> = stream::iter(&names)
            .map(|name| readable_versions(context, &registry, name))
            .buffered(context.flags.concurrency.max(1))
            .try_collect()
            .await?;
        let packages: Vec<VersionRow> = found.into_iter().flatten().collect();
        if packages.is_empty() {
            eprintln!("no packages in {}", registry.place);
        }
        let report = BTreeMap::from([("packages", &packages)]);
        output::print(context, &report, || table(&packages))
    }
}

/// Returns the packages that the names of the registry's repositories stand for.
async fn names(context: &Context, registry: &Registry) -> Result<Vec<PackageName>, Failure> {
    let is_layout = matches!(registry.place, PackagePlace::Layout(_));
    let repositories = match registry.repositories(context.connector()?).await {
        Err(error) if error.kind() == Kind::NotFound && is_layout => Vec::new(),
        repositories => repositories?,
    };
    let package = |repository: &String| registry.place.package(repository);
    Ok(repositories.iter().filter_map(package).collect())
}

/// Returns the versions of a package. If the registry refuses access, warns and returns none.
async fn readable_versions(
    context: &Context,
    registry: &Registry,
    name: &PackageName,
) -> Result<Vec<VersionRow>, Failure> {
    match versions(context, registry, name).await {
        Err(failure) if failure.kind == Kind::Refused => {
            eprintln!("warning: skipping {name}: {}", failure.message());
            Ok(Vec::new())
        }
        found => found,
    }
}

/// Returns the versions of a package, or none if the repository holds something else.
async fn versions(
    context: &Context,
    registry: &Registry,
    name: &PackageName,
) -> Result<Vec<VersionRow>, Failure> {
    let store = registry.read(context.connector()?, name).await?;
    let tags = match package::tags(store.as_ref(), name).await {
        Ok(tags) => tags,
        Err(package::Error::Unknown { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    match is_wasm(store.as_ref(), &tags).await? {
        true => rows(context, store.as_ref(), name, &tags, false).await,
        false => Ok(Vec::new()),
    }
}

/// Returns whether the newest existing version is a component. Other images have version tags too.
async fn is_wasm(store: &dyn Store, tags: &Tags) -> Result<bool, Failure> {
    for tag in tags.versions.values().rev() {
        match store.manifest(&Name::Tag(tag.clone())).await {
            Ok(manifest) => {
                let form = form(&manifest.bytes);
                return Ok(matches!(form, Ok(Form::Split | Form::Flat)));
            }
            Err(error) if error.kind() == Kind::NotFound => eprintln!(
                "warning: the tag `{tag}` in {} names a missing manifest",
                store.location()
            ),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Returns the version that `get` would choose, or the newest if all are yanked.
fn newest(rows: &[VersionRow]) -> Option<&VersionRow> {
    let is_shown = |row: &&VersionRow| !row.yanked;
    let release = |row: &&VersionRow| is_shown(row) && row.version.pre.is_empty();
    let found = rows.iter().find(release);
    found
        .or_else(|| rows.iter().find(is_shown))
        .or(rows.first())
}

fn table(packages: &[VersionRow]) -> String {
    let mut out: Vec<Vec<String>> = Vec::new();
    for rows in packages.chunk_by(|a, b| a.name == b.name) {
        let Some(newest) = newest(rows) else { continue };
        let state = if newest.yanked { "yanked" } else { "" };
        out.push(vec![
            newest.name.to_string(),
            newest.version.to_string(),
            text::count(rows.len() as u64, "version"),
            state.to_owned(),
        ]);
    }
    text::words(out)
}
