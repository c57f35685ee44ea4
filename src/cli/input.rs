//! Component files that a command reads.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use wharf::component::Component;
use wharf::error::Error;
use wharf::error::Kind;
use wharf::package::LocatedArtifact;
use wharf::pull::{self, PullSummary};
use wharf::reference::redact;
use wharf::split::SplitPolicy;
use wharf::store::spool::Spool;

use super::arguments::{self, FileOrArtifact};
use super::failure::{Failure, blocking};
use super::names;
use super::settings::Context;
use super::text::{printable, unwritable};

/// A component's file, mapped, planned and hashed.
pub(crate) struct Input {
    pub(crate) component: Arc<Component<File>>,
    stamp: (u64, Option<SystemTime>),
}

impl Input {
    /// Reads a regular file.
    pub(crate) async fn read(path: &Path, policy: SplitPolicy) -> Result<Self, Failure> {
        let name = printable_path(path);
        let stamp = stamp(path).map_err(|error| read_failure(&name, error))?;
        let file = open_file(path)?;
        let component = blocking(move || {
            Component::read(file, &policy).with_context(|| format!("cannot read {name}"))
        })
        .await?;
        Ok(Self {
            component: Arc::new(component),
            stamp,
        })
    }

    /// Fails if the file changed since it was read.
    pub(crate) fn check_unchanged(&self, path: &Path) -> Result<(), Error> {
        match stamp(path) {
            Ok(stamp) if stamp == self.stamp => Ok(()),
            _ => Err(Error::Changed),
        }
    }

    /// Warns if the component cannot be parsed to its end, or its imports or exports cannot.
    pub(crate) fn warn(&self, path: &Path) {
        let name = printable_path(path);
        let map = &self.component.map;
        if let Some(damage) = &map.damage {
            eprintln!(
                "warning: {name} cannot be parsed past byte {}: {}; the rest is stored unchanged",
                damage.offset, damage.reason
            );
        } else if let Some(warning) = names::warning(&map.names) {
            eprintln!("warning: {name}: {warning}");
        }
    }
}

/// A component that only needs to be read: a file, standard input, or a stored artifact.
pub(crate) struct ComponentInput {
    name: String,
    file: File,
}

impl ComponentInput {
    /// Opens a file, or fetches a reference or package into a temporary file. `-` is standard input.
    pub(crate) async fn open(context: &Context, text: &str) -> Result<Self, Failure> {
        if text == "-" {
            let name = "standard input".to_owned();
            let file = spool_stdin(context).await?;
            return Ok(Self { name, file });
        }
        match arguments::parse_file_or_artifact(text)? {
            FileOrArtifact::File(path) => Ok(Self {
                name: printable_path(&path),
                file: open_file(&path)?,
            }),
            FileOrArtifact::Artifact(name) => {
                let found = arguments::open(context, name).await?;
                let (file, _) = fetch_to_file(context, &found).await?;
                let name = found.reference.to_string();
                Ok(Self { name, file })
            }
        }
    }

    /// Maps, plans and hashes the component. Blocks.
    pub(crate) fn read(self, policy: &SplitPolicy) -> Result<Component<File>, Failure> {
        let Self { name, file } = self;
        Ok(Component::read(file, policy).with_context(|| format!("cannot read {name}"))?)
    }
}

/// Opens a regular file.
pub(crate) fn open_file(path: &Path) -> Result<File, Failure> {
    let name = printable_path(path);
    let metadata = fs::metadata(path).map_err(|error| read_failure(&name, error))?;
    // A pipe would block, and cannot be read twice.
    if !metadata.is_file() {
        let what = match metadata.is_dir() {
            true => "a directory",
            false => "not a regular file",
        };
        return Err(Failure::usage(format!("{name} is {what}")));
    }
    File::open(path).map_err(|error| read_failure(&name, error))
}

/// Copies standard input to a temporary file, because it is read more than once.
pub(crate) async fn spool_stdin(context: &Context) -> Result<File, Failure> {
    let directory = context.cache()?.ingest().to_owned();
    blocking(move || {
        let mut spool = Spool::new_in(&directory).with_context(|| unwritable(&directory))?;
        let read = io::copy(&mut io::stdin().lock(), spool.file());
        read.context("cannot read standard input")?;
        let file = spool.file().try_clone();
        Ok::<_, Failure>(file.with_context(|| unwritable(&directory))?)
    })
    .await
}

/// Fetches a component into a temporary file.
pub(crate) async fn fetch_to_file(
    context: &Context,
    located: &LocatedArtifact,
) -> Result<(File, PullSummary), Failure> {
    let cache = context.cache()?;
    let unwritable = || unwritable(cache.ingest());
    let mut spool = Spool::new_in(cache.ingest()).with_context(unwritable)?;
    let file = spool.file().try_clone().with_context(unwritable)?;
    let LocatedArtifact {
        store,
        reference,
        opened,
    } = located;
    let (file, pulled) = pull::pull(store, opened, context.session()?, file).await?;
    let blobs = opened.layers().map(|layer| layer.blob.digest);
    context.remember(reference, blobs, pulled.fetched.blobs > 0)?;
    Ok((file, pulled))
}

/// Returns the size and modification time, which show a change.
fn stamp(path: &Path) -> io::Result<(u64, Option<SystemTime>)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.len(), metadata.modified().ok()))
}

/// Reads a text file that the command line names.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let name = printable_path(path);
    fs::read_to_string(path).map_err(|error| read_failure(&name, error))
}

/// Returns a path for errors. A reference in its place may have a password.
fn printable_path(path: &Path) -> String {
    printable(&redact(&path.display().to_string()))
}

fn read_failure(name: &str, error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(Kind::NotFound, format!("file `{name}` not found")),
        _ => anyhow::Error::from(error)
            .context(format!("cannot read {name}"))
            .into(),
    }
}
