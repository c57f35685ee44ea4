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
use wharf::reference::redact;
use wharf::section::SectionMap;
use wharf::split::SplitPolicy;

use super::failure::{Failure, blocking};
use super::hints;
use super::names;
use super::text::printable;

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
        warn(&self.component.map, &name, "the rest is stored unchanged");
    }
}

/// Warns about damage in a component. `rest` says how the bytes after the damage are used.
pub(crate) fn warn(map: &SectionMap, name: &str, rest: &str) {
    if let Some(damage) = &map.damage {
        eprintln!(
            "warning: {name} cannot be parsed past byte {}: {}; {rest}",
            damage.offset, damage.reason
        );
    } else if let Some(warning) = names::warning(&map.names) {
        eprintln!("warning: {name}: {warning}");
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
        let failure = Failure::usage(format!("{name} is {what}"));
        return Err(match metadata.is_dir() {
            true => failure,
            false => failure.hint(hints::PIPED_INPUT),
        });
    }
    File::open(path).map_err(|error| read_failure(&name, error))
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
pub(crate) fn printable_path(path: &Path) -> String {
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
