//! `wharf yank`

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::package;
use wharf::reference::package::{PackageName, Requirement, Version};
use wharf::reference::{Name, Reference};

use super::failure::Failure;
use super::settings::Context;
use super::{arguments, hints, output};

/// Hide a version from requirements
///
/// Lock files that pin it, and requests such as demo:calc@1.2.0, still resolve with a warning. The mark is
/// a small artifact with its own tag. `wharf copy` and `wharf mirror` copy it too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf yank demo:calc@1.2.0
  wharf yank demo:calc@1.2.0 --undo")]
pub(crate) struct Yank {
    /// The package version: NAMESPACE:NAME@VERSION
    package: String,
    /// Remove the mark, so that requirements match the version again
    #[arg(long)]
    undo: bool,
}

#[derive(Serialize)]
struct YankReport {
    package: PackageName,
    version: Version,
    reference: String,
    digest: Digest,
    yanked: bool,
    /// Whether the mark was added or removed.
    changed: bool,
}

impl Yank {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let spec = arguments::parse_spec(&self.package)?;
        let Requirement::Exact(version) = &spec.requirement else {
            let message = format!("`{}` is not a single version", self.package);
            return Err(Failure::usage(message).hint(hints::ONE_VERSION));
        };
        let cache = context.cache()?;
        let (connector, name) = (context.connector()?, &spec.name);
        let registry = context.locator()?.registry(name).await?;
        // Reads first, because opening a missing layout for writing creates it.
        let source = registry.read(connector, name).await?;
        let resolved = package::resolve(source.as_ref(), &spec).await?;
        let digest = Name::Digest(resolved.digest);
        package::check_owner(source.as_ref(), &connector.session, name, &digest).await?;
        let store = registry.write(connector, name, None).await?;
        let yanked = !self.undo;
        let changed = package::yank(store.as_ref(), &resolved.digest, yanked, &cache).await?;
        let reference = Reference {
            location: registry.repository(name)?,
            tag: Some(resolved.tag),
            digest: Some(resolved.digest),
        };
        let report = YankReport {
            package: spec.name.clone(),
            version: version.clone(),
            reference: reference.to_string(),
            digest: resolved.digest,
            yanked,
            changed,
        };
        output::print(context, &report, || report.text())
    }
}

impl YankReport {
    fn text(&self) -> String {
        let state = match (self.yanked, self.changed) {
            (true, true) => "is yanked",
            (true, false) => "was already yanked",
            (false, true) => "is no longer yanked",
            (false, false) => "was not yanked",
        };
        format!("{}@{} {state}", self.package, self.version)
    }
}
