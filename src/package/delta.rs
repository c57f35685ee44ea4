//! Deltas between the versions of a package.

use std::collections::BTreeMap;

use super::Error;
use super::connect::open_component;
use super::versions::Tags;
use crate::push::{DeltaOutcome, DeltaTarget};
use crate::reference::Name;
use crate::reference::package::Version;

/// The maximum number of versions that are opened to find one that a delta can be made from.
const MAX_OPENED: usize = 8;

/// The lower versions that deltas to a version are made from. Yanked versions and those without a split form are left
/// out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaSources {
    /// The highest lower version, and the highest one with a lower minor or major number. Pre-releases only if the
    /// version is one.
    Nearest,
    /// All lower versions.
    All,
}

/// The result for one lower version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionOutcome {
    /// The version is a source.
    Source(DeltaOutcome),
    /// The version is yanked.
    Yanked,
    /// The version has no split form.
    Unsplit,
}

/// Attaches deltas from lower versions of the package to the artifact of `version`. Calls `done` for each version that
/// was opened. A source that fails does not stop the others.
pub async fn attach_deltas(
    target: &DeltaTarget<'_>,
    version: &Version,
    sources: DeltaSources,
    mut done: impl FnMut(&Version, Result<VersionOutcome, Error>),
) -> Result<(), Error> {
    let tags = Tags::read(target.store.tags().await?);
    let mut opened = BTreeMap::new();
    for candidates in candidates(&tags, version, sources) {
        for (old, tag) in candidates.into_iter().take(MAX_OPENED) {
            let is_usable = match opened.get(old) {
                Some(is_usable) => *is_usable,
                None => {
                    let attached = attach_from(target, &tags, tag).await;
                    let is_usable = matches!(attached, Err(_) | Ok(VersionOutcome::Source(_)));
                    done(old, attached);
                    opened.insert(old, is_usable);
                    is_usable
                }
            };
            if is_usable {
                break;
            }
        }
    }
    Ok(())
}

/// Attaches the delta from one version, if it can be a source.
async fn attach_from(
    target: &DeltaTarget<'_>,
    tags: &Tags,
    tag: &str,
) -> Result<VersionOutcome, Error> {
    let (store, name) = (target.store, Name::Tag(tag.to_owned()));
    let Some(opened) = open_component(store, target.session, &name).await? else {
        return Ok(VersionOutcome::Unsplit);
    };
    match opened.split() {
        Some(_) if tags.is_yanked(store, &opened.digest).await? => Ok(VersionOutcome::Yanked),
        Some(old) => Ok(VersionOutcome::Source(
            target.attach_delta(store, old).await?,
        )),
        None => Ok(VersionOutcome::Unsplit),
    }
}

/// Returns a list of candidates for each delta, the best first. A version may be in several lists.
fn candidates<'a>(
    tags: &'a Tags,
    version: &Version,
    sources: DeltaSources,
) -> Vec<Vec<(&'a Version, &'a str)>> {
    let lower = tags.versions.range(..version).rev();
    let lower = lower.map(|(old, tag)| (old, tag.as_str()));
    if sources == DeltaSources::All {
        return lower.map(|old| vec![old]).collect();
    }
    let is_allowed = |old: &Version| old.pre.is_empty() || !version.pre.is_empty();
    let lower: Vec<_> = lower.filter(|(old, _)| is_allowed(old)).collect();
    let minor = |version: &Version| (version.major, version.minor);
    let earlier = lower.iter().filter(|(old, _)| minor(old) < minor(version));
    let earlier = earlier.copied().collect();
    vec![lower, earlier]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_lower_versions_with_the_highest_first() {
        let versions = [
            "1.2.9",
            "1.3.0",
            "1.3.7",
            "1.4.0-rc.1",
            "1.4.0",
            "1.4.1",
            "1.4.3",
            "2.0.0",
        ];
        let tags = Tags::read(versions.map(str::to_owned));
        for (version, sources, expected) in [
            (
                "1.4.2",
                DeltaSources::Nearest,
                &[
                    &["1.4.1", "1.4.0", "1.3.7", "1.3.0", "1.2.9"][..],
                    &["1.3.7", "1.3.0", "1.2.9"],
                ][..],
            ),
            (
                "1.4.0",
                DeltaSources::Nearest,
                &[&["1.3.7", "1.3.0", "1.2.9"], &["1.3.7", "1.3.0", "1.2.9"]],
            ),
            (
                "1.4.0-rc.2",
                DeltaSources::Nearest,
                &[
                    &["1.4.0-rc.1", "1.3.7", "1.3.0", "1.2.9"],
                    &["1.3.7", "1.3.0", "1.2.9"],
                ],
            ),
            ("1.2.9", DeltaSources::Nearest, &[&[], &[]]),
            (
                "1.4.0",
                DeltaSources::All,
                &[&["1.4.0-rc.1"], &["1.3.7"], &["1.3.0"], &["1.2.9"]],
            ),
        ] {
            let parsed = version.parse().unwrap();
            let found: Vec<Vec<&str>> = candidates(&tags, &parsed, sources)
                .iter()
                .map(|list| list.iter().map(|(_, tag)| *tag).collect())
                .collect();
            assert_eq!(found, expected, "{version} {sources:?}");
        }
    }
}
