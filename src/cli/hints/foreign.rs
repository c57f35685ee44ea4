//! Hints for artifacts that are no component.

use wharf::artifact::Foreign;

use super::Hint;

/// Says what to ask for in place of something that is no component.
pub(super) fn hint(what: &Foreign) -> Option<Hint> {
    let hint = match what {
        Foreign::Statement {
            subject: Some(subject),
            ..
        }
        | Foreign::ReferrersIndex(subject) => {
            return Some(format!("name what it is about: the same repository @{subject}").into());
        }
        Foreign::Statement { subject: None, .. } => "name the component that it is about",
        Foreign::Index => "name one of the manifests that it lists, by its digest",
        Foreign::Image(_) => "container engines pull images: `docker pull`, `podman pull`",
        Foreign::Chart(_) => "`helm pull oci://HOST/REPOSITORY` reads charts",
        _ => "`oras pull` reads any artifact; `wharf copy` copies it",
    };
    Some(hint.into())
}
