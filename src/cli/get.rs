//! `wharf get`

use std::path::PathBuf;

use clap::Args;
use wharf::package::{Lock, LockFile, Locked};

use super::arguments::{self, Named};
use super::failure::{Failure, blocking};
use super::hints;
use super::pull::{Pull, open_target, receive};
use super::settings::Context;

/// Get a package: the newest version that is meant, byte for byte
///
/// What was got is written down in wharf.lock, with digests; --locked gets exactly that again. With
/// --offline only the cache of this machine and layouts are looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf get demo:calc                          the newest version, as calc.wasm
  wharf get demo:calc@^1 -o app.wasm           the newest 1.x
  wharf get demo:calc@1.2.0                    exactly this one, yanked or not
  wharf get demo:calc@^1 --locked              what wharf.lock says
  wharf get ghcr.io/me/calc:1.0                any reference, as `wharf pull`")]
pub(crate) struct Get {
    /// NAMESPACE:NAME, perhaps with @VERSION or @REQUIREMENT; or a reference
    #[arg(value_name = "PACKAGE|REF")]
    what: String,
    /// Where to, `-` for standard output [default: the package's name and .wasm]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Get what the lock file says, and nothing else
    #[arg(long)]
    locked: bool,
    /// The lock file
    #[arg(long, value_name = "FILE", default_value = "wharf.lock")]
    lock_file: PathBuf,
    /// Leave the lock file alone
    #[arg(long, conflicts_with = "locked")]
    no_lock: bool,
}

impl Get {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let spec = match arguments::named(&self.what)? {
            Named::Package(spec) => spec,
            Named::Reference(_) if self.locked => {
                let failure = Failure::usage("the lock file knows packages, not references");
                return Err(failure.hint(hints::PINNED_REFERENCE));
            }
            Named::Reference(_) => {
                let pull = Pull {
                    reference: self.what,
                    output: self.output,
                };
                return pull.run(context).await;
            }
        };
        let target = open_target(context, self.output.as_deref())?;
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
            true => locator.locked(&spec, &file, &lock).await?,
            false => locator.find(&spec).await?,
        };
        arguments::warn(&found);
        let entry = Locked::of(&spec.wanted, &found);
        let keeps = !self.locked && !self.no_lock;
        if keeps && lock.set(entry.clone()) {
            file.check_writable()?;
        }
        let version = entry.version.clone();
        let (stem, output) = (spec.name.name(), self.output);
        let mut report = receive(context, found.artifact, output, stem.as_ref(), target).await?;
        if keeps {
            blocking(move || file.record(entry)).await?;
        }
        report.of_package(spec.name, version);
        report.print(context)
    }
}
