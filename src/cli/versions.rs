//! `wharf versions`

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::package::{self, Tags};
use wharf::reference::Name;
use wharf::reference::package::{PackageName, Version};
use wharf::store::Store;

use super::failure::Failure;
use super::settings::Context;
use super::{arguments, output, text};

/// Show the versions of a package, newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf versions demo:calc
  wharf versions wasi:http --json | jq -r '.packages[0].version'")]
pub(crate) struct Versions {
    /// The package: NAMESPACE:NAME
    package: String,
}

/// A version in the reports of `versions` and `list`.
#[derive(Debug, Serialize)]
pub(crate) struct VersionRow {
    pub(crate) name: PackageName,
    pub(crate) version: Version,
    pub(crate) tag: String,
    /// The manifest that the tag names. `None` if it was not looked up or is missing.
    pub(crate) digest: Option<Digest>,
    pub(crate) yanked: bool,
}

#[derive(Serialize)]
struct VersionsReport {
    packages: Vec<VersionRow>,
    /// Tags that are not versions.
    other_tags: Vec<String>,
}

impl Versions {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = arguments::parse_package(&self.package)?;
        let registry = context.locator()?.registry(&name).await?;
        let store = registry.read(context.connector()?, &name).await?;
        let tags = package::tags(store.as_ref(), &name).await?;
        let report = VersionsReport {
            packages: rows(context, store.as_ref(), &name, &tags, true).await?,
            other_tags: tags.others,
        };
        output::print(context, &report, || report.text())
    }
}

/// Returns a package's versions, newest first. Looks up the manifests of the tags if `digests` is set or the package has
/// yank marks.
pub(crate) async fn rows(
    context: &Context,
    store: &dyn Store,
    name: &PackageName,
    tags: &Tags,
    digests: bool,
) -> Result<Vec<VersionRow>, Failure> {
    let looks_up = digests || !tags.marked.is_empty();
    stream::iter(tags.versions.iter().rev())
        .map(|(version, tag)| async move {
            let mut row = VersionRow {
                name: name.clone(),
                version: version.clone(),
                tag: tag.clone(),
                digest: None,
                yanked: false,
            };
            if looks_up {
                let digest = match store.manifest(&Name::Tag(tag.clone())).await {
                    Ok(manifest) => manifest.digest,
                    // A registry may list a tag although it lost the manifest.
                    Err(error) if error.kind() == Kind::NotFound => return Ok(row),
                    Err(error) => return Err(error.into()),
                };
                row.digest = Some(digest);
                row.yanked =
                    tags.marked.contains(&digest) && package::is_yanked(store, &digest).await?;
            }
            Ok::<VersionRow, Failure>(row)
        })
        .buffered(context.flags.concurrency.max(1))
        .try_collect()
        .await
}

impl VersionsReport {
    fn text(&self) -> String {
        let mut out = text::words(self.packages.iter().map(|row| {
            let digest = row.digest.map(|digest| digest.to_string());
            let yanked = if row.yanked { "yanked" } else { "" };
            let version = row.version.to_string();
            vec![version, digest.unwrap_or_default(), yanked.to_owned()]
        }));
        if !self.other_tags.is_empty() {
            let tags = self.other_tags.iter().map(|tag| text::printable(tag));
            let tags = tags.collect::<Vec<_>>().join(", ");
            out.push_str(&format!("other tags: {tags}\n"));
        }
        out
    }
}
