//! Packages, references and files as arguments.

use std::path::{Path, PathBuf};

use wharf::error::Kind;
use wharf::package::{self, LocatedArtifact, LocatedVersion, RegistrySettings};
use wharf::reference::package::{PackageName, PackageSpec, Requirement, looks_like_package};
use wharf::reference::{BLOBS, Location, Mistake, Reference};

use super::failure::Failure;
use super::hints;
use super::settings::Context;
use super::text::printable;

/// The name of an artifact: a package or a reference.
#[derive(Debug, Clone)]
pub(crate) enum ArtifactName {
    Package(PackageSpec),
    Reference(Reference),
}

/// A file, or the name of an artifact.
#[derive(Debug, Clone)]
pub(crate) enum FileOrArtifact {
    File(PathBuf),
    Artifact(ArtifactName),
}

impl FileOrArtifact {
    /// Returns the name of the artifact if this is not a file.
    pub(crate) fn artifact(&self) -> Option<&ArtifactName> {
        match self {
            Self::File(_) => None,
            Self::Artifact(name) => Some(name),
        }
    }
}

/// Fails if the artifacts may be in several registries but the command line has credentials for one.
pub(crate) fn check_credentials(
    context: &Context,
    artifacts: &[&ArtifactName],
) -> Result<(), Failure> {
    for (index, a) in artifacts.iter().enumerate() {
        for b in &artifacts[index + 1..] {
            match (a, b) {
                (ArtifactName::Reference(a), ArtifactName::Reference(b)) => {
                    let connector = context.connector()?;
                    connector.check_credentials(&a.location, &b.location)?;
                }
                // Only a lookup tells the registry of a package.
                _ if context.names_credentials() => {
                    let failure = Failure::usage(
                        "--username and WHARF_TOKEN are for one registry, but there may be two",
                    );
                    return Err(failure.hint(hints::LOGIN_FOR_EACH));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Parses a file, package or reference. An existing file comes first.
pub(crate) fn parse_file_or_artifact(text: &str) -> Result<FileOrArtifact, Failure> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(FileOrArtifact::File(path.to_owned()));
    }
    // File names rarely look like this.
    if looks_like_package(text) || text.starts_with(BLOBS) || Mistake::of(text).is_some() {
        return Ok(FileOrArtifact::Artifact(parse_artifact_name(text)?));
    }
    match text.parse() {
        Ok(reference) => Ok(FileOrArtifact::Artifact(ArtifactName::Reference(reference))),
        Err(error) => {
            let failure = Failure::new(Kind::NotFound, format!("file `{text}` not found"));
            Err(failure.hint(hints::no_file(text, &error)))
        }
    }
}

/// Parses a package or reference. A package has no slash.
pub(crate) fn parse_artifact_name(text: &str) -> Result<ArtifactName, Failure> {
    if looks_like_package(text) && Mistake::of(text).is_none() {
        return parse_spec(text).map(ArtifactName::Package);
    }
    text.parse().map(ArtifactName::Reference).map_err(|error| {
        let failure = match hints::is_word(text) {
            true => Failure::usage(format!("`{text}` is neither a package nor a reference")),
            false => Failure::usage(error),
        };
        failure.hint(hints::reference(text).unwrap_or(hints::FORMS.into()))
    })
}

/// Parses a package with a version or requirement.
pub(crate) fn parse_spec(text: &str) -> Result<PackageSpec, Failure> {
    let spec = text.parse();
    spec.map_err(|error| Failure::usage(error).hint(hints::package(text)))
}

/// Parses a package without a version.
pub(crate) fn parse_package(text: &str) -> Result<PackageName, Failure> {
    let spec = parse_spec(text)?;
    match spec.requirement {
        Requirement::Newest => Ok(spec.name),
        _ => Err(Failure::usage(format!(
            "`{text}` has a version, but NAMESPACE:NAME is required"
        ))),
    }
}

/// Parses a reference.
pub(crate) fn parse_reference(text: &str) -> Result<Reference, Failure> {
    text.parse().map_err(|error| {
        let failure = Failure::usage(error);
        match hints::reference(text) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Parses a reference to write to.
pub(crate) fn parse_target(text: &str) -> Result<Reference, Failure> {
    match text.starts_with(BLOBS) {
        true => {
            let location = text.to_owned();
            Err(package::Error::ReadOnly { location }.into())
        }
        false => parse_reference(text),
    }
}

/// Returns the repository of an artifact.
pub(crate) async fn location(context: &Context, name: &ArtifactName) -> Result<Location, Failure> {
    match name {
        ArtifactName::Reference(reference) => Ok(reference.location.clone()),
        ArtifactName::Package(spec) => {
            let registry = context.locator()?.registry(&spec.name).await?;
            Ok(registry.repository(&spec.name)?)
        }
    }
}

/// Finds and opens an artifact, and prints the warnings about it.
pub(crate) async fn open(
    context: &Context,
    name: ArtifactName,
) -> Result<LocatedArtifact, Failure> {
    match name {
        ArtifactName::Package(spec) => {
            let found = context.locator()?.find(&spec).await?;
            warn(&found);
            Ok(found.artifact)
        }
        ArtifactName::Reference(reference) => {
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

fn warn_unused(artifact: &LocatedArtifact) {
    for unused in &artifact.opened.unused {
        eprintln!("warning: {}", printable(&unused.to_string()));
    }
}
