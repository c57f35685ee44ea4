//! `wharf get`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use wharf::error::Kind;
use wharf::package::{self, LocatedVersion, Lock, Locked, Publication, RegistrySettings};
use wharf::pull::Opened;
use wharf::reference::package::{PackageSpec, version_tag};
use wharf::reference::{Location, Reference};
use wharf::store::spool;

use super::arguments::{self, Named};
use super::failure::{Exit, Failure};
use super::pull::{Destination, Pull, open_target, receive};
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
        let found = match self.locked {
            true => self.locked_version(context, &spec, &lock).await?,
            false => context.locator()?.find(&spec).await?,
        };
        arguments::warn(&found);
        let entry = Locked::of(&spec.wanted, &found);
        let keeps = !self.locked && !self.no_lock;
        if keeps && lock.clone().set(entry.clone()) {
            check_writable(&self.lock_file)?;
        }
        let version = entry.version.clone();
        let default_path = PathBuf::from(format!("{}.wasm", spec.name.name()));
        let destination = Destination {
            path: self.output.as_deref().unwrap_or(&default_path),
            is_default: self.output.is_none(),
            target,
        };
        let mut report = receive(context, found.artifact, destination).await?;
        if keeps {
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
    ) -> Result<LocatedVersion, Failure> {
        let (connector, locator) = (context.connector()?, context.locator()?);
        let is_configured = locator.is_configured(&spec.name)?;
        let home = match is_configured {
            // A user without a layout can still get what is locked elsewhere.
            false => locator.local().ok(),
            true => Some(locator.registry(&spec.name).await?),
        };
        let here = home.as_ref().map(|home| home.repository(&spec.name));
        let here = here.transpose()?.map(|location| location.to_string());
        let entry = lock.find(spec, &here.unwrap_or_default()).ok_or_else(|| {
            let file = self.lock_file.display();
            let failure = Failure::new(Exit::NotFound, format!("{file} has no entry of {spec}"));
            failure.hint(format!("`wharf get '{spec}'` makes one"))
        })?;
        let (settings, reference) = match home.filter(|_| is_configured) {
            Some(home) => {
                let location = home.repository(&spec.name)?;
                (home.settings, reference_at(location, entry))
            }
            None => self.reference_of(context, entry)?,
        };
        let missing = |error: package::Error| match error.kind() {
            Kind::NotFound if !context.offline => Failure::from(error).hint(format!(
                "{} has it from {}; another place is named with --registry",
                self.lock_file.display(),
                entry.registry
            )),
            _ => error.into(),
        };
        let located = connector.open(reference, &settings).await;
        let artifact = located.map_err(missing)?;
        let store = artifact.store.as_ref();
        check(entry, &artifact.opened)?;
        package::owned(store, &spec.name, &artifact.opened)?;
        let is_yanked = package::is_yanked(store, &entry.manifest).await?;
        Ok(LocatedVersion {
            artifact,
            version: Publication {
                package: spec.name.clone(),
                version: entry.version.clone(),
            },
            is_yanked,
        })
    }

    /// Returns where an entry itself says that it is. What somebody else wrote there is shown no credentials
    /// but those that are kept for that very registry.
    fn reference_of(
        &self,
        context: &Context,
        entry: &Locked,
    ) -> Result<(RegistrySettings, Reference), Failure> {
        let location = entry
            .location()
            .map_err(|error| corrupt(&self.lock_file, &error))?;
        let registry = match &location {
            Location::Layout { .. } | Location::Blobs { .. } => {
                return Ok((RegistrySettings::default(), reference_at(location, entry)));
            }
            Location::Repository(repository) => &repository.registry,
        };
        if context.names_credentials() && !context.offline {
            let file = self.lock_file.display();
            let message = format!(
                "the credentials are for no registry that is named: only {file} names {registry}"
            );
            let hint =
                format!("`wharf login {registry}`, or say where the package is with --registry");
            return Err(Failure::usage(message).hint(hint));
        }
        let settings = context.configuration()?.settings(registry);
        let settings = settings.map_err(package::Error::Configuration)?;
        Ok((settings, reference_at(location, entry)))
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

fn reference_at(location: Location, entry: &Locked) -> Reference {
    Reference {
        location,
        tag: version_tag(&entry.version),
        digest: Some(entry.manifest),
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

/// Fails, before anything is got, if it could not be written down.
fn check_writable(path: &Path) -> Result<(), Failure> {
    let file = spool::through_links(path);
    let writable = file.and_then(|file| spool::check_writable(&file));
    writable.map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: io::Error) -> Failure {
    let doing = format!("the lock file {} cannot be written", path.display());
    Failure::from(anyhow::Error::from(error).context(doing))
        .hint("another place with --lock-file, or none with --no-lock")
}

/// Writes down what was got. Another `get` may have written something meanwhile, or be about to. Blocks.
fn record(path: &Path, entry: Locked) -> Result<(), Failure> {
    let file = spool::through_links(path).map_err(|error| unwritable(path, error))?;
    let _alone = spool::lock(spool::parent(&file));
    let mut lock = read(path)?.unwrap_or_default();
    if lock.set(entry) {
        let text = lock.to_text().map_err(|error| corrupt(path, &error))?;
        spool::write(&file, text.as_bytes()).map_err(|error| unwritable(path, error))?;
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
