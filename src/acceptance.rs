//! The acceptance gate decides whether an operation may use, store or serve an artifact.
//!
//! It is pure: it gets facts and returns a verdict. It knows nothing about stores, files or the network. Every
//! operation calls [`accept`] with its [`Purpose`] and the [`Facts`] that it has. A new rule needs a function in
//! `RULES`, a variant of [`Refusal`], and a hint in `cli/hints.rs`.
//!
//! | operation | pinned digests | ownership | yank | immutability |
//! | --- | --- | --- | --- | --- |
//! | `get`, `pull`, `inspect`, `diff`, `check` of a package | - | the version | a requirement skips it | - |
//! | `get --locked` | content and split digest | the version | accepts it | - |
//! | `pull`, `inspect`, `diff`, `check` of a reference | - | - | - | - |
//! | `copy` of a package | - | the version; with `--all-tags` only the newest | as `get`; `--all-tags` accepts it | by manifest, unless `--force` |
//! | `copy` of a reference | - | - | - | - |
//! | `mirror` | - | versions that the destination lacks | accepts it | by manifest |
//! | `publish` | - | the version if it exists, otherwise the newest | compares with no yanked version | by content, unless `--force` |
//! | `yank` | - | the version | - | - |
//! | the gateway's view of a split manifest | - | - | - | - |
//!
//! A dash means that the rule accepts every artifact. So the gateway, `pull` and `copy` of a reference return yanked
//! versions and versions of another package, and `copy` of a reference moves any tag. `copy` and `mirror` do not check
//! the owner of the destination's repository. The same component in another form is the same version for `publish`, but
//! another version for `copy` and `mirror`. A version that is not a component can be copied, mirrored and yanked under
//! any package name; every other operation fails to open it.

use crate::digest::Digest;
use crate::manifest::{Annotations, annotation};
use crate::reference::package::{PackageName, PackageSpec, Requirement, Version, tag_version};
use crate::text::excerpt;

/// The operation that asks for an artifact.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// Read or serve the artifact that a reference names.
    Reference,
    /// Read a version of a package.
    Read {
        /// The package.
        package: &'a PackageName,
        /// Whether the caller named this exact version, rather than a requirement that it matches.
        is_exact: bool,
    },
    /// Read the version that a lock file pins.
    Locked {
        /// The package.
        package: &'a PackageName,
        /// The version.
        version: &'a Version,
        /// Its content digest.
        content: Digest,
        /// Its split digest, if the lock file has one.
        split: Option<Digest>,
    },
    /// Copy, mark or replace a version that exists.
    Change {
        /// The package.
        package: &'a PackageName,
    },
    /// Point the tag of a version at an artifact.
    Write {
        /// The package.
        package: &'a PackageName,
        /// The version.
        version: &'a Version,
        /// The artifact that the operation writes.
        incoming: Incoming<'a>,
        /// Whether the version may be replaced.
        is_forced: bool,
    },
}

/// An artifact that an operation writes under the tag of a version.
#[derive(Debug, Clone, Copy)]
pub enum Incoming<'a> {
    /// A component with this content digest.
    Component(Digest),
    /// The manifest that the version has in another repository.
    Copy {
        /// Its digest.
        manifest: Digest,
        /// The other repository.
        source: &'a str,
    },
}

/// The known facts about an artifact. If a fact is unknown, the rules that need it accept the artifact.
#[derive(Debug, Clone, Default)]
pub struct Facts<'a> {
    /// The repository, in the words of error messages.
    pub location: String,
    /// The annotations of the manifest.
    pub annotations: Option<&'a Annotations>,
    /// The content digest.
    pub content: Option<Digest>,
    /// The split digest, if the manifest itself is the split form.
    pub split: Option<Digest>,
    /// Whether the version is yanked.
    pub is_yanked: bool,
    /// The digest that the tag names now: the content digest for a component, the manifest digest for a copy.
    pub existing: Option<Digest>,
}

/// The reason why an artifact was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The repository holds another package.
    #[error("{location} holds the package {existing}, not {package}")]
    OtherPackage {
        /// The requested package.
        package: PackageName,
        /// The repository.
        location: String,
        /// The package that the artifact names.
        existing: String,
    },
    /// The version is yanked, and the caller did not name this exact version.
    #[error("the version in {location} is yanked")]
    Yanked {
        /// The repository.
        location: String,
    },
    /// The version exists with other bytes.
    #[error("{version} exists in {location} and is another component ({existing})")]
    Immutable {
        /// The version.
        version: Box<PackageSpec>,
        /// The repository.
        location: String,
        /// The content digest of the existing version.
        existing: Digest,
    },
    /// The version names something that is no component.
    #[error("{version} exists in {location} and is {what}, not a component")]
    Foreign {
        /// The version.
        version: Box<PackageSpec>,
        /// The repository.
        location: String,
        /// The kind of the manifest.
        what: String,
    },
    /// The version names different manifests in two repositories.
    #[error("{version} is {} in {source_location} and {} in {location}", manifests[0], manifests[1])]
    Differs {
        /// The version.
        version: Box<PackageSpec>,
        /// The manifests in the source and in the destination.
        manifests: Box<[Digest; 2]>,
        /// The source.
        source_location: String,
        /// The destination.
        location: String,
    },
    /// The digest of the artifact differs from the lock file.
    #[error("{version}: the {what} digest differs from the lock file's")]
    NotPinned {
        /// The version.
        version: Box<PackageSpec>,
        /// `content` or `split`.
        what: &'static str,
    },
}

type Rule = fn(&Purpose<'_>, &Facts<'_>) -> Result<(), Refusal>;

const RULES: [Rule; 4] = [pinned_digests, ownership, yank, immutability];

/// Applies every rule, and returns the first refusal.
pub fn accept(purpose: &Purpose<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
    RULES.iter().try_for_each(|rule| rule(purpose, facts))
}

/// Returns whether a tag stands for a version and so must not move.
pub fn is_immutable(tag: &str) -> bool {
    tag_version(tag).is_some()
}

/// A locked version must have the digests in the lock file. The rule accepts a missing split form: the split form of a
/// flat artifact may be added, changed or removed.
fn pinned_digests(purpose: &Purpose<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
    let Purpose::Locked {
        package,
        version,
        content,
        split,
    } = purpose
    else {
        return Ok(());
    };
    let refused = |what| Refusal::NotPinned {
        version: exactly(package, version),
        what,
    };
    let differs = |found: Option<Digest>, pinned| found.is_some_and(|found| found != pinned);
    match split {
        _ if differs(facts.content, *content) => Err(refused("content")),
        Some(split) if differs(facts.split, *split) => Err(refused("split")),
        _ => Ok(()),
    }
}

/// An artifact that names a package belongs to that package only.
fn ownership(purpose: &Purpose<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
    let package = match purpose {
        Purpose::Reference | Purpose::Write { .. } => return Ok(()),
        Purpose::Read { package, .. }
        | Purpose::Locked { package, .. }
        | Purpose::Change { package } => *package,
    };
    let stated = facts
        .annotations
        .and_then(|all| all.get(annotation::PACKAGE));
    match stated {
        Some(existing) if *existing != package.to_string() => Err(Refusal::OtherPackage {
            package: package.clone(),
            location: facts.location.clone(),
            existing: excerpt(existing),
        }),
        _ => Ok(()),
    }
}

/// Only a caller that names the exact version gets a yanked version.
fn yank(purpose: &Purpose<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
    match purpose {
        Purpose::Read {
            is_exact: false, ..
        } if facts.is_yanked => Err(Refusal::Yanked {
            location: facts.location.clone(),
        }),
        _ => Ok(()),
    }
}

/// Refuses to write a version whose tag names `what`, which is no component.
pub(crate) fn foreign(
    package: &PackageName,
    version: &Version,
    location: String,
    what: String,
) -> Refusal {
    let version = exactly(package, version);
    Refusal::Foreign {
        version,
        location,
        what,
    }
}

/// An existing version must not be replaced.
fn immutability(purpose: &Purpose<'_>, facts: &Facts<'_>) -> Result<(), Refusal> {
    let Purpose::Write {
        package,
        version,
        incoming,
        is_forced: false,
    } = purpose
    else {
        return Ok(());
    };
    let version = exactly(package, version);
    let location = facts.location.clone();
    match (incoming, facts.existing) {
        (Incoming::Component(content), Some(existing)) if existing != *content => {
            Err(Refusal::Immutable {
                version,
                location,
                existing,
            })
        }
        (Incoming::Copy { manifest, source }, Some(existing)) if existing != *manifest => {
            Err(Refusal::Differs {
                version,
                manifests: Box::new([*manifest, existing]),
                source_location: (*source).to_owned(),
                location,
            })
        }
        _ => Ok(()),
    }
}

fn exactly(package: &PackageName, version: &Version) -> Box<PackageSpec> {
    Box::new(PackageSpec {
        name: package.clone(),
        requirement: Requirement::Exact(version.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn every_purpose_has_its_own_rules() {
        let package: PackageName = "demo:calc".parse().unwrap();
        let version = Version::new(1, 0, 0);
        let other = Annotations::from([(annotation::PACKAGE.to_owned(), "demo:other".to_owned())]);
        let (package, version) = (&package, &version);
        let read = |is_exact| Purpose::Read { package, is_exact };
        let locked = Purpose::Locked {
            package,
            version,
            content: digest("content"),
            split: Some(digest("split")),
        };
        let write = |incoming, is_forced| Purpose::Write {
            package,
            version,
            incoming,
            is_forced,
        };
        let component = Incoming::Component(digest("content"));
        let copy = Incoming::Copy {
            manifest: digest("manifest"),
            source: "source",
        };
        let purposes = [
            Purpose::Reference,
            read(false),
            read(true),
            locked,
            Purpose::Change { package },
            write(component, false),
            write(component, true),
            write(copy, false),
            write(copy, true),
        ];
        let of_other = Facts {
            annotations: Some(&other),
            ..Facts::default()
        };
        let yanked = Facts {
            is_yanked: true,
            ..Facts::default()
        };
        let changed = Facts {
            existing: Some(digest("existing")),
            ..Facts::default()
        };
        let of_other_content = Facts {
            content: Some(digest("other")),
            split: Some(digest("split")),
            ..Facts::default()
        };
        let of_other_split = Facts {
            content: Some(digest("content")),
            split: Some(digest("other")),
            ..Facts::default()
        };
        for (facts, refused) in [
            (Facts::default(), "........."),
            (of_other, ".oooo...."),
            (yanked, ".y......."),
            (changed, ".....i.d."),
            (of_other_content, "...p....."),
            (of_other_split, "...p....."),
        ] {
            let verdict = |purpose: &Purpose<'_>| match accept(purpose, &facts) {
                Ok(()) => '.',
                Err(Refusal::OtherPackage { .. }) => 'o',
                Err(Refusal::Yanked { .. }) => 'y',
                Err(Refusal::Immutable { .. } | Refusal::Foreign { .. }) => 'i',
                Err(Refusal::Differs { .. }) => 'd',
                Err(Refusal::NotPinned { .. }) => 'p',
            };
            let verdicts: String = purposes.iter().map(verdict).collect();
            assert_eq!(verdicts, refused, "{facts:?}");
        }
        let same = Facts {
            existing: Some(digest("content")),
            ..Facts::default()
        };
        assert_eq!(accept(&write(component, false), &same), Ok(()));
    }
}
