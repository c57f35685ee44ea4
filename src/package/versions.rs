//! The versions of a package, and the selection of one.

use std::collections::{BTreeMap, HashSet};

use semver::BuildMetadata;

use super::yank::{YANK_SUFFIX, is_marked};
use super::{Error, yank};
use crate::acceptance::{self, Facts, Purpose, Refusal};
use crate::digest::Digest;
use crate::reference::Name;
use crate::reference::package::{
    PackageName, PackageSpec, Requirement, Version, VersionReq, tag_version, version_tag,
};
use crate::store::{self, Store, StoreKind};

/// The number of versions that an error names if none matches.
const MAX_NEAREST: usize = 4;

/// The prefix of tags that belong to a digest: marks, signatures, lists of referrers.
const DIGEST_TAG: &str = "sha256-";

/// The parsed tags of a package's repository.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    /// Versions and their tags.
    pub versions: BTreeMap<Version, String>,
    /// Manifests with a yank mark. The mark may say that they are not yanked.
    pub marked: HashSet<Digest>,
    /// Tags that are not versions, in the order of the store, without those that belong to a digest.
    pub others: Vec<String>,
}

impl Tags {
    /// Parses the tags of a repository.
    pub fn read(tags: impl IntoIterator<Item = String>) -> Self {
        let mut read = Self::default();
        for tag in tags {
            if let Some(hex) = tag.strip_prefix(DIGEST_TAG) {
                let marked = hex.strip_suffix(YANK_SUFFIX).map(Digest::from_hex);
                read.marked.extend(marked.and_then(Result::ok));
            } else if let Some(version) = tag_version(&tag) {
                read.versions.insert(version, tag);
            } else {
                read.others.push(tag);
            }
        }
        read
    }

    /// Returns whether a version is yanked, by its manifest.
    pub async fn is_yanked(&self, store: &dyn Store, manifest: &Digest) -> Result<bool, Error> {
        Ok(self.marked.contains(manifest) && is_marked(store, manifest).await?)
    }

    /// Returns the versions that meet the requirement, the best first. If the newest is wanted, releases come before
    /// pre-releases.
    fn candidates(&self, requirement: &Requirement) -> Vec<(&Version, &str)> {
        let newest_first = self.versions.iter().rev();
        let newest_first = newest_first.map(|(version, tag)| (version, tag.as_str()));
        let allowed = newest_first.filter(|(version, _)| {
            requirement.allows(version, |other| self.versions.contains_key(other))
        });
        match requirement {
            Requirement::Matching(requirement) if *requirement != VersionReq::STAR => {
                allowed.collect()
            }
            Requirement::Exact(_) | Requirement::Equal(_) => allowed.collect(),
            Requirement::Matching(_) | Requirement::Newest => {
                let (releases, others): (Vec<_>, Vec<_>) =
                    allowed.partition(|(version, _)| version.pre.is_empty());
                releases.into_iter().chain(others).collect()
            }
        }
    }

    /// Returns the versions next to the wanted one, and the newest.
    fn nearest(&self, requirement: &Requirement) -> Vec<Version> {
        let pivot = match requirement {
            Requirement::Exact(version) | Requirement::Equal(version) => Some(version.clone()),
            Requirement::Matching(requirement) => requirement.comparators.first().map(|first| {
                let (minor, patch) = (first.minor.unwrap_or(0), first.patch.unwrap_or(0));
                Version::new(first.major, minor, patch)
            }),
            Requirement::Newest => None,
        };
        let mut nearest = Vec::new();
        if let Some(pivot) = pivot {
            // The version itself is nearer than its other builds.
            let release = Version {
                build: BuildMetadata::EMPTY,
                ..pivot.clone()
            };
            let release = self.versions.get_key_value(&release);
            let older = 2 - usize::from(release.is_some());
            nearest.extend(release);
            nearest.extend(self.versions.range(..&pivot).rev().take(older));
            nearest.extend(self.versions.range(&pivot..).take(1));
        }
        nearest.extend(self.versions.last_key_value());
        let mut versions: Vec<Version> = nearest
            .into_iter()
            .map(|(version, _)| version.clone())
            .collect();
        versions.sort();
        versions.dedup();
        versions.truncate(MAX_NEAREST);
        versions
    }
}

/// A selected version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedVersion {
    /// The version.
    pub version: Version,
    /// Its tag.
    pub tag: String,
    /// The manifest that the tag names.
    pub digest: Digest,
    /// Whether it is yanked. Checked only if that affects the selection.
    pub yanked: bool,
}

/// Reads the tags of a package's repository.
pub async fn tags(store: &dyn Store, package: &PackageName) -> Result<Tags, Error> {
    let unknown = || Error::Unknown {
        package: package.clone(),
        location: store.location(),
        is_offline: store.kind() == StoreKind::Offline,
    };
    let tags = match store.tags().await {
        Ok(tags) => Tags::read(tags),
        Err(store::Error::NotFound { .. }) => return Err(unknown()),
        Err(error) => return Err(error.into()),
    };
    match tags.versions.is_empty() {
        true => Err(unknown()),
        false => Ok(tags),
    }
}

/// Selects a version. A yanked version is selected only by an exact version.
pub async fn resolve(store: &dyn Store, spec: &PackageSpec) -> Result<ResolvedVersion, Error> {
    if let Requirement::Exact(version) = &spec.requirement {
        return resolve_exact(store, spec, version).await;
    }
    let tags = tags(store, &spec.name).await?;
    let purpose = Purpose::Read {
        package: &spec.name,
        is_exact: false,
    };
    let mut yanked = 0;
    for (version, tag) in tags.candidates(&spec.requirement) {
        let digest = match store.manifest(&Name::Tag(tag.to_owned())).await {
            Err(store::Error::NotFound { .. }) => return Err(lost_version(store, spec, version)),
            manifest => manifest?.digest,
        };
        let facts = Facts {
            is_yanked: tags.is_yanked(store, &digest).await?,
            ..Facts::default()
        };
        match acceptance::accept(&purpose, &facts) {
            Err(Refusal::Yanked { .. }) => {
                yanked += 1;
                continue;
            }
            accepted => accepted?,
        }
        return Ok(ResolvedVersion {
            version: version.clone(),
            tag: tag.to_owned(),
            digest,
            yanked: false,
        });
    }
    Err(no_version(store, spec, &tags, yanked))
}

async fn resolve_exact(
    store: &dyn Store,
    spec: &PackageSpec,
    version: &Version,
) -> Result<ResolvedVersion, Error> {
    let tag = version_tag(version).ok_or_else(|| Error::LongVersion {
        version: version.clone(),
    })?;
    match store.manifest(&Name::Tag(tag.clone())).await {
        Ok(manifest) => Ok(ResolvedVersion {
            version: version.clone(),
            tag,
            yanked: yank::is_yanked(store, &manifest.digest).await?,
            digest: manifest.digest,
        }),
        Err(store::Error::NotFound { .. }) => {
            let tags = tags(store, &spec.name).await?;
            match tags.versions.contains_key(version) {
                true => Err(lost_version(store, spec, version)),
                false => Err(no_version(store, spec, &tags, 0)),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn lost_version(store: &dyn Store, spec: &PackageSpec, version: &Version) -> Error {
    Error::Lost {
        package: spec.name.clone(),
        version: Box::new(version.clone()),
        location: store.location(),
        is_offline: store.kind() == StoreKind::Offline,
    }
}

pub(super) fn no_version(
    store: &dyn Store,
    spec: &PackageSpec,
    tags: &Tags,
    yanked: usize,
) -> Error {
    Error::NoVersion {
        spec: Box::new(spec.clone()),
        location: store.location(),
        nearest: tags.nearest(&spec.requirement),
        yanked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tags: &[&str]) -> Tags {
        Tags::read(tags.iter().map(|tag| (*tag).to_owned()))
    }

    fn requirement(text: &str) -> Requirement {
        let spec: PackageSpec = format!("a:b{text}").parse().unwrap();
        spec.requirement
    }

    #[test]
    fn tags_are_versions_marks_and_others() {
        let hex = Digest::of(b"").hex();
        let yank = format!("sha256-{hex}.yank");
        let tags = read(&[
            "latest",
            "1.0.0",
            &yank,
            "1.0.0_b",
            "v2",
            &format!("sha256-{hex}"),
            &format!("sha256-{hex}.sig"),
            "sha256-x.yank",
        ]);
        let versions: Vec<String> = tags.versions.keys().map(Version::to_string).collect();
        assert_eq!(versions, ["1.0.0", "1.0.0+b"]);
        assert_eq!(tags.versions.values().last().unwrap(), "1.0.0_b");
        assert!(tags.marked.contains(&Digest::of(b"")) && tags.marked.len() == 1);
        assert_eq!(tags.others, ["latest", "v2"]);
    }

    #[test]
    fn the_newest_match_comes_first() {
        let tags = read(&["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "0.9.0", "0.9.1"]);
        for (text, expected) in [
            (
                "",
                vec!["1.10.0", "1.2.0", "1.0.0", "0.9.1", "0.9.0", "2.0.0-rc.1"],
            ),
            (
                "@*",
                vec!["1.10.0", "1.2.0", "1.0.0", "0.9.1", "0.9.0", "2.0.0-rc.1"],
            ),
            ("@^1", vec!["1.10.0", "1.2.0", "1.0.0"]),
            ("@1.2", vec!["1.10.0", "1.2.0"]),
            ("@~0.9", vec!["0.9.1", "0.9.0"]),
            ("@>=1, <1.5", vec!["1.2.0", "1.0.0"]),
            ("@2.0.0-rc.1", vec!["2.0.0-rc.1"]),
            ("@^2.0.0-rc.1", vec!["2.0.0-rc.1"]),
            ("@1.0.1", vec![]),
        ] {
            let requirement = requirement(text);
            let found = tags.candidates(&requirement);
            let found: Vec<String> = found
                .iter()
                .map(|(version, _)| version.to_string())
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn build_metadata_is_part_of_an_equal_version() {
        let tags = [
            "1.0.0",
            "1.0.0_build.7",
            "1.0.0_build.8",
            "1.1.0_a",
            "1.1.0_b",
        ];
        let tags = read(&tags);
        for (text, expected) in [
            ("@=1.0.0", vec!["1.0.0"]),
            ("@= 1.0.0", vec!["1.0.0"]),
            ("@=1.0.0+build.7", vec!["1.0.0+build.7"]),
            ("@=1.0.0+build.9", vec![]),
            ("@=1.0.0, <2", vec!["1.0.0"]),
            ("@>=1, = 1.0.0", vec!["1.0.0"]),
            ("@=1.0.0+build.7, <2", vec!["1.0.0+build.7"]),
            ("@=1.0.0, =1.0.0", vec!["1.0.0"]),
            ("@=1.1.0, <2", vec!["1.1.0+b", "1.1.0+a"]),
            ("@=1.0.0, >1", vec![]),
            ("@=1.0.0, =1.1.0", vec![]),
            ("@1.0.0+build.7", vec!["1.0.0+build.7"]),
            ("@=1.1.0", vec!["1.1.0+b", "1.1.0+a"]),
            ("@=1.1", vec!["1.1.0+b", "1.1.0+a"]),
        ] {
            let requirement = requirement(text);
            let found = tags.candidates(&requirement).into_iter();
            let found: Vec<String> = found.map(|(version, _)| version.to_string()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_version_without_a_build_is_near_a_missing_build() {
        let tags = read(&["0.9.0", "1.0.0", "1.0.0_b.7", "1.0.0_b.8", "1.1.0", "2.0.0"]);
        for text in ["@=1.0.0+b.9", "@1.0.0+b.9", "@=1.0.0+b.9, <2"] {
            let nearest = tags.nearest(&requirement(text));
            let nearest: Vec<String> = nearest.iter().map(Version::to_string).collect();
            assert_eq!(nearest, ["1.0.0", "1.0.0+b.8", "1.1.0", "2.0.0"], "{text}");
        }
    }

    #[test]
    fn the_nearest_versions_are_named() {
        let tags = read(&["1.0.0", "1.2.0", "1.4.0", "2.0.0", "3.0.0"]);
        for (text, expected) in [
            ("@1.3.0", vec!["1.0.0", "1.2.0", "1.4.0", "3.0.0"]),
            ("@^4", vec!["2.0.0", "3.0.0"]),
            ("@0.1.0", vec!["1.0.0", "3.0.0"]),
            ("@=1.4.5", vec!["1.2.0", "1.4.0", "2.0.0", "3.0.0"]),
        ] {
            let nearest = tags.nearest(&requirement(text));
            let nearest: Vec<String> = nearest.iter().map(Version::to_string).collect();
            assert_eq!(nearest, expected, "{text}");
        }
    }
}
