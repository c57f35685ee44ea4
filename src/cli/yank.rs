//! `wharf yank`

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::package;
use wharf::reference::Reference;
use wharf::reference::package::{PackageName, Version, Wanted};
use wharf::store::remote::Access;

use super::failure::Failure;
use super::settings::Context;
use super::{output, packages};

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
        let spec = packages::spec(&self.package)?;
        let Wanted::Exact(version) = &spec.wanted else {
            let message = format!("`{}` names no single version", self.package);
            return Err(Failure::usage(message).hint("for instance demo:calc@1.2.0"));
        };
        let cache = context.cache()?;
        let home = packages::home(context, &spec.name).await?;
        // Looking first: a layout is not made for what it cannot have.
        let looking = home
            .store(context, &spec.name, Access::Pull, &cache)
            .await?;
        let resolved = package::resolve(looking.as_ref(), &spec).await?;
        let (looking, digest) = (looking.as_ref(), resolved.digest);
        packages::check_owner(context, looking, &spec.name, digest, &cache).await?;
        let store = home
            .store(context, &spec.name, Access::Push, &cache)
            .await?;
        let yanked = !self.undo;
        let changed = package::yank(store.as_ref(), &resolved.digest, yanked, &cache).await?;
        let reference = Reference {
            location: home.location(&spec.name)?,
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
