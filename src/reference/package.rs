//! Packages, `namespace:name@version`, and the tags of their versions.
//!
//! Names have the component model's form (kebab-case labels), versions that of semver. A tag cannot contain a `+`, and
//! a version cannot contain a `_`. So `1.0.0+build` has the tag `1.0.0_build`, and every tag can be converted back.

use std::fmt;
use std::str::FromStr;

pub use semver::{Version, VersionReq};
pub use wasm_pkg_common::package::PackageRef as PackageName;

use super::mistake::is_host_with_port;
use super::{MAX_PATH_BYTES, Mistake, ParseReferenceError, is_tag};

/// Namespaces that are prefixes of references, so that no package can have them.
const RESERVED: [&str; 2] = ["oci", "blobs"];

/// The requirement on a package's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// The newest version.
    Newest,
    /// Exactly this version, yanked or not.
    Exact(Version),
    /// This version, unless it is yanked: `=1.0.0`. If it does not exist and has no build metadata, its newest build.
    Equal(Version),
    /// The newest version that matches.
    Matching(VersionReq),
}

impl Requirement {
    /// Returns whether a version meets the requirement. `exists` says which versions exist. For `*`, pre-releases are
    /// allowed; the caller prefers releases. A [`VersionReq`] ignores build metadata, so it does not decide alone.
    pub fn allows(&self, version: &Version, exists: impl Fn(&Version) -> bool) -> bool {
        match self {
            Self::Newest => true,
            Self::Exact(exact) => exact == version,
            Self::Equal(equal) if !equal.build.is_empty() || exists(equal) => equal == version,
            Self::Equal(equal) => equal.cmp_precedence(version).is_eq(),
            // `matches` alone rejects every pre-release for `*`.
            Self::Matching(requirement) => {
                *requirement == VersionReq::STAR || requirement.matches(version)
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("*"),
            Self::Exact(version) => version.fmt(f),
            Self::Equal(version) => write!(f, "={version}"),
            Self::Matching(requirement) => requirement.fmt(f),
        }
    }
}

/// A package and a requirement on its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSpec {
    /// The package.
    pub name: PackageName,
    /// The requirement after the `@`.
    pub requirement: Requirement,
}

impl fmt::Display for PackageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.requirement {
            Requirement::Newest => self.name.fmt(f),
            requirement => write!(f, "{}@{requirement}", self.name),
        }
    }
}

impl FromStr for PackageSpec {
    type Err = ParseReferenceError;

    /// Parses `namespace:name`, with an optional `@` and exact version or requirement (`1`, `1.2`, `^1.2.3`, `=1.2.3`,
    /// `>=1, <3`, `*`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, requirement) = match text.split_once('@') {
            Some((name, requirement)) => (name, Some(requirement)),
            None => (text, None),
        };
        let failed = |reason: String| ParseReferenceError::new(text, "a package", reason);
        match Mistake::of(text) {
            Some(mistake @ Mistake::Login { .. }) => return Err(failed(mistake.to_string())),
            Some(Mistake::NoRepository { host }) => {
                return Err(failed(format!("`{host}` is a host and a port")));
            }
            _ => {}
        }
        let name = parse_name(name).map_err(failed)?;
        let requirement = requirement.map_or(Ok(Requirement::Newest), parse_requirement);
        let requirement = requirement.map_err(failed)?;
        Ok(Self { name, requirement })
    }
}

fn parse_name(text: &str) -> Result<PackageName, String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [namespace, _, ..] if RESERVED.contains(namespace) => {
            return Err(format!("`{namespace}:` is the prefix of a reference"));
        }
        _ if text.contains('/') => return Err("it has a `/`".to_owned()),
        [_, _] => {}
        [_] => return Err("it has no colon, as in `namespace:name`".to_owned()),
        _ => return Err("it has more than one colon".to_owned()),
    }
    // With `/` instead of the colon it is a repository path, so the same limit applies.
    if text.len() > MAX_PATH_BYTES {
        return Err(format!(
            "its name has {} characters, at most {MAX_PATH_BYTES} are allowed",
            text.len()
        ));
    }
    PackageName::from_str(text).map_err(|error| error.to_string())
}

fn parse_requirement(text: &str) -> Result<Requirement, String> {
    if let Ok(version) = Version::parse(text) {
        return Ok(Requirement::Exact(version));
    }
    let equal = text.trim_start().strip_prefix('=').map(str::trim);
    if let Some(Ok(version)) = equal.map(Version::parse) {
        return Ok(Requirement::Equal(version));
    }
    let requirement = VersionReq::parse(text)
        .map_err(|_| format!("`{text}` is neither a version nor a requirement"))?;
    Ok(
        match equal_in(text).filter(|equal| requirement.matches(equal)) {
            Some(equal) => Requirement::Equal(equal),
            None => Requirement::Matching(requirement),
        },
    )
}

/// Returns the one version that a list names by `=`, as in `=1.0.0, <2`. A list that allows it allows nothing else.
fn equal_in(list: &str) -> Option<Version> {
    let parts = list.split(',').map(str::trim);
    let named = parts.filter_map(|part| Version::parse(part.strip_prefix('=')?.trim()).ok());
    let mut named: Vec<Version> = named.collect();
    named.dedup();
    <[Version; 1]>::try_from(named).ok().map(|[equal]| equal)
}

/// Returns whether a text has the form of a package: it has a colon, but not the slash of a reference.
pub fn looks_like_package(text: &str) -> bool {
    let name = text.split('@').next().unwrap_or_default();
    let namespace = name.split_once(':').map(|(namespace, _)| namespace);
    let reserved = |namespace: &str| RESERVED.contains(&namespace);
    !name.contains('/')
        && namespace.is_some_and(|namespace| !reserved(namespace))
        && !is_host_with_port(text)
}

/// Returns the tag of a version, or nothing if the tag would be too long.
pub fn version_tag(version: &Version) -> Option<String> {
    let tag = version.to_string().replace('+', "_");
    is_tag(&tag).then_some(tag)
}

/// Returns the version of a tag, if the tag is one of a version.
pub fn tag_version(tag: &str) -> Option<Version> {
    Version::parse(&tag.replacen('_', "+", 1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_and_written_back() {
        let longest = format!("demo:{}", "a".repeat(250));
        for (text, written) in [
            ("demo:calc", "demo:calc"),
            ("demo:calc@1.2.3", "demo:calc@1.2.3"),
            ("demo:calc@1.2.3-rc.1+b5", "demo:calc@1.2.3-rc.1+b5"),
            ("demo:calc@1", "demo:calc@^1"),
            ("demo:calc@^1.2", "demo:calc@^1.2"),
            ("demo:calc@>=1, <3", "demo:calc@>=1, <3"),
            ("demo:calc@=1.2.3", "demo:calc@=1.2.3"),
            ("demo:calc@= 1.2.3+b.5", "demo:calc@=1.2.3+b.5"),
            ("demo:calc@=1.2", "demo:calc@=1.2"),
            ("demo:calc@*", "demo:calc@*"),
            (&longest, &longest),
        ] {
            let spec: PackageSpec = text.parse().unwrap();
            assert_eq!(spec.to_string(), written);
            assert!(looks_like_package(text), "{text}");
        }
        for bad in [
            "demo",
            "demo:",
            ":calc",
            "Demo:calc",
            "demo:calc@",
            "demo:calc@one",
            "demo:calc@1.2.3.4",
            "demo:ca/lc",
            "demo:9",
            "oci:calc",
            "blobs:calc",
            "demo:a:b",
            "demo:calc:1.0.0",
            "localhost:5000",
            "user:SECRET@ghcr.io/a:1",
            &format!("demo:{}", "a".repeat(251)),
        ] {
            assert!(bad.parse::<PackageSpec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn references_do_not_look_like_packages() {
        for reference in [
            "oci:store",
            "oci:a:1.0",
            "ghcr.io/me/calc:1",
            "calc.wasm",
            "localhost:80/a",
            "localhost:80",
            "[::1]:80",
        ] {
            assert!(!looks_like_package(reference), "{reference}");
        }
    }

    #[test]
    fn versions_and_tags_map_to_each_other() {
        for (version, tag) in [
            ("1.0.0", "1.0.0"),
            ("1.0.0+build.5", "1.0.0_build.5"),
            ("1.0.0-rc.1+a-b", "1.0.0-rc.1_a-b"),
        ] {
            let parsed: Version = version.parse().unwrap();
            assert_eq!(version_tag(&parsed).as_deref(), Some(tag));
            assert_eq!(tag_version(tag), Some(parsed));
        }
        for tag in [
            "latest",
            "v1.0.0",
            "1.0",
            "1.0.0_a_b",
            "sha256-00",
            "01.0.0",
            "_",
        ] {
            assert_eq!(tag_version(tag), None, "{tag}");
        }
        let long = format!("1.0.0+{}", "x".repeat(130)).parse().unwrap();
        assert_eq!(version_tag(&long), None);
    }
}
