//! Packages, references and files as arguments.

use std::path::{Path, PathBuf};

use wharf::error::Kind;
use wharf::package::{self, Located, LocatedVersion, RegistrySettings};
use wharf::reference::package::{PackageName, PackageSpec, Wanted, looks_like_package};
use wharf::reference::{BLOBS, Mistake, Reference};

use super::failure::Failure;
use super::hints;
use super::settings::Context;
use super::text::printable;

/// A package or a reference.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    Package(PackageSpec),
    Reference(Reference),
}

/// A file, a package or a reference.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    File(PathBuf),
    Named(Named),
}

/// Parses a file, package or reference. An existing file comes first.
pub(crate) fn given(text: &str) -> Result<Given, Failure> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(Given::File(path.to_owned()));
    }
    // File names rarely look like this.
    if looks_like_package(text) || text.starts_with(BLOBS) || Mistake::of(text).is_some() {
        return Ok(Given::Named(named(text)?));
    }
    match text.parse() {
        Ok(reference) => Ok(Given::Named(Named::Reference(reference))),
        Err(error) => {
            let failure = Failure::new(Kind::NotFound, format!("file `{text}` not found"));
            Err(failure.hint(hints::no_file(text, &error)))
        }
    }
}

/// Parses a package or reference. A package has no slash.
pub(crate) fn named(text: &str) -> Result<Named, Failure> {
    if looks_like_package(text) && Mistake::of(text).is_none() {
        return spec(text).map(Named::Package);
    }
    text.parse().map(Named::Reference).map_err(|error| {
        let failure = match hints::is_word(text) {
            true => Failure::usage(format!("`{text}` is neither a package nor a reference")),
            false => Failure::usage(error),
        };
        failure.hint(hints::reference(text).unwrap_or(hints::FORMS.into()))
    })
}

/// Parses a package with a version or requirement.
pub(crate) fn spec(text: &str) -> Result<PackageSpec, Failure> {
    let spec = text.parse();
    spec.map_err(|error| Failure::usage(error).hint(hints::package(text)))
}

/// Parses a package without a version.
pub(crate) fn name(text: &str) -> Result<PackageName, Failure> {
    let spec = spec(text)?;
    match spec.wanted {
        Wanted::Newest => Ok(spec.name),
        _ => Err(Failure::usage(format!(
            "`{text}` has a version, but NAMESPACE:NAME is required"
        ))),
    }
}

/// Parses a reference.
pub(crate) fn reference(text: &str) -> Result<Reference, Failure> {
    text.parse().map_err(|error| {
        let failure = Failure::usage(error);
        match hints::reference(text) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Parses a reference to write to.
pub(crate) fn target(text: &str) -> Result<Reference, Failure> {
    match text.starts_with(BLOBS) {
        true => {
            let location = text.to_owned();
            Err(package::Error::ReadOnly { location }.into())
        }
        false => reference(text),
    }
}

/// Finds and opens an artifact, and prints the warnings about it.
pub(crate) async fn open(context: &Context, named: Named) -> Result<Located, Failure> {
    match named {
        Named::Package(spec) => {
            let found = context.locator()?.find(&spec).await?;
            warn(&found);
            Ok(found.artifact)
        }
        Named::Reference(reference) => {
            let settings = RegistrySettings::default();
            let opened = context.connector()?.open(reference, &settings).await?;
            warn_unused(&opened);
            Ok(opened)
        }
    }
}

/// Warns about a yanked version and about unused split forms.
pub(crate) fn warn(found: &LocatedVersion) {
    if found.is_yanked {
        eprintln!("warning: {} is yanked", found.version);
    }
    warn_unused(&found.artifact);
}

fn warn_unused(artifact: &Located) {
    for unused in &artifact.opened.unused {
        eprintln!("warning: {}", printable(&unused.to_string()));
    }
}
