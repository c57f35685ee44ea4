//! Hints for artifacts that are not components.

use wharf::artifact::Foreign;

use super::Hint;

/// Returns the hint for an artifact that is not a component.
pub(super) fn hint(what: &Foreign) -> Option<Hint> {
    let hint = match what {
        Foreign::Statement {
            subject: Some(subject),
            ..
        }
        | Foreign::ReferrersIndex(subject) => {
            return Some(
                format!("use its subject instead: the same repository with @{subject}").into(),
            );
        }
        Foreign::Statement { subject: None, .. } => "use the component that it is about",
        Foreign::Index => "use the digest of one of the manifests that it lists",
        Foreign::Image(_) => "use `docker pull` or `podman pull` for an image",
        Foreign::Chart(_) => "use `helm pull oci://HOST/REPOSITORY` for a chart",
        _ => "use `oras pull` to read it, or `wharf copy` to copy it",
    };
    Some(hint.into())
}
