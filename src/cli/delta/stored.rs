//! `wharf delta` between stored artifacts: attaches the delta to the new one.

use serde::Serialize;
use wharf::delta::Options;
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::package::{DeltaSources, RegistrySettings};
use wharf::reference::package::tag_version;

use super::attach::DeltaAttacher;
use super::rows::{self, DeltaRow};
use crate::cli::arguments::{self, ArtifactName, FileOrArtifact};
use crate::cli::failure::Failure;
use crate::cli::settings::Context;
use crate::cli::{hints, output};

#[derive(Serialize)]
struct AttachReport {
    reference: String,
    /// The split digest of the new artifact.
    split_digest: Digest,
    /// The deltas that were made.
    deltas: Vec<DeltaRow>,
}

/// Attaches the delta from `old` to `new`, or the deltas from all lower versions.
pub(super) async fn attach(
    context: &Context,
    old: Option<&str>,
    new: &str,
    options: Options,
) -> Result<(), Failure> {
    let name = parse(new)?;
    let old = match old {
        Some(text) => Some((text, parse(text)?)),
        None => None,
    };
    let connector = context.connector()?;
    if let Some((_, old)) = &old {
        let (old, new) = (
            arguments::location(context, old).await?,
            arguments::location(context, &name).await?,
        );
        connector.check_credentials(&old, &new)?;
    }
    let settings = match &name {
        ArtifactName::Package(spec) => context.locator()?.registry(&spec.name).await?.settings,
        ArtifactName::Reference(_) => RegistrySettings::default(),
    };
    // Read first, because opening a missing layout for writing creates it.
    let found = arguments::open(context, name).await?;
    let reference = found.reference.at(found.opened.digest);
    let Some(split) = found.opened.into_split() else {
        let message = format!("{reference} has no split form, which a delta needs");
        return Err(Failure::new(Kind::Conflict, message));
    };
    let split_digest = split.manifest.config.digest;
    let store = connector
        .write(&reference.location, &settings, None)
        .await?;
    let mut attacher = DeltaAttacher::new(context, store.as_ref(), split, options)?;
    match old {
        Some((text, old)) => {
            let old = arguments::open(context, old).await?;
            attacher
                .attach(text, old.store.as_ref(), &old.opened)
                .await?;
        }
        None => {
            let version = reference.tag.as_deref().and_then(tag_version);
            let Some(version) = version else {
                let message = format!("the tag of {reference} is not a version");
                return Err(Failure::usage(message).hint(hints::DELTA_TO_VERSION));
            };
            attacher.attach_versions(&version, DeltaSources::All).await;
        }
    }
    let (deltas, first) = attacher.finish(&reference)?;
    let report = AttachReport {
        reference: reference.to_string(),
        split_digest,
        deltas,
    };
    output::print(context, &report, || report.text())?;
    first.map_or(Ok(()), |failure| Err(failure.mark_reported()))
}

/// Parses a reference or package.
fn parse(text: &str) -> Result<ArtifactName, Failure> {
    if text != "-"
        && let FileOrArtifact::Artifact(name) = arguments::parse_file_or_artifact(text)?
    {
        return Ok(name);
    }
    let message = format!("`{text}` is a file, and changes are attached only to stored artifacts");
    Err(Failure::usage(message).hint(hints::DELTA_TO_FILE))
}

impl AttachReport {
    fn text(&self) -> String {
        let lines = match self.deltas.is_empty() {
            true => "\n  delta    none made".to_owned(),
            false => rows::lines(&self.deltas),
        };
        format!("{}{lines}", self.reference)
    }
}
