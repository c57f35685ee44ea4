//! `wharf get`

use std::path::PathBuf;

use clap::Args;
use wharf::package::{Lock, LockEntry, LockFile};

use super::arguments::{self, ArtifactName};
use super::failure::{Failure, blocking};
use super::hints;
use super::pull::{Base, Pull, open_output, receive};
use super::settings::Context;

/// Download a package version and verify every byte
///
/// Pins the version and its digests in wharf.lock. With --locked it gets exactly that version again.
/// With --offline it reads only the cache and local layouts. Fetches only the changes since a version in the cache
/// if they are smaller than the missing layers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf get demo:calc                          the newest version, as calc.wasm
  wharf get demo:calc@^1 -o app.wasm           the newest 1.x
  wharf get demo:calc@1.2.0                    exactly this one, yanked or not
  wharf get demo:calc@^1 --locked              the version pinned in wharf.lock
  wharf get ghcr.io/me/calc:1.0                any reference, as with `wharf pull`")]
pub(crate) struct Get {
    /// NAMESPACE:NAME, optionally with @VERSION or @REQUIREMENT; or a reference
    #[arg(value_name = "PACKAGE|REF")]
    what: String,
    /// Output file, or `-` for standard output [default: the package's name with .wasm]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Get exactly the version that the lock file pins
    #[arg(long)]
    locked: bool,
    /// Lock file to read and update
    #[arg(long, value_name = "FILE", default_value = "wharf.lock")]
    lock_file: PathBuf,
    /// Neither read nor write the lock file
    #[arg(long, conflicts_with = "locked")]
    no_lock: bool,
    #[command(flatten)]
    base: Base,
}

impl Get {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let spec = match arguments::parse_artifact_name(&self.what)? {
            ArtifactName::Package(spec) => spec,
            ArtifactName::Reference(_) if self.locked => {
                let failure = Failure::usage("a lock file pins packages, not references");
                return Err(failure.hint(hints::PINNED_REFERENCE));
            }
            ArtifactName::Reference(_) => {
                let pull = Pull {
                    reference: self.what,
                    output: self.output,
                    base: self.base,
                };
                return pull.run(context).await;
            }
        };
        let target = open_output(context, self.output.as_deref())?;
        self.base.add(context).await?;
        let file = LockFile {
            path: self.lock_file,
        };
        let mut lock = match (self.no_lock, self.locked) {
            (true, _) => Lock::default(),
            (false, true) => file.read_existing()?,
            (false, false) => file.read()?.unwrap_or_default(),
        };
        let locator = context.locator()?;
        let found = match self.locked {
            true => locator.find_locked(&spec, &file, &lock).await?,
            false => locator.find(&spec).await?,
        };
        arguments::warn(&found);
        let entry = LockEntry::of(&spec.requirement, &found);
        let updates_lock = !self.locked && !self.no_lock;
        if updates_lock && lock.set(entry.clone()) {
            file.check_writable()?;
        }
        let version = entry.version.clone();
        let (stem, output) = (spec.name.name(), self.output);
        let mut report = receive(context, found.artifact, output, stem.as_ref(), target).await?;
        if updates_lock {
            blocking(move || file.record(entry)).await?;
        }
        report.of_package(spec.name, version);
        report.print(context)
    }
}
