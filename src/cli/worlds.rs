//! The worlds and components that a component is compared with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wharf::error::Kind;
use wharf::index::Externs;
use wharf::package::LocatedArtifact;
use wharf::pull;
use wharf::world::{Dependency, TargetWorld, Wit, WitFile, interfaces};

use super::arguments::{self, FileOrArtifact};
use super::failure::Failure;
use super::hints;
use super::index::correction;
use super::names;
use super::settings::Context;
use super::text::{printable, unreadable};
use super::wit;

/// A component without code and data.
pub(crate) struct Stub {
    /// The file name as given, or the reference with the manifest digest.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Stub {
    /// Reads a file, or fetches the root of a reference or package.
    pub(crate) async fn read(context: &Context, what: &str) -> Result<Self, Failure> {
        match arguments::parse_file_or_artifact(what)? {
            FileOrArtifact::File(path) => Self::of_file(&path).await,
            FileOrArtifact::Artifact(name) => {
                let located = arguments::open(context, name).await?;
                Self::of_stored(context, &located).await
            }
        }
    }

    /// Reads a file.
    pub(crate) async fn of_file(path: &Path) -> Result<Self, Failure> {
        let name = printable(&path.display().to_string());
        if !path.is_file() {
            return Err(Failure::usage(format!("{name} is not a regular file")));
        }
        let bytes = wit::stub(path).await?;
        Ok(Self { name, bytes }.warn())
    }

    /// Fetches the root of an artifact.
    pub(crate) async fn of_stored(
        context: &Context,
        located: &LocatedArtifact,
    ) -> Result<Self, Failure> {
        let LocatedArtifact {
            store,
            reference,
            opened,
        } = located;
        let name = reference.at(opened.digest).to_string();
        let stub = pull::stub_of(store.as_ref(), opened, context.session()?).await;
        let (bytes, _) = stub.with_context(|| format!("cannot read {name}"))?;
        if let Some(split) = opened.split() {
            let found =
                Externs::from(interfaces(&bytes).with_context(|| format!("cannot read {name}"))?);
            // Names in a manifest are claims, and those in the root count.
            if Externs::from(&split.config).differs(&found) {
                eprintln!("warning: {}", printable(&correction(&name)));
            }
        }
        Ok(Self { name, bytes }.warn())
    }

    /// Warns about unreadable names. Unreadable types are an error later, in the commands that need them.
    fn warn(self) -> Self {
        let found = interfaces(&self.bytes).ok();
        if let Some(warning) = found.and_then(|found| names::warning(&found.names)) {
            eprintln!("warning: {}: {warning}", printable(&self.name));
        }
        self
    }
}

/// Finds a world in a WIT package: a directory, a text file, an encoded file, a reference or a package.
pub(crate) async fn world(
    context: &Context,
    name: &str,
    wit: &str,
) -> Result<TargetWorld, Failure> {
    let path = Path::new(wit);
    let is_text = path.extension().is_some_and(|extension| extension == "wit");
    let wit = if path.is_dir() {
        let (files, dependencies) = directory(path)?;
        Wit::read(files, dependencies)?
    } else if path.is_file() && is_text {
        Wit::read(vec![file(path)?], Vec::new())?
    } else {
        let Stub { name, bytes } = Stub::read(context, wit).await?;
        Wit::decode(&bytes).with_context(|| format!("cannot read {name}"))?
    };
    Ok(wit.world(name)?)
}

/// Reads the WIT package in a directory, and its dependencies in `deps`. Each of them is a directory, a text file or an
/// encoded file.
fn directory(path: &Path) -> Result<(Vec<WitFile>, Vec<Dependency>), Failure> {
    let files = files(path)?;
    if files.is_empty() {
        let name = printable(&path.display().to_string());
        let failure = Failure::new(Kind::NotFound, format!("no .wit file in {name}"));
        return Err(failure.hint(hints::WIT_DIRECTORY));
    }
    let deps = path.join("deps");
    let mut dependencies = Vec::new();
    let entries = match deps.is_dir() {
        true => entries(&deps)?,
        false => Vec::new(),
    };
    for entry in entries {
        let extension = entry.extension().unwrap_or_default();
        if entry.is_dir() {
            dependencies.push(Dependency::Text(self::files(&entry)?));
        } else if extension == "wit" {
            dependencies.push(Dependency::Text(vec![file(&entry)?]));
        } else if extension == "wasm" {
            let path = entry.display().to_string();
            let bytes = fs::read(&entry).with_context(|| unreadable(&entry))?;
            dependencies.push(Dependency::Encoded { path, bytes });
        }
    }
    Ok((files, dependencies))
}

/// Reads the `.wit` files in a directory, but not in its subdirectories.
fn files(path: &Path) -> Result<Vec<WitFile>, Failure> {
    let is_text = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "wit") && path.is_file()
    };
    let entries = entries(path)?.into_iter().filter(is_text);
    entries.map(|path| file(&path)).collect()
}

/// Lists a directory, sorted by name.
fn entries(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = || unreadable(path);
    let listed = fs::read_dir(path).with_context(failed)?;
    let entries = listed.map(|entry| Ok(entry?.path()));
    let entries: Result<Vec<_>, std::io::Error> = entries.collect();
    let mut entries = entries.with_context(failed)?;
    entries.sort();
    Ok(entries)
}

fn file(path: &Path) -> Result<WitFile, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| unreadable(path))?;
    Ok(WitFile { path: name, text })
}
