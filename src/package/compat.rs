//! Compares a version with its neighbours: a newer version that semver calls compatible may replace an older one.
//!
//! Only the roots of the nearest older and the nearest newer version are read. A requirement such as `^1.2.0` may
//! resolve to any version in the range, so each must be a replacement for the one before.

use std::sync::Arc;

use super::connect::open_component;
use super::publication::Publisher;
use super::{Error, Tags};
use crate::fits::{self, Verdict};
use crate::manifest::Os;
use crate::pull::{self, OpenArtifact};
use crate::reference::Name;
use crate::reference::package::Version;
use crate::source::Source;
use crate::store::blocking;
use crate::world::MAX_DECODED_BYTES;

/// A pair of versions that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncomparedVersion {
    /// The existing version.
    pub neighbour: Version,
    /// The reason.
    pub reason: String,
}

impl<S: Source + Send + 'static> Publisher<'_, S> {
    /// Checks that the component may replace the nearest older version that semver calls compatible, and that the
    /// nearest newer one may replace it. Yanked versions and pre-releases are ignored, and a pre-release is not
    /// compared.
    ///
    /// Returns the versions that could not be compared, because they have no WIT or are not components. Fails with
    /// [`Error::Incompatible`].
    pub(super) async fn compare(
        &self,
        tags: Option<Tags>,
    ) -> Result<Vec<UncomparedVersion>, Error> {
        let tags = match tags {
            Some(tags) => tags,
            None => Tags::read(self.store.tags().await?),
        };
        let version = &self.publication.version;
        let neighbours = self.neighbours(&tags).await?;
        let mut uncompared = Vec::new();
        if neighbours.is_empty() {
            return Ok(uncompared);
        }
        let own = Arc::clone(self.component);
        let own =
            blocking(move || Ok::<_, Error>(own.stub().map_err(|error| error.to_string()))).await?;
        for (neighbour, opened) in neighbours {
            let is_newer = neighbour > *version;
            let reason = match (&own, self.stub_of(&opened).await?) {
                (Ok(own), Ok(other)) => match verdict(own.clone(), other, is_newer).await? {
                    Ok(verdict) if verdict.fits() => continue,
                    Ok(verdict) => {
                        return Err(Error::Incompatible {
                            publication: Box::new(self.publication.clone()),
                            location: self.store.location(),
                            neighbour: Box::new(neighbour),
                            verdict: Box::new(verdict),
                        });
                    }
                    Err(error) => error.to_string(),
                },
                (Err(reason), _) => reason.clone(),
                (_, Err(reason)) => reason,
            };
            uncompared.push(UncomparedVersion { neighbour, reason });
        }
        Ok(uncompared)
    }

    /// Opens the nearest older and the nearest newer version that is not ignored.
    async fn neighbours(&self, tags: &Tags) -> Result<Vec<(Version, OpenArtifact)>, Error> {
        let (older, newer) = candidates(tags, &self.publication.version);
        let mut neighbours = Vec::new();
        for candidates in [older, newer] {
            for (version, tag) in candidates {
                let name = Name::Tag(tag.to_owned());
                if let Some(opened) = open_component(self.store, self.session, &name).await?
                    && !tags.is_yanked(self.store, &opened.digest).await?
                {
                    neighbours.push((version.clone(), opened));
                    break;
                }
            }
        }
        Ok(neighbours)
    }

    /// Returns the stub of an existing version, or the reason why there is none.
    async fn stub_of(&self, opened: &OpenArtifact) -> Result<Result<Vec<u8>, String>, Error> {
        if opened
            .split()
            .is_some_and(|split| split.config.os == Os::Wasip1)
        {
            return Ok(Err("a core module has no WIT".to_owned()));
        }
        let size = opened.content().size;
        if opened.split().is_none() && size > MAX_DECODED_BYTES as u64 {
            return Ok(Err(format!(
                "its one layer is larger than {MAX_DECODED_BYTES} bytes, the limit for a comparison"
            )));
        }
        match pull::stub_of(self.store, opened, self.session).await {
            Ok((stub, _)) => Ok(Ok(stub)),
            Err(crate::error::Error::Stub(error)) => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

async fn verdict(
    own: Vec<u8>,
    other: Vec<u8>,
    is_newer: bool,
) -> Result<Result<Verdict, fits::Error>, Error> {
    blocking(move || {
        Ok(match is_newer {
            true => fits::upgrade(&own, &other),
            false => fits::upgrade(&other, &own),
        })
    })
    .await
}

/// Versions and their tags, the nearest first.
type Candidates<'a> = Vec<(&'a Version, &'a str)>;

/// Returns the older and the newer versions that semver calls compatible.
fn candidates<'a>(tags: &'a Tags, version: &Version) -> (Candidates<'a>, Candidates<'a>) {
    let counts = |other: &Version| {
        let is_release = other.pre.is_empty() && version.pre.is_empty();
        is_release && range(other) == range(version)
    };
    let all = tags.versions.iter();
    let all = all.filter(|(other, _)| counts(other) && *other != version);
    let all = all.map(|(other, tag)| (other, tag.as_str()));
    let (mut older, newer): (Vec<_>, Vec<_>) = all.partition(|(other, _)| *other < version);
    older.reverse();
    (older, newer)
}

/// Returns the part that compatible versions share: the numbers up to the first that is not 0.
fn range(version: &Version) -> (u64, u64, u64) {
    match (version.major, version.minor, version.patch) {
        (0, 0, patch) => (0, 0, patch),
        (0, minor, _) => (0, minor, 0),
        (major, ..) => (major, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_compatible_releases_and_the_nearest_come_first() {
        let versions = [
            "0.0.1",
            "0.0.2",
            "0.1.0",
            "0.1.1",
            "0.1.3",
            "0.2.0",
            "1.0.0",
            "1.1.0",
            "1.2.0-rc.1",
            "1.3.0",
            "2.0.0",
        ];
        let tags = Tags::read(versions.map(str::to_owned));
        for (version, older, newer) in [
            ("1.2.0", vec!["1.1.0", "1.0.0"], vec!["1.3.0"]),
            ("1.3.0", vec!["1.1.0", "1.0.0"], vec![]),
            ("1.3.0+b", vec!["1.3.0", "1.1.0", "1.0.0"], vec![]),
            ("0.1.2", vec!["0.1.1", "0.1.0"], vec!["0.1.3"]),
            ("0.2.5", vec!["0.2.0"], vec![]),
            ("0.0.3", vec![], vec![]),
            ("1.2.0-rc.2", vec![], vec![]),
            ("3.0.0", vec![], vec![]),
        ] {
            let parsed = version.parse().unwrap();
            let (found_older, found_newer) = candidates(&tags, &parsed);
            let tags = |found: Candidates| {
                found
                    .iter()
                    .map(|(_, tag)| (*tag).to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(tags(found_older), older, "{version}");
            assert_eq!(tags(found_newer), newer, "{version}");
        }
    }
}
