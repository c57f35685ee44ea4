//! `wharf yank`

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::package;
use wharf::reference::package::{PackageName, Version, Wanted};
use wharf::reference::{Name, Reference};

use super::failure::Failure;
use super::settings::Context;
use super::{arguments, hints, output};

/// Hide a version from requirements
///
/// Who asks for exactly this version, or has it locked, still gets it. The mark is a small artifact
/// under a tag of its own; it goes along when the package is copied.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf yank demo:calc@1.2.0
  wharf yank demo:calc@1.2.0 --undo")]
pub(crate) struct Yank {
    /// The version: NAMESPACE:NAME@VERSION
    package: String,
    /// Show the version again
    #[arg(long)]
    undo: bool,
}

#[derive(Serialize)]
struct Report {
    package: PackageName,
    version: Version,
    reference: String,
    digest: Digest,
    yanked: bool,
    /// Whether it was not so before.
    changed: bool,
}

impl Yank {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let spec = arguments::spec(&self.package)?;
        let Wanted::Exact(version) = &spec.wanted else {
            let message = format!("`{}` names no single version", self.package);
            return Err(Failure::usage(message).hint(hints::ONE_VERSION));
        };
        let cache = context.cache()?;
        let (connector, name) = (context.connector()?, &spec.name);
        let registry = context.locator()?.registry(name).await?;
        // Reading first, because writing makes a layout.
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
        let report = Report {
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

impl Report {
    fn text(&self) -> String {
        let state = match (self.yanked, self.changed) {
            (true, true) => "is yanked",
            (true, false) => "was yanked already",
            (false, true) => "is shown again",
            (false, false) => "was not yanked",
        };
        format!("{}@{} {state}", self.package, self.version)
    }
}
