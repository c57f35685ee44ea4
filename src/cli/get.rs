//! `wharf get`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use wharf::package::{self, Lock, Locked};
use wharf::pull::Opened;
use wharf::reference::package::{PackageSpec, Version};
use wharf::reference::{Name, Reference};
use wharf::store::Store;
use wharf::store::cache::Cache;
use wharf::store::remote::Access;
use wharf::store::spool;

use super::connect;
use super::failure::{Exit, Failure};
use super::packages::{self, Named};
use super::pull::{Pull, Receipt, open_target, receive};
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

/// A version that is about to be got.
struct Chosen {
    store: Arc<dyn Store>,
    reference: Reference,
    version: Version,
    opened: Opened,
}

impl Get {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let cache = context.cache()?;
        let spec = match packages::named(&self.what)? {
            Named::Package(spec) => spec,
            Named::Reference(_) if self.locked => {
                let failure = Failure::usage("the lock file knows packages, not references");
                return Err(failure.hint("a reference is pinned by its digest: …@sha256:…"));
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
        let lock = self.read_lock()?;
        let chosen = match self.locked {
            true => self.locked_version(context, &spec, &lock, &cache).await?,
            false => {
                let found = packages::find(context, &spec, &cache).await?;
                Chosen {
                    store: found.store,
                    reference: found.reference,
                    version: found.resolved.version,
                    opened: found.opened,
                }
            }
        };
        let entry = chosen.entry(&spec);
        let version = chosen.version;
        let receipt = Receipt {
            reference: chosen.reference,
            store: chosen.store,
            opened: chosen.opened,
            default_path: packages::file_of(&spec.name),
        };
        let output = self.output.as_deref();
        let mut report = receive(context, &cache, receipt, output, target).await?;
        if !self.locked && !self.no_lock {
            let path = self.lock_file.clone();
            let recorded = tokio::task::spawn_blocking(move || record(&path, entry)).await;
            recorded.map_err(anyhow::Error::from)??;
        }
        report.of_package(spec.name, version);
        report.print(context)
    }

    /// Finds what the lock file says of a package.
    async fn locked_version(
        &self,
        context: &Context,
        spec: &PackageSpec,
        lock: &Lock,
        cache: &Arc<Cache>,
    ) -> Result<Chosen, Failure> {
        let home = packages::home(context, &spec.name).await?;
        let location = home.location(&spec.name)?;
        let entry = lock.find(spec, &location.to_string()).ok_or_else(|| {
            let file = self.lock_file.display();
            let failure = Failure::new(Exit::NotFound, format!("{file} has no entry of {spec}"));
            failure.hint(format!("`wharf get '{spec}'` makes one"))
        })?;
        let store = home.store(context, &spec.name, Access::Pull, cache).await?;
        let name = Name::Digest(entry.manifest);
        let opened = connect::opened(context, store.as_ref(), &name, cache).await?;
        check(entry, &opened)?;
        package::owned(store.as_ref(), &spec.name, &opened)?;
        if package::is_yanked(store.as_ref(), &entry.manifest).await? {
            eprintln!("warning: {}@{} is yanked", spec.name, entry.version);
        }
        Ok(Chosen {
            store,
            reference: Reference {
                location,
                tag: wharf::reference::package::version_tag(&entry.version),
                digest: Some(entry.manifest),
            },
            version: entry.version.clone(),
            opened,
        })
    }

    fn read_lock(&self) -> Result<Lock, Failure> {
        if self.no_lock {
            return Ok(Lock::default());
        }
        read(&self.lock_file)?.map_or_else(
            || match self.locked {
                false => Ok(Lock::default()),
                true => {
                    let message = format!("no file `{}`", self.lock_file.display());
                    let failure = Failure::new(Exit::NotFound, message);
                    Err(failure.hint("`wharf get` without --locked makes it"))
                }
            },
            Ok,
        )
    }
}

/// Reads a lock file, if there is one.
fn read(path: &Path) -> Result<Option<Lock>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let lock = Lock::read(&text);
            lock.map(Some).map_err(|error| corrupt(path, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(corrupt(path, &"it is no text"))
        }
        Err(error) => Err(anyhow::Error::from(error)
            .context(path.display().to_string())
            .into()),
    }
}

/// Writes down what was got. Another `get` may have written something meanwhile, or be about to. Blocks.
fn record(path: &Path, entry: Locked) -> Result<(), Failure> {
    let name = || path.display().to_string();
    let file = spool::through_links(path).with_context(name)?;
    let _alone = spool::lock(spool::parent(&file));
    let mut lock = read(path)?.unwrap_or_default();
    if lock.set(entry) {
        let text = lock.to_text().map_err(|error| corrupt(path, &error))?;
        spool::write(&file, text.as_bytes()).with_context(name)?;
    }
    Ok(())
}

fn corrupt(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    let message = format!("the lock file {}: {why}", path.display());
    Failure::new(Exit::Integrity, message)
        .hint("restore it, or delete it and get the packages again; --no-lock leaves it alone")
}

/// Compares what is there with what the lock file says.
fn check(entry: &Locked, opened: &Opened) -> Result<(), Failure> {
    let wrong = |what: &str| {
        let message = format!(
            "{}@{}: the {what} digest is not the one of the lock file",
            entry.name, entry.version
        );
        Failure::new(Exit::Integrity, message).hint(
            "the registry or the lock file was changed; get it anew without --locked if you trust it",
        )
    };
    if opened.content().digest != entry.content {
        return Err(wrong("content"));
    }
    // The split form of a flat artifact may have come later, be another one by now, or be gone.
    let own = opened
        .split()
        .filter(|split| split.digest == entry.manifest);
    match (own.map(|split| split.manifest.config.digest), entry.split) {
        (Some(found), Some(expected)) if found != expected => Err(wrong("split")),
        _ => Ok(()),
    }
}

impl Chosen {
    fn entry(&self, spec: &PackageSpec) -> Locked {
        Locked {
            name: spec.name.clone(),
            requirement: spec.wanted.to_string(),
            version: self.version.clone(),
            registry: self.reference.location.to_string(),
            content: self.opened.content().digest,
            split: connect::split_digest(&self.opened),
            manifest: self.opened.digest,
        }
    }
}
