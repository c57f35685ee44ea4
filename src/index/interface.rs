//! Interface names: patterns, matching and similar names. Pure.
//!
//! A name stands here as it does in the imports and exports of the file:
//! <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Explainer.md#import-and-export-definitions>.

use std::fmt;
use std::str::FromStr;

use crate::reference::package::{Version, VersionReq};

/// How many similar names are suggested for an unknown one.
pub const MAX_NEAREST: usize = 5;

/// Splits a name into path and version: `wasi:http/types` and `0.2.0`. The path is the whole name if there is no
/// version, or if the name is not an interface's.
pub fn split_version(name: &str) -> (&str, Option<NameVersion>) {
    if let Some((path, version)) = name.rsplit_once('@')
        && is_interface(path)
        && let Some(version) = NameVersion::parse(version)
    {
        return (path, Some(version));
    }
    (name, None)
}

/// The version in a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameVersion {
    /// The version. If the name has only the beginning of one, this is the first version that begins so.
    first: Version,
    /// Whether the name has a whole version, and not only the beginning of one, such as `0.2`.
    is_whole: bool,
}

impl NameVersion {
    fn parse(text: &str) -> Option<Self> {
        let endings = ["", ".0", ".0.0"];
        endings.iter().find_map(|ending| {
            let first = Version::parse(&format!("{text}{ending}")).ok()?;
            let is_whole = ending.is_empty();
            Some(Self { first, is_whole })
        })
    }
}

/// Returns whether a name is `namespace:package/interface`. Functions and types have other names.
fn is_interface(path: &str) -> bool {
    path.split_once(':')
        .is_some_and(|(_, rest)| rest.contains('/'))
}

/// The versions that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum VersionPattern {
    Any,
    Exact(Version),
    Matching(VersionReq),
}

/// A pattern for the names of imports and exports: an interface with its wanted versions, or a plain name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    path: String,
    wanted: VersionPattern,
}

/// The error for a text that is not the name of an interface.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an interface: {reason}")]
pub struct ParsePatternError {
    /// The text.
    pub text: String,
    /// The defect.
    pub reason: String,
}

impl FromStr for Pattern {
    type Err = ParsePatternError;

    /// Parses a name. The part after `@` is a whole version, which matches only itself. It can also be the
    /// beginning of one: `0.2` matches `0.2.x`. Or it is a requirement with an operator: `^1.2`, `>=0.2.1, <0.3`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let failed = |reason: String| ParsePatternError {
            text: text.to_owned(),
            reason,
        };
        let (path, version) = match text.rsplit_once('@') {
            Some((path, version)) if is_interface(path) => (path, Some(version)),
            _ => (text, None),
        };
        if path.is_empty() || path.chars().any(char::is_whitespace) {
            return Err(failed("a name must be one word".to_owned()));
        }
        let wanted = version.map_or(Ok(VersionPattern::Any), parse_version_pattern);
        Ok(Self {
            text: text.to_owned(),
            path: path.to_owned(),
            wanted: wanted.map_err(|error| failed(error.to_string()))?,
        })
    }
}

fn parse_version_pattern(version: &str) -> Result<VersionPattern, semver::Error> {
    if let Ok(exact) = Version::parse(version) {
        return Ok(VersionPattern::Exact(exact));
    }
    let begins = version.starts_with(|first: char| first.is_ascii_digit());
    let requirement = match begins && !version.contains([',', '*', 'x', 'X']) {
        // The beginning of a version is not a cargo requirement: `1.2` does not match `1.3`.
        true => VersionReq::parse(&format!("~{version}")),
        false => VersionReq::parse(version),
    };
    requirement.map(VersionPattern::Matching)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Returns a pattern for a name and all versions that semver calls compatible with it, older ones included.
    /// Only the types decide which of two versions fits the other.
    pub fn compatible_with(name: &str) -> Self {
        let (path, version) = split_version(name);
        let version = version.map(|version| version.first);
        let matching = |range: String| {
            VersionReq::parse(&range).map_or(VersionPattern::Any, VersionPattern::Matching)
        };
        let wanted = match version {
            Some(version) if !version.pre.is_empty() => VersionPattern::Exact(version),
            None
            | Some(Version {
                major: 0, minor: 0, ..
            }) => VersionPattern::Any,
            Some(Version {
                major: 0, minor, ..
            }) => matching(format!("~0.{minor}")),
            Some(Version { major, .. }) => matching(format!("~{major}")),
        };
        Self {
            text: name.to_owned(),
            path: path.to_owned(),
            wanted,
        }
    }

    /// Returns the name without its version.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether this matches an import or export with this name that stands for this interface. The name
    /// itself counts only if its path differs from the interface's.
    pub fn matches_extern(&self, name: &str, interface: &str) -> bool {
        let is_named = || split_version(name).0 != split_version(interface).0;
        self.matches(interface) || is_named() && self.matches(name)
    }

    fn matches(&self, name: &str) -> bool {
        let (path, version) = split_version(name);
        path == self.path
            && match (&self.wanted, version) {
                (VersionPattern::Any, _) => true,
                (_, None) => false,
                (VersionPattern::Exact(wanted), Some(version)) => {
                    version.is_whole && *wanted == version.first
                }
                (VersionPattern::Matching(wanted), Some(version)) => wanted.matches(&version.first),
            }
    }

    /// Returns the most similar known names, the nearest first: other versions of the same interface, then names
    /// with a similar spelling or the same beginning.
    pub fn nearest<'a>(&self, known: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut near: Vec<(usize, &str)> = known
            .filter_map(|name| Some((self.distance(name)?, name)))
            .collect();
        near.sort();
        near.dedup();
        let names = near.into_iter().take(MAX_NEAREST);
        names.map(|(_, name)| name.to_owned()).collect()
    }

    /// Returns the distance of a known name from this one. Returns nothing if it is too far.
    fn distance(&self, name: &str) -> Option<usize> {
        let (path, _) = split_version(name);
        if path == self.path {
            return Some(0);
        }
        // Users often leave out the package or the interface.
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        if path.starts_with(&self.path) || last(path) == last(&self.path) {
            return Some(1);
        }
        let most = 2 + self.path.chars().count() / 5;
        let distance = strsim::levenshtein(&self.path, path);
        (distance <= most).then_some(1 + distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn versions_match_by_semver_rules() {
        let http = |version: &str| match version {
            "" => "wasi:http/handler".to_owned(),
            version => format!("wasi:http/handler@{version}"),
        };
        for (wanted, matched, not) in [
            ("", vec!["", "0.2.0", "1.0.0-rc.1"], vec![]),
            (
                "0.2",
                vec!["0.2.0", "0.2.11"],
                vec!["", "0.3.0", "0.1.2", "0.2.0-rc.1"],
            ),
            ("0.2.x", vec!["0.2.0"], vec!["0.3.0"]),
            ("0", vec!["0.2.0", "0.3.0"], vec!["1.0.0"]),
            ("1.2", vec!["1.2.7"], vec!["1.3.0", "1.1.9"]),
            ("1", vec!["1.2.7", "1.0.0"], vec!["2.0.0"]),
            ("0.2.1", vec!["0.2.1"], vec!["0.2.2", "0.2.0", ""]),
            (
                "0.2.0-rc-2023-11-10",
                vec!["0.2.0-rc-2023-11-10"],
                vec!["0.2.0", "0.2.0-rc-2023-12-05"],
            ),
            ("^1.2", vec!["1.2.0", "1.9.0"], vec!["1.1.0", "2.0.0"]),
            (
                ">=0.2.1, <0.2.4",
                vec!["0.2.1", "0.2.3"],
                vec!["0.2.0", "0.2.4"],
            ),
        ] {
            let wanted = pattern(&http(wanted));
            for version in matched {
                assert!(wanted.matches(&http(version)), "{wanted} {version}");
            }
            for version in not {
                assert!(!wanted.matches(&http(version)), "{wanted} {version}");
            }
            assert!(!wanted.matches("wasi:http/types@0.2.0"), "{wanted}");
        }
    }

    #[test]
    fn a_version_prefix_is_not_a_whole_version() {
        let http = |version: &str| pattern(&format!("wasi:http/types{version}"));
        for wanted in ["", "@0.2", "@^0.2.0", "@<0.2.6"] {
            assert!(http(wanted).matches("wasi:http/types@0.2"), "{wanted}");
        }
        for not in ["@0.2.0", "@0.2.6", "@^0.2.1", "@0.3"] {
            assert!(!http(not).matches("wasi:http/types@0.2"), "{not}");
        }
        assert!(http("@1").matches("wasi:http/types@1"));
        assert!(!http("@1.0.0").matches("wasi:http/types@1"));
        for none in ["a:b/c@1.0-rc", "a:b/c@", "a:b/c@0.2.x", "a:b/c@1.2.3.4"] {
            assert_eq!(split_version(none), (none, None));
        }
    }

    #[test]
    fn a_name_counts_beside_the_interface_only_if_it_is_another_one() {
        let primary = |wanted: &str| pattern(wanted).matches_extern("primary", "a:b/c@1.3.0");
        assert!(primary("primary") && primary("a:b/c") && !primary("a:b/d"));
        // The version suffix counts too.
        let beginning = |wanted: &str| pattern(wanted).matches_extern("a:b/c@1", "a:b/c@1.3.0");
        assert!(beginning("a:b/c@1.3.0") && !beginning("a:b/c@<1.3.0"));
    }

    #[test]
    fn compatible_versions_match() {
        for (name, matched, not) in [
            (
                "a:b/c@0.2.3",
                vec!["a:b/c@0.2.0", "a:b/c@0.2.9"],
                "a:b/c@0.3.0",
            ),
            (
                "a:b/c@1.2.3",
                vec!["a:b/c@1.0.0", "a:b/c@1.9.0"],
                "a:b/c@2.0.0",
            ),
            ("a:b/c@1.0.0-rc.1", vec!["a:b/c@1.0.0-rc.1"], "a:b/c@1.0.0"),
            ("a:b/c", vec!["a:b/c"], "a:b/d"),
            ("run", vec!["run"], "ran"),
        ] {
            let pattern = Pattern::compatible_with(name);
            assert!(matched.iter().all(|other| pattern.matches(other)), "{name}");
            assert!(!pattern.matches(not), "{name}");
        }
    }

    #[test]
    fn plain_names_match_only_themselves() {
        for name in ["run", "wasi_snapshot_preview1", "[method]a.b", "_start"] {
            assert!(pattern(name).matches(name));
            assert!(!pattern(name).matches("other"));
        }
        assert!(pattern("a@b").matches("a@b"));
        assert_eq!(split_version("run@1.0.0"), ("run@1.0.0", None));
    }

    #[test]
    fn invalid_interface_names_are_refused() {
        for bad in [
            "",
            "a b",
            "a:b/c@",
            "a:b/c@v1",
            "a:b/c@1.2.3.4",
            "a:b/c@0.2.x.y",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_nearest_names_are_offered() {
        let known = [
            "wasi:http/incoming-handler@0.2.0",
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:http/types@0.2.0",
            "wasi:cli/run@0.2.0",
            "run",
        ];
        for (text, nearest) in [
            (
                "wasi:http/incoming-handler@0.3",
                vec![
                    "wasi:http/incoming-handler@0.2.0",
                    "wasi:http/outgoing-handler@0.2.0",
                ],
            ),
            (
                "wasi:http/incomming-handler",
                vec![
                    "wasi:http/incoming-handler@0.2.0",
                    "wasi:http/outgoing-handler@0.2.0",
                ],
            ),
            (
                "wasi:http",
                vec![
                    "wasi:http/incoming-handler@0.2.0",
                    "wasi:http/outgoing-handler@0.2.0",
                    "wasi:http/types@0.2.0",
                ],
            ),
            ("types", vec!["wasi:http/types@0.2.0"]),
            ("rum", vec!["run"]),
            ("something:else/entirely", vec![]),
        ] {
            assert_eq!(pattern(text).nearest(known.into_iter()), nearest, "{text}");
        }
    }
}
